"""NVRAM: 64 KiB behind the RTAS calls nvram-fetch and nvram-store (PAPR, "NVRAM").

A machine starts with one free partition that fills it, unless its owner loads an image; Linux makes its own partitions
out of that. A partition's header (CHRP, "NVRAM Partitions"; sizes in 16-byte units, header included):

    | signature 0 | checksum 1 | size 2:3 | name 4:15 |
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final, Self

from pyspapr.codes import PARAMETER_ERROR, SUCCESS
from pyspapr.device import Device, rtas_call
from pyspapr.errors import ConfigError
from pyspapr.handlers import Result
from pyspapr.vmstate.schema import Field, VMState
from pyspapr.vmstate.types import Bytes

if TYPE_CHECKING:
    from pyspapr.fdt import Node
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

SIZE: Final = 0x1_0000
REG: Final = 0x7100_0001
IRQ: Final = 0x1101

FREE: Final = 0x7F
"""Signature of free space."""
UNIT: Final = 16


def header(signature: int, size: int, name: bytes) -> bytes:
    """A partition's header; `size` is in bytes. The checksum is the other bytes' sum, carries added back in."""
    rest = (size // UNIT).to_bytes(2, "big") + name.ljust(12, b"\0")
    total = signature + sum(rest)
    while total > 0xFF:
        total = (total & 0xFF) + (total >> 8)
    return bytes((signature, total)) + rest


class Nvram(Device):
    """Bytes that outlive a reboot."""

    VMSTATE: ClassVar[VMState] = VMState(
        "spapr_nvram",
        version=1,
        fields=(Field("data", Bytes(SIZE), set=lambda nvram, data: nvram.load(data)),),
    )

    def __init__(self) -> None:
        """One free partition."""
        self.data = bytearray(header(FREE, SIZE, b"\x77" * 12).ljust(SIZE, b"\0"))

    @classmethod
    def of(cls, vm: Partition) -> Iterable[Self]:
        """One. Its interrupt source is there and never used."""
        vm.interrupt(IRQ)
        return (cls(),)

    def reset(self) -> None:
        """Nothing: NVRAM outlives a reboot."""

    def nodes(self, root: Node) -> None:
        """A child of /vdevice."""
        root.child("vdevice").add(
            f"nvram@{REG:x}",
            {
                "reg": REG,
                "compatible": "pyspapr,spapr-nvram",
                "device_type": "nvram",
                "#bytes": SIZE,
                "interrupts": [IRQ, 0],
            },
        )

    def load(self, image: bytes) -> None:
        """Replace the contents. Raises ConfigError when `image` has another size."""
        if len(image) != SIZE:
            raise ConfigError(f"NVRAM image has {len(image)} bytes, expected {SIZE}")
        self.data[:] = image

    def fetch(self, offset: int, length: int) -> bytes | None:
        """`length` bytes at `offset`, or None outside."""
        return bytes(self.data[offset : offset + length]) if offset + length <= SIZE else None

    def store(self, offset: int, data: bytes) -> bool:
        """Write `data`; False outside."""
        if offset + len(data) > SIZE:
            return False
        self.data[offset : offset + len(data)] = data
        return True

    # PAPR, "NVRAM Access Functions".

    @rtas_call(0x12, "nvram-fetch", results=2)
    def nvram_fetch(self, vm: Partition, cpu: Cpu, offset: int, buffer: int, length: int) -> Result:
        """Copy from NVRAM to memory; the second result is how much was copied."""
        if (data := self.fetch(offset, length)) is None:
            return PARAMETER_ERROR, 0
        vm.memory.write(buffer, data)
        return SUCCESS, length

    @rtas_call(0x13, "nvram-store", results=2)
    def nvram_store(self, vm: Partition, cpu: Cpu, offset: int, buffer: int, length: int) -> Result:
        """Copy from memory to NVRAM; the second result is how much was copied."""
        if self.fetch(offset, length) is None or not self.store(offset, vm.memory.read(buffer, length)):
            return PARAMETER_ERROR, 0
        return SUCCESS, length
