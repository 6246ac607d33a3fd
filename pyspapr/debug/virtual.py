"""Guest memory by virtual address, as the processor would translate it now, with the kernel's rights.

Enters: effective addresses. Leaves: bytes and numbers, in the guest's byte order. The linear mapping of the kernel
(0xc000...) is where RAM is, whether the hash table has an entry for the page or not; everything else (vmalloc, modules,
a program's memory) is where SLB and hash table say, so a page that was not touched for long may not be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import LPCR_ILE, MSR_DR, MSR_IR, MSR_PR, PAGE
from pyspapr.errors import GuestAddressError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from pyspapr.partition import Partition
    from pyspapr.partition.memory import ByteOrder

REGION: Final = 0xF << 60
LINEAR: Final = 0xC << 60
LIMIT: Final = 1 << 60


class VirtualMemory:
    """`vm.virtual[a:b]` reads bytes and `vm.virtual[a:b] = data` writes them, by effective address."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Callable[[], Partition]) -> None:
        """Of the machine that `owner` finds."""
        self._owner = owner

    @property
    def _vm(self) -> Partition:
        return self._owner()

    @property
    def byte_order(self) -> ByteOrder:
        """The byte order in which the guest's kernel takes interrupts, and so of its data."""
        return "little" if self._vm.cpus[0]["lpcr"] & LPCR_ILE else "big"

    def real(self, address: int) -> int | None:
        """The real address of an effective one, or None if it is not mapped now."""
        if not 0 <= address < 1 << 64:
            raise GuestAddressError(f"{address:#x} is no address of 64 bits", address, 1)
        if address & REGION == LINEAR and address & ~REGION < len(self._vm.memory):
            return address & ~REGION
        cpu = self._vm.current
        msr = cpu["msr"]
        wanted = (msr | MSR_IR | MSR_DR) & ~(MSR_PR if address & REGION else 0)
        if wanted == msr:
            return cpu.vcpu.translate(address)
        cpu["msr"] = wanted
        try:
            return cpu.vcpu.translate(address)
        finally:
            cpu["msr"] = msr

    def _pieces(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        """Real addresses and lengths, page by page. Raises GuestAddressError."""
        if length < 0:
            raise ValueError(f"a length is 0 or more, not {length}")
        end = address + length
        while address < end:
            if address & REGION == LINEAR and (left := len(self._vm.memory) - (address & ~REGION)) > 0:
                size = min(left, end - address)
                yield address & ~REGION, size
                address += size
                continue
            size = min(PAGE - address % PAGE, end - address)
            if (real := self.real(address)) is None:
                raise GuestAddressError(f"{address:#x} is not mapped now", address, length)
            yield real, size
            address += size

    def read(self, address: int, length: int) -> bytes:
        """`length` bytes at `address`. Raises GuestAddressError where nothing is mapped."""
        if length > len(self._vm.memory):
            raise GuestAddressError(f"{length} bytes are more than the guest has", address, length)
        return b"".join(self._vm.memory.read(real, size) for real, size in self._pieces(address, length))

    def write(self, address: int, data: Buffer) -> None:
        """Write `data` at `address`: all of it, or nothing and GuestAddressError."""
        contents = bytes(data)
        at = 0
        for real, size in list(self._pieces(address, len(contents))):
            self._vm.memory.write(real, contents[at : at + size])
            at += size

    def __getitem__(self, item: slice) -> bytes:
        """The bytes of a slice."""
        return self.read(*self._range(item))

    def __setitem__(self, item: slice, data: Buffer) -> None:
        """Write the bytes of a slice of the same length."""
        address, length = self._range(item)
        if len(contents := bytes(data)) != length:
            raise ValueError(f"{len(contents)} bytes do not fill a slice of {length}")
        self.write(address, contents)

    @staticmethod
    def _range(item: slice) -> tuple[int, int]:
        if not isinstance(item, slice) or item.start is None or item.stop is None or item.step not in (None, 1):
            raise TypeError("memory is read by a slice with a start, a stop and no step")
        if item.stop < item.start:
            raise ValueError(f"a memory slice runs upwards, not from {item.start:#x} to {item.stop:#x}")
        return item.start, item.stop - item.start

    def number(self, address: int, size: int, order: ByteOrder | None = None) -> int:
        """The unsigned number of `size` bytes at `address`, in the guest's byte order if no other is given."""
        return int.from_bytes(self.read(address, size), order or self.byte_order)

    def u8(self, address: int) -> int:
        """The byte at `address`."""
        return self.number(address, 1)

    def u16(self, address: int) -> int:
        """The halfword at `address`."""
        return self.number(address, 2)

    def u32(self, address: int) -> int:
        """The word at `address`."""
        return self.number(address, 4)

    def u64(self, address: int) -> int:
        """The doubleword at `address`."""
        return self.number(address, 8)

    def store(self, address: int, value: int, size: int, order: ByteOrder | None = None) -> None:
        """Write the low `size` bytes of `value` at `address`."""
        self.write(address, (value & ((1 << 8 * size) - 1)).to_bytes(size, order or self.byte_order))

    def cstring(self, address: int, limit: int = 4096) -> str:
        """The text at `address` up to its NUL byte: at most `limit` bytes, and no further than what is mapped."""
        text = b""
        while len(text) < limit:
            size = min(PAGE - address % PAGE, limit - len(text))
            try:
                piece = self.read(address, size)
            except GuestAddressError:
                if not text:
                    raise
                break
            text += piece
            if b"\0" in piece:
                break
            address += size
        return text.partition(b"\0")[0].decode(errors="replace")
