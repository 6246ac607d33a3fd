"""How two saved machines differ: values by name, pages of RAM, hash table entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspapr._native import Ram
from pyspapr.migration.contents import Contents
from pyspapr.vmstate.layout import Layout
from pyspapr.vmstate.lazy import ABSENT, Change, Piece, changes


def sections(contents: Contents) -> dict[str, Piece]:
    """Every section by the name that its fields begin with."""
    return {
        device.name if device.instance == 0 else f"{device.name}#{device.instance}": Piece(device.body, 0, layout)
        for device, layout in contents.devices
    }


def description(contents: Contents) -> dict[str, Any]:
    """The machine's description, and the versions of its sections."""
    found = {f"machine.{name}": value for name, value in contents.header.machine.items()}
    found["hash_table.shift"] = contents.shift
    return found


def fields(left: Contents, right: Contents) -> Iterator[Change]:
    """Values that differ, in the order in which they lie in the file."""
    mine, theirs = description(left), description(right)
    yield from ((name, value, theirs[name]) for name, value in mine.items() if value != theirs[name])
    here, there = sections(left), sections(right)
    for name in [*here, *(name for name in there if name not in here)]:
        one, other = here.get(name), there.get(name)
        if version(one) != version(other):
            yield f"{name}.version", version(one), version(other)
        yield from changes(one, other, name)


def version(section: Piece | None) -> int | str:
    """Of a section, if it is there."""
    return section.of.version if section is not None and isinstance(section.of, Layout) else ABSENT


def pages(left: Ram, right: Ram) -> list[int]:
    """Numbers of the pages that differ; beyond the smaller side's end, of those that are not zero."""
    return left.unlike(right)


def ranges(numbers: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers: first and last."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def entries(left: Contents, right: Contents) -> Iterator[tuple[int, bytes | None, bytes | None]]:
    """Hash table entries that differ, by index."""
    one, other = left.entries, right.entries
    for ptex in sorted(one.keys() | other.keys()):
        if (mine := one.get(ptex)) != (theirs := other.get(ptex)):
            yield ptex, mine, theirs
