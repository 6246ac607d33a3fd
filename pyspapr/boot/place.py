"""Placing a kernel, an initrd and a device tree in guest RAM, and the registers that a kernel expects.

`zimage.py` finds the kernel in its file; an initrd and arguments attached to it are used as if given.

    0        kernel (at the real addresses its ELF file names)
             initrd, 64 KiB aligned, after the kernel's end and a gap
    ...      device tree, below
    top      RTAS code; top is the end of RAM or 768 MiB, whichever is lower

Nothing is written before everything has been checked. (Linux, Documentation/powerpc/booting.rst, entry "a": R3 device
tree, R4 kernel, R5 zero; Power.org ePAPR 5.4 for R6 and R7.)
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Final

from pyspapr.boot import devicetree
from pyspapr.boot.elf import Elf, bad, open_image, read_elf
from pyspapr.boot.unpack import Piece
from pyspapr.boot.zimage import UNPACKED_MAX, Contents, open_kernel
from pyspapr.config import MIB, format_size
from pyspapr.errors import ImageError
from pyspapr.fdt import flatten
from pyspapr.host.paths import shown
from pyspapr.partition import Partition
from pyspapr.partition.memory import Memory
from pyspapr.plain import Plain
from pyspapr.rtas import BLOB, tokens

TOP_MAX: Final = 768 * MIB
"""Kernels reach the device tree and RTAS in real mode, with 32-bit addresses."""
FDT_MAX: Final = 64 << 10
RTAS_AREA: Final = 64 << 10
ALIGNMENT: Final = 64 << 10
GAP: Final = MIB
"""The gap between a kernel and its initrd: a kernel's early allocations go right behind its end."""
EPAPR_MAGIC: Final = 0x6550_4150
READ_SIZE: Final = 4 * MIB


class Images(Plain, kw_only=True):
    """The files and arguments to boot. Raises TypeError for an invalid file name, and the errors of
    `encode_arguments`."""

    kernel: str | os.PathLike[str]
    initrd: str | os.PathLike[str] | None = None
    append: str = ""

    def __post_init__(self) -> None:
        """Check the types of the values; whether the files exist is checked when they are loaded."""
        for path in (self.kernel, self.initrd):
            if path is not None:
                os.fspath(path)
        encode_arguments(self.append)

    @property
    def little_endian(self) -> bool:
        """The kernel's byte order. Raises ImageError."""
        return is_little_endian(self)

    def load(self, vm: Partition) -> dict[str, int]:
        """Put everything into RAM; returns the registers to start with. Raises ImageError, with RAM untouched."""
        return load(vm, self).as_dict()


class Entry(Plain, kw_only=True):
    """The entry address and the initial registers."""

    pc: int
    r3: int
    r4: int
    r5: int = 0
    r6: int = EPAPR_MAGIC
    r7: int = 0


def align_up(value: int, alignment: int = ALIGNMENT) -> int:
    """The next multiple of `alignment`."""
    return -(-value // alignment) * alignment


def check_fits(elf: Elf, limit: int, memory: int, name: str) -> None:
    """Every segment below `limit`, none over another."""
    previous = 0
    for segment in elf.segments:
        end = segment.address + segment.size
        if end > memory:
            raise ImageError(
                f"{name}: a segment at {segment.address:#x} to {end:#x} is outside {format_size(memory)} of memory"
            )
        if end > limit:
            raise ImageError(
                f"{name}: a segment at {segment.address:#x} to {end:#x} runs into the device tree at {limit:#x}"
            )
        if segment.address < previous:
            raise ImageError(f"{name}: segments overlap at {segment.address:#x}")
        previous = end


def place_initrd(size: int, kernel_end: int, limit: int, top: int, memory: int, name: str) -> int:
    """An address for the initrd: behind the kernel, or above `top` when there is no room below."""
    start = align_up(kernel_end + GAP)
    if start + size <= limit:
        return start
    if top + size <= memory:
        return top
    room = max(limit - start, memory - top, 0)
    raise ImageError(f"{name}: {size} bytes do not fit, there is room for {room} in {format_size(memory)} of memory")


def copy(memory: Memory, address: int, piece: Piece, name: str) -> None:
    """Write a part of a file to RAM, a few MiB at a time."""
    piece.file.seek(piece.offset)
    left = piece.size
    while left:
        data = piece.file.read(min(left, READ_SIZE))
        if not data:
            raise bad(name, "truncated while it was read")
        memory.write(address, data)
        address += len(data)
        left -= len(data)


def encode_arguments(text: str) -> bytes:
    """The kernel's arguments as bytes: UTF-8, with undecodable bytes of the command line unchanged. Raises
    ImageError."""
    if not isinstance(text, str):
        raise TypeError(f"the kernel's arguments are text, not {type(text).__name__}")
    try:
        encoded = text.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ImageError(f"the kernel's arguments hold a character that has no bytes: {error.object!a}") from None
    if b"\0" in encoded:
        raise ImageError("the kernel's arguments hold a NUL character")
    return encoded


def choose_initrd(images: Images, contents: Contents, stack: ExitStack) -> tuple[Piece, str] | None:
    """The initrd and its name for messages, if there is one. Raises ImageError."""
    if images.initrd is None:
        return None if contents.initrd is None else (contents.initrd, f"initrd attached to {shown(images.kernel)}")
    name = f"initrd {shown(images.initrd)}"
    if contents.initrd is not None:
        raise bad(name, f"kernel {shown(images.kernel)} has an initrd attached, and can have no other")
    file, length = stack.enter_context(open_image(images.initrd, "initrd"))
    if length == 0:
        raise bad(name, "empty")
    return Piece(file, 0, length), name


def choose_arguments(images: Images, contents: Contents) -> bytes:
    """The kernel's arguments. Raises ImageError."""
    given = encode_arguments(images.append)
    if not contents.arguments:
        return given
    if given:
        built_in = contents.arguments.decode(errors="backslashreplace")
        raise ImageError(
            f"kernel {shown(images.kernel)}: it has arguments built in, {built_in!a}, and can have no others"
        )
    return contents.arguments


def is_little_endian(images: Images) -> bool:
    """The byte order of the kernel. Raises ImageError."""
    with open_kernel(images.kernel, "kernel", UNPACKED_MAX) as contents:
        return read_elf(contents.kernel, contents.length, contents.name).little_endian


def load(vm: Partition, images: Images) -> Entry:
    """Load everything. Raises ImageError, with RAM untouched, when something does not fit."""
    with ExitStack() as stack:
        limit = min(vm.config.ram_size, UNPACKED_MAX)
        contents = stack.enter_context(open_kernel(images.kernel, "kernel", limit))
        return _load(vm, contents, images, stack)


def _load(vm: Partition, contents: Contents, images: Images, stack: ExitStack) -> Entry:
    memory, config = vm.memory, vm.config
    elf = read_elf(contents.kernel, contents.length, contents.name)

    size = config.ram_size
    top = min(size, TOP_MAX)
    rtas = top - RTAS_AREA
    fdt = rtas - FDT_MAX
    check_fits(elf, fdt, size, contents.name)

    initrd: tuple[int, int] | None = None
    if (chosen := choose_initrd(images, contents, stack)) is not None:
        piece, name = chosen
        initrd = (place_initrd(piece.size, elf.end, fdt, top, size, name), piece.size)

    layout = devicetree.Layout(rtas=rtas, rtas_size=RTAS_AREA, initrd=initrd)
    arguments = choose_arguments(images, contents)
    tree = devicetree.build(config, layout, arguments, vm.devices, tokens(vm.rtas_calls.values()))
    reservations = [(rtas, RTAS_AREA), (fdt, FDT_MAX)]
    if initrd is not None:
        reservations.append((initrd[0], align_up(initrd[1])))
    blob = flatten(tree, reservations)
    if len(blob) > FDT_MAX:
        raise ImageError(f"the device tree is too large: {len(blob)} bytes, the limit is {FDT_MAX}")

    for segment in elf.segments:
        copy(memory, segment.address, Piece(contents.kernel, segment.offset, segment.file_size), contents.name)
        if segment.size > segment.file_size:
            memory.fill(segment.address + segment.file_size, segment.size - segment.file_size)
    if initrd is not None and chosen is not None:
        copy(memory, initrd[0], *chosen)
    memory.write(rtas, BLOB)
    memory.write(fdt, blob)
    return Entry(pc=elf.entry, r3=fdt, r4=elf.start, r7=top)
