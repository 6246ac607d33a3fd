"""Small guests made on the spot: ELF files and machine code."""

from __future__ import annotations

import struct
from pathlib import Path

from pyspapr import Machine

H_PUT_TERM_CHAR = 0x58
H_RTAS = 0xF000
BASE = 0x10000


def elf(
    code: bytes,
    *,
    address: int = BASE,
    entry: int | None = None,
    memory_size: int | None = None,
    machine: int = 21,
    little: bool = False,
    offset: int = 0x1000,
) -> bytes:
    """An ELF64 executable with one segment."""
    order = "<" if little else ">"
    ident = b"\x7fELF" + bytes((2, 1 if little else 2, 1)) + bytes(9)
    start = address if entry is None else entry
    header = ident + struct.pack(order + "HHIQQQIHHHHHH", 2, machine, 1, start, 64, 0, 2, 64, 56, 1, 0, 0, 0)
    size = len(code) if memory_size is None else memory_size
    segment = struct.pack(order + "IIQQQQQQ", 1, 7, offset, address, address, len(code), size, 0x10000)
    return (header + segment).ljust(offset, b"\0") + code


def assemble(*words: int) -> bytes:
    """Big-endian machine code."""
    return struct.pack(f">{len(words)}I", *words)


def li(register: int, value: int) -> list[int]:
    """A 32-bit constant (below 2**31) into a register: lis, ori."""
    return [0x3C000000 | register << 21 | value >> 16, 0x60000000 | register << 21 | register << 16 | value & 0xFFFF]


SC1 = 0x44000022
BRANCH_TO_SELF = 0x48000000


def hypercall(number: int, *arguments: int) -> list[int]:
    """Code that makes a hypercall."""
    words = li(3, number)
    for index, argument in enumerate(arguments):
        words += li(4 + index, argument)
    return [*words, SC1]


def rtas(token: int, *arguments: int, results: int = 1, buffer: int = 0x8000) -> list[int]:
    """Code that fills an argument buffer and makes an RTAS call."""
    words = []
    for index, value in enumerate((token, len(arguments), results, *arguments)):
        words += [*li(5, value), *li(6, buffer + 4 * index), 0x90A60000]  # stw r5,0(r6)
    return words + hypercall(H_RTAS, buffer)


POWER_OFF = rtas(0x2003, 0, 0)


def started(vm: Machine, *words: int) -> Machine:
    """Put code at BASE and start there."""
    vm.memory.write(BASE, assemble(*words))
    vm.start(pc=BASE)
    return vm


def write_kernel(directory: Path, *words: int) -> Path:
    """A kernel file with this code."""
    path = directory / "kernel.elf"
    path.write_bytes(elf(assemble(*words)))
    return path


def zimage(sections: dict[str, bytes], *, wide: bool = True, little: bool = True) -> bytes:
    """Linux's boot wrapper as far as a loader looks at it: an ELF executable with these sections and nothing to run."""
    order, header_size, entry_size = ("<" if little else ">"), (64 if wide else 52), (64 if wide else 40)
    names = b"\0"
    data = b""
    headers = [(0,) * 10]
    for name, content in [*sections.items(), (".shstrtab", b"")]:
        at, names = len(names), names + name.encode() + b"\0"
        content = content or names * (name == ".shstrtab")
        kind = 3 if name == ".shstrtab" else 1
        headers.append((at, kind, 2, 0, header_size + len(data), len(content), 0, 0, 1, 0))
        data += content
    ident = b"\x7fELF" + bytes((2 if wide else 1, 1 if little else 2, 1)) + bytes(9)
    table = header_size + len(data)
    address, machine = ("Q", 21) if wide else ("I", 20)
    fields = (2, machine, 1, 0, 0, table, 0, header_size, 0, 0, entry_size, len(headers), len(headers) - 1)
    header = ident + struct.pack(f"{order}HHI3{address}IHHHHHH", *fields)
    row = f"{order}II{address}{address}{address}{address}II{address}{address}"
    return header + data + b"".join(struct.pack(row, *fields) for fields in headers)
