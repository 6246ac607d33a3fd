"""A machine: processor, RAM, hash table and devices, wired together.

    vm = Machine(memory="1G", cpu="power8")
    vm.load_kernel("vmlinux", initrd="initrd.img", append="console=hvc0")
    reason = vm.run(timeout=60)

A machine is used by one thread at a time. Other threads may call `kick`, `stop`, `pause`, `resume`, `reboot`, `call`,
`post` and `console.write`, also while it runs: what touches the guest's state is then done by the thread that runs it,
between two instructions.

A machine's memory is given back when the last reference to it goes, without the collector of cycles. Its console and
devices do not keep it; `memory` and `cpus` keep what they show.
`close`, or the end of the machine's `with`, gives it back at once, whoever still has references.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, Unpack, cast

from pyspapr import config as config_module
from pyspapr import hcall, vmstate
from pyspapr._native import Hpt, Ram, Vcpu
from pyspapr.config import RTC_EPOCH, Description, Engine, MachineConfig, whole
from pyspapr.devices import nvram, vty
from pyspapr.devices.console import Console
from pyspapr.devices.nvram import Nvram
from pyspapr.devices.rtc import Rtc
from pyspapr.devices.spapr import Random, Registered
from pyspapr.devices.vty import Vty
from pyspapr.devices.xics import Icp, Ics
from pyspapr.errors import ConfigError, StateError
from pyspapr.hcall.registry import Handler
from pyspapr.host import forked
from pyspapr.host.limits import host_limits
from pyspapr.migration.options import MigrationOptions, keywords_of
from pyspapr.migration.prepare import unchanged
from pyspapr.partition import runloop
from pyspapr.partition.calls import ABANDONED, Calls
from pyspapr.partition.cpu import Cpu
from pyspapr.partition.idleness import Idleness
from pyspapr.partition.memory import Memory
from pyspapr.partition.owner import CLOSED, Closed, owner
from pyspapr.partition.runstate import Events, Status, status_of
from pyspapr.partition.space import Space
from pyspapr.partition.state import SPAPR
from pyspapr.plain import unknown
from pyspapr.results import Migrated, Panicked, PoweredOff, Rebooted, StopReason

if TYPE_CHECKING:  # and imported by the methods that need them: most machines never move, and many do not boot
    import ssl
    from concurrent.futures import Future

    from typing_extensions import Buffer

    from pyspapr import boot
    from pyspapr.devices.console import Found
    from pyspapr.host.paths import Path
    from pyspapr.migration.compression import Compression
    from pyspapr.migration.outgoing import Outgoing
    from pyspapr.migration.snapshot import Snapshot
    from pyspapr.migration.statistics import MigrationStatistics
    from pyspapr.partition.runloop import Until, Wanted
    from pyspapr.qmp import QmpServer
    from pyspapr.replay.recording import Recording, Replay
    from pyspapr.testing.shell import ShellResult

UUID: Final = bytes(16)

T = TypeVar("T")


class Machine:
    """A pseries machine. Raises ConfigError for a description that cannot be built."""

    VMSTATE: Final = SPAPR

    @host_limits("build a machine")
    def __init__(
        self,
        config: MachineConfig | None = None,
        *,
        engine: Engine | None = None,
        ram: Ram | None = None,
        hpt: Hpt | None = None,
        **description: Unpack[Description],
    ) -> None:
        """Build from `config`, or else from the keywords of `MachineConfig`. Raises TypeError when both are there.

        These are memory, max_memory, cpu, vcpus, clock, seed, strict, hpt_shift, rtc_base and console_history. `engine`
        runs the instructions; see `config.DEFAULT_ENGINE`.

        `ram` and `hpt` are for machines that come from a stream: with contents, instead of zeroes.
        """
        if not isinstance(config, MachineConfig | None):
            raise TypeError(f"a MachineConfig describes a machine, or keywords do, but not {config!r}")
        if config is not None and description:
            raise TypeError(f"a machine is described by a MachineConfig or by {', '.join(description)}, not by both")
        for name in description:
            if name not in MachineConfig._names:
                raise unknown("Machine", name, (*MachineConfig._names, "engine"))
        self.config = MachineConfig(**description) if config is None else config
        self.engine: Engine = engine or config_module.DEFAULT_ENGINE
        try:
            self.ram = Ram(self.config.ram_size) if ram is None else ram
            self.hpt = Hpt(self.config.table_shift) if hpt is None else hpt
        except (OSError, MemoryError) as error:
            raise ConfigError(f"the host cannot provide this machine's memory: {error}") from error
        this = owner(self, "this device")
        self.prepared_hpt: Hpt | None = None
        """What H_RESIZE_HPT_PREPARE has prepared."""
        self.memory = Memory(self.ram)
        self.uuid: bytes = UUID

        self.base: bytes | None = None
        """Last check of the file from which changes are counted."""
        self.serving = False
        """Whether a hypercall has no result yet."""
        self._kicked = threading.Event()
        self._stop_requested = False
        self._calls = Calls(lambda: this().kick())
        self.images: boot.Images | None = None
        """What a reboot loads. Not part of a stream: set it after a restore, before the guest reboots."""
        self.started = False
        self.events = Events()
        self.idleness = Idleness()
        self.launched = False
        """Whether the guest was run since its start."""
        self.phase: Status | None = None
        """For migrations: the status they say it has."""
        self.migration: Outgoing | None = None
        """The outgoing migration in progress, or the last one."""
        self._paused = False
        self.recording: Recording | Replay | None = None
        """What hears, or says, what the host decides."""
        self.ended: StopReason | None = None

        vcpus = [
            Vcpu(
                self.ram,
                self.hpt,
                self.config.cpu,
                index=index,
                clock=self.config.clock,
                strict=self.config.strict,
                seed=self.config.seed,
                engine=self.engine,
            )
            for index in range(self.config.vcpus)
        ]
        self.cpus = [Cpu(vcpu, index) for index, vcpu in enumerate(vcpus)]
        self.space = Space(vcpus)
        self.registered = [Registered() for _ in vcpus]

        ics = self.ics = Ics()
        self.icps = [Icp(self.ics, index, self._line(this, index)) for index in range(len(vcpus))]
        self.console = Console(self, self.config.console_history)
        irq = ics.claim(vty.IRQ)
        ics.claim(nvram.IRQ)
        self.vty = Vty(self.console, lambda: ics.pulse(irq))
        self.nvram = Nvram()
        self.rtc = Rtc(
            RTC_EPOCH if self.config.rtc_base is None else self.config.rtc_base,
            lambda: this().cpus[0].vcpu.timebase,
        )
        self.random = Random(self.config.seed)

        self.devices: list[Any] = []
        self.hypercalls = dict(hcall.TABLE)
        forked.copied.add(self)

    @staticmethod
    def _line(this: Callable[[], Machine], index: int) -> Callable[[bool], None]:
        def drive(level: bool) -> None:
            this().cpus[index].vcpu.external = level

        return drive

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Neither `copy` nor `pickle` can duplicate a machine; use `snapshot().fork()`."""
        raise TypeError("a machine is copied with snapshot().fork(), and given to other processes with save()")

    def __enter__(self) -> Self:
        """It is there already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Free RAM, hash table and processors now. Anything that needs them raises StateError from then on. The
        console's history can still be read. A migration in progress is cancelled. Raises StateError while the machine
        runs, and in its handlers; closing once more does nothing.
        """
        if self._calls.closed:
            return
        if (migration := self.migrating) is not None and not self.running:
            migration.cancel()
        self._calls.close()
        self.memory.close()
        self.space.close()
        for cpu in self.cpus:
            cpu.close()
        self.ram, self.hpt, self.prepared_hpt = cast(Ram, Closed()), cast(Hpt, Closed()), None
        self.hypercalls.clear()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._calls.closed

    def __repr__(self) -> str:
        """What it is and how it stands."""
        if self.closed:
            return f"<Machine {self.config.cpu}, closed>"
        state = "ended" if self.ended else "started" if self.started else "empty"
        return f"<Machine {self.config.cpu} {len(self.memory) >> 20} MiB, {state}>"

    # Starting.

    @host_limits("load a kernel")
    def load_kernel(
        self,
        kernel: str | os.PathLike[str],
        *,
        initrd: str | os.PathLike[str] | None = None,
        append: str = "",
    ) -> None:
        """Load a 64-bit PowerPC kernel as the boot protocol requires: an ELF file, compressed, or a zImage.

        Raises ImageError, also when a zImage that has an initrd or arguments of its own is given others.
        """
        from pyspapr import boot

        self._boot(boot.Images(kernel=kernel, initrd=initrd, append=append))

    def reboot_with(
        self,
        kernel: str | os.PathLike[str],
        *,
        initrd: str | os.PathLike[str] | None = None,
        append: str = "",
    ) -> None:
        """What `reboot` loads, for a machine that was restored: no stream says where its kernel came from."""
        from pyspapr import boot

        self.images = boot.Images(kernel=kernel, initrd=initrd, append=append)

    def _boot(self, images: boot.Images) -> None:
        from pyspapr import boot

        self._check_standing("start another kernel")
        entry = boot.load(self.memory, self.config, images, self.random)
        self.images = images
        self.start(**entry.as_dict())

    def start(self, *, pc: int, r3: int = 0, r4: int = 0, r5: int = 0, r6: int = 0, r7: int = 0) -> None:
        """Reset every device and put the processor at `pc`: 64-bit, big-endian, real mode. RAM stays as it is.

        Raises ValueError for what a register does not hold, and for a `pc` that is no multiple of 4.
        """
        for name, value in (("pc", pc), ("r3", r3), ("r4", r4), ("r5", r5), ("r6", r6), ("r7", r7)):
            if not 0 <= value < 1 << 64:
                raise ValueError(f"register {name} has 64 bits and cannot hold {value:#x}")
        if pc % 4:
            raise ValueError(f"pc is {pc:#x}, expected a multiple of 4")
        self._check_standing("start anew")
        vmstate.check(self)
        self.prepared_hpt = None
        if self.hpt.shift == self.config.table_shift:
            self.hpt.clear()
        else:
            self.use_table(Hpt(self.config.table_shift))
        self.ics.reset()
        for icp in self.icps:
            icp.reset()
        self.vty.reset()
        self.registered = [Registered() for _ in self.cpus]
        vcpu = self.cpus[0].vcpu
        vcpu.halted = False
        vcpu.external = False
        vcpu.reset(pc=pc, r3=r3, r4=r4, r5=r5, r6=r6, r7=r7)
        self.ended = None
        self.phase = None
        self.started = True
        self.launched = False

    def _check_standing(self, what: str) -> None:
        """Raise StateError if `what` is not allowed now: in a handler, from another thread, or without the guest."""
        if self.serving:
            raise StateError(f"a hypercall handler is running: it cannot {what}, but it may end() the run")
        if self._calls.elsewhere:
            raise StateError(f"another thread runs the machine: it cannot {what} before stop(), but it can reboot()")
        if self.absent is not None:
            raise StateError(f"{self.absent}: this machine cannot {what}")

    def use_table(self, hpt: Hpt) -> None:
        """For resizing: translations come from `hpt` from now on."""
        self.hpt = hpt
        for cpu in self.cpus:
            cpu.vcpu.set_hpt(hpt)

    @host_limits("reboot a machine")
    def reboot(self) -> None:
        """Load the same kernel again and start it. NVRAM, the clock and the rest of RAM stay."""
        self.call(self._reboot)

    def _reboot(self) -> None:
        self._check_standing("reboot")
        if self.images is None:
            raise StateError("there is no kernel to boot again: neither load_kernel() nor reboot_with() was called")
        guest = isinstance(self.ended, Rebooted)
        if self.recording is not None and not guest:
            self.recording.reset()
        self._boot(self.images)
        self.launched = self.running and not self.paused
        self.events.emit("RESET", guest=guest, reason="guest-reset" if guest else "host-qmp-system-reset")

    # Running.

    def run(
        self,
        *,
        max_instructions: int | None = None,
        timeout: float | None = None,
        guest_timeout: float | None = None,
        until: Until = None,
    ) -> StopReason:
        """Run the guest and say why it stopped.

        `max_instructions` counts from now, exactly. `timeout` is in seconds of host time and so not repeatable;
        `guest_timeout` is in seconds of the guest's, and with virtual time ends a run at the same instruction always.
        `until` ends the run when the text, or what the pattern matches, appears on the console after the last match;
        what is there already is found before anything runs, also when the guest has ended. Of a list, whatever
        appears first ends it.
        Ctrl-C raises KeyboardInterrupt between two instructions; the machine can be run on afterwards. It waits for a
        hypercall's handler to return, unless that runs another machine or it is pressed once more half a second later.
        An exception of a handler is raised here, and the next run repeats that hypercall. So is an exception of a
        console's sink; the history has the output.
        """
        if max_instructions is not None and (max_instructions := whole("max_instructions", max_instructions)) < 0:
            raise ConfigError(f"max_instructions is {max_instructions}, expected 0 or more")
        return self._run(runloop.Run(self, max_instructions, timeout, until, guest_timeout=guest_timeout))

    @property
    def nanos(self) -> int:
        """The guest's time: nanoseconds since the machine was made. With virtual time one instruction takes one."""
        return self.cpus[0].vcpu.nanos

    def run_beside(self, migration: Outgoing) -> StopReason:
        """As `run`, until `migration` has ended as well; then `Interrupted` if it did not take the guest away."""
        return self._run(runloop.Run(self, migration=migration))

    def _run(self, run: runloop.Run) -> StopReason:
        if not self.started:
            raise StateError("there is nothing to run: call load_kernel() first")
        if self.ended is not None and self.ended.final:
            if not self.running and (matched := run.matched()) is not None:
                return matched
            advice = "" if isinstance(self.ended, Migrated) else "; call reboot() or load_kernel() before running on"
            raise StateError(f"{self.ended}{advice}")
        with run.interruption:
            self._calls.begin()
            try:
                self.ended = None
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
        self.ended = reason
        match reason:
            case PoweredOff():
                self.events.emit("SHUTDOWN", guest=True, reason="guest-shutdown")
            case Panicked():
                self.events.emit("GUEST_PANICKED", action="pause")

    def pause(self) -> None:
        """Stop the guest until `resume`; a run keeps waiting. For any thread. With the host's clock the time of day
        advances, and is right when the guest runs again.
        """
        self.call(self._pause)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self.events.emit("STOP")

    def resume(self) -> None:
        """Resume the guest after `pause`. Raises StateError when only a reset can help. For any thread."""
        self.call(self._resume)

    def _resume(self) -> None:
        if self.ended is not None and self.ended.final:
            advice = "" if isinstance(self.ended, Migrated) else "; it can only be reset"
            raise StateError(f"{self.ended}{advice}")
        if self._paused:
            self._paused = False
            if self.running:
                self.go_on()
            self.events.emit("RESUME")

    def go_on(self) -> None:
        """For runs: the guest, which stood still, is about to execute instructions."""
        if self.recording is None or self.recording.going_on():
            for cpu in self.cpus:
                cpu.vcpu.go_on(self.launched)
        self.launched = True

    @property
    def paused(self) -> bool:
        """Whether `pause` was called and `resume` was not."""
        return self._paused

    @property
    def running(self) -> bool:
        """Whether a thread is in `run`, paused or not."""
        return self._calls.running

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
        return "a machine is expected here" if self.phase is Status.INMIGRATE else None

    @property
    def status(self) -> Status:
        """How the machine stands, in QEMU's words."""
        return status_of(self)

    def stop(self) -> None:
        """End the current run, or the next one at its start, with `Interrupted`. Any thread may call this."""
        self._stop_requested = True
        self.kick()

    def when_run(self, function: Callable[[], object]) -> None:
        """Have the next run call `function` when it has begun. For any thread."""
        self._calls.leave(function)

    def kick(self) -> None:
        """Make the run loop look at its inputs. Any thread may call this."""
        self._kicked.set()
        if self.running:
            for cpu in self.cpus:
                cpu.vcpu.kick()

    def call(self, function: Callable[[], T]) -> T:
        """The result of `function`, called while no instruction runs. For any thread.

        The thread that runs the machine does it, also while the guest sleeps or is paused; when there is none, the
        calling thread does.
        """
        return self.post(function).result()

    def post(self, function: Callable[[], T]) -> Future[T]:
        """As `call`, without waiting for the result."""
        return self._calls.submit(function)

    def post_to_run(
        self, function: Callable[[], T], *answer: Callable[[T | None, BaseException | None], object]
    ) -> bool:
        """As `post`, but only to another thread that runs the machine; False when there is none. Never blocks.

        That thread calls `answer`, if given, with the result and None, or None and the error.
        """
        return self._calls.hand_over(function, *answer)

    @property
    def thread(self) -> int | None:
        """The host's number of the thread that runs the machine, or None when none does."""
        return self._calls.thread

    def run_posted(self) -> None:
        """For the run loop: carry out what was posted."""
        self._calls.serve()

    def take_stop_request(self) -> bool:
        """For the run loop: whether `stop` was called; the request is consumed."""
        requested, self._stop_requested = self._stop_requested, False
        return requested

    def wait_for_kick(self, seconds: float) -> None:
        """For the run loop: sleep until `kick`, at most `seconds`."""
        self._kicked.wait(seconds)
        self._kicked.clear()

    def after_fork(self) -> None:
        """In a child of `os.fork()`: make locks anew that other threads held, and forget what those were doing."""
        self._calls.after_fork()
        self.console.after_fork()
        self._kicked = threading.Event()
        self._kicked.set()
        if (migration := self.migrating) is not None:
            migration.after_fork()
            self.migration = self.phase = None  # the threads that carry it out are the parent's
        self.events.after_fork()
        if self.recording is not None:
            self.recording.after_fork(self)

    @host_limits("open a control socket", threads=True, descriptors=4)
    def serve_qmp(self, address: str, *, name: str | None = None) -> QmpServer:
        """Open a control socket at `unix:PATH` or `tcp:[HOST:]PORT` that speaks QMP, until its `close`."""
        from pyspapr.qmp import QmpServer

        return QmpServer(self, address, name=name)

    def record(self, path: Path) -> Recording:
        """Record what the host decides from now on: its clock, input, resets. A context manager.

        The machine must not have run yet. `Machine.replay` makes the same run again. Raises StateError.
        """
        from pyspapr.replay.recording import Recording

        return Recording(self, path)

    @classmethod
    def replay(
        cls,
        path: Path,
        *,
        kernel: Path,
        initrd: Path | None = None,
        engine: Engine | None = None,
    ) -> Machine:
        """A machine whose `run` does the recorded run again, on either engine, and ends with `Replayed`.

        `kernel` and `initrd` are the files that were booted. Raises ReplayError for others, and from `run` when the
        guest does anything else, saying where; StreamError for a damaged file. For a machine that was restored
        before it was recorded, restore it again and call `recording.attach`.
        """
        from pyspapr.replay.recording import replay

        return replay(path, kernel, initrd, engine)

    # Hypercalls.

    def hypercall(self, number: int, name: str, *, replace: bool = False) -> Callable[[Handler], Handler]:
        """A decorator that adds a hypercall to this machine, or replaces one if it says so, native ones included.

        `hcall.registry` says what the function gets and returns. It belongs to this machine only: what is restored or
        forked gets its own from the `prepare` of `restore` and `snapshot`. Raises ValueError when the machine has a
        hypercall of that number already, its own or built in, and `replace` is not set.
        """

        def enter(handler: Handler) -> Handler:
            added = hcall.row(number, name, handler)
            native = [cpu.vcpu for cpu in self.cpus if number in cpu.vcpu.native_hypercalls()]
            if not replace and (number in self.hypercalls or native):
                known = "built in" if native else self.hypercalls[number].name
                raise ValueError(f"hypercall {number:#x} is {known} already: {name} replaces it only with replace=True")
            self.hypercalls[number] = added
            for cpu in self.cpus:
                cpu.vcpu.close_terminal()
            for vcpu in native:
                vcpu.set_native_hypercall(number, False)
            return handler

        return enter

    def has_own(self, number: int) -> bool:
        """Whether this machine's hypercall `number` is the one of the package and nobody's replacement."""
        return self.hypercalls.get(number) is hcall.TABLE.get(number)

    def call_hypercall(self, cpu: Cpu, number: int, *arguments: int) -> tuple[int, ...]:
        """Return code and results of a hypercall from the table."""
        row = self.hypercalls.get(number)
        if row is None:
            return (hcall.H_FUNCTION,)
        return row(self, cpu, tuple(arguments) + (0,) * (9 - len(arguments)))

    def serve_hypercall(self, cpu: Cpu) -> None:
        """For the run loop: answer the hypercall that `cpu` has made."""
        vcpu = cpu.vcpu
        registers = vcpu.hypercall()
        row = self.hypercalls.get(registers[0])
        if row is None:
            vcpu.hypercall_return((hcall.H_FUNCTION,))
            return
        self.serving = True
        try:
            vcpu.hypercall_return(row(self, cpu, registers[1:]))
        finally:
            self.serving = False

    # Saving.

    @host_limits("save a machine")
    def save(
        self,
        path: str | os.PathLike[str],
        *,
        base: str | os.PathLike[str] | None = None,
        compression: Compression | None = None,
    ) -> None:
        """Write the machine to a file, whole or not at all. For any thread, also while the guest runs.

        With `base`, a file saved before, only pages that differ from it are written, and a restore needs both.
        `compression` (`"zstd"`, `"lz4"`) makes a smaller file that has to be read, not mapped. Raises StateError when
        the file cannot be written (an older one stays as it was) or the guest was migrated away.
        """
        from pyspapr.migration import files

        self.call(lambda: files.save_file(self, path, base, compression))

    @classmethod
    @host_limits("restore a machine")
    def restore(
        cls,
        path: str | os.PathLike[str],
        *,
        base: str | os.PathLike[str] | None = None,
        verify: bool = False,
        prepare: Callable[[Machine], None] = unchanged,
    ) -> Machine:
        """Restore the machine of a file. Raises StreamError, and ImageError when the file cannot be read.

        An uncompressed file is mapped, so the machine starts at once, and must not change while the machine lives;
        `verify` reads all of it first and compares its digest. `prepare` gets the new machine before its state is
        loaded, to add devices and hypercalls of your own: none comes from the file.
        """
        from pyspapr.migration import files

        return files.restore_file(path, base=base, verify=verify, prepare=prepare)

    @host_limits("freeze a machine")
    def snapshot(self, prepare: Callable[[Machine], None] = unchanged) -> Snapshot:
        """The machine as it stands, in memory; `snapshot.fork()` makes machines from it. For any thread.

        `prepare` gives each its devices and hypercalls of your own, as in `restore`: this machine's are its alone.
        Raises StateError when the guest was migrated away.
        """
        from pyspapr.migration.snapshot import take

        return self.call(lambda: take(self, prepare))

    @classmethod
    def from_snapshot(cls, taken: Snapshot) -> Machine:
        """As `taken.fork()`."""
        return taken.fork()

    # Migrating.

    @property
    def migrating(self) -> Outgoing | None:
        """The outgoing migration in progress."""
        return self.migration if self.migration is not None and not self.migration.ended.is_set() else None

    @keywords_of(MigrationOptions)
    @host_limits("migrate a machine", threads=True)
    def start_migration(self, place: object, **options: Any) -> Outgoing:
        """Begin to migrate; the thread that is in `run`, or the next that is, carries it out beside the guest.

        `place` is an address (`migration.uri` lists the kinds) or an object with `read` and `write`; the keywords are
        `MigrationOptions`. Returns once the destination has agreed to take such a machine. Raises MigrationError when
        it does not, and StateError when there is nothing to migrate.
        """
        if not self.started or self.absent is not None or (self.ended is not None and self.ended.final):
            why = self.absent or self.ended or "load_kernel() was not called"
            raise StateError(f"there is nothing to migrate: {why}")
        if self.migrating is not None:
            raise StateError("a migration is under way already")
        from pyspapr.migration.outgoing import Outgoing

        self.migration = Outgoing(self, place, MigrationOptions(**options))
        self.kick()
        return self.migration

    @keywords_of(MigrationOptions)
    @host_limits("migrate a machine", threads=True)
    def migrate(self, place: object, **options: Any) -> MigrationStatistics:
        """Migrate, with the guest running meanwhile: here, or in the thread that is in `run`. See `start_migration`.

        Raises MigrationError when it did not happen (the guest can be run on), MigrationCancelled, and
        MigrationUnconfirmed when it is not known where the guest runs.
        """
        if self._calls.inside:
            raise StateError("this thread runs the machine and cannot wait for it to migrate: call start_migration()")
        from pyspapr.migration.drive import drive

        return drive(self, self.start_migration(place, **options))

    @classmethod
    @host_limits("take in a machine", threads=True)
    def incoming(
        cls,
        place: object,
        *,
        config: MachineConfig | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float | None = None,
        on_progress: Callable[[MigrationStatistics], None] | None = None,
        on_rejected: Callable[[str], None] | None = None,
        prepare: Callable[[Machine], None] = unchanged,
    ) -> Machine:
        """Wait for a machine to come to `place`, and return it; `run` goes on where its source stopped.

        `config` is what the machine must be, by default any is welcome. `timeout` bounds everything until the machine
        is here, in seconds; `on_rejected` is called with the reason when a peer is rejected. Raises MigrationError or
        StreamError, with nothing left behind, and ConfigError for an invalid timeout. (`migration.destination.Incoming`
        does the same in two steps, for those who want to know the port before.)
        """
        from pyspapr.migration import destination

        return destination.Incoming(
            place,
            config=config,
            tls=tls,
            timeout=timeout,
            on_progress=on_progress,
            on_rejected=on_rejected,
            prepare=prepare,
        ).receive()

    def give_up(self, reason: Migrated) -> None:
        """For migrations: this machine never runs its guest again, nor another one, except after `reclaim`."""
        self.ended = reason
        self.phase = Status.POSTMIGRATE

    def take_back(self) -> None:
        """For migrations: undo `give_up`, if certainly no other side was told to run the guest."""
        self.ended = None
        self.phase = None

    def reclaim(self) -> None:
        """Take back the right to run a guest that was migrated away.

        Call this only if certainly no other side runs it: after MigrationUnconfirmed, when the destination has said
        so, or after a migration into a file. Raises StateError when the guest was not migrated.
        """
        if not isinstance(self.ended, Migrated):
            raise StateError("the guest was not migrated away")
        self.take_back()
        if self.migration is not None and not self.migration.was_paused:
            self.resume()

    def add_device(self, device: Any) -> None:
        """Add a device of your own: it is saved with the machine. Raises ConfigError without a schema, and for a
        device that is part of the machine already.

        The class of `device` needs a table `VMSTATE`; a method `state()`, if there is one, goes into the state hash.
        """
        vmstate.table_of(device)
        if any(device is part for part in self.parts()):
            raise ConfigError(f"{device!r} is part of this machine already")
        self.devices.append(device)

    def parts(self) -> list[Any]:
        """Everything of this machine that has state, RAM and the hash table excepted."""
        fixed = [self.ics, *self.icps, self.vty, self.nvram, self.rtc, self.random, self.console]
        return [self, *self.cpus, *self.registered, *fixed, *self.devices]

    # The console and the shell at it.

    def expect(
        self, wanted: Wanted | Sequence[Wanted], *, timeout: float | None = None, host_timeout: float | None = None
    ) -> Found:
        """As `console.expect`: run the guest until one of `wanted` appears on the console."""
        return self.console.expect(wanted, timeout=timeout, host_timeout=host_timeout)

    def send(self, line: str | Buffer) -> None:
        """As `console.send`: type a line."""
        self.console.send(line)

    def shell(self, command: str, *, timeout: float = 60.0, ready_timeout: float = 300.0) -> ShellResult:
        """Run `command` in the shell at the console: its `status` and `output`, and the `seconds` that it took.

        Both limits are in seconds of the guest's time: for the shell to answer, for which the guest may have to boot,
        and for the command. It runs in a subshell that reads nothing. Raises ExpectError, with the end of the console.
        """
        from pyspapr.testing.shell import Shell

        return Shell(self).run(command, timeout=timeout, ready_timeout=ready_timeout)

    def put(self, path: str, data: str | Buffer, *, timeout: float = 60.0) -> None:
        """Write `data` into the guest's file `path`, by the shell at the console. Raises ShellError, ExpectError."""
        from pyspapr.testing.shell import Shell

        Shell(self).put(path, data, timeout=timeout)

    def get(self, path: str, *, timeout: float = 60.0) -> bytes:
        """What the guest's file `path` holds, by the shell at the console. Raises ShellError, ExpectError."""
        from pyspapr.testing.shell import Shell

        return Shell(self).get(path, timeout=timeout)

    # Looking.

    def state(self) -> dict[str, object]:
        """State of every device, as plain data."""
        return {
            "ics": self.ics.state(),
            "icp": [icp.state() for icp in self.icps],
            "vty": self.vty.state(),
            "nvram": self.nvram.state(),
            "rtc": self.rtc.state(),
            "random": self.random.state(),
            "prepared_hpt": {} if self.prepared_hpt is None else {"shift": self.prepared_hpt.shift},
            "registered": [area.state() for area in self.registered],
            "devices": [device.state() for device in self.devices if callable(getattr(device, "state", None))],
        }

    @host_limits("hash a machine")
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
        digest.update(json.dumps(self.state(), sort_keys=True).encode())
        return digest.hexdigest()
