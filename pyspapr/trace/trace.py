"""`vm.trace()`: what a guest does, as events with instruction counts.

    with vm.trace("hcall", "irq") as trace:
        vm.shell("true")
    print(trace.counts["H_ENTER"], *trace.events[:3], sep="\\n")
    trace.write("trace.json")  # for Chrome and Perfetto; "trace.jsonl": one object a line

Enters: kinds (`events.KINDS`). Leaves: events, kept in memory, the latest `limit` of them, or given to a function as
they come. It is made of hooks, so it acts on either engine at the same count and changes no count; a machine that is
not traced has none of them. The kind `stack` is the call chain at each multiple of `every` instructions: `folded()`
has these for flame graphs.
"""

from __future__ import annotations

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from pyspapr.config import check_function, whole
from pyspapr.errors import ConfigError
from pyspapr.hooks.events import InterruptEvent
from pyspapr.migration.replacement import replacing
from pyspapr.trace.events import (
    KINDS,
    FaultTraced,
    HypercallTraced,
    InterruptTraced,
    LineTraced,
    RtasTraced,
    SampleTraced,
    SwitchTraced,
    SyscallTraced,
    TraceEvent,
)

if TYPE_CHECKING:
    from pyspapr.hooks.events import CallEvent, CountEvent, Event, LineEvent, SwitchEvent
    from pyspapr.hooks.hooks import Hook, Hooks

LIMIT: Final = 1_000_000
"""Events that a trace keeps, if nothing else is said."""
SYSCALL: Final = 0xC00
FAULTS: Final = (0x300, 0x380, 0x400, 0x480)
INSTRUCTION: Final = (0x400, 0x480)
EVERY: Final = 1_000_000
"""Instructions from stack to stack, if nothing else is said."""


def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds of a list with commas. Raises ConfigError for one that there is not."""
    return checked(part.strip() for part in text.split(","))


def checked(kinds: Iterable[str]) -> tuple[str, ...]:
    """`kinds`, each once. Raises ConfigError for one that there is not."""
    found = tuple(dict.fromkeys(kinds))
    for kind in found:
        if kind not in KINDS:
            if "," in kind:
                raise ConfigError(f"{kind!r} is one text: give each kind as an argument, as in trace('hcall', 'irq')")
            raise ConfigError(f"there is no trace of {kind!r}; there are {', '.join(KINDS)}")
    return found


def least(name: str, value: int, smallest: int) -> int:
    """`value`, if it is a whole number of at least `smallest`. Raises ConfigError."""
    if whole(name, value) < smallest:
        raise ConfigError(f"{name} is {value}, expected {smallest} or more")
    return value


class Trace:
    """Events of one machine, until `stop` or the end of its context."""

    def __init__(
        self,
        hooks: Hooks,
        kinds: Iterable[str],
        *,
        limit: int = LIMIT,
        every: int = EVERY,
        sink: Callable[[TraceEvent], object] | None = None,
    ) -> None:
        """Begin. Raises ConfigError, and KeyError for a kernel without what a kind needs; nothing is traced then."""
        self.kinds = checked(kinds)
        self.events: deque[TraceEvent] = deque(maxlen=least("limit", limit, 0))
        """The latest, oldest first; none with a `sink`, which gets each."""
        self.total = 0
        """Events so far, those included that are no longer kept."""
        self.counts: Counter[str] = Counter()
        """Events by title; of lines, system calls and tasks by kind."""
        self._every = least("every", every, 1)
        self._hooks: list[Hook] = []
        self._sink = sink
        if sink is not None:
            check_function("a sink", sink)
        try:
            for kind in self.kinds:
                self._hooks += getattr(self, f"_{kind}")(hooks)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Trace no longer; the events stay. Doing so again does nothing."""
        hooks, self._hooks = self._hooks, []
        for hook in hooks:
            hook.remove()

    def __enter__(self) -> Self:
        """It has begun already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    def __iter__(self) -> Iterator[TraceEvent]:
        """The events that are kept."""
        return iter(tuple(self.events))

    def __len__(self) -> int:
        """How many are kept."""
        return len(self.events)

    def __repr__(self) -> str:
        """What it traces, and how much there is."""
        return f"<Trace of {', '.join(self.kinds)}: {self.total} events>"

    # Where events come from.

    def _put(self, made: TraceEvent) -> None:
        self.total += 1
        self.counts[made.KIND if isinstance(made, LineTraced | SyscallTraced | SwitchTraced) else made.title] += 1
        if self._sink is not None:
            self._sink(made)
        else:
            self.events.append(made)

    @staticmethod
    def _where(event: Event) -> tuple[int, int, int]:
        vcpu = event.cpu.vcpu
        return vcpu.machine_instructions, vcpu.machine_nanos, event.cpu.index

    def _hcall(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: CallEvent) -> None:
            results = event.results or ()
            self._put(
                HypercallTraced(*self._where(event), event.number, event.name, tuple(event.arguments), tuple(results))
            )

        for number in sorted(hooks.hypercalls()):
            yield hooks.hypercall(number, after=heard)

    def _rtas(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: CallEvent) -> None:
            results = event.results or ()
            self._put(RtasTraced(*self._where(event), event.number, event.name, tuple(event.arguments), tuple(results)))

        for name in sorted(hooks.rtas_calls()):
            yield hooks.rtas(name, after=heard)

    def _irq(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: InterruptEvent) -> None:
            self._put(InterruptTraced(*self._where(event), event.vector, event.name, event.interrupted))

        for vector in InterruptEvent.NAMES:
            if vector not in FAULTS and vector != SYSCALL:
                yield hooks.interrupt(vector, heard)

    def _mmu(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: InterruptEvent) -> None:
            cpu, vector = event.cpu, event.vector
            of_code = vector in INSTRUCTION
            address, cause = (cpu["srr0"], cpu["srr1"] >> 16 & 0xFFFF) if of_code else (cpu["dar"], cpu["dsisr"])
            self._put(FaultTraced(*self._where(event), vector, event.name, event.interrupted, address, cause))

        for vector in FAULTS:
            yield hooks.interrupt(vector, heard)

    def _syscall(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: InterruptEvent) -> None:
            cpu = event.cpu
            arguments = tuple(cpu[f"r{number}"] for number in range(3, 9))
            self._put(SyscallTraced(*self._where(event), cpu["r0"], arguments, event.interrupted))

        yield hooks.interrupt(SYSCALL, heard)

    def _context(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: SwitchEvent) -> None:
            self._put(SwitchTraced(*self._where(event), event.before, event.after))

        yield hooks.context_switch(heard)

    def _console(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: LineEvent) -> None:
            self._put(LineTraced(*self._where(event), event.line))

        yield hooks.console_line("", heard)

    def _stack(self, hooks: Hooks) -> Iterator[Hook]:
        def heard(event: CountEvent) -> None:
            where = self._where(event)
            self._hooks = [hook for hook in self._hooks if not hook.removed]
            self._hooks.append(following(where[0]))
            frames = event.vm.debug.backtrace()
            stack = tuple(frame.symbol.partition("+")[0] for frame in reversed(frames))
            self._put(SampleTraced(*where, stack))

        def following(instructions: int) -> Hook:
            return hooks.at_count((instructions // self._every + 1) * self._every, heard)

        yield following(hooks.instructions)

    # What becomes of them.

    def folded(self) -> str:
        """The stacks and the instructions that each stands for, one line each, as flame graphs are made from."""
        stacks: Counter[tuple[str, ...]] = Counter()
        for one in self.events:
            if isinstance(one, SampleTraced):
                stacks[one.stack] += self._every
        return "".join(f"{';'.join(stack)} {count}\n" for stack, count in sorted(stacks.items()))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the events: for `.folded` the stacks, for `.jsonl` a JSON object a line, else Chrome's format.

        An older file is replaced when the new one is complete. Raises StateError.
        """
        with replacing(path) as replacement:
            for piece in pieces(self, os.fspath(path)):
                replacement.file.write(piece.encode())


def pieces(trace: Trace, name: str) -> Iterator[str]:
    """Text of a trace, in the format of a file of that name."""
    if name.endswith(".folded"):
        yield trace.folded()
    elif name.endswith(".jsonl"):
        yield from (json.dumps(event.as_json()) + "\n" for event in trace)
    else:
        yield from chrome(trace)


def chrome(events: Iterable[TraceEvent]) -> Iterator[str]:
    """Text in the Trace Event Format. Tasks are slices on a track of their own for each processor."""
    yield '{"displayTimeUnit": "ns", "traceEvents": [\n'
    yield json.dumps({"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "pyspapr"}})
    running: dict[int, TraceEvent] = {}
    named: set[int] = set()

    def track(number: int, name: str) -> Iterator[str]:
        if number not in named:
            named.add(number)
            row = {"ph": "M", "pid": 1, "tid": number, "name": "thread_name", "args": {"name": name}}
            yield ",\n" + json.dumps(row)

    for event in events:
        yield from track(event.cpu, f"CPU {event.cpu}")
        if isinstance(event, SwitchTraced):
            tasks = 1000 + event.cpu
            yield from track(tasks, f"CPU {event.cpu}: tasks")
            if (last := running.get(event.cpu)) is not None:
                row = last.as_chrome()
                del row["s"]
                yield ",\n" + json.dumps({**row, "ph": "X", "tid": tasks, "dur": (event.nanos - last.nanos) / 1000})
            running[event.cpu] = event
        else:
            yield ",\n" + json.dumps(event.as_chrome())
    yield "\n]}\n"
