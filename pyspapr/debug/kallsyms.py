"""The kernel's own table of its symbols (kallsyms), found in guest memory.

Enters: RAM, which the guest may have filled with anything. Leaves: addresses and names, or None where there is no
table. Every count and length is checked against what the table around it says before it is used.

    before 6.4     offsets, relative base, count, names, markers, (order of names,) tokens, token index
    since          count, names, markers, tokens, token index, offsets, relative base

Names are made of up to 256 tokens; a byte stands for one. The token index says where each begins, and the tokens for
the digits stand in a row, which is what the search looks for. Each name has its length before it (one byte, two if the
first has its highest bit set), and its first character is its type, as in `nm`. The markers say where every 256th name
begins. Addresses are offsets from the base. (Linux, scripts/kallsyms.c and kernel/kallsyms.c, for the facts.)
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspapr._native import Ram
    from pyspapr.partition.memory import ByteOrder

DIGITS: Final = b"".join(bytes((48 + digit, 0)) for digit in range(10))
TOKENS: Final = 256
TYPES: Final = frozenset(bytes((one,)) for one in b"aAbBcCdDgGiInNrRsStTuUvVwW?")
GROUP: Final = 256
"""Names from marker to marker."""
SYMBOLS_MAX: Final = 1 << 20
NAMES_MAX: Final = 32 << 20
SEARCHED: Final = 512 << 20
"""How far from the beginning of RAM a kernel is looked for."""
STEP: Final = 16 << 20
OVERLAP: Final = 4096
SEARCHES_MAX: Final = 16
"""Searches for the names of a table. Each takes a second or so, and a guest can make up as many tables as it likes."""


class Image:
    """RAM, read with bounds: nothing is behind its end."""

    def __init__(self, ram: Ram, order: ByteOrder) -> None:
        """Numbers are of this byte order."""
        self.ram = ram
        self.order: ByteOrder = order
        self.searches = SEARCHES_MAX
        self.char = "<" if order == "little" else ">"

    def read(self, address: int, length: int) -> bytes:
        """What is there, or nothing if any of it is outside."""
        if not (0 <= address <= self.ram.size and 0 <= length <= self.ram.size - address):
            return b""
        return self.ram.read(address, length)

    def number(self, address: int, size: int) -> int:
        """An unsigned number, or -1."""
        data = self.read(address, size)
        return int.from_bytes(data, self.order) if data else -1

    def numbers(self, address: int, count: int, size: int) -> tuple[int, ...]:
        """So many, or none."""
        data = self.read(address, count * size)
        code = {2: "H", 4: "I"}[size]
        return struct.unpack(f"{self.char}{count}{code}", data) if data else ()


def aligned(address: int) -> int:
    """The next multiple of 8."""
    return (address + 7) & ~7


def read_kallsyms(ram: Ram, order: ByteOrder) -> list[tuple[int, str, str]] | None:
    """Address, type and name of each symbol of the first kernel in RAM that has a sound table."""
    image = Image(ram, order)
    size = min(ram.size, SEARCHED)
    for start in range(0, size, STEP):
        window = ram.read(start, min(STEP + OVERLAP, size - start))
        at = window.find(DIGITS)
        while 0 <= at < STEP:
            if (found := Table.at(image, start + at)) is not None:
                return found.symbols()
            at = window.find(DIGITS, at + 1)
    return None


class Table:
    """One table, all of which is known to be inside RAM."""

    def __init__(self, image: Image, tokens: list[bytes], names: bytes, addresses: list[int]) -> None:
        """Keep its parts."""
        self.image = image
        self.tokens = tokens
        self.names = names
        self.addresses = addresses

    @classmethod
    def at(cls, image: Image, digits: int) -> Table | None:
        """The table whose tokens for digits are at the real address `digits`."""
        # The rest of the tokens, and the index behind them.
        tail = image.read(digits, OVERLAP)
        end = 0
        for _ in range(TOKENS - ord("0")):
            if (end := tail.find(b"\0", end) + 1) == 0:
                return None
        index_at = aligned(digits + end)
        index = image.numbers(index_at, TOKENS, 2)
        if not index or index[0] != 0 or any(one >= other for one, other in pairwise(index)):
            return None
        start = digits - index[ord("0")]
        table = image.read(start, digits + end - start)
        tokens = [table[at:].partition(b"\0")[0] for at in index]
        if not table or index[-1] >= len(table) or any(at and table[at - 1] for at in index):
            return None
        if (names := cls._names(image, start, tokens)) is None:
            return None
        count, count_at, text = names
        addresses = cls._addresses(image, count, count_at, index_at + 2 * TOKENS)
        return None if addresses is None else cls(image, tokens, text, addresses)

    @staticmethod
    def _names(image: Image, start: int, tokens: list[bytes]) -> tuple[int, int, bytes] | None:
        """How many names there are, where that number stands, and their bytes; the tokens begin at `start`."""
        if not image.searches:
            return None
        image.searches -= 1
        first = max(start - NAMES_MAX, 0) & ~7
        block = image.read(first, (start & ~7) - first)
        shift = 0 if image.order == "little" else 32  # the number has four bytes, and four zeroes behind them
        for word in range(len(block) // 8 - 1, -1, -1):
            number = int.from_bytes(block[8 * word : 8 * word + 8], image.order)
            count = number >> shift
            if not GROUP < count < SYMBOLS_MAX or number != count << shift:
                continue
            at = 8 * word + 8
            if not begin_with_types(block, at, tokens):
                continue
            group, length = count_names(block, at, GROUP), count_names(block, at, count)
            markers = aligned(first + at + length)
            if length and image.numbers(markers, 2, 4) == (0, group):
                return count, first + 8 * word, block[at : at + length]
        return None

    @staticmethod
    def _addresses(image: Image, count: int, count_at: int, behind: int) -> list[int] | None:
        """The addresses: before the number of names, or behind the index of tokens."""
        length = aligned(4 * count)
        for offsets_at, base_at in ((aligned(behind), aligned(behind) + length), (count_at - 8 - length, count_at - 8)):
            offsets, base = image.numbers(offsets_at, count, 4), image.number(base_at, 8)
            sound = bool(offsets) and base >= 0 and base & 0xFFF == 0 and (base == 0 or base >> 60 == 0xC)
            # RAM that nobody has written would do, too, as a table of zeroes.
            if sound and offsets[0] < offsets[-1] and all(one <= other for one, other in pairwise(offsets)):
                return [base + offset for offset in offsets]
        return None

    def symbols(self) -> list[tuple[int, str, str]]:
        """Address, type and name, by address."""
        rows = []
        at, names, tokens = 0, self.names, self.tokens
        for address in self.addresses:
            length, at = name_length(names, at)
            text = b"".join([tokens[byte] for byte in names[at : at + length]])
            at += length
            rows.append((address, chr(text[0]) if text else "?", text[1:].decode("utf-8", "replace")))
        return rows


def name_length(names: bytes, at: int) -> tuple[int, int]:
    """Length of the name whose length stands at `at`, and where it begins; beyond the end if that is there."""
    if at + 1 >= len(names):
        return 0, len(names) + 1
    if names[at] & 0x80:
        return names[at] & 0x7F | names[at + 1] << 7, at + 2
    return names[at], at + 1


def count_names(names: bytes, start: int, count: int) -> int:
    """Bytes of `count` names from `start` on; 0 if they are not all there."""
    at, end = start, len(names)
    for _ in range(count):
        length, at = name_length(names, at)
        at += length
        if at > end or not length:
            return 0
    return at - start


def begin_with_types(names: bytes, at: int, tokens: list[bytes]) -> bool:
    """Whether the first few names begin with a type, as all of them do."""
    for _ in range(4):
        length, at = name_length(names, at)
        if not length or at + length > len(names) or tokens[names[at]][:1] not in TYPES:
            return False
        at += length
    return True
