"""When the guest is stopped: how much may be left, and how long it is worth to wait for less.

Enters: what is left, what waits to be sent, and the rate. Leaves: a decision. A guest writes in bursts, so a moment
later little may be left where much was just now; passes go on for that moment once the limit is met.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

LITTLE: Final = 64 << 10
"""Bytes that are sent in no time worth mentioning."""
BRIEF: Final = 0.01
"""Seconds of standing still that no further pass is worth."""
HAGGLE: Final = 0.1
"""Seconds after which no further pass is begun once the limit is met, so that less is left."""
LONG: Final = 0.5
"""Seconds that a pass may take for that."""


class Convergence:
    """Of one migration. `limit` is in seconds and may be changed at any time."""

    def __init__(self, limit: float, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._now = now
        self._met: float | None = None

    @staticmethod
    def seconds(size: int, rate: float) -> float:
        """That `size` bytes take; none while the rate is unknown."""
        return size / rate if rate else 0.0

    def within(self, size: int, rate: float) -> bool:
        """Whether the guest may be stopped with `size` bytes left."""
        return self.seconds(size, rate) <= self.limit

    def content(self, size: int, rate: float) -> bool:
        """Whether the guest should be stopped now: it may be, and to wait for less is not worth it.

        One that accepts a long time of standing still accepts twice that of running on, within reason.
        """
        if not self.within(size, rate):
            return False
        now = self._now()
        if self._met is None:
            self._met = now
        seconds = self.seconds(size, rate)
        if size <= LITTLE or seconds > LONG or (rate and seconds <= BRIEF):
            return True
        return now >= self._met + min(2 * self.limit, HAGGLE)
