"""Limits the processor time of clients while the guest runs.

Python code runs in one thread at a time, so a client that floods a control socket takes its time from the guest's
hypercalls. Each client has a share of a processor and some credit for bursts; a client that has used it up is not read
for a while, and its messages wait in its own socket. The share is divided among the clients that flood, so the guest
loses no more to many of them than to one, and a client that asks little is answered at once however many they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SHARE: Final = 1 / 8
"""Of a processor, for all who have no credit left."""
BURST: Final = 0.05
"""Seconds of processor time at once."""
WELCOME: Final = 0.002
"""The credit that a new connection starts with. It is charged to the listener, since a client could reconnect for
more."""
INTERRUPTION: Final = 0.0001
"""Seconds that interrupting the guest for a command costs."""


class Pace:
    """One client's credit."""

    def __init__(self, credit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._credit = credit
        self._since = clock()

    def _earn(self, crowd: int) -> None:
        now = self._clock()
        self._credit = min(self._credit + (now - self._since) * SHARE / max(crowd, 1), BURST)
        self._since = now

    def spend(self, seconds: float) -> None:
        self._credit -= seconds

    @property
    def indebted(self) -> bool:
        """Whether it has had more than it may."""
        return self._credit < 0

    def pause(self, crowd: int) -> float:
        """Seconds until the client gets more credit, with `crowd` clients in debt."""
        self._earn(crowd)
        return max(-self._credit * max(crowd, 1) / SHARE, 0.0)
