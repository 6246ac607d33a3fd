"""One-way transports: a pipe, an open file, and a file that appears under its name when complete."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat

from pyspapr.errors import MigrationError, StateError
from pyspapr.host.paths import check_regular
from pyspapr.migration.descriptor_guard import READ, WRITE, Closed, DescriptorGuard
from pyspapr.migration.patience import Patience
from pyspapr.migration.replacement import Replacement
from pyspapr.migration.transport import PIECE, Indirect


def check_sink(fd: int) -> bool:
    """Whether `fd` is a regular file, which is to be synced; else it is a pipe. Raises OSError for anything else.

    Data written to a device, or to a pipe without a reader, is lost: the source would give up its guest for nothing.
    """
    mode = os.fstat(fd).st_mode
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "it is open for reading only")
    if stat.S_ISFIFO(mode):
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        if any(events & select.POLLERR for _, events in poll.poll(0)):
            raise OSError(errno.EPIPE, "nobody reads from the pipe")
        return False
    check_regular(mode)
    return True


class DescriptorTransport(Indirect):
    """A pipe or an open file: one-way."""

    two_way = False

    def __init__(self, fd: int, *, regular: bool = False) -> None:
        """Take over `fd`; `regular` says that it is a file, to be written in large pieces and synced."""
        self._regular = regular
        self.patience = Patience()
        self._fd = fd
        self._guard = DescriptorGuard(lambda: os.close(fd))

    def _lost(self, doing: str, error: Exception) -> MigrationError:
        if self._guard.closed:
            return MigrationError("the descriptor was closed on this side")
        return MigrationError(f"{doing} the descriptor failed: {error}")

    def read(self, limit: int) -> bytes:
        try:
            with self._guard:
                if not self._guard.wait(self._fd, READ, self.patience.wait(self.patience.read)):
                    raise self.patience.lost(reading=True)
                return os.read(self._fd, min(limit, PIECE))
        except (Closed, OSError) as error:
            raise self._lost("reading", error) from error

    def quiet(self, seconds: float = 0) -> bool:
        return True

    def hung_up(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        """Write everything, in pieces that a pipe takes without blocking once it is writable."""
        view = memoryview(data)
        try:
            with self._guard:
                while view:
                    if not self._guard.wait(self._fd, WRITE, self.patience.wait(self.patience.write)):
                        raise self.patience.lost(reading=False)
                    piece = PIECE if self._regular else select.PIPE_BUF
                    view = view[os.write(self._fd, view[:piece]) :]
        except (Closed, OSError) as error:
            raise self._lost("writing", error) from error

    def finish(self) -> None:
        if not self._regular:
            return
        try:
            with self._guard:
                os.fsync(self._fd)
        except (Closed, OSError) as error:
            raise self._lost("syncing", error) from error

    def close(self) -> None:
        self._guard.close()


class FileWriter(Indirect):
    """A file that appears under its name when it is complete; see `replacement`."""

    two_way = False

    def __init__(self, path: str) -> None:
        """Begin the file. Raises MigrationError."""
        self.patience = Patience()  # a file keeps nobody waiting
        try:
            self._replacement = Replacement(path)
        except StateError as error:
            raise MigrationError(str(error)) from error

    def read(self, limit: int) -> bytes:
        return b""

    def quiet(self, seconds: float = 0) -> bool:
        return True

    def hung_up(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        try:
            self._replacement.file.write(data)
        except OSError as error:
            raise MigrationError(str(self._replacement.failed(error))) from error
        except ValueError as error:
            raise MigrationError("the file was closed on this side") from error

    def finish(self) -> None:
        """Sync, then rename over what was there, then sync the directory."""
        try:
            self._replacement.commit()
        except StateError as error:
            raise MigrationError(str(error)) from error
        except ValueError as error:
            raise MigrationError("the file was closed on this side") from error

    def after_fork(self) -> None:
        """The parent writes the buffered data."""
        self._replacement.leave_to_parent()

    def close(self) -> None:
        """Close; an unfinished file disappears."""
        self._replacement.discard()
