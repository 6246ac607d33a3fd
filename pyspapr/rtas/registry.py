"""The RTAS table: one decorated function for each token.

    @rtas_call(0x01, "get-time-of-day", results=8)
    def get_time_of_day(vm: Machine, cpu: Cpu) -> Result: ...

The argument buffer is big-endian words (PAPR, "RTAS Argument Call Buffer"):

    | token | number of arguments | number of results | arguments ... | status, results ... |

It returns a status, or a tuple of a status and the results: each an integer that 32 bits hold, signed or unsigned
(-2**31 to 2**32 - 1). Results for which the guest left no room are not written.

Token numbers are part of the guest's state (a guest keeps them across a migration), so they never change; they are
QEMU's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspapr.errors import GuestAddressError, SpaprError
from pyspapr.handlers import arguments_of, values_of
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.partition.cpu import Cpu

TOKEN_BASE: Final = 0x2000
MAX_WORDS: Final = 16
WORD: Final = 32

SUCCESS: Final = 0
NO_ERRORS_FOUND: Final = 1
HARDWARE_ERROR: Final = -1
PARAMETER_ERROR: Final = -3
NOT_SUPPORTED: Final = -3
SYSPARM_PARAMETER_ERROR: Final = -9999
NOT_AUTHORIZED: Final = -9002

Result = int | tuple[int, ...]
Handler = Callable[..., Result]


class RtasError(SpaprError):
    """The call buffer itself is not usable, so not even a status can be written."""


class RtasCall(Plain):
    """A row of the table. `arguments` and `results` are the words of a correct call; the status is a result."""

    token: int
    name: str
    handler: Handler
    arguments: int
    results: int


TABLE: Final[dict[int, RtasCall]] = {}


def rtas_call(number: int, name: str, *, results: int = 1) -> Callable[[Handler], Handler]:
    """Add a function to the table under token `TOKEN_BASE + number`."""
    token = TOKEN_BASE + number

    def enter(handler: Handler) -> Handler:
        if token in TABLE:
            raise ValueError(f"RTAS token {token:#x} is {TABLE[token].name} already, and {name} as well")
        if other := next((row for row in TABLE.values() if row.name == name), None):
            raise ValueError(f"RTAS call {name} has the token {other.token:#x} already, and {token:#x} as well")
        TABLE[token] = RtasCall(token, name, handler, arguments_of(handler, name, MAX_WORDS), results)
        return handler

    return enter


def call(vm: Machine, cpu: Cpu, buffer: int) -> None:
    """Make the call described at real address `buffer`. Raises RtasError when the buffer is not usable."""
    try:
        token, count, nresults = struct.unpack(">III", vm.memory.read(buffer, 12))
        if count > MAX_WORDS or nresults > MAX_WORDS:
            raise RtasError(f"RTAS call with {count} arguments and {nresults} results, expected at most {MAX_WORDS}")
        arguments = struct.unpack(f">{count}I", vm.memory.read(buffer + 12, 4 * count))
        vm.memory.read(buffer + 12 + 4 * count, 4 * nresults)
    except GuestAddressError as error:
        raise RtasError(str(error)) from error
    values = answer(vm, cpu, token, arguments, nresults)
    words = [value & 0xFFFF_FFFF for value in values[:nresults]]
    if words:
        vm.memory.write(buffer + 12 + 4 * count, struct.pack(f">{len(words)}I", *words))


def answer(vm: Machine, cpu: Cpu, token: int, arguments: tuple[int, ...], nresults: int) -> tuple[int, ...]:
    """Status and results of a call whose words are read already."""
    row = TABLE.get(token)
    if row is None or len(arguments) < row.arguments or nresults < row.results:
        return (PARAMETER_ERROR,)
    try:
        result = row.handler(vm, cpu, *arguments[: row.arguments])
    except GuestAddressError:
        return (PARAMETER_ERROR,)
    return values_of(row.name, result, MAX_WORDS, WORD)
