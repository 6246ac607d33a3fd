"""H_SET_MODE (PAPR, "H_SET_MODE"): interrupt endianness, interrupt location, breakpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr.hcall.codes import H_P2, H_P3, H_P4, H_SUCCESS, H_UNSUPPORTED_FLAG
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.cpu import Cpu
    from pyspapr.machine import Machine

# Power ISA 3.0B, Book III, "Logical Partitioning Control Register"
LPCR_ILE: Final = 1 << (63 - 38)
LPCR_AIL_SHIFT: Final = 63 - 40
LPCR_AIL: Final = 3 << LPCR_AIL_SHIFT

RESOURCE_ADDR_TRANS_MODE: Final = 3
RESOURCE_LE: Final = 4


@hypercall(0x31C, "H_SET_MODE")
def h_set_mode(vm: Machine, cpu: Cpu, flags: int, resource: int, value1: int, value2: int) -> Result:
    """Set a mode of the whole partition. Resources 1 (CIABR) and 2 (DAWR0) are not offered: H_P2."""
    if resource not in (RESOURCE_ADDR_TRANS_MODE, RESOURCE_LE):
        return H_P2
    if value1:
        return H_P3
    if value2:
        return H_P4
    if resource == RESOURCE_LE:
        if flags not in (0, 1):
            return H_UNSUPPORTED_FLAG
        mask, value = LPCR_ILE, LPCR_ILE * flags
    else:
        if flags not in (0, 2, 3):  # 1 is reserved (ISA, "Interrupt Locations")
            return H_UNSUPPORTED_FLAG
        mask, value = LPCR_AIL, flags << LPCR_AIL_SHIFT
    for every in vm.cpus:
        every.set_lpcr(mask, value)
    return H_SUCCESS
