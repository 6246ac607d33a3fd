"""A machine from a plan, and QEMU's exit status."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from pyspapr import config
from pyspapr.cli.boot import STDIO, Options, choose_clock, first_machine, requirements, run_here
from pyspapr.cli.door.places import DoorPlaces
from pyspapr.cli.door.plan import Channel, Plan
from pyspapr.errors import ConfigError
from pyspapr.host.paths import shown
from pyspapr.results import Panicked

SIGNALLED: Final = 128
"""Statuses from here on say that a signal or a key ended the run."""


@contextmanager
def pidfile(path: str | None) -> Iterator[None]:
    """A file with this process's number while the context lasts. Raises ConfigError."""
    if path is None:
        yield
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except (OSError, ValueError) as error:
        raise ConfigError(f"-pidfile: cannot write to {shown(path)}: {error}") from error
    with os.fdopen(fd, "w") as file:
        file.write(f"{os.getpid()}\n")
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)


def options_of(plan: Plan) -> Options:
    """The options of `pyspapr boot` that say the same."""
    on_stdio = plan.console.channel in (Channel.STDIO, Channel.NOTHING, Channel.FILE)
    options = Options(
        kernel=plan.kernel,
        initrd=plan.initrd,
        append=plan.append,
        memory=plan.memory,
        cpu=plan.cpu,
        clock=plan.clock,
        seed=plan.seed,
        smp=plan.vcpus,
        rtc_base=plan.rtc_base,
        engine=config.DEFAULT_ENGINE,
        strict=False,
        console=STDIO if on_stdio else "socket",
        timeout=None,
        max_instructions=None,
        reboots=plan.reboots,
        stays=plan.stays,
        paused=plan.paused,
        incoming=plan.incoming,
        gdb=plan.gdb,
    )
    if plan.incoming is not None:
        return options.replace(requirements=requirements(options))
    return options.replace(clock=choose_clock(options))


def run(plan: Plan) -> int:
    """Run the machine until it ends and return the exit status. Raises SpaprError."""
    options = options_of(plan)
    with ExitStack() as stack:
        stack.enter_context(pidfile(plan.pidfile))
        vm = first_machine(options)
        status = run_here(vm, options, places=DoorPlaces(plan))
    if status == Panicked.exit_status:
        return plan.panic_status
    return 0 if status == 0 or status > SIGNALLED else 1
