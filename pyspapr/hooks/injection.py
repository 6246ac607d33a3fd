"""`vm.inject`: faults, at places that a seed chooses, and a list of what was done.

    with vm.inject(hcall="H_ENTER", returns="H_PTEG_FULL", every=7, seed=3) as injection:
        vm.shell("make check", timeout=60)
    print(injection.log)

Each fault has one target, by its keyword, and keywords that say what, how often and when:

`hcall`, `rtas`
    A name or number. `returns` is a code, its name, or a tuple with results; `delay` is in seconds of guest time.
`console="full"`
    H_PUT_TERM_CHAR returns H_BUSY.
`interrupt="lost"`, `"late"`
    An edge of `source` (by default of any) is dropped, or comes `delay` later, while instructions are executed: one of
    them is a nanosecond.
`interrupt="spurious"`
    An edge of `source`; without one, an external interrupt for which H_XIRR has nothing.
`flip="ram"`, `"hpt"`, `"register"`
    One bit of RAM (`within`: first byte and end), of a valid entry, of one of `registers`.
`event="system-reset"`, `"machine-check"`
    The interrupt. A machine check has `dar`, `dsisr` and bits of `srr1`.
`clock`
    The timebase jumps by so many seconds, which may be negative.

Of calls and edges `every=n` takes one of each n, by default all. The others come at instruction counts: at one of each
`every`, at those that `at` lists, which count from when the machine was made, or else at once. `seed` draws which one
of each n it is; otherwise it is the last. `times` is how often at most.

The same faults in the same guest with the same seed are the same run, on either engine. They belong to their machine,
as hooks do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypedDict

from pyspapr._native import TIMEBASE_HZ
from pyspapr.codes import H_BUSY, RETURN_CODES, STATUSES
from pyspapr.errors import ConfigError
from pyspapr.hooks.choice import Choice, given
from pyspapr.hooks.events import CallEvent
from pyspapr.partition.owner import owner
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.partition import Partition

MOST_LISTED: Final = 1 << 20
"""Faults in a log; more are counted only."""
MACHINE_CHECK: Final = 0x0020_0000
"""SRR1 of a machine check by default: a load or store has caused it."""
BITS: Final = tuple(bit for bit in range(128) if bit not in (5, 6))
"""Bits of an entry, from the least significant of V on; the two that are the hypervisor's are not."""
TRIES: Final = 1 << 16
"""Entries of the hash table that are looked at for a valid one."""

Code = int | str | tuple[int, ...]


class Fault(TypedDict, total=False):
    """The keywords of `inject`."""

    hcall: int | str
    rtas: int | str
    console: Literal["full"]
    interrupt: Literal["lost", "late", "spurious"]
    flip: Literal["ram", "hpt", "register"]
    event: Literal["system-reset", "machine-check"]
    clock: float
    returns: Code
    delay: float
    source: int
    within: tuple[int, int]
    registers: tuple[str, ...]
    dar: int
    dsisr: int
    srr1: int
    every: int
    at: int | Iterable[int]
    times: int
    seed: int


CALLS: Final = frozenset(("every", "times", "seed"))
COUNTS: Final = CALLS | {"at"}
TARGETS: Final[dict[str, frozenset[str]]] = {
    "hcall": CALLS | {"returns", "delay"},
    "rtas": CALLS | {"returns", "delay"},
    "console": CALLS,
    "interrupt": COUNTS | {"source", "delay"},
    "flip": COUNTS | {"within", "registers"},
    "event": COUNTS | {"dar", "dsisr", "srr1"},
    "clock": COUNTS,
}
"""Which keywords belong to which target."""
KINDS: Final = {
    "console": ("full",),
    "interrupt": ("lost", "late", "spurious"),
    "flip": ("ram", "hpt", "register"),
    "event": ("system-reset", "machine-check"),
}


class Injected(Plain):
    """A fault that was injected."""

    instructions: int
    """When: instructions that were executed before it."""
    what: str


class Injection:
    """Faults of one kind, until `remove`. A context manager."""

    def __init__(self, machine: Any, fault: Fault) -> None:
        """Raises ConfigError, TypeError and KeyError for what cannot be."""
        self._owner = owner(machine, "this injection")
        self.log: list[Injected] = []
        """What was injected, in order."""
        self.count = 0
        """How many faults."""
        self._undo: list[Callable[[], object]] = []
        self._fault = fault
        self._choice = Choice(fault.get("every"), fault.get("times"), fault.get("seed"))
        self.target = self._target()
        getattr(self, f"_{self.target}")()

    def _target(self) -> str:
        targets = [name for name in TARGETS if name in self._fault]
        if len(targets) != 1:
            got = ", ".join(targets) or "none"
            raise TypeError(f"a fault has one target of {', '.join(TARGETS)}; got {got}")
        target = targets[0]
        for name in self._fault:
            if name != target and name not in TARGETS[target]:
                known = ", ".join(sorted(TARGETS[target]))
                raise TypeError(f"{name} has no meaning for a fault of {target}, which takes {known}")
        kinds = KINDS.get(target)
        if kinds is not None and (kind := self._fault.get(target)) not in kinds:
            raise ConfigError(f"{target} is {kind!r}, expected one of {', '.join(kinds)}")
        if "every" in self._fault and "at" in self._fault:
            raise TypeError("a fault comes at instruction counts (at) or at one of each so many (every), not both")
        return target

    @property
    def _vm(self) -> Partition:
        partition: Partition = self._owner().partition
        return partition

    def remove(self) -> None:
        """Inject no more. Doing so again does nothing."""
        undo, self._undo = self._undo, []
        for one in undo:
            one()

    def __enter__(self) -> Self:
        """It is there already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Inject no more."""
        self.remove()

    def __repr__(self) -> str:
        """What, and how often so far."""
        return f"<Injection of {self._fault}, {self.count} so far>"

    def _note(self, what: str) -> None:
        self.count += 1
        if len(self.log) < MOST_LISTED:
            self.log.append(Injected(self._vm.instructions, what))

    def _nanos(self) -> int:
        """`delay`. Raises ConfigError."""
        delay = self._fault.get("delay", 0.0)
        if not 0 <= delay < 1e9:
            raise ConfigError(f"delay is {delay}, expected seconds from 0 on")
        return int(delay * 1e9)

    # Calls.

    def _hcall(self) -> None:
        self._calls(self._owner().hooks.hypercall, self._fault["hcall"], RETURN_CODES)

    def _rtas(self) -> None:
        self._calls(self._owner().hooks.rtas, self._fault["rtas"], STATUSES)

    def _console(self) -> None:
        self._fault = {**self._fault, "returns": H_BUSY}
        self._calls(self._owner().hooks.hypercall, "H_PUT_TERM_CHAR", RETURN_CODES)

    def _calls(self, hook: Callable[..., Any], which: int | str, names: dict[str, int]) -> None:
        returns, nanos = self._fault.get("returns"), self._nanos()
        if returns is None and not nanos:
            raise TypeError("a fault of a call needs returns, delay, or both")
        if nanos and self._vm.config.clock != "virtual":
            raise ConfigError("a call is delayed in virtual time only, not with the host's clock")
        if isinstance(returns, str):
            if returns not in names:
                raise ConfigError(f"{returns!r} is no return code; known: {', '.join(names)}")
            returns = names[returns]
        results = returns if isinstance(returns, tuple) else (returns,)

        def before(event: CallEvent) -> None:
            if not self._choice.take():
                return
            said = []
            if nanos:
                event.cpu.vcpu.skip_nanos(nanos)
                said.append(f"takes {nanos} ns")
            if results != (None,):
                event.answer(*(result for result in results if result is not None))
                said.append(f"returns {returns}")
            self._note(f"{event.name} {' and '.join(said)}")

        self._undo.append(hook(which, before).remove)

    # Interrupts.

    def _interrupt(self) -> None:
        kind, source = self._fault["interrupt"], self._fault.get("source")
        controller = self._vm.interrupts
        if controller is None or (source is not None and source not in controller.sources):
            known = "none" if controller is None else ", ".join(map(hex, controller.sources))
            raise ConfigError(f"no interrupt source has the number {source}; there are {known}")
        if kind == "spurious":
            self._counts(self._spurious)
            return
        if "at" in self._fault:
            raise TypeError("edges are lost or late when they come, so at has no meaning for them")
        delay = self._nanos()
        if kind == "late" and not delay:
            raise TypeError("a late interrupt needs delay")

        def edge(number: int) -> bool:
            if (source is not None and number != source) or not self._choice.take():
                return True
            self._note(f"interrupt {number:#x} is {kind}")
            if kind == "late":
                vm = self._vm
                vm.agenda.add(vm.instructions + delay, lambda: self._late(number))
            return False

        controller.filters.append(edge)
        self._undo.append(lambda: controller.filters.remove(edge))

    def _late(self, number: int) -> None:
        controller = self._vm.interrupts
        assert controller is not None
        controller.present(number)

    def _spurious(self) -> None:
        vm = self._vm
        controller = vm.interrupts
        assert controller is not None
        if (source := self._fault.get("source")) is not None:
            controller.present(source)
            self._note(f"interrupt {source:#x} is spurious")
            return
        vm.cpus[0].vcpu.external = True  # H_XIRR lowers it
        self._note("an external interrupt without a source")

    # At instruction counts.

    def _counts(self, inject: Callable[[], object]) -> None:
        now = self._vm.instructions
        if "at" in self._fault:
            counts = given(self._fault["at"])
        elif "every" in self._fault:
            counts = self._choice.counts(now)
        else:
            counts = iter((now,))
        self._next(counts, inject)

    def _next(self, counts: Iterator[int], inject: Callable[[], object]) -> None:
        count = next(counts, None)
        if count is None:
            return

        def due() -> None:
            self._undo.remove(entry.remove)
            self._next(counts, inject)
            inject()

        entry = self._vm.agenda.add(count, due)
        self._undo.append(entry.remove)

    def _flip(self) -> None:
        kind = self._fault["flip"]
        memory = self._vm.memory
        first, end = self._fault.get("within", (0, len(memory)))
        registers = self._fault.get("registers", tuple(f"r{number}" for number in range(32)))
        if not 0 <= first < end <= len(memory):
            raise ConfigError(f"bits are flipped within {first:#x} to {end:#x}, which is not within RAM")
        for name in registers:
            if name not in self._vm.cpus[0]:
                raise ConfigError(f"there is no register {name!r}")
        random = self._choice.random

        def ram() -> None:
            address, bit = random.randrange(first, end), random.randrange(8)
            memory = self._vm.memory
            memory[address] ^= 1 << bit
            self._note(f"bit {bit} of the byte at real address {address:#x}")

        def hpt() -> None:
            table = self._owner().hpt
            ptex = random.randrange(len(table))
            bit = random.choice(BITS)
            for _ in range(TRIES):
                v, r = table[ptex]
                if v & 1:
                    table[ptex] = (v ^ 1 << bit, r) if bit < 64 else (v, r ^ 1 << (bit - 64))
                    self._note(f"bit {bit % 64} of {'VR'[bit // 64]} of entry {ptex:#x}")
                    return
                ptex = (ptex + 1) % len(table)

        def register() -> None:
            name, bit = random.choice(registers), random.randrange(64)
            cpu = self._vm.cpus[0]
            cpu[name] ^= 1 << bit
            self._note(f"bit {bit} of {name}")

        self._counts({"ram": ram, "hpt": hpt, "register": register}[kind])

    def _event(self) -> None:
        kind = self._fault["event"]
        dar, dsisr = self._fault.get("dar", 0), self._fault.get("dsisr", 0)
        srr1 = self._fault.get("srr1", MACHINE_CHECK)
        if kind == "system-reset" and not self._fault.keys().isdisjoint(("dar", "dsisr", "srr1")):
            raise TypeError("a system reset has no dar, dsisr and srr1")
        for name, value, bits in (("dar", dar, 64), ("dsisr", dsisr, 32), ("srr1", srr1, 64)):
            if not 0 <= value < 1 << bits:
                raise ConfigError(f"{name} has {bits} bits and cannot hold {value:#x}")

        def inject() -> None:
            vcpu = self._vm.cpus[0].vcpu
            if kind == "system-reset":
                vcpu.system_reset()
            else:
                vcpu.machine_check(dar, dsisr, srr1)
            self._note(kind)

        self._counts(inject)

    def _clock(self) -> None:
        seconds = self._fault["clock"]
        if not -1e9 < seconds < 1e9:
            raise ConfigError(f"clock is {seconds}, expected seconds")

        def jump() -> None:
            vcpu = self._vm.cpus[0].vcpu
            vcpu.timebase = (vcpu.timebase + int(seconds * TIMEBASE_HZ)) % (1 << 64)
            self._note(f"the timebase jumps by {seconds} s")

        self._counts(jump)
