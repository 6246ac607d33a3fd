"""How two machines of one description differ: readable lines, none when they are the same. Only the parts of RAM and
of the hash table that were written since the last comparison are compared, so the cost follows the changes. Each takes
dirty marks of its machine; a migration of the same machine would miss them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pyspapr import vmstate
from pyspapr._native import PAGE, Marks, Start, hpt_chunk_entries, ram_chunk_pages

if TYPE_CHECKING:
    from pyspapr._native import RamPass
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

COMPARED_CHUNK: Final = 1 << 20
SHOWN: Final = 20
"""Lines of one kind."""


def unlike(name: str, one: object, other: object) -> list[str]:
    """A line, if the two are not equal."""
    if one == other:
        return []
    texts = (f"{value:#x}" if isinstance(value, int) else str(value) for value in (one, other))
    return [f"{name}: " + " / ".join(texts)]


def unlike_all(names: Iterable[str], one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    """A line for each name whose values are not equal."""
    return [line for name in names for line in unlike(name, one.get(name), other.get(name))]


def shortened(lines: list[str]) -> list[str]:
    """At most `SHOWN`, and how many more."""
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], f"… {more} more"]


def part_of_vector(name: str) -> bool:
    """Whether a register is shown as a part of a VSR."""
    return name.rstrip("0123456789") in ("f", "vr")


def processor(one: Cpu, other: Cpu) -> list[str]:
    """Registers and what is remembered beside them."""
    if one.vcpu.digest() == other.vcpu.digest() and one.vcpu.halted == other.vcpu.halted:
        return []
    lines = unlike_all((name for name in one.names if not part_of_vector(name)), one, other)
    mine, theirs = one.vcpu.internal_state(), other.vcpu.internal_state()
    lines += unlike_all(mine, mine, theirs)
    for index, (left, right) in enumerate(zip(one.vcpu.slb(), other.vcpu.slb(), strict=True)):
        if left != right:
            lines.append(f"slb[{index}]: {left[0]:#x} {left[1]:#x} / {right[0]:#x} {right[1]:#x}")
    lines += unlike("halted", one.vcpu.halted, other.vcpu.halted)
    return lines or ["a register that has no name"]


def processors(one: Partition, other: Partition) -> list[str]:
    return [line for pair in zip(one.cpus, other.cpus, strict=True) for line in processor(*pair)]


def devices(one: Partition, other: Partition) -> list[str]:
    mine, theirs = (
        {f"{name}.{field}": value for name, fields in vmstate.observable(vm).items() for field, value in fields.items()}
        for vm in (one, other)
    )
    return unlike_all(dict.fromkeys((*mine, *theirs)), mine, theirs)


def chunks(passing: RamPass, size: int) -> Iterator[tuple[set[int], bytes]]:
    """Page numbers of each chunk of a pass, and everything in it as one string."""
    while (chunk := passing.next(COMPARED_CHUNK)) is not None:
        index, data, _, _ = chunk
        yield {number for number, _ in ram_chunk_pages(index, size)}, index + data


def memory(one: Partition, other: Partition) -> list[str]:
    """RAM, and which of its pages are marked as written."""
    size = one.ram.size
    passes = [chunks(vm.ram.start_pass(Start.Changes(Marks.LIVE)), size) for vm in (one, other)]
    for vm in (one, other):
        for cpu in vm.cpus:
            cpu.vcpu.protect_writes()
    while True:
        left, right = (next(chunk, None) for chunk in passes)
        if left != right:
            break
        if left is None:
            return []
    marked = []
    for first, rest in zip((left, right), passes, strict=True):
        numbers = set() if first is None else first[0]
        marked.append(numbers.union(*(more for more, _ in rest)))
    lines = [f"page {number * PAGE:#x} is marked by one only" for number in sorted(marked[0] ^ marked[1])]
    for number in sorted(marked[0] | marked[1]):
        pages = [vm.ram.read(number * PAGE, PAGE) for vm in (one, other)]
        if pages[0] != pages[1]:
            at = next(i for i in range(PAGE) if pages[0][i] != pages[1][i]) & ~7
            texts = " / ".join(page[at : at + 16].hex(" ", 8) for page in pages)
            lines.append(f"memory at {number * PAGE + at:#x}: {texts}")
    return shortened(lines)


def table(one: Partition, other: Partition) -> list[str]:
    """The hash table, and which of its entries are marked as changed."""
    if lines := unlike("hash table shift", one.hpt.shift, other.hpt.shift):
        return lines
    found: list[dict[Any, tuple[int, int]]] = []
    for vm in (one, other):
        taken = vm.hpt.start_pass(Start.Changes(Marks.LIVE))
        entries: dict[Any, tuple[int, int]] = {}
        while (chunk := taken.next(COMPARED_CHUNK)) is not None:
            entries.update((ptex, (v, r)) for ptex, v, r in hpt_chunk_entries(chunk[0], vm.hpt.shift))
        found.append(entries)
    mine, theirs = found
    if mine == theirs:
        return []
    lines = []
    for ptex in sorted(mine.keys() | theirs.keys(), key=lambda ptex: -1 if ptex is None else ptex):
        left, right = mine.get(ptex), theirs.get(ptex)
        if left != right:
            texts = ("unchanged" if entry is None else f"{entry[0]:#x} {entry[1]:#x}" for entry in (left, right))
            lines.append(f"entry {ptex}: " + " / ".join(texts))
    return shortened(lines)
