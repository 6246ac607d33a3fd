"""The destination's acknowledgements: how much of the stream it has read, and whether it keeps reading. Enters:
`progress` frames, and how much was sent. Leaves: whether the guest may be stopped, and an error when the destination
miscounts or has fallen silent.
"""

from __future__ import annotations

import time
from typing import Final

from pyspapr.errors import MigrationError
from pyspapr.migration import frames
from pyspapr.migration.link import Link
from pyspapr.migration.patience import SILENCE
from pyspapr.migration.stream import StreamWriter

ATTENTION: Final = 1.0
"""A destination that acknowledged everything within this many seconds counts as keeping up."""


class Attention:
    """Of one destination."""

    def __init__(self, link: Link, writer: StreamWriter, before: int) -> None:
        """`before` bytes were sent before the stream."""
        self._link = link
        self._writer = writer
        self._before = before
        self._heard = 0  # bytes of the stream that the destination has read
        self._silent = 0.0  # seconds without an acknowledgement while one was due
        self._watched = time.monotonic()
        self._asked = 1  # bytes of which it has last been asked whether it has read them
        self._attentive = -ATTENTION  # when it had

    def hear(self, frame: frames.Frame) -> None:
        """Take a progress frame. Raises MigrationError for any other frame, or an impossible count."""
        self._heard = received = self.count(frames.expect(frame, frames.Progress, "destination"))
        self._silent = 0.0
        if received >= self._asked:
            self._attentive = time.monotonic()
            self._asked = self._writer.offset

    def count(self, frame: frames.Counted) -> int:
        """The bytes of the stream that it has acknowledged: never fewer than before, never more than were sent."""
        received = frame.received
        if not self._heard <= received <= self._writer.offset:
            wanted = f"{self._heard} to {self._writer.offset}"
            raise MigrationError(f"the destination says that it has read {received} bytes, expected {wanted}")
        return received

    def watch_silence(self) -> None:
        """A reading destination acknowledges several times a second. Time between two calls does not count."""
        now = time.monotonic()
        passed, self._watched = min(now - self._watched, 1.0), now
        if not self._link.transport.two_way or self._heard >= self._link.sent - self._before:
            self._silent = 0.0
            return
        self._silent += passed
        if self._silent > SILENCE:
            raise MigrationError(f"the destination has said nothing for {SILENCE:g} s")

    @property
    def attentive(self) -> bool:
        """Whether it keeps reading; otherwise the guest must not be stopped."""
        if not self._link.transport.two_way or self._heard == self._writer.offset:
            return True
        return time.monotonic() - self._attentive < ATTENTION
