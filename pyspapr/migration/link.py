"""The source's end of a connection: a sender thread beside the thread that runs the guest, and a receiver thread if
needed.

Enters: bytes to send, in order. Leaves: frames that the peer sent. Must hold: the guest never waits for the network
(`put` only appends, and callers check `room` first), the queue is bounded by that, the sender keeps the rate, and an
error of either thread is stored and raised at the next call.

Each time one thread hands something to another the host must find a processor for it, which takes milliseconds when
the host is busy. So frames are read by whoever asks for them, unless the transport cannot be asked without waiting, and
once the guest stands still (`go_direct`) the thread that migrates sends by itself.
"""

from __future__ import annotations

import collections
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from pyspapr.errors import MigrationError, SpaprError
from pyspapr.migration.frames import HEAD, LARGEST, Failure, Frame, decode, read_frame, size_of
from pyspapr.migration.patience import SILENCE, Patience
from pyspapr.migration.transport import NothingLeft, Transport

QUEUE: Final = 4 << 20
"""Bytes that may wait to be sent while the guest runs."""
BURST: Final = 0.005
"""Seconds of bandwidth that may be sent at once."""
PAUSE: Final = 0.05
"""Seconds that somebody who sends by itself waits at a time."""
WINDOW: Final = 0.5
"""Seconds over which the rate is averaged."""
LAST_FRAMES: Final = 1024
"""Frames that are searched for the peer's reason after the connection has failed."""
FRAMES_LIMIT: Final = 1 << 14
"""Received frames that may queue up: many minutes' worth from an honest peer."""


class Link:
    """A connection of the source. `bandwidth` is in bytes per second; None is without limit."""

    def __init__(self, transport: Transport, bandwidth: int | None) -> None:
        """Start the threads. If that fails, they are ended and the transport is closed."""
        self.transport = transport
        if transport.two_way:
            transport.patience = Patience(write=SILENCE)
        self.bandwidth = bandwidth
        self.sent = 0
        """Bytes that the transport has taken."""
        self.rate = float(bandwidth or 0)
        """Bytes per second while there was something to send, averaged; 0 while unknown."""
        self._waiting: collections.deque[tuple[int, Callable[[], bytes]]] = collections.deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._allowed = time.monotonic()  # when the bandwidth next allows to send
        self._closing = False
        self._error: SpaprError | None = None
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._inbox = bytearray()  # of a frame that is not whole, where no thread receives
        self._pause: Callable[[], None] | None = None  # called while `put` waits, once it sends by itself
        self._threads: list[threading.Thread] = []
        try:
            self._start(self._send, "migration-sender")
            if transport.two_way and not transport.direct:
                self._start(self._receive, "migration-receiver")
        except BaseException:
            self.close()  # a sender that waits for something to send would wait for ever
            raise

    def _start(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    # Sending.

    @property
    def waiting(self) -> int:
        """Bytes that were put and not yet sent."""
        return self._bytes

    @property
    def room(self) -> int:
        """Bytes that may be queued without exceeding the limit, or 10 ms of the bandwidth."""
        return max(self._limit - self._bytes, 0)

    @property
    def _limit(self) -> int:
        return QUEUE if self.bandwidth is None else max(min(QUEUE, self.bandwidth // 100), 1)

    def put(self, data: bytes) -> int:
        """Queue `data`; returns its length. Raises MigrationError when the link has failed."""
        self.put_later(len(data), lambda: data)
        return len(data)

    def put_later(self, size: int, make: Callable[[], bytes]) -> None:
        """Queue `size` bytes that `make` returns; the sending thread calls it when they are due."""
        self.check()
        if self._pause is not None:
            self._give(make(), self._pause)
            return
        with self._changed:
            self._waiting.append((size, make))
            self._bytes += size
            self._changed.notify_all()

    def put_placed(self, size: int, place: Callable[[], object]) -> None:
        """The same with `size` bytes that `place` puts where they belong, in a target that can be written anywhere."""

        def nothing_more() -> bytes:
            place()
            return b""

        self.put_later(size, nothing_more)

    def go_direct(self, pause: Callable[[], None]) -> None:
        """From now on `put` sends in the calling thread and returns when its bytes were sent, if the transport
        supports that. `pause` is called several times a second meanwhile; an exception from it ends the wait. The
        queue must be empty.
        """
        if self.transport.direct:
            self._pause = pause

    def _give(self, data: bytes, pause: Callable[[], None]) -> None:
        view = memoryview(data)
        try:
            while view:
                sent = self.transport.give(view, PAUSE)
                self.sent += sent
                view = view[sent:]
                if not sent:
                    pause()
        except MigrationError as error:
            self.fail(error)
            self.check()

    def say(self, frame: Frame) -> int:
        """Send a frame; returns its length."""
        return self.put(frame.encode())

    def say_now(self, frame: Frame) -> None:
        """Send a frame from this thread; the queue must be empty. Raises MigrationError; NothingLeft means that no
        byte was sent, so the peer cannot have it.
        """
        if self._error is not None:
            raise NothingLeft(str(self._error)) from self._error
        data = frame.encode()
        self.transport.write(data)
        self.sent += len(data)

    def check(self) -> None:
        """Raise the stored error, if there is one, with the peer's reason if it sent one."""
        if self._error is None:
            return
        if self.transport.direct:
            with contextlib.suppress(SpaprError):
                for _ in range(LAST_FRAMES):
                    if (frame := self._read_frame(0)) is None:
                        break
                    if isinstance(frame, Failure):
                        self._error = frame.error("destination")
        raise self._error.fresh()

    def wait_for_room(self, seconds: float) -> None:
        """Sleep until there is room or an error, at most `seconds`. Room means half the queue, so that the sender and
        the caller do not wake each other for every chunk.
        """
        with self._changed:
            self._changed.wait_for(lambda: 2 * self._bytes <= self._limit or self._error is not None, seconds)

    def wait_for_more(self, sent: int, seconds: float) -> None:
        """Sleep until more than `sent` bytes were sent, or there is an error, at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: self.sent != sent or self._error is not None, seconds)

    def wait_until_sent(self, seconds: float) -> None:
        """Sleep until everything was sent or there is an error, at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes or self._error is not None, seconds)

    def drain(self, seconds: float) -> bool:
        """Wait until everything was sent, at most `seconds`. Raises MigrationError."""
        self.wait_until_sent(seconds)
        self.check()
        return not self._bytes

    def _take(self) -> tuple[int, Callable[[], bytes]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return None if self._closing else self._waiting[0]

    def _send(self) -> None:
        meter = Meter()
        try:
            while (entry := self._take()) is not None:
                left, make = entry
                begin = time.monotonic()
                data = make()
                if not data:  # it is in its place already
                    self._pace(left)
                    self.sent += left
                at = 0
                while at < len(data):
                    piece = data[at : at + self._piece]
                    at += len(piece)
                    self._pace(len(piece))
                    self.transport.write(piece)
                    self.sent += len(piece)
                    if at < len(data):
                        left -= len(piece)
                        self._sent_piece(len(piece))
                rate = meter.add(max(len(data), left), time.monotonic() - begin)
                self.rate = rate if self.bandwidth is None else min(rate, self.bandwidth)
                with self._changed:
                    self._waiting.popleft()
                    self._bytes -= left
                    self._changed.notify_all()
        except SpaprError as error:
            self.fail(error)

    def _pace(self, size: int) -> None:
        """Wait until the bandwidth allows to send `size` bytes."""
        while (bandwidth := self.bandwidth) is not None and not self._closing:
            if (early := self._allowed - time.monotonic()) <= 0:
                break
            time.sleep(min(early, 0.05))
        if bandwidth is not None:
            self._allowed = max(self._allowed, time.monotonic() - BURST) + size / bandwidth

    @property
    def _piece(self) -> int:
        """Bytes to send at once: with a bandwidth, 100 ms worth of it, so that the peer keeps receiving."""
        return QUEUE if (bandwidth := self.bandwidth) is None else min(QUEUE, max(bandwidth // 10, 1))

    def _sent_piece(self, size: int) -> None:
        with self._changed:
            self._bytes -= size
            self._changed.notify_all()

    # Receiving.

    def _receive(self) -> None:
        try:
            while True:
                frame = read_frame(self.transport, "an answer")
                if self._frames.qsize() >= FRAMES_LIMIT:
                    raise MigrationError(f"the destination has sent {FRAMES_LIMIT} answers before anybody read one")
                self._frames.put(frame)
                if isinstance(frame, Failure):
                    self.fail(frame.error("destination"))
        except SpaprError as error:
            self.fail(error)
        finally:
            self._frames.put(None)

    def receive(self, seconds: float) -> Frame | None:
        """The next frame, or None after `seconds`. Raises MigrationError when none can come any more."""
        if self.transport.direct:
            try:
                return self._read_frame(seconds)
            except SpaprError as error:
                self.fail(error)
                raise
        try:
            frame = self._frames.get(timeout=seconds) if seconds > 0 else self._frames.get_nowait()
        except queue.Empty:
            return None
        if frame is None:
            self._frames.put(None)
            self.check()
            raise MigrationError("the connection ended")
        return frame

    def _read_frame(self, seconds: float) -> Frame | None:
        """Straight from the transport."""
        deadline = time.monotonic() + seconds
        while (size := self._frame_size()) is None or len(self._inbox) < HEAD + size:
            data = self.transport.take(LARGEST, max(deadline - time.monotonic(), 0.0))
            if data is None:
                return None
            if not data:
                raise MigrationError(f"the connection ended before an answer: {len(self._inbox)} bytes of it came")
            self._inbox += data
        body = bytes(self._inbox[HEAD : HEAD + size])
        del self._inbox[: HEAD + size]
        return decode(body)

    def _frame_size(self) -> int | None:
        return None if len(self._inbox) < HEAD else size_of(bytes(self._inbox[:HEAD]))

    # Ending.

    def fail(self, error: SpaprError) -> None:
        """From now on `check` raises this error, unless it has an earlier one."""
        with self._changed:
            if self._error is None:
                self._error = error.fresh()
            self._changed.notify_all()

    def close(self) -> None:
        """End the threads and the connection. Queued data is discarded."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._pause = None  # it belongs to the migration, which has this link
        with contextlib.suppress(SpaprError):
            self.transport.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(2.0)
        if not any(thread.is_alive() for thread in self._threads):
            self._waiting.clear()  # what waits belongs to the writer, which has this link


class Meter:
    """The rate over the last `WINDOW` seconds of sending."""

    def __init__(self) -> None:
        self._bytes = 0.0
        self._seconds = 0.0

    def add(self, size: int, seconds: float) -> float:
        """Count `size` bytes that took `seconds`; the rate in bytes per second."""
        self._bytes += size
        self._seconds += seconds
        if self._seconds > WINDOW:
            self._bytes /= 2
            self._seconds /= 2
        return self._bytes / max(self._seconds, 1e-6)
