"""GDB's `monitor`: commands that its protocol has no packets for.

A command is one method named `do_NAME`; the first line of its docstring is its help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import GdbSession, describe_hpte
from pyspapr.config import format_size
from pyspapr.errors import SpaprError
from pyspapr.gdb.control import Control

if TYPE_CHECKING:
    from pyspapr.partition import Partition

SLB_VALID: Final = 0x0800_0000
"""ESID[V]."""
MOST: Final = 1024
"""Entries and bytes that one command shows at most."""


def number(text: str) -> int:
    """A number as C has it. Raises ValueError."""
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


class Monitor:
    """Of one debugger."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.session: GdbSession | None = None

    @property
    def _vm(self) -> Partition:
        return self._control.vm

    def answer(self, line: str) -> str:
        """What to say to `line`, whatever it is."""
        name, *arguments = line.split() or ["help"]
        command = getattr(self, f"do_{name.replace('-', '_')}", None)
        if command is None:
            return f"there is no command {name!r}; see `monitor help`\n"
        try:
            return f"{command(*arguments)}\n"
        except TypeError:
            return f"wrong arguments; {self._help(name)}\n"
        except (SpaprError, ValueError, IndexError) as error:
            return f"{error}\n"

    def _help(self, name: str) -> str:
        return (getattr(self, f"do_{name.replace('-', '_')}").__doc__ or "").partition("\n")[0]

    def do_help(self) -> str:
        """help: this list"""
        return "\n".join(self._help(name[3:]) for name in sorted(dir(self)) if name.startswith("do_"))

    def do_info(self) -> str:
        """info: the machine, and how it stands"""
        vm = self._vm
        lines = [
            f"{vm.config.cpu}, {format_size(len(vm.memory))} of RAM, {vm.config.clock} time, {vm.engine}: {vm.status}",
            f"{vm.instructions:,} instructions, {vm.nanos:,} ns",
        ]
        for cpu in vm.cpus:
            waits = ", waits for an interrupt" if cpu.vcpu.halted else ""
            lines.append(f"processor {cpu.index}: pc {cpu['pc']:#x}, msr {cpu['msr']:#x}{waits}")
        return "\n".join(lines)

    def do_slb(self, cpu: str = "0") -> str:
        """slb [PROCESSOR]: valid segment lookaside buffer entries: index, ESID, VSID"""
        entries = self._vm.cpus[number(cpu)].vcpu.slb()
        valid = [f"{n:2}  {esid:016x} {vsid:016x}" for n, (esid, vsid) in enumerate(entries) if esid & SLB_VALID]
        return "\n".join(valid) or "no entry is valid"

    def do_hpt(self, ptex: str | None = None, count: str = "1") -> str:
        """hpt [PTEX [COUNT]]: the hash page table's size, or entries of it"""
        hpt = self._vm.hpt
        if ptex is None:
            return f"{format_size(1 << hpt.shift)}, {hpt.slots:,} entries, {hpt.valid_entries():,} valid"
        first = number(ptex)
        lines = []
        for n in range(first, first + min(number(count), MOST)):
            v, r = hpt.entry(n)
            lines.append(f"{n:#10x}  {v:016x} {r:016x}  {describe_hpte(v, r)}")
        return "\n".join(lines)

    def do_xics(self) -> str:
        """xics: interrupt presenters and sources"""
        lines = []
        for device in self._vm.devices:
            if device.VMSTATE.name in ("icp/server", "ics"):
                fields = ", ".join(f"{field.name} {field.get(device)}" for field in device.VMSTATE.fields)
                lines.append(f"{device.VMSTATE.name} {fields}")
        return "\n".join(lines)

    def do_real(self, address: str, length: str = "16") -> str:
        """real ADDRESS [LENGTH]: bytes of RAM by real address"""
        first, size = number(address), min(number(length), MOST)
        data = self._vm.memory.read(first, size)
        rows = (data[at : at + 16] for at in range(0, len(data), 16))
        return "\n".join(f"{first + 16 * n:#012x}  {row.hex(' ')}" for n, row in enumerate(rows))

    def do_save(self, file: str) -> str:
        """save FILE: save the machine"""
        from pyspapr.migration.files import save_file

        save_file(self._vm, file, None, None)
        return f"saved to {file}"

    def do_goto(self, count: str) -> str:
        """goto COUNT: go to an instruction count, back or forward; then `maintenance flush register-cache`"""
        self._control.goto(number(count))
        return f"at instruction {self._vm.instructions:,}"

    def do_history(self) -> str:
        """history: the instruction counts between which GDB's reverse-step and reverse-continue go"""
        if (history := self._control.history) is None:
            return "none is kept: start with --history, or call keep_history()"
        return f"{history.begin:,} to {history.present:,}, {len(history.checkpoints)} checkpoints"

    def do_endian(self, order: str | None = None) -> str:
        """endian [big|little]: the byte order in which registers are sent; GDB's own is `set endian`"""
        assert self.session is not None
        if order not in (None, "big", "little"):
            raise ValueError(f"{order!r} is no byte order: big or little")
        if order is not None:
            self.session.little_endian = order == "little"
            return f"{order}; say `maintenance flush register-cache` to GDB"
        return "little" if self.session.little_endian else "big"
