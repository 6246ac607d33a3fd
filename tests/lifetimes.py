"""Machines that are made and dropped, with the collector of cycles off: `make soak`, and fewer in the tests.

    python tests/lifetimes.py 500

Each round creates a machine, boots the small guest, forks, saves and restores it, and drops all of them. Prints the
resident memory after each tenth of the rounds, in KiB, and fails when it has moved by more than `TOLERANCE` since the
first look.
"""

from __future__ import annotations

import gc
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from pyspapr import Machine

GUEST = Path(str(files("pyspapr.guests") / "demo.elf"))
STEP = 2_000_000
WARM = 10
"""Rounds before the first look: imports, compiled code that machines share, what the allocator keeps."""
TOLERANCE = 0.05


def resident() -> int:
    """KiB of this process that are in memory: its own, and those of files and shared memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def life(path: Path) -> None:
    """Everything that a machine usually goes through; all of it is dropped on return."""
    vm = Machine(memory="64M")
    vm.load_kernel(GUEST, append="forever churn=50")
    vm.run(max_instructions=STEP)
    forked = vm.snapshot().fork()
    forked.run(max_instructions=STEP // 10)
    vm.save(path)
    restored = Machine.restore(path)
    restored.run(max_instructions=STEP // 10)


def lives(rounds: int) -> list[int]:
    """Resident memory after each tenth of the rounds; the first number is before them."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "machine.spapr"
        for _ in range(WARM):
            life(path)
        gc.collect()
        gc.disable()
        found = [resident()]
        for number in range(1, rounds + 1):
            life(path)
            if number % max(rounds // 10, 1) == 0:
                found.append(resident())
        return found


def main() -> int:
    found = lives(int(sys.argv[1]))
    print(*found)
    return 0 if max(abs(one - found[0]) for one in found) <= TOLERANCE * found[0] else 1


if __name__ == "__main__":
    sys.exit(main())
