"""Finding the kernel in a file: an ELF file, one that is compressed, or one inside Linux's boot wrapper (zImage).

The wrapper is a program for Open Firmware, with a 32-bit ELF header where the kernel is big-endian. It carries sections

    .kernel:vmlinux.strip   the kernel, an ELF file, compressed or not
    .kernel:initrd          an initrd, if one is attached
    __builtin_cmdline       the kernel's arguments, if somebody has put them there
    .kernel:dtb             a device tree, which the wrapper of a pseries machine leaves alone

(Linux, arch/powerpc/boot/wrapper and zImage.lds.S.) The wrapper only unpacks these and enters the kernel with them.
Doing that here lets the guest begin with its kernel, without firmware. Attached parts take precedence, as in the
wrapper; giving the same part twice is an error (`place.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from pyspapr.boot.elf import EXECUTABLES, HEADER_SIZE, open_image, read_header
from pyspapr.boot.sections import NOTHING, Section, check_inside, read_headers, section_table
from pyspapr.boot.unpack import Piece, compression, unpacked
from pyspapr.host.paths import shown
from pyspapr.plain import Plain

KERNEL: Final = b".kernel:vmlinux.strip"
INITRD: Final = b".kernel:initrd"
ARGUMENTS: Final = b"__builtin_cmdline"
UNPACKED_MAX: Final = 1 << 30
"""The largest unpacked kernel in bytes, symbols included."""
SECTIONS_MAX: Final = 512
"""Section headers of a file that may be a wrapper, which has some twenty."""
NAMES_MAX: Final = 64 << 10
ARGUMENTS_MAX: Final = 64 << 10


class Contents(Plain):
    """The contents of a kernel's file. The kernel itself should be an ELF file of `length` bytes."""

    kernel: BinaryIO
    length: int
    name: str
    initrd: Piece | None = None
    arguments: bytes = b""


@contextmanager
def open_kernel(path: str | os.PathLike[str], what: str, limit: int) -> Iterator[Contents]:
    """The contents of a file, which stays open in the context. Raises ImageError, also if it unpacks to more than
    `limit` bytes."""
    name = f"{what} {shown(path)}"
    with open_image(path, what) as (file, length):
        whole = Piece(file, 0, length)
        if compression(whole, name) is not None:
            file = unpacked(whole, limit, name)
            length = size_of(file)
        yield unwrapped(file, length, limit, name)


def unwrapped(file: BinaryIO, length: int, limit: int, name: str) -> Contents:
    """The contents of a wrapper, or the file as it is."""
    sections = wrapper_sections(file, length, name)
    file.seek(0)
    if (kernel := sections.get(KERNEL)) is None:
        return Contents(file, length, name)
    inner = unpacked(Piece(file, kernel.offset, kernel.size), limit, f"{name}: the kernel inside")
    initrd = sections.get(INITRD)
    return Contents(
        inner,
        size_of(inner),
        f"{name}: the kernel inside",
        Piece(file, initrd.offset, initrd.size) if initrd is not None and initrd.size else None,
        arguments(file, sections.get(ARGUMENTS)),
    )


def wrapper_sections(file: BinaryIO, length: int, name: str) -> dict[bytes, Section]:
    """The wrapper's sections that the file has. Raises ImageError when they are truncated."""
    file.seek(0)
    if file.read(HEADER_SIZE)[:4] != b"\x7fELF":
        return {}
    file.seek(0)
    header = read_header(file, name, EXECUTABLES, narrow=True)
    table = section_table(file, header, length, name)
    if table is None or table.count > SECTIONS_MAX:
        return {}
    headers = list(read_headers(file, table))
    if table.names >= len(headers):
        return {}
    strings = headers[table.names]
    check_inside(strings, table.names, length, name)
    if strings.kind in NOTHING:
        return {}
    file.seek(strings.offset)
    names = file.read(min(strings.size, NAMES_MAX)) + b"\0"
    found = {}
    for index, section in enumerate(headers):
        text = names[section.name : names.find(b"\0", section.name)] if section.name < len(names) else b""
        if text in (KERNEL, INITRD, ARGUMENTS) and section.kind not in NOTHING:
            check_inside(section, index, length, name)
            found[text] = section
    return found


def arguments(file: BinaryIO, section: Section | None) -> bytes:
    """The arguments that a tool has put into the wrapper: up to the first NUL."""
    if section is None:
        return b""
    return Piece(file, section.offset, section.size).start(ARGUMENTS_MAX).partition(b"\0")[0]


def size_of(file: BinaryIO) -> int:
    """An in-memory file with these bytes, positioned at its beginning."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size
