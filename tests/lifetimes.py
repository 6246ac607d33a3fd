"""Machines that are made and dropped, with the collector of cycles off: `make soak`, and fewer in the tests.

    python tests/lifetimes.py 500

Each round creates a machine, boots the small guest, forks, resets, saves and restores it, and drops all of them. Prints
the resident memory after each tenth of the rounds, in KiB, and fails when it has moved by more than `TOLERANCE` since
the first look, or when there are more descriptors, threads or mappings than then.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import threading
from importlib.resources import files
from pathlib import Path

from pyspapr import Machine

GUEST = Path(str(files("pyspapr.guests") / "demo.elf"))
STEP = 2_000_000
WARM = 10
"""Rounds before the first look: imports, compiled code that machines share, what the allocator keeps."""
TOLERANCE = 0.05
SPARE = {"descriptors": 0, "threads": 0, "mappings": 8}
"""The allocator gives memory back when it likes."""


def resident() -> int:
    """KiB of this process that are in memory: its own, and those of files and shared memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def held() -> dict[str, int]:
    """What a process has a limited number of."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)  # a save has a thread close the file that it has replaced; one that stays is counted
    process = Path("/proc/self")
    mappings = len((process / "maps").read_text().splitlines())
    return {
        "descriptors": len(list((process / "fd").iterdir())),
        "threads": threading.active_count(),
        "mappings": mappings,
    }


def life(path: Path) -> None:
    """Everything that a machine usually goes through; all of it is dropped on return."""
    vm = Machine(memory="64M")
    vm.load_kernel(GUEST, append="forever churn=50")
    vm.run(max_instructions=STEP)
    frozen = vm.snapshot()
    forked = frozen.fork()
    for machine in (forked, vm):  # the code that each makes goes to snapshots of its own as well
        for _ in range(3):
            machine.run(max_instructions=STEP // 10)
            machine.reset_to(frozen)
    forked.run(max_instructions=STEP // 10)
    again = forked.fork()
    again.run(max_instructions=STEP // 10)
    again.reset_to(frozen)
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
        found, before = [resident()], held()
        for number in range(1, rounds + 1):
            life(path)
            if number % max(rounds // 10, 1) == 0:
                found.append(resident())
        more = {name: (before[name], now) for name, now in held().items() if now > before[name] + SPARE[name]}
        assert not more, f"more than before: {more}"
        return found


def main() -> int:
    found = lives(int(sys.argv[1]))
    print(*found)
    return 0 if max(abs(one - found[0]) for one in found) <= TOLERANCE * found[0] else 1


if __name__ == "__main__":
    sys.exit(main())
