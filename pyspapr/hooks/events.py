"""What hooks tell: one class for each kind of place."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from pyspapr._native import WATCH_WRITE
from pyspapr.errors import GuestAddressError
from pyspapr.partition.cpu import Cpu
from pyspapr.partition.interception import Call
from pyspapr.partition.watching import Access
from pyspapr.plain import Plain

ARGUMENTS: Final = range(3, 11)
"""The registers of a function's arguments, in either ABI."""


class Event:
    """A processor stands somewhere; what it stands before has had no effect yet."""

    def __init__(self, vm: Any, cpu: Cpu) -> None:
        """Of the machine `vm`."""
        self.vm = vm
        """The `Machine`."""
        self.cpu = cpu
        """The processor, with its registers."""

    @property
    def address(self) -> int:
        """Where it stands."""
        return self.cpu["pc"]

    @property
    def instructions(self) -> int:
        """Instructions that the machine has executed, on all its processors."""
        return self.cpu.vcpu.machine_instructions

    @property
    def where(self) -> str:
        """`address` with the name of what is there."""
        name: str = self.vm.symbolize(self.address)
        return name

    def __repr__(self) -> str:
        """What and where."""
        return f"<{type(self).__name__} at {self.address:#x}, instruction {self.instructions}>"


class CodeEvent(Event):
    """An instruction is about to be executed."""

    @property
    def arguments(self) -> tuple[int, ...]:
        """R3 to R10: the arguments, at a function's entry."""
        return tuple(self.cpu[f"r{number}"] for number in ARGUMENTS)

    def set_argument(self, index: int, value: int) -> None:
        """Have the function get another argument. Raises IndexError beyond the eighth."""
        self.cpu[f"r{ARGUMENTS[index]}"] = value & (1 << 64) - 1

    def skip(self, result: int | None = None) -> None:
        """At a function's entry: do not execute it, but return `result`, or what R3 has."""
        if result is not None:
            self.cpu["r3"] = result & (1 << 64) - 1
        self.cpu["pc"] = self.cpu["lr"] & ~3


class Entered(Plain):
    """A function's entry, as its return remembers it."""

    arguments: tuple[int, ...]
    instructions: int


class ReturnEvent(Event):
    """A function has returned to its caller."""

    def __init__(self, vm: Any, cpu: Cpu, entered: Entered) -> None:
        """From the call that began with `entered`."""
        super().__init__(vm, cpu)
        self.entered = entered
        """Its arguments, and when it was entered."""

    @property
    def value(self) -> int:
        """What it returns, in R3, unsigned. Can be set."""
        return self.cpu["r3"]

    @value.setter
    def value(self, value: int) -> None:
        self.cpu["r3"] = value & (1 << 64) - 1


class MemoryEvent(Event):
    """Bytes are about to be loaded or stored."""

    def __init__(self, vm: Any, access: Access) -> None:
        """Of `access`."""
        super().__init__(vm, access.cpu)
        self.writes = access.kind == WATCH_WRITE
        self.target = access.address
        """Effective address of the bytes."""
        self.real = access.real
        """Their real address."""
        self.size = access.size
        """How many; of an access that crosses a page, those in one of them."""
        self._stored = access.stored

    @property
    def old(self) -> bytes | None:
        """What is there. None where a device answers."""
        try:
            data: bytes = self.vm.memory.read(self.real, self.size)
        except GuestAddressError:
            return None
        return data

    @property
    def new(self) -> bytes | None:
        """What a store puts there."""
        if not self.writes:
            return None
        return bytes(self.size) if self._stored is None else self._stored

    def number(self, data: bytes | None) -> int | None:
        """`old` or `new` as an unsigned number in the byte order of the guest's kernel."""
        return None if data is None else int.from_bytes(data, self.vm.virtual.byte_order)


class CallEvent(Event):
    """A hypercall or an RTAS call, before or after it is made."""

    def __init__(self, vm: Any, call: Call) -> None:
        """Of `call`."""
        super().__init__(vm, call.cpu)
        self._call = call
        self.number = call.number
        self.name = call.name

    @property
    def arguments(self) -> list[int]:
        """R4 to R12, or the words of an RTAS call, unsigned. Before the call the list can be changed."""
        return self._call.arguments

    @property
    def results(self) -> tuple[int, ...] | None:
        """Return code or status, and what follows it; None before there is an answer."""
        return self._call.results

    def answer(self, *results: int) -> None:
        """Before the call: answer it with a code and what follows, so that it is not made. After it: change that."""
        self._call.answer(*results)


class InterruptEvent(Event):
    """The first instruction of an interrupt's handler is about to be executed."""

    NAMES: ClassVar[dict[int, str]] = {
        0x100: "system reset",
        0x200: "machine check",
        0x300: "data storage",
        0x380: "data segment",
        0x400: "instruction storage",
        0x480: "instruction segment",
        0x500: "external",
        0x600: "alignment",
        0x700: "program",
        0x800: "floating-point unavailable",
        0x900: "decrementer",
        0xA00: "doorbell",
        0xC00: "system call",
        0xD00: "trace",
        0xF00: "performance monitor",
        0xF20: "vector unavailable",
        0xF40: "VSX unavailable",
        0xF60: "facility unavailable",
    }

    def __init__(self, vm: Any, cpu: Cpu, vector: int) -> None:
        """Of `vector`."""
        super().__init__(vm, cpu)
        self.vector = vector

    @property
    def name(self) -> str:
        """What the interrupt is called."""
        return self.NAMES[self.vector]

    @property
    def interrupted(self) -> int:
        """Where it came: SRR0."""
        return self.cpu["srr0"]


class SwitchEvent(CodeEvent):
    """Linux is about to run another task on this processor."""

    @property
    def before(self) -> int:
        """Address of the `task_struct` that runs now."""
        return self.cpu["r3"]

    @property
    def after(self) -> int:
        """Address of the one that runs next."""
        return self.cpu["r4"]


class LineEvent(Event):
    """A line was printed on the console."""

    def __init__(self, vm: Any, cpu: Cpu, line: str, match: re.Match[str] | None) -> None:
        """`match` is of a pattern."""
        super().__init__(vm, cpu)
        self.line = line
        self.match = match


class CountEvent(Event):
    """So many instructions were executed."""
