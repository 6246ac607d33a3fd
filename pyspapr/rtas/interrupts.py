"""Routing of interrupt sources (PAPR, "Interrupt Source Control")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.devices.xics import MASKED
from pyspapr.rtas.registry import PARAMETER_ERROR, SUCCESS, Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.partition.cpu import Cpu


@rtas_call(0x0A, "ibm,set-xive")
def set_xive(vm: Machine, cpu: Cpu, source: int, server: int, priority: int) -> Result:
    """Route a source to a processor with a priority."""
    if source not in vm.ics.sources or server >= len(vm.icps) or priority > MASKED:
        return PARAMETER_ERROR
    vm.ics.set_xive(source, server, priority)
    return SUCCESS


@rtas_call(0x0B, "ibm,get-xive", results=3)
def get_xive(vm: Machine, cpu: Cpu, source: int) -> Result:
    """Processor and priority of a source."""
    row = vm.ics.sources.get(source)
    return PARAMETER_ERROR if row is None else (SUCCESS, row.server, row.priority)


@rtas_call(0x0C, "ibm,int-off")
def int_off(vm: Machine, cpu: Cpu, source: int) -> Result:
    """Mask a source; ibm,int-on brings its priority back."""
    row = vm.ics.sources.get(source)
    if row is None:
        return PARAMETER_ERROR
    vm.ics.set_xive(source, row.server, MASKED, saved_priority=row.priority)
    return SUCCESS


@rtas_call(0x0D, "ibm,int-on")
def int_on(vm: Machine, cpu: Cpu, source: int) -> Result:
    """Undo ibm,int-off."""
    row = vm.ics.sources.get(source)
    if row is None:
        return PARAMETER_ERROR
    vm.ics.set_xive(source, row.server, row.saved_priority, saved_priority=row.saved_priority)
    return SUCCESS
