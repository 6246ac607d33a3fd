"""When to stop the guest: how much may be left, and how long to wait for less. Enters: what is left, what waits to be
sent, and the rate. Leaves: a decision. A guest writes in bursts, so a moment later much less may be left; once the
limit is met, passes continue for that moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

LITTLE: Final = 64 << 10
"""Bytes whose sending time is negligible."""
BRIEF: Final = 0.002
"""A downtime in seconds that is too short to be worth another pass."""
HAGGLE: Final = 0.1
"""Seconds after the limit is met in which further passes may begin."""
LONG: Final = 0.5
"""Seconds that such a pass may take."""


class Convergence:
    """The decision for one migration. `limit` is in seconds and may be changed at any time."""

    def __init__(self, limit: float, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._now = now
        self._met: float | None = None

    @staticmethod
    def seconds(size: int, rate: float) -> float:
        """Seconds to send `size` bytes; 0 while the rate is unknown."""
        return size / rate if rate else 0.0

    def within(self, size: int, rate: float) -> bool:
        """Whether the guest may be stopped with `size` bytes left."""
        return self.seconds(size, rate) <= self.limit

    def content(self, size: int, rate: float) -> bool:
        """Whether the guest should be stopped now. After the limit is met, keep iterating for up to twice the limit,
        at most HAGGLE seconds.
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
