"""Guest RAM for the user: slices, and integers in either byte order.

Addresses are guest real addresses. Everything outside RAM raises `GuestAddressError`; nothing is ever clipped.
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Literal, cast, overload

from pyspapr._native import Ram
from pyspapr.errors import GuestAddressError
from pyspapr.partition.owner import Closed

if TYPE_CHECKING:
    from typing_extensions import Buffer

ByteOrder = Literal["big", "little"]


class Memory:
    """`memory[a:b]` reads bytes, `memory[a:b] = data` writes them, `memory[a]` is one byte."""

    __slots__ = ("_ram",)

    def __init__(self, ram: Ram) -> None:
        """Wrap the machine's RAM."""
        self._ram = ram

    def use(self, ram: Ram) -> None:
        """For the machine: RAM that came with its contents takes the place of the RAM it was made with."""
        self._ram = ram

    def close(self) -> None:
        """For the machine: release RAM. Every access raises StateError from now on."""
        self._ram = cast(Ram, Closed())

    def __len__(self) -> int:
        """Bytes of RAM."""
        return self._ram.size

    def _check(self, address: int, length: int) -> None:
        """Raise GuestAddressError unless the range is inside RAM, for any integers."""
        if length < 0:
            raise ValueError(f"a length is 0 or more, not {length}")
        if not 0 <= address <= len(self) - length:
            where = f"{length} bytes at {address:#x} are outside the guest's {len(self):#x} bytes of RAM"
            raise GuestAddressError(where, address, length)

    def _range(self, item: slice) -> tuple[int, int]:
        if item.start is None or item.stop is None or item.step not in (None, 1):
            raise TypeError("a memory slice needs a start, a stop and no step")
        start, stop = index(item.start), index(item.stop)
        if stop < start:
            raise ValueError(f"a memory slice runs upwards, not from {start:#x} to {stop:#x}")
        return start, stop - start

    @overload
    def __getitem__(self, item: int) -> int: ...
    @overload
    def __getitem__(self, item: slice) -> bytes: ...
    def __getitem__(self, item: int | slice) -> int | bytes:
        """A byte, or the bytes of a slice."""
        if isinstance(item, slice):
            return self.read(*self._range(item))
        return self.read(item, 1)[0]

    def __setitem__(self, item: int | slice, value: int | Buffer) -> None:
        """Write a byte, or the bytes of a slice of the same length."""
        if isinstance(value, int):
            if isinstance(item, slice):
                raise TypeError("a memory slice is written with bytes")
            self.write(item, bytes((value,)))
            return
        if not isinstance(item, slice):
            raise TypeError("one byte of memory is written with an integer")
        address, length = self._range(item)
        data = bytes(value)
        if len(data) != length:
            raise ValueError(f"{len(data)} bytes do not fill a slice of {length}")
        self.write(address, data)

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes at `address`."""
        self._check(address, length)
        return self._ram.read(address, length)

    def write(self, address: int, data: Buffer) -> None:
        """Write `data` at `address`."""
        self._check(address, memoryview(data).nbytes)
        self._ram.write(address, data)

    def fill(self, address: int, length: int, byte: int = 0) -> None:
        """Set `length` bytes at `address`."""
        self._check(address, length)
        if not 0 <= byte <= 0xFF:
            raise ValueError(f"a byte is 0 to 255, not {byte}")
        self._ram.fill(address, length, byte)

    def copy(self, target: int, source: int, length: int) -> None:
        """Copy `length` bytes within RAM."""
        self.write(target, self.read(source, length))

    def u8(self, address: int) -> int:
        """The byte at `address`."""
        return self.read(address, 1)[0]

    def u16(self, address: int, order: ByteOrder = "big") -> int:
        """The halfword at `address`."""
        return int.from_bytes(self.read(address, 2), order)

    def u32(self, address: int, order: ByteOrder = "big") -> int:
        """The word at `address`."""
        return int.from_bytes(self.read(address, 4), order)

    def u64(self, address: int, order: ByteOrder = "big") -> int:
        """The doubleword at `address`."""
        return int.from_bytes(self.read(address, 8), order)

    def store(self, address: int, value: int, size: int, order: ByteOrder = "big") -> None:
        """Write the low `size` bytes of `value`."""
        self.write(address, (value & ((1 << 8 * size) - 1)).to_bytes(size, order))

    def cstring(self, address: int, limit: int = 4096) -> str:
        """The NUL-terminated text at `address`: at most `limit` bytes, and no further than the end of RAM."""
        data = self.read(address, min(limit, max(len(self) - address, 1)))
        return data.split(b"\0", 1)[0].decode(errors="replace")
