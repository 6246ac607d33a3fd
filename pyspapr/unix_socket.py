"""Listening sockets in the file system.

Must hold: a socket that nobody serves makes room, and nothing else does; the name appears when connections are taken,
and only the owner may connect; what is removed at the end is what was put there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import stat
from typing import Final

from pyspapr.paths import as_path

PROBE_SECONDS: Final = 1.0


class UnixListener:
    """Listens at `path` with `socket`, which is its owner's to close, after `forget`."""

    def __init__(self, path: str, backlog: int) -> None:
        """Begin. Raises OSError."""
        self._path = os.path.abspath(as_path(path))
        _make_room(path)
        self.socket = socket.socket(socket.AF_UNIX)
        beside = os.path.join(os.path.dirname(path), f".{secrets.token_hex(4)}")
        try:
            self.socket.bind(beside)
            try:
                os.chmod(beside, 0o600)
                self.socket.listen(backlog)
                self._place = _place(beside)
                os.link(beside, path)
            finally:
                os.unlink(beside)
        except BaseException:
            self.socket.close()
            raise

    def forget(self) -> None:
        """Take the name away, if it is still this socket's. May be called twice."""
        with contextlib.suppress(OSError):
            if _place(self._path) == self._place:
                os.unlink(self._path)


def _place(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def _make_room(path: str) -> None:
    """Remove a socket that nobody serves. Raises OSError for anything else that is there."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "a file that is no socket is there")
    if _served(path):
        raise OSError(errno.EADDRINUSE, "another process is listening there")
    os.unlink(path)


def _served(path: str) -> bool:
    """Whether somebody listens at a socket. Only a refused connection says that nobody does."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True
