"""Control frames: what the two sides of a live migration say to each other before and behind the stream.

    | length of the body, 4 bytes, big-endian | body: one CBOR array [kind, contents] |

Each kind is a class: its fields, and the layout that they have in the array `contents`. Frames are hostile input: the
length is checked before it is used, and a body is read within the bounds of its layout and must end where the layout
ends.

Versions: `hello` and `welcome` keep their layout for good, so that any two versions can at least say who they are. The
source says the newest protocol that it speaks, the destination answers with the newest that both speak, and from then
on both speak that one. What is older than `OLDEST` is refused by whoever notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self, TypeVar

from pyspapr.errors import MigrationError, StateError, StreamError
from pyspapr.migration.transport import Transport
from pyspapr.plain import Plain
from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.types import U16, U32, U64, Bool, Bytes, List, Str, Struct

PROTOCOL: Final = 1
"""The newest protocol that is spoken here."""
OLDEST: Final = 1
"""The oldest one."""
LARGEST: Final = 64 << 10
HEAD: Final = 4
"""Bytes before the body."""
TEXT_LIMIT: Final = 4096
REASON_LIMIT: Final = 1024
"""Characters of a peer's reason that are shown, and of ours that are sent."""


class Frame(Plain):
    """One frame."""

    KIND: ClassVar[str]
    LAYOUT: ClassVar[Struct] = Struct(())

    def encode(self) -> bytes:
        """Length and body. Raises StateError when a field does not fit the layout."""
        body = cbor.encode([self.KIND, self.LAYOUT.pack(self._packed())])
        if len(body) > LARGEST:
            raise StateError(f"a {self.KIND} frame of {len(body)} bytes, at most {LARGEST} are allowed")
        return len(body).to_bytes(HEAD, "big") + body

    def _packed(self) -> dict[str, Any]:
        """The fields as the layout has them."""
        return self.as_dict()

    @classmethod
    def _read(cls, values: dict[str, Any]) -> Self:
        """The frame whose contents these are."""
        return cls(**values)


class DeviceVersion(Plain):
    """What a source says of its devices of one name."""

    name: str
    instances: int
    minimum: int
    version: int


class Hello(Frame):
    """The source: what its machine is."""

    protocol: int
    package: str
    memory: int
    max_memory: int
    cpu: str
    vcpus: int
    clock: str
    hpt_shift: int
    uuid: bytes
    devices: tuple[DeviceVersion, ...]

    KIND: ClassVar[str] = "hello"
    LAYOUT: ClassVar[Struct] = Struct(
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
            (
                "devices",
                List(256, Struct((("name", Str(64)), ("instances", U32), ("minimum", U16), ("version", U16)))),
            ),
        )
    )

    def _packed(self) -> dict[str, Any]:
        return {**self.as_dict(), "devices": [device.as_dict() for device in self.devices]}

    @classmethod
    def _read(cls, values: dict[str, Any]) -> Self:
        return cls(**{**values, "devices": tuple(DeviceVersion(**device) for device in values["devices"])})


class Welcome(Frame):
    """The destination: the machine may come, and `protocol` is the one that is spoken."""

    protocol: int
    package: str

    KIND: ClassVar[str] = "welcome"
    LAYOUT: ClassVar[Struct] = Struct((("protocol", U32), ("package", Str(32))))


class Reason(Frame):
    """Base of frames that say in words what is wrong."""

    text: str

    LAYOUT: ClassVar[Struct] = Struct((("text", Str(TEXT_LIMIT)),))
    VERB: ClassVar[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """The beginning of `text`."""
        return cls(text[:REASON_LIMIT])

    def error(self, who: str) -> MigrationError:
        """The error in the words of `who`."""
        return MigrationError(f"the {who} {self.VERB}: {self.text[:REASON_LIMIT]}")


class Refusal(Reason):
    """The destination: the machine may not come."""

    KIND: ClassVar[str] = "refusal"
    VERB: ClassVar[str] = "refuses"


class Failure(Reason):
    """The destination: the machine did not arrive."""

    KIND: ClassVar[str] = "failure"
    VERB: ClassVar[str] = "failed"


class Counted(Frame):
    """Base of frames that say how many bytes of the stream were read."""

    received: int

    LAYOUT: ClassVar[Struct] = Struct((("received", U64),))


class Progress(Counted):
    """The destination: it has come this far."""

    KIND: ClassVar[str] = "progress"


class Complete(Counted):
    """The destination: it holds the whole machine, and does not run it."""

    KIND: ClassVar[str] = "complete"


class Go(Frame):
    """The source: the machine is the destination's from now on; it stays paused if it was."""

    paused: bool

    KIND: ClassVar[str] = "go"
    LAYOUT: ClassVar[Struct] = Struct((("paused", Bool),))


class Running(Frame):
    """The destination: it has read `go`."""

    KIND: ClassVar[str] = "running"


KINDS: Final[Mapping[str, type[Frame]]] = {
    kind.KIND: kind for kind in (Hello, Welcome, Refusal, Progress, Complete, Failure, Go, Running)
}

F = TypeVar("F", bound=Frame)


def decode(body: bytes) -> Frame:
    """The frame of a body. Raises StreamError."""
    cursor = Cursor(body, "frame")
    cursor.items(2)
    start = cursor.at
    kind = KINDS.get(name := cursor.text(16))
    if kind is None:
        raise cursor.refuse(f"one of {', '.join(KINDS)}", repr(name), start)
    cursor.section = f"frame {name}"
    values = kind.LAYOUT.read(cursor)
    cursor.end()
    return kind._read(values)


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


def expect(frame: Frame, wanted: type[F], who: str) -> F:
    """The frame, which must be a `wanted`. Raises MigrationError; with the peer's words if it has some."""
    if isinstance(frame, wanted):
        return frame
    if isinstance(frame, Reason):
        raise frame.error(who)
    raise MigrationError(f"the {who} sent {frame.KIND}, wanted {wanted.KIND}")


def agreed(hello: Hello) -> int:
    """The newest protocol that the source of `hello` speaks, too; below OLDEST there is none."""
    return min(hello.protocol, PROTOCOL)


def check_agreed(welcome: Welcome) -> int:
    """The protocol that the destination has chosen. Raises MigrationError for one that is not spoken here."""
    if not OLDEST <= welcome.protocol <= PROTOCOL:
        raise MigrationError(
            f"the destination chose protocol {welcome.protocol}, and here {OLDEST} to {PROTOCOL} are spoken"
        )
    return welcome.protocol
