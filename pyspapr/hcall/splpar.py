"""Shared-processor hypercalls (PAPR, "Shared Processor LPAR Option"): registration of areas, cede, confer, prod.

The Virtual Processor Area, big-endian; offsets in bytes:

    0x004 size (2)   0x009 status (1)   0x0b8 dispatch log enable mask (1)
    0x100 yield count (4): even while the processor runs   0x218 dispatch log index (8)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import CACHE_BLOCK, MSR_EE, PAGE
from pyspapr.codes import H_BAD_MODE, H_CONTINUE, H_HARDWARE, H_PARAMETER, H_RESOURCE, H_SUCCESS
from pyspapr.devices.registered import DTL_ENTRY, SLB_SHADOW_MIN_SIZE, VPA_MIN_SIZE, Registered
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

VPA_SIZE: Final = 0x4
VPA_STATUS: Final = 0x9
VPA_STATUS_SHARED: Final = 0x2
VPA_DTL_MASK: Final = 0xB8
VPA_YIELD_COUNT: Final = 0x100
VPA_DTL_INDEX: Final = 0x218
DTL_CEDE: Final = 0x1
"""Enable bit of voluntary waits; it is the preempt reason's bit as well."""
DISPATCHED_AFTER_CEDE: Final = 2
PREEMPTED_BY_CEDE: Final = 1


# The sub-function is in bits 16:18 of the flags.
SUBFUNCTION: Final = 7 << 45
REGISTER_VPA: Final = 1 << 45
REGISTER_DTL: Final = 2 << 45
REGISTER_SLB_SHADOW: Final = 3 << 45
DEREGISTER_VPA: Final = 5 << 45
DEREGISTER_DTL: Final = 6 << 45
DEREGISTER_SLB_SHADOW: Final = 7 << 45

ALL_PROCESSORS: Final = (1 << 64) - 1


def register_vpa(vm: Partition, target: int, address: int) -> Result:
    """A VPA: at least 640 bytes, on a cache line, inside one page."""
    if address == 0:
        return H_HARDWARE
    size = vm.memory.u16(address + VPA_SIZE)
    if address % CACHE_BLOCK or size < VPA_MIN_SIZE or address % PAGE + size > PAGE:
        return H_PARAMETER
    vm.memory.read(address, size)  # all of it must be RAM
    vm.device(Registered, target).vpa = address
    vm.memory.store(address + VPA_STATUS, vm.memory.u8(address + VPA_STATUS) | VPA_STATUS_SHARED, 1)
    if target != vm.current.index:  # which is not dispatched
        vm.memory.store(address + VPA_YIELD_COUNT, vm.memory.u32(address + VPA_YIELD_COUNT) | 1, 4)
    return H_SUCCESS


def register_slb_shadow(vm: Partition, target: int, address: int) -> Result:
    """An SLB shadow buffer inside one page; needs a VPA."""
    if address == 0:
        return H_HARDWARE
    size = vm.memory.u32(address + VPA_SIZE)
    if size < SLB_SHADOW_MIN_SIZE or address % PAGE + size > PAGE:
        return H_PARAMETER
    area = vm.device(Registered, target)
    if not area.vpa:
        return H_RESOURCE
    vm.memory.read(address, size)
    area.slb_shadow, area.slb_shadow_size = address, size
    return H_SUCCESS


def register_dtl(vm: Partition, target: int, address: int) -> Result:
    """A dispatch trace log of at least one entry; needs a VPA."""
    if address == 0:
        return H_HARDWARE
    size = vm.memory.u32(address + VPA_SIZE)
    if size < DTL_ENTRY.size or address + size > len(vm.memory):
        return H_PARAMETER
    area = vm.device(Registered, target)
    if not area.vpa:
        return H_RESOURCE
    area.dtl, area.dtl_size = address, size
    return H_SUCCESS


@hypercall(0xDC, "H_REGISTER_VPA")
def h_register_vpa(vm: Partition, cpu: Cpu, flags: int, processor: int, address: int) -> Result:
    """Register or remove a VPA, an SLB shadow buffer or a dispatch trace log of `processor`."""
    if processor >= len(vm.cpus):
        return H_PARAMETER
    result = register(vm, flags, processor, address)
    vm.device(Registered, processor).tell()
    return result


def register(vm: Partition, flags: int, processor: int, address: int) -> Result:
    """What H_REGISTER_VPA does."""
    area = vm.device(Registered, processor)
    match flags & SUBFUNCTION:
        case function if function == REGISTER_VPA:
            return register_vpa(vm, processor, address)
        case function if function == REGISTER_SLB_SHADOW:
            return register_slb_shadow(vm, processor, address)
        case function if function == REGISTER_DTL:
            return register_dtl(vm, processor, address)
        case function if function == DEREGISTER_VPA:
            if area.slb_shadow or area.dtl:
                return H_RESOURCE
            if area.vpa:
                # An odd count means: not dispatched.
                count = vm.memory.u32(area.vpa + VPA_YIELD_COUNT)
                vm.memory.store(area.vpa + VPA_YIELD_COUNT, count | 1, 4)
            area.vpa = 0
        case function if function == DEREGISTER_SLB_SHADOW:
            area.slb_shadow = area.slb_shadow_size = 0
        case function if function == DEREGISTER_DTL:
            area.dtl = area.dtl_size = 0
        case _:
            return H_PARAMETER
    return H_SUCCESS


def log_dispatch(vm: Partition, cpu: Cpu) -> None:
    """Of one processor: count a dispatch in the VPA and, when the guest asked for it, write an entry of the log.

    The count moves by two at once: odd would mean "not dispatched", which no other processor is there to see.
    """
    area = vm.device(Registered, cpu.index)
    if not area.vpa:
        return
    memory = vm.memory
    memory.store(area.vpa + VPA_YIELD_COUNT, memory.u32(area.vpa + VPA_YIELD_COUNT) + 2, 4)
    if not area.dtl or not memory.u8(area.vpa + VPA_DTL_MASK) & DTL_CEDE:
        return
    index = memory.u64(area.vpa + VPA_DTL_INDEX)
    entry = DTL_ENTRY.pack(
        DISPATCHED_AFTER_CEDE,
        PREEMPTED_BY_CEDE,
        cpu.index,
        0,
        0,
        0,
        cpu.vcpu.timebase,
        0,
        cpu["pc"],
        cpu["msr"],
    )
    memory.write(area.dtl + index % (area.dtl_size // DTL_ENTRY.size) * DTL_ENTRY.size, entry)
    memory.store(area.vpa + VPA_DTL_INDEX, index + 1, 8)


@hypercall(0xE0, "H_CEDE")
def h_cede(vm: Partition, cpu: Cpu) -> Result:
    """Enable external interrupts and wait for one; a pending prod returns at once."""
    cpu["msr"] |= MSR_EE
    wait(vm, cpu)
    return H_SUCCESS


def wait(vm: Partition, cpu: Cpu) -> None:
    """Wait for an interrupt, or with interrupts off for H_PROD, which may have come already."""
    area = vm.device(Registered, cpu.index)
    if area.prodded:
        area.prodded = False
    else:
        if len(vm.cpus) == 1:  # of several, the native half keeps count when turns change
            log_dispatch(vm, cpu)
        cpu.vcpu.halted = True


@hypercall(0xE4, "H_CONFER")
def h_confer(vm: Partition, cpu: Cpu, target: int, dispatch_count: int) -> Result:
    """Give the rest of the turn to another processor, unless that has run since the caller looked; or to any other.

    A processor that confers to itself waits for H_PROD.
    """
    if target == ALL_PROCESSORS:
        cpu.vcpu.confer()
        return H_SUCCESS
    if target >= len(vm.cpus):
        return H_PARAMETER
    if len(vm.cpus) == 1:
        return H_SUCCESS
    if target == cpu.index:
        wait(vm, cpu)
    elif (vpa := vm.device(Registered, target).vpa) and (
        dispatch_count & 1 and vm.memory.u32(vpa + VPA_YIELD_COUNT) == dispatch_count & 0xFFFF_FFFF
    ):
        cpu.vcpu.confer(target)
    return H_SUCCESS


@hypercall(0xE8, "H_PROD")
def h_prod(vm: Partition, cpu: Cpu, target: int) -> Result:
    """Wake a ceded processor, or make its next H_CEDE return at once."""
    if target >= len(vm.cpus):
        return H_PARAMETER
    other = vm.cpus[target].vcpu
    if other.halted:
        other.halted = False
    else:
        vm.device(Registered, target).prodded = True
    return H_SUCCESS


@hypercall(0x298, "H_JOIN")
def h_join(vm: Partition, cpu: Cpu) -> Result:
    """Stop all processors but one: the last one that is left gets H_CONTINUE."""
    if cpu["msr"] & MSR_EE:
        return H_BAD_MODE
    if all(one is cpu or one.vcpu.stopped or (one.vcpu.halted and not one.ceded) for one in vm.cpus):
        return H_CONTINUE
    wait(vm, cpu)
    return H_SUCCESS
