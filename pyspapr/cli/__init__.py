"""The command line. Heavy imports (click, rich, the machine) wait until a command needs them.

Exit status: 0 the guest powered off (or the command did its work), 2 a usage or input error, 3 the guest panicked,
4 a limit was reached or the guest can never wake, 5 two engines differ (`boot --lockstep`), 128+n a signal ended the
run, and 130 also Ctrl-A x, which interrupts a run on a terminal; SIGPIPE, when the reader of our output has gone, ends
it without a message. A mistake of a user or a guest is one line on standard error, never a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from pyspapr.cli.streams import INTERRUPTED, PROGRAM, complain, lose, open_standard_files

USAGE_ERROR: Final = 2
UNREAD: Final = 128 + signal.SIGPIPE


def dispatch(arguments: Sequence[str]) -> object:
    """Run a command and return its status, if it has one. A well-formed `boot` or `restore`, and `qemu`, whose options
    are QEMU's, go without click."""
    command, *rest = arguments or [""]
    if not command and (instruction := os.environ.get("_PYSPAPR_COMPLETE")):
        from pyspapr.cli.completion import answer

        return answer(instruction)
    if command in ("boot", "restore"):
        from pyspapr.cli.options import BOOT, RESTORE, read

        if (line := read(BOOT, rest, 0) if command == "boot" else read(RESTORE, rest, 1)) is not None:
            from pyspapr.cli.boot import boot_line, restore_command

            files, values = line
            return boot_line(**values) if command == "boot" else restore_command(files[0], **values)
    if command == "qemu":
        from pyspapr.cli.door import door_command

        return door_command(rest)
    import click

    from pyspapr.cli.commands import cli

    try:
        return cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError:
        complain(f"Missing command. '{PROGRAM} --help' lists them.")
        return USAGE_ERROR
    except click.NoSuchOption as error:
        from pyspapr.cli.qemu import pointer

        known = [] if error.ctx is None else [name for one in error.ctx.command.params for name in one.opts]
        complain(pointer(arguments, error.option_name, known) or error.format_message())
        return USAGE_ERROR
    except click.ClickException as error:
        complain(error.format_message())
        return USAGE_ERROR
    except click.Abort:
        raise KeyboardInterrupt from None


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    open_standard_files()
    from pyspapr import log
    from pyspapr.errors import SpaprError

    log.show = complain
    try:
        try:
            status = dispatch(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()  # before the message about what else failed
    except SpaprError as error:
        complain(str(error))
        return USAGE_ERROR
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader of our output has gone, which click and rich turn into SystemExit. The interpreter must not report
        # it again at exit.
        lose(1)
        return UNREAD
    except MemoryError:
        lose(1)
        complain("the host has no memory left")
        return USAGE_ERROR
    except RuntimeError as error:
        from pyspapr.host.limits import NO_THREAD

        if not str(error).startswith(NO_THREAD):
            raise
        complain("the host has no thread left")
        return USAGE_ERROR
    except OSError as error:  # a full disk behind our output, for one
        lose(1)
        complain(str(error))
        return USAGE_ERROR
    return status if isinstance(status, int) else 0


def main() -> NoReturn:
    """The entry point of `pyspapr` and `python -m pyspapr`."""
    try:
        sys.exit(run())
    except KeyboardInterrupt:  # before the command began, or again while the first was being reported
        complain("interrupted")
        sys.exit(INTERRUPTED)
