"""The command line in a process of its own, on the engine that is tested."""

from __future__ import annotations

import sys

from pyspapr import config


def program(*arguments: object) -> list[str]:
    """The words that run `pyspapr` with `arguments`."""
    words = [sys.executable, "-m", "pyspapr", *map(str, arguments)]
    if arguments[:1] == ("boot",):
        words += ["--engine", config.DEFAULT_ENGINE]
    return words
