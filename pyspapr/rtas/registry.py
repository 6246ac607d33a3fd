"""The table of RTAS calls that every machine has, and how a call is made: one decorated function for each token.

    @rtas_call(0x03, "power-off")
    def power_off(vm: Partition, cpu: Cpu, ...) -> Result: ...

The argument buffer is big-endian words (PAPR, "RTAS Argument Call Buffer"):

    | token | number of arguments | number of results | arguments ... | status, results ... |

`handlers` says what such a function gets and returns; those that belong to a device are methods of its class. Results
for which the guest left no room are not written.

Token numbers are part of the guest's state (a guest keeps them across a migration), so they never change; they are
QEMU's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from pyspapr.codes import PARAMETER_ERROR
from pyspapr.errors import GuestAddressError, SpaprError
from pyspapr.handlers import MAX_WORDS, TOKEN_BASE, WORD, Handler, Result, RtasCall, rtas_row, values_of
from pyspapr.partition.interception import Call

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

__all__ = [
    "MAX_WORDS",
    "TABLE",
    "TOKEN_BASE",
    "Handler",
    "Result",
    "RtasCall",
    "RtasError",
    "call",
    "rtas_call",
    "tokens",
]

TABLE: Final[dict[int, RtasCall]] = {}

ORDER: Final = bytes.fromhex("0e0f 0a0b0c0d 1213 03041f 050607 0008091a 0102")
"""How /rtas lists the tokens (without `TOKEN_BASE`), with those that are not here behind them.

The device tree is in the guest's memory, so another order would be another machine.
"""


class RtasError(SpaprError):
    """The call buffer itself is not usable, so not even a status can be written."""


def rtas_call(number: int, name: str, *, results: int = 1) -> Callable[[Handler], Handler]:
    """Add a function to the table under token `TOKEN_BASE + number`."""
    token = TOKEN_BASE + number

    def enter(handler: Handler) -> Handler:
        if token in TABLE:
            raise ValueError(f"RTAS token {token:#x} is {TABLE[token].name} already, and {name} as well")
        if other := next((row for row in TABLE.values() if row.name == name), None):
            raise ValueError(f"RTAS call {name} has the token {other.token:#x} already, and {token:#x} as well")
        TABLE[token] = rtas_row(number, name, handler, results)
        return handler

    return enter


def tokens(rows: Iterable[RtasCall]) -> dict[str, int]:
    """Names and tokens of every call of a machine whose devices bring `rows`."""
    found = {row.token: row for row in (*TABLE.values(), *rows)}
    first = [token for number in ORDER if (token := TOKEN_BASE + number) in found]
    return {found[token].name: token for token in dict.fromkeys((*first, *found))}


def call(vm: Partition, cpu: Cpu, buffer: int) -> None:
    """Make the call described at real address `buffer`. Raises RtasError when the buffer is not usable."""
    try:
        token, count, nresults = struct.unpack(">III", vm.memory.read(buffer, 12))
        if count > MAX_WORDS or nresults > MAX_WORDS:
            raise RtasError(f"RTAS call with {count} arguments and {nresults} results, expected at most {MAX_WORDS}")
        arguments = struct.unpack(f">{count}I", vm.memory.read(buffer + 12, 4 * count))
        vm.memory.read(buffer + 12 + 4 * count, 4 * nresults)
    except GuestAddressError as error:
        raise RtasError(str(error)) from error
    if vm.intercepted_rtas and token in vm.intercepted_rtas:
        row = vm.rtas_calls.get(token) or TABLE.get(token)
        name = f"RTAS call {token:#x}" if row is None else row.name
        made = Call(cpu, token, name, arguments)
        results = vm.intercepted_rtas.answer(made, lambda words: answer(vm, cpu, token, words, nresults))
        values = values_of(name, results, MAX_WORDS, WORD)
    else:
        values = answer(vm, cpu, token, arguments, nresults)
    words = [value & 0xFFFF_FFFF for value in values[:nresults]]
    if words:
        vm.memory.write(buffer + 12 + 4 * count, struct.pack(f">{len(words)}I", *words))


def answer(vm: Partition, cpu: Cpu, token: int, arguments: tuple[int, ...], nresults: int) -> tuple[int, ...]:
    """Status and results of a call whose words are read already."""
    row = vm.rtas_calls.get(token) or TABLE.get(token)
    if row is None or len(arguments) < row.arguments or nresults < row.results:
        return (PARAMETER_ERROR,)
    try:
        result = row.handler(vm, cpu, *arguments[: row.arguments])
    except GuestAddressError:
        return (PARAMETER_ERROR,)
    return values_of(row.name, result, MAX_WORDS, WORD)
