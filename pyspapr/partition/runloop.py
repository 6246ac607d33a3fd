"""Running a machine: slices of instructions, and what happens between them.

Enters: a machine and the limits of the run. Leaves: one `StopReason`. Slices end at multiples of `SLICE` retired
instructions, whatever the limits are, so console input is polled at the same points in every run; with virtual time
there are no others (besides the guest's own polls) and the run is repeatable.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, Final

from pyspapr import _native
from pyspapr._native import CLOCK_END
from pyspapr.config import check_timeout
from pyspapr.host.interruption import Interruption
from pyspapr.host.limits import host_limits
from pyspapr.partition.console import H_PUT_TERM_CHAR
from pyspapr.partition.wanted import Until, alternatives, compiled, last_bytes
from pyspapr.plain import Plain
from pyspapr.results import Hung, InstructionLimit, Interrupted, Matched, StopReason, Timeout, Unimplemented

if TYPE_CHECKING:
    from pyspapr.partition.partition import Partition
    from pyspapr.partition.roles import Outgoing

SLICE: Final = 1 << 24
"""Instructions between two polls of the console's input."""
NAP: Final = 0.02
"""Seconds between two polls for input while a long idle guest on the virtual clock sleeps."""
LONGEST_SLEEP: Final = 60.0
MIGRATION_NAP: Final = 0.002
"""The longest time in seconds that an idle guest delays a migration."""


def _expire(reference: weakref.ref[Run], timeout: Timeout) -> None:
    """Ends a run by its timeout. The timer's thread may outlive the run, and does not keep the machine alive."""
    if (run := reference()) is not None:
        run.expired = timeout
        run.vm.kick()


class Deadline(Plain):
    """The guest's time (`nanos`) at which every run of a machine ends, and how many `seconds` that gave it."""

    nanos: int
    seconds: float


class Run:
    """One call of `Machine.run`."""

    def __init__(
        self,
        vm: Partition,
        max_instructions: int | None = None,
        timeout: float | None = None,
        until: Until = None,
        migration: Outgoing | None = None,
        guest_timeout: float | None = None,
    ) -> None:
        """Limits count from now. With `migration` the run ends when that has ended. Raises ConfigError."""
        check_timeout(timeout)
        check_timeout(guest_timeout)
        self.vm = vm
        self.migration = migration
        self.vcpu = vm.cpus[0].vcpu
        """By which the whole machine is run."""
        self.interruption = Interruption(self.vcpu.kick)
        self.limit = None if max_instructions is None else vm.instructions + max_instructions
        self.timeout = None if timeout is None else Timeout(timeout)
        self.guest_timeout = None if guest_timeout is None else Timeout(guest_timeout, guest=True)
        self.time_limit: int | None = None
        """Nanoseconds of virtual time at which `guest_timeout` is over."""
        wanted = alternatives(until)
        self.patterns = tuple(map(compiled, wanted))
        rows = [last_bytes(one) for one in wanted]
        self.endings = None if None in rows else [ending for row in rows for ending in row or ()]
        self.seen = -1
        self.expired: Timeout | None = None
        self.idle_limit: int | None = None
        self.deadline = -1
        """Which of the guest's deadlines the host sleeps for, in nanoseconds of virtual time."""
        self.wakes_at = 0.0

    def go(self) -> StopReason:
        """Run until there is a reason to stop."""
        recording = self.vm.recording
        replays = recording is not None and recording.replaying
        virtual = self.vm.config.clock == "virtual"
        timeouts = [self.timeout]
        if virtual:
            self._limit_time()
        elif self.guest_timeout is not None:
            timeouts.append(self.guest_timeout)
        timer = self._start_timer([one for one in timeouts if one is not None])
        skips = replays or self.limit is not None or bool(self.patterns) or self.time_limit is not None
        if virtual and not skips:
            self.idle_limit = self.vm.idleness.limit(self.vm.console, self.vcpu)
        self.vcpu.set_idle_limit(self.idle_limit)
        self.vcpu.set_time_limit(None if replays else self.time_limit)
        try:
            self._open_terminal()
            self.vm.ran_again = False
            while True:
                self.interruption.check()
                reason = self._between()
                if reason is not None:
                    return reason
                if self.vm.ran_again:
                    self.vm.ran_again = False
                    self.vcpu.set_idle_limit(self.idle_limit)
                    self.vcpu.set_time_limit(None if replays else self.time_limit)
                    self._open_terminal()
                    continue
                if self.vm.recording is not None:
                    self.vm.recording.ready()
                    if self.vm.ended is not None:
                        continue
                if self.vm.paused:
                    self._wait(LONGEST_SLEEP)
                    continue
                if self.vm.watching.stale:
                    self.vm.watching.apply()
                code = self.vcpu.run(self._budget())
                if code & _native.OUTPUT:
                    self._show()
                self._dispatch(code & ~_native.OUTPUT)
        finally:
            # After an error of a handler: the guest must not continue without a result.
            for cpu in self.vm.cpus:
                cpu.vcpu.hypercall_again()
            if timer is not None:
                timer.cancel()
            self.vcpu.set_time_limit(None)
            self.vcpu.close_terminal()
            self._show()

    def _limit_time(self) -> None:
        """Set the time limit: the run's own, or the machine's deadline if that comes first."""
        limits = []
        if (own := self.guest_timeout) is not None:
            limits.append((self.vm.nanos + int(own.seconds * 1e9), own))
        if (deadline := self.vm.deadline) is not None:
            limits.append((deadline.nanos, Timeout(deadline.seconds, guest=True)))
        if limits:
            nanos, self.guest_timeout = min(limits, key=lambda limit: limit[0])
            self.time_limit = min(nanos, CLOCK_END)

    def _start_timer(self, timeouts: list[Timeout]) -> threading.Timer | None:
        """The earlier of the run's limits in host time."""
        if not timeouts:
            return None
        first = min(timeouts, key=lambda timeout: timeout.seconds)
        # Longer than a thread can wait (three centuries with 64-bit time) means for ever.
        timer = threading.Timer(min(first.seconds, threading.TIMEOUT_MAX), _expire, (weakref.ref(self), first))
        timer.daemon = True
        with host_limits("run a machine with a time limit"):
            timer.start()
        return timer

    def _open_terminal(self) -> None:
        """Buffer output in native code, unless a pattern or a user's handler must see each piece."""
        if self.endings is not None and self.vm.has_own(H_PUT_TERM_CHAR) and not self.vm.unbuffered:
            length = max(map(len, self.endings), default=0)
            self.vcpu.open_terminal(self.endings, self.vm.console.before(length))

    def _show(self) -> None:
        """Print the buffered output. As in a hypercall, a sink cannot save the machine or start another guest."""
        if data := self.vcpu.take_output():
            self.vm.life.handle()
            try:
                self.vm.console.emit(data)
            finally:
                self.vm.life.handled()

    def _budget(self) -> int:
        done = self.vm.instructions
        budget = min(SLICE - done % SLICE, CLOCK_END - done)
        if self.vm.migration is not None and (migration := self.vm.migrating) is not None:
            budget = min(budget, migration.budget(done))
        if (due := self.vm.agenda.next) is not None:
            budget = min(budget, max(due - done, 0))
        if self.vm.recording is not None and (left := self.vm.recording.budget(done)) is not None:
            budget = min(budget, left)
        if self.vm.debugger is not None and (wanted := self.vm.debugger.budget(done)) is not None:
            budget = min(budget, wanted)
        return budget if self.limit is None else min(budget, self.limit - done)

    def _between(self) -> StopReason | None:
        vm = self.vm
        vm.run_posted()
        if vm.agenda.next is not None:
            vm.agenda.carry_out(vm.instructions)
        if vm.debugger is not None:
            vm.debugger.look()
        if self.patterns and vm.console.total != self.seen:
            if (matched := self.matched()) is not None:
                return matched
            self._open_terminal()  # which is told what was printed by other ways
        if vm.ended is not None:
            return vm.ended
        if (
            vm.migration is not None
            and (migration := vm.migrating) is not None
            and (vm.paused or migration.due(vm.instructions))
        ):
            migration.step()
            if vm.ended is not None:
                return vm.ended
        if vm.instructions >= CLOCK_END:
            vm.end(Hung(vm.current["pc"], f"its count of instructions is at its end, {CLOCK_END:#x}"))
            return vm.ended
        if vm.take_stop_request() or (self.migration is not None and self.migration.ended.is_set()):
            return Interrupted()
        if self.expired is not None:
            return self.expired
        if self.time_limit is not None and vm.nanos >= self.time_limit:
            return self.guest_timeout
        if self.limit is not None and vm.instructions >= self.limit:
            return InstructionLimit(vm.instructions)
        return None

    def matched(self) -> Matched | None:
        """The new match of `until` on the console, if there is one."""
        console = self.vm.console
        if not self.patterns or console.total == self.seen:
            return None
        self.seen = console.total
        return console.match_any(self.patterns)

    def _dispatch(self, code: int) -> None:
        vm = self.vm
        if code == _native.EXIT_HYPERCALL:
            vm.serve_hypercall(vm.current)
        elif code == _native.EXIT_MMIO:
            self._access()
        elif code == _native.EXIT_WATCHED:
            vm.watching.hear(vm.current)
        elif code == _native.EXIT_LIMIT:
            # A migration makes slices shorter; that must not change when the guest gets its input.
            done = vm.instructions
            if done % SLICE == 0 and vm.recording is not None:
                vm.recording.check()
            if done % SLICE == 0 or done == self.limit:
                vm.poll()
        elif code == _native.EXIT_KICKED:
            vm.poll()
        elif code == _native.EXIT_HALTED:
            self._sleep()
        elif code in (_native.EXIT_PLACE, _native.EXIT_CLOCK_LOG, _native.EXIT_DIVERGED) and vm.recording is not None:
            vm.recording.exit(code)
        elif code == _native.EXIT_HUNG:
            vm.end(Hung(vm.current["pc"], "it branches to itself with every interrupt masked"))
        elif code == _native.EXIT_UNIMPLEMENTED:
            address, word = self.vcpu.unimplemented
            vm.end(Unimplemented(address, word, _native.disassemble(word, address)))
        elif code != _native.EXIT_OUTPUT:  # which is shown by now
            raise RuntimeError(f"the engine returned {code}, which is not an exit code")

    def _access(self) -> None:
        """A device answers an access to its window, and the others of the same instruction."""
        vm, vcpu = self.vm, self.vcpu
        code: int | None = _native.EXIT_MMIO
        while code == _native.EXIT_MMIO:
            address, size, value = vcpu.mmio
            vm.life.handle()
            try:
                answer = vm.space.access(address, size, value)
            finally:
                vm.life.handled()
            code = vcpu.complete_mmio(answer)
        if code is not None:
            self._dispatch(code)

    def _sleep(self) -> None:
        """The guest is idle: with a host clock until its deadline or input; with virtual time, for a long time
        already."""
        vm = self.vm
        if len(vm.cpus) > 1 and not any(cpu.ceded for cpu in vm.cpus):
            vm.end(Hung(vm.current["pc"], "every processor waits for another"))
            return
        if vm.config.clock == "virtual":
            self._idle()
            return
        vm.poll()
        if not (self._interrupted() or self.expired):
            self._wait(min(self.vcpu.nanos_to_deadline / 1e9, LONGEST_SLEEP))

    def _interrupted(self) -> bool:
        return any(cpu.vcpu.external for cpu in self.vm.cpus)

    def _idle(self) -> None:
        """Virtual time no longer skips idle time (see `idleness`): sleep as long as the guest would."""
        vm, vcpu = self.vm, self.vcpu
        if (limit := vm.idleness.limit(vm.console, vcpu)) != self.idle_limit:
            self.idle_limit = limit
            vcpu.set_idle_limit(limit)
            return
        # A file is read at the point where any other run would read it.
        if polled := vm.console.polled or vm.console.backlog > 0:
            vm.poll()
        if self._interrupted() or self.expired:
            return
        left = vcpu.nanos_to_deadline
        if (deadline := vm.nanos + left) != self.deadline:
            self.deadline, self.wakes_at = deadline, time.monotonic() + left / 1e9
        seconds = self.wakes_at - time.monotonic()
        if seconds <= 0:
            vcpu.skip_to_deadline()
            if vcpu.nanos_to_deadline:
                vm.end(Hung(vm.current["pc"], "it waits for a time after the end of virtual time, in 146 years"))
        else:
            self._wait(min(seconds, NAP if polled else LONGEST_SLEEP))

    def _wait(self, seconds: float) -> None:
        """Sleep until a kick; with a migration, until that has work."""
        if (migration := self.vm.migrating) is not None:
            migration.wait(min(seconds, MIGRATION_NAP))
            return
        self.interruption.waiting = True
        try:
            if not self.interruption.pending:
                self.vm.wait_for_kick(seconds)
        finally:
            self.interruption.waiting = False


class Again(Run):
    """Executes what the guest has executed before, up to an instruction count; also in the middle of another run.

    Nobody's functions are carried out meanwhile, and no other limit counts.
    """

    def __init__(self, vm: Partition, count: int) -> None:
        """Up to `count`, which is not passed yet."""
        super().__init__(vm, max_instructions=count - vm.instructions)

    def _limit_time(self) -> None:
        """None."""

    def _between(self) -> StopReason | None:
        if self.vm.ended is not None:
            return self.vm.ended
        done = self.vm.instructions
        return InstructionLimit(done) if done >= (self.limit or 0) else None

    def _budget(self) -> int:
        done = self.vm.instructions
        return min(SLICE - done % SLICE, (self.limit or 0) - done)
