"""Listening sockets in the file system.

Must hold: only an unserved socket is replaced; the name appears once connections are accepted, and only the owner may
connect; only our own socket is removed at the end. If two processes begin to listen at one name at the same time, one
fails: a lock beside the name is held from the check of what is there until the name is ours.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from typing import Final

from pyspapr.host import forked
from pyspapr.host.paths import as_path

PROBE_SECONDS: Final = 1.0


class UnixListener:
    """Listens at `path` with `socket`, which is its owner's to close, after `forget`."""

    def __init__(self, path: str, backlog: int) -> None:
        """Begin. Raises OSError."""
        self._path = os.path.abspath(as_path(path))
        with _alone_at(path):
            self._begin(path, backlog)

    def _begin(self, path: str, backlog: int) -> None:
        _make_room(path)
        self.socket = socket.socket(socket.AF_UNIX)
        beside = os.path.join(os.path.dirname(path), f".{os.urandom(4).hex()}")
        try:
            self.socket.bind(beside)
            try:
                os.chmod(beside, 0o600)
                self.socket.listen(backlog)
                self._place: tuple[int, int] | None = _place(beside)
                forked.copied.add(self)
                os.link(beside, path)
            finally:
                os.unlink(beside)
        except BaseException:
            self.socket.close()
            raise

    def after_fork(self) -> None:
        """In a child of fork: the name belongs to the parent, even if the socket is closed here."""
        self._place = None

    def forget(self) -> None:
        """Remove the name, if it is still this socket's. May be called twice."""
        with contextlib.suppress(OSError):
            if self._place is not None and _place(self._path) == self._place:
                os.unlink(self._path)


def _place(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def _alone_at(path: str) -> Iterator[None]:
    """A context in which no other process begins to listen at `path`. Raises OSError if one does already."""
    directory, name = os.path.split(path)
    lock = os.path.join(directory, f".{name}.lock")
    while True:
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OSError(errno.EADDRINUSE, "another process begins to listen there") from None
            if not _is(fd, lock):
                continue  # its last holder removed the file before we locked it: that lock would exclude nobody
            try:
                yield
            finally:
                os.unlink(lock)
            return
        finally:
            os.close(fd)


def _is(fd: int, path: str) -> bool:
    """Whether `path` is the file that is open as `fd`."""
    status = os.fstat(fd)
    try:
        return _place(path) == (status.st_dev, status.st_ino)
    except FileNotFoundError:
        return False


def _make_room(path: str) -> None:
    """Remove an unserved socket. Raises OSError for anything else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "a file that is not a socket is there")
    if _served(path):
        raise OSError(errno.EADDRINUSE, "another process is listening there")
    os.unlink(path)


def _served(path: str) -> bool:
    """Whether a process listens at a socket. Only a refused connection proves that none does."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True
