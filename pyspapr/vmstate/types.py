"""Types of fields: what each may hold, how it is written, and how it is described in a schema.

A type packs a value into plain data, which `cbor.encode` turns into bytes; it reads the value back within its bounds;
and it describes itself in plain data, from which `parse` makes it again, so that a stream's own schemas are enough to
read the stream. The description of a type is part of the format.

    ["u64"]  ["bool"]  ["bytes", 65536]  ["varbytes", 16]  ["str", 64]
    ["array", 32, ["u64"]]  ["list", 4096, ["struct", [["number", ["u32"]], …]]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Any, Final, Protocol

from pyspapr.errors import StateError, StreamError
from pyspapr.plain import Plain
from pyspapr.vmstate.cbor import Cursor, Packed

Description = list[object]
Value = object

LARGEST: Final = 64 << 20
"""The size limit of byte strings, texts and lists in any schema, those of a stream included."""
DEEPEST: Final = 8
"""Nesting of types that a schema may have."""


class Type(Protocol):
    """What every type can do."""

    def pack(self, value: Value) -> Packed:
        """`value` as integers, flags, bytes, text and lists. Raises StateError when the type cannot hold it."""
        ...

    def read(self, cursor: Cursor) -> Value:
        """The next value. Raises StreamError."""
        ...

    def copy(self, value: Any) -> Value:
        """A value that `pack` takes, without anything that somebody else may change."""
        ...

    def describe(self) -> Description: ...


LONGEST_SHOWN: Final = 80
"""Characters of a value in an error. A field may be megabytes long."""


def _unfit(value: object, wanted: str) -> StateError:
    shown = repr(value)
    if len(shown) > LONGEST_SHOWN:
        length = f" (length {len(value)})" if isinstance(value, Sized) else ""
        shown = f"{shown[:LONGEST_SHOWN]}...{length}"
    return StateError(f"{shown} is not {wanted}")


class Unsigned(Plain):
    """An integer of `bits` bits; above 64 bits as a big-endian byte string, since CBOR integers end there."""

    bits: int

    def pack(self, value: Value) -> Packed:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0 or value >> self.bits:
            raise _unfit(value, f"an unsigned integer of {self.bits} bits")
        return int(value) if self.bits <= 64 else value.to_bytes(self.bits // 8, "big")

    def read(self, cursor: Cursor) -> Value:
        if self.bits <= 64:
            return cursor.uint((1 << self.bits) - 1)
        return int.from_bytes(Bytes(self.bits // 8).read(cursor), "big")

    def copy(self, value: Any) -> Value:
        return value

    def describe(self) -> Description:
        return [f"u{self.bits}"]


class Signed(Plain):
    """A signed integer, as the big-endian byte string of its two's complement."""

    bits: int

    def pack(self, value: Value) -> Packed:
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or not -1 << self.bits - 1 <= value < 1 << self.bits - 1
        ):
            raise _unfit(value, f"a signed integer of {self.bits} bits")
        return value.to_bytes(self.bits // 8, "big", signed=True)

    def read(self, cursor: Cursor) -> Value:
        return int.from_bytes(Bytes(self.bits // 8).read(cursor), "big", signed=True)

    def copy(self, value: Any) -> Value:
        return value

    def describe(self) -> Description:
        return [f"i{self.bits}"]


class Boolean(Plain):
    """True or false."""

    def pack(self, value: Value) -> Packed:
        if not isinstance(value, bool):
            raise _unfit(value, "true or false")
        return value

    def read(self, cursor: Cursor) -> Value:
        return cursor.boolean()

    def copy(self, value: Any) -> Value:
        return value

    def describe(self) -> Description:
        return ["bool"]


class Bytes(Plain):
    """Exactly `size` bytes."""

    size: int

    def pack(self, value: Value) -> Packed:
        if not isinstance(value, (bytes, bytearray)) or len(value) != self.size:
            raise _unfit(value, f"{self.size} bytes")
        return bytes(value)

    def read(self, cursor: Cursor) -> bytes:
        start = cursor.at
        data = cursor.bytestring(self.size)
        if len(data) != self.size:
            raise cursor.refuse(f"{self.size} bytes", len(data), start)
        return data

    def copy(self, value: Any) -> Value:
        return bytes(value)

    def describe(self) -> Description:
        return ["bytes", self.size]


class VarBytes(Plain):
    """Up to `limit` bytes."""

    limit: int

    def pack(self, value: Value) -> Packed:
        if not isinstance(value, (bytes, bytearray)) or len(value) > self.limit:
            raise _unfit(value, f"at most {self.limit} bytes")
        return bytes(value)

    def read(self, cursor: Cursor) -> Value:
        return cursor.bytestring(self.limit)

    def copy(self, value: Any) -> Value:
        return bytes(value)

    def describe(self) -> Description:
        return ["varbytes", self.limit]


class Str(Plain):
    """Text of up to `limit` bytes of UTF-8."""

    limit: int

    def pack(self, value: Value) -> Packed:
        if not isinstance(value, str) or len(value.encode()) > self.limit:
            raise _unfit(value, f"text of at most {self.limit} bytes")
        return value[:]  # a plain str, also of an enumeration's member

    def read(self, cursor: Cursor) -> Value:
        return cursor.text(self.limit)

    def copy(self, value: Any) -> Value:
        return value

    def describe(self) -> Description:
        return ["str", self.limit]


class Array(Plain):
    """Exactly `count` values of one type."""

    count: int
    of: Type

    def pack(self, value: Value) -> Packed:
        if not isinstance(value, Sequence) or len(value) != self.count:
            raise _unfit(value, f"{self.count} values")
        return [*map(self.of.pack, value)]

    def begin(self, cursor: Cursor) -> int:
        cursor.items(self.count)
        return self.count

    def read(self, cursor: Cursor) -> Value:
        return [self.of.read(cursor) for _ in range(self.begin(cursor))]

    def copy(self, value: Any) -> Value:
        return [*map(self.of.copy, value)]

    def describe(self) -> Description:
        return ["array", self.count, self.of.describe()]


class List(Plain):
    """Up to `limit` values of one type."""

    limit: int
    of: Type

    def pack(self, value: Value) -> Packed:
        if not isinstance(value, Sequence) or len(value) > self.limit:
            raise _unfit(value, f"at most {self.limit} values")
        return [*map(self.of.pack, value)]

    def begin(self, cursor: Cursor) -> int:
        return cursor.array(self.limit)

    def read(self, cursor: Cursor) -> Value:
        return [self.of.read(cursor) for _ in range(self.begin(cursor))]

    def copy(self, value: Any) -> Value:
        return [*map(self.of.copy, value)]

    def describe(self) -> Description:
        return ["list", self.limit, self.of.describe()]


class Struct(Plain):
    """Named members in order, written without their names."""

    members: tuple[tuple[str, Type], ...]

    def pack(self, value: Value) -> Packed:
        """Refuses a mapping with other names."""
        if not isinstance(value, Mapping) or set(value) != {name for name, _ in self.members}:
            raise _unfit(value, f"a structure of {', '.join(name for name, _ in self.members)}")
        return [type_.pack(value[name]) for name, type_ in self.members]

    def read(self, cursor: Cursor) -> dict[str, Value]:
        cursor.items(len(self.members))
        found: dict[str, Value] = {}
        outer = cursor.what
        for name, type_ in self.members:
            cursor.what = f"Field {name}"
            found[name] = type_.read(cursor)
        cursor.what = outer
        return found

    def copy(self, value: Any) -> Value:
        return {name: type_.copy(value[name]) for name, type_ in self.members}

    def describe(self) -> Description:
        return ["struct", [[name, type_.describe()] for name, type_ in self.members]]


U8: Final = Unsigned(8)
U16: Final = Unsigned(16)
U32: Final = Unsigned(32)
U64: Final = Unsigned(64)
U128: Final = Unsigned(128)
I128: Final = Signed(128)
Bool: Final = Boolean()

_PLAIN: Final[dict[str, Type]] = {
    **{f"u{t.bits}": t for t in (U8, U16, U32, U64, U128)},
    "i128": I128,
    "bool": Bool,
}


def parse(description: object, depth: int = 0) -> Type:
    """The type that `describe` described. Raises StreamError: the description came with a stream."""

    def refuse() -> StreamError:
        return StreamError.of("Type of a field", "schemas", 0, "a type of this format", repr(description)[:80])

    def number(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
            raise refuse()
        return value

    if depth > DEEPEST:
        raise refuse()
    match description:
        case [str(name)] if name in _PLAIN:
            return _PLAIN[name]
        case ["bytes", size]:
            return Bytes(number(size))
        case ["varbytes", limit]:
            return VarBytes(number(limit))
        case ["str", limit]:
            return Str(number(limit))
        case ["array", count, of]:
            return Array(number(count), parse(of, depth + 1))
        case ["list", limit, of]:
            return List(number(limit), parse(of, depth + 1))
        case ["struct", [*members]]:
            return Struct(tuple(parse_member(member, depth) for member in members))
        case _:
            raise refuse()


def parse_member(member: object, depth: int) -> tuple[str, Type]:
    match member:
        case [str(name), described]:
            return name, parse(described, depth + 1)
        case _:
            raise StreamError.of("Field", "schemas", 0, "a name and a type", repr(member)[:80])
