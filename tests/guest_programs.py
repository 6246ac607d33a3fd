"""Programs for Linux guests, compiled from `tests/guest/` with Debian's static libraries (`make guests`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from test_linux import guest

SOURCES = Path(__file__).parent / "guest"
COMPILER = "powerpc64le-linux-gnu-gcc"
STYLE = ["-std=gnu11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]


def compiled(directory: Path, name: str, *flags: str, source: str | None = None) -> bytes:
    """A static executable of `source` (`name` is the program's), for a POWER10."""
    assert shutil.which(COMPILER), f"{COMPILER} is missing: apt-get install gcc-powerpc64le-linux-gnu"
    include = guest("libraries") / "usr" / "include"
    library = guest("libraries") / "usr" / "lib" / "powerpc64le-linux-gnu"
    headers = [include / "dfp", include, include / "powerpc64le-linux-gnu"]
    options = [
        *("-mcpu=power10", "-static", f"-B{library}", f"-L{library}"),
        *(word for path in headers for word in ("-isystem", str(path))),
    ]
    target = directory / name
    command = [COMPILER, *STYLE, *options, *flags, "-o", target, SOURCES / f"{source or name}.c", "-ldfp", "-lm"]
    subprocess.run(command, check=True)
    return target.read_bytes()


def native(directory: Path, name: str, *flags: str) -> str:
    """What the same source prints when it is compiled for the host and run there."""
    target = directory / f"{name}-native"
    subprocess.run(["cc", *STYLE, *flags, "-o", target, SOURCES / f"{name}.c", "-lm"], check=True)
    return subprocess.run([target], check=True, capture_output=True, text=True).stdout
