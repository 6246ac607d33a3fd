"""What the tables of hypercalls and of RTAS calls want to know of a handler."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Final

VARIADIC: Final = 0x4
VARIADIC_NAMES: Final = 0x8
"""Flags of a code object: it has `*args`, or `**kwargs` (Python's "Code Objects Bit Flags")."""


def parameters_of(handler: Callable[..., object]) -> int:
    """How many parameters a handler names. `inspect` is a tenth of what a restore may take, and rarely needed."""
    if isinstance(handler, FunctionType) and not handler.__code__.co_flags & (VARIADIC | VARIADIC_NAMES):
        return handler.__code__.co_argcount + handler.__code__.co_kwonlyargcount
    import inspect

    return len(inspect.signature(handler).parameters)
