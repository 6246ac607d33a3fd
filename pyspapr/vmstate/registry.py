"""Which sections a machine has, in the order in which they are saved and loaded.

A machine lists its parts: itself, its processors and its devices; each part's class has a table `VMSTATE`. Parts with
the same section name are told apart by an instance number, counted in the order of the list. `check` keeps a machine
from starting with state that nobody saves. What the state hash covers follows from the same tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyspapr.errors import ConfigError
from pyspapr.plain import Plain
from pyspapr.vmstate.layout import Layout
from pyspapr.vmstate.schema import VMState

if TYPE_CHECKING:

    class Parts(Protocol):
        """A machine, as far as its state is concerned."""

        def parts(self) -> list[Any]:
            """Everything that has a table, in the order of the sections."""
            ...


class Section(Plain):
    """One part of a machine and its table."""

    vmstate: VMState
    instance: int
    target: Any

    @property
    def name(self) -> str:
        return self.vmstate.name


def table_of(part: object) -> VMState:
    """The table of a part. Raises ConfigError when its class has none."""
    table = getattr(type(part), "VMSTATE", None)
    if not isinstance(table, VMState):
        raise ConfigError(
            f"schema for device missing: {type(part).__name__} has no table VMSTATE, so its state could not be saved"
        )
    return table


def sections(vm: Parts) -> list[Section]:
    """Every section of `vm`: higher priority first, otherwise in the order of its parts."""
    count: Counter[str] = Counter()
    found = []
    for part in vm.parts():
        table = table_of(part)
        found.append(Section(table, count[table.name], part))
        count[table.name] += 1
    return sorted(found, key=lambda section: -section.vmstate.priority)


def layouts(vm: Parts) -> list[Layout]:
    """The schema of every kind of section of `vm` as it stands, once each, in order of their names."""
    found: dict[str, list[Section]] = {}
    for section in sections(vm):
        found.setdefault(section.name, []).append(section)
    return [same[0].vmstate.layout_for(section.target for section in same) for _, same in sorted(found.items())]


def check(vm: Parts) -> None:
    """Raise ConfigError unless everything with state in `vm` is in a schema of its own."""
    tables: dict[str, VMState] = {}
    for part in vm.parts():
        table = table_of(part)
        if tables.setdefault(table.name, table) is not table:
            raise ConfigError(f"two different schemas are called {table.name}")
        if (incomplete := getattr(part, "unsaved", None)) is not None and (names := incomplete()):
            raise ConfigError(f"schema {table.name} lacks {', '.join(names)}")


SHOWN: Final = 64
"""Bytes of a field; of a longer one the digest is shown."""


def observable(vm: Parts) -> dict[str, dict[str, object]]:
    """What the guest can observe of every part, by section and field, in plain data that JSON has too.

    `name#1` is the second section of its name.
    """
    found = {}
    for section in sections(vm):
        if section.vmstate.hashed:
            name = section.name if section.instance == 0 else f"{section.name}#{section.instance}"
            found[name] = {key: _plain(value) for key, value in section.vmstate.observable(section.target).items()}
    return found


def _plain(value: object) -> object:
    match value:
        case bytes() | bytearray() if len(value) > SHOWN:
            import hashlib

            return f"sha256 {hashlib.sha256(value).hexdigest()}"
        case bytes() | bytearray():
            return value.hex()
        case list() | tuple():
            return [_plain(one) for one in value]
        case dict():
            return {key: _plain(one) for key, one in value.items()}
    return value


def dump(tables: Iterable[VMState]) -> dict[str, object]:
    """Tables of this version of the package, by section name: plain data for `compare`."""
    return {table.name: describe(table) for table in sorted(tables, key=lambda table: table.name)}


def describe(table: VMState) -> dict[str, object]:
    """A table in plain data, older versions it reads included."""
    return {
        "version": table.version,
        "minimum_version": table.minimum_version,
        "fields": [[field.name, field.type.describe(), field.since] for field in table.fields],
        "subsections": {part.name: describe(part) for part in table.subsections},
    }
