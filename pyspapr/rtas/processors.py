"""Starting and stopping processors (PAPR, "SMP Support")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr.codes import HARDWARE_ERROR, PARAMETER_ERROR, SUCCESS
from pyspapr.results import Hung
from pyspapr.rtas.registry import Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

RUNNING: Final = 2


@rtas_call(0x05, "query-cpu-stopped-state", results=2)
def query_cpu_stopped_state(vm: Partition, cpu: Cpu, processor: int) -> Result:
    """Every processor of this machine runs."""
    return (SUCCESS, RUNNING) if processor < len(vm.cpus) else PARAMETER_ERROR


@rtas_call(0x06, "start-cpu")
def start_cpu(vm: Partition, cpu: Cpu, processor: int, address: int, r3: int) -> Result:
    """Every processor of this machine runs already."""
    return HARDWARE_ERROR if processor < len(vm.cpus) else PARAMETER_ERROR


@rtas_call(0x07, "stop-self", results=0)
def stop_self(vm: Partition, cpu: Cpu) -> Result:
    """A machine whose last processor stops cannot be started again by the guest."""
    vm.end(Hung(cpu["pc"], "its last processor stopped itself"))
    return SUCCESS
