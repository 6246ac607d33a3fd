"""H_RTAS: the call that the RTAS blob in guest memory makes. R4 is the real address of the argument buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.codes import H_PARAMETER, H_SUCCESS
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu


@hypercall(0xF000, "H_RTAS")
def h_rtas(vm: Partition, cpu: Cpu, buffer: int) -> Result:
    """Make the RTAS call that `buffer` describes."""
    from pyspapr.rtas import RtasError, call  # imported on the first RTAS call: a restored guest may make none

    try:
        call(vm, cpu, buffer)
    except RtasError:
        return H_PARAMETER
    return H_SUCCESS
