"""How a machine is made for a stream: who builds it, and what the caller adds before state is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from pyspapr.partition import Partition

    class Whole(Protocol):
        """A machine of the caller's."""

        @property
        def partition(self) -> Partition:
            """What it consists of."""
            ...


M = TypeVar("M", bound="Whole")
Build = Callable[..., M]
"""Makes a machine: `build(config, *, engine, ram, hpt)`, like the class `pyspapr.Machine`. Raises ConfigError."""


def unchanged(vm: Any) -> None:
    """Add nothing."""
