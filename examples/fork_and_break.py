"""Boot once, then give every experiment its own copy of the machine, and break something on purpose.

    python examples/fork_and_break.py

The guest that ships with the package checks its own memory all the time, so it notices.
"""

import sys
from importlib.resources import as_file, files

import pyspapr


def booted() -> pyspapr.Machine:
    """The built-in guest, busy."""
    vm = pyspapr.Machine(memory="256M")
    with as_file(files("pyspapr.guests") / "demo.elf") as kernel:
        vm.load_kernel(kernel, append="rounds=48")
    reason = vm.run(until="round 16", timeout=60)
    assert isinstance(reason, pyspapr.Matched), reason
    return vm


def main() -> int:
    """One fork runs on in peace, the other loses its hash page table."""
    snapshot = booted().snapshot()

    quiet = snapshot.fork()
    print("left alone:      ", quiet.run(timeout=60))

    broken = snapshot.fork()
    broken.hpt.clear()
    reason = broken.run(max_instructions=50_000_000)
    print("without its table:", reason)

    again = snapshot.fork()
    print("left alone again:", again.run(timeout=60))
    same = quiet.state_hash() == again.state_hash()
    print("both undisturbed runs ended in the same state:", same)
    return 0 if same and not isinstance(reason, pyspapr.PoweredOff) else 1


if __name__ == "__main__":
    sys.exit(main())
