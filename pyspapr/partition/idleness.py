"""When a guest on the virtual clock has idled for so long that its timers may take the host's time.

Time that an idle guest waits for is skipped, so a guest that sleeps for ten seconds costs nothing, and one that does
nothing but wait for its next timer, for ever, would cost a processor of the host. So time is skipped freely for
`QUIET` seconds of the guest's after the guest has printed or read anything; from then on the host sleeps until each
timer is due. The guest cannot tell, since its own time goes the same way.

A run that is bounded by a number of instructions, or that waits for a text, always skips: its caller wants to know what
the guest does next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspapr._native import Vcpu
    from pyspapr.devices.console import Console

NS: Final = 1_000_000_000
QUIET: Final = 3600
"""Seconds of the guest's that are skipped while nothing can come in."""
QUIET_INTERACTIVE: Final = 600
"""The same while somebody may still type."""


class Idleness:
    """How long one machine has been quiet."""

    def __init__(self) -> None:
        """Not yet."""
        self._activity = (-1, -1)
        self._since = 0

    def limit(self, console: Console, vcpu: Vcpu) -> int:
        """How many nanoseconds may have been skipped before the host sleeps."""
        activity = (console.total, console.heard)
        if activity != self._activity:
            self._activity = activity
            self._since = vcpu.internal_state()["idle_nanos"]
        return min(self._since + (QUIET_INTERACTIVE if console.may_wake else QUIET) * NS, (1 << 64) - 1)
