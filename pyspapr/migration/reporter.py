"""Reports the progress of a migration to `on_progress` and to listeners of the machine's events. Enters: phases and
passes as they begin and end. Leaves: statistics and events. Must hold: a callback that is told of the migration's end
finds it ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from pyspapr._native import PAGE
from pyspapr.errors import SpaprError
from pyspapr.migration.convergence import Convergence
from pyspapr.migration.counters import Counters
from pyspapr.migration.link import Link
from pyspapr.migration.passes import Passes
from pyspapr.migration.phases import QEMU_STATUS, Phase
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.migration.throttle import Throttle

REPORT_EVERY: Final = 0.1
"""Seconds between two calls of `on_progress` within a phase."""


class Reporter:
    """Of one migration."""

    def __init__(
        self,
        emit: Callable[..., object],
        counters: Counters,
        convergence: Convergence,
        throttle: Throttle,
        on_progress: Callable[[MigrationStatistics], None] | None,
    ) -> None:
        """`emit` takes an event's name and its data."""
        self.on_progress = on_progress
        self.ended = threading.Event()
        """Set when the migration has ended, successfully or not."""
        self.error: SpaprError | None = None
        self._emit = emit
        self._counters = counters
        self._convergence = convergence
        self._throttle = throttle
        self._link: Link | None = None
        self._passes: Passes | None = None
        self._reported = 0.0
        self._said = ""

    def watch(self, link: Link, passes: Passes) -> None:
        """The destination has accepted: start counting."""
        self._link, self._passes = link, passes

    def enter(self, phase: Phase) -> None:
        self._counters.enter(phase)
        if phase.ended:
            self.ended.set()  # before the callbacks, which may raise
        self.say(phase)
        try:
            self.report(now=True)
        finally:
            if phase.ended:
                self.on_progress = None  # which may well have the machine

    def say(self, phase: Phase) -> None:
        """Emit the phase's event, unless the one before was the same."""
        if (status := QEMU_STATUS[phase]) != self._said:
            self._said = status
            self._emit("MIGRATION", status=status)

    def began_pass(self) -> None:
        self._emit("MIGRATION_PASS", **{"pass": self._counters.number})
        self.report(now=True)

    def report(self, *, now: bool = False) -> None:
        """Call `on_progress`, if it is set and was not just called."""
        if self.on_progress is None or not (now or time.monotonic() - self._reported >= REPORT_EVERY):
            return
        self._reported = time.monotonic()
        self.on_progress(self.statistics(self._counters.phase))

    def lose(self) -> None:
        """The machine was closed during the migration: call no callback."""
        self._counters.lose()
        self._counters.enter(Phase.CANCELLED)
        self.on_progress = None
        self.ended.set()

    def after_fork(self) -> None:
        """In a child of fork: the migration has ended here, whatever happens in the parent."""
        self.on_progress = None
        self.ended = threading.Event()
        self.ended.set()

    def statistics(self, phase: Phase) -> MigrationStatistics:
        """Up to now, as of `phase`. Any thread may ask."""
        link, passes, counters = self._link, self._passes, self._counters
        assert link is not None and passes is not None
        over = not passes.begun
        pages, entries = counters.remaining if over else (passes.pages, passes.entries)
        waiting = self._convergence.seconds(passes.pending + link.waiting, link.rate) if not over else 0.0
        return counters.statistics(
            phase=phase,
            sent_bytes=counters.sent_bytes if over and self.ended.is_set() else link.sent,
            rate=link.rate,
            ram_remaining=pages * PAGE,
            hpt_remaining=entries,
            expected_downtime=waiting,
            throttle=self._throttle.share,
            error=None if self.error is None else str(self.error),
        )
