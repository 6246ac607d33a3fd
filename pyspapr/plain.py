"""Plain data with named, typed fields: what `dataclasses` offers, made in microseconds.

    class Segment(Plain):
        offset: int
        size: int = 0

`dataclasses` writes source and compiles it for each class, half a millisecond each, and brings `inspect`: with it
`pyspapr restore` takes 155 ms of processor time instead of 125 (`python benches/libraries.py plain`).

Must hold: instances are equal by class and fields, and cannot be changed unless the class says `frozen=False`; type
checkers see a dataclass, and so do `dataclasses.fields`, `replace` and `asdict`, for a program that has imported that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final, Self, dataclass_transform

_MISSING = object()


class _Fields:
    """`__dataclass_fields__`, made on first use."""

    def __get__(self, value: object, owner: PlainType) -> dict[str, Any]:
        from dataclasses import field, fields, make_dataclass
        from functools import partial

        # Functions, since `field(default=...)` rejects unhashable values.
        defaults = {name: field(default_factory=partial(owner._defaults.get, name)) for name in owner._defaults}
        rows: list[tuple[str, Any, Any]] = [
            (name, owner._types[name], defaults.get(name, field())) for name in owner._names
        ]
        made = make_dataclass(owner.__name__, rows, kw_only=owner._kw_only)
        return {one.name: one for one in fields(made)}


@dataclass_transform(frozen_default=True)
class PlainType(type):
    """Turns annotations into slots and defaults."""

    _names: tuple[str, ...]
    _types: dict[str, str]
    _defaults: dict[str, Any]
    _kw_only: bool

    def __new__(
        meta, name: str, bases: tuple[type, ...], body: dict[str, Any], *, frozen: bool = True, kw_only: bool = False
    ) -> PlainType:
        """A class whose fields are those of its bases and the annotated names of its body, `ClassVar`s excepted."""
        types: dict[str, str] = {}
        defaults: dict[str, Any] = {}
        for base in bases:
            types |= getattr(base, "_types", {})
            defaults |= getattr(base, "_defaults", {})
        own = {key: text for key, text in body.get("__annotations__", {}).items() if not text.startswith("ClassVar")}
        for key in own:
            if (default := body.pop(key, _MISSING)) is not _MISSING:
                defaults[key] = default
        body["__slots__"] = tuple(key for key in own if key not in types)
        types |= own
        body["_names"] = tuple(types)
        body["_types"] = types
        body["_defaults"] = defaults
        body["_kw_only"] = kw_only
        body["__match_args__"] = () if kw_only else tuple(types)
        if not frozen:
            body["__setattr__"] = object.__setattr__
            body["__hash__"] = None
        return super().__new__(meta, name, bases, body)


class Plain(metaclass=PlainType):
    """Base of every value. A method `__post_init__` is called at the end of the construction."""

    __dataclass_fields__: ClassVar[Any] = _Fields()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Fields by position, unless the class says `kw_only`, or by name."""
        cls = type(self)
        names = cls._names
        put = object.__setattr__
        if args:
            if len(args) > len(cls.__match_args__):
                raise TypeError(f"{cls.__name__} takes {len(cls.__match_args__)} values by position, not {len(args)}")
            for name, value in zip(names, args, strict=False):
                put(self, name, value)
        if len(args) != len(names):
            defaults = cls._defaults
            for name in names[len(args) :]:
                value = kwargs.pop(name, _MISSING) if kwargs else _MISSING
                if value is _MISSING and (value := defaults.get(name, _MISSING)) is _MISSING:
                    raise TypeError(f"{cls.__name__} lacks a value for {name}")
                put(self, name, value)
        if kwargs:
            name = next(iter(kwargs))
            if name in names:
                raise TypeError(f"{cls.__name__} got two values for {name}")
            raise unknown(cls.__name__, name, names)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Nothing more to do."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed: {name} stays {getattr(self, name, None)!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} cannot lose {name}")

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in type(self)._names])

    def as_dict(self) -> dict[str, Any]:
        """The fields by name; values that are values stay as they are."""
        return {name: getattr(self, name) for name in type(self)._names}

    def replace(self, **changes: Any) -> Self:
        """The same with other values for some fields."""
        return type(self)(**{**self.as_dict(), **changes})

    def __eq__(self, other: object) -> bool:
        """Whether class and fields are the same."""
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[type[Self], dict[str, Any]]]:
        return _made, (type(self), self.as_dict())


ELSEWHERE: Final = {"smp": "vcpus"}
"""A keyword by the name that the command line has for it."""


def unknown(what: str, name: str, known: Iterable[str]) -> TypeError:
    """The error for a keyword that `what` does not have; names the valid ones, and the likely one."""
    from difflib import get_close_matches

    known = tuple(known)
    likely = [of for of in (ELSEWHERE.get(name),) if of in known] or get_close_matches(name, known, 1)
    meant = "".join(f"did you mean {close}? It takes " for close in likely) or "it takes "
    return TypeError(f"{what} has no keyword {name}: {meant}{', '.join(known)}")


def _made(cls: type[Any], values: dict[str, Any]) -> Any:
    return cls(**values)
