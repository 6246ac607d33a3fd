"""The layout of a section: name, versions, fields with their types, optional subsections. Pure data.

A layout turns the values of a section to bytes and back, and can itself be described in plain data and made again from
that, so a reader that does not know a section can still show it by name. A body is

    [ [field, field, …], [ [subsection name, version, body], … ] ]

with fields in the order of the layout, and subsections too, those that are not needed left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pyspapr.errors import StateError, StreamError
from pyspapr.plain import Plain
from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor, Packed
from pyspapr.vmstate.types import DEEPEST, LONGEST_SHOWN, Struct, Type, Value, parse_member

NAME_LIMIT: Final = 64
VERSION_LIMIT: Final = 0xFFFF


class Layout(Plain):
    """One version of a section, as it lies in a stream."""

    name: str
    version: int
    fields: tuple[tuple[str, Type], ...]
    subsections: tuple[Layout, ...] = ()

    def write(self, values: Mapping[str, Value], subsections: Mapping[str, Mapping[str, object]]) -> bytes:
        """The body. Raises StateError as `pack` does."""
        return cbor.encode(self.pack(values, subsections))

    def pack(self, values: Mapping[str, Value], subsections: Mapping[str, Mapping[str, object]]) -> Packed:
        """The body as plain data. Raises StateError naming section and field when a value does not fit its type."""
        parts: list[Packed] = []
        for name, type_ in self.fields:
            try:
                parts.append(type_.pack(values[name]))
            except StateError as error:
                raise StateError(f"field {name} of section {self.name}: {error}") from error
        present: list[Packed] = []
        for layout in self.subsections:
            if (found := subsections.get(layout.name)) is not None:
                body = layout.pack(as_mapping(found["fields"]), as_sections(found["subsections"]))
                present.append([layout.name, layout.version, body])
        return [parts, present]

    def read(self, cursor: Cursor) -> dict[str, object]:
        """`{"fields": {name: value}, "subsections": {name: {…}}}`. Raises StreamError."""
        outer = cursor.section, cursor.what
        cursor.section, cursor.what = f"{self.name} v{self.version}", "Section"
        cursor.items(2)
        fields = Struct(self.fields).read(cursor)
        found: dict[str, object] = {layout.name: layout.read(cursor) for layout in self.present(cursor)}
        cursor.section, cursor.what = outer
        return {"fields": fields, "subsections": found}

    def present(self, cursor: Cursor) -> Iterator[Layout]:
        """The layouts of the subsections that follow. Each body has to be read before the next layout is asked for."""
        known = {layout.name: (order, layout) for order, layout in enumerate(self.subsections)}
        last = -1
        for _ in range(cursor.array(len(known))):
            start = cursor.at
            cursor.items(3)
            name = cursor.text(NAME_LIMIT)
            order, layout = known.get(name, (-1, None))
            if layout is None:
                raise cursor.refuse(f"one of the subsections {', '.join(known)}"[:LONGEST_SHOWN], repr(name), start)
            if order <= last:
                raise cursor.refuse("subsections in the order of the schema", repr(name), start)
            last = order
            if (version := cursor.uint(VERSION_LIMIT)) != layout.version:
                raise cursor.refuse(f"version {layout.version} of {name}", version, start)
            yield layout

    def describe(self) -> dict[str, object]:
        return {
            "name": self.name,
            "version": self.version,
            "fields": [[name, type_.describe()] for name, type_ in self.fields],
            "subsections": [layout.describe() for layout in self.subsections],
        }


def parse_layout(described: object, depth: int = 0) -> Layout:
    """The layout that `Layout.describe` described. Raises StreamError: the description came with a stream."""
    match described:
        case {"name": str(name), "version": int(version), "fields": [*fields], "subsections": [*subsections]} if (
            depth <= DEEPEST and len(name) <= NAME_LIMIT and 0 <= version <= VERSION_LIMIT
        ):
            return Layout(
                name,
                version,
                tuple(parse_member(field, 0) for field in fields),
                tuple(parse_layout(layout, depth + 1) for layout in subsections),
            )
        case _:
            raise StreamError.of("Schema", "schemas", 0, "name, version, fields and subsections", repr(described)[:80])


def as_mapping(value: object) -> Mapping[str, Value]:
    """A mapping, for the type checker and for us."""
    if not isinstance(value, Mapping):
        raise StateError(f"{value!r} is not a mapping of fields")
    return value


def as_sections(value: object) -> dict[str, Mapping[str, object]]:
    return {name: as_mapping(section) for name, section in as_mapping(value).items()}
