"""Control frames: what the two sides of a live migration say to each other before and behind the stream.

    | length of the body, 4 bytes, big-endian | body: one CBOR array [kind, contents] |

Each kind has a row that says what its contents are. Frames are hostile input: the length is bounded before it is
believed, and a body is read within the bounds of its row and must end where the row ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pyspapr.errors import MigrationError, StateError, StreamError
from pyspapr.migration.transport import Transport
from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.types import U16, U32, U64, Bool, Bytes, List, Str, Struct

PROTOCOL: Final = 1
"""The version of this conversation; both sides must speak the same."""
LARGEST: Final = 64 << 10
HEAD: Final = 4
"""Bytes before the body."""

DEVICE: Final = Struct((("name", Str(64)), ("instances", U32), ("minimum", U16), ("version", U16)))
MESSAGE: Final = Struct((("text", Str(4096)),))
NOTHING: Final = Struct(())

KINDS: Final[Mapping[str, Struct]] = {
    "hello": Struct(
        (
            ("protocol", U32),
            ("package", Str(32)),
            ("memory", U64),
            ("max_memory", U64),
            ("cpu", Str(32)),
            ("vcpus", U32),
            ("clock", Str(16)),
            ("hpt_shift", U32),
            ("uuid", Bytes(16)),
            ("devices", List(256, DEVICE)),
        )
    ),
    "welcome": Struct((("protocol", U32), ("package", Str(32)))),
    "refusal": MESSAGE,
    "progress": Struct((("received", U64),)),
    "complete": Struct((("received", U64),)),
    "failure": MESSAGE,
    "go": Struct((("paused", Bool),)),
    "running": NOTHING,
}

Contents = dict[str, object]
Frame = tuple[str, Contents]


def encode(kind: str, **contents: object) -> bytes:
    """A frame. Raises StateError when the contents do not fit the row."""
    body = cbor.encode([kind, KINDS[kind].pack(contents)])
    if len(body) > LARGEST:
        raise StateError(f"a {kind} frame of {len(body)} bytes, at most {LARGEST} are allowed")
    return len(body).to_bytes(4, "big") + body


def decode(body: bytes) -> Frame:
    """Kind and contents. Raises StreamError."""
    cursor = Cursor(body, "frame")
    cursor.items(2)
    start = cursor.at
    kind = cursor.text(16)
    row = KINDS.get(kind)
    if row is None:
        raise cursor.refuse(f"one of {', '.join(KINDS)}", repr(kind), start)
    cursor.section = f"frame {kind}"
    contents = row.read(cursor)
    cursor.end()
    return kind, contents


def read_exactly(transport: Transport, size: int, what: str) -> bytes:
    """`size` bytes. Raises MigrationError when the connection ends before."""
    data = bytearray()
    while len(data) < size:
        piece = transport.read(size - len(data))
        if not piece:
            raise MigrationError(f"the connection ended before {what}: {len(data)} of {size} bytes came")
        data += piece
    return bytes(data)


def size_of(head: bytes) -> int:
    """Length of the body, from the first `HEAD` bytes. Raises StreamError."""
    size = int.from_bytes(head, "big")
    if not 0 < size <= LARGEST:
        raise StreamError.of("Length of a frame", "frame", 0, f"1 to {LARGEST}", size)
    return size


def read_frame(transport: Transport, what: str) -> Frame:
    """The next frame; `what` was waited for. Raises MigrationError or StreamError."""
    return decode(read_exactly(transport, size_of(read_exactly(transport, HEAD, what)), what))


def expect(frame: Frame, wanted: str, who: str) -> Contents:
    """The contents of a frame that must be a `wanted`. Raises MigrationError; with the peer's words if it has some."""
    kind, contents = frame
    if kind == wanted:
        return contents
    if kind in ("refusal", "failure"):
        word = "refuses" if kind == "refusal" else "failed"
        raise MigrationError(f"the {who} {word}: {str(contents['text'])[:1024]}")
    raise MigrationError(f"the {who} sent {kind}, wanted {wanted}")
