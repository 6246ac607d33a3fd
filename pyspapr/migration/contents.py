"""The contents of a file, read with its own schemas, to be shown and not run.

Nothing here needs this program's schemas, so files of machines with other devices, or of other versions, can be shown.
All checks of the stream are made nevertheless. Files are hostile input: time and memory depend on the file's size
only, whatever its schemas say.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from pyspapr._native import HPT_SHIFT_MAX, HPT_SHIFT_MIN, PAGE, Ram
from pyspapr.errors import ConfigError, StreamError
from pyspapr.host.limits import host_limits
from pyspapr.migration.files import Path, named, open_file, records_of
from pyspapr.migration.load import check_base
from pyspapr.migration.records import Device, End, Header, HptChunk, Image, RamChunk, Record, Schemas, Table
from pyspapr.migration.stream import StreamReader
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.layout import Layout
from pyspapr.vmstate.lazy import Pairs, nested_section, skip_section

Entries = dict[int, bytes]
"""Entries of a hash table that are not zero: index to the two doublewords as they are in the file."""
ENTRY: Final = 16
DOUBLEWORDS: Final = struct.Struct(">QQ")
VARINT_MAX: Final = 7
"""Bytes of a number of a chunk: an index has 42 bits, and a flag is below it."""
SLOTS_MAX: Final = 1 << HPT_SHIFT_MAX - 4
DEVICES_MAX: Final = 256 << 20
"""Bytes of all sections that are looked at together."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the least significant first, and where it ends. Raises StreamError."""
    value = 0
    for index, byte in enumerate(data[at : at + VARINT_MAX]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at + index + 1
    got = "a longer one" if len(data) - at > VARINT_MAX else "its end"
    raise StreamError.of("Hash table chunk", "hpt", at, f"a number of at most {VARINT_MAX} bytes", got)


def update(entries: Entries, chunk: bytes, slots: int = SLOTS_MAX) -> None:
    """Put the entries of a chunk (crates/hpt/src/chunk.rs) of a table of `slots` into `entries`. Raises StreamError."""
    at, ptex = 0, -1
    if chunk[:1] == b"\0":  # every entry becomes zero first
        entries.clear()
        at = 1
    while at < len(chunk):
        start = at
        value, at = varint(chunk, at)
        if value < 2 or (ptex := ptex + (value >> 1)) >= slots:
            raise StreamError.of("Hash table chunk", "hpt", start, f"indices that rise to at most {slots - 1:#x}", ptex)
        if value & 1:
            entry = chunk[at : at + ENTRY]
            if len(entry) < ENTRY:
                raise StreamError.of("Hash table chunk", "hpt", at, f"{ENTRY} bytes of an entry", "its end")
            entries[ptex] = entry
            at += ENTRY
        else:
            entries.pop(ptex, None)


def doublewords(entry: bytes) -> tuple[int, int]:
    v, r = DOUBLEWORDS.unpack(entry)
    return v, r


class Contents:
    """A file, read. `ram` is there when it was asked for."""

    def __init__(self, file: BinaryIO, *, ram: bool = False, base: Contents | None = None) -> None:
        """Read all of `file`, which must have been opened at its beginning. Raises StreamError."""
        self.header: Header
        self.end: End
        self.layouts: dict[str, Layout] = {}
        self.devices: list[tuple[Device, Layout]] = []
        self.image: int | None = None
        self.shift: int | None = None
        self.entries: Entries = {}
        self.records: Counter[str] = Counter()
        self._device_bytes = 0
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
                if not HPT_SHIFT_MIN <= record.shift <= HPT_SHIFT_MAX:
                    wanted = f"{HPT_SHIFT_MIN} to {HPT_SHIFT_MAX}"
                    raise StreamError.of("Hash table shift", "table", reader.start, wanted, record.shift)
                self.shift, self.entries = record.shift, {}
            case HptChunk():
                update(self.entries, record.chunk, SLOTS_MAX if self.shift is None else 1 << self.shift - 4)
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
                self._on_device(record, layout, reader)
            case End():
                self.end = record

    def _on_device(self, device: Device, layout: Layout, reader: StreamReader) -> None:
        """Every value is read once and not kept, so nothing that is shown later can be damaged."""
        self._device_bytes += len(device.body)
        if self._device_bytes > DEVICES_MAX:
            wanted = f"at most {DEVICES_MAX} bytes of devices"
            raise StreamError.of("Section", "device", reader.start, wanted, self._device_bytes)
        cursor = Cursor(device.body, layout.name, device.offset)
        skip_section(layout, cursor)
        cursor.section, cursor.what = f"{layout.name} v{layout.version}", "Section"
        cursor.end()
        self.devices.append((device, layout))

    def _on_header(self, header: Header, reader: StreamReader) -> None:
        self.header = header
        below = self._base
        if header.base and below is not None:
            check_base(header.base, below.check, reader.start)
            self.shift, self.entries, self.ram = below.shift, dict(below.entries), below.ram
        elif self._wants_ram:
            check_base(header.base, None, reader.start)
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

    @property
    def checked(self) -> dict[str, bool]:
        """The parts that were checked, by name; pages of RAM only if requested."""
        return {"records": True, "devices": True, "hash_table": True, "ram": self.ram is not None}

    def summary(self, entries: bool = False) -> dict[str, Any]:
        """Everything but pages, and entries only on request, as plain data. Devices and entries are iterators."""
        end = self.end
        ram: dict[str, Any] = {"form": "image" if self.image is not None else "chunks"}
        if self.image is None:
            ram |= {"pages": end.pages, "zero_pages": end.zero_pages, "page_size": PAGE}
        table: dict[str, Any] = {"shift": self.shift, "valid": len(self.entries), "entries_sent": end.entries}
        if entries:
            pairs = ((ptex, doublewords(entry)) for ptex, entry in sorted(self.entries.items()))
            table["entries"] = ({"ptex": ptex, "v": v, "r": r} for ptex, (v, r) in pairs)
        return {
            "format": self.header.format,
            "bytes": self.status.st_size,
            "bytes_on_disk": self.status.st_blocks * 512,
            "check": self.check.hex(),
            "base": self.header.base.hex() or None,
            "checked": self.checked,
            "machine": self.header.machine,
            "ram": ram,
            "hash_table": table,
            "records": dict(self.records),
            "devices": map(describe, self.devices),
        }


def describe(section: tuple[Device, Layout]) -> Pairs:
    """A section by name, read as it is asked for."""
    device, layout = section

    def parts() -> Iterator[tuple[str, object]]:
        yield from (("name", device.name), ("instance", device.instance), ("version", device.version))
        yield from nested_section(layout, Cursor(device.body, layout.name))

    return Pairs(parts())


def header_of(path: Path) -> Header:
    """The header of `path`. Raises StreamError."""
    with open_file(path) as file, named(path):
        record = StreamReader(file.read).next()
    assert isinstance(record, Header)
    return record


@host_limits("look at a file")
def read_contents(path: Path, *, ram: bool = False, base: Path | None = None) -> Contents:
    """What `path` holds; with `base` what it holds together with the file it continues."""
    below = None if base is None else read_contents(base, ram=ram)
    with open_file(path) as file, named(path):
        return Contents(file, ram=ram, base=below)
