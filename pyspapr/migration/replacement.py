"""A file that replaces another when it is complete. It is written without a name, synced, linked beside its target and
renamed over it: the older file survives any failure, and a process that is killed leaves nothing behind. On a file
system without unnamed files, the file has its temporary name from the start; its writer holds a lock on it, so that
the next save can recognise and remove what a killed one left.

It holds a whole machine's memory, so only its owner can access it: it takes neither mode nor owner from the file that
it replaces, which another user may have put there. For the same reason a symbolic link is rejected, and so is anything
else that is not a regular file (a device, a FIFO, a directory), before anything is written.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from pyspapr.errors import SpaprError, StateError
from pyspapr.host.limits import check_thread
from pyspapr.host.paths import as_path, check_regular, shown
from pyspapr.log import logger

BUFFER: Final = 1 << 20
MODE: Final = 0o600
NAME_SHOWN: Final = 48
"""Characters of the file's name in its temporary name, which must not be too long for the file system."""
NO_UNNAMED: Final = frozenset((errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL))
"""Errors of file systems and kernels without O_TMPFILE."""


class Replacement:
    """Data written to `file` is at `path` after `commit`, and gone after `discard`.

    `discard` may be called by any thread and more than once.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Begin. Raises StateError."""
        self._path = path
        self._lock = threading.Lock()
        self._over = False
        try:
            directory, self._name = os.path.split(as_path(path))
            # Opened now: if that failed in `commit`, the file would already be in its place.
            self._directory = os.open(directory or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self.failed(error) from error
        try:
            _check_target(self._directory, self._name)
            _remove_leftovers(self._directory, self._name)
            self._beside = f".{self._name[:NAME_SHOWN]}.{os.getpid()}.{os.urandom(4).hex()}"
            fd = _open_unnamed(self._directory)
            self._linked = fd is None
            """Whether the file is there under the name `_beside`."""
            if fd is None:
                fd = _open_named(self._directory, self._beside)
            try:
                self.file = os.fdopen(fd, "w+b", buffering=BUFFER)
            except BaseException:
                os.close(fd)
                if self._linked:
                    os.unlink(self._beside, dir_fd=self._directory)
                raise
        except BaseException as error:
            os.close(self._directory)
            if isinstance(error, OSError):
                raise self.failed(error) from error
            raise

    def failed(self, error: OSError) -> StateError:
        return StateError(f"{shown(self._path)} cannot be written: {error.strerror or error}")

    def commit(self) -> None:
        """Sync the file and rename it to its place. Raises StateError, and the file is discarded then.

        After the rename nothing is an error: the source of a migration that called it failed would go on, and the
        machine in the file could be started as well.
        """
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            self._put_in_place(self.file.fileno())
        except OSError as error:
            self.discard()
            raise self.failed(error) from error
        self.discard()

    def _put_in_place(self, fd: int) -> None:
        directory = self._directory
        with self._lock:
            if self._over:
                raise ValueError("the file was discarded")
            if not self._linked:
                # With `dst_dir_fd` this is linkat, which follows the link that stands for the descriptor.
                os.link(f"/proc/self/fd/{fd}", self._beside, dst_dir_fd=directory, follow_symlinks=True)
                self._linked = True
            with _kept_for_a_while(directory, self._name):
                os.rename(self._beside, self._name, src_dir_fd=directory, dst_dir_fd=directory)
            self._linked = False
            try:
                os.fsync(directory)
            except OSError as error:
                logger(__name__).warning(
                    "%s is written and in its place, but its directory cannot be synced: %s; if the host loses power "
                    "now, what was there before may be there again",
                    shown(self._path),
                    error.strerror or error,
                )

    def leave_to_parent(self) -> None:
        """In a child of fork: neither write buffered data nor remove anything."""
        self._over = True
        if isinstance(self.file, io.BufferedRandom):
            self.file.raw.close()  # first, so that nothing is left that could be flushed
        os.close(self._directory)

    def discard(self) -> None:
        """Remove it, if it was not committed."""
        with suppress(OSError):
            self.file.close()
        with self._lock:
            if self._over:
                return
            self._over = True
            if self._linked:
                with suppress(OSError):
                    os.unlink(self._beside, dir_fd=self._directory)
            os.close(self._directory)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Replacement]:
    """A replacement that is committed on success and discarded on failure. Raises StateError."""
    replacement = Replacement(path)
    try:
        yield replacement
    except BaseException as error:
        replacement.discard()
        if isinstance(error, OSError) and not isinstance(error, SpaprError):
            raise replacement.failed(error) from error
        raise
    replacement.commit()


def _check_target(directory: int, name: str) -> None:
    """Raise OSError unless a file may be put there."""
    if name in ("", ".", ".."):
        raise OSError(errno.EISDIR, "a directory, not a regular file")
    try:
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        target = shown(os.readlink(name, dir_fd=directory))
        raise OSError(errno.ELOOP, f"a symbolic link to {target}, which is not followed: name the file itself")
    check_regular(mode)


def _open_unnamed(directory: int) -> int | None:
    """An unnamed file, or None if that is not possible, or it could not be linked later."""
    try:
        fd = os.open(".", os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, MODE, dir_fd=directory)
    except OSError as error:
        if error.errno in NO_UNNAMED:
            return None
        raise
    if not os.path.exists(f"/proc/self/fd/{fd}"):
        os.close(fd)
        return None
    _prepare(fd)
    return fd


def _open_named(directory: int, name: str) -> int:
    """A new file of this name, locked."""
    while True:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, MODE, dir_fd=directory)
        try:
            _prepare(fd)
        except BaseException:
            os.unlink(name, dir_fd=directory)
            raise
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)  # another save removed it as a leftover before it was locked


def _prepare(fd: int) -> None:
    try:
        os.fchmod(fd, MODE)  # whatever the umask is
    except BaseException:
        os.close(fd)
        raise
    with suppress(OSError):  # some file systems have no locks; then nothing is removed there either
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_leftovers(directory: int, name: str) -> None:
    """Remove leftovers of killed saves to `name`: our unlocked temporary files."""
    pattern = re.compile(re.escape(f".{name[:NAME_SHOWN]}.") + r"\d+\.[0-9a-f]{8}")
    with suppress(OSError):
        for found in filter(pattern.fullmatch, os.listdir(directory)):
            with suppress(OSError):
                _remove_leftover(directory, found)


def _remove_leftover(directory: int, name: str) -> None:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        return
    fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=directory)
    finally:
        os.close(fd)


@contextmanager
def _kept_for_a_while(directory: int, name: str) -> Iterator[None]:
    """Free the blocks of the replaced file in a thread: for a gigabyte that can take most of a second."""
    try:
        old = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        try:
            check_thread()
            threading.Thread(target=os.close, args=(old,), daemon=True).start()
        except (OSError, RuntimeError):  # no thread can be had
            os.close(old)
