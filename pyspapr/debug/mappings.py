"""Where a Linux kernel with the hash MMU has mapped RAM beside its linear mapping: vmalloc, modules, page descriptors.

The hash table is a cache of translations, so what a kernel has not touched for long may not be there. The kernel's own
records are complete: its page tables (`swapper_pg_dir`) for vmalloc, and a list (`vmemmap_list`) for page descriptors.
Where they are it says in its text for crash dumps, VMCOREINFO.

    0xc…… | PGD index | PUD index | PMD index | PTE index | offset      entries are big-endian in every kernel
    entry: bit 63 present, bit 62 a translation, otherwise the real address of the next table
(Linux, arch/powerpc/include/asm/book3s/64/hash-{4,64}k.h and pgtable.h, since 4.20, for the facts.)

Enters: a function that reads real memory. Leaves: real addresses. All of it is the guest's to say: what it says wrong
is no mapping, and the work is bounded.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from pyspapr.errors import GuestAddressError
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.partition.memory import ByteOrder

KERNEL: Final = 0xC << 60
REGION: Final = 0xF << 60
PRESENT: Final = 1 << 63
LEAF: Final = 1 << 62
POINTER: Final = ~0xC000_0000_0000_00FF & (1 << 64) - 1
REAL: Final = (1 << 57) - 1
LEVELS: Final = {12: (9, 7, 9, 9), 16: (8, 10, 10, 8)}
"""Bits of the index of each level, by page shift: PTE, PMD, PUD, PGD."""
TABLES_MAX: Final = 1 << 14
RUNS_MAX: Final = 60_000
"""Fewer than the segments of an ELF file."""
LISTED_MAX: Final = 1 << 16
"""Entries of the kernel's list of page descriptors' pages."""
OFFSET_MAX: Final = 4096


class Run(Plain):
    """`length` bytes at the effective address `address` are at `real`."""

    address: int
    real: int
    length: int


def facts_of(text: bytes) -> dict[str, int]:
    """The numbers in the text of VMCOREINFO, by name: `SYMBOL(x)`, `OFFSET(x.y)`, `PAGESIZE`, ..."""
    return {
        name: int(value, 16 if name.startswith("SYMBOL") else 10)
        for name, value in re.findall(
            r"^(\w+\([\w.]+\)|PAGESIZE)=(-?[0-9a-f]{1,20})$", text.decode("ascii", "replace"), re.MULTILINE
        )
        if name.startswith("SYMBOL") or re.fullmatch(r"-?\d+", value)
    }


class KernelMappings:
    """Of one kernel, as they are when they are asked for."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, order: ByteOrder, facts: dict[str, int]) -> None:
        """`read` reads bytes of real memory, of which there are `size`."""
        self._read = read
        self._size = size
        self._order: ByteOrder = order
        self._facts = facts
        self._shift = facts.get("PAGESIZE", 0).bit_length() - 1
        self._levels = LEVELS.get(self._shift) if facts.get("PAGESIZE") == 1 << max(self._shift, 0) else None

    def _number(self, address: int, size: int) -> int:
        """A number of the kernel's by its linear address."""
        return int.from_bytes(self._read(address & ~REGION, size), self._order)

    def _shifts(self) -> list[int]:
        """How far an index of each level is shifted, and last the bits of all levels."""
        shifts = [self._shift]
        for bits in self._levels or ():
            shifts.append(shifts[-1] + bits)
        return shifts

    @property
    def _root(self) -> int | None:
        return self._facts.get("SYMBOL(swapper_pg_dir)") if self._levels else None

    @property
    def radix(self) -> bool:
        """Whether the page tables have the linear mapping, too, as with the radix MMU, which is not read here."""
        root = self._facts.get("SYMBOL(swapper_pg_dir)")
        try:
            return root is not None and any(self._read(root & ~REGION, 8))
        except GuestAddressError:
            return False

    def real(self, address: int) -> int | None:
        """The real address of an effective address of the kernel's, or None."""
        if address & REGION != KERNEL:
            return None
        if (low := address & ~REGION) < self._size:
            return low
        found = self._walk(low)
        if found is None:
            found = next((one.real + address - one.address for one in self._listed() if self._in(one, address)), None)
        return found if found is not None and found < self._size else None

    @staticmethod
    def _in(run: Run, address: int) -> bool:
        return 0 <= address - run.address < run.length

    def _walk(self, low: int) -> int | None:
        if (root := self._root) is None or self._levels is None:
            return None
        shifts = self._shifts()
        table = root & ~REGION
        for level in reversed(range(len(self._levels))):
            index = low >> shifts[level] & (1 << self._levels[level]) - 1
            try:
                entry = int.from_bytes(self._read(table + 8 * index, 8), "big")
            except GuestAddressError:
                return None
            if entry & LEAF:
                mask = (1 << shifts[level]) - 1
                return entry & REAL & ~mask | low & mask if entry & PRESENT else None
            if not entry or level == 0:
                return None
            table = entry & POINTER
        return None

    def _leaves(self, table: int, level: int, base: int, shifts: list[int], budget: list[int]) -> Iterator[Run]:
        """The translations below a table."""
        assert self._levels is not None
        if budget[0] <= 0:
            return
        budget[0] -= 1
        count = 1 << self._levels[level]
        try:
            data = self._read(table, 8 * count)
        except GuestAddressError:
            return
        if not any(data):
            return
        size = 1 << shifts[level]
        for index, entry in enumerate(struct.unpack(f">{count}Q", data)):
            if not entry:
                continue
            at = base + index * size
            if entry & LEAF:
                real = entry & REAL & -size
                if entry & PRESENT and real + size <= self._size:
                    yield Run(KERNEL | at, real, size)
            elif level:
                yield from self._leaves(entry & POINTER, level - 1, at, shifts, budget)

    def _listed(self) -> Iterator[Run]:
        """Pages of page descriptors."""
        facts = self._facts
        try:
            kinds = facts["SYMBOL(mmu_psize_defs)"] + self._number(facts["SYMBOL(mmu_vmemmap_psize)"], 4) % 16 * (
                self._offset("SIZE(mmu_psize_def)")
            )
            shift = self._number(kinds + self._offset("OFFSET(mmu_psize_def.shift)"), 4)
            entry = self._number(facts["SYMBOL(vmemmap_list)"], 8)
            following = self._offset("OFFSET(vmemmap_backing.list)")
            real_at = self._offset("OFFSET(vmemmap_backing.phys)")
            address_at = self._offset("OFFSET(vmemmap_backing.virt_addr)")
            if not 12 <= shift <= 34:
                return
            for _ in range(LISTED_MAX):
                if not entry:
                    return
                real, address = self._number(entry + real_at, 8), self._number(entry + address_at, 8)
                if real < self._size and address >= KERNEL:
                    yield Run(address, real, min(1 << shift, self._size - real))
                entry = self._number(entry + following, 8)
        except (KeyError, GuestAddressError):
            return

    def _offset(self, name: str) -> int:
        if not 0 <= (value := self._facts[name]) <= OFFSET_MAX:
            raise KeyError(name)
        return value

    def runs(self) -> list[Run]:
        """All that is mapped beside the linear mapping, by address, as few pieces as there can be."""
        found = list(self._listed())
        if (root := self._root) is not None and self._levels is not None:
            for run in self._leaves(root & ~REGION, len(self._levels) - 1, 0, self._shifts(), [TABLES_MAX]):
                found.append(run)
                if len(found) > 4 * RUNS_MAX:
                    break
        found.sort(key=lambda run: run.address)
        merged: list[Run] = []
        for run in found:
            last = merged[-1] if merged else None
            if run.address + run.length > 1 << 64 or run.address - KERNEL < self._size:
                continue
            if last is not None and run.address < last.address + last.length:
                continue  # said twice
            if last is not None and run.address == last.address + last.length and run.real == last.real + last.length:
                merged[-1] = Run(last.address, last.real, last.length + run.length)
            elif len(merged) < RUNS_MAX:
                merged.append(run)
        return merged
