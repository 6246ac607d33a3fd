"""The past of a machine: going back to an instruction count, and forward again over the same instructions.

With virtual time a guest's future follows from its state and its input. Enters: a machine, checkpoints of it at
intervals, and each piece of input with its place. Leaves: the machine as it was at any count since `History` began,
by putting back the latest checkpoint before and executing from there. Must hold: what is executed again is what was
executed, to the bit.

    checkpoints  c0 ────────── c1 ────────── c2 ─ ─ present
    tape              i  i          i                        input, each at its place

A state that did not come from executing (a reset, a register that a debugger has written) is a checkpoint itself, a
*jump*: whoever executes up to its count continues from it. Whoever changes the past drops the future.

Memory is bounded by `memory`: a checkpoint costs the RAM that the guest has touched, and its hash table. When they
take more, the one goes whose neighbours are closest for their age, so that the recent past has the most of them. The
first and jumps go last, the oldest first, and what was before them is forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyspapr import _native
from pyspapr._native import CLOCK_END, PAGE, WATCH_WRITE
from pyspapr.config import parse_size, whole
from pyspapr.errors import ConfigError, ReplayError, StateError
from pyspapr.migration import save
from pyspapr.migration.snapshot import State
from pyspapr.partition.owner import owner
from pyspapr.plain import Plain
from pyspapr.results import InstructionLimit, StopReason

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.agenda import Entry
    from pyspapr.partition.watching import Access

EVERY: Final = 1 << 24
"""Instructions between two checkpoints."""
MEMORY: Final = "2G"

Place = tuple[int, int, int]


class Heard(Plain):
    """Input that the guest got."""

    place: Place
    serving: bool
    """In a hypercall, instead of between two instructions."""
    data: bytes


class Checkpoint(Plain):
    """A state to go back to."""

    count: int
    state: Any
    tape: int
    """How much input came before."""
    printed: int
    heard: int
    size: int
    jump: bool


class History:
    """Of one machine, from now on until `close`; a `Recorder`.

    Raises StateError without virtual time, while the machine is recorded or replayed, and before it has a guest.
    """

    def __init__(self, vm: Partition, *, every: int = EVERY, memory: str | int = MEMORY) -> None:
        """Take the first checkpoint, and others after every `every` instructions."""
        self.every = whole("every", every)
        self.memory = parse_size(memory, "memory") if isinstance(memory, str) else whole("memory", memory)
        if self.every < 1 or self.memory < 1:
            raise ConfigError("checkpoints are 1 instruction or more apart, and take 1 byte or more")
        if vm.config.clock != "virtual":
            raise StateError("only virtual time goes back: choose the virtual clock (--clock virtual)")
        if len(vm.cpus) > 1:
            raise StateError("the past of a machine with several processors cannot be kept")
        if vm.recording is not None:
            raise StateError("the machine is recorded or replayed already")
        if not vm.life.started:
            raise StateError("there is no guest whose past could be kept: call load_kernel() first")
        self._owner = owner(vm, "the history")
        self._tape: list[Heard] = []
        self._next = 0  # of the tape
        self._checkpoints: list[Checkpoint] = []
        self._source: Checkpoint | None = None  # what the guest executes from, in its past
        self._present = vm.instructions
        self._polled = False
        self._stale = False
        self._starts = vm.life.starts
        self._entry: Entry | None = None
        self.replaying = False
        """Whether the guest is in its past."""
        self._keep(jump=True)
        vm.recording = self

    @property
    def _vm(self) -> Partition:
        return self._owner()

    @property
    def begin(self) -> int:
        """The oldest instruction count to which the machine can go back."""
        return self._checkpoints[0].count

    @property
    def present(self) -> int:
        """The instruction count up to which the future is known."""
        return self._present if self.replaying else self._vm.instructions

    @property
    def checkpoints(self) -> list[int]:
        """The instruction counts of checkpoints, in order."""
        return [one.count for one in self._checkpoints]

    def close(self) -> None:
        """Forget everything. A machine that is in its past stays where it is. May be called again."""
        if self._vm.recording is self:
            self._forget_future()
            self._vm.recording = None
            self._vm.cpus[0].vcpu.forget_place()
        if self._entry is not None:
            self._entry.remove()
        self._checkpoints.clear()
        self._tape.clear()

    # Checkpoints.

    def _keep(self, *, jump: bool = False) -> None:
        vm = self._vm
        save.prepare(vm)
        size = vm.ram.touched_pages() * PAGE + (1 << vm.hpt.shift)
        self._checkpoints.append(
            Checkpoint(
                count=vm.instructions,
                state=State(vm),
                tape=len(self._tape),
                printed=vm.console.total,
                heard=vm.console.heard,
                size=size,
                jump=jump,
            )
        )
        self._thin()
        self._plan()

    def _plan(self) -> None:
        """The next checkpoint's time."""
        if self._entry is not None:
            self._entry.remove()
        self._entry = self._vm.agenda.add(self._checkpoints[-1].count + self.every, self._due)

    def _due(self) -> None:
        self._entry = None
        if not self.replaying and self._vm.recording is self:
            self._keep()

    def _thin(self) -> None:
        kept = self._checkpoints
        now = self._vm.instructions
        while len(kept) > 1 and sum(one.size for one in kept) > self.memory:
            inner = [n for n in range(1, len(kept) - 1) if not kept[n].jump]
            if not inner:
                del kept[0]
                kept[0] = kept[0].replace(jump=True)
                continue
            del kept[min(inner, key=lambda n: (kept[n + 1].count - kept[n - 1].count) / (now - kept[n - 1].count + 1))]

    def _latest(self, count: int) -> Checkpoint:
        """The checkpoint to execute from for the state at `count`."""
        return next(one for one in reversed(self._checkpoints) if one.count <= count)

    def _jump(self) -> Checkpoint | None:
        """The next jump after the checkpoint that the guest executes from."""
        index = next((n for n, one in enumerate(self._checkpoints) if one is self._source), -1)
        return next((one for one in self._checkpoints[index + 1 :] if one.jump), None)

    def _put_back(self, to: Checkpoint) -> None:
        vm = self._vm
        if not self.replaying:
            self._present = vm.instructions
            self.replaying = True
        paused = vm.life.paused
        vm.console.rewind(to.printed, to.heard, lambda: to.state.put_back(vm))
        vm.life.paused = paused
        vm.cpus[0].vcpu.forget_place()
        self._starts = vm.life.starts
        self._next, self._source = to.tape, to

    # Going.

    def goto(self, count: int) -> StopReason:
        """Be where the machine was at `count` instructions, or execute up to it; see `Machine.goto`."""
        vm = self._vm
        if vm.serving:
            raise StateError("a hypercall handler is running: the machine cannot go elsewhere before it has returned")
        if vm.migrating is not None:
            raise StateError("the machine is being migrated: it cannot go back before that has ended")
        if count < self.begin:
            raise StateError(f"the history begins at instruction {self.begin}: it has nothing of instruction {count}")
        if count > CLOCK_END:
            raise StateError(f"instruction {count} is behind the end of time, {CLOCK_END}")
        latest = self._latest(min(count, self.present))
        if count < vm.instructions or latest.count > vm.instructions:
            self._put_back(latest)
        while True:
            end = self._end(count)
            if vm.instructions < end:
                reason = vm.run_again(end)
                if not isinstance(reason, InstructionLimit):
                    return reason
            self._arrive()
            if vm.instructions >= count:
                return InstructionLimit(vm.instructions)

    def _end(self, count: int) -> int:
        """How far to execute, for `count`, before a jump or the present."""
        if not self.replaying:
            return count
        jump = self._jump()
        return min(count, self._present, self._present if jump is None else jump.count)

    def _arrive(self) -> None:
        """Continue at a jump that is reached, or in the present."""
        vm = self._vm
        while self.replaying and (jump := self._jump()) is not None and jump.count <= vm.instructions:
            self._put_back(jump)
        if self.replaying and vm.instructions >= self._present:
            while self._next < len(self._tape):
                event = self._tape[self._next]
                if event.serving or event.place != vm.cpus[0].vcpu.place:
                    raise self._diverged("input is left over")
                self._give(event)
            self.replaying = False
            self._plan()

    def intervals(self, until: int) -> list[tuple[Checkpoint, int]]:
        """Checkpoints and the counts to which executing from each is to go, the latest first."""
        points = [one for one in self._checkpoints if one.count < until]
        ends = [one.count for one in points[1:]] + [until]
        return list(zip(points, ends, strict=True))[::-1]

    def search(self, until: int, found: list[int]) -> int | None:
        """Execute again what led to `until`, the latest part first, until somebody has appended counts to `found`.

        Returns the last of these, and leaves the machine anywhere.
        """
        for point, end in self.intervals(until):
            found.clear()
            self._put_back(point)
            self._vm.run_again(end)
            if counts := [count for count in found if count < until]:
                return counts[-1]
        return None

    def last_write(self, address: int, length: int = 1, *, real: bool = False) -> int | None:
        """As `Machine.rewind_to_last_write`."""
        vm = self._vm
        here = vm.instructions
        found: list[int] = []

        def heard(access: Access) -> None:
            found.append(vm.instructions)

        watched = vm.watching.add(address, length, WATCH_WRITE, heard, real=real)
        try:
            count = self.search(here, found)
        finally:
            watched.remove()
        self.goto(here if count is None else count)
        return count

    def changed(self) -> None:
        """Somebody has changed registers or memory: the future is another, and the machine's state now is a jump."""
        self._forget_future()
        self._stale = True

    def _forget_future(self) -> None:
        if self.replaying:
            vm = self._vm
            self.replaying = False
            del self._tape[self._next :]
            self._checkpoints = [one for one in self._checkpoints if one.count <= vm.instructions]
            vm.console.branch()
            self._plan()

    def _diverged(self, what: str) -> ReplayError:
        now = self._vm.instructions
        return ReplayError(f"the past is not what it was: {what}, at instruction {now}", now, now)

    # As a recorder.

    def ready(self) -> None:
        """The guest is about to execute instructions."""
        vm = self._vm
        if self._stale or vm.life.starts != self._starts:
            if vm.life.starts != self._starts:
                self._forget_future()
                self._starts = vm.life.starts
            self._stale = False
            self._keep(jump=True)
        if self.replaying:
            self._arrive()
        if self.replaying and self._next < len(self._tape):
            vm.cpus[0].vcpu.stop_at(*self._tape[self._next].place)

    def budget(self, done: int) -> int | None:
        """Instructions until the present, or until a jump."""
        return self._end(CLOCK_END) - done if self.replaying else None

    def take(self, limit: int) -> bytes:
        """Input for the guest: what comes now, or what it got here."""
        vm = self._vm
        if not self.replaying:
            data = vm.console.fetch(limit)
            if data:
                self._tape.append(Heard(vm.cpus[0].vcpu.place, vm.serving, data))
                self._next = len(self._tape)
            return data
        if self._next == len(self._tape):
            return b""
        event = self._tape[self._next]
        if vm.serving:
            if not event.serving or event.place != vm.cpus[0].vcpu.place:
                return b""
            vm.cpus[0].vcpu.forget_place()
        elif not self._polled:
            return b""
        if len(event.data) > limit:
            raise self._diverged("the guest asks for less input")
        self._next += 1
        return event.data

    def _give(self, event: Heard) -> None:
        before = self._next
        self._polled = True
        try:
            self._vm.poll()
        finally:
            self._polled = False
        if self._next == before:
            raise self._diverged("the terminal takes no input")

    def exit(self, code: int) -> None:
        """The processor is at the place of some input."""
        if code != _native.EXIT_PLACE or not self.replaying or self._next == len(self._tape):
            raise self._diverged(f"the processor is elsewhere ({self._vm.cpus[0].vcpu.astray})")
        event = self._tape[self._next]
        if event.serving:
            raise self._diverged("the guest has not asked for the input that it got")
        self._give(event)

    def going_on(self) -> bool:
        """With virtual time nothing happens while a guest stands still."""
        return True

    def reset(self) -> None:
        """What follows is found out when the guest goes on."""

    def check(self) -> None:
        """Nothing to do."""

    def returned(self, reason: StopReason) -> None:
        """Nothing to do."""

    def after_fork(self, vm: Partition) -> None:
        """In a child of fork: it has the same past."""
