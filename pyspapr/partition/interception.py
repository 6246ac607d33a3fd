"""Functions that are called before and after a guest's hypercalls and RTAS calls.

Enters: by number or token, functions of a `Call`. Before: they may change its arguments, or answer it, and then nothing
else does. After: they see its results and may change them. Native hypercalls come here as well while somebody wants to
hear of them, and only then.

An error before a call ends the run; the next run makes the call again and calls the same functions. An error after it
ends the run behind the call, with its results in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyspapr.handlers import MOST

Before = Callable[["Call"], object]


class Call:
    """A call that a guest makes."""

    def __init__(self, cpu: Any, number: int, name: str, arguments: Iterable[int]) -> None:
        """Without an answer."""
        self.cpu = cpu
        self.number = number
        """Of a hypercall, or the token of an RTAS call."""
        self.name = name
        self.arguments = list(arguments)
        """R4 onwards, or the words of an RTAS call; unsigned."""
        self.results: tuple[int, ...] | None = None
        """Return code or status, and what follows it, once there is an answer."""
        self.answered = False
        """Whether a function answered instead of the machine."""

    def answer(self, *results: int) -> None:
        """Give this answer: a return code or a status, and what follows it."""
        self.results = results
        self.answered = True


class Interceptor:
    """Somebody's two functions, until they are removed."""

    def __init__(self, before: Before | None, after: Before | None) -> None:
        """Either may be missing."""
        self.before = before
        self.after = after
        self.removed = False


class Interceptions:
    """The interceptors of a machine's hypercalls, or of its RTAS calls."""

    def __init__(self, most: int) -> None:
        """None yet; arguments are from 0 to `most`."""
        self._rows: dict[int, list[Interceptor]] = {}
        self._most = most
        self.error: Exception | None = None
        """What a function raised after a call; the run ends with it once the call is done."""

    def __contains__(self, number: int) -> bool:
        """Whether somebody wants to hear of `number`."""
        return number in self._rows

    def __bool__(self) -> bool:
        """Whether somebody wants to hear of anything."""
        return bool(self._rows)

    def __iter__(self) -> Any:
        """The numbers."""
        return iter(self._rows)

    def add(self, number: int, row: Interceptor) -> None:
        """Call its functions from now on, after those that are there."""
        self._rows.setdefault(number, []).append(row)

    def remove(self, number: int, row: Interceptor) -> None:
        """Call them no longer."""
        row.removed = True
        rows = self._rows[number]
        rows.remove(row)
        if not rows:
            del self._rows[number]

    def clear(self) -> None:
        """For a machine that is given back."""
        self._rows.clear()

    def answer(self, call: Call, make: Callable[[tuple[int, ...]], tuple[int, ...]]) -> tuple[int, ...]:
        """The results of `call`; `make` makes the call itself, with these arguments."""
        rows = tuple(self._rows.get(call.number, ()))
        for row in rows:
            if row.before is not None and not row.removed and not call.answered:
                row.before(call)
        if not call.answered:
            for argument in call.arguments:
                if not isinstance(argument, int) or not 0 <= argument <= self._most:
                    raise ValueError(f"a hook of {call.name} has set an argument to {argument!r}")
            call.results = make(tuple(call.arguments))
        for row in rows:
            if row.after is not None and not row.removed:
                try:
                    row.after(call)
                except Exception as error:
                    self.put_error(error)
        assert call.results is not None
        return call.results

    def put_error(self, error: Exception) -> None:
        """End the run with `error` when the call is done."""
        if self.error is None:
            self.error = error
        else:
            self.error.add_note(f"and then: {error!r}")

    def take_error(self) -> Exception | None:
        """What a function raised after a call, once."""
        error, self.error = self.error, None
        return error


def hypercalls() -> Interceptions:
    """Those of hypercalls."""
    return Interceptions(MOST)


def rtas_calls() -> Interceptions:
    """Those of RTAS calls."""
    return Interceptions(0xFFFF_FFFF)
