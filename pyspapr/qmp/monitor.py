"""What commands work with: the machine, and what a control socket knows besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspapr.machine import Machine


class Monitor:
    """One for each server, shared by its clients."""

    def __init__(self, vm: Machine, name: str | None, schedule: Callable[[Callable[[], None]], None]) -> None:
        """Control `vm`; `name` is what query-name says; `schedule` does something once the answer is on its way."""
        self.vm = vm
        self.name = name
        self.schedule = schedule

    def quit(self) -> None:
        """End the run, and say so."""
        self.vm.post(self._quit)

    def _quit(self) -> None:
        self.vm.events.emit("SHUTDOWN", guest=False, reason="host-qmp-quit")
        self.vm.stop()
