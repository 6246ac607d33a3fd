"""Messages that no caller waits for, through `logging`, as `pyspapr.AREA`.

A program that configures no logging sees nothing of it. The command line sets `show` and so prints warnings.
`logging` takes as long to import as a small machine takes to be restored, so it is imported with the first logger; by
the command line, whose loggers only print, not at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

show: Callable[[str], object] | None = None
"""Gets the text of every warning and error; set it before the first logger is made."""


class Printer:
    """Prints warnings and errors where nobody has imported `logging`, so that nobody can have configured it."""

    def __init__(self, shown: Callable[[str], object]) -> None:
        self._shown = shown

    def warning(self, message: str, *arguments: object) -> None:
        self._shown(message % arguments)

    exception = warning


def logger(name: str) -> Logger | Printer:
    """The logger `name`, which begins with `pyspapr`."""
    if show is not None and "logging" not in sys.modules:
        return Printer(show)
    import logging

    top = logging.getLogger("pyspapr")
    if not top.handlers:
        top.addHandler(logging.NullHandler())
        if show is not None:
            shown = show

            class Show(logging.Handler):
                def emit(self, record: logging.LogRecord) -> None:
                    shown(record.getMessage())

            top.addHandler(Show(logging.WARNING))
    return logging.getLogger(name)
