"""Streams made and unmade on the spot, for tests that damage them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import cbor2

from pyspapr import Machine, StreamError
from pyspapr.migration.files import FileLoader, read_all
from pyspapr.migration.records import Device, Header, HptChunk, Kind, RamChunk, Schemas, Table
from pyspapr.migration.stream import RECORD_HEAD, StreamReader, StreamWriter, check_of
from pyspapr.vmstate import cbor
from pyspapr.vmstate.layout import Layout
from pyspapr.vmstate.types import U32, Bool, List, Struct, VarBytes

SMALL = Layout(
    "spapr_vty",
    1,
    (
        ("buffer", VarBytes(16)),
        ("lines", List(4, Struct((("number", U32), ("level", Bool))))),
    ),
    (Layout("spapr_vty/more", 1, (("on", Bool),)),),
)


def small_stream() -> bytes:
    """A whole stream in less than 700 bytes: every kind of record but an image."""
    out = io.BytesIO()
    writer = StreamWriter(out.write)
    machine = {
        "memory": 32 << 20,
        "max_memory": 32 << 20,
        "cpu": "power8",
        "vcpus": 1,
        "clock": "virtual",
        "seed": 7,
        "strict": False,
        "hpt_shift": 18,
        "rtc_base": 1_767_225_600,
    }
    writer.record(Header(machine, [{"name": "spapr_vty", "instance": 0, "version": 1}]))
    writer.record(Schemas([SMALL]))
    writer.record(Table(18))
    writer.record(HptChunk(1, 1, bytes((5 << 1 | 1,)) + bytes(7) + b"\1" + bytes(8) + bytes((1 << 1,))))
    writer.record(RamChunk(1, 0, "zstd", b"\0", b"not looked at"))
    values = {"buffer": b"key", "lines": [{"number": 0x1100, "level": True}]}
    body = SMALL.write(values, {"spapr_vty/more": {"fields": {"on": True}, "subsections": {}}})
    writer.record(Device("spapr_vty", 0, 1, body))
    writer.end(bytes(32))
    return out.getvalue()


class Unmappable(io.BytesIO):
    """A file without a descriptor."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


def walk(data: bytes) -> None:
    """Read every record of a stream to its end, sections with the stream's schemas. Raises StreamError."""
    reader = StreamReader(io.BytesIO(data).read)
    layouts: dict[str, Layout] = {}
    while reader.last is None or reader.last.title != "end":
        record = reader.next()
        if isinstance(record, Schemas):
            layouts = {layout.name: layout for layout in record.layouts}
        elif isinstance(record, Device) and record.name in layouts:
            record.values(layouts[record.name])
    reader.finish()


def build(data: bytes) -> object:
    """The machine of a stream. Raises StreamError."""
    file = Unmappable(data)
    loader = FileLoader(StreamReader(file.read), file, Machine)
    read_all(loader.reader, loader)
    return loader.finish()


@dataclass
class Raw:
    """A record, as it is framed."""

    kind: int
    payload: bytes


def split(data: bytes) -> Iterator[Raw]:
    """The records of a stream without an image."""
    stream = io.BytesIO(data)
    while stream.tell() < len(data):
        kind, payload, _ = cbor2.load(stream)
        yield Raw(kind, payload)


def seal(records: list[Raw]) -> bytes:
    """A stream of these records with right checks, totals and last digest where they can be right."""
    out = io.BytesIO()
    check = bytes(16)
    for record in records:
        payload = record.payload
        if record.kind == 8:
            try:
                end = cbor2.loads(payload)
                end[0], end[-1] = len(records) - 1, check
                payload = cbor2.dumps(end, canonical=True)
            except Exception:  # a damaged end record stays as it is
                payload = record.payload
        head = RECORD_HEAD + cbor.head(cbor.UNSIGNED, record.kind) + cbor.head(cbor.BYTES, len(payload))
        check = check_of(check, head, payload)
        out.write(head + payload + cbor.bytestring(check))
    return out.getvalue()


__all__ = ["Kind", "Raw", "StreamError", "build", "cbor2", "seal", "small_stream", "split", "walk"]
