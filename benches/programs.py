"""The guest's programs of the benchmark and the initrd that they run in.

Enters: the sources in `guest/`, the cross compiler and busybox. Leaves: an initrd whose init says `bench: begin NAME`,
`bench: end NAME` and `bench: result NAME VALUE` for each workload. Nothing of it depends on the time or on chance.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from common import CACHE, INIT_MARK, ROOT, initrd

SOURCES = ROOT / "benches" / "guest"
BUILT = ROOT / ".cache" / "bench"
COMPILER = "powerpc64le-linux-gnu-gcc"
FLAGS = [
    *("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-mcpu=power8", "-ffreestanding", "-fno-pic", "-no-pie"),
    *("-fno-stack-protector", "-fno-math-errno", "-fno-asynchronous-unwind-tables"),
    *("-nostdlib", "-static", "-Wl,--build-id=none"),
]

SHELL_LOOP = """i=0; sum=0
while [ $i -lt 100000 ]; do sum=$((sum + i * i)); i=$((i + 1)); done"""


def timed(name: str, command: str, result: str) -> str:
    """Shell lines that measure `command`; `result` is what the shell expands to the answer."""
    return f'echo "bench: begin {name}"\n{command}\necho "bench: end {name}"\necho "bench: result {name} {result}"\n'


WORKLOADS = {
    "sha256": "random 64 > /tmp/data\n" + timed("sha256", "sum=$(sha256sum < /tmp/data)", "$sum") + ": > /tmp/data\n",
    "gzip": "random 16 > /tmp/data\n"
    + timed("gzip", "gzip < /tmp/data > /tmp/packed", "$(sha256sum < /tmp/packed)")
    + ": > /tmp/data; : > /tmp/packed\n",
    "shell": timed("shell", SHELL_LOOP, "$sum"),
    "forks": "forks\n",
    "float": "float\n",
    "chase": "chase\n",
    "syscalls": "syscalls\n",
    "faults": "faults\n",
}
"""What init does for each; a program that is not the shell's or busybox's says the lines itself."""

DONE_MARK = "bench: done"


def need_compiler() -> bool:
    """Whether the cross compiler is here; says so if not."""
    if shutil.which(COMPILER) is None:
        print(f"{COMPILER} is not installed: make tools", file=sys.stderr)
        return False
    return True


def build() -> dict[str, bytes]:
    """The programs by name."""
    BUILT.mkdir(parents=True, exist_ok=True)
    programs = {}
    for source in sorted(SOURCES.glob("*.c")):
        target = BUILT / source.stem
        subprocess.run([COMPILER, *FLAGS, "-o", target, source], check=True)
        programs[source.stem] = target.read_bytes()
    return programs


def build_initrd(names: list[str]) -> Path:
    """An initrd that runs the workloads `names`, one after the other, and powers off."""
    lines = ["#!/bin/sh", f'echo "{INIT_MARK}"', *(WORKLOADS[name] for name in names), f'echo "{DONE_MARK}"']
    init = "\n".join([*lines, "poweroff -f", ""])
    programs = build()
    path = BUILT / "workloads.cpio"
    path.write_bytes(initrd((CACHE / "busybox").read_bytes(), init, programs=programs))
    return path
