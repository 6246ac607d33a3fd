"""What a caller does to a new machine before state is loaded into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspapr.machine import Machine


def unchanged(vm: Machine) -> None:
    """Add nothing."""
