"""A file that takes the place of another when it is whole.

It is written beside its place, synced and renamed into it: whatever happens, the older file is whole. A link is
followed. What is no file (a device, a pipe, a directory) is refused before anything is written.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from pyspapr.errors import SpaprError, StateError
from pyspapr.paths import as_path, shown

BUFFER: Final = 1 << 20


class Replacement:
    """What is written to `file` will be at `path` after `commit`, or nowhere after `discard`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Begin. Raises StateError."""
        self._path = path
        try:
            self._target = os.path.realpath(as_path(path))
            self._directory, name = os.path.split(self._target)
            self._beside = os.path.join(self._directory, f".{name}.{os.getpid()}.{os.urandom(4).hex()}")
            self._mode = _mode_for(self._target)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self.file = os.fdopen(os.open(self._beside, flags, 0o600), "w+b", buffering=BUFFER)
        except OSError as error:
            raise self.failed(error) from error

    def failed(self, error: OSError) -> StateError:
        """What to raise for `error`."""
        return StateError(f"{shown(self._path)} cannot be written: {error.strerror or error}")

    def commit(self) -> None:
        """Sync it, and put it in its place for good. Raises StateError; it is gone then."""
        try:
            with self.file:
                self.file.flush()
                os.fsync(self.file.fileno())
            os.chmod(self._beside, self._mode)
            with _kept_for_a_while(self._target):
                os.replace(self._beside, self._target)
            _sync_directory(self._directory)
        except OSError as error:
            self.discard()
            raise self.failed(error) from error

    def discard(self) -> None:
        """Remove it, if it was not committed."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            os.unlink(self._beside)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Replacement]:
    """A replacement that is committed when all goes well, and discarded when not. Raises StateError."""
    replacement = Replacement(path)
    try:
        yield replacement
    except BaseException as error:
        replacement.discard()
        if isinstance(error, OSError) and not isinstance(error, SpaprError):
            raise replacement.failed(error) from error
        raise
    replacement.commit()


def _mode_for(target: str) -> int:
    """The mode of the file that is replaced; a new one is its owner's only: it holds a whole machine's memory."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return 0o600
    if not stat.S_ISREG(mode):
        raise OSError("what is there is no file")
    return stat.S_IMODE(mode)


@contextmanager
def _kept_for_a_while(path: str) -> Iterator[None]:
    """Let a thread free the blocks of the file that is replaced: a gigabyte of them can take most of a second."""
    try:
        old = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        threading.Thread(target=os.close, args=(old,), daemon=True).start()


def _sync_directory(directory: str) -> None:
    """Make a rename last."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
