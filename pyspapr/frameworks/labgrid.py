"""labgrid's driver of a machine in the same process: booted once, and `on`, `cycle` and `reset` take a fork of it.

    targets:
      main:
        drivers:
          SpaprDriver: {kernel: vmlinux, initrd: initrd, boot_args: console=hvc0, ready: "# "}
    images: {vmlinux: build/vmlinux, initrd: build/initrd.cpio}
    imports: [pyspapr.frameworks.labgrid]

The guest runs only while somebody reads its console or waits for a command, so a run is repeatable, and the timeouts of
`expect` and `run` are seconds of the guest's time. labgrid's own QEMUDriver works too, with `pyspapr qemu --install`;
it has a process and no forks.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

import attr
from labgrid.driver.commandmixin import CommandMixin
from labgrid.driver.common import Driver
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.driver.exception import ExecutionError
from labgrid.factory import target_factory
from labgrid.protocol import (
    CommandProtocol,
    ConsoleProtocol,
    FileTransferProtocol,
    PowerProtocol,
    ResetProtocol,
)
from labgrid.step import step
from pexpect import EOF, TIMEOUT

from pyspapr import ExpectError, Machine, ShellError
from pyspapr.migration.snapshot import Snapshot

SLICE: Final = 0.01
"""Seconds of guest time between two looks for output."""
PAGE: Final = 4096
BOOT_SECONDS: Final = 300.0


@target_factory.reg_driver
@attr.s(eq=False)
class SpaprDriver(
    CommandMixin,
    ConsoleExpectMixin,
    Driver,
    CommandProtocol,
    ConsoleProtocol,
    FileTransferProtocol,
    PowerProtocol,
    ResetProtocol,
):
    """A pseries machine.

    Args:
        kernel (str): reference to the images key of the kernel
        initrd (str): optional, reference to the images key of the initial RAM disk
        boot_args (str): optional, kernel arguments
        memory (str): optional, RAM
        cpu (str): optional, processor model
        ready (str): optional, text on the console at which the machine is frozen, to be forked by `on`
    """

    kernel: str = attr.ib(validator=attr.validators.instance_of(str))
    initrd: str | None = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))
    boot_args: str = attr.ib(default="console=hvc0", validator=attr.validators.instance_of(str))
    memory: str = attr.ib(default="1G", validator=attr.validators.instance_of(str))
    cpu: str = attr.ib(default="power8", validator=attr.validators.instance_of(str))
    ready: str | None = attr.ib(default=None, validator=attr.validators.optional(attr.validators.instance_of(str)))

    def __attrs_post_init__(self) -> None:
        """Nothing is booted yet."""
        super().__attrs_post_init__()
        self.logger = logging.getLogger(f"{self}")
        self.txdelay = None
        self.txchunk = None
        self._booted: Snapshot[Machine] | None = None
        self._vm: Machine | None = None
        self._seen = 0  # bytes of the console that were read

    def on_activate(self) -> None:
        """`on` does the work."""

    def on_deactivate(self) -> None:
        """Drop machine and snapshot."""
        self._vm = self._booted = None

    @property
    def vm(self) -> Machine:
        """The machine, to look into. Raises ExecutionError when it is off."""
        if self._vm is None:
            raise ExecutionError("the machine is off")
        return self._vm

    def _boot(self) -> Snapshot[Machine]:
        images = self.target.env.config
        vm = Machine(memory=self.memory, cpu=self.cpu)
        initrd = None if self.initrd is None else images.get_image_path(self.initrd)
        vm.load_kernel(images.get_image_path(self.kernel), initrd=initrd, append=self.boot_args)
        if self.ready is not None:
            vm.expect(self.ready, timeout=BOOT_SECONDS)
        return vm.snapshot()

    # Power.

    @Driver.check_active
    @step()
    def on(self) -> None:
        """A fork of the booted machine; the first time it is booted."""
        if self._vm is None:
            if self._booted is None:
                self._booted = self._boot()
            self._vm = self._booted.fork()
            self._seen = 0

    @Driver.check_active
    @step()
    def off(self) -> None:
        """Drop the machine."""
        self._vm = None

    @Driver.check_active
    @step()
    def cycle(self) -> None:
        """As `off` and `on`."""
        self.off()
        self.on()

    @Driver.check_active
    @step()
    def reset(self) -> None:
        """The same."""
        self.cycle()

    # Console.

    def _read(self, size: int = 1, timeout: float = 10.0, max_size: int | None = None) -> bytes:
        vm = self.vm
        end = vm.nanos + int(timeout * 1e9)
        while vm.console.total == self._seen:
            left = (end - vm.nanos) / 1e9
            if vm.ended is not None:
                raise EOF(f"the guest has ended: {vm.ended}")
            if left <= 0:
                raise TIMEOUT(f"nothing came within {timeout:.2f} seconds of the guest's time")
            vm.run(guest_timeout=min(left, SLICE))
        data, self._seen = vm.console.since(self._seen, min(PAGE, max_size or PAGE))
        return data

    def _write(self, data: bytes) -> int:
        self.vm.console.write(data)
        return len(data)

    # Commands and files.

    @Driver.check_active
    @step(args=["cmd"], result=True)
    def run(
        self, cmd: str, timeout: float = 30.0, codec: str = "utf-8", decodeerrors: str = "strict"
    ) -> tuple[list[str], list[str], int]:
        """Lines that `cmd` prints, nothing (standard error is among them), and its status."""
        return self._run(cmd, timeout=timeout, codec=codec, decodeerrors=decodeerrors)

    def _run(
        self, cmd: str, *, timeout: float = 30.0, codec: str = "utf-8", decodeerrors: str = "strict"
    ) -> tuple[list[str], list[str], int]:
        try:
            result = self.vm.shell(cmd, timeout=timeout)
        except (ExpectError, ShellError) as error:
            raise ExecutionError(str(error)) from error
        self._seen = self.vm.console.total
        return result.raw.decode(codec, decodeerrors).splitlines(), [], result.status

    @Driver.check_active
    @step(args=["cmd"], result=True)
    def run_check(self, cmd: str, **more: Any) -> list[str]:
        """Lines that `cmd` prints. Raises ExecutionError if its status is not 0."""
        lines: list[str] = self._run_check(cmd, **more)
        return lines

    def get_status(self) -> int:
        """1: commands can be run."""
        return int(self._vm is not None)

    @Driver.check_active
    @step(args=["filename", "remotepath"])
    def put(self, filename: str, remotepath: str) -> None:
        """Copy a file of the host's to the guest."""
        self.vm.put(remotepath, Path(filename).read_bytes())

    @Driver.check_active
    @step(args=["filename", "destination"])
    def get(self, filename: str, destination: str) -> None:
        """Copy a file of the guest's to the host."""
        Path(destination).write_bytes(self.vm.get(filename))

    def __str__(self) -> str:
        return f"SpaprDriver({self.target.name})"
