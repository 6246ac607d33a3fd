"""A channel of kirk's: the guest is booted once, and each test runs in a fork of it.

kirk says what a test prints to (`iobuffer`), and with nothing to print to it only asks: what the kernel is, whether it
is tainted, for a file. So a command with an `iobuffer` gets a new fork, and questions after it are answered by that
fork, in which the test has left its traces. A test that panics the kernel, or never ends, takes no other with it.

kirk loads this file by its path, so nothing in it is imported from beside it.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import Any, Final

from libkirk.com import ComChannel, IOBuffer
from libkirk.errors import CommunicationError, KernelPanicError
from libkirk.types import dict_item

from pyspapr import ExpectError, Machine, Panicked, ShellError, SpaprError
from pyspapr.migration.snapshot import Snapshot

DAY: Final = 86_400.0
"""Seconds of guest time a command may take: kirk has limits of its own."""
PANIC: Final = "Kernel panic"
TEXT_MAX: Final = 1 << 20
"""Bytes of the console that are shown of a test that did not end."""


class SpaprComChannel(ComChannel):
    """The channel `pyspapr`."""

    _name = "pyspapr"

    def __init__(self) -> None:
        """Not configured."""
        self._options: dict[str, Any] = {}
        self._booted: Snapshot[Machine] | None = None
        self._vm: Machine | None = None

    def setup(self, **kwargs: Any) -> None:
        """Take kirk's configuration. Raises CommunicationError for one that has no kernel."""
        self._options = {name: dict_item(kwargs, name, str, "") for name in self.config_help}
        if not self._options["kernel"]:
            raise CommunicationError("the channel pyspapr needs kernel=FILE")

    @property
    def config_help(self) -> dict[str, str]:
        """What can be configured."""
        return {
            "kernel": "kernel of a guest that has a shell at its console",
            "initrd": "initial RAM disk",
            "append": "kernel arguments (default: console=hvc0)",
            "ram": "RAM (default: 1G)",
            "cpu": "processor model (default: power8)",
        }

    @property
    def parallel_execution(self) -> bool:
        """Tests run one at a time: kirk asks afterwards what the last one has done to the kernel."""
        return False

    async def active(self) -> bool:
        """Whether there is a machine."""
        return self._vm is not None

    async def communicate(self, iobuffer: IOBuffer | None = None) -> None:
        """Boot, the first time; then take a fork. Raises CommunicationError."""
        if self._vm is not None:
            raise CommunicationError("the machine runs")
        try:
            if self._booted is None:
                self._booted = await self._apart(self._boot())
            self._vm = self._booted.fork()
        except SpaprError as error:
            raise CommunicationError(str(error)) from error

    def _boot(self) -> Machine:
        options = self._options
        vm = Machine(memory=options["ram"] or "1G", cpu=options["cpu"] or "power8")
        vm.load_kernel(options["kernel"], initrd=options["initrd"] or None, append=options["append"] or "console=hvc0")
        return vm

    async def _apart(self, vm: Machine) -> Snapshot[Machine]:
        """The machine once its shell answers."""

        def boot() -> Snapshot[Machine]:
            vm.shell("true", timeout=DAY, ready_timeout=DAY).check()
            return vm.snapshot()

        return await self._while_running(vm, boot)

    async def _while_running(self, vm: Machine, function: Any) -> Any:
        """What `function` returns, which runs `vm` in a thread. If we are cancelled, the machine stops first."""
        work = asyncio.get_running_loop().run_in_executor(None, function)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            vm.stop()
            await asyncio.wait([work])
            work.exception()
            raise

    async def stop(self, iobuffer: IOBuffer | None = None) -> None:
        """Drop the machine; the booted one stays."""
        vm, self._vm = self._vm, None
        if vm is not None:
            vm.stop()

    async def ping(self) -> float:
        """Seconds of guest time that an answer takes."""
        answer = await self.run_command("true")
        assert answer is not None
        return float(answer["exec_time"])

    async def run_command(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        iobuffer: IOBuffer | None = None,
    ) -> dict[str, Any] | None:
        """Run `command`, in a new fork if it prints to `iobuffer`. Raises CommunicationError and KernelPanicError."""
        if not command:
            raise ValueError("command is empty")
        if self._vm is None or self._booted is None:
            raise CommunicationError("the machine does not run")
        if iobuffer is not None:
            self._vm = self._booted.fork()
        vm = self._vm
        exports = "".join(f"export {name}={shlex.quote(value)}; " for name, value in (env or {}).items())
        line = f"{exports}cd {shlex.quote(cwd)} && {{ {command}\n}}" if cwd else exports + command
        start = vm.console.total
        try:
            result = await self._while_running(vm, lambda: vm.shell(line, timeout=DAY, ready_timeout=DAY))
        except asyncio.CancelledError:
            await self._lose(vm, start, iobuffer)
            raise
        except (ExpectError, ShellError) as error:
            await self._lose(vm, start, iobuffer)
            if isinstance(getattr(error, "reason", None), Panicked) or PANIC in vm.console.output:
                raise KernelPanicError from error
            raise CommunicationError(str(error)) from error
        if iobuffer is not None:
            await iobuffer.write(result.output)
        return {
            "command": command,
            "returncode": result.status,
            "stdout": result.output,
            "exec_time": result.seconds,
        }

    async def _lose(self, vm: Machine, start: int, iobuffer: IOBuffer | None) -> None:
        """Show what the console of a test that did not end has shown, and answer from a new fork from now on."""
        if iobuffer is not None:
            await iobuffer.write(vm.console.since(start, TEXT_MAX)[0].decode(errors="replace"))
        if self._booted is not None:
            self._vm = self._booted.fork()

    async def fetch_file(self, target_path: str) -> bytes:
        """The guest's file. Raises CommunicationError."""
        if (vm := self._vm) is None:
            raise CommunicationError("the machine does not run")
        try:
            data: bytes = await self._while_running(vm, lambda: vm.get(target_path))
        except SpaprError as error:
            raise CommunicationError(str(error)) from error
        return data
