"""NVRAM (PAPR, "NVRAM Access Functions")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.rtas.registry import PARAMETER_ERROR, SUCCESS, Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.partition.cpu import Cpu


@rtas_call(0x12, "nvram-fetch", results=2)
def nvram_fetch(vm: Machine, cpu: Cpu, offset: int, buffer: int, length: int) -> Result:
    """Copy from NVRAM to memory; the second result is how much was copied."""
    data = vm.nvram.fetch(offset, length)
    if data is None:
        return PARAMETER_ERROR, 0
    vm.memory.write(buffer, data)
    return SUCCESS, length


@rtas_call(0x13, "nvram-store", results=2)
def nvram_store(vm: Machine, cpu: Cpu, offset: int, buffer: int, length: int) -> Result:
    """Copy from memory to NVRAM; the second result is how much was copied."""
    if vm.nvram.fetch(offset, length) is None or not vm.nvram.store(offset, vm.memory.read(buffer, length)):
        return PARAMETER_ERROR, 0
    return SUCCESS, length
