"""How the parts of a machine find it without keeping it.

A machine's memory goes with the last reference to the machine, also while the collector of cycles is off. So nothing
that a machine refers to may refer back to it, except weakly.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspapr.errors import StateError

if TYPE_CHECKING:
    from pyspapr.machine import Machine


def owner(machine: Machine, what: str) -> Callable[[], Machine]:
    """A function that returns `machine` as long as somebody else keeps it, and raises StateError afterwards.

    `what` belongs to the machine: the error names it.
    """
    reference = weakref.ref(machine)

    def find() -> Machine:
        if (found := reference()) is None:
            raise StateError(f"{what}'s machine is gone: its last reference went, and {what} does not keep it")
        return found

    return find
