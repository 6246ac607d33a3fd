"""What a machine's kernel is like: names, memory, call chain and log in one place, each read when it is asked for.

Enters: a machine. Leaves: facts about its guest. Nothing of the guest is changed by looking, and nothing is remembered
of it but names and where its log is; `forget` is for a guest that has booted another kernel.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyspapr.debug.virtual import VirtualMemory
from pyspapr.errors import ImageError
from pyspapr.partition.owner import owner

if TYPE_CHECKING:
    from pyspapr.debug.failures import KernelLog
    from pyspapr.debug.mappings import KernelMappings
    from pyspapr.debug.stack import Frame
    from pyspapr.debug.symbols import KernelSymbols
    from pyspapr.partition import Partition


class Debugger:
    """Of one machine, which it does not keep."""

    def __init__(self, vm: Partition) -> None:
        """Of `vm`."""
        self._owner = owner(vm, "the debugger")
        self._starts = vm.life.starts
        self.virtual = VirtualMemory(self._owner)
        """Guest memory by virtual address."""
        self._symbols: KernelSymbols | None = None
        self._vmcoreinfo: bytes | None = None
        self._facts: dict[str, int] | None = None

    @property
    def vm(self) -> Partition:
        """The machine."""
        return self._owner()

    def forget(self) -> None:
        """The guest has booted another kernel by its own means. (A start and a reboot are noticed.)"""
        self._symbols = None
        self._vmcoreinfo = self._facts = None

    def adopt(self, other: Debugger) -> None:
        """Take over what `other` knows: of a machine with the same kernel, which this one was forked from."""
        other._notice()
        self._notice()
        self._symbols = self._symbols or other._symbols
        self._vmcoreinfo = self._vmcoreinfo or other._vmcoreinfo
        self._facts = self._facts or other._facts

    def _notice(self) -> None:
        if (starts := self.vm.life.starts) != self._starts:
            self._starts = starts
            self.forget()

    @property
    def symbols(self) -> KernelSymbols:
        """The kernel's names: from its table in memory, and from its file if that is known. Raises ImageError."""
        self._notice()
        if self._symbols is None:
            from pyspapr.debug.symbols import of_machine

            self._symbols = of_machine(self.vm, self.virtual.byte_order)
        return self._symbols

    def load_symbols(self, path: str | os.PathLike[str]) -> None:
        """Take the names in `path` as well: an ELF file or a System.map. Raises ImageError."""
        from pyspapr.debug.symbols import of_machine

        self._symbols = of_machine(self.vm, self.virtual.byte_order, path)

    def symbol(self, name: str) -> int:
        """The address of `name`. Raises KeyError, and ImageError if no names are known at all."""
        symbols = self.symbols
        if name not in symbols:
            known = f"{len(symbols)} that are known; vm.debug.load_symbols() takes a file"
            raise KeyError(f"no symbol {name!r} among the {known}")
        return symbols[name]

    def symbolize(self, address: int) -> str:
        """`name+0x10/0x40`; the address alone where no name is known."""
        try:
            place = self.symbols.find(address)
        except ImageError:
            place = None
        return f"{address:#x}" if place is None else str(place)

    def backtrace(self) -> list[Frame]:
        """The call chain at which the processor stands, innermost first."""
        from pyspapr.debug.stack import backtrace

        return backtrace(self)

    @property
    def vmcoreinfo(self) -> bytes | None:
        """The text that the kernel keeps for crash dumps; None if there is none."""
        from pyspapr.debug.printk import find_vmcoreinfo

        self._notice()
        if self._vmcoreinfo is None:
            self._vmcoreinfo = find_vmcoreinfo(self.vm)
        return self._vmcoreinfo

    @property
    def facts(self) -> dict[str, int] | None:
        """What that text says, by name; None if there is none."""
        from pyspapr.debug.mappings import facts_of

        text = self.vmcoreinfo
        if text is not None and self._facts is None:
            self._facts = facts_of(text)
        return self._facts

    @property
    def mappings(self) -> KernelMappings:
        """Where the kernel has mapped RAM, by its own records."""
        from pyspapr.debug.mappings import KernelMappings

        memory = self.vm.memory
        return KernelMappings(memory.read, len(memory), self.virtual.byte_order, self.facts or {})

    @property
    def log(self) -> KernelLog:
        """The kernel's log, read from memory."""
        from pyspapr.debug.failures import KernelLog

        return KernelLog(self)
