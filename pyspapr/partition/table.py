"""The hash page table as a person sees it: entries by index, and changes that every processor sees.

Entries are pairs of doublewords, V and R (`crates/hpt/src/hpte.rs` names their bits); an empty one is (0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspapr._native import Hpt
    from pyspapr.partition.partition import Partition


class HashTable:
    """`table[ptex]` is an entry, `table[ptex] = v, r` writes one, `del table[ptex]` clears one."""

    __slots__ = ("_vm",)

    def __init__(self, vm: Partition) -> None:
        """The one that `vm` translates by."""
        self._vm = vm

    @property
    def _hpt(self) -> Hpt:
        return self._vm.hpt

    @property
    def shift(self) -> int:
        """log2 of its size in bytes."""
        return self._hpt.shift

    @property
    def slots(self) -> int:
        """How many entries there are."""
        return self._hpt.slots

    def __len__(self) -> int:
        """As `slots`."""
        return self._hpt.slots

    def __getitem__(self, ptex: int) -> tuple[int, int]:
        """V and R. Raises IndexError outside the table."""
        self._check(ptex)
        return self._hpt.entry(ptex)

    def __setitem__(self, ptex: int, entry: tuple[int, int]) -> None:
        """Write V and R. Raises IndexError, and OverflowError for what is no doubleword."""
        self._check(ptex)
        v, r = entry
        if not v and not r:
            del self[ptex]
            return
        self.load_chunk(_varint((ptex + 1) << 1 | 1) + v.to_bytes(8, "big") + r.to_bytes(8, "big"))

    def __delitem__(self, ptex: int) -> None:
        """Clear an entry. Raises IndexError."""
        self._check(ptex)
        self.load_chunk(_varint((ptex + 1) << 1))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Every entry, in order."""
        return (self._hpt.entry(ptex) for ptex in range(self._hpt.slots))

    def _check(self, ptex: int) -> None:
        if not 0 <= ptex < self._hpt.slots:
            raise IndexError(f"entry {ptex} of a hash table with {self._hpt.slots}")

    def valid_entries(self) -> int:
        """How many entries are valid."""
        return self._hpt.valid_entries()

    def clear(self) -> None:
        """Clear every entry."""
        self._hpt.clear()
        self._vm.flush_translations()

    def load_chunk(self, chunk: bytes) -> tuple[int, int]:
        """Write the entries of a chunk (crates/hpt/src/chunk.rs): how many came with a value, and how many went."""
        found = self._hpt.load_chunk(chunk)
        self._vm.flush_translations()
        return found

    def digest(self) -> bytes:
        """SHA-256 of its contents."""
        return self._hpt.digest()


def _varint(value: int) -> bytes:
    """Seven bits a byte, the least significant first."""
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
