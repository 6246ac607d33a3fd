"""The command line in a process of its own, on the engine that is tested."""

from __future__ import annotations

import sys

from pyspapr import config


def words(*arguments: object) -> list[str]:
    """The arguments of `pyspapr`."""
    chosen = ("--engine", config.DEFAULT_ENGINE) if arguments[:1] in (("boot",), ("restore",)) else ()
    return [*map(str, arguments), *chosen]


def program(*arguments: object) -> list[str]:
    """The words that run `pyspapr` with `arguments`."""
    return [sys.executable, "-m", "pyspapr", *words(*arguments)]
