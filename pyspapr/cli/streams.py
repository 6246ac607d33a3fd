"""Standard input, output and error: one line for a person, and what happens when nobody reads or none is there."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Final

PROGRAM: Final = "pyspapr"
INTERRUPTED: Final = 128 + signal.SIGINT

console_line_open = False
"""Whether the guest's console is on standard output and in the middle of a line."""


def complain(message: str) -> None:
    """Print one line on standard error, if that is open."""
    global console_line_open
    begin = "\r\n" if console_line_open and same_file(1, 2) else ""
    console_line_open = False
    try:
        print(f"{begin}{PROGRAM}: {' '.join(message.split())}", file=sys.stderr, flush=True)
    except OSError:
        lose(2)


def same_file(one: int, other: int) -> bool:
    """Whether two descriptors write to the same terminal, pipe or file."""
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


def lose(number: int) -> None:
    """Discard everything written to standard output or error from now on, buffered output included."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
    except OSError:  # no descriptor is left but this one
        os.close(number)
        os.open(os.devnull, os.O_WRONLY)
        return
    os.dup2(null, number)
    os.close(null)


def open_standard_files() -> None:
    """Open /dev/null in place of a closed standard stream, so that no other file can take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):  # where a locale has not all characters
        sys.stdout.reconfigure(errors="backslashreplace")
