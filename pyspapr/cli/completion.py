"""Completion in bash, zsh and fish: click knows the commands and the options, and asks this program at each Tab."""

from __future__ import annotations

from typing import Final

from pyspapr.cli.streams import PROGRAM

VARIABLE: Final = "_PYSPAPR_COMPLETE"
"""Set in the environment when a shell asks."""


def script(shell: str) -> str:
    """What the shell has to evaluate."""
    from click.shell_completion import get_completion_class

    from pyspapr.cli.commands import cli

    made = get_completion_class(shell)
    assert made is not None, "a choice of the command"
    # As for the template of `source()`, which for bash would run bash to ask for its version first.
    completer = made(cli, {}, PROGRAM, VARIABLE)
    return completer.source_template % completer.source_vars()


def answer(instruction: str) -> int:
    """Answer a shell that asks, and return the exit status."""
    from click.shell_completion import shell_complete

    from pyspapr.cli.commands import cli

    return shell_complete(cli, {}, PROGRAM, VARIABLE, instruction)
