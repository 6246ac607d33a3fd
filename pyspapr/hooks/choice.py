"""When faults are injected: at which calls, or at which instruction counts. A seed chooses, so that it repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from pyspapr.config import whole
from pyspapr.errors import ConfigError


class Choice:
    """One of each `every`: the last one, or with a seed one that is drawn; at most `times` in all."""

    def __init__(self, every: int | None, times: int | None, seed: int | None) -> None:
        """Without `every`, each. Raises ConfigError."""
        self.every = 1 if every is None else whole("every", every)
        self.left = None if times is None else whole("times", times)
        for name, value in (("every", self.every), ("times", self.left)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}, expected 1 or more")
        self.random = Random(0 if seed is None else whole("seed", seed))
        self._drawn = seed is not None
        self._seen = 0
        self._chosen = self._draw()

    def _draw(self) -> int:
        return self.random.randrange(self.every) if self._drawn else self.every - 1

    def take(self) -> bool:
        """Whether the next one is chosen."""
        if self.left == 0:
            return False
        chosen = self._seen == self._chosen
        self._seen += 1
        if self._seen == self.every:
            self._seen, self._chosen = 0, self._draw()
        if chosen and self.left is not None:
            self.left -= 1
        return chosen

    def counts(self, start: int) -> Iterator[int]:
        """Instruction counts that are chosen, from `start` on."""
        while self.left != 0:
            if self.left is not None:
                self.left -= 1
            yield start + (self._chosen if self._drawn else self.every)
            self._chosen = self._draw()
            start += self.every


def given(at: int | Iterable[int]) -> Iterator[int]:
    """Instruction counts that somebody has listed, in order. Raises ConfigError."""
    counts = sorted(whole("at", count) for count in ((at,) if isinstance(at, int) else at))
    if not counts or counts[0] < 0:
        raise ConfigError(f"at is {counts}, expected instruction counts from 0 on")
    return iter(counts)
