"""`pyspapr boot --lockstep`: the same machine on each engine, side by side.

Enters: the options of `boot`. Leaves: its exit status, or `DIFFERENT` and the differences on standard error. The
console is shown once; both machines get the same input.
"""

from __future__ import annotations

import signal
import sys

from pyspapr.cli.boot import DIFFERENT, STDIO, Options, Signalled, Signals, first_machine
from pyspapr.cli.stdio import STDIN, STDOUT, write_all
from pyspapr.cli.streams import complain
from pyspapr.config import Engine
from pyspapr.errors import ConfigError, EngineDifference, ReplayError
from pyspapr.machine import Machine
from pyspapr.partition.console import FileInput
from pyspapr.replay.lockstep import Lockstep


def check(options: Options) -> None:
    """Raise ConfigError unless the options allow this."""
    if options.clock == "host":
        raise ConfigError("--lockstep needs --clock virtual: with the host's clock no two runs are the same")
    if options.console != STDIO:
        raise ConfigError("--lockstep has its console on standard input and output")
    for name, value in (
        ("--qmp", options.qmp),
        ("--incoming", options.incoming),
        ("--paused", options.paused),
        ("--profile", options.profile),
        ("--trace", options.trace),
        ("--log", options.log),
    ):
        if value:
            raise ConfigError(f"--lockstep cannot be combined with {name}")


def lockstep_command(options: Options) -> int:
    """Run both machines and return the exit status."""
    check(options)

    def make(engine: Engine) -> Machine:
        clock = options.clock if options.replay is not None else "virtual"
        return first_machine(options.replace(clock=clock, engine=engine))

    source = FileInput(STDIN) if options.replay is None else None
    lockstep = Lockstep(make, source=source, reboots=options.reboots, notify=complain)
    lockstep.machine.console.sinks.append(lambda data: write_all(STDOUT, data))
    sys.stdout.flush()
    try:
        with Signals() as signals, signals.raised():
            reason = lockstep.run(max_instructions=options.max_instructions, timeout=options.timeout)
    except EngineDifference as difference:
        complain(str(difference))
        for line in difference.lines:
            print(f"    {line}", file=sys.stderr, flush=True)
        return DIFFERENT
    except ReplayError as error:
        complain(str(error))
        return DIFFERENT
    except Signalled as signalled:
        return signalled.status()
    except KeyboardInterrupt:
        complain("interrupted")
        return 128 + signal.SIGINT
    if reason.exit_status:
        complain(str(reason))
    complain(f"{lockstep.machine.partition.instructions:,} instructions on each engine, and no difference")
    return reason.exit_status
