"""The vty's hypercalls (PAPR, "Virtual Terminal")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr.devices import vty
from pyspapr.hcall.codes import H_PARAMETER, H_SUCCESS
from pyspapr.hcall.registry import Result, hypercall

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.partition.cpu import Cpu

ANY_TERMINAL: Final = 0
"""Terminal number 0 means the partition's console."""


def is_console(termno: int) -> bool:
    """Whether a terminal number names our vty."""
    return termno & 0xFFFF_FFFF in (ANY_TERMINAL, vty.REG)


H_GET_TERM_CHAR: Final = 0x54
H_PUT_TERM_CHAR: Final = 0x58
"""Native code (`crates/partition/src/terminal.rs`) answers both where that makes no difference."""


@hypercall(H_GET_TERM_CHAR, "H_GET_TERM_CHAR")
def h_get_term_char(vm: Machine, cpu: Cpu, termno: int) -> Result:
    """R4: number of characters; R5 and R6: the characters, first one most significant."""
    if not is_console(termno):
        return H_PARAMETER
    data = vm.vty.get()
    if not data and vm.console.silent and vm.has_own(H_GET_TERM_CHAR):
        cpu.vcpu.silence_terminal()
    padded = data.ljust(16, b"\0")
    return H_SUCCESS, len(data), int.from_bytes(padded[:8], "big"), int.from_bytes(padded[8:], "big")


@hypercall(H_PUT_TERM_CHAR, "H_PUT_TERM_CHAR")
def h_put_term_char(vm: Machine, cpu: Cpu, termno: int, length: int, first: int, second: int) -> Result:
    """Print `length` characters (at most 16), first one most significant."""
    if not is_console(termno) or length > vty.BUFFER:
        return H_PARAMETER
    vm.vty.put((first.to_bytes(8, "big") + second.to_bytes(8, "big"))[:length])
    return H_SUCCESS
