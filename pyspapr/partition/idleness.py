"""When a guest on the virtual clock has idled so long that its timers wait in host time.

Idle time is skipped, so a guest that sleeps for ten seconds costs nothing. But a guest that waits for one timer after
the other for ever would occupy a processor of the host. So time is skipped freely for `QUIET` seconds of guest time
after the last output or input; from then on the host sleeps until each timer is due. The guest cannot tell, since its
own time advances the same way.

A run with an instruction limit, or one that waits for a text, always skips: its caller waits for what the guest does
next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspapr._native import Vcpu
    from pyspapr.partition.console import Console

NS: Final = 1_000_000_000
QUIET: Final = 3600
"""Seconds of guest time that are skipped while no input can come."""
QUIET_INTERACTIVE: Final = 600
"""The same while somebody may still type."""


class Idleness:
    """How long one machine has been quiet."""

    def __init__(self) -> None:
        """Not yet."""
        self._activity = (-1, -1)
        self._since = 0

    def limit(self, console: Console, vcpu: Vcpu) -> int:
        """The skipped nanoseconds after which the host sleeps."""
        activity = (console.total, console.heard)
        if activity != self._activity:
            self._activity = activity
            self._since = vcpu.machine_idle_nanos
        return min(self._since + (QUIET_INTERACTIVE if console.may_wake else QUIET) * NS, (1 << 64) - 1)
