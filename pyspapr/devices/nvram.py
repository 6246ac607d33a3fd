"""NVRAM: 64 KiB behind the RTAS calls nvram-fetch and nvram-store (PAPR, "NVRAM").

A machine starts with one free partition that fills it, unless its owner loads an image; Linux makes its own partitions
out of that. A partition's header (CHRP, "NVRAM Partitions"; sizes in 16-byte units, header included):

    | signature 0 | checksum 1 | size 2:3 | name 4:15 |
"""

from __future__ import annotations

from typing import Final

from pyspapr.errors import ConfigError
from pyspapr.vmstate.schema import Field, VMState
from pyspapr.vmstate.types import Bytes

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


class Nvram:
    """Bytes that outlive a reboot."""

    VMSTATE: Final = VMState(
        "spapr_nvram",
        version=1,
        fields=(Field("data", Bytes(SIZE), set=lambda nvram, data: nvram.load(data)),),
    )

    def __init__(self) -> None:
        """One free partition."""
        self.data = bytearray(header(FREE, SIZE, b"\x77" * 12).ljust(SIZE, b"\0"))

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

    def state(self) -> dict[str, object]:
        """What the guest can observe."""
        import hashlib

        return {"sha256": hashlib.sha256(self.data).hexdigest()}
