"""H_SET_MODE (PAPR, "H_SET_MODE"): interrupt endianness, interrupt location, the data address watchpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import DAWRX_DR, DAWRX_DW, DAWRX_HYP, LPCR_AIL, LPCR_AIL_SHIFT, LPCR_ILE, models
from pyspapr.codes import H_P2, H_P3, H_P4, H_SUCCESS, H_UNSUPPORTED_FLAG
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

RESOURCE_DAWR0: Final = 2
RESOURCE_ADDR_TRANS_MODE: Final = 3
RESOURCE_LE: Final = 4
RESOURCE_DAWR1: Final = 5

WATCHPOINTS: Final = {RESOURCE_DAWR0: 0, RESOURCE_DAWR1: 1}


@hypercall(0x31C, "H_SET_MODE")
def h_set_mode(vm: Partition, cpu: Cpu, flags: int, resource: int, value1: int, value2: int) -> Result:
    """Set a mode of the whole partition, or of the processor that calls. Resource 1 (CIABR) is not offered: H_P2."""
    if resource in WATCHPOINTS:
        return set_watchpoint(vm, cpu, flags, WATCHPOINTS[resource], value1, value2)
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


def set_watchpoint(vm: Partition, cpu: Cpu, flags: int, number: int, address: int, extension: int) -> Result:
    """Set DAWR and DAWRX of watchpoint `number`, in one call. A model without it answers as for an unknown resource."""
    if number >= int(models()[vm.config.cpu]["watchpoints"]):
        return H_P2
    if flags:
        return H_UNSUPPORTED_FLAG
    if extension & DAWRX_HYP:  # the hypervisor's own accesses are not the guest's to watch
        return H_P4
    # A watchpoint for neither loads nor stores is none. No guest can read what it has set, and a machine without one is
    # saved as such.
    armed = extension & (DAWRX_DW | DAWRX_DR) != 0
    cpu[f"dawr{number}"] = address if armed else 0
    cpu[f"dawrx{number}"] = extension if armed else 0
    return H_SUCCESS
