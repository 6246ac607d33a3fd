"""A machine, for those who use one: every verb, and what there is to look at.

    vm = Machine(memory="1G", cpu="power8")
    vm.load_kernel("vmlinux", initrd="initrd.img", append="console=hvc0")
    reason = vm.run(timeout=60)

A machine is used by one thread at a time. Other threads may call `kick`, `stop`, `pause`, `resume`, `reboot`, `call`,
`post` and `console.write`, also while it runs: what touches the guest's state is then done by the thread that runs it,
between two instructions.

A machine's memory is given back when the last reference to it goes, without the collector of cycles. Its console and
devices do not keep it; `memory` and `cpus` keep what they show.
`close`, or the end of the machine's `with`, gives it back at once, whoever still has references.

What it consists of is its `partition`: handlers and devices work with that, and so does the rest of the package.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from pyspapr import hcall, vmstate
from pyspapr._native import Hpt, Ram
from pyspapr.config import Description, Engine, MachineConfig, whole
from pyspapr.devices import STANDARD
from pyspapr.errors import ConfigError
from pyspapr.handlers import Handler, Hypercall
from pyspapr.host.limits import host_limits
from pyspapr.looks import Looks
from pyspapr.moves import Moves
from pyspapr.partition import Partition
from pyspapr.partition.console import Console
from pyspapr.partition.cpu import Cpu
from pyspapr.partition.memory import Memory
from pyspapr.partition.runstate import Events, Status
from pyspapr.partition.space import Space
from pyspapr.partition.table import HashTable
from pyspapr.plain import unknown
from pyspapr.results import StopReason

if TYPE_CHECKING:  # and imported by the methods that need them: most machines never move, and many do not boot
    from concurrent.futures import Future

    from typing_extensions import Buffer

    from pyspapr.gdb import GdbServer
    from pyspapr.partition.console import Found
    from pyspapr.partition.wanted import Until, Wanted
    from pyspapr.qmp import QmpServer
    from pyspapr.testing.shell import ShellResult

T = TypeVar("T")
D = TypeVar("D")


class Machine(Looks, Moves):
    """A pseries machine. Raises ConfigError for a description that cannot be built."""

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
        self.partition = Partition(
            MachineConfig(**description) if config is None else config,
            STANDARD,
            hcall.TABLE,
            engine=engine,
            ram=ram,
            hpt=hpt,
        )
        """What handlers and devices see of the machine, and how the package works with it."""

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
        self.partition.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self.partition.closed

    def __repr__(self) -> str:
        """What it is and how it stands."""
        life = self.partition.life
        if self.closed:
            return f"<Machine {self.config.cpu}, closed>"
        state = "ended" if life.ended else "started" if life.started else "empty"
        return f"<Machine {self.config.cpu} {len(self.memory) >> 20} MiB, {state}>"

    # What there is to look at and to change.

    @property
    def config(self) -> MachineConfig:
        """Its description."""
        return self.partition.config

    @property
    def engine(self) -> Engine:
        """What runs its instructions."""
        return self.partition.engine

    @property
    def memory(self) -> Memory:
        """Guest RAM, by real address."""
        return self.partition.memory

    @property
    def space(self) -> Space:
        """The real address space beside RAM: windows of devices."""
        return self.partition.space

    @property
    def cpus(self) -> list[Cpu]:
        """Its processors, with their registers by name."""
        return self.partition.cpus

    @property
    def console(self) -> Console:
        """The host's side of its console."""
        return self.partition.console

    @property
    def hpt(self) -> HashTable:
        """The hash page table. Processors see what is changed in it at their next instruction."""
        return HashTable(self.partition)

    @property
    def instructions(self) -> int:
        """Instructions executed since the machine was first made: before saves, forks and migrations, too."""
        return self.partition.instructions

    @property
    def nanos(self) -> int:
        """The guest's time: nanoseconds since the machine was made. With virtual time one instruction takes one."""
        return self.partition.nanos

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

        self.partition.boot(boot.Images(kernel=kernel, initrd=initrd, append=append))

    def reboot_with(
        self,
        kernel: str | os.PathLike[str],
        *,
        initrd: str | os.PathLike[str] | None = None,
        append: str = "",
    ) -> None:
        """What `reboot` loads, for a machine that was restored: no stream says where its kernel came from."""
        from pyspapr import boot

        self.partition.images = boot.Images(kernel=kernel, initrd=initrd, append=append)

    def start(self, *, pc: int, r3: int = 0, r4: int = 0, r5: int = 0, r6: int = 0, r7: int = 0) -> None:
        """Reset every device and put the processor at `pc`: 64-bit, big-endian, real mode. RAM stays as it is.

        Raises ValueError for what a register does not hold, and for a `pc` that is no multiple of 4.
        """
        self.partition.start(pc=pc, r3=r3, r4=r4, r5=r5, r6=r6, r7=r7)

    @host_limits("reboot a machine")
    def reboot(self) -> None:
        """Load the same kernel again and start it. NVRAM, the clock and the rest of RAM stay. For any thread."""
        self.call(self.partition.reboot)

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
        return self.partition.run(
            max_instructions=max_instructions, timeout=timeout, guest_timeout=guest_timeout, until=until
        )

    def limit_time(self, seconds: float | None) -> None:
        """Let every run end with `Timeout` when the guest has used `seconds` of its time from now on, whatever limits
        the run, `expect` or `shell` has; None removes the limit. A fork has none. Raises ConfigError for an invalid
        time, and StateError unless the clock is virtual.
        """
        self.partition.limit_time(seconds)

    @property
    def time_is_up(self) -> bool:
        """Whether the time of `limit_time` is used up."""
        deadline = self.partition.deadline
        return deadline is not None and self.nanos >= deadline.nanos

    @property
    def ended(self) -> StopReason | None:
        """Why the last run ended, if the guest or a migration ended it."""
        return self.partition.ended

    def end(self, reason: StopReason) -> None:
        """End the run that goes on with `reason`, after the current hypercall. Raises TypeError for what is none."""
        self.partition.end(reason)

    def pause(self) -> None:
        """Stop the guest until `resume`; a run keeps waiting. For any thread. With the host's clock the time of day
        advances, and is right when the guest runs again.
        """
        self.call(self.partition.pause)

    def resume(self) -> None:
        """Resume the guest after `pause`. Raises StateError when only a reset can help. For any thread."""
        self.call(self.partition.resume)

    @property
    def paused(self) -> bool:
        """Whether `pause` was called and `resume` was not."""
        return self.partition.paused

    @property
    def running(self) -> bool:
        """Whether a thread is in `run`, paused or not."""
        return self.partition.running

    @property
    def status(self) -> Status:
        """How the machine stands, in QEMU's words."""
        return self.partition.status

    @property
    def events(self) -> Events:
        """Tells listeners what happens to the machine, in QMP's words."""
        return self.partition.events

    def stop(self) -> None:
        """End the current run, or the next one at its start, with `Interrupted`. Any thread may call this."""
        self.partition.stop()

    def nmi(self) -> None:
        """Interrupt the guest with a system reset interrupt, as an operator does; Linux panics, or prints what it does.

        For any thread. Raises StateError without a guest that can run, and while the machine is recorded.
        """
        self.partition.call(self.partition.nmi)

    def kick(self) -> None:
        """Make the run loop look at its inputs. Any thread may call this."""
        self.partition.kick()

    def call(self, function: Callable[[], T]) -> T:
        """The result of `function`, called while no instruction runs. For any thread.

        The thread that runs the machine does it, also while the guest sleeps or is paused; when there is none, the
        calling thread does.
        """
        return self.partition.call(function)

    def post(self, function: Callable[[], T]) -> Future[T]:
        """As `call`, without waiting for the result."""
        return self.partition.post(function)

    @host_limits("open a control socket", threads=True, descriptors=4)
    def serve_qmp(self, address: str, *, name: str | None = None) -> QmpServer:
        """Open a control socket at `unix:PATH` or `tcp:[HOST:]PORT` that speaks QMP, until its `close`."""
        from pyspapr.qmp import QmpServer

        return QmpServer(self, address, name=name)

    @host_limits("wait for a debugger", threads=True, descriptors=4)
    def gdb(self, address: str) -> GdbServer:
        """Let GDB connect to `unix:PATH` or `tcp:[HOST:]PORT`, until the `close` of what is returned.

        The guest stops when a debugger connects, and goes on in the thread that is in `run`. Without HOST only this
        computer can connect. Raises ConfigError.
        """
        from pyspapr.gdb import GdbServer

        return GdbServer(self.partition, address)

    # Hypercalls and devices of your own.

    def hypercall(self, number: int, name: str, *, replace: bool = False) -> Callable[[Handler], Handler]:
        """A decorator that adds a hypercall to this machine, or replaces one if it says so, native ones included.

        `handlers` says what the function gets and returns. It belongs to this machine only: what is restored or
        forked gets its own from the `prepare` of `restore` and `snapshot`. Raises ValueError when the machine has a
        hypercall of that number already, its own or built in, and `replace` is not set.
        """

        def enter(handler: Handler) -> Handler:
            self.partition.add_hypercall(number, name, handler, replace=replace)
            return handler

        return enter

    @property
    def hypercalls(self) -> dict[int, Hypercall]:
        """Those that Python answers, by number."""
        return self.partition.hypercalls

    def call_hypercall(self, cpu: Cpu, number: int, *arguments: int) -> tuple[int, ...]:
        """Return code and results of a hypercall from the table, as if `cpu` had made it."""
        return self.partition.call_hypercall(cpu, number, *arguments)

    def add_device(self, device: Any) -> None:
        """Add a device of your own; `pyspapr.device` says what it can bring.

        Raises ConfigError for a class without a table `VMSTATE` and for a device that is part of the machine already,
        and ValueError if it brings a call that the machine has already.
        """
        self.partition.add_device(device)

    @property
    def devices(self) -> list[Any]:
        """Every device, the machine's own first, in the order in which they are saved."""
        return self.partition.devices

    def device(self, kind: type[D], index: int = 0) -> D:
        """The device of a class, or the one of processor `index`: `vm.device(Nvram)`. Raises StateError for none."""
        return self.partition.device(kind, index)

    # The console and the shell at it.

    def expect(
        self, wanted: Wanted | Sequence[Wanted], *, timeout: float | None = None, host_timeout: float | None = None
    ) -> Found:
        """As `console.expect`: run the guest until one of `wanted` appears on the console.

        The `failure` of an ExpectError has the facts of a guest that panicked or hung.
        """
        __tracebackhide__ = True  # a test's report ends with the test
        with self._facts():
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

        __tracebackhide__ = True  # a test's report ends with the test
        with self._facts():
            return Shell(self).run(command, timeout=timeout, ready_timeout=ready_timeout)

    def put(self, path: str, data: str | Buffer, *, timeout: float = 60.0) -> None:
        """Write `data` into the guest's file `path`, by the shell at the console. Raises ShellError, ExpectError."""
        from pyspapr.testing.shell import Shell

        with self._facts():
            Shell(self).put(path, data, timeout=timeout)

    def get(self, path: str, *, timeout: float = 60.0) -> bytes:
        """What the guest's file `path` holds, by the shell at the console. Raises ShellError, ExpectError."""
        from pyspapr.testing.shell import Shell

        with self._facts():
            return Shell(self).get(path, timeout=timeout)

    # Comparing.

    def state(self) -> dict[str, dict[str, object]]:
        """What the guest can observe of every device, by section and field, as their tables say."""
        return vmstate.observable(self.partition)

    @host_limits("hash a machine")
    def state_hash(self) -> str:
        """SHA-256 over RAM, hash table, processors and devices: equal for equal machines, to the last byte."""
        return self.partition.state_hash()
