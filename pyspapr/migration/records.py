"""What a stream is made of: the payload of each kind of record, a class with a layout.

Enters: values of a machine, or the bytes of a payload. Leaves: the other of the two. A payload is one CBOR array; its
members have the types that fields of devices have, so the same bounds and the same errors hold for both.
`stream.cddl` says the same in a grammar.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar, Final, Self

from pyspapr._native import PAGE
from pyspapr.config import CPU_MODELS, MachineConfig
from pyspapr.errors import ConfigError, StreamError
from pyspapr.migration.compression import COMPRESSIONS
from pyspapr.migration.descriptions import pack_schema, read_schema
from pyspapr.plain import Plain
from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.layout import NAME_LIMIT, VERSION_LIMIT, Layout, parse_layout
from pyspapr.vmstate.types import I128, U8, U16, U32, U64, Bool, Bytes, List, Str, Struct, VarBytes

MAGIC: Final = "pyspapr machine"
FORMAT: Final = 1
CHECK: Final = 16
PARTS_LIMIT: Final = 4096
CHUNK_LIMIT: Final = 4 << 20
"""Contents of one RAM or hash table chunk."""
ALIGNMENT: Final = 0x1_0000
"""Where the contents of an image begin: a multiple of every host's page size."""


class Kind(IntEnum):
    """Kinds of records; 0 is unused, so a run of zeroes is not a record."""

    HEADER = 1
    SCHEMAS = 2
    TABLE = 3
    HPT = 4
    RAM = 5
    IMAGE = 6
    DEVICE = 7
    END = 8

    @property
    def title(self) -> str:
        return self.name.lower()


PAGES: Final = frozenset((Kind.TABLE, Kind.HPT, Kind.RAM, Kind.IMAGE))

FOLLOWERS: Final[dict[Kind | None, frozenset[Kind]]] = {
    None: frozenset((Kind.HEADER,)),
    Kind.HEADER: frozenset((Kind.SCHEMAS,)),
    Kind.SCHEMAS: PAGES | {Kind.DEVICE},
    **{kind: PAGES | {Kind.SCHEMAS, Kind.DEVICE} for kind in PAGES},
    Kind.DEVICE: frozenset((Kind.DEVICE, Kind.END)),
    Kind.END: frozenset(),
}
"""Which kinds may follow which."""

PAYLOAD_LIMITS: Final[dict[Kind, int]] = {
    Kind.HEADER: 1 << 20,
    Kind.SCHEMAS: 1 << 20,
    Kind.TABLE: 64,
    Kind.HPT: CHUNK_LIMIT + 64,
    Kind.RAM: 2 * CHUNK_LIMIT + 64,
    Kind.IMAGE: ALIGNMENT + 128,
    Kind.DEVICE: 32 << 20,
    Kind.END: 1 << 10,
}
"""Longest payload of each kind, in bytes, checked before a length is used."""


class Payload(Plain):
    """Base of records whose payload is a plain structure."""

    KIND: ClassVar[Kind]
    LAYOUT: ClassVar[Struct]

    def encode(self) -> bytes:
        return cbor.encode(self.LAYOUT.pack({name: getattr(self, name) for name, _ in self.LAYOUT.members}))

    @classmethod
    def decode(cls, cursor: Cursor) -> Self:
        """From a payload, all of it. Raises StreamError."""
        values = cls.LAYOUT.read(cursor)
        cursor.end()
        return cls(**values)


def optional_bytes(size: int, cursor: Cursor, value: bytes, name: str) -> bytes:
    """Nothing, or exactly `size` bytes."""
    if len(value) not in (0, size):
        raise cursor.refuse(f"{size} bytes of {name}, or none", len(value), 0)
    return value


MACHINE: Final = Struct(
    (
        ("memory", U64),
        ("max_memory", U64),
        ("cpu", Str(NAME_LIMIT)),
        ("vcpus", U32),
        ("clock", Str(NAME_LIMIT)),
        ("seed", U64),
        ("strict", Bool),
        ("hpt_shift", U8),
        ("rtc_base", I128),
    )
)
PART: Final = Struct((("name", Str(NAME_LIMIT)), ("instance", U32), ("version", U16)))


class Header(Payload):
    """What follows: the format, the machine, its parts, and the file it continues (`base`, empty for none)."""

    machine: dict[str, Any]
    parts: list[dict[str, Any]]
    base: bytes = b""
    magic: str = MAGIC
    format: int = FORMAT
    grain: int = PAGE

    KIND: ClassVar[Kind] = Kind.HEADER
    LAYOUT: ClassVar[Struct] = Struct(
        (
            ("magic", Str(NAME_LIMIT)),
            ("format", U32),
            ("grain", U32),
            ("base", VarBytes(CHECK)),
            ("machine", MACHINE),
            ("parts", List(PARTS_LIMIT, PART)),
        )
    )

    @classmethod
    def decode(cls, cursor: Cursor) -> Header:
        """Magic and format are checked first; the rest depends on the format."""
        ahead = Cursor(cursor.data, cursor.section, cursor.base)
        ahead.items(len(cls.LAYOUT.members))
        if (magic := ahead.text(NAME_LIMIT)) != MAGIC:
            raise StreamError.of("Magic", "header", cursor.base, repr(MAGIC), repr(magic))
        if (version := ahead.uint((1 << 32) - 1)) != FORMAT:
            raise StreamError.of("Format", "header", cursor.base, FORMAT, version)
        values: dict[str, Any] = cls.LAYOUT.read(cursor)
        cursor.end()
        header = cls(**values)
        if header.grain != PAGE:
            raise StreamError.of("Page size", "header", cursor.base, PAGE, header.grain)
        optional_bytes(CHECK, cursor, header.base, "base")
        return header

    @staticmethod
    def describe(config: MachineConfig, hpt_shift: int, rtc_base: int) -> dict[str, Any]:
        """The machine's description as the header has it."""
        return {
            "memory": config.ram_size,
            "max_memory": int(config.max_memory or config.memory),
            "cpu": config.cpu,
            "vcpus": config.vcpus,
            "clock": config.clock,
            "seed": config.seed,
            "strict": config.strict,
            "hpt_shift": hpt_shift,
            "rtc_base": rtc_base,
        }

    def config(self) -> MachineConfig:
        """The description to build from. Raises StreamError when no machine can be built from it."""
        try:
            return MachineConfig(**self.machine)
        except ConfigError as error:
            known = f"a machine of this version (CPUs: {', '.join(CPU_MODELS)})"
            raise StreamError.of("Machine", "header", 0, known, error) from error


KNOWN_LIMIT: Final = 64 << 10
KNOWN_AT_ONCE: Final = 8
_known_schemas: dict[bytes, tuple[Layout, ...]] = {}
"""A cache by payload, of at most `KNOWN_LIMIT` bytes. Layouts are immutable, so machines may share them."""


class Schemas(Plain):
    """The layout of every section that follows."""

    layouts: list[Layout]

    KIND: ClassVar[Kind] = Kind.SCHEMAS

    def encode(self) -> bytes:
        return cbor.encode([pack_schema(layout.describe()) for layout in self.layouts])

    @classmethod
    def decode(cls, cursor: Cursor) -> Schemas:
        """From a payload. Raises StreamError.

        Machines of one version have the same schemas, and reading them takes longer than reading the state they
        describe, so the latest ones are cached.
        """
        if (known := _known_schemas.get(cursor.data)) is not None:
            return cls([*known])
        schemas = cls._decode(cursor)
        if len(cursor.data) <= KNOWN_LIMIT:
            if len(_known_schemas) >= KNOWN_AT_ONCE:
                _known_schemas.clear()
            _known_schemas[cursor.data] = tuple(schemas.layouts)
        return schemas

    @classmethod
    def _decode(cls, cursor: Cursor) -> Schemas:
        described = [read_schema(cursor) for _ in range(cursor.array(PARTS_LIMIT))]
        cursor.end()
        layouts = [parse_layout(one) for one in described]
        names = [layout.name for layout in layouts]
        if names != sorted(set(names)):
            raise cursor.refuse("schemas in the order of their names, each once", ", ".join(names)[:200], 0)
        return cls(layouts)


class Table(Payload):
    """The hash table starts anew, empty, with 2**shift bytes."""

    shift: int

    KIND: ClassVar[Kind] = Kind.TABLE
    LAYOUT: ClassVar[Struct] = Struct((("shift", U8),))


class HptChunk(Payload):
    """Entries of the hash table; `valid` and `invalid` count them."""

    valid: int
    invalid: int
    chunk: bytes

    KIND: ClassVar[Kind] = Kind.HPT
    LAYOUT: ClassVar[Struct] = Struct((("valid", U64), ("invalid", U64), ("chunk", VarBytes(CHUNK_LIMIT))))


NAMED_COMPRESSIONS: Final = ("", *COMPRESSIONS)
"""The names in a stream; the empty string is no compression."""


class RamChunk(Payload):
    """Pages of RAM; `compression` is empty, `zstd` or `lz4`."""

    pages: int
    zero_pages: int
    compression: str
    index: bytes
    data: bytes

    KIND: ClassVar[Kind] = Kind.RAM
    LAYOUT: ClassVar[Struct] = Struct(
        (
            ("pages", U64),
            ("zero_pages", U64),
            ("compression", Str(8)),
            ("index", VarBytes(CHUNK_LIMIT)),
            ("data", VarBytes(CHUNK_LIMIT)),
        )
    )

    @classmethod
    def decode(cls, cursor: Cursor) -> RamChunk:
        """One of the compressions that there are."""
        chunk = super().decode(cursor)
        if chunk.compression not in NAMED_COMPRESSIONS:
            raise cursor.refuse(f"one of {', '.join(map(repr, NAMED_COMPRESSIONS))}", repr(chunk.compression), 0)
        return chunk


class Image(Payload):
    """All of RAM follows as one byte string of `size` bytes; `padding` puts its contents on a page of the file."""

    size: int
    digest: bytes
    padding: bytes

    KIND: ClassVar[Kind] = Kind.IMAGE
    LAYOUT: ClassVar[Struct] = Struct((("size", U64), ("digest", VarBytes(32)), ("padding", VarBytes(ALIGNMENT))))

    @classmethod
    def decode(cls, cursor: Cursor) -> Image:
        """Padding is zeroes."""
        values: dict[str, Any] = cls.LAYOUT.read(cursor)
        cursor.end()
        image = cls(**values)
        optional_bytes(32, cursor, image.digest, "digest")
        if image.padding != bytes(len(image.padding)):
            raise cursor.refuse("padding of zeroes", "something else", 0)
        return image


class Device(Plain):
    """One section. `body` is its encoded body; `values` are the decoded ones when it came from a stream."""

    name: str
    instance: int
    version: int
    body: bytes
    offset: int = 0

    KIND: ClassVar[Kind] = Kind.DEVICE

    def encode(self) -> bytes:
        named = map(cbor.encode, (self.name, self.instance, self.version))
        return b"".join((cbor.head(cbor.ARRAY, 4), *named, self.body))

    @classmethod
    def decode(cls, cursor: Cursor) -> Device:
        """Keep the body undecoded until its layout is known."""
        cursor.items(4)
        name, instance, version = cursor.text(NAME_LIMIT), cursor.uint((1 << 32) - 1), cursor.uint(VERSION_LIMIT)
        return cls(name, instance, version, cursor.data[cursor.at :], cursor.base + cursor.at)

    def values(self, layout: Layout) -> dict[str, object]:
        """The fields and subsections by name. Raises StreamError."""
        cursor = Cursor(self.body, layout.name, self.offset)
        values = layout.read(cursor)
        cursor.section = f"{layout.name} v{layout.version}"
        cursor.end()
        return values


class End(Payload):
    """Totals, a digest of the hash table, and the check of everything before."""

    records: int
    pages: int
    zero_pages: int
    entries: int
    invalid_entries: int
    hpt_digest: bytes
    all: bytes
    paused: bool = False
    """Whether the guest was paused when it left for where nobody could be told by `go`. Written only if it was."""

    KIND: ClassVar[Kind] = Kind.END
    LAYOUT: ClassVar[Struct] = Struct(
        (
            *(((name, U64)) for name in ("records", "pages", "zero_pages", "entries", "invalid_entries")),
            ("hpt_digest", Bytes(32)),
            ("all", Bytes(CHECK)),
        )
    )
    PAUSED: ClassVar[Struct] = Struct((*LAYOUT.members, ("paused", Bool)))

    def encode(self) -> bytes:
        """The payload."""
        layout = self.PAUSED if self.paused else self.LAYOUT
        return cbor.encode(layout.pack({name: getattr(self, name) for name, _ in layout.members}))

    @classmethod
    def decode(cls, cursor: Cursor) -> End:
        """With or without the last member, which is true where it is there."""
        ahead = Cursor(cursor.data, cursor.section, cursor.base)
        longer = ahead.array(len(cls.PAUSED.members)) == len(cls.PAUSED.members)
        values: dict[str, Any] = (cls.PAUSED if longer else cls.LAYOUT).read(cursor)
        cursor.end()
        if longer and not values["paused"]:
            raise cursor.refuse("no member `paused`, or one that is true", "false", len(cursor.data) - 1)
        return cls(**values)


Record = Header | Schemas | Table | HptChunk | RamChunk | Image | Device | End

RECORDS: Final[dict[Kind, type[Record]]] = {
    Kind.HEADER: Header,
    Kind.SCHEMAS: Schemas,
    Kind.TABLE: Table,
    Kind.HPT: HptChunk,
    Kind.RAM: RamChunk,
    Kind.IMAGE: Image,
    Kind.DEVICE: Device,
    Kind.END: End,
}


class Totals(Plain, frozen=False):
    """Totals of a stream; the end record must contain the same."""

    records: int = 0
    pages: int = 0
    zero_pages: int = 0
    entries: int = 0
    invalid_entries: int = 0

    def count(self, record: Record) -> None:
        self.records += 1
        if isinstance(record, RamChunk):
            self.pages += record.pages
            self.zero_pages += record.zero_pages
        elif isinstance(record, HptChunk):
            self.entries += record.valid
            self.invalid_entries += record.invalid


def totals_of(end: End) -> dict[str, int]:
    """The end record's totals by name."""
    return {name: getattr(end, name) for name in Totals().as_dict()}
