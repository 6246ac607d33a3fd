"""The virtual terminal: PAPR, "Virtual Terminal (Vty)", a client vty with H_GET_TERM_CHAR and H_PUT_TERM_CHAR.

Enters: bytes of the console's input. Leaves: bytes for the console, and an edge on the interrupt source when the
16-byte buffer turns from empty to not empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Final, Self

from pyspapr.codes import H_PARAMETER, H_SUCCESS, SUCCESS
from pyspapr.device import Device, hypercall, rtas_call
from pyspapr.handlers import Result
from pyspapr.partition.console import H_GET_TERM_CHAR, H_PUT_TERM_CHAR
from pyspapr.vmstate.schema import Field, VMState
from pyspapr.vmstate.types import VarBytes

if TYPE_CHECKING:
    from pyspapr.fdt import Node
    from pyspapr.partition import Partition
    from pyspapr.partition.console import Console
    from pyspapr.partition.cpu import Cpu

REG: Final = 0x7100_0000
IRQ: Final = 0x1100
BUFFER: Final = 16
ANY_TERMINAL: Final = 0
"""Terminal number 0 means the partition's console."""


def is_console(termno: int) -> bool:
    """Whether a terminal number names our vty."""
    return termno & 0xFFFF_FFFF in (ANY_TERMINAL, REG)


class Vty(Device):
    """A terminal with the unit address `REG`."""

    VMSTATE: ClassVar[VMState] = VMState("spapr_vty", version=1, fields=(Field("buffer", VarBytes(BUFFER)),))

    def __init__(self, console: Console, interrupt: Callable[[], None]) -> None:
        """Connect to the host's side and to an interrupt source."""
        self.console = console
        self.interrupt = interrupt
        self.buffer = b""

    @classmethod
    def of(cls, vm: Partition) -> Iterable[Self]:
        """The console's."""
        return (cls(vm.console, vm.interrupt(IRQ)),)

    def nodes(self, root: Node) -> None:
        """A child of /vdevice, which /chosen names as the console."""
        node = root.child("vdevice").add(
            f"vty@{REG:x}", {"reg": REG, "compatible": "hvterm1", "device_type": "serial", "interrupts": [IRQ, 0]}
        )
        for name in ("stdout-path", "linux,stdout-path"):
            root.child("chosen")[name] = f"/vdevice/{node.name}"

    def poll(self) -> None:
        """Fill an empty buffer from the console's input, and tell the guest."""
        if not self.buffer:
            self.buffer = self.console.take(BUFFER)
            if self.buffer:
                self.interrupt()

    def get(self) -> bytes:
        """Up to 16 bytes of input, for H_GET_TERM_CHAR."""
        if not self.buffer:
            self.buffer = self.console.take(BUFFER)
        data, self.buffer = self.buffer, b""
        if data:
            self.poll()
        return data

    def put(self, data: bytes) -> None:
        """Output from H_PUT_TERM_CHAR."""
        self.console.emit(data)

    def reset(self) -> None:
        """Forget what the guest has not read."""
        self.buffer = b""

    # PAPR, "Virtual Terminal"; both are answered in native code as well, where that makes no difference.

    @hypercall(H_GET_TERM_CHAR, "H_GET_TERM_CHAR")
    def h_get_term_char(self, vm: Partition, cpu: Cpu, termno: int) -> Result:
        """R4: number of characters; R5 and R6: the characters, first one most significant."""
        if not is_console(termno):
            return H_PARAMETER
        data = self.get()
        if not data and vm.console.silent and vm.has_own(H_GET_TERM_CHAR):
            cpu.vcpu.silence_terminal()
        padded = data.ljust(16, b"\0")
        return H_SUCCESS, len(data), int.from_bytes(padded[:8], "big"), int.from_bytes(padded[8:], "big")

    @hypercall(H_PUT_TERM_CHAR, "H_PUT_TERM_CHAR")
    def h_put_term_char(self, vm: Partition, cpu: Cpu, termno: int, length: int, first: int, second: int) -> Result:
        """Print `length` characters (at most 16), first one most significant."""
        if not is_console(termno) or length > BUFFER:
            return H_PARAMETER
        self.put((first.to_bytes(8, "big") + second.to_bytes(8, "big"))[:length])
        return H_SUCCESS

    @rtas_call(0x00, "display-character")
    def display_character(self, vm: Partition, cpu: Cpu, character: int) -> Result:
        """Print one character."""
        self.put(bytes((character & 0xFF,)))
        return SUCCESS
