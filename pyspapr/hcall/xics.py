"""XICS hypercalls (PAPR, "Interrupt Presentation hcall()s")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.hcall.codes import H_PARAMETER, H_SUCCESS
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.partition.cpu import Cpu


@hypercall(0x64, "H_EOI")
def h_eoi(vm: Machine, cpu: Cpu, xirr: int) -> Result:
    """End of interrupt: `xirr` is what H_XIRR gave."""
    vm.icps[cpu.index].eoi(xirr & 0xFFFF_FFFF)
    return H_SUCCESS


@hypercall(0x68, "H_CPPR")
def h_cppr(vm: Machine, cpu: Cpu, cppr: int) -> Result:
    """Set the processor's priority."""
    vm.icps[cpu.index].set_cppr(cppr & 0xFF)
    return H_SUCCESS


@hypercall(0x6C, "H_IPI")
def h_ipi(vm: Machine, cpu: Cpu, server: int, mfrr: int) -> Result:
    """Interrupt another processor."""
    if server >= len(vm.icps):
        return H_PARAMETER
    vm.icps[server].set_mfrr(mfrr & 0xFF)
    return H_SUCCESS


@hypercall(0x70, "H_IPOLL")
def h_ipoll(vm: Machine, cpu: Cpu, server: int) -> Result:
    """R4: XIRR, R5: MFRR of a processor, without accepting anything."""
    if server >= len(vm.icps):
        return H_PARAMETER
    icp = vm.icps[server]
    return H_SUCCESS, icp.xirr, icp.mfrr


@hypercall(0x74, "H_XIRR")
def h_xirr(vm: Machine, cpu: Cpu) -> Result:
    """R4: the accepted interrupt."""
    return H_SUCCESS, vm.icps[cpu.index].accept()


@hypercall(0x2FC, "H_XIRR_X")
def h_xirr_x(vm: Machine, cpu: Cpu) -> Result:
    """R4: the accepted interrupt, R5: the timebase when it was accepted."""
    return H_SUCCESS, vm.icps[cpu.index].accept(), cpu.vcpu.timebase
