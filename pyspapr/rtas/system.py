"""System parameters and indicators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspapr.codes import NOT_AUTHORIZED, NOT_SUPPORTED, PARAMETER_ERROR, SUCCESS, SYSPARM_PARAMETER_ERROR
from pyspapr.rtas.registry import Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu


def splpar_characteristics(vm: Partition) -> bytes:
    """What the partition is entitled to, as `name=value` pairs."""
    count = len(vm.cpus)
    megabytes = len(vm.memory) >> 20
    return f"MaxEntCap={count},DesMem={megabytes},DesProcs={count},MaxPlatProcs={count}".encode() + b"\0"


SYSTEM_PARAMETERS: Final[dict[int, Callable[[Partition], bytes]]] = {
    20: splpar_characteristics,
    42: lambda vm: b"\0",  # diagnostics run mode: disabled
    48: lambda vm: vm.uuid,
}
"""PAPR, "System Parameters": number to value."""


@rtas_call(0x08, "ibm,get-system-parameter")
def get_system_parameter(vm: Partition, cpu: Cpu, parameter: int, buffer: int, length: int) -> Result:
    """Copy a parameter, after a halfword with its length, to a buffer of `length` bytes."""
    if (value := SYSTEM_PARAMETERS.get(parameter)) is None:
        return NOT_SUPPORTED
    data = value(vm)
    data = len(data).to_bytes(2, "big") + data
    if length < 2:
        return SYSPARM_PARAMETER_ERROR
    vm.memory.write(buffer, data[:length])
    return SUCCESS


@rtas_call(0x09, "ibm,set-system-parameter")
def set_system_parameter(vm: Partition, cpu: Cpu, parameter: int, buffer: int) -> Result:
    """No parameter can be changed by the guest."""
    return NOT_AUTHORIZED if parameter in SYSTEM_PARAMETERS else NOT_SUPPORTED


@rtas_call(0x1A, "set-indicator")
def set_indicator(vm: Partition, cpu: Cpu, indicator: int, index: int, state: int) -> Result:
    """The machine has no indicators."""
    return PARAMETER_ERROR
