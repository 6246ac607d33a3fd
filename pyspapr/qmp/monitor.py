"""The context of commands: the machine, and the state of a control socket."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypedDict

from pyspapr.qmp.errors import QmpError
from pyspapr.qmp.settings import Settings

if TYPE_CHECKING:
    from pyspapr.migration.compression import Compression
    from pyspapr.migration.destination import Incoming
    from pyspapr.migration.outgoing import Outgoing
    from pyspapr.partition import Partition


class DumpResult(TypedDict):
    """How a dump stands, of `total` bytes of RAM."""

    status: str
    completed: int
    total: int


class Controlled(Protocol):
    """A machine that can be controlled; a `pyspapr.Machine` is one."""

    @property
    def partition(self) -> Partition:
        """What it consists of."""
        ...

    def pause(self) -> None:
        """Let the guest stand still."""
        ...

    def resume(self) -> None:
        """Let it go on."""
        ...

    def reboot(self) -> None:
        """Start it anew."""
        ...

    def save(self, path: str, *, base: str | None = None, compression: Compression | None = None) -> None:
        """Write it to a file."""
        ...

    @property
    def start_migration(self) -> Callable[..., Outgoing]:
        """Begin to migrate it to a place, with the keywords of `MigrationOptions`."""
        ...

    @property
    def migration(self) -> Outgoing | None:
        """The migration that is under way, or the last one."""
        ...

    @property
    def migrating(self) -> Outgoing | None:
        """The migration that is under way."""
        ...

    @classmethod
    def restore(cls, path: str, *, base: str | None = None) -> Self:
        """One from a file."""
        ...


class Host(Protocol):
    """The program around a machine, if it can run another one in its place. Methods are called by any thread."""

    def exchange(self, vm: Any) -> None:
        """Run `vm` from now on."""
        ...

    def expect(self, uri: str, creds: str) -> None:
        """Wait for a machine at `uri` and run it. Raises SpaprError, also when none is expected.

        `creds` is a directory of TLS credentials, or empty.
        """
        ...

    def abandon(self) -> None:
        """End the process even if the thread that runs the machine is blocked."""
        ...


QUIT_SECONDS: Final = 10.0
"""Seconds that `quit` gives the thread that runs the machine to finish."""


class Monitor:
    """One for each server, shared by its clients."""

    def __init__(
        self,
        vm: Controlled,
        name: str | None,
        schedule: Callable[[Callable[[], None]], object],
        host: Host | None = None,
    ) -> None:
        """Control `vm`; `name` is what query-name says; `schedule` runs a function after the answer was sent."""
        self._vm: Controlled | None = vm
        self.name = name
        self.schedule = schedule
        self.host = host
        self.settings = Settings()
        self.starting = threading.Lock()
        """One migration begins at a time."""
        self.refused: str | None = None
        """Why the last migration did not begin."""
        self.arriving: Incoming[Any] | None = None
        """The machine that is on its way here, or has come."""
        self.dumped: DumpResult | None = None
        """How the last dump went."""
        self._quitting = threading.Lock()

    @property
    def vm(self) -> Controlled:
        """The machine. Raises QmpError once the control socket is closed: from then on nothing here keeps it."""
        if self._vm is None:
            raise QmpError("the control socket is closed")
        return self._vm

    @vm.setter
    def vm(self, vm: Controlled) -> None:
        self._vm = vm

    def leave(self) -> None:
        self._vm = self.host = self.arriving = None

    def quit(self) -> None:
        """End the run and emit the event. A migration in progress is cancelled, because the run might wait for its
        peer.

        No thread of ours can keep the process from ending: this waits in none, and those that wait are daemons.
        """
        if not self._quitting.acquire(blocking=False):
            return  # it was said before
        if self.host is not None:
            last = threading.Timer(QUIT_SECONDS, self.host.abandon)
            last.daemon = True
            last.start()
        if (outgoing := self.vm.migrating) is not None:
            threading.Thread(target=outgoing.cancel, name="qmp quit", daemon=True).start()
        if not self.vm.partition.post_to_run(self._quit):
            self._quit()

    def _quit(self) -> None:
        self._quitting.release()
        self.vm.partition.events.emit("SHUTDOWN", guest=False, reason="host-qmp-quit")
        self.vm.partition.stop()
        if self.arriving is not None:
            self.arriving.cancel()

    def listen(self, uri: str) -> None:
        """Wait for a machine at `uri`."""
        if self.host is None:
            raise QmpError("this program does not wait for a machine; use boot --incoming defer, or Machine.incoming")
        self.host.expect(uri, self.settings.tls_creds)

    def load(self, filename: str, base: str | None) -> None:
        """Put the machine of a file in the place of this one."""
        if self.host is None:
            raise QmpError("this program cannot exchange its machine; use Machine.restore")
        if self.vm.migrating is not None:
            raise QmpError("There's a migration process in progress")
        vm = type(self.vm).restore(filename, base=base)
        vm.partition.images = self.vm.partition.images
        if self.vm.partition.paused:
            vm.pause()
        self.host.exchange(vm)
