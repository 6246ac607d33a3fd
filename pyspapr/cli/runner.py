"""The machine of a command, and those that may replace it: one that arrives, or one from a file.

Enters: options. Leaves: why the last machine's run ended. Control sockets outlive the machines; the console is
connected anew to each.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from pyspapr.cli.streams import complain
from pyspapr.errors import SpaprError, StateError
from pyspapr.machine import Machine
from pyspapr.migration.phases import QEMU_ARRIVAL_STATUS, Phase
from pyspapr.partition.runstate import Status
from pyspapr.results import Interrupted, Migrated, Panicked, PoweredOff, Rebooted, StopReason, Timeout

if TYPE_CHECKING:
    from concurrent.futures import Future

    from pyspapr.gdb import GdbServer
    from pyspapr.migration.compatibility import Requirements
    from pyspapr.migration.destination import Incoming
    from pyspapr.migration.statistics import MigrationStatistics
    from pyspapr.qmp import QmpServer

DEFER: Final = "defer"
LONGEST_WAIT: Final = 60.0


@contextmanager
def cancelled_after(seconds: float | None, incoming: Incoming[Machine]) -> Iterator[None]:
    """Cancels `incoming` when the time is over."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), incoming.cancel)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Runner:
    """Runs one machine after the other; a `qmp.monitor.Host`."""

    def __init__(
        self,
        vm: Machine,
        *,
        paused: bool = False,
        tls_creds: str = "",
        timeout: float | None = None,
        requirements: Requirements | None = None,
        stays: bool = False,
    ) -> None:
        """Begin with `vm`, which waits for its first instruction if `paused`.

        With `stays` somebody has to say `quit` when the guest has ended. `tls_creds` is a directory of credentials for
        migrations, or empty; `timeout` limits everything from now on, in seconds; `requirements` are those on an
        arriving machine.
        """
        self._requirements = requirements
        self._stays = stays
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._tls_creds = tls_creds
        self.vm = vm
        vm.partition.awaited = True
        self._lock = threading.Lock()
        self._servers: list[QmpServer] = []
        self._debuggers: list[GdbServer] = []
        self._next: tuple[Machine, Future[None]] | None = None
        self._incoming: Incoming[Machine] | None = None
        self._expecting = False
        self._said = ""  # of the machine that arrives
        self._over = False
        self.abandoned = False
        """Whether somebody said `quit` and the machine's thread did not listen."""
        if paused:
            vm.pause()

    def serve(self, address: str | None, stack: ExitStack, *, name: str | None = None) -> QmpServer:
        """Open a control socket, or one for connections that are given to it, of a machine that may have a `name`.

        With one, a guest that sleeps for ever still has somebody who may wake it.
        """
        from pyspapr.qmp import QmpServer

        server = stack.enter_context(QmpServer(self.vm, address, name=name, host=self))
        server.monitor.settings.tls_creds = self._tls_creds
        self._servers.append(server)
        self.vm.console.keeps_open += 1
        if address is not None:
            complain(f"the control socket (QMP) is at {server.address}")
        return server

    def debug(self, address: str, stack: ExitStack) -> None:
        """Open a socket for debuggers. With one, somebody may wake a guest that sleeps for ever."""
        from pyspapr.gdb import GdbServer

        self._debuggers.append(server := stack.enter_context(GdbServer(self.vm.partition, address)))
        self.vm.console.keeps_open += 1
        complain(f"waiting for GDB at {server.address}")

    # For control sockets.

    def exchange(self, vm: Machine) -> None:
        """Run `vm` from now on; returns when that is so. Raises StateError when the command has ended instead."""
        from concurrent.futures import Future

        with self._lock:
            if self.vm.status is Status.INMIGRATE:
                raise StateError("a machine is expected here, and no other takes its place")
            if self._over:
                raise StateError("the machine has ended")
            if self._next is not None:
                raise StateError("the machine is being exchanged already")
            done: Future[None] = Future()
            self._next = (vm, done)
        self.vm.stop()
        done.result()

    @property
    def left(self) -> float | None:
        """Seconds until the time is over; None if it never is."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def expect(self, uri: str, creds: str) -> None:
        """Wait for a machine at `uri` and run it. Raises SpaprError, also when none is expected."""
        from pyspapr.migration.tls import destination_tls

        with self._lock:
            if self.vm.status is not Status.INMIGRATE:
                raise StateError("no machine is expected here: it was not started with --incoming")
            if self._incoming is not None or self._expecting:
                raise StateError("The incoming migration has already been started")
            self._expecting = True
        try:  # without the lock, which the end of everything needs, since opening a file may take for ever
            tls = destination_tls(uri, creds)
            incoming = Machine.listen(
                uri,
                config=self._requirements,
                tls=tls,
                on_progress=self._tell,
                on_rejected=lambda why: complain(f"rejected a peer that is not a migration source: {why}"),
            )
            with self._lock:
                self._incoming = incoming
                over = self._over
        finally:
            self._expecting = False
        if over:
            incoming.cancel()
            raise StateError("the machine has ended")
        for server in self._servers:
            server.monitor.arriving = incoming
        self._say(Phase.SETUP)
        complain(f"waiting for a machine at {incoming.address}")
        self.vm.kick()

    def _tell(self, statistics: MigrationStatistics) -> None:
        """What the machine that arrives has to say. That it is whole is said when it runs, as QEMU says it."""
        if statistics.phase is not Phase.COMPLETED:
            self._say(statistics.phase)

    def _say(self, phase: Phase) -> None:
        if self._said != (status := QEMU_ARRIVAL_STATUS[phase]):
            self._said = status
            self.vm.events.emit("MIGRATION", status=status)

    def abandon(self) -> None:
        """End the process, whatever the thread that runs the machine is waiting for."""
        if not self._over:
            self.abandoned = True
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGTERM)

    # For the command.

    def run(
        self,
        connect: Callable[[Machine], AbstractContextManager[object]],
        run: Callable[[Machine], StopReason],
        stoppable: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> StopReason:
        """Run machines until one ends and none takes its place.

        `connect` gives each its console; `stoppable` is around everything that may last, so that signals come there.
        """
        try:
            return self._run(connect, run, stoppable)
        finally:
            with self._lock:
                self._over = True
            if self._incoming is not None:
                self._incoming.cancel()
            if self._next is not None:
                self._next[1].set_exception(StateError("the machine has ended"))

    def _run(
        self,
        connect: Callable[[Machine], AbstractContextManager[object]],
        run: Callable[[Machine], StopReason],
        stoppable: Callable[[], AbstractContextManager[object]],
    ) -> StopReason:
        while True:
            if self.vm.status is Status.INMIGRATE:
                with stoppable():
                    arrived = self._arrival()
                if not isinstance(arrived, Machine):
                    return arrived
                self._switch(arrived)
                arrived.partition.when_run(self._arrived)
            with connect(self.vm), stoppable():
                reason = run(self.vm)
            ended = isinstance(reason, PoweredOff | Panicked | Rebooted)
            if self._servers and (isinstance(reason, Migrated) or (self._stays and ended)):
                with stoppable():
                    reason = self._stay(reason)
            if self._next is None:
                return reason
            following, _ = self._next
            self._switch(following)
            following.partition.when_run(self._exchanged)

    def _exchanged(self) -> None:
        """The machine that was to be run is."""
        if self._next is not None:
            done, self._next = self._next[1], None
            done.set_result(None)

    def _arrived(self) -> None:
        """The machine that has come is run here."""
        if not self.vm.paused:
            self.vm.events.emit("RESUME")
        self._say(Phase.COMPLETED)

    def _switch(self, vm: Machine) -> None:
        for server in self._servers:
            server.attach(vm)
            vm.console.keeps_open += 1
        for debugger in self._debuggers:
            debugger.attach(vm.partition)
            vm.console.keeps_open += 1
        before, self.vm = self.vm, vm
        vm.partition.awaited = True
        if before.partition.take_stop_request():
            vm.stop()

    def _arrival(self) -> Machine | StopReason:
        """The machine that comes, or why none did: somebody said `quit`, or the time is over."""
        waiting = self.vm
        while True:
            if waiting.partition.take_stop_request():
                return Interrupted()
            if (expired := self._expired()) is not None:
                return expired
            if (incoming := self._incoming) is None:
                self._wait()
                continue
            try:
                with cancelled_after(self.left, incoming):
                    vm = incoming.receive()
            except SpaprError as error:
                if waiting.partition.take_stop_request():
                    return Interrupted()
                if self.left == 0:
                    continue
                if not self._servers:
                    raise
                # Another source may try.
                complain(str(error))
                self._incoming = None
                continue
            vm.partition.images = waiting.partition.images
            if incoming.paused or waiting.paused:
                vm.pause()
            return vm

    def _stay(self, reason: StopReason) -> StopReason:
        """The guest has left or ended; whoever controls us may still ask how it went, until `quit` or the time is
        over."""
        complain(f"{reason}; waiting for `quit` on a control socket")
        while not self.vm.partition.take_stop_request():
            if (expired := self._expired()) is not None:
                return expired
            self._wait()
        return Interrupted()

    def _expired(self) -> Timeout | None:
        return Timeout(self._timeout) if self.left == 0 and self._timeout is not None else None

    def _wait(self) -> None:
        """Until something happens to the machine, or the time is over."""
        self.vm.partition.wait_for_kick(LONGEST_WAIT if self.left is None else min(LONGEST_WAIT, self.left))
