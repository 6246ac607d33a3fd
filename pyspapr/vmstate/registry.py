"""Which sections a machine has, in the order in which they are saved and loaded.

A machine lists its parts (`Machine.parts`); each part's class has a table `VMSTATE`. Parts with the same section name
are told apart by an instance number, counted in the order of the list. `check` keeps a machine from starting with
state that is not saved.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pyspapr.errors import ConfigError
from pyspapr.plain import Plain
from pyspapr.vmstate.layout import Layout
from pyspapr.vmstate.schema import VMState

if TYPE_CHECKING:
    from pyspapr.machine import Machine


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


def sections(vm: Machine) -> list[Section]:
    """Every section of `vm`: higher priority first, otherwise in the order of its parts."""
    count: Counter[str] = Counter()
    found = []
    for part in vm.parts():
        table = table_of(part)
        found.append(Section(table, count[table.name], part))
        count[table.name] += 1
    return sorted(found, key=lambda section: -section.vmstate.priority)


def layouts(vm: Machine) -> list[Layout]:
    """The schema of every kind of section of `vm` as it stands, once each, in order of their names."""
    found: dict[str, list[Section]] = {}
    for section in sections(vm):
        found.setdefault(section.name, []).append(section)
    return [same[0].vmstate.layout_for(section.target for section in same) for _, same in sorted(found.items())]


def check(vm: Machine) -> None:
    """Raise ConfigError unless everything with state in `vm` has a schema and is one of its parts."""
    parts = vm.parts()
    tables: dict[str, VMState] = {}
    for part in parts:
        table = table_of(part)
        if tables.setdefault(table.name, table) is not table:
            raise ConfigError(f"two different schemas are called {table.name}")
        if (incomplete := getattr(part, "unsaved", None)) is not None and (names := incomplete()):
            raise ConfigError(f"schema {table.name} lacks {', '.join(names)}")
    known = {id(part) for part in parts}
    for name, value in vars(vm).items():
        for item in value if isinstance(value, list) else (value,):
            if callable(getattr(item, "state", None)) and id(item) not in known:
                raise ConfigError(f"schema for device missing: the machine's {name} is not among its parts")


def dump() -> dict[str, object]:
    """Schemas of this version of the package, by section name: plain data for `compare`."""
    from pyspapr.machine import Machine

    vm = Machine(memory="32M")
    tables = {section.name: section.vmstate for section in sections(vm)}
    return {name: describe(table) for name, table in sorted(tables.items())}


def describe(table: VMState) -> dict[str, object]:
    """A table in plain data, older versions it reads included."""
    return {
        "version": table.version,
        "minimum_version": table.minimum_version,
        "fields": [[field.name, field.type.describe(), field.since] for field in table.fields],
        "subsections": {part.name: describe(part) for part in table.subsections},
    }
