"""An outgoing migration, as seen by its owner and the run loop. Enters: a machine, a target, and options. Leaves: how
the migration ended. The run loop drives it: `step` between two slices of the guest, `budget` and `due` for how long a
slice is, `wait` while the guest sleeps. The phases themselves are in `source`.

Must hold: after any failure, or `cancel`, what the passes took is marked dirty again and the guest continues.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, Final

from pyspapr.errors import MigrationCancelled, MigrationError, SpaprError
from pyspapr.migration import compatibility, frames
from pyspapr.migration.convergence import Convergence
from pyspapr.migration.counters import Counters
from pyspapr.migration.link import Link
from pyspapr.migration.options import MigrationOptions, check_bandwidth, check_downtime_limit
from pyspapr.migration.phases import Phase
from pyspapr.migration.reporter import REPORT_EVERY, Reporter
from pyspapr.migration.source import Source
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.migration.throttle import Throttle
from pyspapr.migration.uri import Place, connect
from pyspapr.partition.owner import owner

if TYPE_CHECKING:
    from pyspapr.partition import Partition

ANSWER_TIMEOUT: Final = 10.0
"""Seconds for an answer to `hello`."""


class Outgoing:
    """One migration away from a machine. Made by `Machine.start_migration`."""

    def __init__(self, vm: Partition, place: Place, options: MigrationOptions) -> None:
        """Connect and have the destination check the machine. Raises MigrationError, with nothing sent and nothing
        changed."""
        self._owner = find = owner(vm, "the migration")
        self._counters = counters = Counters(lambda: find().instructions)
        self._convergence = convergence = Convergence(options.downtime_limit)
        self._throttle = throttle = Throttle(options.throttling)
        self._reporter = reporter = Reporter(
            lambda name, **data: find().events.emit(name, **data),
            counters,
            convergence,
            throttle,
            options.on_progress,
        )
        self._stepping = 0  # the thread that is in `step`
        reporter.say(Phase.SETUP)
        try:
            self._link, before = self._setup(place, options)
        except BaseException:
            reporter.say(Phase.FAILED)
            raise
        self._source = Source(find, self._link, counters, reporter, convergence, throttle, options, before)
        self._passes = self._source.passes
        reporter.watch(self._link, self._passes)
        self._phases = self._source.run()
        self._orphaned = weakref.finalize(vm, self._abandon)
        self._orphaned.atexit = False

    @property
    def vm(self) -> Partition:
        """The machine, weakly referenced, since it refers to its last migration. Raises StateError when it is gone."""
        return self._owner()

    def _setup(self, place: Place, options: MigrationOptions) -> tuple[Link, int]:
        """Connect; return the link and the bytes sent. Nothing of the machine is sent before the destination accepts
        it."""
        before = 0
        transport = connect(place, tls=options.tls)
        try:
            link = Link(transport, options.bandwidth)
        except BaseException:
            transport.close()
            raise
        try:
            if transport.two_way:
                before = link.say(compatibility.describe(self.vm))
                answer = link.receive(ANSWER_TIMEOUT)
                if answer is None:
                    raise MigrationError(f"the destination did not answer within {ANSWER_TIMEOUT:g} s")
                frames.check_agreed(frames.expect(answer, frames.Welcome, "destination"))
        except BaseException:
            link.close()
            raise
        return link, before

    @property
    def downtime_limit(self) -> float:
        """The downtime limit in seconds. May be changed while the guest runs; MigrationError as for the option."""
        return self._convergence.limit

    @downtime_limit.setter
    def downtime_limit(self, value: float) -> None:
        check_downtime_limit(value)
        self._convergence.limit = value

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
    def was_paused(self) -> bool:
        """Whether the guest was paused when it was stopped to be moved."""
        return self._source.was_paused

    @property
    def ended(self) -> threading.Event:
        """Set when the migration has ended, successfully or not."""
        return self._reporter.ended

    @property
    def error(self) -> SpaprError | None:
        """What ended it, if not its success."""
        return self._reporter.error

    @property
    def statistics(self) -> MigrationStatistics:
        """Up to now. Any thread may ask."""
        return self._reporter.statistics(self.phase)

    @property
    def phase(self) -> Phase:
        return self._counters.phase

    # Driving, by the run loop.

    def step(self) -> None:
        """Continue until the guest may run for a slice. For the run loop, between two instructions; never raises."""
        if self.ended.is_set() or self._stepping:
            return
        self._stepping = threading.get_ident()
        self._source.slices += 1
        self._source.still_since = time.monotonic()
        try:
            self._go_on()
            self._withhold()
        except SpaprError as error:
            self._fail(error)
        except BaseException:
            self._fail(MigrationError("the migration was interrupted"))
            raise
        finally:
            self._stepping = 0

    def _go_on(self) -> None:
        if next(self._phases, True):  # which yields None until it is over
            self._end(Phase.COMPLETED)

    def due(self, instructions: int) -> bool:
        """For the run loop: whether the slice is over and `step` has its turn."""
        return self._throttle.over(instructions)

    def budget(self, instructions: int) -> int:
        """For the run loop: instructions until then."""
        return self._throttle.budget(instructions)

    def _withhold(self) -> None:
        """Between two slices, while the guest is throttled: keep sending until its turn."""
        if not self.phase.live:
            return
        end = time.monotonic() + self._throttle.rest(self.vm.instructions)
        sent = -1
        while self.phase.live and (left := end - time.monotonic()) > 0:
            self._link.wait_for_more(sent, left)
            sent = self._link.sent
            self._go_on()
        self._throttle.begin(self.vm.instructions)

    def wait(self, seconds: float) -> None:
        """For the run loop, while the guest sleeps or is throttled: wait for work, or until the time is up."""
        if self._source.draining:
            self._link.wait_until_sent(seconds)
            return
        if self._link.room == 0 or self._source.attention.attentive:
            self._link.wait_for_room(seconds)
            return
        try:
            if (frame := self._link.receive(min(seconds, REPORT_EVERY))) is not None:
                self._source.attention.hear(frame)
        except SpaprError as error:
            self._link.fail(error)  # for the next step

    # Ends.

    def cancel(self) -> bool:
        """Cancel; the guest continues here. False when it is too late. Any thread may call this, at any time."""
        if self.ended.is_set() or self.phase is Phase.HANDOVER:
            return False
        self._source.cancelled.set()
        if self._stepping == threading.get_ident():
            return True  # from on_progress: carried out as soon as that returns
        self.vm.call(self.step)
        self.ended.wait(self._source.patience)
        return self.phase is Phase.CANCELLED

    def proceed(self) -> None:
        """Continue from `pre-switchover`; called earlier, do not stop there. Any thread may call this."""
        self._source.proceed.set()
        self.vm.kick()

    def result(self) -> MigrationStatistics:
        """Statistics of a completed migration. Raises the error of a failed one."""
        if self.error is not None:
            raise self.error.fresh()
        return self.statistics

    def _fail(self, error: SpaprError) -> None:
        """Put the marks back and resume time. Once the right to run is given up, nothing can be undone."""
        if self.phase is Phase.COMPLETED:
            return
        self._reporter.error = error.fresh()
        if self._source.given_up:
            self._end(Phase.UNCONFIRMED)
            return
        self._passes.put_back()
        if self._source.stopped:
            self.vm.life.stay()
            if not self.was_paused:
                self.vm.resume()
        self._end(Phase.CANCELLED if isinstance(error, MigrationCancelled) else Phase.FAILED)

    def after_fork(self) -> None:
        """In a child of fork: the migration belongs to the parent, and nothing here may end it."""
        self._orphaned.detach()
        self._link.transport.after_fork()
        self._reporter.error = MigrationCancelled("the migration continues in the process that forked, and only there")
        self._reporter.after_fork()

    def _abandon(self) -> None:
        """The machine was closed during the migration, so it cannot be completed."""
        self._phases.close()
        self._passes.forget()
        self._link.close()
        self._reporter.error = MigrationCancelled("the migration ended because its machine was closed or dropped")
        self._reporter.lose()

    def _end(self, phase: Phase) -> None:
        self.vm.events.release()
        self._counters.sent_bytes = self._link.sent
        self._counters.remaining = (0, 0) if phase is Phase.COMPLETED else (self._passes.pages, self._passes.entries)
        self._passes.forget()
        self._link.close()
        if isinstance(self.error, MigrationError):
            self.error.statistics = self._reporter.statistics(phase)
        self._orphaned.detach()
        self._reporter.enter(phase)
