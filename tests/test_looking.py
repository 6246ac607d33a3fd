"""What a machine's owner sees and changes without reaching inside: registers, instructions, the hash page table."""

from __future__ import annotations

import pytest
from images import BASE, assemble, started

from pyspapr import Machine
from pyspapr.partition.cpu import ALIASES

VALID = 1


def test_registers_have_the_names_that_kernels_and_debuggers_use(vm: Machine) -> None:
    started(vm, 0x48000000)
    cpu = vm.cpus[0]
    for alias, name in ALIASES.items():
        cpu[alias] = 0x1234
        assert getattr(cpu, alias) == cpu[name] == 0x1234 and alias not in cpu.names
    cpu.nip = BASE
    assert cpu.pc == BASE
    with pytest.raises(ValueError, match="register pc has 64 bits"):
        cpu.nip = 1 << 64


def test_instructions_count_on_in_a_fork(vm: Machine) -> None:
    started(vm, 0x60000000, 0x60000000, 0x48000000).run(max_instructions=2)
    assert vm.instructions == vm.snapshot().fork().instructions == 2


def test_entries_are_read_written_and_cleared_by_index(vm: Machine) -> None:
    last = len(vm.hpt) - 1
    for ptex in (0, 5, 200, last):
        vm.hpt[ptex] = VALID | ptex << 12, ptex << 12
        assert vm.hpt[ptex] == (VALID | ptex << 12, ptex << 12)
    assert vm.hpt.valid_entries() == 4 and vm.partition.hpt.dirty_entries() >= 4
    del vm.hpt[5]
    assert vm.hpt[5] == (0, 0) and vm.hpt.valid_entries() == 3
    for ptex in (-1, last + 1):
        with pytest.raises(IndexError, match=f"entry {ptex} of a hash table with {last + 1}"):
            vm.hpt[ptex]
    with pytest.raises(OverflowError):
        vm.hpt[0] = 1 << 64, 0
    vm.hpt.clear()
    assert vm.hpt.valid_entries() == 0


def test_a_processor_forgets_an_entry_that_is_taken_away(vm: Machine) -> None:
    """A load through the table, before and after: the second finds nothing and goes to the vector 0x300."""
    slots = 8
    vsid, page, frame = 0x123, 0x10, 0x40_0000
    group = (vsid ^ page) % (vm.hpt.slots // slots)
    vm.memory.write(BASE, assemble(0xE8640000, 0xE8640000, 0x48000000))  # ld r3,0(r4); ld r3,0(r4); b .
    vm.memory.write(frame, (77).to_bytes(8, "big"))
    vm.start(pc=BASE, r4=page << 12)
    cpu = vm.cpus[0]
    cpu.vcpu.set_slb(0, 0x0800_0000, vsid << 12)
    vm.hpt[group * slots] = vsid << 12 | VALID, frame | 0x194
    cpu.msr = cpu.msr | 0x10  # data relocation
    vm.run(max_instructions=1)
    assert (cpu.r3, cpu.nip) == (77, BASE + 4)
    del vm.hpt[group * slots]
    vm.run(max_instructions=1)
    assert cpu.nip == 0x300
