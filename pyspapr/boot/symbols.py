"""The names of a kernel's code.

Enters: an untrusted executable with a symbol table, or a text as `System.map` and `/proc/kallsyms` have it. Leaves:
ranges of addresses with their names. A function of an ELF file covers its size; a symbol without a size, as from
assembly, covers everything up to the next one. (System V ABI, "Symbol Table".)
"""

from __future__ import annotations

import os
import re
import struct
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, Final

from pyspapr._native import PAGE
from pyspapr.boot.elf import ADDRESS_MASK, bad, read_header
from pyspapr.boot.sections import SHF_EXECINSTR, SHN_LORESERVE, SHT_SYMTAB, Section, read_sections, section_table
from pyspapr.boot.zimage import UNPACKED_MAX, open_kernel
from pyspapr.errors import ImageError
from pyspapr.host.paths import shown

KERNEL: Final = 0xC << 60
"""Where Linux is linked. In real mode it runs at the same addresses without these bits."""

SYMBOLS_MAX: Final = 2_000_000
"""Symbols and lines that a file may have. Linux with everything built in has less than half as many."""
SECTIONS_MAX: Final = 1 << 20
NAME_MAX: Final = 1024
"""Bytes of a name. Linux allows 512, and the rest of a longer one is not shown."""
LINE_MAX: Final = 4096
SYMBOL_SIZE: Final = 24
SHN_ABS: Final = 0xFFF1
STT_NOTYPE: Final = 0
STT_OBJECT: Final = 1
STT_FUNC: Final = 2
STB_GLOBAL: Final = 1
STB_ORDER: Final = {STB_GLOBAL: 0, 2: 1, 0: 2}
"""The preference among several names of one address: global, then weak."""

_VECTOR: Final = re.compile(r"(exc_(?:real|virt)_0x[0-9a-f]+_\w+)_start")
"""Linux names its interrupt vectors by absolute symbols, in real addresses."""
_LINE: Final = re.compile(r"([0-9a-fA-F]{8,16}) (\w) (\S+)(?:\s+(\[\S+\]))?\s*")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named range of code. The preferred one of several names of an address has the lowest `rank`."""

    start: int
    end: int
    name: str
    rank: int = 0


class Symbols:
    """Looks up whose an instruction is."""

    def __init__(self, symbols: Iterable[Symbol] = ()) -> None:
        """Of symbols that start at the same address, the one with the lowest rank is taken."""
        best: dict[int, Symbol] = {}
        for symbol in symbols:
            other = best.get(symbol.start)
            if other is None or symbol.rank < other.rank:
                best[symbol.start] = symbol
        self.starts = sorted(best)
        self._symbols = [best[start] for start in self.starts]

    def __len__(self) -> int:
        """How many."""
        return len(self.starts)

    def find(self, address: int) -> str | None:
        """The name, also for a kernel that runs in real mode, or in its linear mapping and was linked for real mode."""
        symbol = self.at(address)
        if symbol is None and address <= ADDRESS_MASK:
            symbol = self.at(address | KERNEL)
        elif symbol is None and address & ~ADDRESS_MASK == KERNEL:
            symbol = self.at(address & ADDRESS_MASK)
        return None if symbol is None else symbol.name

    def at(self, address: int) -> Symbol | None:
        """What is at exactly this address."""
        index = bisect_right(self.starts, address) - 1
        return self._symbols[index] if index >= 0 and address < self._symbols[index].end else None


def read_symbols(path: str | os.PathLike[str]) -> Symbols:
    """Read the symbols of a kernel's file, compressed or not, or of a map. A stripped file has none. Raises
    ImageError."""
    with open_kernel(path, "symbols", UNPACKED_MAX) as contents:
        if is_elf(contents.kernel):
            return read_elf_symbols(contents.kernel, contents.length, contents.name)
        return read_map(contents.kernel, shown(path))


def is_elf(file: BinaryIO) -> bool:
    """Whether an open file is an ELF file, and not a map. It is at its beginning afterwards."""
    file.seek(0)
    found = file.read(4) == b"\x7fELF"
    file.seek(0)
    return found


def map_rows(file: BinaryIO, name: str) -> Iterator[tuple[int, str, str, str | None]]:
    """Address, type, name and perhaps module (`[xfs]`) of each line, in any order. Raises ImageError."""
    for number in range(1, SYMBOLS_MAX + 2):
        if not (line := file.readline(LINE_MAX)):
            break
        if number > SYMBOLS_MAX:
            raise ImageError(f"symbols {name}: more than {SYMBOLS_MAX} lines")
        match = _LINE.fullmatch(line.decode("utf-8", "replace"))
        if match is None:
            raise ImageError(f"symbols {name}: line {number} is {line[:60]!r}, expected an address, a type and a name")
        address, kind, text, module = match.groups()
        yield int(address, 16), kind, text, module


def read_map(file: BinaryIO, name: str) -> Symbols:
    """The code's names in a map."""
    rows = [
        (address, kind in "tTwW", f"{text} {module}" if module else text)
        for address, kind, text, module in map_rows(file, name)
    ]
    addresses = sorted({address for address, _, _ in rows})
    # The end of the last one is unknown: the rest of its page is a safe guess.
    ends = dict(pairwise(addresses)) | {address: (address | (PAGE - 1)) + 1 for address in addresses[-1:]}
    return Symbols(Symbol(address, ends[address], text) for address, is_code, text in rows if is_code)


def elf_rows(
    file: BinaryIO, length: int, name: str, kinds: Collection[int]
) -> tuple[list[Section], Iterator[tuple[str, int, int, int, int, int]]]:
    """The sections of an open file of `length` bytes, and of its symbols of these kinds name, kind, binding, section,
    value and size. Raises ImageError."""
    header = read_header(file, name)
    headers = section_table(file, header, length, name)
    if headers is not None and headers.count > SECTIONS_MAX:
        raise bad(name, f"{headers.count} sections, the limit is {SECTIONS_MAX}")
    sections = list(read_sections(file, headers, length, name)) if headers else []
    table = next((section for section in sections if section.kind == SHT_SYMTAB), None)
    if table is None:
        return sections, iter(())
    if table.link >= len(sections):
        raise bad(name, f"the symbol table's names are in section {table.link} of {len(sections)}")
    if table.size // SYMBOL_SIZE > SYMBOLS_MAX:
        raise bad(name, f"{table.size // SYMBOL_SIZE} symbols, the limit is {SYMBOLS_MAX}")
    strings = sections[table.link]
    file.seek(strings.offset)
    names = file.read(strings.size) + b"\0"
    file.seek(table.offset)
    data = file.read(table.size // SYMBOL_SIZE * SYMBOL_SIZE)
    rows = struct.iter_unpack(header.order + "IBBHQQ", data)
    return sections, (
        (text_at(names, at), info & 0xF, info >> 4, index, value, size)
        for at, info, _, index, value, size in rows
        if info & 0xF in kinds
    )


def text_at(names: bytes, at: int) -> str:
    """A name of a string table, cut off after NAME_MAX bytes."""
    return names[at : at + NAME_MAX].partition(b"\0")[0].decode("utf-8", "replace")


def read_elf_symbols(file: BinaryIO, length: int, name: str) -> Symbols:
    """The code's names in an open file of `length` bytes."""
    sections, rows = elf_rows(file, length, name, (STT_NOTYPE, STT_FUNC))
    sized: list[Symbol] = []
    labels: list[Symbol] = []
    for text, kind, binding, index, value, size in rows:
        rank = STB_ORDER.get(binding, 3) + (4 if kind == STT_NOTYPE else 0)
        if index == SHN_ABS and (vector := _VECTOR.fullmatch(text)):
            labels.append(Symbol(value | KERNEL, 1 << 64, vector[1], 8))
        elif text and index < min(len(sections), SHN_LORESERVE) and sections[index].flags & SHF_EXECINSTR:
            if size:
                sized.append(Symbol(value, value + size, text, rank))
            else:
                labels.append(Symbol(value, sections[index].address + sections[index].size, text, rank))
    return Symbols([*sized, *gaps(labels, Symbols(sized))])


def gaps(labels: list[Symbol], sized: Symbols) -> list[Symbol]:
    """Labels that are in no sized symbol, each up to the next of anything."""
    free = [label for label in labels if sized.at(label.start) is None]
    borders = sorted({label.start for label in free} | set(sized.starts))
    return [
        Symbol(label.start, min(label.end, following(borders, label.start)), label.name, label.rank) for label in free
    ]


def following(borders: list[int], address: int) -> int:
    """The first of the sorted `borders` above `address`, or the end of all addresses."""
    index = bisect_right(borders, address)
    return borders[index] if index < len(borders) else 1 << 64
