"""The source of a migration: the phases of `phases.py`, top to bottom, as one generator.

Enters: a machine, and where to. Leaves: the machine's whole state on a transport. Each `yield` gives the processor back
to the guest for a slice; between two slices the run loop calls `step`, which goes on here. So everything in this file
happens while no instruction runs, marks are taken atomically, and the only other threads are the link's, which know
bytes and not machines.

Must hold: after any failure, or `cancel`, what the passes took is marked dirty again and the guest goes on; once `go`
may have left it never does.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Final

from pyspapr._native import PAGE
from pyspapr.errors import (
    MigrationCancelled,
    MigrationError,
    MigrationUnconfirmed,
    SpaprError,
)
from pyspapr.migration import compatibility, frames, save
from pyspapr.migration.convergence import LITTLE, Convergence
from pyspapr.migration.counters import Counters
from pyspapr.migration.link import Link
from pyspapr.migration.options import MigrationOptions, check_bandwidth, check_downtime_limit
from pyspapr.migration.passes import CHUNK, Passes
from pyspapr.migration.patience import SILENCE
from pyspapr.migration.phases import QEMU_STATUS, Phase
from pyspapr.migration.records import RamChunk
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.migration.stream import StreamWriter
from pyspapr.migration.throttle import Throttle
from pyspapr.migration.transport import NothingLeft
from pyspapr.migration.uri import Place, connect
from pyspapr.partition.owner import owner
from pyspapr.partition.runstate import Status
from pyspapr.results import Migrated, Rebooted

if TYPE_CHECKING:
    from pyspapr.machine import Machine

ANSWER_TIMEOUT: Final = 10.0
"""Seconds for an answer to `hello`."""
SWITCHOVER_TIMEOUT: Final = 30.0
"""Seconds from the stop to `complete`; if it has not come by then the guest goes on here."""
RUNNING_TIMEOUT: Final = 10.0
ATTENTION: Final = 1.0
"""Seconds for which one that has read what was sent is taken to read on."""
SIGN_OF_LIFE: Final = 5.0
"""Seconds with nothing to send after which an empty record is sent, so that the destination does not think us dead."""
QUIET: Final = 0.1
"""Seconds after the stop for which nobody is told of events."""
REPORT_EVERY: Final = 0.1
"""Seconds between two calls of `on_progress` within a phase."""
HEARD_AT_ONCE: Final = 64
"""Frames of the destination that are read between two slices. One that sends without end must not hold the guest."""


class Outgoing:
    """One migration away from a machine. Made by `Machine.start_migration`."""

    def __init__(self, vm: Machine, place: Place, options: MigrationOptions) -> None:
        """Connect and have the destination compare. Raises MigrationError, with nothing sent and nothing changed."""
        self._owner = find = owner(vm, "the migration")
        self._convergence = Convergence(options.downtime_limit)
        self.pause_before_switchover = options.pause_before_switchover
        self.on_progress = options.on_progress
        self.throttle = Throttle(options.throttling)
        self.ended = threading.Event()
        """Set when the migration is over, whichever way."""
        self.error: SpaprError | None = None
        self._counters = Counters(lambda: find().cpus[0].vcpu.instructions)
        self._cancelled = threading.Event()
        self._proceed = threading.Event()
        self._slices = 0  # of the guest, so far
        self._still_since = 0.0  # the end of the last one
        self._stepping = 0  # the thread that is in `step`
        self._reported = 0.0
        self._said = ""
        self._heard = 0  # bytes of the stream that the destination has read
        self._silent = 0.0  # seconds for which it has said nothing though there was something to say
        self._watched = time.monotonic()
        self._wrote = (0, time.monotonic())  # bytes of the stream, and since when it has been so many
        self._asked = 1  # of which it has last been asked whether it has read them
        self._attentive = -ATTENTION  # when it had
        self._stopped = False
        self._given_up = False  # the right to run
        self.was_paused = False
        self._before = 0  # bytes that are sent before the stream
        self._say(Phase.SETUP)
        try:
            self._link = self._setup(place, options)
        except BaseException:
            self._say(Phase.FAILED)
            raise
        self._writer = StreamWriter(self._link.put, self._link.put_later)
        self._passes = Passes(vm, self._writer, self._counters, options.compression)
        self._phases = self._run()
        self._orphaned = weakref.finalize(vm, self._abandon)
        self._orphaned.atexit = False

    @property
    def vm(self) -> Machine:
        """The machine, which keeps its last migration and is not kept by it. Raises StateError when it is gone."""
        return self._owner()

    # The phases.

    def _setup(self, place: Place, options: MigrationOptions) -> Link:
        """Nothing of the machine is sent before the destination has said that it fits."""
        transport = connect(place, tls=options.tls)
        try:
            link = Link(transport, options.bandwidth)
        except BaseException:
            transport.close()
            raise
        try:
            if transport.two_way:
                self._before = link.say("hello", **compatibility.describe(self.vm))
                answer = link.receive(ANSWER_TIMEOUT)
                if answer is None:
                    raise MigrationError(f"the destination did not answer within {ANSWER_TIMEOUT:g} s")
                frames.expect(answer, "welcome", "destination")
        except BaseException:
            link.close()
            raise
        return link

    def _run(self) -> Generator[None]:
        self._schemas = save.write_head(self.vm, self._writer)
        yield from self._first_pass()
        yield from self._iterate()
        yield from self._pre_switchover()
        self._stop()
        self._final_pass()
        if self._link.transport.two_way:
            self._confirm()
        self._handover()

    def _first_pass(self) -> Iterator[None]:
        self._enter(Phase.FIRST_PASS)
        yield from self._live_pass(everything=True)

    def _iterate(self) -> Iterator[None]:
        self._enter(Phase.ITERATE)
        while not self._convergence.content(self._left, self._link.rate) or not self._is_attentive():
            helps = not self._convergence.within(self._passes.pending, self._link.rate)
            if not helps and self._passes.pending <= max(self._link.waiting, LITTLE):
                self._watch()
                self._show_life()
                yield  # what waits to be sent is most of what is left: another pass would not help
                continue
            before = self._passes.pending
            yield from self._live_pass(everything=False, waits=not helps)
            if helps:
                self.throttle.judge(before, self._passes.pending)

    def _pre_switchover(self) -> Iterator[None]:
        """Passes go on, so that little is left whenever the word comes."""
        if not self.pause_before_switchover:
            return
        self._enter(Phase.PRE_SWITCHOVER)
        while not self._proceed.is_set():
            if self._passes.pending > CHUNK:
                yield from self._live_pass(everything=False, waits=True)
            self._watch()
            self._show_life()
            yield
        while not self._convergence.within(self._left, self._link.rate) or not self._is_attentive():
            yield from self._live_pass(everything=False, waits=True)

    def _stop(self) -> None:
        """The guest's last instruction here was the one before; its time stands still with it."""
        self._watch()  # a guest that has ended in its last slice is not migrated
        self.vm.events.hold()
        self.was_paused = self.vm.paused
        self.vm.pause()
        self._stopped = True
        self._enter(Phase.STOP)
        self._counters.stopped(self._still_since)
        self.vm.phase = Status.FINISH_MIGRATE

    def _final_pass(self) -> None:
        """RAM and table, then devices, then the end with totals and digest, at full speed."""
        self._enter(Phase.FINAL_PASS)
        self._link.bandwidth = None
        self._drain()
        self._link.go_direct(self._watch_stopped)
        self._begin_pass(everything=False, final=True)
        self._counters.step("marks")
        while self._passes.send(CHUNK):
            self._breathe()
        self._counters.step("pages and entries")
        self._end_pass()
        begin = self._writer.offset
        save.prepare(self.vm)
        save.write_new_schemas(self.vm, self._writer, self._schemas)
        save.write_devices(self.vm, self._writer)
        self._counters.step("devices")
        self._drain()  # the end record has the check of what was sent
        self._writer.end(self.vm.hpt.digest())
        self._counters.step("end record")
        self._counters.device_bytes = self._writer.offset - begin
        self._drain()
        if not self._link.transport.two_way:
            self._link.transport.finish()
        self._counters.step("sent")

    def _drain(self) -> None:
        while not self._link.drain(0.05):
            self._watch_stopped()

    def _watch_stopped(self) -> None:
        self._watch()
        self._watch_time()

    def _confirm(self) -> None:
        """Until `complete` is here, the guest is ours to run on."""
        self._enter(Phase.CONFIRM)
        while (frame := self._link.receive(0.02)) is None or frame[0] == "progress":
            self._watch_cancel()
            self._watch_time()
        received = self._count(frames.expect(frame, "complete", "destination"))
        if received != self._writer.offset:
            sent = self._writer.offset
            raise MigrationError(f"the destination says that {received} bytes are complete, expected {sent}")
        self._counters.step("complete")

    def _handover(self) -> None:
        """First the right to run is given up, then `go` leaves. Once it may have left, nothing gives it back."""
        self._watch_cancel()
        self._enter(Phase.HANDOVER)
        if self._link.transport.two_way:
            self._link.check()
            if self._link.transport.hung_up():
                raise MigrationError("the destination has gone since it confirmed, before it was told to go")
        self._given_up = True
        self.vm.give_up(Migrated())
        if self._link.transport.two_way:
            self._say_go()
        self._passes.give_up()
        if self._link.transport.two_way:
            self._hear_running()
        self._counters.resumed()
        self._end(Phase.COMPLETED)

    def _say_go(self) -> None:
        try:
            self._link.say_now("go", paused=self.was_paused)
        except NothingLeft as error:
            self.vm.take_back()
            self._given_up = False
            raise MigrationError(f"the destination confirmed, but could not be told to go: {error}") from error
        except SpaprError as error:
            raise self._unconfirmed(error) from error
        self._counters.step("go")

    def _hear_running(self) -> None:
        deadline = time.monotonic() + RUNNING_TIMEOUT
        try:
            while (frame := self._link.receive(0.05)) is None or frame[0] == "progress":
                self.vm.events.release()
                if time.monotonic() > deadline:
                    raise MigrationError(f"no word from it within {RUNNING_TIMEOUT:g} s")
            frames.expect(frame, "running", "destination")
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
        begin = self._slices
        self._begin_pass(everything=everything, waits=waits)
        while True:
            self._watch()
            more = True
            while more and (room := self._link.room) > 0:
                more = self._passes.send(min(CHUNK, room))
            if not more:
                break
            yield
        # The guest has a slice in every pass; unless it is throttled, withheld just now, and could as well be stopped.
        while self._slices == begin and not (
            self.throttle.share and self._convergence.content(self._left, self._link.rate)
        ):
            self._watch()
            yield
        self._end_pass()

    def _begin_pass(self, *, everything: bool, final: bool = False, waits: bool = False) -> None:
        self._passes.begin(everything=everything, final=final, waits=waits)
        self.vm.events.emit("MIGRATION_PASS", **{"pass": self._counters.number})
        self._report(True)

    def _end_pass(self) -> None:
        self._counters.end_pass()
        self._report(True)

    @property
    def _left(self) -> int:
        """Bytes to send before the guest could run there, were it stopped now: RAM, hash table and what waits."""
        return self._passes.pending + self._link.waiting

    @property
    def expected_downtime(self) -> float:
        """Seconds, were the guest stopped now."""
        return self._convergence.seconds(self._left, self._link.rate)

    @property
    def downtime_limit(self) -> float:
        """Seconds that the guest may stand still. May be changed while it runs; MigrationError as for the option."""
        return self._convergence.limit

    @downtime_limit.setter
    def downtime_limit(self, value: float) -> None:
        check_downtime_limit(value)
        self._convergence.limit = value

    # Driving, by the run loop.

    @property
    def bandwidth(self) -> int | None:
        """Bytes per second; None is without limit. May be changed while the guest runs, likewise."""
        return self._link.bandwidth

    @bandwidth.setter
    def bandwidth(self, value: int | None) -> None:
        check_bandwidth(value)
        if self.phase.live:
            self._link.bandwidth = value

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return self._counters.phase

    def step(self) -> None:
        """Go on until the guest may run for a slice. For the run loop, between two instructions; never raises."""
        if self.ended.is_set() or self._stepping:
            return
        self._stepping = threading.get_ident()
        self._slices += 1
        self._still_since = time.monotonic()
        try:
            next(self._phases)
            self._withhold()
        except StopIteration:
            pass
        except SpaprError as error:
            self._fail(error)
        except BaseException:
            self._fail(MigrationError("the migration was interrupted"))
            raise
        finally:
            self._stepping = 0

    def due(self, instructions: int) -> bool:
        """For the run loop: whether the slice is over and `step` has its turn."""
        return self.throttle.over(instructions)

    def budget(self, instructions: int) -> int:
        """For the run loop: instructions until then."""
        return self.throttle.budget(instructions)

    def _withhold(self) -> None:
        """Between two slices, throttled: go on sending until the guest has its turn."""
        end = time.monotonic() + self.throttle.rest(self.vm.cpus[0].vcpu.instructions)
        sent = -1
        while self.phase.live and (left := end - time.monotonic()) > 0:
            self._link.wait_for_more(sent, left)
            sent = self._link.sent
            next(self._phases)
        self.throttle.begin(self.vm.cpus[0].vcpu.instructions)

    def wait(self, seconds: float) -> None:
        """For the run loop, while the guest sleeps or is throttled: until there is work, or the time is up."""
        if self._link.room == 0 or self._is_attentive():
            self._link.wait_for_room(seconds)
            return
        try:
            if (frame := self._link.receive(min(seconds, REPORT_EVERY))) is not None:
                self._hear(frame)
        except SpaprError as error:
            self._link.fail(error)  # for the next step

    def _watch(self) -> None:
        """Notice what went wrong, and what the destination says, while there is no need to wait."""
        self._watch_cancel()
        if self._link.transport.two_way:
            for _ in range(HEARD_AT_ONCE):
                if (frame := self._link.receive(0)) is None:
                    break
                self._hear(frame)
        self._link.check()
        self._watch_silence()
        if (reason := self.vm.ended) is not None and reason.final and not isinstance(reason, Rebooted):
            raise MigrationError(f"{reason}, so there is nothing to migrate")

    def _watch_silence(self) -> None:
        """A destination that reads says so several times a second. Time in which nobody looked does not count."""
        now = time.monotonic()
        passed, self._watched = min(now - self._watched, 1.0), now
        if not self._link.transport.two_way or self._heard >= self._link.sent - self._before:
            self._silent = 0.0
            return
        self._silent += passed
        if self._silent > SILENCE:
            raise MigrationError(f"the destination has said nothing for {SILENCE:g} s")

    def _show_life(self) -> None:
        """There is nothing to send: say at times that we are still here."""
        now, offset = time.monotonic(), self._writer.offset
        if offset != self._wrote[0]:
            self._wrote = (offset, now)
        elif now - self._wrote[1] >= SIGN_OF_LIFE and self._link.waiting == 0:
            self._writer.record(RamChunk(0, 0, "", b"", b""))

    def _hear(self, frame: frames.Frame) -> None:
        self._heard = received = self._count(frames.expect(frame, "progress", "destination"))
        self._silent = 0.0
        if received >= self._asked:
            self._attentive = time.monotonic()
            self._asked = self._writer.offset

    def _count(self, contents: frames.Contents) -> int:
        """Bytes of the stream that the destination says it has read. It reads on, and nothing that was not sent."""
        received = contents["received"]
        assert isinstance(received, int)
        if not self._heard <= received <= self._writer.offset:
            wanted = f"{self._heard} to {self._writer.offset}"
            raise MigrationError(f"the destination says that it has read {received} bytes, expected {wanted}")
        return received

    def _is_attentive(self) -> bool:
        """Whether the destination reads: for one that does not, the guest is not stopped."""
        if not self._link.transport.two_way or self._heard == self._writer.offset:
            return True
        return time.monotonic() - self._attentive < ATTENTION

    def _watch_cancel(self) -> None:
        if self._cancelled.is_set():
            raise MigrationCancelled("the migration was cancelled")

    @property
    def _patience(self) -> float:
        return max(SWITCHOVER_TIMEOUT, 2 * self.downtime_limit)

    def _watch_time(self) -> None:
        if (downtime := self._counters.still) is None:
            return
        if downtime > QUIET:
            self.vm.events.release()
        if downtime > self._patience:
            raise MigrationError(f"the destination did not confirm within {self._patience:g} s")

    def _breathe(self) -> None:
        """With the guest stopped too: look at cancel, and keep the queue bounded."""
        self._watch_cancel()
        if not self.phase.live:
            while self._link.room == 0:
                self._watch_cancel()
                self._watch_time()
                self._link.check()
                self._link.wait_for_room(0.05)
        self._report(False)

    # Ends.

    def cancel(self) -> bool:
        """Give up; the guest goes on here. False when it is too late. Any thread may call this, at any time."""
        if self.ended.is_set() or self.phase is Phase.HANDOVER:
            return False
        self._cancelled.set()
        if self._stepping == threading.get_ident():
            return True  # from on_progress: carried out as soon as that returns
        self.vm.call(self.step)
        self.ended.wait(self._patience)
        return self.phase is Phase.CANCELLED

    def proceed(self) -> None:
        """Go on from `pre-switchover`; before it, do not stop there. Any thread may call this."""
        self._proceed.set()
        self.vm.kick()

    def result(self) -> MigrationStatistics:
        """Statistics of a migration that has ended well. Raises what ended it otherwise."""
        if self.error is not None:
            raise self.error.fresh()
        return self.statistics

    def _fail(self, error: SpaprError) -> None:
        """Marks go back, time goes on. Once the right to run is given up there is nothing to go back to."""
        if self.phase is Phase.COMPLETED:
            return
        self.error = error.fresh()
        if self._given_up:
            self._end(Phase.UNCONFIRMED)
            return
        self._passes.put_back()
        if self._stopped:
            self.vm.phase = None
            if not self.was_paused:
                self.vm.resume()
        self._end(Phase.CANCELLED if isinstance(error, MigrationCancelled) else Phase.FAILED)

    def after_fork(self) -> None:
        """In a child of fork: it is the parent's, and nothing that happens here may end it."""
        self._orphaned.detach()
        self._link.transport.after_fork()
        self.error = MigrationCancelled("the migration goes on in the process that forked, and only there")
        self.on_progress = None
        self.ended = threading.Event()
        self.ended.set()

    def _abandon(self) -> None:
        """The machine is gone, in the middle of it: nobody can carry it out."""
        self._phases.close()
        self._passes.forget()
        self._link.close()
        self.error = MigrationCancelled("the migration ended with its machine, which nobody kept")
        self._counters.lose()
        self._counters.enter(Phase.CANCELLED)
        self.on_progress = None
        self.ended.set()

    def _end(self, phase: Phase) -> None:
        self.vm.events.release()
        self._counters.sent_bytes = self._link.sent
        self._counters.remaining = (0, 0) if phase is Phase.COMPLETED else (self._passes.pages, self._passes.entries)
        self._passes.forget()
        self._link.close()
        if isinstance(self.error, MigrationError):
            self.error.statistics = self._snapshot(phase)
        self._orphaned.detach()
        self._enter(phase)

    # Telling.

    def _enter(self, phase: Phase) -> None:
        self._counters.enter(phase)
        if phase.ended:
            self.ended.set()  # before anybody is told, who may raise
        self._say(phase)
        try:
            self._report(True)
        finally:
            if phase.ended:
                self.on_progress = None  # which may well have the machine

    def _say(self, phase: Phase) -> None:
        if (status := QEMU_STATUS[phase]) != self._said:
            self._said = status
            self.vm.events.emit("MIGRATION", status=status)

    def _report(self, now: bool) -> None:
        if self.on_progress is None or not (now or time.monotonic() - self._reported >= REPORT_EVERY):
            return
        self._reported = time.monotonic()
        self.on_progress(self.statistics)

    @property
    def statistics(self) -> MigrationStatistics:
        """Up to now. Any thread may ask."""
        return self._snapshot(self.phase)

    def _snapshot(self, phase: Phase) -> MigrationStatistics:
        over = not self._passes.begun
        pages, entries = self._counters.remaining if over else (self._passes.pages, self._passes.entries)
        return self._counters.statistics(
            phase=phase,
            sent_bytes=self._counters.sent_bytes if over and self.ended.is_set() else self._link.sent,
            rate=self._link.rate,
            ram_remaining=pages * PAGE,
            hpt_remaining=entries,
            expected_downtime=0.0 if over else self.expected_downtime,
            throttle=self.throttle.share,
            error=None if self.error is None else str(self.error),
        )
