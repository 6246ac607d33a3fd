"""What a file holds, read with its own schemas: for looking at, not for running.

Nothing here needs this program's schemas, so files of machines with other devices, or of other versions, can be shown.
Every check of the stream is made all the same.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from typing import Any, BinaryIO, Final

from pyspapr._native import Ram
from pyspapr.errors import ConfigError, StreamError
from pyspapr.migration.files import Path, open_file, records_of
from pyspapr.migration.records import GRAIN, Device, End, Header, HptChunk, Image, RamChunk, Record, Schemas, Table
from pyspapr.migration.stream import StreamReader
from pyspapr.vmstate.layout import Layout

Entries = dict[int, tuple[int, int]]
"""Valid entries of a hash table: index to the two doublewords."""
DOUBLEWORDS: Final = struct.Struct(">QQ")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the least significant first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def update(entries: Entries, chunk: bytes) -> None:
    """Put the entries of a chunk (crates/hpt/src/chunk.rs) into `entries`. Raises StreamError."""
    at, ptex = 0, -1
    if chunk[:1] == b"\0":  # every entry becomes zero first
        entries.clear()
        at = 1
    try:
        while at < len(chunk):
            value, at = varint(chunk, at)
            ptex += value >> 1
            if value & 1:
                entries[ptex] = DOUBLEWORDS.unpack_from(chunk, at)
                at += DOUBLEWORDS.size
            else:
                entries.pop(ptex, None)
    except (IndexError, struct.error) as error:
        raise StreamError.of("Hash table chunk", "hpt", at, "more bytes", "its end") from error


class Contents:
    """A file, read. `ram` is there when it was asked for."""

    def __init__(self, file: BinaryIO, *, ram: bool = False, base: Contents | None = None) -> None:
        """Read all of `file`, which must have been opened at its beginning. Raises StreamError."""
        self.header: Header
        self.end: End
        self.layouts: dict[str, Layout] = {}
        self.devices: list[tuple[Device, dict[str, object]]] = []
        self.image: int | None = None
        self.shift: int | None = None
        self.entries: Entries = {}
        self.records: Counter[str] = Counter()
        self.ram: Ram | None = None
        self.status = os.fstat(file.fileno())
        self._base = base
        self._wants_ram = ram
        reader = StreamReader(file.read)
        for record in records_of(reader, file):
            self.records[record.KIND.title] += 1
            self._take(record, reader, file)
        self.check = reader.check

    def _take(self, record: Record, reader: StreamReader, file: BinaryIO) -> None:
        match record:
            case Header():
                self._on_header(record, reader)
            case Schemas():
                self.layouts = {layout.name: layout for layout in record.layouts}
            case Table():
                self.shift, self.entries = record.shift, {}
            case HptChunk():
                update(self.entries, record.chunk)
            case RamChunk():
                if self.ram is not None:
                    self.ram.load_chunk(record.index, record.data, record.compression or None)
            case Image():
                self.image = record.size
                if self._wants_ram:
                    self._map(record, reader, file)
            case Device():
                if (layout := self.layouts.get(record.name)) is None:
                    raise StreamError.of("Section", "device", reader.start, "a section with a schema", record.name)
                self.devices.append((record, record.values(layout)))
            case End():
                self.end = record

    def _on_header(self, header: Header, reader: StreamReader) -> None:
        self.header = header
        below = self._base
        if header.base and below is not None:
            if below.check != header.base:
                raise StreamError.of("Base", "header", reader.start, header.base.hex(), below.check.hex())
            self.shift, self.entries, self.ram = below.shift, dict(below.entries), below.ram
        elif self._wants_ram:
            if header.base:
                raise StreamError.of("Base", "header", reader.start, f"the file with check {header.base.hex()}", "none")
            self.ram = self._allocate(header.machine["memory"])

    def _allocate(self, size: int) -> Ram:
        try:
            return Ram(size)
        except ConfigError as error:
            raise StreamError.of("Memory", "header", 0, "memory that the host has", size) from error

    def _map(self, image: Image, reader: StreamReader, file: BinaryIO) -> None:
        offset = reader.offset + (5 if image.size < 1 << 32 else 9)
        try:
            self.ram = Ram.map_file(file.fileno(), offset, image.size)
        except (ValueError, OSError) as error:
            raise StreamError.of("RAM image", "image", offset, f"{image.size} bytes on a page", error) from error
        if image.digest and (digest := self.ram.digest()) != image.digest:
            raise StreamError.of("RAM image", "image", reader.start, image.digest.hex(), digest.hex())

    def summary(self) -> dict[str, Any]:
        """Everything but pages and entries, as plain data."""
        end = self.end
        ram: dict[str, Any] = {"form": "image" if self.image is not None else "chunks"}
        if self.image is None:
            ram |= {"pages": end.pages, "zero_pages": end.zero_pages, "page_size": GRAIN}
        return {
            "format": self.header.format,
            "bytes": self.status.st_size,
            "bytes_on_disk": self.status.st_blocks * 512,
            "check": self.check.hex(),
            "base": self.header.base.hex() or None,
            "machine": self.header.machine,
            "ram": ram,
            "hash_table": {"shift": self.shift, "valid": len(self.entries), "entries_sent": end.entries},
            "records": dict(self.records),
            "devices": [
                {"name": device.name, "instance": device.instance, "version": device.version, **values}
                for device, values in self.devices
            ],
        }


def read_contents(path: Path, *, ram: bool = False, base: Path | None = None) -> Contents:
    """What `path` holds; with `base` what it holds together with the file it continues."""
    below = None if base is None else read_contents(base, ram=ram)
    with open_file(path) as file:
        return Contents(file, ram=ram, base=below)
