"""The file of a recorded run: what the host decided, and where.

A sequence of CBOR byte strings (RFC 8742), each holding one array. The first is the header: what the machine is, what
it booted and its state hash at the beginning. The others begin with their kind. A place is (instructions, entries of
the clock, PC), since several things may happen at one count of instructions. Everything is in the order in which it
happened; `crates/ppc-core/src/host_clock.rs` knows what is in a clock record.
"""

from __future__ import annotations

import io
import os
import weakref
from enum import IntEnum
from typing import Any, BinaryIO, Final

from pyspapr.errors import StreamError
from pyspapr.migration.records import MACHINE
from pyspapr.plain import Plain
from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.types import U64, Bool, Bytes, Str, Struct, Type, VarBytes

MAGIC: Final = "pyspapr recording"
FORMAT: Final = 1
CLOCK_LIMIT: Final = 4 << 20
RECORD_LIMIT: Final = CLOCK_LIMIT + 64
SECTION: Final = "recording"
SHA256: Final = 32
CHECK: Final = 8

Place = tuple[int, int, int]


class Kind(IntEnum):
    """Kinds of records behind the header."""

    CLOCK = 1
    """Readings of the host's clock."""
    POLL = 2
    """Input that the machine told the guest of."""
    HEAR = 3
    """Input that the guest asked for; the place is behind the hypercall."""
    GO_ON = 4
    """The guest ran again after it had stood still."""
    RESET = 5
    """Somebody reset the machine."""
    CHECK = 6
    """What the processor was like."""
    END = 7
    """The recording ends."""


PLACE: Final = Struct((("instructions", U64), ("entries", U64), ("pc", U64)))

LAYOUTS: Final[dict[Kind, tuple[tuple[str, Type], ...]]] = {
    Kind.CLOCK: (("readings", VarBytes(CLOCK_LIMIT)),),
    Kind.POLL: (("place", PLACE), ("data", VarBytes(16))),
    Kind.HEAR: (("place", PLACE), ("data", VarBytes(16))),
    Kind.GO_ON: (("place", PLACE), ("launched", Bool)),
    Kind.RESET: (("place", PLACE),),
    Kind.CHECK: (("place", PLACE), ("digest", Bytes(CHECK))),
    Kind.END: (("place", PLACE), ("hash", Str(64)), ("reason", Str(8192))),
}
HEADER: Final = Struct(
    (
        ("magic", Str(64)),
        ("format", U64),
        ("machine", MACHINE),
        ("append", Str(1 << 16)),
        ("kernel", VarBytes(SHA256)),
        ("initrd", VarBytes(SHA256)),
        ("hash", Str(64)),
    )
)


class Event(Plain):
    """One record behind the header."""

    kind: Kind
    values: dict[str, Any]

    @property
    def place(self) -> Place:
        place = self.values["place"]
        return place["instructions"], place["entries"], place["pc"]


def write(kind: Kind, **values: object) -> bytes:
    layout = Struct((("kind", U64), *LAYOUTS[kind]))
    return cbor.bytestring(cbor.encode(layout.pack({"kind": kind, **values})))


def write_header(values: dict[str, object]) -> bytes:
    return cbor.bytestring(cbor.encode(HEADER.pack({"magic": MAGIC, "format": FORMAT, **values})))


def at(place: Place) -> dict[str, int]:
    """A place as records have it."""
    return dict(zip(("instructions", "entries", "pc"), place, strict=True))


class Reader:
    """Reads records one after the other. Raises StreamError."""

    def __init__(self, file: BinaryIO) -> None:
        """From the beginning of `file`, which is closed with the reader: a replay may be dropped anywhere."""
        self._file = file
        weakref.finalize(self, file.close)
        self.offset = 0

    def _payload(self) -> Cursor | None:
        """The next record, or None at the end; one that was being written when the recorder died is the end as well."""
        start = self.offset
        first = self._file.read(1)
        if not first:
            return None
        code = first[0] & 0x1F
        width = {24: 1, 25: 2, 26: 4, 27: 8}.get(code, 0)
        more = self._file.read(width)
        if first[0] >> 5 != cbor.BYTES or code > 27:
            raise StreamError.of("Record", SECTION, start, "a byte string", f"head byte {first[0]:#04x}")
        if len(more) < width:
            return None
        length = int.from_bytes(more, "big") if code >= 24 else code
        if length > RECORD_LIMIT:
            raise StreamError.of("Record", SECTION, start, f"at most {RECORD_LIMIT} bytes", length)
        data = self._file.read(length)
        if len(data) < length:
            return None
        self.offset = start + 1 + len(more) + length
        return Cursor(data, SECTION, start + 1 + len(more))

    def header(self) -> dict[str, Any]:
        cursor = self._payload()
        if cursor is None:
            raise StreamError.of("Header", SECTION, 0, repr(MAGIC), "the end of the file")
        ahead = Cursor(cursor.data, cursor.section, cursor.base)
        ahead.items(len(HEADER.members))
        if (magic := ahead.text(64)) != MAGIC:
            raise StreamError.of("Magic", SECTION, 0, repr(MAGIC), repr(magic))
        if (version := ahead.uint((1 << 64) - 1)) != FORMAT:
            raise StreamError.of("Format", SECTION, 0, FORMAT, version)
        values: dict[str, Any] = HEADER.read(cursor)
        cursor.end()
        return values

    def next(self) -> Event | None:
        """The record that follows, or None at the end."""
        if (cursor := self._payload()) is None:
            return None
        ahead = Cursor(cursor.data, cursor.section, cursor.base)
        ahead.array(8)
        number = ahead.uint((1 << 64) - 1)
        if number not in Kind._value2member_map_:
            raise StreamError.of("Kind", SECTION, cursor.base, f"1 to {max(Kind)}", number)
        kind = Kind(number)
        values: dict[str, Any] = Struct((("kind", U64), *LAYOUTS[kind])).read(cursor)
        cursor.end()
        return Event(kind, values)


class Positioned(io.FileIO):
    """A regular file with a position of its own: that of its descriptor is shared with the children of fork."""

    _at = 0

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self.fileno(), [buffer], self._at)
        self._at += count
        return count


def opened(path: Any) -> BinaryIO:
    """A recording. Raises ImageError when it cannot be read."""
    from pyspapr.errors import ImageError
    from pyspapr.host.paths import open_regular, shown

    try:
        return io.BufferedReader(Positioned(open_regular(path), "rb"))
    except OSError as error:
        raise ImageError(f"recording {shown(path)}: {error.strerror or error}") from error
