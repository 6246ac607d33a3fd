"""query-qmp-schema: the commands and events as QMP describes itself (QMP Reference Manual, `SchemaInfo`).

Everything about a command follows from its row. Names of types are numbers, as QEMU's are: a client looks them up.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict, get_args, get_origin, is_typeddict

from pyspapr.qmp.monitor import DumpResult, Monitor
from pyspapr.qmp.registry import TABLE, Where, command
from pyspapr.qmp.types import members, strip_optional


class MemberInfo(TypedDict, total=False):
    name: str
    type: str
    default: Any


SchemaInfo = TypedDict(
    "SchemaInfo",
    {
        "name": str,
        "meta-type": str,
        "arg-type": str,
        "ret-type": str,
        "members": list[MemberInfo],
        "element-type": str,
        "values": list[str],
        "json-type": str,
    },
    total=False,
)

BUILTIN: Final = {str: ("str", "string"), int: ("int", "int"), float: ("number", "number"), bool: ("bool", "boolean")}
ANY: Final = ("any", "value")


class Ending(TypedDict):
    """Data of SHUTDOWN and RESET."""

    guest: bool
    reason: str


class Action(TypedDict):
    """Data of GUEST_PANICKED."""

    action: str


class MigrationStatus(TypedDict):
    """Data of MIGRATION."""

    status: str


MigrationPass = TypedDict("MigrationPass", {"pass": int})


class _DumpCompleted(TypedDict):
    result: DumpResult


class DumpCompleted(_DumpCompleted, total=False):
    """Data of DUMP_COMPLETED."""

    error: str


EVENTS: Final[dict[str, Any]] = {
    "STOP": None,
    "RESUME": None,
    "RESET": Ending,
    "SHUTDOWN": Ending,
    "GUEST_PANICKED": Action,
    "MIGRATION": MigrationStatus,
    "MIGRATION_PASS": MigrationPass,
    "DUMP_COMPLETED": DumpCompleted,
}
"""What each event brings."""


class Schema:
    """The entries, and the types that they need."""

    def __init__(self) -> None:
        self.entries: list[SchemaInfo] = []
        self._names: dict[Any, str] = {}

    def _add(self, key: Any, entry: SchemaInfo) -> str:
        """Enter a type, once, under a number."""
        name = self._names[key] = entry.setdefault("name", str(len(self._names)))
        self.entries.append(entry)
        return name

    def structure(self, key: Any, parts: dict[str, tuple[Any, bool]]) -> str:
        """The name of an object type with these members."""
        if key in self._names:
            return self._names[key]
        found: list[MemberInfo] = []
        for name, (kind, required) in parts.items():
            one: MemberInfo = {"name": name, "type": self.type(kind)}
            if not required:
                one["default"] = None
            found.append(one)
        return self._add(key, {"meta-type": "object", "members": found})

    def type(self, wanted: Any) -> str:
        """The name of a type."""
        wanted = strip_optional(wanted)
        if wanted is type(None):
            wanted = None
        if wanted in self._names:
            return self._names[wanted]
        if wanted is None:
            return self.structure(None, {})
        origin = get_origin(wanted)
        if origin is list:
            element = self.type(get_args(wanted)[0])
            return self._add(wanted, {"name": f"[{element}]", "meta-type": "array", "element-type": element})
        if origin is Literal:
            return self._add(wanted, {"meta-type": "enum", "values": list(get_args(wanted))})
        if is_typeddict(wanted):
            return self.structure(wanted, members(wanted))
        name, kind = BUILTIN.get(wanted, ANY)
        return self._add(wanted, {"name": name, "meta-type": "builtin", "json-type": kind})


@command("query-qmp-schema", where=Where.ANYWHERE)
def query_qmp_schema(monitor: Monitor) -> list[SchemaInfo]:
    """Commands, events and their types, for clients that ask what there is."""
    schema = Schema()
    for name, row in sorted(TABLE.items()):
        arguments = schema.structure(("arguments", name), row.arguments) if row.arguments else schema.type(None)
        answer = schema.type(row.returns)
        schema.entries.append({"name": name, "meta-type": "command", "arg-type": arguments, "ret-type": answer})
    for name, data in EVENTS.items():
        schema.entries.append({"name": name, "meta-type": "event", "arg-type": schema.type(data)})
    return schema.entries
