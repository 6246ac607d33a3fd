"""A processor for the user: registers by name.

`cpu.r3`, `cpu["r3"]` and `cpu.msr = …` are the same registers that `Vcpu.get` and `Vcpu.set` know; `ALIASES` has other
names for some of them. A value that is
wider than its register is rejected; an SPR keeps the same bits as with `mtspr`.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import ClassVar, Final, cast

from pyspapr._native import MSR_EE, Vcpu
from pyspapr.partition import cpu_state
from pyspapr.partition.owner import Closed
from pyspapr.vmstate.schema import VMState

_OWN = frozenset({"vcpu", "index", "names"})

WIDTHS: Final = {"cr": 32, "vscr": 32, "vr": 128, "vs": 128}
"""Widths of the registers that are not 64 bits wide, by name without number."""

ALIASES: Final = {"nip": "pc", "sp": "r1", "toc": "r2"}
"""What kernels and debuggers call registers. Not among a processor's names: each register is there once."""


class Cpu(MutableMapping[str, int]):
    """One virtual processor. Values are unsigned; a register that does not exist raises KeyError or AttributeError.

    A value that does not fit raises ValueError. While another thread runs the machine, access raises StateError; use
    `Machine.call` to access it between two instructions.
    """

    VMSTATE: ClassVar[VMState] = cpu_state.CPU

    def __init__(self, vcpu: Vcpu, index: int) -> None:
        """Wrap `vcpu`."""
        self.vcpu = vcpu
        self.index = index
        self.names = tuple(vcpu.register_names())

    def __getitem__(self, name: str) -> int:
        """A register's value."""
        return self.vcpu.get(ALIASES.get(name, name))

    def __setitem__(self, name: str, value: int) -> None:
        """Write a register."""
        name = ALIASES.get(name, name)
        width = WIDTHS.get(name.rstrip("0123456789"), 64)
        if value >> width:  # of a negative number, too
            self[name]  # report an unknown register first
            raise ValueError(f"register {name} has {width} bits and cannot hold {value:#x}")
        self.vcpu.set(name, value)

    def __delitem__(self, name: str) -> None:
        """Registers stay."""
        raise TypeError("registers cannot be removed")

    def __iter__(self) -> Iterator[str]:
        """Register names."""
        return iter(self.names)

    def __len__(self) -> int:
        """How many registers there are."""
        return len(self.names)

    def __getattr__(self, name: str) -> int:
        """A register's value."""
        if name in _OWN or name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"there is no register {name!r}") from error

    def __setattr__(self, name: str, value: object) -> None:
        """Write a register, or one of this object's own attributes."""
        if name in _OWN:
            object.__setattr__(self, name, value)
        elif isinstance(value, int):
            try:
                self[name] = value
            except KeyError as error:
                raise AttributeError(f"there is no register {name!r}") from error
        else:
            raise TypeError(f"register {name!r} is written with an integer, not {type(value).__name__}")

    def __repr__(self) -> str:
        """Where it stands."""
        if isinstance(self.vcpu, Closed):
            return f"<Cpu {self.index} of a closed machine>"
        return f"<Cpu {self.index} pc={self.vcpu.get('pc'):#018x} msr={self.vcpu.get('msr'):#018x}>"

    @property
    def ceded(self) -> bool:
        """Whether it waits for an interrupt. One that has joined, or conferred to itself, waits with interrupts off."""
        return self.vcpu.halted and bool(self["msr"] & MSR_EE)

    def close(self) -> None:
        """For the machine: release the processor. Every access raises StateError from now on."""
        self.vcpu = cast(Vcpu, Closed())

    def unsaved(self) -> list[str]:
        """State that the schema does not cover; the machine starts only if there is none."""
        return cpu_state.unsaved(self)

    def set_lpcr(self, mask: int, value: int) -> None:
        """Change the bits `mask` of the logical partitioning control register to those of `value`."""
        self.vcpu.set("lpcr", self.vcpu.get("lpcr") & ~mask | value & mask)
