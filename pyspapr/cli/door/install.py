"""`pyspapr qemu --install DIR`: programs with QEMU's names, for PATH."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pyspapr.errors import ConfigError
from pyspapr.host.paths import shown

NAMES: Final = ("qemu-system-ppc64", "qemu-system-ppc64le")
MARK: Final = "# Installed by `pyspapr qemu --install`."


def script() -> str:
    """What each is: this interpreter, without the current directory among its modules."""
    return f'#!/bin/sh\n{MARK}\nexec {shlex.quote(sys.executable)} -P -m pyspapr qemu "$@"\n'


def is_ours(path: Path) -> bool:
    """Whether an earlier installation has written it."""
    with path.open("rb") as file:
        return MARK.encode() in file.read(4096)


def install_command(arguments: Sequence[str]) -> int:
    """Put both into the directory that `arguments` name. Raises ConfigError, and OSError."""
    if len(arguments) != 1:
        raise ConfigError("--install needs one directory: pyspapr qemu --install DIR")
    directory = Path(arguments[0]).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    targets = [directory / name for name in NAMES]
    for target in targets:
        if os.path.lexists(target) and not (target.is_file() and is_ours(target)):
            raise ConfigError(f"{shown(target)} is not ours to replace: choose another directory")
    for target in targets:
        part = target.with_name(f".{target.name}.{os.getpid()}")
        part.write_text(script())
        part.chmod(0o755)
        part.rename(target)
        print(target)
    print(f"put {shlex.quote(str(directory))} at the front of PATH: export PATH={shlex.quote(str(directory))}:$PATH")
    return 0
