"""Returns of a function: which call each belongs to.

Enters: entries of the function. Leaves: a call for each return. A call is known by the address that it returns to and
by its stack pointer, which is the same then as at its entry. So a recursive call, which has a frame further down, and a
call of another task are others; a call that never returns is forgotten when another takes its place, or many more came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspapr._native import WATCH_EXECUTE
from pyspapr.hooks.events import ARGUMENTS, Entered

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu
    from pyspapr.partition.watching import Access, Watched, Watching

MOST_CALLS: Final = 1 << 16
"""Calls that are remembered until they return."""
MOST_PLACES: Final = 1 << 12
"""Return addresses that are watched."""


class Returns:
    """The open calls of one function."""

    def __init__(self, vm: Partition, returned: Callable[[Cpu, Entered], object]) -> None:
        """Call `returned` at each return."""
        self._watching: Watching = vm.watching
        self._returned = returned
        self._calls: dict[tuple[int, int], Entered] = {}
        self._places: dict[int, Watched] = {}

    def entered(self, access: Access) -> None:
        """A call begins."""
        cpu = access.cpu
        to = cpu["lr"] & ~3
        key = (to, cpu["r1"])
        self._calls.pop(key, None)
        if len(self._calls) >= MOST_CALLS:
            del self._calls[next(iter(self._calls))]
        arguments = tuple(cpu[f"r{number}"] for number in ARGUMENTS)
        self._calls[key] = Entered(arguments, cpu.vcpu.machine_instructions)
        if to not in self._places:
            if len(self._places) >= MOST_PLACES:
                self._places.pop(next(iter(self._places))).remove()
            # It stays watched: the next call from there needs it again.
            self._places[to] = self._watching.add(to, 4, WATCH_EXECUTE, self._came_back)

    def _came_back(self, access: Access) -> None:
        entered = self._calls.pop((access.address, access.cpu["r1"]), None)
        if entered is not None:
            self._returned(access.cpu, entered)

    def remove(self) -> None:
        """Watch nothing any more."""
        for watched in self._places.values():
            watched.remove()
        self._places.clear()
        self._calls.clear()
