"""Signatures and results of the handlers of hypercalls and RTAS calls."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Final

VARIADIC: Final = 0x4
VARIADIC_NAMES: Final = 0x8
"""Flags of a code object: it has `*args`, or `**kwargs` (Python's "Code Objects Bit Flags")."""


OWN: Final = 2
"""Parameters that every handler has: the machine and the processor."""


def arguments_of(handler: Callable[..., object], name: str, most: int, rest: int | None = None) -> int:
    """The number of guest arguments that a handler takes: the named ones, or `rest` with `*args`. Raises TypeError.

    Without `rest` they have to be named. `inspect` is a tenth of what a restore may take, and rarely needed.
    """
    if (
        isinstance(handler, FunctionType)
        and not handler.__code__.co_flags & (VARIADIC | VARIADIC_NAMES)
        and not handler.__code__.co_kwonlyargcount
        and not hasattr(handler, "__wrapped__")
    ):
        count = handler.__code__.co_argcount
    else:
        count = _counted(handler, name, rest)
    if not OWN <= count <= OWN + most:
        raise TypeError(f"{name} takes vm, cpu and at most {most} arguments, not {count} in all")
    return count - OWN


def _counted(handler: Callable[..., object], name: str, rest: int | None) -> int:
    import inspect

    count = 0
    for parameter in inspect.signature(handler).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            if rest is None:
                raise TypeError(f"{name} names its arguments: *{parameter.name} does not say how many there are")
            return OWN + rest
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            raise TypeError(f"{name} wants {parameter.name} by name, and a guest's arguments come by position")
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            count += 1
    return count


def values_of(name: str, result: object, most: int, bits: int) -> tuple[int, ...]:
    """Check a handler's result: one value, or at most `most`. Raises an error that names the handler otherwise.
    Nothing is truncated: a value must fit `bits` bits, signed or unsigned, or ValueError is raised.
    """
    values = result if isinstance(result, tuple) else (result,)
    for value in values:
        if not isinstance(value, int):
            raise TypeError(f"{name} returns integers, one or a tuple of them, not {result!r}")
        if not -1 << (bits - 1) <= value < 1 << bits:
            raise ValueError(f"{name} returns {value:#x}, which {bits} bits hold neither signed nor unsigned")
    if not 0 < len(values) <= most:
        raise TypeError(f"{name} returns {len(values)} values, expected 1 to {most}")
    return values
