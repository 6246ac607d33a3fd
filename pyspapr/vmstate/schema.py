"""VMState: what of an object is saved, and how it comes back. One table beside each device.

    class Vty:
        VMSTATE = VMState("spapr_vty", version=1, fields=(Field("buffer", VarBytes(16)),))

Rules of versions (they follow QEMU's VMStateDescription): a new field raises `version` and says `since`, with a
`default` for older streams; a section older than `minimum_version` or newer than `version` is refused; state that most
machines do not have goes into a subsection, which is left out while `needed` says no. A subsection that its section has
not had from the beginning is `late`: only streams that have it describe it. All others are what they were before, and
versions that do not know it read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pyspapr.errors import SpaprError, StateError, StreamError
from pyspapr.plain import Plain
from pyspapr.vmstate.layout import Layout, as_mapping, as_sections
from pyspapr.vmstate.types import Type, Value

# A section's object can be anything: its table is the only one that knows.
Object = Any

PRIORITY_DEFAULT: Final = 0
PRIORITY_CPU: Final = 100
"""Sections of higher priority are saved and loaded first: devices may look at processors when they load."""


Check = Callable[[Any, int], str | None]
"""Takes a value and the bytes of RAM; returns what was expected instead, or None for a valid value."""


def anything(value: object, memory: int) -> None:
    """Accept every value of the type: nothing is indexed, divided or shifted by it, and nothing relies on it."""


def between(least: int, most: int) -> Check:

    def check(value: int, memory: int) -> str | None:
        return None if least <= value <= most else f"{least:#x} to {most:#x}"

    return check


class Field:
    """One field: by default the attribute of its name; `get` and `set` where the object keeps it otherwise.

    `valid` says which of the values that the type holds can be. Numbers of this package's own tables always have one.
    """

    def __init__(
        self,
        name: str,
        type: Type,
        *,
        get: Callable[[Object], Value] | None = None,
        set: Callable[[Object, Any], None] | None = None,
        since: int = 1,
        default: Value = None,
        valid: Check | None = None,
    ) -> None:
        """`since` is the first version of the section with this field; older streams give `default`."""
        self.name = name
        self.type = type
        self.get = get or (lambda target: getattr(target, name))
        self.set = set or (lambda target, value: setattr(target, name, value))
        self.since = since
        self.default = default
        self.valid = valid


def nothing(target: Object) -> None:
    """No step before saving or after loading."""


class Native(Plain):
    """How native code copies the state of a whole section, instead of field by field."""

    freeze: Callable[[Object], object]
    thaw: Callable[[Object, Any], None]


class Frozen(Plain):
    """The state of one section at some moment, for any number of objects."""

    native: object
    """What `Native.freeze` gave, or else None."""
    values: tuple[Value, ...]
    """Of the fields, in their order. Nobody but us has them."""
    subsections: tuple[Frozen | None, ...]
    """In the order of the table; None for one that was not needed."""


class VMState:
    """The table of one section. `needed` and `late` matter for subsections only."""

    def __init__(
        self,
        name: str,
        *,
        version: int,
        fields: tuple[Field, ...],
        minimum_version: int | None = None,
        subsections: tuple[VMState, ...] = (),
        needed: Callable[[Object], bool] = lambda target: True,
        late: bool = False,
        hashed: bool = True,
        valid: Check | None = None,
        pre_save: Callable[[Object], None] = nothing,
        post_load: Callable[[Object], None] = nothing,
        priority: int = PRIORITY_DEFAULT,
        native: Native | None = None,
    ) -> None:
        """`valid` judges all of the fields, by name; `pre_save` and `post_load` get the object.

        `native` copies an object's state within this process; what it copies must be what the table says.

        `hashed` says whether the guest can observe this, so that it is part of `Machine.state_hash`.

        Raises ValueError for a table that contradicts itself.
        """
        self.name = name
        self.version = version
        self.minimum_version = version if minimum_version is None else minimum_version
        self.fields = fields
        self.subsections = subsections
        self.needed = needed
        self.late = late
        self.hashed = hashed
        self.valid = valid
        self.pre_save = pre_save
        self.post_load = post_load
        self.priority = priority
        self.native = native
        if not 1 <= self.minimum_version <= version:
            raise ValueError(f"section {name}: minimum version {self.minimum_version}, version {version}")
        names = [field.name for field in fields] + [part.name for part in subsections]
        if len(set(names)) != len(names) or any(not 1 <= field.since <= version for field in fields):
            raise ValueError(f"section {name}: a field or subsection has a name twice, or is newer than the section")

    def layout(self, version: int | None = None) -> Layout:
        """How `version` (by default the present one) lies in a stream."""
        version = self.version if version is None else version
        return Layout(
            self.name,
            version,
            tuple((field.name, field.type) for field in self.fields if field.since <= version),
            tuple(part.layout() for part in self.subsections),
        )

    def layout_for(self, targets: Iterable[Object]) -> Layout:
        """The layout that a stream with the sections of `targets` describes."""
        targets = list(targets)
        absent = [part.name for part in self.subsections if part.late and not any(map(part.needed, targets))]
        layout = self.layout()
        return layout.replace(subsections=tuple(part for part in layout.subsections if part.name not in absent))

    # Saving.

    def values(self, target: Object) -> dict[str, object]:
        """Fields and needed subsections of `target`, by name."""
        self.pre_save(target)
        return {
            "fields": {field.name: field.get(target) for field in self.fields},
            "subsections": {part.name: part.values(target) for part in self.subsections if part.needed(target)},
        }

    def observable(self, target: Object) -> dict[str, object]:
        """What of `target` the guest can observe, by name, with the fields of a subsection beside the section's."""
        found: dict[str, object] = {field.name: field.get(target) for field in self.fields}
        for part in self.subsections:
            if part.hashed and part.needed(target):
                found |= part.observable(target)
        return found

    def save(self, target: Object) -> bytes:
        """The body of the section. Raises StateError."""
        values = self.values(target)
        return self.layout().write(as_mapping(values["fields"]), as_sections(values["subsections"]))

    def holds(self, target: Object, values: Mapping[str, object]) -> bool:
        """Whether `save` would write the `values` of this version that were read."""
        # Packed, not encoded: importing cbor2 for this adds 1.7 ms of processor time to the 54 ms of `pyspapr restore`.
        layout = self.layout()
        mine, read = (
            layout.pack(as_mapping(each["fields"]), as_sections(each["subsections"]))
            for each in (self.values(target), values)
        )
        return mine == read

    # Copying within this process.

    def freeze(self, target: Object) -> Frozen:
        """The state of `target`, for `thaw`. Raises StateError as `save` does."""
        if self.native is not None:
            return Frozen(self.native.freeze(target), (), ())
        values = self.values(target)
        fields, sections = as_mapping(values["fields"]), as_sections(values["subsections"])
        self.layout().pack(fields, sections)  # whether the types hold them
        return self._freeze(fields, sections)

    def _freeze(self, fields: Mapping[str, Value], sections: Mapping[str, Mapping[str, object]]) -> Frozen:
        subsections = [
            part._freeze(as_mapping(found["fields"]), as_sections(found["subsections"]))
            if (found := sections.get(part.name)) is not None
            else None
            for part in self.subsections
        ]
        values = tuple(field.type.copy(fields[field.name]) for field in self.fields)
        return Frozen(None, values, tuple(subsections))

    def thaw(self, target: Object, frozen: Frozen) -> None:
        """Load what `freeze` gave into `target`. Raises StreamError as `load` does."""
        if self.native is not None:
            self.native.thaw(target, frozen.native)
            return
        for field, value in zip(self.fields, frozen.values, strict=True):
            self._set(field, target, self.version, field.type.copy(value))
        for part, found in zip(self.subsections, frozen.subsections, strict=True):
            if found is not None:
                part.thaw(target, found)
        self._loaded(target, self.version)

    def exceeds(self, target: Object, frozen: Frozen) -> bool:
        """Whether `target` has a subsection that `frozen` has not, so that `thaw` alone would leave it there."""
        return any(
            part.needed(target) if found is None else part.exceeds(target, found)
            for part, found in zip(self.subsections, frozen.subsections, strict=self.native is None)
        )

    def difference(self, target: Object, frozen: Frozen) -> str | None:
        """The name of a field or subsection in which `target` is not as `frozen`; None if there is no such difference.

        What native code has copied is not compared.
        """
        if self.native is not None:
            return None
        self.pre_save(target)
        for field, value in zip(self.fields, frozen.values, strict=True):
            if field.type.copy(field.get(target)) != value:
                return field.name
        for part, found in zip(self.subsections, frozen.subsections, strict=True):
            if part.needed(target) is not (found is not None):
                return part.name
            if found is not None and (name := part.difference(target, found)) is not None:
                return name
        return None

    # Loading.

    def readable(self, theirs: Layout) -> None:
        """Whether a section of this layout can be loaded here. Raises StreamError saying what differs."""
        wanted = f"version {self.minimum_version} to {self.version}"
        if not self.minimum_version <= theirs.version <= self.version:
            raise StreamError.of("Section version", self.name, 0, wanted, f"version {theirs.version}")
        mine = self.layout(theirs.version)
        for name, got, want in differences(theirs, mine):
            raise StreamError.of(f"Schema of {name}", self.name, 0, want, got)
        known = {part.name: part for part in self.subsections}
        for part in theirs.subsections:
            if part.name not in known:
                raise StreamError.of("Subsection", self.name, 0, f"one of {', '.join(known) or 'none'}", part.name)
            known[part.name].readable(part)

    def check(self, version: int, values: Mapping[str, object], memory: int) -> None:
        """Raise StreamError for a value that is impossible in a machine with `memory` bytes of RAM."""
        found = as_mapping(values["fields"])
        for field in self.fields:
            if field.since > version or field.valid is None:
                continue
            if (wanted := field.valid(value := found[field.name], memory)) is not None:
                got = f"{value:#x}" if isinstance(value, int) else f"{value!r:.80}"
                raise StreamError.of(f"Field {field.name}", f"{self.name} v{version}", 0, wanted, got)
        if self.valid is not None and (wanted := self.valid(found, memory)) is not None:
            raise StreamError.of("State", f"{self.name} v{version}", 0, wanted, f"{dict(found)!r:.80}")
        sections = as_sections(values["subsections"])
        for part in self.subsections:
            if part.name in sections:
                part.check(part.version, sections[part.name], memory)

    def load(self, target: Object, version: int, values: Mapping[str, object], memory: int = 0) -> None:
        """Load values into `target`, which is not in use yet. Raises StreamError when a value is impossible."""
        self.check(version, values, memory)
        self._load(target, version, values)

    def _load(self, target: Object, version: int, values: Mapping[str, object]) -> None:
        found = as_mapping(values["fields"])
        for field in self.fields:
            value = found[field.name] if field.since <= version else field.default
            self._set(field, target, version, value)
        sections = as_sections(values["subsections"])
        for part in self.subsections:
            if part.name in sections:
                part._load(target, part.version, sections[part.name])
        self._loaded(target, version)

    def _set(self, field: Field, target: Object, version: int, value: Value) -> None:
        try:
            field.set(target, value)
        except StreamError:
            raise
        except (SpaprError, ValueError, KeyError, OverflowError, TypeError) as error:
            raise StreamError.of(
                f"Field {field.name}",
                f"{self.name} v{version}",
                0,
                f"a value for this machine ({error})",
                f"{value!r:.80}",
            ) from error

    def _loaded(self, target: Object, version: int) -> None:
        try:
            self.post_load(target)
        except StateError as error:
            raise StreamError.of("State", f"{self.name} v{version}", 0, "a state that fits together", error) from error


def differences(theirs: Layout, mine: Layout) -> list[tuple[str, str, str]]:
    """Fields that are described otherwise: name, theirs, mine. Empty when the fields agree."""
    found = []
    for index in range(max(len(theirs.fields), len(mine.fields))):
        got, want = ("nothing" if index >= len(side.fields) else side.fields[index] for side in (theirs, mine))
        if got != want:
            names = [pair[0] for pair in (got, want) if not isinstance(pair, str)]
            show = [pair if isinstance(pair, str) else f"{pair[0]} {pair[1].describe()}" for pair in (got, want)]
            found.append((f"field {names[0]}", show[0], show[1]))
    return found
