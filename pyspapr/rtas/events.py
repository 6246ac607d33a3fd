"""Events and errors (PAPR, "Error and Event Reporting"): this machine has none to report yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.codes import NO_ERRORS_FOUND
from pyspapr.rtas.registry import Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu


@rtas_call(0x0E, "check-exception")
def check_exception(vm: Partition, cpu: Cpu, vector: int, information: int, mask: int) -> Result:
    """Nothing happened."""
    return NO_ERRORS_FOUND


@rtas_call(0x0F, "event-scan")
def event_scan(vm: Partition, cpu: Cpu, mask: int) -> Result:
    """Nothing happened."""
    return NO_ERRORS_FOUND
