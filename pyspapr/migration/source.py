"""The source of a migration: the phases of `phases.py`, top to bottom, as one generator.

Enters: a machine and a connection. Leaves: the machine's whole state on the connection. Each `yield` gives the
processor back to the guest for a slice; between two slices the run loop calls `Outgoing.step`, which resumes it. So
everything in this file happens while no instruction runs, marks are taken atomically, and the only other threads are
the link's, which handle bytes only. Must hold: once `go` may have been sent, the guest never runs here again
(`given_up`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Final

from pyspapr.errors import MigrationCancelled, MigrationError, MigrationUnconfirmed, SpaprError
from pyspapr.migration import frames, save
from pyspapr.migration.attention import Attention
from pyspapr.migration.convergence import LITTLE, Convergence
from pyspapr.migration.counters import Counters
from pyspapr.migration.file_transport import FileWriter
from pyspapr.migration.image import ImageInPasses
from pyspapr.migration.link import Link
from pyspapr.migration.options import MigrationOptions
from pyspapr.migration.passes import SENT_CHUNK, Passes
from pyspapr.migration.phases import Phase
from pyspapr.migration.records import RamChunk
from pyspapr.migration.reporter import Reporter
from pyspapr.migration.stream import StreamWriter
from pyspapr.migration.throttle import Throttle
from pyspapr.migration.transport import NothingLeft
from pyspapr.results import Migrated, Rebooted

if TYPE_CHECKING:
    from pyspapr.partition import Partition

SWITCHOVER_TIMEOUT: Final = 30.0
"""Seconds from the stop to `complete`; without it the guest continues here."""
RUNNING_TIMEOUT: Final = 10.0
SIGN_OF_LIFE: Final = 5.0
"""Seconds with nothing to send after which an empty record is sent, so that the destination does not give up."""
QUIET: Final = 0.1
"""Seconds after the stop in which no events are reported."""
HEARD_AT_ONCE: Final = 64
"""Frames of the destination that are read between two slices: one that sends endlessly must not block the guest."""


class Source:
    """The phases of one migration, from the first pass on."""

    def __init__(
        self,
        find: Callable[[], Partition],
        link: Link,
        counters: Counters,
        reporter: Reporter,
        convergence: Convergence,
        throttle: Throttle,
        options: MigrationOptions,
        before: int,
    ) -> None:
        """`find` returns the machine; the destination has accepted it, after `before` bytes."""
        self._find = find
        self._counters = counters
        self._reporter = reporter
        self._convergence = convergence
        self._throttle = throttle
        self.link = link
        self._writer = StreamWriter(link.put, link.put_later)
        image = None
        if isinstance(link.transport, FileWriter) and options.compression is None:
            image = ImageInPasses(link.transport, link, self._writer, find().ram.size)
        self.passes = Passes(find(), self._writer, counters, options.compression, image)
        self.attention = Attention(link, self._writer, before)
        self._pause_before_switchover = options.pause_before_switchover
        self.cancelled = threading.Event()
        """Set by any thread; the next check raises."""
        self.proceed = threading.Event()
        """Set by any thread: do not wait in `pre-switchover`."""
        self.slices = 0
        """Of the guest, so far."""
        self.still_since = 0.0
        """The end of the last one."""
        self.draining = False
        """Whether the guest runs only until the queue has been sent."""
        self.stopped = False
        self.given_up = False
        """Whether the right to run was."""
        self.was_paused = False
        self._wrote = (0, time.monotonic())  # bytes of the stream, and since when

    @property
    def vm(self) -> Partition:
        """Raises StateError when it is gone."""
        return self._find()

    # The phases.

    def run(self) -> Generator[None]:
        """All of them. The guest runs for a slice after each `yield`."""
        self._schemas = save.write_head(self.vm, self._writer)
        yield from self._first_pass()
        yield from self._iterate()
        yield from self._pre_switchover()
        self._stop()
        self._final_pass()
        if self.link.transport.two_way:
            self._confirm()
        self._handover()

    def _first_pass(self) -> Iterator[None]:
        self._reporter.enter(Phase.FIRST_PASS)
        yield from self._live_pass(everything=True)

    def _iterate(self) -> Iterator[None]:
        self._reporter.enter(Phase.ITERATE)
        yield from self._converge()
        while self.link.waiting > LITTLE:
            self._watch()
            self.draining = True
            yield  # the guest runs while the queue is sent, instead of standing still for it
            self.draining = False
            if self.link.waiting <= LITTLE:
                yield from self._converge()  # with what the guest has written meanwhile

    def _converge(self) -> Iterator[None]:
        """Passes, until the guest may be stopped."""
        while not self._convergence.content(self.left, self.link.rate) or not self.attention.attentive:
            helps = not self._convergence.within(self.passes.pending, self.link.rate)
            if not helps and self.passes.pending <= max(self.link.waiting, LITTLE):
                self._watch()
                self._show_life()
                yield  # most of the rest is queued already: another pass would not help
                continue
            before = self.passes.pending
            yield from self._live_pass(everything=False, waits=not helps)
            if helps:
                self._throttle.judge(before, self.passes.pending)

    def _pre_switchover(self) -> Iterator[None]:
        """Passes continue, so that little is left when `proceed` is called."""
        if not self._pause_before_switchover:
            return
        self._reporter.enter(Phase.PRE_SWITCHOVER)
        while not self.proceed.is_set():
            if self.passes.pending > SENT_CHUNK:
                yield from self._live_pass(everything=False, waits=True)
            self._watch()
            self._show_life()
            yield
        while not self._convergence.within(self.left, self.link.rate) or not self.attention.attentive:
            yield from self._live_pass(everything=False, waits=True)

    def _stop(self) -> None:
        """The guest's last instruction here has been executed; its time stops with it."""
        self._watch()  # a guest that ended in its last slice is not migrated
        self.vm.events.hold()
        self.was_paused = self.vm.paused
        self.vm.pause()
        self.vm.life.hold()
        self.stopped = True
        self._reporter.enter(Phase.STOP)
        self._counters.stopped(self.still_since)

    def _final_pass(self) -> None:
        """RAM and table, then devices, then the end with totals and digest, at full speed."""
        self._reporter.enter(Phase.FINAL_PASS)
        self.link.bandwidth = None
        self._drain()
        self.link.go_direct(self._watch_stopped)
        self._begin_pass(everything=False, final=True)
        self._counters.step("marks")
        while self.passes.send(SENT_CHUNK):
            self._breathe()
        self._counters.step("pages and entries")
        self._end_pass()
        begin = self._writer.offset
        save.prepare(self.vm)
        save.write_new_schemas(self.vm, self._writer, self._schemas)
        save.write_devices(self.vm, self._writer)
        self._counters.step("devices")
        self._drain()  # the end record has the check of what was sent
        # Where there is a peer it learns that from `go`.
        self._writer.end(self.vm.hpt.digest(), paused=self.was_paused and not self.link.transport.two_way)
        self._counters.step("end record")
        self._counters.device_bytes = self._writer.offset - begin
        self._drain()
        if not self.link.transport.two_way:
            self.link.transport.finish()
        self._counters.step("sent")

    def _drain(self) -> None:
        while not self.link.drain(0.05):
            self._watch_stopped()

    def _watch_stopped(self) -> None:
        self._watch()
        self._watch_time()

    def _confirm(self) -> None:
        """Until `complete` arrives, the guest can still continue here."""
        self._reporter.enter(Phase.CONFIRM)
        while (frame := self.link.receive(0.02)) is None or isinstance(frame, frames.Progress):
            self._watch_cancel()
            self._watch_time()
        received = self.attention.count(frames.expect(frame, frames.Complete, "destination"))
        if received != self._writer.offset:
            sent = self._writer.offset
            raise MigrationError(f"the destination says that {received} bytes are complete, expected {sent}")
        self._counters.step("complete")

    def _handover(self) -> None:
        """First the right to run is given up, then `go` is sent. Once it may have been sent, the right never comes
        back."""
        self._watch_cancel()
        self._reporter.enter(Phase.HANDOVER)
        if self.link.transport.two_way:
            self.link.check()
            if self.link.transport.hung_up():
                raise MigrationError("the destination has gone since it confirmed, before it was told to go")
        self.given_up = True
        self.vm.life.leave(Migrated())
        if self.link.transport.two_way:
            self._say_go()
        self.passes.give_up()
        if self.link.transport.two_way:
            self._hear_running()
        self._counters.resumed()

    def _say_go(self) -> None:
        try:
            self.link.say_now(frames.Go(self.was_paused))
        except NothingLeft as error:
            self.vm.life.reclaim()
            self.given_up = False
            raise MigrationError(f"the destination confirmed, but could not be told to go: {error}") from error
        except SpaprError as error:
            raise self._unconfirmed(error) from error
        self._counters.step("go")

    def _hear_running(self) -> None:
        deadline = time.monotonic() + RUNNING_TIMEOUT
        try:
            while (frame := self.link.receive(0.05)) is None or isinstance(frame, frames.Progress):
                self.vm.events.release()
                if time.monotonic() > deadline:
                    raise MigrationError(f"no word from it within {RUNNING_TIMEOUT:g} s")
            frames.expect(frame, frames.Running, "destination")
        except SpaprError as error:
            raise self._unconfirmed(error) from error
        self._counters.step("running")

    @staticmethod
    def _unconfirmed(error: SpaprError) -> MigrationUnconfirmed:
        return MigrationUnconfirmed(
            "whether the destination runs the guest is unknown: it held the whole machine and was told to go, "
            f"but {error}. This side will not run it"
        )

    # Passes.

    def _live_pass(self, *, everything: bool, waits: bool = False) -> Iterator[None]:
        """One pass over RAM and hash table while the guest runs."""
        begin = self.slices
        self._begin_pass(everything=everything, waits=waits)
        while True:
            self._watch()
            more = True
            while more and (room := self.link.room) > 0:
                more = self.passes.send(min(SENT_CHUNK, room))
            if not more:
                break
            yield
        # The guest gets a slice in every pass, unless it is throttled at the moment and could be stopped anyway.
        while self.slices == begin and not (
            self._throttle.share and self._convergence.content(self.left, self.link.rate)
        ):
            self._watch()
            yield
        self._end_pass()

    def _begin_pass(self, *, everything: bool, final: bool = False, waits: bool = False) -> None:
        self.passes.begin(everything=everything, final=final, waits=waits)
        self._reporter.began_pass()

    def _end_pass(self) -> None:
        self._counters.end_pass()
        self._reporter.report(now=True)

    @property
    def left(self) -> int:
        """Bytes to send before the guest could run there if it were stopped now: RAM, hash table and the queue."""
        return self.passes.pending + self.link.waiting

    def _watch(self) -> None:
        """Check for errors and acknowledgements without waiting."""
        self._watch_cancel()
        if self.link.transport.two_way:
            for _ in range(HEARD_AT_ONCE):
                if (frame := self.link.receive(0)) is None:
                    break
                self.attention.hear(frame)
        self.link.check()
        self.attention.watch_silence()
        if (reason := self.vm.ended) is not None and reason.final and not isinstance(reason, Rebooted):
            raise MigrationError(f"{reason}, so there is nothing to migrate")

    def _show_life(self) -> None:
        """Send an empty record now and then while there is nothing to send."""
        now, offset = time.monotonic(), self._writer.offset
        if offset != self._wrote[0]:
            self._wrote = (offset, now)
        elif now - self._wrote[1] >= SIGN_OF_LIFE and self.link.waiting == 0:
            self._writer.record(RamChunk(0, 0, "", b"", b""))

    def _watch_cancel(self) -> None:
        if self.cancelled.is_set():
            raise MigrationCancelled("the migration was cancelled")

    @property
    def patience(self) -> float:
        return max(SWITCHOVER_TIMEOUT, 2 * self._convergence.limit)

    def _watch_time(self) -> None:
        if (downtime := self._counters.still) is None:
            return
        if downtime > QUIET:
            self.vm.events.release()
        if downtime > self.patience:
            raise MigrationError(f"the destination did not confirm within {self.patience:g} s")

    def _breathe(self) -> None:
        """Also while the guest is stopped: check for cancel, and keep the queue bounded."""
        self._watch_cancel()
        if not self._counters.phase.live:
            while self.link.room == 0:
                self._watch_cancel()
                self._watch_time()
                self.link.check()
                self.link.wait_for_room(0.05)
        self._reporter.report()
