"""Where the code in an ELF file is.

Enters: an untrusted open file: an executable, a shared library or an object file. Leaves: its byte order and the
parts of it that are code, all inside the file: the executable sections, or the executable segments of what is linked
and has no section headers. (An object file has no addresses yet, only places in its sections.) Every error is a
one-line `ImageError`. Must hold: sections are found one by one, so their number does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from pyspapr.boot.elf import ET_REL, EXECUTABLES, bad, read_header, read_segments
from pyspapr.boot.sections import (
    NOTHING,
    SHF_EXECINSTR,
    Section,
    Table,
    check_inside,
    read_headers,
    read_sections,
    section_table,
)
from pyspapr.plain import Plain

NAME_SHOWN: Final = 64
"""Bytes of a section's name."""


class Code(Plain):
    """Bytes of the file that are instructions. Only sections have a name."""

    name: str | None
    address: int
    offset: int
    size: int


def section_name(file: BinaryIO, section: Section, names: Section | None) -> str:
    """A section's name, with `?` for unprintable characters; empty when it has none."""
    if names is None or names.kind in NOTHING or section.name >= names.size:
        return ""
    file.seek(names.offset + section.name)
    raw = file.read(min(NAME_SHOWN, names.size - section.name)).split(b"\0", 1)[0]
    return "".join(char if char.isprintable() else "?" for char in raw.decode("utf-8", "replace"))


def sections_with_code(file: BinaryIO, table: Table, length: int, what: str) -> Iterator[Code]:
    """The executable sections, in the order of their headers."""
    names = next(read_headers(file, table, table.names), None)
    if names:
        check_inside(names, table.names, length, what)
    for section in read_sections(file, table, length, what):
        if section.flags & SHF_EXECINSTR and section.kind not in NOTHING and section.size:
            yield Code(section_name(file, section, names), section.address, section.offset, section.size)


def read_code(file: BinaryIO, length: int, what: str) -> tuple[bool, Iterable[Code]]:
    """Whether an open file of `length` bytes is little-endian, and its code, to be taken while the file is open. Raises
    ImageError when there is none.
    """
    header = read_header(file, what, (ET_REL, *EXECUTABLES))
    code: Iterable[Code]
    if table := section_table(file, header, length, what):
        code = sections_with_code(file, table, length, what)
        # Check all of them first, so that an error comes before the first word.
        found = sum(1 for _ in sections_with_code(file, table, length, what))
    elif header.kind == ET_REL:
        code, found = (), 0
    else:
        segments = sorted(read_segments(file, header, length, what), key=lambda segment: segment.virtual)
        code = [
            Code(None, segment.virtual, segment.offset, segment.file_size)
            for segment in segments
            if segment.executable and segment.file_size
        ]
        found = len(code)
    if not found:
        raise bad(what, "no code in it")
    return header.order == "<", code
