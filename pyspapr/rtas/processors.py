"""Starting and stopping processors (PAPR, "SMP Support")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr.codes import HARDWARE_ERROR, PARAMETER_ERROR, SUCCESS
from pyspapr.results import Hung
from pyspapr.rtas.registry import Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

STOPPED: Final = 0
RUNNING: Final = 2


@rtas_call(0x05, "query-cpu-stopped-state", results=2)
def query_cpu_stopped_state(vm: Partition, cpu: Cpu, processor: int) -> Result:
    """Whether a processor waits for start-cpu."""
    if processor >= len(vm.cpus):
        return PARAMETER_ERROR
    return SUCCESS, STOPPED if vm.cpus[processor].vcpu.stopped else RUNNING


@rtas_call(0x06, "start-cpu")
def start_cpu(vm: Partition, cpu: Cpu, processor: int, address: int, r3: int) -> Result:
    """Start a stopped processor in real mode, with R3, and with the interrupt modes of the one that calls."""
    if processor >= len(vm.cpus) or address % 4:
        return PARAMETER_ERROR
    target = vm.cpus[processor].vcpu
    if not target.stopped:
        return HARDWARE_ERROR
    target.start(address, r3, cpu["lpcr"])
    return SUCCESS


@rtas_call(0x07, "stop-self", results=0)
def stop_self(vm: Partition, cpu: Cpu) -> Result:
    """Wait for start-cpu. A machine whose last processor stops cannot be started again by the guest."""
    if len(vm.cpus) > 1:
        cpu.vcpu.stopped = True
    if all(other is cpu or other.vcpu.stopped for other in vm.cpus):
        vm.end(Hung(cpu["pc"], "its last processor stopped itself"))
    return SUCCESS
