"""How long one side of a migration waits for the other.

Enters: the limits of a phase, set by the role that waits. Leaves: how long the next wait may last, and the error when
that was too long. A peer that sends nothing, reads nothing or stops halfway must not block a thread for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from pyspapr.errors import MigrationError
from pyspapr.plain import Plain

SILENCE: Final = 30.0
"""Seconds without a byte after which a two-way peer is abandoned. A source with nothing to send sends an empty record
earlier."""


class Patience(Plain, kw_only=True):
    """Limits in seconds: `read` and `write` for one wait each, `deadline` (of `time.monotonic`) for everything."""

    read: float | None = None
    write: float | None = None
    deadline: float | None = None

    def wait(self, seconds: float | None) -> float | None:
        """The time left for a wait of `seconds` (None: no limit) within the deadline."""
        if self.deadline is None:
            return seconds
        left = max(self.deadline - time.monotonic(), 0.0)
        return left if seconds is None else min(seconds, left)

    def within(self, seconds: float) -> float:
        """The earlier of this deadline and `seconds` from now."""
        until = time.monotonic() + seconds
        return until if self.deadline is None else min(until, self.deadline)

    def check(self) -> None:
        """Raise MigrationError when the deadline has passed, even if no call had to wait."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise self.lost(reading=True)

    def lost(self, *, reading: bool) -> MigrationError:
        """The error for an expired limit."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return MigrationError("the time is over")
        if reading:
            return MigrationError(f"the other side has sent nothing for {self.read:g} s")
        return MigrationError(f"the other side has read nothing for {self.write:g} s")


class Watchdog:
    """Calls `late` when an operation takes too long. Its thread starts when there is a limit to watch."""

    def __init__(self, late: Callable[[], None]) -> None:
        self._late = late
        self._changed = threading.Condition()
        self._end: float | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def begin(self, seconds: float | None) -> None:
        """Begin an operation that may take `seconds`; None is without limit."""
        if seconds is None:
            return
        with self._changed:
            self._end = time.monotonic() + seconds
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._watch, name="migration-watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()

    def end(self) -> None:
        self._end = None

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                end = self._end
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            if self._stopped:
                return
        self._late()
