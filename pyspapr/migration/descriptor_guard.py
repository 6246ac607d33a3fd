"""A guard around a descriptor that several threads use: the last thread to leave closes it.

Enters: threads that wait for a descriptor and use it, and one that wants it closed. Must hold: the descriptor is closed
only when no thread uses it any more, since the system reuses its number at once; closing wakes every waiting thread.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final

READ: Final = select.POLLIN
WRITE: Final = select.POLLOUT


class Closed(Exception):
    """The descriptor is closed."""


def _released() -> None:
    """Stands in for `release` once that has been called."""


class DescriptorGuard:
    """A context manager around each use of a descriptor; after `close`, the last use to end calls `release`."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._lock = threading.Lock()
        self._inside = 0
        self._wake = open(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), "wb", buffering=0)  # noqa: SIM115 (kept)
        self.closed = False

    def __enter__(self) -> None:
        """Begin a use of the descriptor. Raises Closed."""
        with self._lock:
            if self.closed:
                raise Closed
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End a use; the last one closes the descriptor if `close` was called."""
        with self._lock:
            self._inside -= 1
            if self.closed and not self._inside:
                self._end()

    def close(self) -> None:
        """Close the descriptor once nobody uses it, and wake every waiting thread. Any thread may call it."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            if self._inside:
                os.eventfd_write(self._wake.fileno(), 1)
            else:
                self._end()

    def after_fork(self) -> None:
        """In a child of fork: the descriptor is the parent's, and here it has been closed by its owner."""
        self._lock = threading.Lock()
        self._release = _released
        self._inside = 0
        self.closed = True
        self._wake.close()

    def _end(self) -> None:
        # With the lock held: a thread that returns from here or from `close` may end the process, and relies on the
        # descriptor being closed.
        self._wake.close()
        release, self._release = self._release, _released  # `release` may keep alive the object that owns this guard
        release()

    def wait(self, descriptor: int, events: int, seconds: float | None = None) -> bool:
        """Inside the `with`: wait until `events` are ready (True) or the time is up (False). Raises Closed."""
        return bool(self.wait_for_any({descriptor: events}, seconds))

    def wait_for_any(self, wanted: Mapping[int, int], seconds: float | None = None) -> set[int]:
        """Wait for several descriptors, each with its events; return those that are ready, none when the time is up."""
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        poll.register(self._wake, select.POLLIN)
        ready = poll.poll(None if seconds is None else max(seconds, 0) * 1000)
        if self.closed:
            raise Closed
        return {descriptor for descriptor, _ in ready}
