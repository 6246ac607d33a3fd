"""The status of a machine, in QEMU's terms, and its change events.

The names are those of QEMU's `RunState` (QMP Reference Manual, "VM run state"), because scripts compare them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from pyspapr.config import check_function
from pyspapr.partition.lifecycle import Lifecycle, State
from pyspapr.results import Hung, Panicked, PoweredOff, Rebooted, Unimplemented


class Status(StrEnum):
    """QEMU's `RunState`, as far as it applies."""

    PRELAUNCH = "prelaunch"
    RUNNING = "running"
    PAUSED = "paused"
    SHUTDOWN = "shutdown"
    GUEST_PANICKED = "guest-panicked"
    INTERNAL_ERROR = "internal-error"
    INMIGRATE = "inmigrate"
    FINISH_MIGRATE = "finish-migrate"
    POSTMIGRATE = "postmigrate"


MIGRATING: Final = {
    State.EXPECTED: Status.INMIGRATE,
    State.LEAVING: Status.FINISH_MIGRATE,
    State.LEFT: Status.POSTMIGRATE,
}


def status_of(life: Lifecycle, running: bool) -> Status:
    """The status: a migration's first, then why the last run ended, then whether the guest is running."""
    if (status := MIGRATING.get(life.state)) is not None:
        return status
    match life.ended:
        case PoweredOff() | Rebooted():
            return Status.SHUTDOWN
        case Panicked():
            return Status.GUEST_PANICKED
        case Hung() | Unimplemented():
            return Status.INTERNAL_ERROR
    if running and not life.paused:
        return Status.RUNNING
    return Status.PAUSED if life.launched else Status.PRELAUNCH


Listener = Callable[[str, dict[str, object]], None]


class Events:
    """Passes events to listeners, with QMP's names and data. Listeners run in the machine's thread and must be
    quick."""

    def __init__(self) -> None:
        """Nobody listens."""
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.RLock()
        self._held: list[tuple[str, dict[str, object]]] | None = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every event, until the returned function is called."""
        check_function("a listener", listener)
        self._listeners += (listener,)

        def unsubscribe() -> None:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

        return unsubscribe

    def emit(self, name: str, **data: object) -> None:
        """Tell everybody."""
        with self._lock:
            if self._held is not None:
                self._held.append((name, data))
                return
            for listener in self._listeners:
                listener(name, data)

    def after_fork(self) -> None:
        """In a child of fork: another thread may have been in a listener, or have held events back."""
        self._lock = threading.RLock()
        self._held = None

    def hold(self) -> None:
        """Hold events back until `release`: listeners wake other threads, which would delay a time-critical caller."""
        with self._lock:
            if self._held is None:
                self._held = []

    def release(self) -> None:
        """Pass on the events since `hold`, in order. No effect without `hold`."""
        with self._lock:
            held, self._held = self._held, None
            for name, data in held or ():
                self.emit(name, **data)
