"""Limits the processor time of clients while the guest runs.

Python code runs in one thread at a time, so a client that floods a control socket takes its time from the guest's
hypercalls. All clients together earn a share of a processor, and each has credit for bursts; a client that has used up
its credit is not read for a while, and its messages wait in its own socket.

What is earned is divided equally among the clients whose credit is not full, whether or not they are in debt; what one
of them cannot take goes to the others. So many clients together get no more than one alone, even if each of them stays
just below the share, and a client that asks for less than its part is answered at once however many the others are.
Time in which the guest does not run is charged to nobody: debt from it would be paid for when the guest runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SHARE: Final = 1 / 8
"""Of a processor, for all clients."""
BURST: Final = 0.05
"""Seconds of processor time at once."""
WELCOME: Final = 0.002
"""The credit that a new connection starts with. It is charged to the listener, since a client could reconnect for
more."""
INTERRUPTION: Final = 0.0001
"""Seconds that interrupting the guest for a command costs."""


class Pace:
    """One client's credit, in seconds of processor time; negative if it is in debt."""

    def __init__(self, pool: Pool, credit: float) -> None:
        self._pool = pool
        self.credit = credit

    def spend(self, seconds: float) -> None:
        self.credit -= seconds

    def pause(self) -> float:
        """Seconds until the client is out of debt, if nobody spends anything until then."""
        return self._pool.seconds_to_earn(-self.credit) if self.credit < 0 else 0.0


class Pool:
    """The clients that share."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._members: list[Pace] = []

    def join(self, credit: float) -> Pace:
        """A new member."""
        member = Pace(self, credit)
        self._members.append(member)
        return member

    def leave(self, member: Pace) -> None:
        self._members.remove(member)

    def earn(self) -> None:
        """Divide what was earned since the last call."""
        now = self._clock()
        left, self._since = (now - self._since) * SHARE, now
        members = sorted(self._members, key=lambda member: -member.credit)  # who needs least comes first
        for others, member in zip(range(len(members), 0, -1), members, strict=True):
            taken = min(BURST - member.credit, left / others)
            member.credit += taken
            left -= taken

    def seconds_to_earn(self, amount: float) -> float:
        """How long it takes until a member has earned `amount`: the others earn as much, or until they are full."""
        return sum(min(BURST - member.credit, amount) for member in self._members) / SHARE
