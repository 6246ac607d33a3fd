"""Framing: records to bytes and back, over anything that takes or gives bytes.

    [kind, payload, check]        check = BLAKE2b-128(check of the record before, kind and payload as encoded)

`StreamWriter` pushes into a `write(bytes)`, `StreamReader` pulls from a `read(n)`; files, sockets and buffers look the
same to them. The reader checks everything before using it: a length is compared with the limit of its kind before it
is read, the check before the payload is decoded, the order of kinds against `records.FOLLOWERS`, and the totals
against the end record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspapr.errors import StreamError
from pyspapr.migration.records import (
    CHECK,
    FOLLOWERS,
    PAYLOAD_LIMITS,
    RECORDS,
    End,
    Kind,
    Record,
    Totals,
    totals_of,
)
from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor

if TYPE_CHECKING:
    from hashlib import blake2b
else:  # hashlib loads OpenSSL, which takes as long as reading all records of a stopped machine
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

RECORD_HEAD: Final = cbor.head(cbor.ARRAY, 3)
NO_CHECK: Final = bytes(CHECK)
TAIL: Final = len(cbor.bytestring(NO_CHECK))
"""Bytes of a record after its payload."""


def check_of(before: bytes, head: bytes, payload: bytes) -> bytes:
    """The check of a record: its bytes after everything that came before."""
    digest = blake2b(before, digest_size=CHECK)
    digest.update(head)
    digest.update(payload)
    return digest.digest()


def head_of(kind: Kind, payload: bytes) -> bytes:
    """What is before the payload of a record."""
    return RECORD_HEAD + cbor.head(cbor.UNSIGNED, kind) + cbor.head(cbor.BYTES, len(payload))


class StreamWriter:
    """Pushes records into `write`. `offset` is where the next one begins, `check` the last one's check.

    Computing the checks takes longer than all the rest. With `later` each record is passed on as its length and a
    function that makes its bytes; the functions must be called in order, and all of them before `end`.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        later: Callable[[int, Callable[[], bytes]], object] | None = None,
    ) -> None:
        self._write = write
        self._later = later
        self.offset = 0
        self.check = NO_CHECK
        self.totals = Totals()

    def record(self, record: Record) -> int:
        """Write one record and return how many bytes it took."""
        payload = record.encode()
        head = head_of(record.KIND, payload)
        return self._put(record, len(head) + len(payload) + TAIL, lambda: self._sealed(head, payload))

    def record_later(self, record: Record, make: Callable[[], Record]) -> int:
        """Write what `make` returns when it is due, which is as long as `record`, and counts as much."""

        def sealed() -> bytes:
            payload = make().encode()
            return self._sealed(head_of(record.KIND, payload), payload)

        return self._put(record, self.length(record), sealed)

    @staticmethod
    def length(record: Record) -> int:
        """Bytes that `record` will take."""
        payload = record.encode()
        return len(head_of(record.KIND, payload)) + len(payload) + TAIL

    def _put(self, record: Record, size: int, make: Callable[[], bytes]) -> int:
        if self._later is None:
            self._write(make())
        else:
            self._later(size, make)
        self.offset += size
        self.totals.count(record)
        return size

    def _sealed(self, head: bytes, payload: bytes) -> bytes:
        """A record with its check."""
        self.check = check_of(self.check, head, payload)
        return b"".join((head, payload, cbor.bytestring(self.check)))

    def raw(self, data: bytes) -> None:
        """Write bytes that are not a record: the head of an image's contents."""
        self._write(data)
        self.offset += len(data)

    def skip(self, size: int) -> None:
        """Account for `size` bytes that the owner has written directly."""
        self.offset += size

    def end(self, hpt_digest: bytes, *, paused: bool = False) -> None:
        self.record(End(**self.totals.as_dict(), hpt_digest=hpt_digest, all=self.check, paused=paused))


class StreamEnded(StreamError):
    """It has ended before its end record."""


class StreamReader:
    """Pulls records from `read`, which returns up to n bytes, and none only at the end."""

    def __init__(self, read: Callable[[int], bytes | memoryview]) -> None:
        self._read = read
        self.offset = 0
        self.start = 0
        self.check = NO_CHECK
        self.totals = Totals()
        self.last: Kind | None = None

    def exactly(self, size: int, section: str) -> bytes:
        """`size` bytes. Raises StreamError when the stream ends before."""
        parts: list[bytes | memoryview] = []
        left = size
        while left:
            data = self._read(left)
            if not data:
                raise StreamEnded.of("Stream", section, self.offset, f"{left} more bytes", "its end")
            parts.append(data)
            left -= len(data)
            self.offset += len(data)
        only = parts[0] if len(parts) == 1 else None
        return only if isinstance(only, bytes) else b"".join(parts)

    def skip(self, size: int) -> None:
        """Account for `size` bytes that the owner has read directly."""
        self.offset += size

    def head(self, section: str) -> tuple[int, int, bytes]:
        """Major type, argument and bytes of the next item's head, in its shortest encoding."""
        first = self.exactly(1, section)
        argument = first[0] & 0x1F
        if argument >= 24:
            if argument > 27:
                raise StreamError.of(
                    "Item", section, self.offset - 1, "a definite length", f"head byte {first[0]:#04x}"
                )
            first += self.exactly(1 << argument - 24, section)
            argument = int.from_bytes(first[1:], "big")
            if cbor.head(first[0] >> 5, argument) != first:
                raise StreamError.of("Item", section, self.offset - len(first), "the shortest encoding", first.hex())
        return first[0] >> 5, argument, first

    def next(self) -> Record:
        """The next record, checked and decoded. Raises StreamError."""
        expected = FOLLOWERS[self.last]
        names = " or ".join(sorted(kind.title for kind in expected)) or "nothing more"
        section = self.last.title if self.last else "header"
        self.start = self.offset
        first = self._read(1)
        if not first:
            raise StreamEnded.of("Stream", section, self.offset, f"a record ({names})", "its end")
        self.offset += 1
        if first != RECORD_HEAD:
            raise StreamError.of("Record", section, self.start, f"a record ({names})", f"byte {first[0]:#04x}")
        major, number, kind_head = self.head(section)
        if major != cbor.UNSIGNED or number not in RECORDS:
            raise StreamError.of("Kind of record", section, self.start, names, f"{number} of major type {major}")
        kind = Kind(number)
        if kind not in expected:
            raise StreamError.of("Kind of record", section, self.start, names, kind.title)
        major, size, size_head = self.head(kind.title)
        if major != cbor.BYTES:
            raise StreamError.of("Payload", kind.title, self.start, "a byte string", cbor.NAMES[major])
        if size > PAYLOAD_LIMITS[kind]:
            raise StreamError.of("Payload", kind.title, self.start, f"at most {PAYLOAD_LIMITS[kind]} bytes", size)
        begin = self.offset
        payload = self.exactly(size, kind.title)
        check = self.exactly(1 + CHECK, kind.title)
        head = RECORD_HEAD + kind_head + size_head
        wanted = cbor.bytestring(check_of(self.check, head, payload))
        if check != wanted:
            raise StreamError.of("Check", kind.title, self.start, wanted.hex(), check.hex())
        record = RECORDS[kind].decode(Cursor(payload, kind.title, begin))
        if isinstance(record, End):
            self._at_end(record)
        self.check = check[1:]
        self.last = kind
        self.totals.count(record)
        return record

    def _at_end(self, end: End) -> None:
        if end.all != self.check:
            raise StreamError.of("Check of everything", "end", self.start, self.check.hex(), end.all.hex())
        for name, got in totals_of(end).items():
            if got != (wanted := getattr(self.totals, name)):
                raise StreamError.of(f"Total of {name.replace('_', ' ')}", "end", self.start, wanted, got)

    def finish(self) -> None:
        """Nothing may follow the end record."""
        if self._read(1):
            raise StreamError.of("Stream", "end", self.offset, "nothing more", "more bytes")
