"""File descriptors that a client has passed over its Unix socket (SCM_RIGHTS), as QEMU's `getfd` and `closefd` have it.

A number alone proves nothing: in this process it may be guest RAM or the control socket itself. So a client can only
name descriptors that it has sent, and those left over when it disconnects are closed. Must hold: each descriptor has
one owner, this object or the code that took it from here.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pyspapr.migration.socket_transport import do_not_linger
from pyspapr.qmp.errors import QmpError

PASSED_LIMIT: Final = 16
"""Descriptors that one message may carry; more are not even received from the system."""
NAMED_LIMIT: Final = 64
"""Descriptors that a client may keep here."""


def _close(numbers: Sequence[int]) -> None:
    for number in numbers:
        with suppress(OSError):  # whatever it was may fail to be written at its end
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                do_not_linger(number)
            os.close(number)


class Descriptors:
    """Those of one client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed: list[int] = []
        self._named: dict[str, int] = {}
        self._closed = False

    def passed(self, numbers: Sequence[int]) -> None:
        """Keep the descriptors of a message; unnamed ones of an earlier message are closed."""
        with self._lock:
            before, self._passed = self._passed, list(numbers)
        _close(before)

    def name(self, name: str) -> None:
        """Name the oldest unnamed descriptor `name`; a previous one of that name is closed. Raises QmpError."""
        with self._lock:
            if not self._passed:
                raise QmpError("No file descriptor supplied via SCM_RIGHTS")
            number = self._passed.pop(0)
            if name[:1].isdigit():
                fault = "Parameter 'fdname' expects a name not starting with a digit"
            elif name not in self._named and len(self._named) >= NAMED_LIMIT:
                fault = f"there are {NAMED_LIMIT} named file descriptors already"
            elif self._closed:
                fault = "the client has gone"
            else:
                fault = ""
                before = self._named.pop(name, None)
                self._named[name] = number
        if fault:
            _close((number,))
            raise QmpError(fault)
        if before is not None:
            _close((before,))

    def take(self, name: str) -> int:
        """Hand the descriptor called `name` over to the caller. Raises QmpError."""
        with self._lock:
            number = self._named.pop(name, None)
        if number is None:
            hint = "; only one that getfd has received can be used, by its name" if name.isdigit() else ""
            raise QmpError(f"File descriptor named '{name}' has not been found{hint}")
        return number

    def give_back(self, name: str, number: int) -> None:
        """Undo `take`: nothing was done with it."""
        with self._lock:
            if not self._closed and name not in self._named:
                self._named[name] = number
                return
        _close((number,))

    def forget(self, name: str) -> None:
        """Close the one called `name`. Raises QmpError."""
        with self._lock:
            number = self._named.pop(name, None)
        if number is None:
            raise QmpError(f"File descriptor named '{name}' not found")
        _close((number,))

    def close(self) -> None:
        """The client has gone."""
        with self._lock:
            self._closed = True
            numbers = [*self._passed, *self._named.values()]
            self._passed.clear()
            self._named.clear()
        _close(numbers)
