"""What a migration counts while it runs: phases, passes, times. Leaves: `MigrationStatistics`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pyspapr.migration.phases import Phase
from pyspapr.migration.statistics import MigrationStatistics, PassStatistics


class Counters:
    """Written by the thread that migrates; `statistics` may be called by any."""

    def __init__(self, instructions: Callable[[], int]) -> None:
        self.phase = Phase.SETUP
        self.device_bytes = 0
        self.sent_bytes = 0
        self.remaining = (0, 0)
        self._instructions = instructions
        self._begin = self._phase_begin = self._pass_begin = time.monotonic()
        self._end: float | None = None
        self._spent: dict[Phase, float] = {}
        self._passes: tuple[PassStatistics, ...] = ()
        self._current: PassStatistics | None = None
        self._number = 0
        self._waits = self._joins = False
        self._pass_instructions = 0
        self._stop: float | None = None
        self._downtime: float | None = None
        self._steps: Mapping[str, float] = MappingProxyType({})

    def enter(self, phase: Phase) -> None:
        now = time.monotonic()
        spent = dict(self._spent)
        spent[self.phase] = spent.get(self.phase, 0.0) + now - self._phase_begin
        self._spent = spent
        self._phase_begin = now
        self.phase = phase
        if phase.ended:
            self._end = now
            if self._current is not None:
                self.end_pass()

    def stopped(self, since: float) -> None:
        """The guest is stopped, since its last instruction at `since`."""
        self._stop = since

    def step(self, name: str) -> None:
        """Note that the step `name` of the downtime is done."""
        if (still := self.still) is not None:
            self._steps = MappingProxyType({**self._steps, name: still})

    @property
    def still(self) -> float | None:
        """Seconds since the guest was stopped; None while it runs."""
        return None if self._stop is None else time.monotonic() - self._stop

    def resumed(self) -> None:
        """The guest runs at the destination."""
        if self._stop is not None:
            self._downtime = time.monotonic() - self._stop

    # Passes.

    @property
    def number(self) -> int:
        """The number of the current pass, from 1."""
        return self._number

    def begin_pass(self, *, final: bool, waits: bool = False) -> None:
        """Begin a pass. Passes that only `wait` for the moment to stop are reported as one."""
        self._number += 1
        self._waits, self._joins = waits, waits and self._waits
        self._current = PassStatistics(number=self._number, final=final)
        self._pass_begin = time.monotonic()
        self._pass_instructions = self._instructions()

    def ram(self, pages: int, zero_pages: int, size: int) -> None:
        if (one := self._current) is not None:
            self._current = one.replace(
                ram_pages=one.ram_pages + pages,
                ram_zero_pages=one.ram_zero_pages + zero_pages,
                ram_bytes=one.ram_bytes + size,
            )

    def hpt(self, valid: int, invalid: int, size: int) -> None:
        """A chunk of the hash table."""
        if (one := self._current) is not None:
            self._current = one.replace(
                hpt_valid=one.hpt_valid + valid,
                hpt_invalid=one.hpt_invalid + invalid,
                hpt_bytes=one.hpt_bytes + size,
            )

    def _timed(self, one: PassStatistics) -> PassStatistics:
        return one.replace(
            seconds=time.monotonic() - self._pass_begin,
            instructions=self._instructions() - self._pass_instructions,
        )

    def end_pass(self) -> None:
        if self._current is not None:
            self._passes = self._with(self._timed(self._current))
            self._current = None

    def lose(self) -> None:
        """Drop the current pass: the guest is gone, so its instructions are unknown."""
        self._current = None

    def _with(self, one: PassStatistics) -> tuple[PassStatistics, ...]:
        """The passes with `one` added."""
        if not self._joins:
            return (*self._passes, one)
        return (*self._passes[:-1], self._passes[-1].joined(one))

    def statistics(self, **more: Any) -> MigrationStatistics:
        now = time.monotonic() if self._end is None else self._end
        spent = dict(self._spent)
        if not self.phase.ended:
            spent[self.phase] = spent.get(self.phase, 0.0) + now - self._phase_begin
        current = self._current
        passes = self._passes if current is None else self._with(current)
        return MigrationStatistics(
            passes=passes,
            phase_seconds=MappingProxyType(spent),
            seconds=now - self._begin,
            downtime=self._downtime,
            steps=self._steps,
            device_bytes=self.device_bytes,
            **more,
        )
