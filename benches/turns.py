"""Whose turn it is: each way to run a guest here, then QEMU, again and again.

A build that keeps compiled code on disk does so below `XDG_CACHE_HOME`. A run is `cold` with an empty directory there,
and `warm` with the directory that the cold run before it has left. When it has left nothing, the build keeps no code,
and there is no warm run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common import MEMORY, ours, qemu

COLD, WARM, INTERP, QEMU = "cold", "warm", "interp", "qemu"
COLUMNS = (COLD, WARM, INTERP, QEMU)
"""In the order of the tables."""
JUDGED = (COLD, WARM)
"""What the wanted figures are for. The interpreter is for looking at."""
NO_WARM = "no warm runs: this build keeps no compiled code below XDG_CACHE_HOME"


@dataclass(frozen=True)
class Turn:
    """A process to start."""

    column: str
    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Setup:
    """What is the same in all runs."""

    cpu: str
    memory: str
    runs: int
    engines: tuple[str, ...]
    """None: the package's own choice, without a flag."""

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Setup:
        """What the command line said, see `add_options`."""
        return cls(arguments.cpu, arguments.memory, arguments.runs, tuple(arguments.engine or ()))

    def turns(self, initrd: Path) -> Iterator[Turn]:
        """All of them; each is to have ended when the next is asked for."""
        for _ in range(self.runs):
            for engine in self.engines or ("",):
                command = ours(self.cpu, initrd, *(["--engine", engine] if engine else []), memory=self.memory)
                with tempfile.TemporaryDirectory(prefix="pyspapr-bench-") as kept:
                    environment = {**os.environ, "XDG_CACHE_HOME": kept}
                    yield Turn(INTERP if engine == "interp" else COLD, command, environment)
                    if any(Path(kept).iterdir()):
                        yield Turn(WARM, command, environment)
            yield Turn(QEMU, qemu(self.cpu, initrd, memory=self.memory), dict(os.environ))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a comparison."""
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cpu", choices=["power8", "power9"], default="power8")
    parser.add_argument("--memory", default=MEMORY, help="of the guest, 1G unless said")
    parser.add_argument(
        "--engine", choices=["interp", "jit"], action="append", help="given to pyspapr boot; may be given twice"
    )
    parser.add_argument("--json", type=Path, help="write the result here as well")
