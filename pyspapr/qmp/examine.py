"""Memory and registers as text, in the layout of QEMU's monitor, because scripts take it apart.

Values of several bytes are big-endian, as in `qemu-system-ppc64`, whatever the guest's byte order is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from pyspapr._native import disassemble
from pyspapr.errors import GuestAddressError
from pyspapr.qmp.line import BITS, Format, LineError

if TYPE_CHECKING:
    from pyspapr.partition.cpu import Cpu
    from pyspapr.partition.memory import ByteOrder

BYTES_MAX: Final = 1 << 16
"""Of one memory dump. Files hold more: memsave, pmemsave, dump-guest-memory."""
ESCAPES: Final = {0x0A: r"\n", 0x0D: r"\r", 0x27: r"\'", 0x5C: r"\\"}

Read = Callable[[int, int], bytes]
"""Of an address and a length. Raises GuestAddressError."""


def width(kind: str, size: int) -> int:
    """Digits of the largest value."""
    bits = 8 * size
    return -(-bits // 3) if kind == "o" else -(-bits * 10 // 33) if kind in "du" else bits // 4


def number(value: int, kind: str, size: int) -> str:
    """A value of a memory dump."""
    if kind == "o":
        return (f"0{value:o}" if value else "0").rjust(width(kind, size))
    if kind == "x":
        return f"0x{value:0{width(kind, size)}x}"
    if kind == "d" and value >> 63:
        value -= 1 << 64
    return str(value).rjust(width(kind, size))


def character(byte: int) -> str:
    """A byte of a memory dump, quoted."""
    text = ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else rf"\x{byte:02x}")
    return f"'{text}'"


def memory(read: Read, address: int, form: Format, order: ByteOrder) -> Iterator[str]:
    """Lines of a memory dump; the first that cannot be read is the last. Raises LineError for a large dump."""
    size = 4 if form.kind == "i" or form.size is None else form.size
    total = form.count * size
    if total > BYTES_MAX:
        raise LineError(f"{total} bytes are more than {BYTES_MAX}: use memsave, pmemsave or dump-guest-memory")
    step = 4 if form.kind == "i" else 8 if size == 1 else 16
    for at in range(0, total, step):
        place = address + at & BITS
        try:
            data = read(place, min(step, total - at))
        except GuestAddressError:
            yield f"{place:016x}: Cannot access memory"
            return
        if form.kind == "i":
            word = int.from_bytes(data, order)
            yield f"0x{place:08x}:  {word:08x}  {disassemble(word, place)}"
        elif form.kind == "c":
            yield f"{place:016x}: " + " ".join(map(character, data))
        else:
            parts = (int.from_bytes(data[one : one + size], "big") for one in range(0, len(data), size))
            yield f"{place:016x}: " + " ".join(number(part, form.kind, size) for part in parts)


def printed(value: int, kind: str) -> str:
    """The answer of `print`."""
    match kind:
        case "o":
            return f"0{value:o}" if value else "0"
        case "x":
            return f"{value:#x}" if value else "0"
        case "c":
            return character(value & 0xFF)
        case "d":
            return str(value - (1 << 64) if value >> 63 else value)
    return str(value)


def _rows(label: str, values: list[int]) -> Iterator[str]:
    for first in range(0, len(values), 4):
        yield f"{label}{first:02d} " + " ".join(f"{value:016x}" for value in values[first : first + 4])


def _condition(field: int) -> str:
    letter = "L" if field & 8 else "G" if field & 4 else "E" if field & 2 else "-"
    return letter + ("O" if field & 1 else " ")


def registers(cpu: Cpu) -> Iterator[str]:
    """Lines of `info registers`. Registers of a hypervisor are left out: the machine has none."""

    def named(*rows: tuple[str, str]) -> str:
        return " ".join(f"{label:>5} {cpu[name]:016x}" for label, name in rows)

    yield (f"NIP {cpu['pc']:016x}   LR {cpu['lr']:016x} CTR {cpu['ctr']:016x} XER {cpu['xer']:016x} CPU#{cpu.index}")
    time = cpu.vcpu.timebase
    yield f"MSR {cpu['msr']:016x}"
    yield f"TB {time >> 32:08x} {time & 0xFFFFFFFF:08x} DECR {cpu['dec'] & 0xFFFFFFFF}"
    yield from _rows("GPR", [cpu[f"r{one}"] for one in range(32)])
    flags = " ".join(_condition(cpu["cr"] >> shift & 15) for shift in range(28, -4, -4))
    yield f"CR {cpu['cr']:08x}  [ {flags} ]"
    yield from _rows("FPR", [cpu[f"f{one}"] for one in range(32)])
    yield f"FPSCR {cpu['fpscr']:016x}"
    yield named(("SRR0", "srr0"), ("SRR1", "srr1"), ("PVR", "pvr"), ("VRSAVE", "vrsave"))
    yield named(*((f"SPRG{one}", f"sprg{one}") for one in range(4)))
    yield named(("CFAR", "cfar"), ("LPCR", "lpcr"))
    yield named(("DAR", "dar"), ("DSISR", "dsisr"))
