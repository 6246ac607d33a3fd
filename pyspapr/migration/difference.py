"""How two saved machines differ: values by name, pages of RAM, hash table entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pyspapr._native import Ram
from pyspapr.migration.contents import Contents
from pyspapr.migration.records import GRAIN

BLOCK: Final = 1 << 20
ABSENT: Final = "absent"

Change = tuple[str, Any, Any]
"""Name, and the two values; `ABSENT` where a side has none."""


def flat(value: object, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested values: `cpu.gpr[3]`, `ics.sources[0].priority`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from flat(item, f"{name}[{index}]")
    else:
        yield name, value


def leaves(contents: Contents) -> dict[str, Any]:
    """Values of the machine's description and of every section, by name."""
    found = dict(flat(contents.header.machine, "machine"))
    found["hash_table.shift"] = contents.shift
    for device, values in contents.devices:
        name = device.name if device.instance == 0 else f"{device.name}#{device.instance}"
        found[f"{name}.version"] = device.version
        found |= flat(values["fields"], name)
        found |= flat_sections(values["subsections"])
    return found


def flat_sections(sections: object) -> Iterator[tuple[str, Any]]:
    """Leaves of subsections, whose names begin with their section's."""
    if isinstance(sections, Mapping):
        for name, values in sections.items():
            yield from flat(values["fields"], name)
            yield from flat_sections(values["subsections"])


def fields(left: Contents, right: Contents) -> list[Change]:
    """Values that differ, in the order in which they lie in the file."""
    one, other = leaves(left), leaves(right)
    names = [*one, *(name for name in other if name not in one)]
    pairs = ((name, one.get(name, ABSENT), other.get(name, ABSENT)) for name in names)
    return [change for change in pairs if change[1] != change[2]]


def pages(left: Ram, right: Ram) -> list[int]:
    """Numbers of the grains that differ; where one side is larger, of those that are not zero."""
    if left.size == right.size and left.digest() == right.digest():
        return []
    found = []
    for start in range(0, max(left.size, right.size), BLOCK):
        one, other = piece(left, start), piece(right, start)
        if one != other:
            found += [
                (start + at) // GRAIN for at in range(0, BLOCK, GRAIN) if one[at : at + GRAIN] != other[at : at + GRAIN]
            ]
    return found


def piece(ram: Ram, start: int) -> bytes:
    """A block, with zeroes behind the end."""
    length = max(min(BLOCK, ram.size - start), 0)
    return (ram.read(start, length) if length else b"").ljust(BLOCK, b"\0")


def ranges(numbers: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers: first and last."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


Pair = tuple[int, int]


def entries(left: Contents, right: Contents) -> list[tuple[int, Pair | None, Pair | None]]:
    """Hash table entries that differ, by index."""
    one, other = left.entries, right.entries
    return [
        (ptex, one.get(ptex), other.get(ptex))
        for ptex in sorted(one.keys() | other.keys())
        if one.get(ptex) != other.get(ptex)
    ]
