"""The section headers of an ELF file, of any number.

Enters: an untrusted open file and its header. Leaves: one section after the other, whose bytes are inside the file;
nothing is kept, so the number of sections does not matter. Every error is a one-line `ImageError`. (System V ABI,
"Sections"; numbers that do not fit into the ELF header are in section header 0, "ELF Header", e_shnum and e_shstrndx.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from pyspapr.boot.elf import Header, bad
from pyspapr.plain import Plain

FIELDS: Final = {True: "IIQQQQI20x", False: "IIIIIII12x"}
"""A section header with addresses of 64 bits, and with addresses of 32."""
SHT_NULL: Final = 0
SHT_SYMTAB: Final = 2
SHT_NOBITS: Final = 8
NOTHING: Final = (SHT_NULL, SHT_NOBITS)
"""Kinds of sections that have no bytes in the file."""
SHF_EXECINSTR: Final = 4
SHN_LORESERVE: Final = 0xFF00
"""From this value on a 16-bit section number has another meaning."""
SHN_XINDEX: Final = 0xFFFF
PIECE: Final = 1024
"""Headers that are read at a time."""


class Section(Plain):
    """A section header's fields that matter here."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class Table(Plain):
    """Where the section headers are (a file offset), how many, and which one has their names."""

    order: str
    offset: int
    count: int
    names: int
    wide: bool = True

    @property
    def entry_size(self) -> int:
        """Bytes of a header."""
        return struct.calcsize(self.order + FIELDS[self.wide])


def section_table(file: BinaryIO, header: Header, length: int, name: str) -> Table | None:
    """The section headers of a file of `length` bytes, or None when it has none."""
    count, names = header.section_count, header.section_names
    if header.sections == 0:
        return None
    first = Table(header.order, header.sections, 1, 0, header.wide)
    if header.section_size != first.entry_size:
        raise bad(name, f"section headers of {header.section_size} bytes, expected {first.entry_size}")
    if count == 0 or names == SHN_XINDEX:
        check_end(first, length, name)
        extended = next(read_headers(file, first))
        count, names = count or extended.size, extended.link if names == SHN_XINDEX else names
    table = first.replace(count=count, names=names)
    check_end(table, length, name)
    return table if count else None


def check_end(table: Table, length: int, name: str) -> None:
    """Raises ImageError unless the headers are inside the file."""
    end = table.offset + table.count * table.entry_size
    if end > length:
        raise bad(name, f"truncated: section headers end at {end:#x}, the file at {length:#x}")


def read_headers(file: BinaryIO, table: Table, start: int = 0) -> Iterator[Section]:
    """The headers from number `start` on. The caller may read elsewhere in the file meanwhile."""
    size = table.entry_size
    for first in range(start, table.count, PIECE):
        file.seek(table.offset + first * size)
        piece = file.read(min(PIECE, table.count - first) * size)
        for fields in struct.iter_unpack(table.order + FIELDS[table.wide], piece):
            yield Section(*fields)


def check_inside(section: Section, index: int, length: int, name: str) -> None:
    """Raises ImageError unless what the section has in the file is inside it."""
    end = section.offset + section.size
    if section.kind not in NOTHING and end > length:
        raise bad(name, f"truncated: section {index} ends at {end:#x}, the file at {length:#x}")


def read_sections(file: BinaryIO, table: Table, length: int, name: str) -> Iterator[Section]:
    """The sections of a file of `length` bytes."""
    for index, section in enumerate(read_headers(file, table)):
        check_inside(section, index, length, name)
        yield section
