"""Handlers: the Python functions that answer a guest's hypercalls and RTAS calls, and the rows that describe them.

A handler of a hypercall gets the partition, the processor that calls and R4 onwards, as many as it names (all nine with
`*args`), unsigned. It returns a return code, or a tuple of a code and the values for R4 onwards, as far as R12: each is
an integer that 64 bits hold, signed or unsigned (-2**63 to 2**64 - 1). One of an RTAS call gets words and returns a
status, or a tuple of a status and results of 32 bits. A guest address outside RAM needs no care: `GuestAddressError`
becomes H_PARAMETER, or RTAS's parameter error. Anything else that it raises, and what is raised for an invalid result
(TypeError, ValueError), comes out of `Machine.run`.

`hcall.registry` and `rtas.registry` have the tables of functions that every machine has. A device's handlers are its
methods, marked by `device.hypercall` and `device.rtas_call`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index
from types import FunctionType, MethodType
from typing import Any, Final

from pyspapr.codes import H_PARAMETER
from pyspapr.errors import GuestAddressError
from pyspapr.plain import Plain

Result = int | tuple[int, ...]
Handler = Callable[..., Result]

MAX_ARGUMENTS: Final = 9
MAX_RESULTS: Final = 10
"""R3 to R12."""
REGISTER: Final = 64
LEAST: Final = -1 << 63
MOST: Final = (1 << 64) - 1
"""What a register holds, signed or unsigned."""

TOKEN_BASE: Final = 0x2000
MAX_WORDS: Final = 16
WORD: Final = 32

VARIADIC: Final = 0x4
VARIADIC_NAMES: Final = 0x8
"""Flags of a code object: it has `*args`, or `**kwargs` (Python's "Code Objects Bit Flags")."""


OWN: Final = 2
"""Parameters that every handler has: the partition and the processor. A method has `self` before them."""


class Hypercall(Plain):
    """A row of the table of hypercalls."""

    number: int
    name: str
    handler: Handler
    arguments: int

    def __call__(self, vm: Any, cpu: Any, arguments: tuple[int, ...]) -> tuple[int, ...]:
        """Return code and results; the guest's bad addresses become H_PARAMETER."""
        try:
            result = self.handler(vm, cpu, *arguments[: self.arguments])
        except GuestAddressError:
            return (H_PARAMETER,)
        if type(result) is int and LEAST <= result <= MOST:  # nearly all, and this is the way of every call
            return (result,)
        return values_of(self.name, result, MAX_RESULTS, REGISTER)

    def bound_to(self, device: object) -> Hypercall:
        """This row, whose handler is a method, for one device."""
        return Hypercall(self.number, self.name, MethodType(self.handler, device), self.arguments)


class RtasCall(Plain):
    """A row of the table of RTAS calls.

    `arguments` and `results` are the words of a correct call; the status is a result.
    """

    token: int
    name: str
    handler: Handler
    arguments: int
    results: int

    def bound_to(self, device: object) -> RtasCall:
        """This row, whose handler is a method, for one device."""
        return RtasCall(self.token, self.name, MethodType(self.handler, device), self.arguments, self.results)


ROW: Final = "_row"
"""The attribute of a method that holds its row."""


def hypercall_row(number: int, name: str, handler: Handler, *, method: bool = False) -> Hypercall:
    """A row for `handler`, whose parameters after `vm` and `cpu` say how many arguments it takes."""
    if not 0 <= index(number) < 1 << 64:
        raise ValueError(f"{name} cannot have the number {number:#x}: R3 has 64 bits")
    count = arguments_of(handler, name, MAX_ARGUMENTS, rest=MAX_ARGUMENTS, own=OWN + method)
    return Hypercall(number, name, handler, count)


def rtas_row(number: int, name: str, handler: Handler, results: int, *, method: bool = False) -> RtasCall:
    """A row for `handler` under token `TOKEN_BASE + number`."""
    count = arguments_of(handler, name, MAX_WORDS, own=OWN + method)
    return RtasCall(TOKEN_BASE + number, name, handler, count, results)


def rows_of(kind: type) -> Mapping[str, Hypercall | RtasCall]:
    """The rows of a class's methods, by the method's name: those of its bases first, unless it overrides them."""
    found: dict[str, Hypercall | RtasCall] = {}
    for base in reversed(kind.__mro__):
        for name, member in vars(base).items():
            if (row := getattr(member, ROW, None)) is not None:
                found[name] = row
            else:
                found.pop(name, None)
    return found


def arguments_of(handler: Callable[..., object], name: str, most: int, rest: int | None = None, own: int = OWN) -> int:
    """The number of guest arguments that a handler takes: the named ones, or `rest` with `*args`. Raises TypeError.

    Without `rest` they have to be named. Before them are `own` others. `inspect` is a tenth of what a restore may take,
    and rarely needed.
    """
    if (
        isinstance(handler, FunctionType)
        and not handler.__code__.co_flags & (VARIADIC | VARIADIC_NAMES)
        and not handler.__code__.co_kwonlyargcount
        and not hasattr(handler, "__wrapped__")
    ):
        count = handler.__code__.co_argcount
    else:
        count = _counted(handler, name, rest, own)
    if not own <= count <= own + most:
        raise TypeError(f"{name} takes vm, cpu and at most {most} arguments, not {count} in all")
    return count - own


def _counted(handler: Callable[..., object], name: str, rest: int | None, own: int) -> int:
    import inspect

    count = 0
    for parameter in inspect.signature(handler).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            if rest is None:
                raise TypeError(f"{name} names its arguments: *{parameter.name} does not say how many there are")
            return own + rest
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
