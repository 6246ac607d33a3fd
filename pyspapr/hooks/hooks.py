"""`vm.hooks`: functions that are called where a guest comes by.

    with vm.hooks.entry("do_sys_openat2", lambda event: seen.append(event.arguments[1])):
        vm.shell("cat /etc/motd")

Enters: places, and functions of an event (`events`). Leaves: their calls, in the thread that runs the machine, on
either engine at the same instruction count. The place itself has had no effect then: a function may look at everything,
change registers and memory, take a snapshot (but not before or after a call), remove hooks and add some, or end the run
with `event.vm.end(reason)`.

What it raises comes out of `run`, and the machine can be run on: with the instruction that was hooked, without calling
the function for it again; with a call that was hooked before it was made, once more from its beginning; behind
everything else. Hooks do not change what the guest does or how many instructions that takes.

They belong to their machine. A fork and a restored machine have none, unless `prepare` hooks them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from pyspapr._native import MSR_IR, MSR_PR, WATCH_EXECUTE, WATCH_READ, WATCH_WRITE
from pyspapr.errors import ConfigError, GuestAddressError
from pyspapr.hooks.events import (
    CallEvent,
    CodeEvent,
    CountEvent,
    Entered,
    InterruptEvent,
    LineEvent,
    MemoryEvent,
    ReturnEvent,
    SwitchEvent,
)
from pyspapr.hooks.lines import Lines
from pyspapr.hooks.returns import Returns
from pyspapr.partition.interception import Call, Interceptor
from pyspapr.partition.owner import owner

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.watching import Access

TOC_PROLOGUES: Final = ((0x3C4C, 0x3842), (0xE84C, 0x7C42))
"""How a function begins that sets its TOC from R12 (ELFv2 ABI, "Function Prologue"), the upper halves of two words.
Calls from the same module begin behind these."""
RELOCATED_VECTORS: Final = 0xC000_0000_0000_4000
"""Where interrupts go that LPCR[AIL] = 3 lets keep their relocation."""
SWITCH: Final = "__switch_to"

Place = int | str


class Hook:
    """One hook. A context manager: its end removes it."""

    def __init__(self, name: str, remove: Callable[[], object], forget: Callable[[Hook], object]) -> None:
        """For `Hooks`."""
        self.name = name
        """What is hooked."""
        self._remove: Callable[[], object] | None = remove
        self._forget = forget

    @property
    def removed(self) -> bool:
        """Whether `remove` was called."""
        return self._remove is None

    def remove(self) -> None:
        """Call its function no longer. Doing so again does nothing."""
        remove, self._remove = self._remove, None
        if remove is not None:
            remove()
            self._forget(self)

    def __enter__(self) -> Self:
        """It is there already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove it."""
        self.remove()

    def __repr__(self) -> str:
        """What is hooked."""
        return f"<Hook {self.name}{', removed' if self.removed else ''}>"


class Hooks:
    """The hooks of one machine; iteration gives those that are there."""

    def __init__(self, machine: Any) -> None:
        """Of a `Machine`, which it does not keep."""
        self._owner = owner(machine, "this hook")
        self._all: dict[Hook, None] = {}

    @property
    def _vm(self) -> Partition:
        partition: Partition = self._owner().partition
        return partition

    def __iter__(self) -> Iterator[Hook]:
        """In the order in which they were added."""
        return iter(tuple(self._all))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)

    def clear(self) -> None:
        """Remove every hook."""
        for hook in self:
            hook.remove()

    def _new(self, name: str, remove: Callable[[], object]) -> Hook:
        hook = Hook(name, remove, lambda hook: self._all.pop(hook, None))
        self._all[hook] = None
        return hook

    def hypercalls(self) -> Iterable[int]:
        """The numbers of all hypercalls that the machine has."""
        return self._vm.hypercall_names()

    def rtas_calls(self) -> Iterable[str]:
        """The names of all RTAS calls that the machine has."""
        from pyspapr.rtas import tokens

        return tokens(self._vm.rtas_calls.values())

    @property
    def instructions(self) -> int:
        """Instructions that the machine has executed."""
        return self._vm.instructions

    # Code.

    def _address(self, place: Place) -> int:
        if isinstance(place, str):
            symbols = self._owner().debug.symbols
            # ELFv1: the name without a dot is that of a descriptor.
            return int(self._owner().symbol("." + place if "." + place in symbols else place))
        return place

    def _entry(self, place: Place) -> int:
        """The first instruction that every call of a function executes."""
        address = self._address(place)
        machine = self._owner()
        try:
            code = machine.virtual.read(address, 8)
        except GuestAddressError:
            if (real := self._vm.cpus[0].vcpu.translate(address, fetch=True)) is None:
                return address
            code = machine.memory.read(real, 8)
        words = (struct.unpack(order + "II", code) for order in "<>")
        return address + 8 * any((first >> 16, second >> 16) in TOC_PROLOGUES for first, second in words)

    def _execute(self, name: str, address: int, heard: Callable[[Access], object], *, real: bool = False) -> Hook:
        if address % 4:
            raise ConfigError(f"no instruction is at {address:#x}, which is no multiple of 4")
        return self._new(name, self._vm.watching.add(address, 4, WATCH_EXECUTE, heard, real=real).remove)

    def at(self, place: Place, handler: Callable[[CodeEvent], object], *, real: bool = False) -> Hook:
        """Call `handler` before each execution of the instruction at an address or a symbol.

        It is an effective address, whatever is mapped there; with `real` a real one, whatever its names. Raises
        KeyError for an unknown symbol.
        """
        find = self._owner
        address = self._address(place)
        return self._execute(
            str(place) if isinstance(place, str) else f"{place:#x}",
            address,
            lambda access: handler(CodeEvent(find(), access.cpu)),
            real=real,
        )

    def entry(self, function: Place, handler: Callable[[CodeEvent], object]) -> Hook:
        """Call `handler` when a function is entered, by calls from its own module and from others.

        `event.arguments` are R3 to R10; `event.skip(result)` returns to the caller at once.
        """
        find = self._owner
        address = self._entry(function)
        name = f"entry of {function if isinstance(function, str) else hex(function)}"
        return self._execute(name, address, lambda access: handler(CodeEvent(find(), access.cpu)))

    def returns(self, function: Place, handler: Callable[[ReturnEvent], object]) -> Hook:
        """Call `handler` when a call of a function that began meanwhile has returned; `event.value` is its result.

        A call is known by its return address and its stack, so recursion and several tasks are kept apart.
        """
        find = self._owner

        def returned(cpu: Any, entered: Entered) -> None:
            handler(ReturnEvent(find(), cpu, entered))

        returns = Returns(self._vm, returned)
        watched = self._vm.watching.add(self._entry(function), 4, WATCH_EXECUTE, returns.entered)

        def remove() -> None:
            watched.remove()
            returns.remove()

        return self._new(f"return of {function if isinstance(function, str) else hex(function)}", remove)

    def interrupt(self, vector: int, handler: Callable[[InterruptEvent], object]) -> Hook:
        """Call `handler` when an interrupt was taken, before its first instruction. An external one has `vector` 0x500.

        `event.interrupted` is where it came. Raises ConfigError for an unknown vector.
        """
        if vector not in InterruptEvent.NAMES:
            raise ConfigError(
                f"no interrupt has the vector {vector:#x}; known: {', '.join(map(hex, InterruptEvent.NAMES))}"
            )
        find = self._owner

        def heard(access: Access) -> None:
            msr = access.cpu["msr"]
            # A program may have mapped these addresses.
            if bool(msr & MSR_IR) == (access.address != vector) and not msr & MSR_PR:
                handler(InterruptEvent(find(), access.cpu, vector))

        places = (vector, RELOCATED_VECTORS + vector)
        rows = [self._vm.watching.add(place, 4, WATCH_EXECUTE, heard) for place in places]

        def remove() -> None:
            for row in rows:
                row.remove()

        return self._new(f"{InterruptEvent.NAMES[vector]} interrupt", remove)

    def context_switch(self, handler: Callable[[SwitchEvent], object]) -> Hook:
        """Call `handler` when Linux enters `__switch_to`: `event.before` and `event.after` are tasks.

        Raises KeyError for a kernel without that function.
        """
        find = self._owner
        address = self._entry(SWITCH)
        return self._execute("context switch", address, lambda access: handler(SwitchEvent(find(), access.cpu)))

    # Memory.

    def reads(
        self, place: Place, handler: Callable[[MemoryEvent], object], *, length: int = 8, real: bool = False
    ) -> Hook:
        """Call `handler` before each load from one of `length` bytes."""
        return self._data("reads", WATCH_READ, place, length, real, handler)

    def writes(
        self, place: Place, handler: Callable[[MemoryEvent], object], *, length: int = 8, real: bool = False
    ) -> Hook:
        """Call `handler` before each store to one of `length` bytes; `event.old` and `event.new` are the bytes."""
        return self._data("writes", WATCH_WRITE, place, length, real, handler)

    def _data(
        self, what: str, kind: int, place: Place, length: int, real: bool, handler: Callable[[MemoryEvent], object]
    ) -> Hook:
        find = self._owner
        address = int(self._owner().symbol(place)) if isinstance(place, str) else place
        watched = self._vm.watching.add(
            address, length, kind, lambda access: handler(MemoryEvent(find(), access)), real=real
        )
        return self._new(f"{what} of {length} bytes at {address:#x}", watched.remove)

    # Calls.

    def hypercall(
        self,
        which: Place,
        before: Callable[[CallEvent], object] | None = None,
        after: Callable[[CallEvent], object] | None = None,
    ) -> Hook:
        """Call `before` and `after` around a hypercall, by number or name ("H_ENTER"), native ones included.

        Before it, `event.arguments` can be changed, and `event.answer(code, ...)` answers instead of the machine. After
        it, `event.results` are code and R4 onwards, and `event.answer` changes them. Raises KeyError for an unknown
        name.
        """
        names = self._vm.hypercall_names()
        number = self._number(which, {name: number for number, name in names.items()}, "hypercall")
        row = self._interceptor(before, after)
        self._vm.intercept(number, row)
        return self._new(names.get(number, hex(number)), lambda: self._vm.stop_intercepting(number, row))

    def rtas(
        self,
        which: Place,
        before: Callable[[CallEvent], object] | None = None,
        after: Callable[[CallEvent], object] | None = None,
    ) -> Hook:
        """As `hypercall`, around an RTAS call, by token or name ("get-time-of-day"); results have 32 bits."""
        from pyspapr.rtas import tokens

        names = tokens(self._vm.rtas_calls.values())
        token = self._number(which, names, "RTAS call")
        row = self._interceptor(before, after)
        rtas = self._vm.intercepted_rtas
        rtas.add(token, row)
        name = next((name for name, known in names.items() if known == token), hex(token))
        return self._new(name, lambda: rtas.remove(token, row))

    def _number(self, which: Place, names: dict[str, int], what: str) -> int:
        if not isinstance(which, str):
            return which
        if which not in names:
            raise KeyError(f"no {what} {which!r}; there are {', '.join(sorted(names))}")
        return names[which]

    def _interceptor(
        self, before: Callable[[CallEvent], object] | None, after: Callable[[CallEvent], object] | None
    ) -> Interceptor:
        find = self._owner
        if before is None and after is None:
            raise TypeError("a call is hooked with a function for before it, or for after it")

        def told(handler: Callable[[CallEvent], object] | None) -> Callable[[Call], object] | None:
            return None if handler is None else lambda call: handler(CallEvent(find(), call))

        return Interceptor(told(before), told(after))

    # The console, and time.

    def console_line(self, pattern: str | re.Pattern[str], handler: Callable[[LineEvent], object]) -> Hook:
        """Call `handler` for each line of the console that has a text, or that a pattern is found in.

        It is called within the hypercall that prints the line's end, so at the same instruction in each run.
        """
        find = self._owner
        vm = self._vm
        text_pattern = isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str)
        if not isinstance(pattern, str) and not text_pattern:
            raise TypeError(f"lines are sought by a text or by a pattern over text, not by {pattern!r}")

        def line(text: str) -> None:
            match = None if isinstance(pattern, str) else pattern.search(text)
            if match is not None or (isinstance(pattern, str) and pattern in text):
                machine = find()
                handler(LineEvent(machine, machine.cpus[0], text, match))

        lines = Lines(line, lambda error: find().partition.intercepted.put_error(error))
        vm.console.sinks.append(lines)
        vm.unbuffered += 1
        for cpu in vm.cpus:
            cpu.vcpu.close_terminal()

        def remove() -> None:
            vm = self._vm
            vm.unbuffered -= 1
            with suppress(ValueError):  # somebody has removed it
                vm.console.sinks.remove(lines)

        return self._new(f"console lines with {pattern!r}", remove)

    def at_count(self, instructions: int, handler: Callable[[CountEvent], object]) -> Hook:
        """Call `handler` once, when the machine has executed so many instructions in all, or at once if it has."""
        find = self._owner
        hook: Hook

        def called() -> None:
            hook.remove()
            machine = find()
            handler(CountEvent(machine, machine.cpus[0]))

        hook = self._new(f"instruction {instructions}", self._vm.agenda.add(instructions, called).remove)
        return hook
