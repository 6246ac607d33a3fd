"""One debugger: its bytes in, answers out. Everything but `take` is called in the machine's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspapr._native import GdbSession
from pyspapr.gdb.control import Control, Stop
from pyspapr.gdb.monitor import Monitor
from pyspapr.gdb.target import Target, is_little_endian

if TYPE_CHECKING:
    from pyspapr.partition import Partition


class Connection:
    """A debugger that works with `vm`, whose guest stands still from now on."""

    def __init__(self, vm: Partition, ready: Callable[[], None]) -> None:
        """`ready` is called when answers wait for `take`. Raises StateError if there is another debugger."""
        self._ready = ready
        self._lock = threading.Lock()
        self._answers = bytearray()
        self._stops: list[Stop] = []
        self._busy = False
        self.control = Control(vm, self._stopped)
        self._monitor = Monitor(self.control)
        self._target = Target(self.control, self._monitor)
        self._session = GdbSession(self._target, little_endian=is_little_endian(vm))
        self._monitor.session = self._session

    @property
    def over(self) -> bool:
        """Whether the debugger has gone, or was told that the guest has."""
        return self._session.state in ("detached", "killed", "over")

    def _stopped(self, stop: Stop) -> None:
        self._stops.append(stop)
        if not self._busy:
            self._tell()

    def _tell(self) -> None:
        """Pass on why the guest has stopped; nothing happens if the debugger does not wait for that."""
        stops, self._stops = self._stops, []
        for stop in stops:
            self._session.stopped(stop.why, stop.cpu, stop.kind, stop.address)
        self._flush()

    def _flush(self) -> None:
        if answers := self._session.take_answers():
            with self._lock:
                self._answers += answers
            self._ready()

    def receive(self, data: bytes) -> None:
        """The debugger has sent `data`. Raises ValueError for what is no packet."""
        while data and not self.over:
            self._busy = True
            try:
                data = data[self._session.receive(data) :]
            finally:
                self._busy = False
                self._flush()
            self._act()

    def _act(self) -> None:
        target = self._target
        if target.over:
            target.over = False
            self._stops.append(Stop("exited"))
        if (how := target.back) is not None:
            target.back = None
            self._stops.append(self.control.go_back(how))
        self._tell()
        if self._session.state == "interrupting":
            self.control.interrupt()
        elif self._session.state == "killed":
            self.control.vm.stop()

    def close(self) -> None:
        """The debugger has gone. One that has said so leaves a guest that runs; one that was lost, what it found."""
        said = self._session.state != "idle"
        self.control.close(paused=not said and self.control.was_paused)

    def take(self) -> bytes:
        """Answers for the debugger; for any thread."""
        with self._lock:
            data = bytes(self._answers)
            self._answers.clear()
        return data
