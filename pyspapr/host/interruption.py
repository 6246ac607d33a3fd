"""Ctrl-C while a machine runs: KeyboardInterrupt is raised only where the state is consistent.

Python raises KeyboardInterrupt wherever its main thread is: in the middle of a device or of a hypercall's handler, or
between two steps of the run loop's own bookkeeping. Enters: SIGINT, while a run lasts. Leaves: KeyboardInterrupt, at
the run loop's `check` or at the run's end. A handler of SIGINT that is not Python's own stays what it is. In nested
runs (a hypercall's handler may run another machine) the innermost gets it, and the others through its caller.
"""

from __future__ import annotations

import importlib
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

PATIENCE: Final = 0.5
"""Seconds after which a second Ctrl-C is raised at once, in a handler that does not return."""


# What `signal` is made of. Its own functions convert to enumerations and back, which would make a run of one
# instruction take three times as long.
_signal: Final = importlib.import_module("_signal")


class Interruption:
    """A context in which Ctrl-C is deferred to `check`; it has no effect in threads other than the main one."""

    def __init__(self, kick: Callable[[], None]) -> None:
        """`kick` ends a slice of instructions. A signal handler calls it, so it takes no lock."""
        self._kick = kick
        self._since = 0.0
        self._before: Any = None  # the previous handler, while ours is installed
        self.pending = False
        """Whether a Ctrl-C is pending."""
        self.waiting = False
        """Whether the run loop is only waiting, so that KeyboardInterrupt may be raised at once."""

    def __enter__(self) -> Interruption:
        if threading.current_thread() is not threading.main_thread():
            return self
        before = _signal.getsignal(signal.SIGINT)
        outer = None if before is signal.default_int_handler else getattr(before, "__self__", None)
        if before is signal.default_int_handler or isinstance(outer, Interruption):
            self._before = before
            _signal.signal(signal.SIGINT, self._came)
        if isinstance(outer, Interruption) and outer.pending:  # code that waits for a handler would wait for this run
            self._since = outer._since
            outer.pending, self.pending = False, True
        return self

    def _came(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.waiting or (self.pending and now - self._since >= PATIENCE):
            self.pending = False
            raise KeyboardInterrupt
        if not self.pending:
            self.pending = True
            self._since = now
        self._kick()

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            now = _signal.signal(signal.SIGINT, self._before)
            if now != self._came:  # a handler installed during the run stays
                _signal.signal(signal.SIGINT, now)
        self.check()
