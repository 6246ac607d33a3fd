"""How a machine's parts refer to it without keeping it alive. A machine's memory is freed with the last reference to
the machine, even with the cycle collector off. So nothing that a machine refers to may refer back to it, except
weakly.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pyspapr.errors import StateError

P = TypeVar("P")

CLOSED: Final = "this machine is closed: its memory was given back"


class Closed:
    """Replaces RAM, the hash table and the processors of a closed machine."""

    def __getattr__(self, name: str) -> Any:
        """Raises StateError."""
        raise StateError(CLOSED)

    def __setattr__(self, name: str, value: object) -> None:
        """Raises StateError."""
        raise StateError(CLOSED)


def owner(machine: P, what: str) -> Callable[[], P]:
    """A function that returns `machine` as long as it is alive, and raises StateError afterwards. `what` names the
    caller's part in the error.
    """
    reference = weakref.ref(machine)

    def find() -> P:
        if (found := reference()) is None:
            raise StateError(f"{what}'s machine is gone: its last reference was dropped, and {what} does not keep it")
        return found

    return find
