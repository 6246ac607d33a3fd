"""Deterministic CBOR (RFC 8949, section 4.2.1), the part of it that records are made of.

Enters: values to encode, or untrusted bytes. Leaves: bytes, or integers, booleans, byte strings, text and
array lengths, each within the bounds its reader names. Must hold: an item has exactly one encoding here, a length is
compared with its bound and with what is left before anything of that size is made, and every refusal says where.

cbor2 encodes values. Heads are written here where what follows them is encoded already, or is not in memory at all: the
payload of a record, a section's body, an image of RAM.

    head byte:  | major type 7:5 | argument 4:0 |    argument 24, 25, 26, 27: in the 1, 2, 4, 8 bytes behind
"""

from __future__ import annotations

from typing import Final

from pyspapr.errors import StreamError

UNSIGNED: Final = 0
BYTES: Final = 2
TEXT: Final = 3
ARRAY: Final = 4
SIMPLE: Final = 7
FALSE: Final = 0xF4
TRUE: Final = 0xF5

NAMES: Final = {
    UNSIGNED: "an unsigned integer",
    1: "a negative integer",
    BYTES: "a byte string",
    TEXT: "a text string",
    ARRAY: "an array",
    5: "a map",
    6: "a tag",
    SIMPLE: "a simple value",
}

Packed = object
"""Integers, booleans, bytes, text, and lists of these."""

SHORT: Final = tuple(bytes((byte,)) for byte in range(256))
LONG: Final = ((24, 1), (25, 2), (26, 4), (27, 8))


def head(major: int, argument: int) -> bytes:
    """The shortest head of an item."""
    if argument < 24:
        return SHORT[major << 5 | argument]
    for code, size in LONG:
        if argument < 1 << 8 * size:
            return SHORT[major << 5 | code] + argument.to_bytes(size, "big")
    raise ValueError(f"{argument} does not fit 64 bits")


def bytestring(data: bytes) -> bytes:
    """A byte string: the frame of a record or of a check, whose contents are encoded already."""
    return head(BYTES, len(data)) + data


def encode(value: Packed) -> bytes:
    """`value` in its only encoding."""
    # Imported by the first save: it takes 1.1 ms of processor time, and a restore from the shell encodes nothing.
    from cbor2 import dumps

    return dumps(value)


# Decoding is not cbor2's; `python benches/libraries.py cbor` prints what follows, here with cbor2 6.3.
# - Bounds: cbor2 makes 64 to 72 bytes of objects from each byte of empty arrays or maps before a schema's bounds can be
#   compared with anything, 2 GiB from one record of a device, and it acts on tags, which compile patterns and build
#   numbers. So something of ours would have to walk the bytes first, which is what this class does anyway.
# - Time: importing cbor2 takes 2 to 9 ms of processor time of a `pyspapr restore` that takes 114, with the pages of its
#   library that are mapped. A machine's sections are read in 0.29 ms here, and in 0.17 ms by `loads`, `dumps` and a
#   look at the types: a fork, of 2.8 ms, could win the difference, before the walk over the bytes is paid for.
# - `inspect` and `diff` read values one at a time (`lazy`), since schemas can describe more than fits the memory.
class Cursor:
    """Reads items one after another. `section` and `base` (the offset of the first byte) go into errors."""

    __slots__ = ("at", "base", "data", "section", "what")

    def __init__(self, data: bytes, section: str, base: int = 0) -> None:
        self.data = data
        self.at = 0
        self.section = section
        self.base = base
        self.what = "Record"

    def refuse(self, wanted: object, got: object, at: int | None = None) -> StreamError:
        """The error for the item that begins at `at`."""
        offset = self.base + (self.at if at is None else at)
        return StreamError.of(self.what, self.section, offset, wanted, got)

    def head(self, major: int, limit: int, named: str | None = None) -> int:
        """The argument of an item of `major`, at most `limit`; errors call it `named`, with the limit in its braces."""
        start = self.at
        data = self.data
        if start < len(data):
            argument = data[start] ^ major << 5
            if argument < 24 and argument <= limit:  # nearly every head is one byte
                self.at = start + 1
                return argument
        wanted = NAMES[major] if named is None else named.format(limit)
        if start >= len(data):
            raise self.refuse(wanted, "the end of the record")
        first = data[start]
        if first >> 5 != major:
            raise self.refuse(wanted, NAMES[first >> 5])
        argument, self.at = first & 0x1F, start + 1
        if argument >= 24:
            if argument > 27:
                raise self.refuse(f"{wanted} of definite length", f"head byte {first:#04x}", start)
            size = 1 << (argument - 24)
            if self.at + size > len(data):
                raise self.refuse(wanted, "the end of the record", start)
            argument = int.from_bytes(data[self.at : self.at + size], "big")
            self.at += size
            if argument < (24 if size == 1 else 1 << 4 * size):
                raise self.refuse(f"the shortest encoding of {argument}", f"{size + 1} bytes", start)
        if argument > limit:
            raise self.refuse(
                f"{wanted} up to {limit:#x}" if major == UNSIGNED else f"at most {limit}", argument, start
            )
        return argument

    def uint(self, limit: int) -> int:
        """An unsigned integer, at most `limit`."""
        return self.head(UNSIGNED, limit)

    def _take(self, length: int, start: int) -> bytes:
        if length > len(self.data) - self.at:
            raise self.refuse(f"{length} bytes", f"{len(self.data) - self.at} that are left", start)
        data = self.data[self.at : self.at + length]
        self.at += length
        return data

    def bytestring(self, limit: int) -> bytes:
        """A byte string of at most `limit` bytes."""
        start = self.at
        return self._take(self.head(BYTES, limit, "a byte string of at most {} bytes"), start)

    def text(self, limit: int) -> str:
        """Text of at most `limit` bytes."""
        start = self.at
        data = self._take(self.head(TEXT, limit, "text of at most {} bytes"), start)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self.refuse("UTF-8 text", f"{data[error.start]:#04x}", start) from error

    def array(self, limit: int) -> int:
        """The length of an array, at most `limit`; each item is a byte at least, so it is compared with the rest."""
        start = self.at
        length = self.head(ARRAY, limit, "an array of at most {} items")
        if length > len(self.data) - self.at:
            raise self.refuse(f"{length} items", f"{len(self.data) - self.at} bytes that are left", start)
        return length

    def items(self, count: int) -> None:
        """The head of an array of exactly `count` items."""
        start = self.at
        if (got := self.array(1 << 32)) != count:
            raise self.refuse(f"an array of {count} items", got, start)

    def boolean(self) -> bool:
        if self.at >= len(self.data):
            raise self.refuse("true or false", "the end of the record")
        byte = self.data[self.at]
        if byte not in (FALSE, TRUE):
            raise self.refuse("true or false", f"byte {byte:#04x}")
        self.at += 1
        return byte == TRUE

    def end(self) -> None:
        """Nothing may be left."""
        if self.at != len(self.data):
            raise self.refuse("the end of the record", f"{len(self.data) - self.at} more bytes")
