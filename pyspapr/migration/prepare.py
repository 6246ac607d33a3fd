"""The default for `prepare`, the function that adds devices and handlers before state is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspapr.machine import Machine


def unchanged(vm: Machine) -> None:
    """Add nothing."""
