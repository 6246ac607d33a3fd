"""Watched ranges: who hears of a load, a store or an instruction before it happens.

    watched = vm.watching.add(0xC000000000010000, 4, WATCH_EXECUTE, heard)

Enters: ranges of effective or of real addresses, each with a function. Leaves: calls of these functions, in the thread
that runs the machine, with an `Access`. The instruction has had no effect by then, and it is not counted: the function
may look at the machine, change it, save it, or have the processor go on elsewhere by writing its PC. It may add and
remove ranges, which counts from the next instruction on.

If a function raises, the others that are to hear of the same access are called as well. Then the run ends with the
first error, before the instruction; the next run continues with it and calls nobody for it again.

Hooks, breakpoints of a debugger and sanitizers are users of this; native code knows one owner, and what is watched by
several users leaves the processor once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Final

from pyspapr._native import WATCH_EXECUTE, WATCH_READ, WATCH_WRITE
from pyspapr.errors import ConfigError
from pyspapr.partition.cpu import Cpu
from pyspapr.plain import Plain

OWNER: Final = 1
PAGE: Final = 12
MOST_PAGES: Final = 16
"""Ranges of more pages are not listed page by page."""


class Access(Plain):
    """What is about to happen."""

    cpu: Cpu
    kind: int
    """WATCH_READ, WATCH_WRITE or WATCH_EXECUTE."""
    address: int
    """Effective address of the bytes."""
    real: int
    """Their real address."""
    size: int
    """How many bytes lie there together; an access that crosses a page is two."""
    stored: bytes | None
    """What a store is about to put there."""


Heard = Callable[[Access], object]


class Watched:
    """One range that is watched, until `remove`."""

    def __init__(self, watching: Watching, first: int, length: int, kinds: int, real: bool, heard: Heard) -> None:
        """For `Watching.add`."""
        self._watching = weakref.ref(watching)  # which has it
        self.first = first
        self.last = first + length - 1
        self.kinds = kinds
        self.real = real
        self.heard = heard
        self.number = next(watching.numbers)

    def wants(self, access: Access) -> bool:
        """Whether `access` is what it watches for."""
        at = access.real if self.real else access.address
        return bool(self.kinds & access.kind) and at <= self.last and self.first < at + access.size

    @property
    def pages(self) -> range:
        """The numbers of its pages."""
        return range(self.first >> PAGE, (self.last >> PAGE) + 1)

    def remove(self) -> None:
        """Watch no longer. Doing so again does nothing."""
        if (watching := self._watching()) is not None:
            watching.remove(self)


class Watching:
    """The watched ranges of one machine. Changes take effect when it runs next."""

    def __init__(self, cpus: Sequence[Cpu]) -> None:
        """None yet."""
        self._cpus = cpus
        self._all: dict[int, Watched] = {}
        self._pages: dict[tuple[bool, int], list[Watched]] = {}
        self._wide: list[Watched] = []
        self.numbers = count()
        self.stale = False
        """Whether the processors do not know yet what is watched."""

    def __iter__(self) -> Iterator[Watched]:
        """Each, in the order in which they were added."""
        return iter(self._all.values())

    def __len__(self) -> int:
        """How many."""
        return len(self._all)

    def add(self, first: int, length: int, kinds: int, heard: Heard, *, real: bool = False) -> Watched:
        """Call `heard` before each access to the `length` bytes at `first` that is one of `kinds`, a sum.

        They are effective addresses, or `real` ones whatever their names. Raises ConfigError for an impossible range.
        """
        if not (0 <= first < first + length <= 1 << 64):
            raise ConfigError(f"{length} bytes at {first:#x} cannot be watched: wanted 1 byte or more below 2**64")
        if not 0 < kinds <= WATCH_READ | WATCH_WRITE | WATCH_EXECUTE:
            raise ConfigError(f"watched for {kinds}, wanted a sum of WATCH_READ, WATCH_WRITE and WATCH_EXECUTE")
        watched = Watched(self, first, length, kinds, real, heard)
        self._all[watched.number] = watched
        for rows in self._rows(watched):
            rows.append(watched)
        self.stale = True
        return watched

    def remove(self, watched: Watched) -> None:
        """As `Watched.remove`."""
        if self._all.pop(watched.number, None) is None:
            return
        for rows in self._rows(watched):
            rows.remove(watched)
        if len(watched.pages) <= MOST_PAGES:
            for page in watched.pages:
                if not self._pages[watched.real, page]:
                    del self._pages[watched.real, page]
        self.stale = True

    def _rows(self, watched: Watched) -> Iterator[list[Watched]]:
        if len(watched.pages) > MOST_PAGES:
            yield self._wide
        else:
            for page in watched.pages:
                yield self._pages.setdefault((watched.real, page), [])

    def furnish(self) -> None:
        """For the machine: it has other processors than before."""
        self.stale = bool(self._all)

    def apply(self) -> None:
        """For the run loop: tell the processors what is watched."""
        ranges = dict.fromkeys(
            (OWNER, watched.first, watched.last + 1 - watched.first, watched.kinds, watched.real) for watched in self
        )
        for cpu in self._cpus:
            cpu.vcpu.set_watches(list(ranges))
        self.stale = False

    def hear(self, cpu: Cpu) -> None:
        """For the run loop: `cpu` stands before an access to something watched."""
        _, kind, address, real, size, stored = cpu.vcpu.watched
        access = Access(cpu, kind, address, real, size, stored)
        places = ((False, access.address >> PAGE), (True, access.real >> PAGE))
        rows = {row.number: row for place in places for row in self._pages.get(place, ()) if row.wants(access)}
        rows.update((row.number, row) for row in self._wide if row.wants(access))
        before, errors = cpu["pc"], []
        for number, row in sorted(rows.items()):
            # One of those before may have removed it, or have gone elsewhere.
            if number in self._all and cpu["pc"] == before:
                try:
                    row.heard(access)
                except Exception as error:
                    errors.append(error)
        if errors:
            first, *others = errors
            for other in others:
                first.add_note(f"and then: {other!r}")
            try:
                raise first
            finally:
                del first, others, errors  # a traceback and the frame in it would keep each other, and the machine

    def close(self) -> None:
        """For the machine: its processors are given back."""
        self._cpus = ()
        self._all.clear()
        self._pages.clear()
        self._wide.clear()
        self.stale = False
