"""Reading an ELF executable for 64-bit PowerPC: just the headers that loading needs. (`symbols.py` reads its names,
`elfcode.py` finds the code in object files as well, `sections.py` reads section headers.)

Enters: an untrusted file, and its name for messages (`kernel vmlinux`). Leaves: segments whose bytes are known to be
inside the file. Every error is a one-line `ImageError`. (System V ABI, "Object Files"; both byte orders.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from pyspapr.errors import ImageError, ImageFileError
from pyspapr.host.foreign import HEAD, kind_of
from pyspapr.host.paths import open_file, shown
from pyspapr.plain import Plain

HEADER_SIZE: Final = 64
PROGRAM_HEADER_SIZE: Final = 56
ELFCLASS32: Final = 1
ELFCLASS64: Final = 2
ET_REL: Final = 1
ET_EXEC: Final = 2
ET_DYN: Final = 3
EXECUTABLES: Final = (ET_EXEC, ET_DYN)
EM_PPC: Final = 20
EM_PPC64: Final = 21
PT_LOAD: Final = 1
PF_X: Final = 1
MACHINES: Final = {
    3: "x86",
    20: "32-bit PowerPC",
    40: "ARM",
    62: "x86-64",
    183: "AArch64",
    22: "S390",
    243: "RISC-V",
}

ADDRESS_MASK: Final = (1 << 60) - 1
"""Kernels are linked at 0xc000000000000000 and above; the upper four bits say "kernel", not where in memory."""


WORD: Final = 4
"""Instructions are word-aligned (Power ISA, Book I, "Instruction Formats"), and neither version of the 64-bit ELF ABI
gives the low bits of an entry a meaning, so an unaligned entry is an error."""

LOAD_BASE: Final = 4 << 20
"""Where a position-independent image linked at 0 goes: real addresses from 0 on belong to the interrupt vectors,
which such an image copies there itself. (Open Firmware's load-base; QEMU's pseries machine uses the same address.)"""


class Segment(Plain):
    """A PT_LOAD segment; addresses are real ones, `size` bytes of which `file_size` are in the file."""

    offset: int
    virtual: int
    address: int
    file_size: int
    size: int
    executable: bool


class Elf(Plain):
    """An executable: byte order, real entry address, segments in order of address."""

    little_endian: bool
    entry: int
    segments: tuple[Segment, ...]

    @property
    def end(self) -> int:
        """First address after everything it occupies."""
        return max(segment.address + segment.size for segment in self.segments)

    @property
    def start(self) -> int:
        """First address it occupies."""
        return min(segment.address for segment in self.segments)


@contextmanager
def open_image(path: str | os.PathLike[str], what: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file; return it and its size. Raises ImageError."""
    try:
        with open_file(path) as file:
            yield file, os.fstat(file.fileno()).st_size
    except ImageError:
        raise
    except OSError as error:
        raise ImageFileError.of(f"{what} {shown(path)}: {error.strerror or error}", error, shown(path)) from error


class Header(Plain):
    """The ELF header: byte order for `struct`, type, entry address, and where the two tables of headers are.

    `wide` says whether the file's addresses have 64 bits.
    """

    order: str
    kind: int
    entry: int
    programs: int
    program_size: int
    program_count: int
    sections: int
    section_size: int
    section_count: int
    section_names: int
    wide: bool = True


def read_header(file: BinaryIO, name: str, kinds: tuple[int, ...] = EXECUTABLES, *, narrow: bool = False) -> Header:
    """The header at the beginning of an open file. Raises ImageError unless it is one of `kinds` for 64-bit PowerPC.

    With `narrow` 32-bit PowerPC is accepted, too.
    """
    header = file.read(HEADER_SIZE)
    if header[:4] != b"\x7fELF":
        raise bad(name, f"not an ELF file, but {kind_of(header + file.read(HEAD - HEADER_SIZE))}")
    if len(header) < HEADER_SIZE:
        raise bad(name, f"truncated: {len(header)} bytes, expected a header of {HEADER_SIZE}")
    if header[5] not in (1, 2):
        raise bad(name, f"byte order {header[5]}, expected 1 (little-endian) or 2 (big-endian)")
    order = "<" if header[5] == 1 else ">"
    kind, machine = struct.unpack_from(order + "HH", header, 16)
    wide = header[4] == ELFCLASS64
    if machine != EM_PPC64 and not (narrow and machine == EM_PPC and header[4] == ELFCLASS32):
        named = MACHINES.get(machine, f"machine {machine}")
        raise bad(name, f"an ELF file for {named}, expected 64-bit PowerPC")
    if machine == EM_PPC64 and not wide:
        raise bad(name, f"ELF class {header[4]}, expected {ELFCLASS64} (64-bit)")
    if kind not in kinds:
        wanted = "an executable or an object file" if ET_REL in kinds else "an executable"
        raise bad(name, f"ELF type {kind}, expected {wanted}")
    entry, programs, sections = struct.unpack_from(order + ("QQQ" if wide else "III"), header, 24)
    program_size, program_count, section_size, section_count, section_names = struct.unpack_from(
        order + "HHHHH", header, 54 if wide else 42
    )
    return Header(
        order,
        kind,
        entry,
        programs,
        program_size,
        program_count,
        sections,
        section_size,
        section_count,
        section_names,
        wide,
    )


def bad(name: str, message: str) -> ImageError:
    """What is wrong with the file."""
    return ImageError(f"{name}: {message}")


def read_segments(file: BinaryIO, header: Header, length: int, name: str) -> list[Segment]:
    """The PT_LOAD segments of an open file of `length` bytes."""
    table, count = header.programs, header.program_count
    if count and header.program_size != PROGRAM_HEADER_SIZE:
        raise bad(name, f"program headers of {header.program_size} bytes, expected {PROGRAM_HEADER_SIZE}")
    if table + count * PROGRAM_HEADER_SIZE > length:
        end = table + count * PROGRAM_HEADER_SIZE
        raise bad(name, f"truncated: program headers end at {end:#x}, the file at {length:#x}")
    file.seek(table)
    headers = file.read(count * PROGRAM_HEADER_SIZE)
    segments = []
    for index in range(count):
        kind, flags, offset, virtual, physical, file_size, size, _ = struct.unpack_from(
            header.order + "IIQQQQQQ", headers, index * PROGRAM_HEADER_SIZE
        )
        if kind != PT_LOAD or size == 0:
            continue
        if file_size > size:
            raise bad(name, f"segment {index} has {file_size} bytes for {size} bytes of memory")
        if offset + file_size > length:
            raise bad(name, f"truncated: segment {index} ends at {offset + file_size:#x}, the file at {length:#x}")
        segments.append(Segment(offset, virtual, physical & ADDRESS_MASK, file_size, size, bool(flags & PF_X)))
    return segments


def read_elf(file: BinaryIO, length: int, name: str) -> Elf:
    """Check the headers of an open file of `length` bytes."""
    header = read_header(file, name)
    segments = read_segments(file, header, length, name)
    if not segments:
        raise bad(name, "no segment to load")
    # A kernel linked at 0xc000000000000000 relocates itself from real address 0; others are kept off the vectors.
    if header.kind == ET_DYN and min(segment.virtual for segment in segments) == 0:
        segments = [segment.replace(address=segment.address + LOAD_BASE) for segment in segments]
    segments.sort(key=lambda segment: segment.address)
    for segment in segments:
        if segment.virtual <= header.entry < segment.virtual + segment.size:
            entry = segment.address + header.entry - segment.virtual
            if entry % WORD:
                raise bad(name, f"entry {header.entry:#x} is at {entry:#x}, expected a multiple of {WORD}")
            return Elf(header.order == "<", entry, tuple(segments))
    raise bad(name, f"entry {header.entry:#x} is in no segment")
