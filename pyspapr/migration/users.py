"""Who uses a descriptor right now, so that it is closed by the last of them and never under another's hands.

Enters: threads that wait for a descriptor and use it, and one that wants it closed. Must hold: the number of a
descriptor is given back to the system only when nobody uses it any more, since the system gives it to the next who
asks; a thread that waits comes back at once when it is closed.
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
    """It was closed, so it cannot be used."""


def _released() -> None:
    """It was released already."""


class Users:
    """Counts those inside its `with`; `close` lets them leave first. `release` does the closing, once."""

    def __init__(self, release: Callable[[], None]) -> None:
        """Nobody uses it yet."""
        self._release = release
        self._lock = threading.Lock()
        self._inside = 0
        self._wake = open(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), "wb", buffering=0)  # noqa: SIM115 (kept)
        self.closed = False

    def __enter__(self) -> None:
        """Use it. Raises Closed."""
        with self._lock:
            if self.closed:
                raise Closed
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Use it no more."""
        with self._lock:
            self._inside -= 1
            if self.closed and not self._inside:
                self._end()

    def close(self) -> None:
        """Close it, now or when the last has left; they are woken. For any thread, and as often as one likes."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            if self._inside:
                os.eventfd_write(self._wake.fileno(), 1)
            else:
                self._end()

    def _end(self) -> None:
        # Under the lock: whoever comes back from here or from `close` may end the process, and then it is done.
        self._wake.close()
        release, self._release = self._release, _released  # it may belong to the object that has this one
        release()

    def wait(self, descriptor: int, events: int, seconds: float | None = None) -> bool:
        """Inside the `with`: until `events` can be done, True, or the time is up, False. Raises Closed."""
        return bool(self.wait_for_any({descriptor: events}, seconds))

    def wait_for_any(self, wanted: Mapping[int, int], seconds: float | None = None) -> set[int]:
        """Likewise for several, each with its events: those descriptors that are ready, none when the time is up."""
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        poll.register(self._wake, select.POLLIN)
        ready = poll.poll(None if seconds is None else max(seconds, 0) * 1000)
        if self.closed:
            raise Closed
        return {descriptor for descriptor, _ in ready}
