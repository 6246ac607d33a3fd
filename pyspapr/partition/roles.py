"""What a partition has that others make for it: a kernel to boot, an interrupt controller, a migration, a recording.

Each is said here as far as the partition and its run loop use it, so neither knows how booting, migrating or recording
is done.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pyspapr.results import StopReason


class Bootable(Protocol):
    """Files that a machine is started from."""

    @property
    def kernel(self) -> str | os.PathLike[str]:
        """Its name."""
        ...

    @property
    def initrd(self) -> str | os.PathLike[str] | None:
        """Likewise."""
        ...

    @property
    def append(self) -> str:
        """The kernel's arguments."""
        ...

    @property
    def little_endian(self) -> bool:
        """The kernel's byte order. Raises ImageError."""
        ...

    def load(self, vm: Any) -> dict[str, int]:
        """Put them into RAM; returns the registers to start with. Raises ImageError, with RAM untouched."""
        ...


class InterruptController(Protocol):
    """Where interrupt sources are claimed."""

    @property
    def sources(self) -> Mapping[int, object]:
        """By number."""
        ...

    @property
    def filters(self) -> list[Callable[[int], bool]]:
        """Functions that hear of each edge; one that returns False drops it."""
        ...

    def claim(self, number: int) -> int:
        """Create the source `number` for a device and return it. Raises ValueError if it is taken."""
        ...

    def pulse(self, number: int) -> None:
        """An edge on a source."""
        ...

    def present(self, number: int) -> None:
        """The same, whatever the filters say."""
        ...


class Outgoing(Protocol):
    """A migration away from the machine."""

    @property
    def ended(self) -> threading.Event:
        """Set when it is over, whichever way."""
        ...

    @property
    def was_paused(self) -> bool:
        """Whether the guest was paused when it was stopped for the last pass."""
        ...

    def step(self) -> None:
        """Go on until the guest may run for a slice."""
        ...

    def due(self, instructions: int) -> bool:
        """Whether the slice is over and `step` has its turn."""
        ...

    def budget(self, instructions: int) -> int:
        """Instructions until then."""
        ...

    def wait(self, seconds: float) -> None:
        """While the guest sleeps: until there is work, or the time is up."""
        ...

    def cancel(self) -> bool:
        """Give up; the guest goes on here. False when it is too late."""
        ...

    def after_fork(self) -> None:
        """In a child of fork: it is the parent's."""
        ...


class Debugger(Protocol):
    """Somebody who stops the guest and lets it go on."""

    def budget(self, done: int) -> int | None:
        """Instructions until it wants the guest to stop, or None."""
        ...

    def look(self) -> None:
        """The guest is between two slices."""
        ...


class Recorder(Protocol):
    """A recording or a replay of what the host decides."""

    @property
    def replaying(self) -> bool:
        """Whether it says what happens, instead of hearing it."""
        ...

    def take(self, limit: int) -> bytes:
        """Input for the guest."""
        ...

    def going_on(self) -> bool:
        """The guest, which stood still, is about to run. Whether the host's clock may be read."""
        ...

    def reset(self) -> None:
        """Somebody resets the machine."""
        ...

    def ready(self) -> None:
        """The guest is about to execute instructions."""
        ...

    def budget(self, done: int) -> int | None:
        """How many may be executed before it has something to do, or None."""
        ...

    def check(self) -> None:
        """A slice has ended."""
        ...

    def exit(self, code: int) -> None:
        """The processor needs something of the recording."""
        ...

    def returned(self, reason: StopReason) -> None:
        """A run has ended."""
        ...

    def after_fork(self, vm: Any) -> None:
        """In a child of fork."""
        ...
