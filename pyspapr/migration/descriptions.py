"""Descriptions of types, fields and sections, in CBOR: how schemas travel in a stream.

Enters: what `Layout.describe` gives, or the bytes of a payload. Leaves: the other of the two. What is read is plain
data of the right shape; whether it describes types of this format is `vmstate.types.parse`'s to say.
"""

from __future__ import annotations

from typing import Any, Final

from pyspapr.vmstate.cbor import Cursor, Packed
from pyspapr.vmstate.layout import NAME_LIMIT, VERSION_LIMIT
from pyspapr.vmstate.types import DEEPEST, U32

MEMBERS_LIMIT: Final = 4096
"""Fields of a section, members of a structure, subsections."""


def pack_schema(described: Any) -> Packed:
    return [described["name"], described["version"], described["fields"], [*map(pack_schema, described["subsections"])]]


def read_type(cursor: Cursor, depth: int = 0) -> list[object]:
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
    cursor.items(2)
    return [cursor.text(NAME_LIMIT), read_type(cursor, depth + 1)]


def read_schema(cursor: Cursor, depth: int = 0) -> dict[str, object]:
    if depth > DEEPEST:
        raise cursor.refuse(f"subsections nested {DEEPEST} deep at most", "a deeper one")
    cursor.items(4)
    return {
        "name": cursor.text(NAME_LIMIT),
        "version": cursor.uint(VERSION_LIMIT),
        "fields": [read_field(cursor) for _ in range(cursor.array(MEMBERS_LIMIT))],
        "subsections": [read_schema(cursor, depth + 1) for _ in range(cursor.array(MEMBERS_LIMIT))],
    }
