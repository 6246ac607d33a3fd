"""One-way transports: a pipe, an open file, and a file that appears under its name when complete."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import select
import stat
from collections.abc import Callable
from typing import Final

from pyspapr._native import RamImage
from pyspapr.errors import MigrationError, SpaprError, StateError
from pyspapr.host.paths import check_regular
from pyspapr.migration.descriptor_guard import READ, WRITE, Closed, DescriptorGuard
from pyspapr.migration.patience import Patience
from pyspapr.migration.replacement import Replacement
from pyspapr.migration.transport import PIECE, Indirect

READ_BUFFER: Final = 64 << 10
"""Devices and schemas fit; an image is mapped, and larger records are read past it."""
MEMORY: Final = "/memfd:pyspapr-"
"""How files begin that hold guest RAM, snapshots and compiled code, as `/proc` calls them."""


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
    _check_not_mapped(fd)
    return True


def _check_not_mapped(fd: int) -> None:
    """Raise OSError for a file that is memory of a machine: what is written there would be what is sent.

    Guest RAM and snapshots are files without a name, of this process or another one of ours, and whoever may look into
    `/proc` can open them. A machine that was restored lives from the pages of its file.
    """
    if not os.path.exists("/proc/self/maps"):
        return  # nobody can have opened any
    where = os.readlink(f"/proc/self/fd/{fd}")
    status = os.fstat(fd)
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    mapped = where.startswith(MEMORY)
    if not mapped:
        with open("/proc/self/maps") as maps:
            mapped = any(line.split(maxsplit=5)[3:5] == [device, str(status.st_ino)] for line in maps)
    if mapped:
        raise OSError(errno.ETXTBSY, "it is memory of a machine")


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

    def after_fork(self) -> None:
        """The descriptor belongs to the parent: if it stayed open here, a reader would wait for the end of a pipe."""
        if not self._guard.closed:
            os.close(self._fd)
        self._guard.after_fork()

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


class FileReader(Indirect):
    """A file, from its descriptor's place on. `file` is for who maps a part of it."""

    two_way = False

    def __init__(self, fd: int) -> None:
        """Take over `fd`."""
        self.patience = Patience()  # a file keeps nobody waiting
        # Closed by `release` alone: when there is no descriptor for the guard, `fd` is still the caller's.
        self.file = file = io.BufferedReader(io.FileIO(fd, closefd=False), READ_BUFFER)

        def release() -> None:
            file.close()
            os.close(fd)

        self._guard = DescriptorGuard(release)

    def read(self, limit: int) -> bytes:
        """As much as there is of it."""
        try:
            with self._guard:
                return self.file.read(limit)
        except Closed as error:
            raise MigrationError("the descriptor was closed on this side") from error
        except OSError as error:
            raise MigrationError(f"reading the descriptor failed: {error}") from error

    def quiet(self, seconds: float = 0) -> bool:
        """It cannot be told."""
        return True

    def hung_up(self) -> bool:
        """It cannot be told."""
        return False

    def write(self, data: bytes) -> None:
        """Nobody reads."""
        raise MigrationError("a file that is read cannot be written")

    def finish(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Let go."""
        self._guard.close()


class PlacedPages:
    """Pages of RAM that are written to their places in a file."""

    def __init__(self, image: RamImage, failed: Callable[[OSError], SpaprError]) -> None:
        """`failed` says what an error is about."""
        self._image = image
        self._failed = failed

    def add(self, index: bytes, data: bytes) -> None:
        """A chunk of a pass. Raises MigrationError."""
        try:
            self._image.add(index, data)
        except OSError as error:
            raise MigrationError(str(self._failed(error))) from error

    def finish(self) -> bytes:
        """The digest of all of them."""
        return self._image.finish()


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

    def pages(self, offset: int, size: int) -> PlacedPages:
        """Room for RAM of `size` bytes at `offset`, behind all that will have been written. Raises MigrationError."""
        try:
            image = RamImage(self._replacement.file.fileno(), offset, size)
        except OSError as error:
            raise MigrationError(str(self._replacement.failed(error))) from error
        except ValueError as error:
            raise MigrationError("the file was closed on this side") from error
        return PlacedPages(image, self._replacement.failed)

    def skip(self, size: int) -> None:
        """The next `size` bytes are in their place already. Raises MigrationError."""
        try:
            self._replacement.file.seek(size, os.SEEK_CUR)
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
