"""Building a machine from a stream, aside: it is invisible until it is complete, and a failed load leaves nothing.

Enters: records in their order, from a `StreamReader`. Leaves: a machine that stands where the saved one stood. Must
hold: the schemas of the stream are compared with this program's before anything is loaded; every section is there
once; and what was loaded, saved again, gives the bytes that came (with virtual time, which stands still).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from pyspapr import vmstate
from pyspapr._native import HPT_SHIFT_MIN, Hpt, Ram
from pyspapr.config import Engine, MachineConfig, check_function, largest_table_shift
from pyspapr.errors import ConfigError, StreamError
from pyspapr.migration.prepare import Build, M, unchanged
from pyspapr.migration.records import Device, End, Header, HptChunk, Image, RamChunk, Record, Schemas, Table
from pyspapr.migration.stream import StreamReader
from pyspapr.partition import Partition
from pyspapr.vmstate.layout import Layout

T = TypeVar("T")


def refuse(what: str, section: str, offset: int, wanted: object, got: object) -> StreamError:
    """Short for the error with all its details."""
    return StreamError.of(what, section, offset, wanted, got)


def check_base(base: bytes, found: bytes | None, offset: int) -> None:
    """Raise StreamError unless a file continues the one that was given: `base` and `found` are their checks.

    `base` is empty for a file that continues none, and `found` is None if no file was given.
    """
    match base, found:
        case _ if base == (found or b""):
            return
        case _, None:
            wanted, got = f"the file that it continues, with check {base.hex()}, as base (--base)", "no base"
        case b"", _:
            wanted, got = "no base (--base): it stands alone", "one"
        case _, bytes():
            wanted, got = f"the file that it continues, with check {base.hex()}, as base", f"one with {found.hex()}"
    raise refuse("Base", "header", offset, wanted, got)


def check_parts(sections: list[vmstate.Section], theirs: list[tuple[str, int]], offset: int) -> None:
    """Raise StreamError unless a machine with `sections` has the parts that a stream or a snapshot has."""
    mine = [(section.name, section.instance) for section in sections]
    if mine == theirs:
        return
    for index in range(max(len(mine), len(theirs))):
        want, got = (
            "no more" if index >= len(side) else "{} instance {}".format(*side[index]) for side in (mine, theirs)
        )
        if want != got:
            raise refuse("Part of the machine", "header", offset, want, got)


class Loader(Generic[M]):
    """Takes records one by one; `finish` returns the machine. `reader` provides stream offsets for errors.

    The machine is built once, when the header has arrived (or before, for a migration), and `prepare` is called once,
    with it. A stream that does not fit is rejected before anything is loaded.
    """

    def __init__(
        self,
        reader: StreamReader,
        build: Build[M] | None,
        *,
        prepare: Callable[[M], None] = unchanged,
        vm: M | None = None,
        ram: Ram | None = None,
        hpt: Hpt | None = None,
        engine: Engine | None = None,
        largest_table: int | None = None,
    ) -> None:
        """`build` makes the machine; without it only RAM and hash table are loaded. `vm` is a machine made already.

        `largest_table` bounds the hash table's shift beyond what the header allows. `ram` and `hpt` are given
        when the stream does not begin with them: a snapshot's, a base file's."""
        check_function("prepare", prepare)
        self.reader = reader
        self.build = build
        self.prepare = prepare
        self.vm = vm
        self.ram = ram
        self.hpt = hpt
        self.engine = engine
        self.largest_table = largest_table
        self.config: MachineConfig | None = None
        self.header: Header | None = None
        self._layouts: dict[str, Layout] = {}
        self._devices: list[tuple[Device, dict[str, object]]] = []
        self.end: End | None = None
        self._base: bytes | None = None

    def continue_from(self, check: bytes, ram: Ram, hpt: Hpt | None) -> None:
        """The stream has only what changed since the file whose last check is `check` and which held these."""
        self._base, self.ram, self.hpt = check, ram, hpt

    # One record.

    def feed(self, record: Record) -> None:
        """Take a record. Raises StreamError."""
        match record:
            case Header():
                self.on_header(record)
            case Schemas():
                self.on_schemas(record)
            case Table():
                self.on_table(record)
            case HptChunk():
                self.on_hpt(record)
            case RamChunk():
                self.on_ram(record)
            case Device():
                self.on_device(record)
            case End():
                self.end = record
            case Image():
                raise refuse("RAM image", "image", self.reader.start, "a loader that knows images", "this one")

    def on_header(self, header: Header) -> None:
        """Build the machine, and check that it has the same parts."""
        self.header = header
        self.config = config = header.config()
        check_base(header.base, self._base, self.reader.start)
        if self.ram is not None and self.ram.size != config.ram_size:
            raise refuse("Memory", "header", self.reader.start, f"{self.ram.size} bytes, the base's", config.ram_size)
        if self.vm is not None:
            self.vm.partition.furnish(config)
        elif self.build is not None:
            self.vm = self._made(config, self.build)
        else:
            return
        theirs = [(part["name"], part["instance"]) for part in header.parts]
        check_parts(vmstate.sections(self.vm.partition), theirs, self.reader.start)

    def _made(self, config: MachineConfig, build: Build[M]) -> M:
        vm = self.allocate(lambda: build(config, engine=self.engine, ram=self.ram, hpt=Hpt(HPT_SHIFT_MIN)))
        self.prepare(vm)
        return vm

    def on_schemas(self, schemas: Schemas) -> None:
        """Whether every section can be read here."""
        if self.vm is None:
            return
        assert self.header is not None
        tables = {section.name: section.vmstate for section in vmstate.sections(self.vm.partition)}
        self._layouts = {layout.name: layout for layout in schemas.layouts}
        if sorted(tables) != sorted(self._layouts):
            raise refuse(
                "Schemas", "schemas", self.reader.start, ", ".join(sorted(tables)), ", ".join(self._layouts)[:200]
            )
        for name, layout in self._layouts.items():
            tables[name].readable(layout)
        for part in self.header.parts:
            if part["version"] != (version := self._layouts[part["name"]].version):
                raise refuse(f"Version of {part['name']}", "schemas", self.reader.start, part["version"], version)

    def on_table(self, table: Table) -> None:
        assert self.config is not None
        largest = largest_table_shift(self.config)
        if self.largest_table is not None:
            largest = min(largest, self.largest_table)
        if not HPT_SHIFT_MIN <= table.shift <= largest:
            raise refuse("Hash table shift", "table", self.reader.start, f"{HPT_SHIFT_MIN} to {largest}", table.shift)
        self.hpt = self.allocate(lambda: Hpt(table.shift))

    def on_hpt(self, chunk: HptChunk) -> None:
        if self.hpt is None:
            raise refuse("Hash table entries", "hpt", self.reader.start, "a table first", "entries")
        got = self.hpt.load_chunk(chunk.chunk)
        if got != (chunk.valid, chunk.invalid):
            raise refuse("Number of entries", "hpt", self.reader.start, got, (chunk.valid, chunk.invalid))

    def on_ram(self, chunk: RamChunk) -> None:
        got = self.memory().load_chunk(chunk.index, chunk.data, chunk.compression or None)
        if got != chunk.pages + chunk.zero_pages:
            raise refuse("Number of pages", "ram", self.reader.start, got, chunk.pages + chunk.zero_pages)

    def memory(self) -> Ram:
        """The RAM that is being filled."""
        assert self.config is not None
        size = self.config.ram_size
        if self.ram is None:
            self.ram = self.allocate(lambda: Ram(size)) if self.vm is None else self.vm.partition.ram
        return self.ram

    def allocate(self, make: Callable[[], T]) -> T:
        """Allocate memory. Raises StreamError when the host has none, since the stream asked for it."""
        try:
            return make()
        except (ConfigError, MemoryError, OSError) as error:
            raise refuse("Memory", "header", self.reader.start, "memory that the host has", error) from error

    def on_device(self, device: Device) -> None:
        """A section: decoded now, loaded when all are there."""
        if self.vm is None:
            return
        assert self.header is not None
        start = self.reader.start
        index = len(self._devices)
        wanted = self.header.parts[index] if index < len(self.header.parts) else None
        got = {"name": device.name, "instance": device.instance, "version": device.version}
        if got != wanted:
            raise refuse("Section", "device", start, wanted or "the end record", got)
        self._devices.append((device, device.values(self._layouts[device.name])))

    # Everything is here.

    def finish(self) -> M:
        """The machine. Raises StreamError when something is missing or does not fit together."""
        assert self.header is not None and self.config is not None and self.end is not None and self.vm is not None
        start = self.reader.start
        if len(self._devices) != len(self.header.parts):
            missing = self.header.parts[len(self._devices)]
            raise refuse("Section", "end", start, missing, "the end record")
        if self.hpt is None:
            raise refuse("Hash table", "end", start, "a table", "none")
        if self.hpt.digest() != self.end.hpt_digest:
            raise refuse("Hash table", "end", start, self.end.hpt_digest.hex(), self.hpt.digest().hex())
        vm = self.vm.partition
        if self.memory() is not vm.ram:
            vm.furnish(self.config, self.ram)
        vm.use_table(self.hpt)
        for section, (device, values) in zip(vmstate.sections(vm), self._devices, strict=True):
            section.vmstate.load(section.target, device.version, values, self.config.ram_size)
        vm.flush_translations()
        if self.config.clock == "virtual":
            self._compare(vm)
        return self.vm

    def _compare(self, vm: Partition) -> None:
        """Nothing was lost on the way in."""
        for section, (device, values) in zip(vmstate.sections(vm), self._devices, strict=True):
            if device.version == section.vmstate.version and not section.vmstate.holds(section.target, values):
                mine = Device(device.name, device.instance, device.version, section.vmstate.save(section.target))
                name = first_difference(values, mine.values(self._layouts[device.name]))
                raise refuse(f"State ({name})", device.name, device.offset, "values this machine can hold", "others")


def first_difference(left: dict[str, object], right: dict[str, object]) -> str:
    """The name of a field or subsection that differs."""
    for kind in ("fields", "subsections"):
        one, other = left[kind], right[kind]
        if isinstance(one, dict) and isinstance(other, dict):
            for name in one.keys() | other.keys():
                if one.get(name) != other.get(name):
                    return str(name)
    return "nothing"
