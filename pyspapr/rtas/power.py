"""Power-off, reboot, and the guest's last words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr.codes import SUCCESS
from pyspapr.results import Panicked, PoweredOff, Rebooted
from pyspapr.rtas.registry import Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

LAST_WORDS: Final = 2048
"""Bytes of ibm,os-term's text that are kept."""


@rtas_call(0x03, "power-off")
def power_off(vm: Partition, cpu: Cpu, mask: int, mask_low: int) -> Result:
    """The masks name events that may power on again; there are none."""
    vm.end(PoweredOff())
    return SUCCESS


@rtas_call(0x04, "system-reboot")
def system_reboot(vm: Partition, cpu: Cpu) -> Result:
    """End the run; the caller of `run` decides whether it starts again."""
    vm.end(Rebooted())
    return SUCCESS


@rtas_call(0x1F, "ibm,os-term")
def os_term(vm: Partition, cpu: Cpu, message: int) -> Result:
    """The guest's operating system has ended abnormally; `message` is a C string, or 0 for none.

    Linux 6.12 passes 0: its call puts the text's address where a second argument would be.
    """
    vm.end(Panicked(vm.memory.cstring(message, LAST_WORDS).strip() if message else ""))
    return SUCCESS
