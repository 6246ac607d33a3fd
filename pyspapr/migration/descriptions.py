"""Descriptions of types, fields and sections, in CBOR: how schemas travel in a stream.

Enters: what `Layout.describe` gives, or the bytes of a payload. Leaves: the other of the two. What is read is plain
data of the right shape; whether it describes types of this format is `vmstate.types.parse`'s to say.
"""

from __future__ import annotations

from typing import Any, Final

from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.layout import NAME_LIMIT, VERSION_LIMIT
from pyspapr.vmstate.types import DEEPEST, U32

MEMBERS_LIMIT: Final = 4096
"""Fields of a section, members of a structure, subsections."""


def encode_type(description: Any) -> bytes:
    """CBOR of a type's description."""
    match description:
        case [str(name)]:
            return cbor.array(cbor.text(name))
        case ["struct", members]:
            return cbor.array(cbor.text("struct"), cbor.array(*(encode_field(member) for member in members)))
        case [name, count]:
            return cbor.array(cbor.text(name), cbor.uint(count))
        case [name, count, of]:
            return cbor.array(cbor.text(name), cbor.uint(count), encode_type(of))
    raise ValueError(f"{description!r} describes no type")


def encode_field(field: Any) -> bytes:
    """CBOR of a field's name and type."""
    name, description = field
    return cbor.array(cbor.text(name), encode_type(description))


def encode_schema(described: Any) -> bytes:
    """CBOR of a layout's description."""
    return cbor.array(
        cbor.text(described["name"]),
        cbor.uint(described["version"]),
        cbor.array(*map(encode_field, described["fields"])),
        cbor.array(*map(encode_schema, described["subsections"])),
    )


def read_type(cursor: Cursor, depth: int = 0) -> list[object]:
    """The description of a type."""
    if depth > DEEPEST:
        raise cursor.refuse(f"types nested {DEEPEST} deep at most", "a deeper one")
    count = cursor.array(3)
    found: list[object] = [cursor.text(NAME_LIMIT)]
    if count >= 2 and found[0] == "struct":
        found.append([read_field(cursor, depth) for _ in range(cursor.array(MEMBERS_LIMIT))])
    elif count >= 2:
        found.append(U32.read(cursor))
    if count == 3:
        found.append(read_type(cursor, depth + 1))
    return found


def read_field(cursor: Cursor, depth: int = 0) -> list[object]:
    """The description of a field."""
    cursor.items(2)
    return [cursor.text(NAME_LIMIT), read_type(cursor, depth + 1)]


def read_schema(cursor: Cursor, depth: int = 0) -> dict[str, object]:
    """The description of a layout."""
    if depth > DEEPEST:
        raise cursor.refuse(f"subsections nested {DEEPEST} deep at most", "a deeper one")
    cursor.items(4)
    return {
        "name": cursor.text(NAME_LIMIT),
        "version": cursor.uint(VERSION_LIMIT),
        "fields": [read_field(cursor) for _ in range(cursor.array(MEMBERS_LIMIT))],
        "subsections": [read_schema(cursor, depth + 1) for _ in range(cursor.array(MEMBERS_LIMIT))],
    }
