"""`pyspapr boot`: a machine from options, its console on this terminal, a pipe or a socket."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyspapr import config
from pyspapr.cli.runner import DEFER, Runner
from pyspapr.cli.stdio import STDOUT, Left, attach_stdio, is_terminal, write_all
from pyspapr.cli.streams import INTERRUPTED, complain
from pyspapr.config import DEFAULT_CPU, DEFAULT_MEMORY, Clock, Engine, MachineConfig
from pyspapr.errors import ConfigError, ReplayError
from pyspapr.host.interruption import Interruption
from pyspapr.machine import Machine
from pyspapr.plain import Plain
from pyspapr.results import Interrupted, Panicked, Rebooted, StopReason, Timeout

if TYPE_CHECKING:
    from pyspapr.host.address import UnixAddress
    from pyspapr.migration.compatibility import Requirements

DIFFERENT: Final = 5
"""Exit status when two runs that must be the same differ."""
STDIO: Final = "stdio"


class RunOptions(Plain, kw_only=True):
    """Where the console is, who controls, and when to stop."""

    console: str
    timeout: float | None
    max_instructions: int | None
    reboots: bool
    qmp: tuple[str, ...] = ()
    gdb: str | None = None
    history: bool = False
    paused: bool = False
    incoming: str | None = None
    tls_creds: str = ""
    profile: bool = False
    symbols: str | None = None
    record: str | None = None
    replay: str | None = None
    log: str | None = None
    requirements: Requirements | None = None
    """What the machine that comes must be."""
    stays: bool = False
    """Whether somebody has to say `quit` when the guest has ended."""


class Places(Protocol):
    """Where the console and the control sockets are, if not where `RunOptions` can say."""

    def console(self, stack: ExitStack) -> Callable[[Machine], AbstractContextManager[object]]:
        """Open the console until the end of `stack`; return what connects a machine to it."""
        ...

    def serve(self, runner: Runner, stack: ExitStack) -> None:
        """Open the control sockets."""
        ...

    def wait(self) -> None:
        """Wait for the clients that have to be there first. Signals are raised here."""
        ...


class Options(RunOptions, kw_only=True):
    """The values of the command line; None where it has none."""

    kernel: str | None
    initrd: str | None
    append: str
    memory: str | None
    cpu: str | None
    smp: int | None
    clock: str | None
    seed: int | None
    engine: Engine
    strict: bool
    lockstep: bool = False
    exec: tuple[str, ...] = ()
    trace: str | None = None
    trace_file: str | None = None
    rtc_base: int | None = None


def choose_clock(options: Options) -> Clock:
    """The requested clock, or the one that suits the console."""
    if options.clock is not None:
        return "host" if options.clock == "host" else "virtual"
    return "host" if options.console != STDIO or is_terminal() else "virtual"


def configure(options: Options) -> MachineConfig:
    """The machine's description. With host time, date and seed come from the host too."""
    clock = choose_clock(options)
    host = clock == "host"
    seed = options.seed
    if seed is None:
        seed = int.from_bytes(os.urandom(8)) if host else 0
    return MachineConfig(
        memory=DEFAULT_MEMORY if options.memory is None else options.memory,
        cpu=DEFAULT_CPU if options.cpu is None else options.cpu,
        vcpus=1 if options.smp is None else options.smp,
        clock=clock,
        seed=seed,
        strict=options.strict,
        rtc_base=int(time.time()) if host and options.rtc_base is None else options.rtc_base,
    )


def requirements(options: Options) -> Requirements:
    """The requirements on an arriving machine: the options that were given. Raises ConfigError."""
    from pyspapr.migration.compatibility import Requirements

    config = configure(options)
    return Requirements(
        memory=None if options.memory is None else config.ram_size,
        cpu=None if options.cpu is None else config.cpu,
        vcpus=options.smp,
        clock=options.clock,
        seed=options.seed,
        strict=options.strict or None,
        options=True,
    )


ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Signalled(BaseException):
    """A signal ended the run; `number` is the signal's. Like KeyboardInterrupt it is not caught by `except
    Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def status(self) -> int:
        """The exit status, after the cleanup. SIGQUIT is re-raised with the default action, so that a core file is
        written if enabled."""
        if self.number == signal.SIGQUIT:
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGQUIT)
        return 128 + self.number


LOST_SECONDS: Final = 30.0
"""Seconds after which a second signal is raised immediately: the cleanup takes less, so the first was lost."""


class Signals:
    """Signals that end a process, and Ctrl-C, are raised while the machine runs or waits, and only then.

    Raised while something is opened or closed, they would leave sockets behind, or the terminal raw. So signals that
    arrive then are deferred to `raised`, or dropped if the run has ended anyway. A signal that was ignored at the
    start (`nohup`, a background job of a script) stays ignored.
    """

    def __init__(self) -> None:
        self._ctrl_c = Interruption(lambda: None)
        self._raises = False
        self._waiting: int | None = None
        self._since: float | None = None  # when the first came
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        """From now on they wait."""
        self._ctrl_c.__enter__()
        for number in ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Restore the previous handlers."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._ctrl_c.__exit__(kind, error, traceback)

    def _came(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._raises or (self._since is not None and now - self._since >= LOST_SECONDS):
            self._raises = False
            self._since = now
            raise Signalled(number)
        if self._since is None:
            self._since = now
            self._waiting = number

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Signals are raised within this context, deferred ones included; after the first the others are dropped."""
        self._ctrl_c.check()
        self._raises = self._ctrl_c.waiting = self._since is None
        if self._waiting is not None:
            number, self._waiting = self._waiting, None
            raise Signalled(number)
        try:
            yield
        finally:
            self._raises = self._ctrl_c.waiting = False


def run_until_it_ends(vm: Machine, options: RunOptions, runner: Runner) -> StopReason:
    """Run, through reboots, within the limits of the whole command."""
    start = vm.instructions
    if options.profile:
        vm.cpus[0].vcpu.set_profiling(True)
    while True:
        done = vm.instructions - start
        budget = None if options.max_instructions is None else max(options.max_instructions - done, 0)
        reason = vm.run(timeout=runner.left, max_instructions=budget)
        if isinstance(reason, Rebooted) and options.reboots and vm.partition.images is not None:
            complain("the guest reboots")
            vm.reboot()
            continue
        if isinstance(reason, Rebooted):
            if options.reboots:
                complain(f"{reason}, and no kernel is known here that it could start with")
            vm.events.emit("SHUTDOWN", guest=True, reason="guest-reset")
        elif isinstance(reason, Panicked):
            vm.events.emit("SHUTDOWN", guest=True, reason="guest-panic")
        if isinstance(reason, Timeout) and options.timeout is not None:
            return Timeout(options.timeout)
        return reason


def first_machine(options: Options) -> Machine:
    """The first machine: with its kernel, or a placeholder for the machine that is expected."""
    if options.kernel is None:
        if options.incoming is None:
            raise ConfigError("Missing option '--kernel'.")
        if options.initrd is not None or options.append:
            raise ConfigError("--initrd and --append need --kernel")
    if options.replay is not None and options.kernel is not None:
        return Machine.replay(options.replay, kernel=options.kernel, initrd=options.initrd, engine=options.engine)
    vm = Machine(configure(options), engine=options.engine)
    if options.kernel is not None:
        vm.load_kernel(options.kernel, initrd=options.initrd, append=options.append)
    if options.incoming is not None:
        vm.partition.life.expect()
    return vm


@contextmanager
def only_shown(vm: Machine) -> Iterator[None]:
    """The console of a replay, which takes no input."""
    sys.stdout.flush()
    vm.console.sinks.append(lambda data: write_all(STDOUT, data))
    yield


def console_address(options: RunOptions) -> UnixAddress:
    """The socket of the console. Raises AddressError.

    There is no authentication, and any web page can send bytes to a TCP port, so a console, which may be a root shell,
    cannot have one.
    """
    # Imported here: a restore with its console on this terminal needs no address.
    from pyspapr.host.address import UNIX, Service, UnixAddress

    address = Service("console", (UNIX,), words=(STDIO,)).parse(options.console)
    assert isinstance(address, UnixAddress)
    return address


def open_console(options: RunOptions, stack: ExitStack) -> Callable[[Machine], AbstractContextManager[None]]:
    """A function that connects a machine to the console for the time of a context. A socket exists until the end of
    `stack`."""
    if options.replay is not None:
        return only_shown
    if options.console == STDIO:
        return attach_stdio
    from pyspapr.cli.unix import SocketConsole
    from pyspapr.host.address import absolute

    address = console_address(options)
    console = stack.enter_context(SocketConsole(address))
    complain(f"the console is at {absolute(address)}")
    return console.attached


def open_log(path: str) -> int:
    """A descriptor to write a transcript to, which begins empty. Raises ConfigError, also for a file that is not a
    regular one: opening a FIFO would wait for its reader."""
    from pyspapr.host.paths import as_path, check_regular, shown

    try:
        name = as_path(path)
        with suppress(FileNotFoundError):
            check_regular(os.stat(name).st_mode)
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
        try:
            check_regular(os.fstat(fd).st_mode)
            os.truncate(fd, 0)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise ConfigError(f"cannot write to {shown(path)}: {error.strerror}") from error
    return fd


def logged(
    connect: Callable[[Machine], AbstractContextManager[object]], path: str, stack: ExitStack
) -> Callable[[Machine], AbstractContextManager[object]]:
    """`connect`, and what the machine prints is written to the file `path` as well."""
    fd = open_log(path)
    stack.callback(os.close, fd)

    @contextmanager
    def connected(vm: Machine) -> Iterator[None]:
        def write(data: bytes) -> None:
            write_all(fd, data)

        vm.console.sinks.append(write)
        try:
            with connect(vm):
                yield
        finally:
            vm.console.sinks.remove(write)

    return connected


def boot_line(*, no_reboot: bool, **values: Any) -> int:
    """Boot as the options of a command line say, see `options.BOOT`."""
    return boot_command(Options(reboots=not no_reboot, **values))


def boot_command(options: Options) -> int:
    """Boot and return the exit status."""
    check_commands(options)
    check_run(options)
    check_recordings(options)
    if options.symbols is not None and not options.profile:
        raise ConfigError("--symbols needs --profile")
    if options.trace is not None or options.trace_file is not None:
        from pyspapr.cli import trace

        trace.check(options)
    if options.lockstep:
        from pyspapr.cli.lockstep import lockstep_command

        return lockstep_command(options)
    # For machines that arrive later as well.
    config.DEFAULT_ENGINE = options.engine
    vm = first_machine(options)
    if options.trace is None:
        return run_first(vm, options)
    with trace.traced(vm, options):
        return run_first(vm, options)


def run_first(vm: Machine, options: Options) -> int:
    """Run the machine that was made, and those that take its place; returns the exit status."""
    if options.exec:
        from pyspapr.cli.execute import Commands

        commands = Commands(options.exec)
        status = run_here(vm, options, run=commands.run)
        return status if commands.status is None else commands.status
    if options.incoming is not None:
        options = options.replace(requirements=requirements(options))
    if not options.profile:
        return run_here(vm, options)
    # Here, so that a file without names is known before the guest starts; one that is no kernel is known by now.
    from pyspapr.cli.profile import report, symbols_of

    symbols = symbols_of(options.kernel, options.symbols)
    return run_here(vm, options, lambda vm: report(vm, symbols, sys.stderr))


def restore_command(
    file: str,
    *,
    base: str | None,
    verify: bool,
    console: str,
    timeout: float | None,
    max_instructions: int | None,
    engine: Engine,
    qmp: tuple[str, ...],
    gdb: str | None,
    history: bool,
    paused: bool,
    log: str | None,
) -> int:
    """Continue a saved machine and return the exit status."""
    options = RunOptions(
        console=console,
        timeout=timeout,
        max_instructions=max_instructions,
        reboots=False,
        qmp=qmp,
        gdb=gdb,
        history=history,
        paused=paused,
        log=log,
    )
    check_run(options)
    config.DEFAULT_ENGINE = engine
    return run_here(Machine.restore(file, base=base, verify=verify), options)


def check_recordings(options: Options) -> None:
    """Raise ConfigError unless the run can be recorded or replayed."""
    if (options.smp or 1) > 1:
        for name, value in (("--profile", options.profile), ("--record", options.record)):
            if value:
                raise ConfigError(f"{name} is for machines with one processor, not for --smp {options.smp}")
    if options.record is not None:
        for name, value in (
            ("--replay", options.replay),
            ("--lockstep", options.lockstep),
            ("--incoming", options.incoming),
        ):
            if value:
                raise ConfigError(f"--record cannot be combined with {name}")
    if options.replay is None:
        return
    given = {
        "--append": options.append,
        "--memory": options.memory,
        "--cpu": options.cpu,
        "--smp": options.smp,
        "--clock": options.clock,
        "--seed": options.seed,
        "--strict": options.strict,
    }
    for name, said in given.items():
        if said:
            raise ConfigError(f"--replay takes {name} from the recording")
    for name, there in (("--qmp", bool(options.qmp)), ("--incoming", options.incoming is not None)):
        if there:
            raise ConfigError(f"--replay cannot be combined with {name}: a replay repeats its recording")


def check_run(options: RunOptions) -> None:
    """Raise ConfigError unless the options allow this."""
    config.check_timeout(options.timeout)
    if options.console != STDIO:
        console_address(options)
    if options.history and (options.gdb is None or options.incoming is not None or options.record or options.replay):
        raise ConfigError("--history needs --gdb, and cannot be combined with --incoming, --record and --replay")
    if options.gdb is not None:
        from pyspapr.gdb import SERVICE

        SERVICE.parse(options.gdb)
    if options.paused and not (options.qmp or options.gdb):
        raise ConfigError("--paused needs a control socket that can say `cont`: add --qmp, or --gdb")
    if options.tls_creds and not options.qmp and options.incoming is None:
        raise ConfigError("--tls-creds is for migrations: add --incoming or --qmp")
    if options.incoming == DEFER and not options.qmp:
        raise ConfigError("--incoming defer needs a control socket that can say `migrate-incoming`: add --qmp")


def check_commands(options: Options) -> None:
    """Whether commands can be run so. Raises ConfigError."""
    if options.exec:
        for name, there in (
            ("--replay", options.replay),
            ("--lockstep", options.lockstep),
            ("--incoming", options.incoming),
            ("--profile", options.profile),
            ("--max-instructions", options.max_instructions),
            ("--console", options.console != STDIO),
        ):
            if there:
                raise ConfigError(f"--exec cannot be combined with {name}")


def run_here(
    vm: Machine,
    options: RunOptions,
    at_end: Callable[[Machine], None] | None = None,
    run: Callable[[Machine, Runner], StopReason] | None = None,
    places: Places | None = None,
) -> int:
    """Run `vm` with its console where the command line said, and return the exit status.

    `at_end` gets the last machine, however its run ended. `run` replaces the way it is run, without a console. `places`
    are those of the console and of more control sockets.
    """
    runner = Runner(
        vm,
        paused=options.paused,
        tls_creds=options.tls_creds,
        timeout=options.timeout,
        requirements=options.requirements,
        stays=options.stays,
    )
    with ExitStack() as stack:
        if at_end is not None:
            stack.callback(lambda: at_end(runner.vm))
        try:
            signals = stack.enter_context(Signals())
            if options.record is not None:
                stack.enter_context(vm.record(options.record))
            for address in options.qmp:
                runner.serve(address, stack)
            if options.gdb is not None:
                if options.history:
                    vm.keep_history()
                runner.debug(options.gdb, stack)
            connect: Callable[[Machine], AbstractContextManager[object]]
            if places is not None:
                places.serve(runner, stack)
                connect = places.console(stack)
            else:
                connect = open_console(options, stack) if run is None else nullcontext
            if options.log is not None:
                connect = logged(connect, options.log, stack)
            if places is not None:
                with signals.raised():
                    places.wait()
            if options.incoming not in (None, DEFER):
                runner.expect(options.incoming, options.tls_creds)
            reason = runner.run(
                connect,
                lambda vm: run_until_it_ends(vm, options, runner) if run is None else run(vm, runner),
                signals.raised,
            )
        except Signalled as signalled:
            runner.vm.events.emit("SHUTDOWN", guest=False, reason="host-signal")
            stack.close()
            return 0 if runner.abandoned else signalled.status()
        except Left:
            runner.vm.events.emit("SHUTDOWN", guest=False, reason="host-ui")
            stack.close()
            complain("left with Ctrl-A x")
            return INTERRUPTED
        except ReplayError as error:
            complain(str(error))
            return DIFFERENT
        except KeyboardInterrupt:
            stack.close()
            complain("interrupted")
            return INTERRUPTED
    if isinstance(reason, Interrupted):
        return 0
    if reason.exit_status:
        complain(str(reason))
    return reason.exit_status
