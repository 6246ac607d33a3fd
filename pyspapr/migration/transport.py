"""Byte transports: what a migration travels over.

Enters: a socket, a file descriptor, a file, or any object with `read` or `write`. Leaves: one small interface,
`Transport`. Must hold: one thread may read while another writes, and `close` from a third ends both at once with
`MigrationError`; so a peer that hangs can always be left. `patience` says after how long it is left without that.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import ssl
import stat
import struct
import threading
import time
from typing import Final, Protocol

from pyspapr.errors import MigrationError, StateError
from pyspapr.host.paths import check_regular
from pyspapr.migration.descriptor_guard import READ, WRITE, Closed, DescriptorGuard
from pyspapr.migration.patience import Patience, Watchdog
from pyspapr.migration.replacement import Replacement

PIECE: Final = 256 << 10
"""Bytes that one call of `read` or one system call of `write` moves at most."""
SEND_BUFFER: Final = 2 << 20
"""Of a unix socket, as far as the host allows. With its 208 KiB the two sides would wake each other for every chunk,
and on a busy host each waking takes milliseconds."""


LINGER: Final = struct.Struct("ii")
"""Of SO_LINGER: whether `close` waits until what was sent has arrived, and seconds; none of them resets instead."""


class NothingLeft(MigrationError):
    """Writing failed before the first byte was taken."""


class Transport(Protocol):
    """One end of a connection. `two_way` says that there is a peer which answers."""

    two_way: bool
    direct: bool
    """Whether it has `take` and `give`, so that one thread can see to both directions and to other things."""
    patience: Patience
    """How long to wait for the peer; without limits at first."""

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes, at least one; empty at the end. Raises MigrationError."""
        ...

    def quiet(self, seconds: float = 0) -> bool:
        """Whether `read` would have to wait longer than `seconds`; True at once where that cannot be told."""
        ...

    def hung_up(self) -> bool:
        """Whether the peer is known to have ended the connection."""
        ...

    def take(self, limit: int, seconds: float) -> bytes | None:
        """As `read`, but None when nothing comes within `seconds`. Raises MigrationError."""
        ...

    def give(self, data: memoryview, seconds: float) -> int:
        """How many bytes of `data` were written, none when that cannot be begun within `seconds`.

        Raises MigrationError.
        """
        ...

    def write(self, data: bytes) -> None:
        """All of `data`. Raises MigrationError; NothingLeft when it is known that no byte of it was taken."""
        ...

    def finish(self) -> None:
        """Everything was written: a file becomes visible under its name. Raises MigrationError."""
        ...

    def close(self) -> None:
        """Release it; threads that wait in it come back. May be called twice, and by any thread."""
        ...

    def after_fork(self) -> None:
        """In a child of fork: let go of this process's descriptor, unnoticed by the peer and by the parent."""
        ...


def do_not_linger(number: int) -> None:
    """Have the socket `number` close without waiting, where its giver's SO_LINGER says to wait; a reset stays one."""
    with contextlib.suppress(OSError):
        sock = socket.socket(fileno=number)
        try:
            if any(sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.size)[LINGER.size // 2 :]):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.pack(0, 0))
        finally:
            sock.detach()  # it stays its owner's


class SocketTransport:
    """A connected stream socket, TLS or not.

    The socket does not block; waiting is done outside the lock. Python's SSL objects are not to be used by two threads
    at once, and a reader that blocked inside one would keep the writer out.
    """

    two_way = True
    direct = True

    def __init__(self, sock: socket.socket) -> None:
        """Take over `sock`."""
        sock.setblocking(False)
        if sock.family == socket.AF_UNIX:  # TCP finds out by itself how much a connection needs
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.patience = Patience()
        self._socket = sock
        self._number = sock.fileno()
        self._lock = threading.Lock()

        def release() -> None:
            do_not_linger(sock.fileno())
            sock.close()

        self._guard = DescriptorGuard(release)

    def _lost(self, doing: str, error: Exception) -> MigrationError:
        why = "closed on this side" if self._guard.closed else f"lost while {doing}: {error}"
        return MigrationError(f"the connection was {why}")

    def _wait(self, events: int, *, reading: bool) -> None:
        patience = self.patience
        if not self._guard.wait(self._number, events, patience.wait(patience.read if reading else patience.write)):
            raise patience.lost(reading=reading)

    def _receive(self, limit: int) -> tuple[bytes | None, int]:
        """What has arrived, or None and what to wait for. Raises Closed and OSError."""
        try:
            with self._lock:
                data = self._socket.recv(min(limit, PIECE))
        except (BlockingIOError, ssl.SSLWantReadError):
            return None, READ
        except ssl.SSLWantWriteError:
            return None, WRITE
        if not data and self._guard.closed:
            raise Closed
        return data, 0

    def _send(self, data: memoryview) -> tuple[int, int]:
        """How many bytes were taken; if none were, what to wait for. Raises OSError."""
        try:
            with self._lock:
                return self._socket.send(data[:PIECE]), 0
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0, WRITE
        except ssl.SSLWantReadError:
            return 0, READ

    def read(self, limit: int) -> bytes:
        """What has arrived."""
        try:
            with self._guard:
                while True:
                    data, events = self._receive(limit)
                    if data is not None:
                        return data
                    self._wait(events, reading=True)
        except (Closed, OSError, ValueError) as error:
            raise self._lost("receiving", error) from error

    def take(self, limit: int, seconds: float) -> bytes | None:
        """What has arrived, or arrives within `seconds`."""
        deadline = time.monotonic() + seconds
        try:
            with self._guard:
                while True:
                    data, events = self._receive(limit)
                    if data is not None or seconds <= 0:
                        return data
                    # More than once: what TLS has to say to itself makes a socket readable, too.
                    seconds = deadline - time.monotonic()
                    if seconds <= 0 or not self._guard.wait(self._number, events, seconds):
                        return None
        except (Closed, OSError, ValueError) as error:
            raise self._lost("receiving", error) from error

    def give(self, data: memoryview, seconds: float) -> int:
        """Send what can be sent now, or within `seconds`."""
        try:
            with self._guard:
                sent, events = self._send(data)
                if not sent and self._guard.wait(self._number, events, seconds):
                    sent, _ = self._send(data)
                return sent
        except (Closed, OSError, ValueError) as error:
            raise self._lost("sending", error) from error

    def quiet(self, seconds: float = 0) -> bool:
        """Whether nothing has arrived, nor does within `seconds`."""
        try:
            with self._guard:
                with self._lock:
                    if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                        return False
                return not self._guard.wait(self._number, READ, seconds)
        except (Closed, OSError, ValueError):
            return False  # `read` says what is wrong

    def hung_up(self) -> bool:
        """Whether it has closed its side, or is gone."""
        try:
            with self._guard:
                return self._guard.wait(self._number, select.POLLRDHUP, 0)
        except (Closed, OSError, ValueError):
            return True

    def write(self, data: bytes) -> None:
        """Send everything."""
        view = memoryview(data)
        encrypted = isinstance(self._socket, ssl.SSLSocket)  # of which a part may have left when `send` fails
        try:
            with self._guard:
                while view:
                    sent, events = self._send(view)
                    view = view[sent:]
                    if not sent:
                        self._wait(events, reading=False)
        except (Closed, OSError, ValueError) as error:
            lost = self._lost("sending", error)
            raise (NothingLeft(str(lost)) if len(view) == len(data) and not encrypted else lost) from error

    def finish(self) -> None:
        """Nothing to do: the peer has what was sent, or says that it has not."""

    def after_fork(self) -> None:
        """Not even TLS says anything: the connection is the parent's."""
        self._socket.close()

    def close(self) -> None:
        """Shut down both directions, so that the peer knows at once, then let go."""
        with contextlib.suppress(Closed), self._guard:
            self._guard.close()
            with self._lock, contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def check_sink(fd: int) -> bool:
    """Whether `fd` is a regular file, which is to be synced; else it is a pipe. Raises OSError for anything else.

    What a device is given is gone, and so is what a pipe is given that nobody reads: the source would give up its guest
    for nothing.
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


class Indirect:
    """Base of transports that are read and written by threads of their own."""

    direct = False

    def after_fork(self) -> None:
        """A pipe, or an object that only its owner knows: nothing is done to it."""

    def take(self, limit: int, seconds: float) -> bytes | None:
        """Not here."""
        raise NotImplementedError

    def give(self, data: memoryview, seconds: float) -> int:
        """Not here."""
        raise NotImplementedError


class DescriptorTransport(Indirect):
    """A pipe, or a file that is open already: one direction, nobody answers."""

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
        """What is there."""
        try:
            with self._guard:
                if not self._guard.wait(self._fd, READ, self.patience.wait(self.patience.read)):
                    raise self.patience.lost(reading=True)
                return os.read(self._fd, min(limit, PIECE))
        except (Closed, OSError) as error:
            raise self._lost("reading", error) from error

    def quiet(self, seconds: float = 0) -> bool:
        """It cannot be told."""
        return True

    def hung_up(self) -> bool:
        """It cannot be told."""
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
        """Sync a file."""
        if not self._regular:
            return
        try:
            with self._guard:
                os.fsync(self._fd)
        except (Closed, OSError) as error:
            raise self._lost("syncing", error) from error

    def close(self) -> None:
        """Let go."""
        self._guard.close()


class FileWriter(Indirect):
    """A file that appears under its name when it is whole; see `replacement`."""

    two_way = False

    def __init__(self, path: str) -> None:
        """Begin the file. Raises MigrationError."""
        self.patience = Patience()  # a file keeps nobody waiting
        try:
            self._replacement = Replacement(path)
        except StateError as error:
            raise MigrationError(str(error)) from error

    def read(self, limit: int) -> bytes:
        """Nobody answers."""
        return b""

    def quiet(self, seconds: float = 0) -> bool:
        """It cannot be told."""
        return True

    def hung_up(self) -> bool:
        """It cannot be told."""
        return False

    def write(self, data: bytes) -> None:
        """Write everything."""
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
        """What is buffered is for the parent to write."""
        self._replacement.leave_to_parent()

    def close(self) -> None:
        """Close; what was not finished disappears."""
        self._replacement.discard()


class ObjectTransport(Indirect):
    """Any object with `read` or `write` (both: it has a peer that answers). Errors of the object become ours.

    `read(n)` must return what is there, at most n bytes, and must not wait for all n of them; a raw or unbuffered file
    object does that. Reading and writing happen in different threads. Only one that has a peer is closed, at the end or
    when the peer is silent for too long; a call that waits in it must come back then.
    """

    def __init__(self, target: object) -> None:
        """Wrap `target`. Raises MigrationError for anything else."""
        self._read = getattr(target, "read1", None) or getattr(target, "read", None)
        self._write = getattr(target, "write", None)
        for method, name in ((self._read, "readable"), (self._write, "writable")):
            if method is not None and (ask := getattr(target, name, None)) is not None and not ask():
                if name == "readable":
                    self._read = None
                else:
                    self._write = None
        if self._read is None and self._write is None:
            raise MigrationError(f"{type(target).__name__} has neither read nor write")
        self._target = target
        self._closed = False
        self.two_way = self._read is not None and self._write is not None
        self._sync = self._write is not None and not self.two_way and self._is_file()
        self.patience = Patience()
        self._late = False
        self._watch_read, self._watch_write = Watchdog(self._leave), Watchdog(self._leave)

    def _is_file(self) -> bool:
        """Whether it writes to a file of the host. Raises MigrationError for a device, or a pipe that nobody reads."""
        try:
            fd = self._target.fileno()  # type: ignore[attr-defined]
        except (AttributeError, OSError, ValueError):
            return False
        try:
            return check_sink(fd)
        except OSError as error:
            raise MigrationError(f"{type(self._target).__name__} cannot be migrated to: {error.strerror}") from error

    def _leave(self) -> None:
        self._late = True
        self.close()

    def read(self, limit: int) -> bytes:
        """What the object gives."""
        if self._read is None or self._closed:
            return b""
        self._watch_read.begin(self.patience.wait(self.patience.read) if self.two_way else None)
        try:
            data = bytes(self._read(min(limit, PIECE)) or b"")
        except (OSError, ValueError) as error:
            if self._late:
                raise self.patience.lost(reading=True) from error
            raise MigrationError(f"reading failed: {error}") from error
        finally:
            self._watch_read.end()
        if self._late:
            raise self.patience.lost(reading=True)
        return data

    def quiet(self, seconds: float = 0) -> bool:
        """It cannot be told."""
        return True

    def hung_up(self) -> bool:
        """It cannot be told."""
        return False

    def write(self, data: bytes) -> None:
        """Everything, also when the object takes it in pieces."""
        if self._write is None or self._closed:
            raise MigrationError("the transport cannot be written, or was closed")
        view = memoryview(data)
        try:
            while view:
                self._watch_write.begin(self.patience.wait(self.patience.write) if self.two_way else None)
                try:
                    taken = self._write(view)
                finally:
                    self._watch_write.end()
                if taken is None:
                    return
                if not 0 < taken <= len(view):
                    raise MigrationError(f"write took {taken} of {len(view)} bytes")
                view = view[taken:]
        except (OSError, ValueError) as error:
            if self._late:
                raise self.patience.lost(reading=False) from error
            raise MigrationError(f"writing failed: {error}") from error

    def finish(self) -> None:
        """Flush, if the object can, and sync if it is a file."""
        try:
            if (flush := getattr(self._target, "flush", None)) is not None:
                flush()
            if self._sync:
                os.fsync(self._target.fileno())  # type: ignore[attr-defined]
        except (OSError, ValueError) as error:
            raise MigrationError(f"writing failed: {error}") from error

    def close(self) -> None:
        """Close the object, if it can be closed."""
        if not self._closed:
            self._closed = True
            self._watch_read.stop()
            self._watch_write.stop()
            with contextlib.suppress(OSError, ValueError):
                if (close := getattr(self._target, "close", None)) is not None and self.two_way:
                    close()
