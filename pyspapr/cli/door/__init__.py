"""`pyspapr qemu`: QEMU's command line, for frameworks that start a machine that way.

Enters: QEMU's options. Leaves: a machine that runs as they say, an answer (`-version`, `-machine help`), or one line
that names the option that this machine does not have. Must hold: no option is ignored. What an option cannot mean here
is refused; what is the case anyway (`-vga none`, `-no-user-config`) is accepted.

    options    the rows: one function for each option
    plan       what the rows leave: places of the console and the control sockets, and the machine
    run        the machine runs
    install    qemu-system-ppc64 and qemu-system-ppc64le in a directory

Exit statuses are QEMU's: 0 when the guest has ended in whatever way, or a signal or a control socket ended it, and 1
for a usage error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyspapr.cli.streams import complain
from pyspapr.errors import SpaprError

FAILED: Final = 1


def door_command(arguments: Sequence[str]) -> int:
    """Do what the words behind `pyspapr qemu` say and return the exit status."""
    from pyspapr.cli.door.options import Answer, read

    try:
        if arguments[:1] == ["--install"]:
            from pyspapr.cli.door.install import install_command

            return install_command(arguments[1:])
        plan = read(arguments)
        from pyspapr.cli.door.run import run

        return run(plan)
    except Answer as answer:
        print(answer)
        return 0
    except (SpaprError, OSError) as error:
        complain(str(error))
        return FAILED
