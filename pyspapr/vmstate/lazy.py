"""Values of a section, read one at a time: a file's own schemas say what is in it, and a small file can describe values
that fill the host's memory when they are all there at once.

Enters: a layout and the bytes of a body. Leaves: leaves by name, or iterators that follow the structure. Must hold:
what is an iterator here is read to its end before the next value is asked for, since all share one cursor.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyspapr.plain import Plain
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.layout import Layout
from pyspapr.vmstate.types import Array, List, Struct, Type, Value

ABSENT: Final = "absent"
"""Instead of a value that only the other side has."""

Leaf = tuple[str, Value]
Change = tuple[str, Value, Value]
"""Name, and the two values; `ABSENT` where a side has none."""


class Pairs:
    """A structure or a mapping whose members come one at a time."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterator[tuple[str, object]]) -> None:
        """Of names and values; a value may be `Pairs` or an iterator itself."""
        self._pairs = pairs

    def __iter__(self) -> Iterator[tuple[str, object]]:
        return self._pairs


def nested(type_: Type, cursor: Cursor) -> object:
    """The next value: a leaf as it is, the items of a list as an iterator, a structure as `Pairs`."""
    match type_:
        case Array() | List():
            return (nested(type_.of, cursor) for _ in range(type_.begin(cursor)))
        case Struct(members):
            cursor.items(len(members))
            return Pairs((name, nested(member, cursor)) for name, member in members)
        case _:
            return type_.read(cursor)


def nested_section(layout: Layout, cursor: Cursor) -> Pairs:
    """A body: `fields`, and `subsections` of the same form."""

    def parts() -> Iterator[tuple[str, object]]:
        cursor.items(2)
        yield "fields", nested(Struct(layout.fields), cursor)
        yield "subsections", Pairs((part.name, nested_section(part, cursor)) for part in layout.present(cursor))

    return Pairs(parts())


def leaves(type_: Type, cursor: Cursor, name: str) -> Iterator[Leaf]:
    """Every leaf of the next value: `gpr[3]`, `sources[0].priority`."""
    match type_:
        case Array() | List():
            for index in range(type_.begin(cursor)):
                yield from leaves(type_.of, cursor, f"{name}[{index}]")
        case Struct(members):
            cursor.items(len(members))
            yield from members_of(members, cursor, name)
        case _:
            yield name, type_.read(cursor)


def members_of(members: tuple[tuple[str, Type], ...], cursor: Cursor, name: str) -> Iterator[Leaf]:
    """Leaves of the members of a structure whose head was read."""
    for member, type_ in members:
        cursor.what = f"Field {member}"
        yield from leaves(type_, cursor, f"{name}.{member}" if name else member)


def section_leaves(layout: Layout, cursor: Cursor, name: str = "") -> Iterator[Leaf]:
    """Every leaf of a body: of its fields, whose names begin with `name`, and of subsections, with theirs."""
    cursor.items(2)
    yield from leaves(Struct(layout.fields), cursor, name)
    for part in layout.present(cursor):
        yield from section_leaves(part, cursor, part.name)


class Piece(Plain):
    """A part of a body that can be read when it is needed: a field or a subsection, with where it begins."""

    body: bytes
    at: int
    of: Type | Layout

    def cursor(self) -> Cursor:
        cursor = Cursor(self.body, "")
        cursor.at = self.at
        return cursor

    def leaves(self, name: str) -> Iterator[Leaf]:
        if isinstance(self.of, Layout):
            return section_leaves(self.of, self.cursor(), name)
        return leaves(self.of, self.cursor(), name)


def pieces(section: Piece, name: str) -> dict[str, Piece]:
    """Where the fields of a section, whose names begin with `name`, and its subsections are."""
    assert isinstance(section.of, Layout)
    cursor = section.cursor()
    cursor.items(2)
    cursor.items(len(section.of.fields))
    found: dict[str, Piece] = {}
    for field, type_ in section.of.fields:
        found[f"{name}.{field}"] = Piece(section.body, cursor.at, type_)
        skip(type_, cursor)
    for part in section.of.present(cursor):
        found[part.name] = Piece(section.body, cursor.at, part)
        skip_section(part, cursor)
    return found


def skip(type_: Type, cursor: Cursor) -> None:
    """Read the next value, and check it, without keeping it."""
    if isinstance(type_, (Array, List)):
        item = type_.of
        for _ in range(type_.begin(cursor)):
            skip(item, cursor)
    elif isinstance(type_, Struct):
        cursor.items(len(type_.members))
        for name, member in type_.members:
            cursor.what = f"Field {name}"
            skip(member, cursor)
    else:
        type_.read(cursor)


def skip_section(layout: Layout, cursor: Cursor) -> None:
    """Read a body, and check it, without keeping anything."""
    outer = cursor.section, cursor.what
    cursor.section, cursor.what = f"{layout.name} v{layout.version}", "Section"
    cursor.items(2)
    skip(Struct(layout.fields), cursor)
    cursor.what = "Section"
    for part in layout.present(cursor):
        skip_section(part, cursor)
    cursor.section, cursor.what = outer


def changes(one: Piece | None, other: Piece | None, name: str) -> Iterator[Change]:
    """Leaves that differ between two sections or two fields; None for a side that has none."""
    if one is None or other is None:
        for piece in (one, other):
            for leaf, value in piece.leaves(name) if piece is not None else ():
                yield (leaf, value, ABSENT) if piece is one else (leaf, ABSENT, value)
    elif isinstance(one.of, Layout) and isinstance(other.of, Layout):
        if one.of == other.of and one.at == other.at == 0 and one.body == other.body:
            return
        mine, theirs = pieces(one, name), pieces(other, name)
        for part in [*mine, *(part for part in theirs if part not in mine)]:
            yield from changes(mine.get(part), theirs.get(part), part)
    elif not isinstance(one.of, Layout) and not isinstance(other.of, Layout):
        yield from changed(one.of, one.cursor(), other.of, other.cursor(), name)
    else:  # a field on one side, a subsection of the same name on the other
        yield from changes(one, None, name)
        yield from changes(None, other, name)


def changed(mine: Type, left: Cursor, theirs: Type, right: Cursor, name: str) -> Iterator[Change]:
    """Leaves that differ between the next values of two cursors."""
    match mine, theirs:
        case (Array() | List(), Array() | List()):
            here, there = mine.begin(left), theirs.begin(right)
            for index in range(max(here, there)):
                item = f"{name}[{index}]"
                if index < min(here, there):
                    yield from changed(mine.of, left, theirs.of, right, item)
                elif index < here:
                    yield from ((leaf, value, ABSENT) for leaf, value in leaves(mine.of, left, item))
                else:
                    yield from ((leaf, ABSENT, value) for leaf, value in leaves(theirs.of, right, item))
        case (Struct(members), Struct(others)) if [name for name, _ in members] == [name for name, _ in others]:
            left.items(len(members))
            right.items(len(others))
            for (member, type_), (_, other) in zip(members, others, strict=True):
                yield from changed(type_, left, other, right, f"{name}.{member}")
        case (Array() | List() | Struct(), _) | (_, Array() | List() | Struct()):
            yield from ((leaf, value, ABSENT) for leaf, value in leaves(mine, left, name))
            yield from ((leaf, ABSENT, value) for leaf, value in leaves(theirs, right, name))
        case _:
            if (one := mine.read(left)) != (two := theirs.read(right)):
                yield name, one, two
