"""Throttling: the guest gets fewer instructions when passes do not get shorter.

Enters: what was pending before and after each pass. Leaves: the share of time withheld from the guest. A slice keeps
its length in time; with virtual time the guest cannot tell, since its clock counts its own instructions.
"""

from __future__ import annotations

import time
from typing import Final

FIRST: Final = 0.2
STEP: Final = 0.1
MOST: Final = 0.99
PATIENCE: Final = 2
"""Passes without progress before a step, as QEMU's auto-converge has it."""
PROGRESS: Final = 0.7
"""A pass makes progress when this share of the least that was pending before, or less, is pending after it."""
SLICE_SECONDS: Final = 0.004
FIRST_SLICE: Final = 100_000
SMALLEST_SLICE: Final = 2_000
LARGEST_SLICE: Final = 1 << 24


class Throttle:
    """Decides how many instructions the guest may run until the migration's next turn."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self.share = 0.0
        self._stuck = 0
        self._least: int | None = None
        self._slice = FIRST_SLICE
        self._begin = (0, 0.0)
        self._end = 0

    def judge(self, before: int, after: int) -> None:
        """After a pass: bytes pending before it and now. Ups and downs are no progress."""
        if after <= PROGRESS * (before if self._least is None else self._least):
            self._stuck, self._least = 0, after
            return
        self._stuck += 1
        if self.enabled and self._stuck >= PATIENCE:
            self.share = min(self.share + STEP if self.share else FIRST, MOST)
            self._stuck, self._least = 0, after

    def begin(self, instructions: int) -> None:
        self._begin = (instructions, time.monotonic())
        self._end = instructions + max(int(self._slice * (1 - self.share)), SMALLEST_SLICE)

    def budget(self, instructions: int) -> int:
        return max(self._end - instructions, 1)

    def over(self, instructions: int) -> bool:
        """Whether the slice is over, in instructions or in time."""
        return instructions >= self._end or time.monotonic() - self._begin[1] >= SLICE_SECONDS

    def rest(self, instructions: int) -> float:
        """After a slice: seconds to withhold. Learns the guest's speed on the way."""
        done, seconds = instructions - self._begin[0], time.monotonic() - self._begin[1]
        if done > SMALLEST_SLICE // 2 and seconds > 0:
            fit = int(done / seconds * SLICE_SECONDS)
            self._slice = min(max((self._slice + fit) // 2, SMALLEST_SLICE), LARGEST_SLICE)
        return min(seconds * self.share / (1 - self.share), 0.2)
