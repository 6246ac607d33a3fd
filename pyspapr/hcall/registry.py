"""The hypercall table: one decorated function for each number.

    @hypercall(0x58, "H_PUT_TERM_CHAR")
    def h_put_term_char(vm: Machine, cpu: Cpu, termno: int, length: int, ...) -> Result: ...

Arguments are R4 onwards, as many as the function names (all nine with `*args`), unsigned. It returns a return code, or
a tuple of a code and the values for R4 onwards, as far as R12: each is an integer that 64 bits hold, signed or unsigned
(-2**63 to 2**64 - 1). A guest address outside RAM needs no care: `GuestAddressError` becomes H_PARAMETER. Any other
exception of the handler, and the TypeError or ValueError for an invalid result, is raised by `Machine.run`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import TYPE_CHECKING, Final

from pyspapr.errors import GuestAddressError
from pyspapr.handlers import arguments_of, values_of
from pyspapr.hcall.codes import H_PARAMETER
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.partition.cpu import Cpu

Result = int | tuple[int, ...]
Handler = Callable[..., Result]

MAX_ARGUMENTS: Final = 9
MAX_RESULTS: Final = 10
"""R3 to R12."""
REGISTER: Final = 64
LEAST: Final = -1 << 63
MOST: Final = (1 << 64) - 1
"""What a register holds, signed or unsigned."""


class Hypercall(Plain):
    """A row of the table."""

    number: int
    name: str
    handler: Handler
    arguments: int

    def __call__(self, vm: Machine, cpu: Cpu, arguments: tuple[int, ...]) -> tuple[int, ...]:
        """Call the handler; a bad address of the guest becomes H_PARAMETER."""
        try:
            result = self.handler(vm, cpu, *arguments[: self.arguments])
        except GuestAddressError:
            return (H_PARAMETER,)
        if type(result) is int and LEAST <= result <= MOST:  # nearly all, and this is the way of every call
            return (result,)
        return values_of(self.name, result, MAX_RESULTS, REGISTER)


TABLE: Final[dict[int, Hypercall]] = {}


def row(number: int, name: str, handler: Handler) -> Hypercall:
    """A row for `handler`, whose parameters after `vm` and `cpu` say how many arguments it takes."""
    if not 0 <= index(number) < 1 << 64:
        raise ValueError(f"{name} cannot have the number {number:#x}: R3 has 64 bits")
    return Hypercall(number, name, handler, arguments_of(handler, name, MAX_ARGUMENTS, rest=MAX_ARGUMENTS))


def hypercall(number: int, name: str) -> Callable[[Handler], Handler]:
    """Add a function to the table of every machine created from now on."""

    def enter(handler: Handler) -> Handler:
        if number in TABLE:
            raise ValueError(f"hypercall {number:#x} is {TABLE[number].name} already, and {name} as well")
        TABLE[number] = row(number, name, handler)
        return handler

    return enter
