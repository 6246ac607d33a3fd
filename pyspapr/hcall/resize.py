"""Resizing the hash page table: LoPAR, "H_RESIZE_HPT_PREPARE" and "H_RESIZE_HPT_COMMIT".

The guest asks for a table to be prepared, later stops everything and commits. Preparing is quick here: a new table is
address space only, so there is no "long busy". Nothing changes until the commit succeeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr._native import HPT_SHIFT_MAX, HPT_SHIFT_MIN, Hpt
from pyspapr.codes import H_CLOSED, H_PARAMETER, H_PTEG_FULL, H_RESOURCE, H_SUCCESS
from pyspapr.config import largest_table_shift
from pyspapr.errors import ConfigError
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu


@hypercall(0x36C, "H_RESIZE_HPT_PREPARE")
def h_resize_hpt_prepare(vm: Partition, cpu: Cpu, flags: int, shift: int) -> Result:
    """Prepare a table of 2**shift bytes; a shift of 0 discards the prepared table."""
    if flags or (shift and not HPT_SHIFT_MIN <= shift <= HPT_SHIFT_MAX):
        return H_PARAMETER
    if shift > largest_table_shift(vm.config):
        return H_RESOURCE
    if shift and vm.prepared_hpt is not None and vm.prepared_hpt.shift == shift:
        return H_SUCCESS
    vm.prepared_hpt = None
    if shift:
        try:
            vm.prepared_hpt = Hpt(shift)
        except (ConfigError, MemoryError, OSError):
            return H_RESOURCE
    return H_SUCCESS


@hypercall(0x370, "H_RESIZE_HPT_COMMIT")
def h_resize_hpt_commit(vm: Partition, cpu: Cpu, flags: int, shift: int) -> Result:
    """Change to the prepared table. Bolted entries are moved; the guest recreates the others."""
    if flags:
        return H_PARAMETER
    prepared = vm.prepared_hpt
    if prepared is None or prepared.shift != shift:
        return H_CLOSED
    vm.prepared_hpt = None
    if vm.hpt.rehash_bolted(prepared) is None:
        return H_PTEG_FULL
    vm.use_table(prepared)
    return H_SUCCESS
