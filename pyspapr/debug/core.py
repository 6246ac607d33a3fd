"""A memory dump as kernel debuggers read it: an ELF core file in the byte order of the guest's kernel.

    ELF header | PT_NOTE, PT_LOAD ... | notes | RAM, from a multiple of 64 KiB on, with holes for pages of zeroes

Each processor has NT_PRSTATUS, NT_PRFPREG, NT_PPC_VMX and NT_PPC_VSX; what the kernel itself keeps for dumps is the
note VMCOREINFO. The first PT_LOAD is RAM at the kernel's linear mapping (0xc000...); the others show the same bytes at
the addresses of vmalloc and of page descriptors, because debuggers cannot look through a hash table.

Enters: a machine that stands still. Leaves: the file. The machine is not changed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

from pyspapr.debug.mappings import KERNEL, Run
from pyspapr.errors import StateError

if TYPE_CHECKING:
    from pyspapr.debug.debugger import Debugger
    from pyspapr.partition.cpu import Cpu

ET_CORE, EM_PPC64, PT_LOAD, PT_NOTE = 4, 21, 1, 4
EHDR, PHDR = 64, 56
NT_PRSTATUS, NT_PRFPREG, NT_PPC_VMX, NT_PPC_VSX = 1, 2, 0x100, 0x102
ELF_V2 = 2
"""In e_flags: the ABI of little-endian kernels."""
ALIGNMENT: Final = 1 << 16
PIECE: Final = 1 << 20
"""Bytes of RAM that are copied at once when a dump has a part of it."""
GPRS: Final = tuple(f"r{number}" for number in range(32))


def note(order: str, name: bytes, kind: int, description: bytes) -> bytes:
    """One note, padded to words."""
    name += b"\0"
    head = struct.pack(f"{order}III", len(name), len(description), kind)
    return head + name + bytes(-len(name) % 4) + description + bytes(-len(description) % 4)


def prstatus(order: str, cpu: Cpu) -> bytes:
    """Linux's `struct elf_prstatus` of a processor: what is not its registers is 0, but a number in place of a PID."""
    names = (*GPRS, "pc", "msr", None, "ctr", "lr", "xer", "cr", None, None, "dar", "dsisr", None)
    registers = [0 if name is None else cpu[name] for name in names]
    registers += [0] * (48 - len(registers))
    head = struct.pack(f"{order}12xhxxQQ4I64x", 0, 0, 0, cpu.index + 1, 0, 0, 0)
    return head + struct.pack(f"{order}48Qi4x", *registers, 1)


def registers_of(order: str, cpu: Cpu) -> Iterator[bytes]:
    """The notes of a processor."""
    yield note(order, b"CORE", NT_PRSTATUS, prstatus(order, cpu))
    floats = [cpu[f"f{number}"] for number in range(32)]
    yield note(order, b"CORE", NT_PRFPREG, struct.pack(f"{order}33Q", *floats, cpu["fpscr"]))
    little = order == "<"
    wide = b"".join(cpu[f"vr{number}"].to_bytes(16, "little" if little else "big") for number in range(32))
    status = cpu["vscr"].to_bytes(16, "little" if little else "big")
    saved = struct.pack(f"{order}I12x", cpu["vrsave"] & 0xFFFFFFFF)
    yield note(order, b"LINUX", NT_PPC_VMX, wide + status + saved)
    lower = [cpu[f"vs{number}"] & (1 << 64) - 1 for number in range(32)]
    yield note(order, b"LINUX", NT_PPC_VSX, struct.pack(f"{order}32Q", *lower))


def program_headers(order: str, notes: tuple[int, int], at: int, first: int, runs: list[Run]) -> bytes:
    """PT_NOTE at `notes` (offset, length), and a PT_LOAD for each run, with RAM from `first` on at offset `at`."""
    rows = [struct.pack(f"{order}IIQQQQQQ", PT_NOTE, 0, notes[0], 0, 0, notes[1], notes[1], 4)]
    rows += [
        struct.pack(
            f"{order}IIQQQQQQ", PT_LOAD, 7, at + one.real - first, one.address, one.real, one.length, one.length, 4096
        )
        for one in runs
    ]
    return b"".join(rows)


def write(debug: Debugger, file: IO[bytes], begin: int = 0, length: int | None = None) -> int:
    """Write a dump into an empty file; with `begin` and `length` only of that RAM. Returns the bytes of RAM in it.

    Raises StateError where there is no such RAM or no guest, and OSError as the host does.
    """
    vm = debug.vm
    if vm.serving:
        raise StateError("a machine cannot be dumped by a hypercall handler: the hypercall has no result yet")
    if vm.absent is not None:
        raise StateError(f"{vm.absent}: this machine cannot be dumped")
    size = len(vm.memory)
    end = size if length is None else min(begin + length, size)
    if not 0 <= begin < end:
        raise StateError("dump: no guest memory to dump")
    little = debug.virtual.byte_order == "little"
    order = "<" if little else ">"
    parts = [part for cpu in vm.cpus for part in registers_of(order, cpu)]
    if (text := debug.vmcoreinfo) is not None:
        parts.append(note(order, b"VMCOREINFO", 0, text))
    notes = b"".join(parts)
    runs = [Run(KERNEL | begin, begin, end - begin)]
    if (begin, end) == (0, size):
        runs += debug.mappings.runs()
    before = EHDR + PHDR * (1 + len(runs))
    at = -(-(before + len(notes)) // ALIGNMENT) * ALIGNMENT
    ident = b"\x7fELF" + bytes((2, 1 if little else 2, 1)) + bytes(9)
    flags = ELF_V2 if little else 0
    header = struct.pack(
        f"{order}HHIQQQIHHHHHH", ET_CORE, EM_PPC64, 1, 0, EHDR, 0, flags, EHDR, PHDR, 1 + len(runs), 0, 0, 0
    )
    file.write(ident + header + program_headers(order, (before, len(notes)), at, begin, runs) + notes)
    file.flush()
    if (begin, end) == (0, size):
        vm.ram.write_sparse(file.fileno(), at)
    else:
        file.seek(at)
        for start in range(begin, end, PIECE):
            file.write(vm.memory.read(start, min(PIECE, end - start)))
        file.flush()
    return end - begin
