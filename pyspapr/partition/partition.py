"""The partition: what a machine consists of, and everything that its run loop, handlers, devices and migrations need.

`machine.Machine` is for users and has the verbs; this is what the package works with. Handlers and devices get it as
`vm`: `memory`, `cpus`, `console`, `config`, `device`, `interrupt`, `timebase` and `end` are for them.

It knows no device by name: whatever it does with one follows from its class (`pyspapr.device`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from pyspapr import config as config_module
from pyspapr import vmstate
from pyspapr._native import Hpt, Ram, Vcpu
from pyspapr.config import Engine, MachineConfig, check_timeout
from pyspapr.errors import ConfigError, StateError
from pyspapr.handlers import Hypercall
from pyspapr.host import forked
from pyspapr.partition import runloop
from pyspapr.partition.agenda import Agenda
from pyspapr.partition.board import Board
from pyspapr.partition.calls import ABANDONED
from pyspapr.partition.console import Console
from pyspapr.partition.control import Control
from pyspapr.partition.cpu import Cpu
from pyspapr.partition.idleness import Idleness
from pyspapr.partition.lifecycle import Lifecycle, State
from pyspapr.partition.memory import Memory
from pyspapr.partition.owner import CLOSED, Closed, owner
from pyspapr.partition.runstate import Events, Status, status_of
from pyspapr.partition.space import Space
from pyspapr.partition.state import SPAPR
from pyspapr.partition.watching import Watching
from pyspapr.results import Migrated, Panicked, PoweredOff, Rebooted, StopReason

if TYPE_CHECKING:
    from pyspapr.partition.roles import Bootable, Debugger, Outgoing, Recorder
    from pyspapr.partition.wanted import Until

    class DeviceKind(Protocol):
        """A class of devices that every machine has."""

        def of(self, vm: Any) -> Iterable[Any]:
            """Those that `vm` has."""
            ...


UUID: Final = bytes(16)

T = TypeVar("T")
D = TypeVar("D")


class Partition(Board, Control):
    """Processors, RAM, hash table and devices of one machine."""

    VMSTATE: Final = SPAPR

    def __init__(
        self,
        config: MachineConfig,
        kinds: Iterable[DeviceKind],
        hypercalls: Mapping[int, Hypercall],
        *,
        engine: Engine | None = None,
        ram: Ram | None = None,
        hpt: Hpt | None = None,
    ) -> None:
        """With devices of these kinds, and hypercalls that are no device's. Raises ConfigError."""
        self.config = config
        self.engine: Engine = engine or config_module.DEFAULT_ENGINE
        try:
            self.ram = Ram(config.ram_size) if ram is None else ram
            self.hpt = Hpt(config.table_shift) if hpt is None else hpt
        except (OSError, MemoryError) as error:
            raise ConfigError(f"the host cannot provide this machine's memory: {error}") from error
        this = self._this = owner(self, "this device")
        self.prepared_hpt: Hpt | None = None
        """What H_RESIZE_HPT_PREPARE has prepared."""
        self.uuid: bytes = UUID
        self.base: bytes | None = None
        """Last check of the file from which changes are counted."""
        self.life = Lifecycle()
        self.events = Events()
        self.idleness = Idleness()
        self.images: Bootable | None = None
        """What a reboot loads. Not part of a stream: set it after a restore, before the guest reboots."""
        self.migration: Outgoing | None = None
        """The outgoing migration in progress, or the last one."""
        self.frozen: object = None
        """What the machine was frozen as last, made from or put back to: the next snapshot may be the same."""
        self.recording: Recorder | None = None
        """What hears, or says, what the host decides."""
        self.deadline: runloop.Deadline | None = None
        """When every run ends, whatever its own limits are. Not part of the machine's state."""
        self.debugger: Debugger | None = None
        self.ran_again = False
        """Whether the run that goes on was interrupted by `run_again`."""
        Control.__init__(self, lambda: this().kick())
        Board.__init__(
            self,
            hypercalls,
            lambda index, level: setattr(this().cpus[index].vcpu, "external", level),
            lambda index, *areas: this().cpus[index].vcpu.set_areas(*areas),
        )
        self.memory = Memory(self.ram)
        self.cpus = [Cpu(vcpu, index) for index, vcpu in enumerate(self._processors())]
        self.console = Console(self, config.console_history)
        self.timebase: Callable[[], int] = lambda: this().current.vcpu.timebase
        """The machine's. A device can keep this function; it does not keep the machine."""
        self.space = Space(self.cpus)
        """Windows of devices, beside RAM."""
        self.watching = Watching(self.cpus)
        """Who hears of accesses before they happen."""
        self.agenda = Agenda()
        """What is to be done at an instruction count."""
        self.unbuffered = 0
        """How many must see each piece of output when the guest prints it."""
        for kind in kinds:
            for device in kind.of(self):
                self._add(device)
        self._add(self.console)
        forked.copied.add(self)

    def _processors(self) -> list[Vcpu]:
        config = self.config
        return Vcpu.group(
            self.ram,
            self.hpt,
            config.cpu,
            config.vcpus,
            clock=config.clock,
            strict=config.strict,
            seed=config.seed,
            engine=self.engine,
        )

    def furnish(self, config: MachineConfig, ram: Ram | None = None) -> None:
        """For a machine that arrives, before its state is loaded: its whole description, and RAM that has contents.

        `config` may differ from the one before in what no device is built from.
        """
        if ram is None and config == self.config:
            return
        self.config = config
        self.console.limit = config.console_history
        if ram is not None:
            self.ram = ram
            self.memory.use(ram)
        for cpu, vcpu in zip(self.cpus, self._processors(), strict=True):
            for number in self.not_native & vcpu.native_hypercalls():
                vcpu.set_native_hypercall(number, False)
            cpu.vcpu = vcpu
        self.space.furnish()
        self.watching.furnish()

    # Starting.

    def start(self, *, pc: int, r3: int = 0, r4: int = 0, r5: int = 0, r6: int = 0, r7: int = 0) -> None:
        """Reset every device, put the first processor at `pc` and stop all others; see `Machine.start`."""
        for name, value in (("pc", pc), ("r3", r3), ("r4", r4), ("r5", r5), ("r6", r6), ("r7", r7)):
            if not 0 <= value < 1 << 64:
                raise ValueError(f"register {name} has 64 bits and cannot hold {value:#x}")
        if pc % 4:
            raise ValueError(f"pc is {pc:#x}, expected a multiple of 4")
        self.check_standing("start anew")
        vmstate.check(self)
        self.prepared_hpt = None
        if self.hpt.shift == self.config.table_shift:
            self.hpt.clear()
        else:
            self.use_table(Hpt(self.config.table_shift))
        for device in self.devices:
            if (reset := getattr(device, "reset", None)) is not None:
                reset()
        for cpu in self.cpus:
            cpu.vcpu.external = False
        self.cpus[0].vcpu.reset(pc=pc, r3=r3, r4=r4, r5=r5, r6=r6, r7=r7)
        self.life.start()

    def boot(self, images: Bootable) -> None:
        """Load a kernel and start it."""
        self.check_standing("start another kernel")
        entry = images.load(self)
        self.images = images
        self.start(**entry)

    def reboot(self) -> None:
        """Load the same kernel again and start it; in the machine's thread."""
        self.check_standing("reboot")
        if self.images is None:
            raise StateError("there is no kernel to boot again: neither load_kernel() nor reboot_with() was called")
        guest = isinstance(self.ended, Rebooted)
        if self.recording is not None and not guest:
            self.recording.reset()
        self.boot(self.images)
        if self.running and not self.paused:
            self.life.launch()
        self.events.emit("RESET", guest=guest, reason="guest-reset" if guest else "host-qmp-system-reset")

    def check_standing(self, what: str) -> None:
        """Raise StateError if `what` is not allowed now: in a handler, from another thread, or without the guest."""
        if self.serving:
            raise StateError(f"a hypercall handler is running: it cannot {what}, but it may end() the run")
        if self._calls.elsewhere:
            raise StateError(f"another thread runs the machine: it cannot {what} before stop(), but it can reboot()")
        if self.absent is not None:
            raise StateError(f"{self.absent}: this machine cannot {what}")

    def use_table(self, hpt: Hpt) -> None:
        """Translations come from `hpt` from now on."""
        self.hpt = hpt
        for cpu in self.cpus:
            cpu.vcpu.set_hpt(hpt)

    def flush_translations(self) -> None:
        """Processors forget what they remember of the hash table and of memory's mapping."""
        for cpu in self.cpus:
            cpu.vcpu.flush_translations()

    # Running.

    @property
    def current(self) -> Cpu:
        """The processor that has the turn: processors execute one after the other."""
        return self.cpus[self.cpus[0].vcpu.current]

    @property
    def instructions(self) -> int:
        """Instructions that all processors of the machine have executed since it was first made."""
        return self.cpus[0].vcpu.machine_instructions

    @property
    def nanos(self) -> int:
        """The guest's time: nanoseconds since the machine was made."""
        return self.cpus[0].vcpu.machine_nanos

    def run(
        self,
        *,
        max_instructions: int | None = None,
        timeout: float | None = None,
        guest_timeout: float | None = None,
        until: Until = None,
    ) -> StopReason:
        """Run the guest and say why it stopped; see `Machine.run`."""
        return self._run(runloop.Run(self, max_instructions, timeout, until, guest_timeout=guest_timeout))

    def limit_time(self, seconds: float | None) -> None:
        """Set or remove the deadline; see `Machine.limit_time`."""
        check_timeout(seconds)
        if self.config.clock != "virtual":
            raise StateError("limit_time() needs the virtual clock: the host's goes on while the guest does not run")
        self.deadline = None if seconds is None else runloop.Deadline(self.nanos + int(seconds * 1e9), seconds)

    def run_beside(self, migration: Outgoing) -> StopReason:
        """As `run`, until `migration` has ended as well; then `Interrupted` if it did not take the guest away."""
        return self._run(runloop.Run(self, migration=migration))

    def run_again(self, count: int) -> StopReason:
        """Execute up to instruction `count` again, at once, in the thread that has the machine; see `runloop.Again`."""
        paused, self.life.paused = self.life.paused, False
        run = runloop.Again(self, count)
        try:
            with run.interruption:
                return run.go()
        finally:
            self.life.paused = paused
            self.ran_again = True

    def _run(self, run: runloop.Run) -> StopReason:
        if not self.life.started:
            raise StateError("there is nothing to run: call load_kernel() first")
        if self.life.over:
            if not self.running and (matched := run.matched()) is not None:
                return matched
            advice = "" if isinstance(self.ended, Migrated) else "; call reboot() or load_kernel() before running on"
            raise StateError(f"{self.ended}{advice}")
        with run.interruption:
            self._calls.begin()
            try:
                self.life.run()
                if not self.paused:
                    self.go_on()
                reason = run.go()
                if self.recording is not None:
                    self.recording.returned(reason)
                return reason
            finally:
                if (migration := self.migrating) is not None and isinstance(self.ended, PoweredOff | Panicked):
                    migration.step()  # so that it notices
                self._calls.end()

    def end(self, reason: StopReason) -> None:
        """For handlers: the run ends with `reason` after the current hypercall. Raises TypeError for what is none."""
        if not isinstance(reason, StopReason):
            raise TypeError(f"a run ends with a StopReason, not {reason!r}")
        self.life.end(reason)
        match reason:
            case PoweredOff():
                self.events.emit("SHUTDOWN", guest=True, reason="guest-shutdown")
            case Panicked():
                self.events.emit("GUEST_PANICKED", action="pause")

    def pause(self) -> None:
        """The guest stands still until `resume`; in the machine's thread."""
        if not self.life.paused:
            self.life.paused = True
            self.events.emit("STOP")

    def resume(self) -> None:
        """The guest goes on after `pause`; in the machine's thread. Raises StateError if it needs a reset."""
        if self.life.over:
            advice = "" if isinstance(self.ended, Migrated) else "; it can only be reset"
            raise StateError(f"{self.ended}{advice}")
        if self.life.paused:
            self.life.paused = False
            if self.running:
                self.go_on()
            self.events.emit("RESUME")

    def nmi(self) -> None:
        """Interrupt the guest as an operator does: a system reset of each processor that runs; in the machine's thread.

        Raises StateError if there is no guest that it could interrupt, or a recording, which has no place for it.
        """
        if self.life.over or not self.life.started:
            raise StateError(str(self.ended or "there is no guest to interrupt"))
        if self.recording is not None:
            raise StateError("the machine is recorded or replayed, and a recording has no place for this interrupt")
        for cpu in self.cpus:
            if not cpu.vcpu.stopped:
                cpu.vcpu.system_reset()

    def go_on(self) -> None:
        """The guest, which stood still, is about to execute instructions."""
        if self.recording is None or self.recording.going_on():
            for cpu in self.cpus:
                cpu.vcpu.go_on(self.life.launched)
        self.life.launch()

    # How it stands.

    @property
    def ended(self) -> StopReason | None:
        """Why the last run ended, if the guest or a migration ended it."""
        return self.life.ended

    @property
    def serving(self) -> bool:
        """Whether a hypercall has no result yet."""
        return self.life.state is State.HANDLING

    @property
    def paused(self) -> bool:
        """Whether `pause` was called and `resume` was not."""
        return self.life.paused

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._calls.closed

    @property
    def absent(self) -> str | None:
        """Why the guest is not here, or None. It was migrated away, has not arrived yet, or the machine belonged to a
        thread that a child of fork does not have. Such a machine can only be inspected.
        """
        if self.closed:
            return CLOSED
        if self._calls.abandoned:
            return ABANDONED
        if isinstance(self.ended, Migrated):
            return str(self.ended)
        return "a machine is expected here" if self.life.state is State.EXPECTED else None

    @property
    def status(self) -> Status:
        """How the machine stands, in QEMU's words."""
        return status_of(self.life, self.running or self.awaited)

    @property
    def migrating(self) -> Outgoing | None:
        """The migration away from here that is under way."""
        return self.migration if self.migration is not None and not self.migration.ended.is_set() else None

    # The end.

    def close(self) -> None:
        """Give back RAM, hash table and processors now; see `Machine.close`."""
        if self.closed:
            return
        if (migration := self.migrating) is not None and not self.running:
            migration.cancel()
        self._calls.close()
        self.life.close()
        self.memory.close()
        self.space.close()
        self.watching.close()
        self.agenda.clear()
        self.intercepted.clear()
        self.intercepted_rtas.clear()
        for cpu in self.cpus:
            cpu.close()
        self.ram, self.hpt, self.prepared_hpt = cast(Ram, Closed()), cast(Hpt, Closed()), None
        self.frozen = None
        self.hypercalls.clear()

    def after_fork(self) -> None:
        """In a child of `os.fork()`: make locks anew that other threads held, and forget what those were doing."""
        self._calls.after_fork()
        self.console.after_fork()
        self._kicked = threading.Event()
        self._kicked.set()
        if (migration := self.migrating) is not None:
            migration.after_fork()
            self.migration = None  # the threads that carry it out are the parent's
            self.life.stay()
        self.events.after_fork()
        if self.recording is not None:
            self.recording.after_fork(self)

    # Looking.

    def state_hash(self) -> str:
        """SHA-256 over RAM, hash table, processors and devices: equal for equal machines, to the last byte."""
        import hashlib
        import json

        digest = hashlib.sha256()
        digest.update(self.ram.digest())
        digest.update(self.hpt.digest())
        for cpu in self.cpus:
            digest.update(cpu.vcpu.digest())
            digest.update(cpu.vcpu.instructions.to_bytes(8, "big"))
            if len(self.cpus) > 1:
                digest.update(bytes((cpu.vcpu.halted, cpu.vcpu.stopped)))
        digest.update(json.dumps(vmstate.observable(self), sort_keys=True).encode())
        return digest.hexdigest()
