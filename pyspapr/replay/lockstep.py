"""Two machines of one description, one run by each engine, side by side: the same after every step, or found out.

Enters: how to make such a machine. Leaves: why the guest stopped; or `EngineDifference`, with the first instruction
after which the two are not the same. Both run the same numbers of instructions, so both are cut at the same places.
After each step the processors are compared, after some of them everything else: devices, and of RAM and the hash table
what was written since (and that it was marked so).

On a difference both go back to the latest snapshots taken while they agreed, and from there to the difference again
and again, bisecting the number of instructions. What an engine does may depend on what it has compiled and where its
runs were cut; so both are cut at the same places each time, but for the last one, and when the difference does not come
again from the snapshots, both machines are made anew and run from their beginning.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyspapr._native import disassemble
from pyspapr.config import ENGINES, Engine, check_timeout, whole
from pyspapr.errors import ConfigError, EngineDifference
from pyspapr.partition.console import InputSource
from pyspapr.replay import comparison
from pyspapr.replay.shared_input import InputReader, SharedInput
from pyspapr.results import InstructionLimit, Rebooted, StopReason, Timeout

if TYPE_CHECKING:
    from pyspapr.migration.snapshot import Snapshot
    from pyspapr.partition import Partition
    from pyspapr.partition.console import Console

STEP: Final = 1_000_000
"""Instructions between two comparisons of the processors."""
LOOK: Final = 16
"""Steps between two comparisons of everything."""
LISTED: Final = 24
"""Instructions that are listed before a difference."""
FREEZE: Final = 160
"""Steps between two snapshots; a multiple of `LOOK`."""


class Twin(Protocol):
    """One of the two machines; a `pyspapr.Machine` is one."""

    @property
    def partition(self) -> Partition:
        """What it consists of."""
        ...

    @property
    def console(self) -> Console:
        """Its console."""
        ...

    def run(self, *, max_instructions: int | None = None, timeout: float | None = None) -> StopReason:
        """Run the guest."""
        ...

    def reboot(self) -> None:
        """Start the guest anew."""
        ...

    def snapshot(self) -> Snapshot[Any]:
        """The machine as it stands."""
        ...

    def state_hash(self) -> str:
        """Of everything."""
        ...


Make = Callable[[Engine], Twin]


@dataclass
class Pair:
    """Both machines, where they stand."""

    machines: tuple[Twin, Twin]
    inputs: tuple[InputReader, InputReader]
    reasons: tuple[StopReason, StopReason] = (InstructionLimit(0), InstructionLimit(0))

    @property
    def count(self) -> int:
        """Instructions, by the first machine."""
        return self.machines[0].partition.instructions

    @property
    def ended(self) -> bool:
        """Whether the latest run of one ended before its budget did."""
        return not all(isinstance(reason, InstructionLimit) for reason in self.reasons)

    @property
    def expired(self) -> bool:
        """Whether the first machine stopped because of its timeout."""
        return isinstance(self.reasons[0], Timeout)

    def differences(self, *, everything: bool) -> list[str]:
        """What differs: of the processors, or everything that may have changed since everything was asked for."""
        lines = []
        if not self.expired:
            # A sleeping guest polls for input as long as it gets time.
            one, other = self.inputs
            lines += comparison.unlike("looks at input", one.position, other.position)
            lines += comparison.unlike("end of the run", *self.reasons)
        lines += comparison.unlike("bytes printed", *(vm.console.total for vm in self.machines))
        one_side, other_side = (vm.partition for vm in self.machines)
        lines += comparison.processors(one_side, other_side)
        if everything or lines:
            lines += comparison.devices(one_side, other_side)
            lines += comparison.memory(one_side, other_side)
            lines += comparison.table(one_side, other_side)
        return lines


class Base(Protocol):
    """A point where both agree and from which they can be run again; hashable."""

    @property
    def steps(self) -> int:
        """Steps before it."""
        ...

    @property
    def count(self) -> int:
        """Instructions before it."""
        ...

    def pair(self) -> Pair: ...


@dataclass(frozen=True, eq=False)
class Beginning:
    """Machines made anew."""

    make: Make
    input: SharedInput
    steps: int = 0
    count: int = 0

    def __str__(self) -> str:
        return "the beginning"

    def pair(self) -> Pair:
        one, other = (self.make(engine) for engine in ENGINES)
        return connect((one, other), (self.input.replay(0), self.input.replay(0)))


@dataclass(frozen=True, eq=False)
class Frozen:
    """Snapshots."""

    snapshots: tuple[Snapshot[Any], Snapshot[Any]]
    input: SharedInput
    position: int
    steps: int
    count: int

    def __str__(self) -> str:
        return "the latest snapshot"

    def pair(self) -> Pair:
        one, other = (snapshot.fork(engine) for snapshot, engine in zip(self.snapshots, ENGINES, strict=True))
        return connect((one, other), (self.input.replay(self.position), self.input.replay(self.position)))


def connect(machines: tuple[Twin, Twin], inputs: tuple[InputReader, InputReader]) -> Pair:
    for vm, reader in zip(machines, inputs, strict=True):
        vm.console.source = reader
    return Pair(machines, inputs)


class Lockstep:
    """Runs both machines."""

    def __init__(
        self,
        make: Make,
        *,
        source: InputSource | None = None,
        step: int = STEP,
        reboots: bool = False,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`make` gives a machine that is ready to run, with virtual time or a replay; `source` is the console's input.

        With `reboots` a guest may reboot. `notify` gets progress messages while a difference is located.
        """
        self.input = SharedInput(source)
        self.step = step
        self.reboots = reboots
        self.notify = notify
        self._beginning: Base = Beginning(make, self.input)
        self._base: Base = self._beginning
        self._cuts: list[int] = []
        """Instructions at the end of each step."""
        one, other = (make(engine) for engine in ENGINES)
        if one.partition.config.clock != "virtual" and one.partition.recording is None:
            raise ConfigError("lock-step needs virtual time: with the host's clock no two runs are the same")
        self._pair = connect((one, other), (self.input.lead(), self.input.replay(0)))

    @property
    def machine(self) -> Twin:
        """The machine whose console is shown."""
        return self._pair.machines[0]

    def advance(self, vm: Twin, instructions: int, timeout: float | None = None) -> StopReason:
        """Run one machine for so many instructions, through reboots."""
        until = vm.partition.instructions + instructions
        while True:
            reason = vm.run(max_instructions=until - vm.partition.instructions, timeout=timeout)
            if not (isinstance(reason, Rebooted) and self.reboots):
                return reason
            vm.reboot()

    def _advance(self, pair: Pair, instructions: int, timeout: float | None = None) -> None:
        """Run both; if the first hits its timeout, run the second to the same count."""
        one, other = pair.machines
        reason = self.advance(one, instructions, timeout)
        if isinstance(reason, Timeout):
            instructions = pair.count - other.partition.instructions
        pair.reasons = (reason, self.advance(other, instructions))

    def run(self, *, max_instructions: int | None = None, timeout: float | None = None) -> StopReason:
        """Run both until the guest stops or a limit is reached; `timeout` is checked after every step. Raises
        EngineDifference, and ConfigError for an invalid timeout.
        """
        check_timeout(timeout)
        if max_instructions is not None:
            max_instructions = whole("max_instructions", max_instructions)
        pair = self._pair
        deadline = None if timeout is None else time.monotonic() + timeout
        limit = None if max_instructions is None else pair.count + max_instructions
        agreed = pair.count
        while True:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            self._advance(pair, self.step if limit is None else min(self.step, limit - pair.count), left)
            self._cuts.append(pair.count)
            over = pair.ended or pair.count == limit
            if lines := pair.differences(everything=over or self._looks(len(self._cuts))):
                raise self._difference(agreed, pair, lines)
            if over:
                self._compare_hashes(pair)
                return Timeout(timeout) if timeout is not None and pair.expired else pair.reasons[0]
            if self._looks(len(self._cuts)):
                agreed = pair.count
            if self._freezes(len(self._cuts)):
                one, other = (vm.snapshot() for vm in pair.machines)
                self._base = Frozen((one, other), self.input, pair.inputs[0].position, len(self._cuts), pair.count)

    @staticmethod
    def _looks(steps: int) -> bool:
        return steps % LOOK == 0

    def _freezes(self, steps: int) -> bool:
        """A replay always begins at its beginning."""
        return steps % FREEZE == 0 and self._pair.machines[0].partition.recording is None

    def _compare_hashes(self, pair: Pair) -> None:
        """The last look is at everything, changed or not."""
        one, other = (vm.state_hash() for vm in pair.machines)
        if one != other:
            raise self._difference(0, pair, [f"state hash: {one} / {other}"])

    # A difference.

    def _difference(self, agreed: int, pair: Pair, lines: list[str]) -> EngineDifference:
        """The error for a difference between `agreed` and where `pair` is now."""
        last = pair.count
        self.notify(f"the engines differ between instructions {agreed} and {last}: looking for the first one")
        for base in dict.fromkeys((self._base, self._beginning)):
            if self._again(base, last)[1]:
                return self._bisect(base, agreed, last)
            self.notify(f"{base} does not lead to the difference again")
        message = f"the engines differ between instructions {agreed} and {last}, and not every time"
        return EngineDifference(message, last, None, [*places(pair), *lines])

    def _again(self, base: Base, until: int) -> tuple[Pair, list[str]]:
        """Run both machines from `base` to `until` with the same steps as before; return them and their differences."""
        pair = base.pair()
        for steps, cut in enumerate(self._cuts[base.steps :], base.steps + 1):
            if cut >= until:
                break
            self._advance(pair, cut - pair.count)
            if lines := pair.differences(everything=self._looks(steps)):
                return pair, lines
            if self._freezes(steps):
                for vm in pair.machines:
                    vm.snapshot()
        if pair.count < until:
            self._advance(pair, until - pair.count)
        return pair, pair.differences(everything=True)

    def _bisect(self, base: Base, agreed: int, last: int) -> EngineDifference:
        """Find the instruction between `agreed` and `last` that makes the difference."""
        while last - agreed > 1:
            middle = (agreed + last) // 2
            if self._again(base, middle)[1]:
                last = middle
            else:
                agreed = middle
        before = self._again(base, agreed)[0].machines[0].partition
        pair, lines = self._again(base, last)
        message = f"the engines differ after instruction {last}, {place(before)}"
        listing = self._listing(base, max(agreed - LISTED, base.count), last)
        return EngineDifference(message, last, before.current.pc, [*places(pair), *lines, *listing])

    def _listing(self, base: Base, first: int, last: int) -> list[str]:
        """The instructions leading to the difference: compiled code runs only if a whole block fits into the budget,
        so any instruction of the last block may be the wrong one."""
        vm = self._again(base, first)[0].machines[0]
        lines = ["the instructions before:"]
        while (count := vm.partition.instructions) < last:
            lines.append(f"  {count} {place(vm.partition)}")
            if not isinstance(self.advance(vm, 1), InstructionLimit):
                break
        return lines


def place(vm: Partition) -> str:
    """Where a machine is: the instruction to come."""
    cpu = vm.current
    real = cpu.vcpu.translate(cpu.pc, fetch=True)
    if real is None:
        return f"{cpu.pc:#x}, which is not mapped"
    word = int.from_bytes(vm.memory.read(real, 4), "little" if cpu.msr & 1 else "big")
    return f"{cpu.pc:#x}: {word:08x} {disassemble(word, cpu.pc)}"


def places(pair: Pair) -> list[str]:
    return [
        f"{vm.partition.engine} after {vm.partition.instructions} instructions ({reason}) at {place(vm.partition)}"
        for vm, reason in zip(pair.machines, pair.reasons, strict=True)
    ]
