"""Where the code in an ELF file is.

Enters: an untrusted open file: an executable, a shared library or an object file. Leaves: its byte order and the
parts of it that are code, all inside the file: the executable segments of what is linked, the executable sections of an
object file, which has no addresses yet, only places in its sections. Every complaint is one `ImageError` line.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from pyspapr.elf import ET_REL, EXECUTABLES, Header, bad, read_header, read_segments
from pyspapr.plain import Plain
from pyspapr.symbols import SHF_EXECINSTR, SHT_NOBITS, Section, read_sections

NAME_SHOWN: Final = 64
"""Bytes of a section's name."""


class Code(Plain):
    """Bytes of the file that are instructions. Only sections have a name."""

    name: str | None
    address: int
    offset: int
    size: int


def section_name(file: BinaryIO, section: Section, names: Section | None) -> str:
    """A section's name, with `?` for what cannot be shown; empty when it has none."""
    if names is None or names.kind == SHT_NOBITS or section.name >= names.size:
        return ""
    file.seek(names.offset + section.name)
    raw = file.read(min(NAME_SHOWN, names.size - section.name)).split(b"\0", 1)[0]
    return "".join(char if char.isprintable() else "?" for char in raw.decode("utf-8", "replace"))


def sections_with_code(file: BinaryIO, header: Header, length: int, what: str) -> list[Code]:
    """The executable sections of an object file."""
    sections = read_sections(file, header, length, what)
    names = sections[header.section_names] if header.section_names < len(sections) else None
    return [
        Code(section_name(file, section, names), section.address, section.offset, section.size)
        for section in sections
        if section.flags & SHF_EXECINSTR and section.kind != SHT_NOBITS and section.size
    ]


def read_code(file: BinaryIO, length: int, what: str) -> tuple[bool, list[Code]]:
    """Whether an open file of `length` bytes is little-endian, and its code. Raises ImageError when there is none."""
    header = read_header(file, what, (ET_REL, *EXECUTABLES))
    if header.kind == ET_REL:
        code = sections_with_code(file, header, length, what)
    else:
        code = [
            Code(None, segment.virtual, segment.offset, segment.file_size)
            for segment in sorted(read_segments(file, header, length, what), key=lambda segment: segment.virtual)
            if segment.executable and segment.file_size
        ]
    if not code:
        raise bad(what, "no code in it")
    return header.order == "<", code
