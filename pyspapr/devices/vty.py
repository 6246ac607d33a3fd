"""The virtual terminal: PAPR, "Virtual Terminal (Vty)", a client vty with H_GET_TERM_CHAR and H_PUT_TERM_CHAR.

Enters: bytes of the console's input. Leaves: bytes for the console, and an edge on the interrupt source when the
16-byte buffer turns from empty to not empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspapr.vmstate.schema import Field, VMState
from pyspapr.vmstate.types import VarBytes

if TYPE_CHECKING:
    from pyspapr.devices.console import Console

REG: Final = 0x7100_0000
IRQ: Final = 0x1100
BUFFER: Final = 16


class Vty:
    """A terminal with the unit address `REG`."""

    VMSTATE: Final = VMState("spapr_vty", version=1, fields=(Field("buffer", VarBytes(BUFFER)),))

    def __init__(self, console: Console, interrupt: Callable[[], None]) -> None:
        """Connect to the host's side and to an interrupt source."""
        self.console = console
        self.interrupt = interrupt
        self.buffer = b""

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

    def state(self) -> dict[str, object]:
        """What the guest can observe."""
        return {"buffer": self.buffer.hex()}
