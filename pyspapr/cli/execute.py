"""`boot --exec COMMAND`: commands in the guest's shell; their output here, and the status of the last."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import Timer
from typing import TYPE_CHECKING, Final

from pyspapr.cli.stdio import STDOUT, write_all
from pyspapr.cli.streams import complain
from pyspapr.errors import ExpectError, ShellError
from pyspapr.results import Interrupted, PoweredOff, StopReason, Timeout

if TYPE_CHECKING:
    from pyspapr.cli.runner import Runner
    from pyspapr.machine import Machine

DAY: Final = 86_400.0
"""Seconds of guest time that a command, or a boot, may take: with `--timeout` the host's time is what counts."""
OUTPUT_MAX: Final = 1 << 30


class Commands:
    """What is to be run, in this order."""

    def __init__(self, commands: Sequence[str]) -> None:
        """Nothing was run yet."""
        self._commands = commands
        self.status: int | None = None
        """Of the last command that ended."""

    def run(self, vm: Machine, runner: Runner) -> StopReason:
        """Run the commands up to the first that fails. Return why the guest stopped, if it did before a command's
        end."""
        from pyspapr.testing.shell import ANSWER, Shell

        sys.stdout.flush()
        timer = None if runner.left is None else Timer(runner.left, vm.stop)
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            for command in self._commands:
                result = Shell(vm).run(command, timeout=DAY, ready_timeout=DAY, limit=OUTPUT_MAX)
                write_all(STDOUT, result.raw)
                self.status = result.status
                if result.status:
                    break
            return Interrupted()
        except ExpectError as error:
            complain(str(error))
            reason = error.reason or Interrupted()
            if str(error).startswith(ANSWER) and isinstance(reason, PoweredOff):
                complain("--exec needs a guest that starts a shell at its console; --append may have to ask for one")
            timed_out = isinstance(reason, Interrupted) and runner.left == 0
            self.status = Timeout.exit_status if timed_out else reason.exit_status or StopReason.exit_status
            return Interrupted()
        except ShellError as error:
            complain(str(error))
            self.status = StopReason.exit_status
            return Interrupted()
        finally:
            if timer is not None:
                timer.cancel()
