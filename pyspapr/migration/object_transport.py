"""A transport over an object of the caller's."""

from __future__ import annotations

import contextlib
import os

from pyspapr.errors import MigrationError
from pyspapr.migration.file_transport import check_sink
from pyspapr.migration.patience import Patience, Watchdog
from pyspapr.migration.transport import PIECE, Indirect


class ObjectTransport(Indirect):
    """Any object with `read` or `write` (both: it has a peer that answers). Its errors become MigrationError.

    `read(n)` must return what is there, at most n bytes, and must not wait for all n of them; a raw or unbuffered file
    object does that. Reading and writing happen in different threads. An object that has a peer is closed at the end,
    or when the peer is silent for too long; a blocked call must then return.
    """

    def __init__(self, target: object) -> None:
        """Wrap `target`. Raises MigrationError for anything else."""
        self._read = getattr(target, "read1", None) or getattr(target, "read", None)
        self._write = getattr(target, "write", None)
        self._fileno = getattr(target, "fileno", None)
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
        if self._fileno is None:
            return False
        try:
            fd = self._fileno()
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
        return True

    def hung_up(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        """Write all of `data`, even if the object takes it in pieces."""
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
            if self._sync and self._fileno is not None:
                os.fsync(self._fileno())
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
