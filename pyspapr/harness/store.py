"""Booted machines on disk, for all processes of a user: found by key, made once, bounded in size.

Enters: keys and functions that save a machine. Leaves: files. Must hold: a file is there whole or not at all; of all
processes that need one key, one makes it and the others wait; what was used longest ago goes first. Machines that live
from a file that is removed keep it. The files have a guest's memory in them, so only their owner can read them.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pyspapr.errors import ConfigError
from pyspapr.host.paths import open_file
from pyspapr.log import logger
from pyspapr.migration.replacement import replacing

LIMIT: Final = 4 << 30
"""Bytes of all files, by default."""


def default_directory() -> Path:
    """Where a user's caches are (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return Path(base if os.path.isabs(base) else Path.home() / ".cache") / "pyspapr" / "boots"


def is_file(fd: int, path: Path) -> bool:
    """Whether `path` still names the open file: who held a lock may have removed its file with the machine."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


class Store:
    """A directory of saved machines."""

    def __init__(self, directory: Path, limit: int = LIMIT) -> None:
        """In `directory`, which is made when something is saved."""
        self.directory = directory
        self.limit = limit

    def path(self, key: str) -> Path:
        """The saved machine."""
        return self.directory / f"{key}.spapr"

    def console(self, key: str) -> Path:
        """What it had printed by then."""
        return self.directory / f"{key}.console"

    def printed(self, key: str) -> bytes:
        """The contents of `console`. Raises OSError."""
        with open_file(self.console(key)) as file:
            return file.read()

    def _lock_file(self, key: str) -> Path:
        return self.directory / f"{key}.lock"

    def _open(self) -> None:
        """Make the directory. Raises ConfigError if others could write there."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.directory.stat()
        except OSError as error:
            raise ConfigError(f"the cache {self.directory} cannot be used: {error.strerror or error}") from None
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
            raise ConfigError(
                f"the cache {self.directory} belongs to somebody else, or others can write there: choose another, "
                f"or chmod go-w it"
            )

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """While this lasts, no other process makes or removes this machine. Raises ConfigError."""
        self._open()
        path = self._lock_file(key)
        while True:
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise ConfigError(f"the cache {self.directory} cannot be used: {error.strerror}") from None
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if is_file(fd, path):
                    yield
                    return
            finally:
                os.close(fd)

    def used(self, key: str) -> None:
        """Note that it is needed."""
        with suppress(OSError):
            os.utime(self.path(key))

    def remove(self, key: str) -> None:
        """Remove a machine; its lock is held. Raises ConfigError for what cannot be removed, such as a directory."""
        for path in (self.path(key), self.console(key)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise ConfigError(f"{path} cannot be removed: {error.strerror}") from None

    def add(self, key: str, console: bytes, save: Callable[[Path], None]) -> None:
        """Save a machine, and remove those used longest ago until all fit; its lock is held. Raises StateError, also
        where something that is not a regular file has the name of one of its files.
        """
        with replacing(self.console(key)) as replacement:
            replacement.file.write(console)
        save(self.path(key))
        self._shrink(key)

    def _shrink(self, kept: str) -> None:
        found = []
        for path in self.directory.glob("*.spapr"):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_blocks * 512, path.stem))
        total = sum(size for _, size, _ in found)
        for _, size, key in sorted(found):
            if total <= self.limit:
                break
            if key != kept and self._evict(key):
                total -= size
        if total > self.limit:
            logger("pyspapr.harness").warning(
                "the cache %s has %d MiB, its limit is %d MiB", self.directory, total >> 20, self.limit >> 20
            )

    def _evict(self, key: str) -> bool:
        """Remove a machine unless somebody makes or opens it now."""
        try:
            fd = os.open(self._lock_file(key), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.remove(key)
            self._lock_file(key).unlink(missing_ok=True)
        except (OSError, ConfigError):
            return False
        finally:
            os.close(fd)
        return True
