"""Hypercalls that touch memory by its logical address (PAPR, "H_LOGICAL_CI_LOAD" and what follows, "H_PAGE_INIT")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import PAGE
from pyspapr.codes import H_PARAMETER, H_SUCCESS
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

ZERO_PAGE: Final = 1 << (63 - 48)
COPY_PAGE: Final = 1 << (63 - 49)
ICACHE_INVALIDATE: Final = 1 << (63 - 50)
ICACHE_SYNCHRONIZE: Final = 1 << (63 - 51)
PAGE_INIT_FLAGS: Final = ZERO_PAGE | COPY_PAGE | ICACHE_INVALIDATE | ICACHE_SYNCHRONIZE

SIZES: Final = (1, 2, 4, 8)


@hypercall(0x2C, "H_PAGE_INIT")
def h_page_init(vm: Partition, cpu: Cpu, flags: int, target: int, source: int) -> Result:
    """Clear a page, or copy one."""
    if flags & ~PAGE_INIT_FLAGS or target % PAGE or (flags & COPY_PAGE and source % PAGE):
        return H_PARAMETER
    vm.memory.read(target, PAGE)
    if flags & COPY_PAGE:
        vm.memory.copy(target, source, PAGE)
    elif flags & ZERO_PAGE:
        vm.memory.fill(target, PAGE)
    return H_SUCCESS


def load(vm: Partition, size: int, address: int) -> Result:
    """R4: `size` bytes at `address`, big-endian."""
    if size not in SIZES:
        return H_PARAMETER
    return H_SUCCESS, int.from_bytes(vm.memory.read(address, size), "big")


def store(vm: Partition, size: int, address: int, value: int) -> Result:
    """Write the low `size` bytes of `value`, big-endian."""
    if size not in SIZES:
        return H_PARAMETER
    vm.memory.store(address, value, size)
    return H_SUCCESS


@hypercall(0x3C, "H_LOGICAL_CI_LOAD")
def h_logical_ci_load(vm: Partition, cpu: Cpu, size: int, address: int) -> Result:
    """Cache-inhibited load, also from a device's window."""
    if size in SIZES and address % size == 0 and vm.space.covers(address):
        return H_SUCCESS, vm.space.access(address, size)
    return load(vm, size, address)


@hypercall(0x40, "H_LOGICAL_CI_STORE")
def h_logical_ci_store(vm: Partition, cpu: Cpu, size: int, address: int, value: int) -> Result:
    """Cache-inhibited store, also to a device's window."""
    if size in SIZES and address % size == 0 and vm.space.covers(address):
        vm.space.access(address, size, value & ((1 << 8 * size) - 1))
        return H_SUCCESS
    return store(vm, size, address, value)


@hypercall(0x44, "H_LOGICAL_CACHE_LOAD")
def h_logical_cache_load(vm: Partition, cpu: Cpu, size: int, address: int) -> Result:
    """Cacheable load."""
    return load(vm, size, address)


@hypercall(0x48, "H_LOGICAL_CACHE_STORE")
def h_logical_cache_store(vm: Partition, cpu: Cpu, size: int, address: int, value: int) -> Result:
    """Cacheable store."""
    return store(vm, size, address, value)


@hypercall(0x4C, "H_LOGICAL_ICBI")
def h_logical_icbi(vm: Partition, cpu: Cpu) -> Result:
    """Instruction cache block invalidate: caches are always coherent here."""
    return H_SUCCESS


@hypercall(0x50, "H_LOGICAL_DCBF")
def h_logical_dcbf(vm: Partition, cpu: Cpu) -> Result:
    """Data cache block flush: caches are always coherent here."""
    return H_SUCCESS
