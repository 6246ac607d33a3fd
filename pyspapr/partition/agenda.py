"""What is to be done at an instruction count: the run stops there exactly, on either engine, and goes on.

Enters: counts and functions. Leaves: calls of these, in the thread that runs the machine, between two instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any


class Entry:
    """One function, until it was called or removed."""

    def __init__(self, function: Callable[[], object]) -> None:
        """Not called yet."""
        self.function: Callable[[], object] | None = function

    def remove(self) -> None:
        """Do not call it. Doing so again does nothing."""
        self.function = None


class Agenda:
    """Of one machine."""

    def __init__(self) -> None:
        """Nothing to do."""
        self._heap: list[tuple[int, int, Any]] = []
        self._numbers = count()

    @property
    def next(self) -> int | None:
        """The instruction count at which there is something to do."""
        while self._heap and self._heap[0][2].function is None:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def add(self, at: int, function: Callable[[], object]) -> Entry:
        """Call `function` when `at` instructions were executed, or at once if they were. In the order of additions."""
        entry = Entry(function)
        heappush(self._heap, (at, next(self._numbers), entry))
        return entry

    def carry_out(self, instructions: int) -> None:
        """For the run loop: call what is due. An error leaves the rest for the next time."""
        while (at := self.next) is not None and at <= instructions:
            entry: Entry = heappop(self._heap)[2]
            function, entry.function = entry.function, None
            assert function is not None
            function()

    def clear(self) -> None:
        """For a machine that is given back."""
        self._heap.clear()
