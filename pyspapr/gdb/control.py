"""Stopping a guest for a debugger, and letting it go on.

Enters: points (breakpoints and watchpoints) and steps. Leaves: a paused guest, and a `Stop` that says why. Everything
here is called in the thread that runs the machine, between two instructions. A guest cannot tell: no memory is written,
no instruction is counted that it did not execute, and a point costs nothing where it is not reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pyspapr._native import WATCH_EXECUTE, WATCH_READ, WATCH_WRITE
from pyspapr.errors import ConfigError, StateError
from pyspapr.partition.owner import owner
from pyspapr.plain import Plain
from pyspapr.replay.history import History

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.watching import Access, Watched

KINDS: Final = (WATCH_EXECUTE, WATCH_EXECUTE, WATCH_WRITE, WATCH_READ, WATCH_READ | WATCH_WRITE)
"""What is watched for the packets Z0 to Z4."""
POINTS: Final = 10_000
"""Points that a debugger may set at once."""


class Point(Plain):
    """A breakpoint or a watchpoint."""

    kind: int
    """The number behind Z."""
    address: int
    length: int


class Stop(Plain):
    """Why the guest stands still, in the words of `GdbSession.stopped`."""

    why: str
    cpu: int = 0
    kind: int = 0
    address: int = 0


class Control:
    """One machine's, for one debugger. The machine knows it as `debugger` while it is attached."""

    def __init__(self, vm: Partition, told: Callable[[Stop], None]) -> None:
        """Take `vm` and stop it. `told` is called with each later stop.

        Raises StateError if there is another debugger, or no guest.
        """
        if vm.debugger is not None:
            raise StateError("the machine has a debugger already")
        if vm.absent is not None:
            raise StateError(vm.absent)
        self._owner = owner(vm, "the debugger")
        self._told = told
        self._watched: dict[Point, Watched] = {}
        self._set: Counter[Point] = Counter()
        self._step_at: int | None = None
        self._step_of = 0
        self._next: Stop | None = None
        self._passed: dict[int, Stop] | None = None  # by instruction count, while the guest goes back
        self._counts: list[int] = []
        self.was_paused = vm.paused
        vm.debugger = self
        vm.pause()
        self._unsubscribe = vm.events.subscribe(self._on_event)

    @property
    def vm(self) -> Partition:
        """The machine. Raises StateError if it is gone."""
        return self._owner()

    @property
    def goes_back(self) -> bool:
        """Whether the guest can go back."""
        return self.history is not None

    @property
    def history(self) -> History | None:
        """The guest's past."""
        return found if isinstance(found := self.vm.recording, History) else None

    def go_back(self, how: str) -> Stop:
        """Take the guest back by one instruction ("step-back"), or to the latest point ("back")."""
        vm, history = self.vm, self.history
        if history is None:
            raise StateError("this machine keeps no history")
        here = vm.instructions
        self._passed = {}
        try:
            if how == "step-back":
                history.goto(max(here - 1, history.begin))
                return Stop("step" if here > history.begin else "begin")
            count = history.search(here, self._counts)
            stop = Stop("begin") if count is None else self._passed[count]
            history.goto(history.begin if count is None else count)
            return stop
        finally:
            self._passed = None

    def goto(self, count: int) -> None:
        """Take the guest to an instruction count. Raises StateError."""
        if self.history is None:
            raise StateError("this machine keeps no history")
        self._passed = {}
        try:
            self.history.goto(count)
        finally:
            self._passed = None

    def changed(self) -> None:
        """The debugger has changed registers or memory."""
        if self.history is not None:
            self.history.changed()

    # Points.

    def insert(self, point: Point) -> bool:
        """Set `point`, or set it once more. False if that cannot be."""
        if not self._set[point]:
            if len(self._watched) >= POINTS:
                return False
            try:
                self._watched[point] = self.vm.watching.add(
                    point.address, point.length, KINDS[point.kind], lambda access: self._hit(point, access)
                )
            except ConfigError:
                return False
        self._set[point] += 1
        return True

    def remove(self, point: Point) -> bool:
        """Undo one `insert`. False if there was none."""
        if not self._set[point]:
            return False
        self._set[point] -= 1
        if not self._set[point]:
            del self._set[point]
            self._watched.pop(point).remove()
        return True

    def _hit(self, point: Point, access: Access) -> None:
        why = "break" if KINDS[point.kind] == WATCH_EXECUTE else "watch"
        stop = Stop(why, access.cpu.index, point.kind, max(access.address, point.address))
        if self._passed is not None:
            self._passed[self.vm.instructions] = stop
            self._counts.append(self.vm.instructions)
        elif self._next is None:
            self._stop(stop)

    # Stopping and going on.

    def _stop(self, stop: Stop) -> None:
        self._step_at = None
        if self.vm.paused:
            self._told(stop)
            return
        self._next = stop
        self.vm.pause()

    def _on_event(self, name: str, data: dict[str, object]) -> None:
        """Somebody has stopped the guest."""
        if name == "STOP":
            stop, self._next = self._next or self._interrupted(), None
            self._step_at = None
            self._told(stop)

    def interrupt(self) -> None:
        """Stop the guest."""
        self._stop(self._interrupted())

    def _interrupted(self) -> Stop:
        return Stop("interrupt", self.vm.current.index)

    def go_on(self) -> bool:
        """Let the guest go on. False if there is none that can."""
        if self.vm.life.over or self.vm.absent is not None:
            return False
        self.vm.resume()
        return True

    def step(self, cpu: int) -> bool:
        """As `go_on`, for one instruction of a processor."""
        self._step_at, self._step_of = self.vm.cpus[cpu].vcpu.instructions + 1, cpu
        return self.go_on()

    def budget(self, done: int) -> int | None:
        """For the run loop: how many instructions may be executed now."""
        if self._step_at is None:
            return None
        # Another processor may have the turn, and goes on until it has had it.
        return 1 if len(self.vm.cpus) > 1 else max(self._step_at - done, 0)

    def look(self) -> None:
        """For the run loop, between two slices: whether it is time to stop, or there is no guest any more."""
        vm = self.vm
        if vm.life.over:
            self._told(Stop("exited", address=min(vm.ended.exit_status, 255) if vm.ended is not None else 0))
        elif self._step_at is not None and not vm.paused and vm.cpus[self._step_of].vcpu.instructions >= self._step_at:
            self._stop(Stop("step", self._step_of))

    def close(self, paused: bool) -> None:
        """The debugger has gone: remove all of its points, and leave the guest `paused` or let it go on."""
        self._unsubscribe()
        with suppress(StateError):  # the machine is gone
            vm = self.vm
            vm.debugger = None
            for watched in self._watched.values():
                watched.remove()
            self._watched.clear()
            if not paused:
                self.go_on()
