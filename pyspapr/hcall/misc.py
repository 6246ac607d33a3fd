"""Hypercalls with no larger family: registers, processor characteristics, system reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr.codes import H_FUNCTION, H_HARDWARE, H_P2, H_P3, H_P4, H_PARAMETER, H_SUCCESS
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu


def behaviour(bit: int) -> int:
    """Bit `bit` of H_GET_CPU_CHARACTERISTICS' R5, most significant bit 0."""
    return 1 << (63 - bit)


# Neither engine speculates, so there is nothing to flush.
NO_L1D_FLUSH_ENTRY: Final = behaviour(7)
NO_L1D_FLUSH_UACCESS: Final = behaviour(8)
NO_STF_BARRIER: Final = behaviour(9)

ALL_PROCESSORS: Final = (1 << 64) - 1
ALL_OTHERS: Final = (1 << 64) - 2

PROC_TBL_HASH: Final = 0x02
PROC_TBL_RADIX: Final = 0x04
PROC_TBL_FLAGS: Final = 0x1F


@hypercall(0x24, "H_SET_SPRG0")
def h_set_sprg0(vm: Partition, cpu: Cpu, value: int) -> Result:
    """Write SPRG0."""
    cpu["sprg0"] = value
    return H_SUCCESS


@hypercall(0x28, "H_SET_DABR")
def h_set_dabr(vm: Partition, cpu: Cpu, value: int) -> Result:
    """POWER8 and later have no DABR; only switching it off succeeds."""
    return H_HARDWARE if value else H_SUCCESS


@hypercall(0x134, "H_SET_XDABR")
def h_set_xdabr(vm: Partition, cpu: Cpu, value: int, extension: int) -> Result:
    """As H_SET_DABR."""
    return H_HARDWARE if value else H_SUCCESS


@hypercall(0x1C8, "H_GET_CPU_CHARACTERISTICS")
def h_get_cpu_characteristics(vm: Partition, cpu: Cpu) -> Result:
    """R4: characteristics, R5: recommended behaviour: no mitigation costs anything here because none is needed."""
    return H_SUCCESS, 0, NO_L1D_FLUSH_ENTRY | NO_L1D_FLUSH_UACCESS | NO_STF_BARRIER


@hypercall(0x2EC, "H_HOME_NODE_ASSOCIATIVITY")
def h_home_node_associativity(vm: Partition, cpu: Cpu, flags: int, processor: int) -> Result:
    """R4 to R9: the processor's associativity domains, two 32-bit values each, ended by all ones."""
    if flags != 1:
        return H_FUNCTION
    if processor >= len(vm.cpus):
        return H_P2
    end = (1 << 64) - 1
    return H_SUCCESS, 0, 0, processor << 32 | 0xFFFF_FFFF, end, end, end


@hypercall(0x37C, "H_REGISTER_PROC_TBL")
def h_register_proc_tbl(vm: Partition, cpu: Cpu, flags: int, table: int, page_size: int, size: int) -> Result:
    """A hash guest says here that it has no process table; tables for radix are not offered."""
    if flags & ~PROC_TBL_FLAGS or flags & (PROC_TBL_RADIX | PROC_TBL_HASH):
        return H_PARAMETER
    if table:
        return H_P2
    if page_size:
        return H_P3
    if size:
        return H_P4
    return H_SUCCESS


@hypercall(0x380, "H_SIGNAL_SYS_RESET")
def h_signal_sys_reset(vm: Partition, cpu: Cpu, target: int) -> Result:
    """Interrupt one processor, all, or all others."""
    if target not in (ALL_PROCESSORS, ALL_OTHERS) and target >= len(vm.cpus):
        return H_PARAMETER
    for other in vm.cpus:
        if target == ALL_PROCESSORS or target == other.index or (target == ALL_OTHERS and other is not cpu):
            if other.vcpu.stopped:
                continue
            other.vcpu.halted = False
            other.vcpu.system_reset()
    return H_SUCCESS
