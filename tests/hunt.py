"""Debian's installer with the host's clock, disturbed at random and recorded: `make hunt`.

    PYTHONPATH=tools python tests/hunt.py SECONDS [SEED] [FOLDER]

With the host's clock no two runs are the same, so what goes wrong once in a thousand boots is kept as a recording.
Each boot is kicked, paused and typed at while it comes up and while its menus are walked through. A boot that prints
one of `FAILURES` leaves its recording in FOLDER: `pyspapr boot --replay` makes it again, `--lockstep` on both engines.
Every fourth recording of a good boot is replayed so, and must end with the same state. Exit status 1 for any failure.

One fault is the installer's own and only counted (about one boot in twenty): its main-menu reads /var/lib/dpkg/status
without a lock and goes on with a null pointer when there is none. udpkg, which runs beside it, replaces the file by two
renames; whoever comes between them finds none. A replay shows it system call by system call.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

from fetch_guests import CACHE

from pyspapr import EngineDifference, Machine, ReplayError, Timeout
from pyspapr.config import CPU_MODELS
from pyspapr.replay.lockstep import Lockstep

KERNEL, INITRD = (CACHE / "installer" / name for name in ("vmlinux", "initrd.gz"))
FAILURES = (b"egmentation", b"segfault", b"Oops", b"Kernel panic", b"unhandled signal", b"BUG:")
KNOWN = re.compile(rb"main-menu\[\d+\]: segfault \(11\) at 8 nip [0-9a-f]*2fd8 ")
KEYS = ("\x1b[B", "\x1b[A", "\t", " ", "\r", "\x1b")
MENU = b"hoose"
BOOT, WALK = 240, 20
"""Seconds for the boot to its first menu, and at most for a walk through the menus."""


def disturb(vm: Machine, rng: random.Random, over: threading.Event) -> None:
    """Do to a running machine what its host may do at any moment, twenty times a second on average."""
    while not over.wait(rng.expovariate(20)):
        choice = rng.random()
        if choice < 0.5:
            vm.kick()
        elif choice < 0.8:
            vm.pause()
            over.wait(rng.expovariate(100))
            vm.resume()
        else:
            vm.console.write(rng.choice(KEYS))


def failure(vm: Machine) -> str | None:
    """The first sign of trouble on the console, the known fault excepted."""
    lines = (line for line in vm.console.raw.splitlines() if not KNOWN.search(line))
    return next((text.decode() for line in lines for text in FAILURES if text in line), None)


def boot(seed: int, recording: Path) -> tuple[Machine, str | None]:
    """One disturbed boot and what went wrong in it."""
    rng = random.Random(seed)
    vm = Machine(
        memory="1G", cpu=rng.choice(CPU_MODELS), clock="host", seed=rng.getrandbits(60), rtc_base=int(time.time())
    )
    vm.load_kernel(KERNEL, initrd=INITRD, append="console=hvc0")
    over = threading.Event()
    thread = threading.Thread(target=disturb, args=(vm, rng, over), daemon=True)
    with vm.record(recording):
        vm.console.keeps_open += 1
        thread.start()
        deadline, walking, found = time.monotonic() + BOOT, False, None
        while found is None and time.monotonic() < deadline:
            reason = vm.run(timeout=0.5)
            found = failure(vm) or (None if isinstance(reason, Timeout) else str(reason))
            if not walking and MENU in vm.console.raw:
                walking, deadline = True, time.monotonic() + rng.uniform(1, WALK)
        over.set()
        thread.join()
    if found is None and not walking:
        found = f"no menu within {BOOT} seconds"
    return vm, found


def replayed(recording: Path, vm: Machine) -> str | None:
    """How the recording, made again on both engines, differs from its run."""
    pair = Lockstep(lambda engine: Machine.replay(recording, kernel=KERNEL, initrd=INITRD, engine=engine))
    try:
        pair.run()
    except (EngineDifference, ReplayError) as error:
        return str(error)
    return None if pair.machine.state_hash() == vm.state_hash() else "the replay ended in another state"


def main() -> int:
    """Hunt. 1 when something was found."""
    seconds, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp(prefix="pyspapr-hunt-"))
    began, boots, instructions, found, known = time.monotonic(), 0, 0, 0, 0
    while time.monotonic() - began < seconds:
        recording = folder / f"{seed + boots}.recording"
        vm, trouble = boot(seed + boots, recording)
        if trouble is None and boots % 4 == 0:
            trouble = replayed(recording, vm)
        boots += 1
        instructions += vm.instructions
        known += KNOWN.search(vm.console.raw) is not None
        if trouble is None:
            recording.unlink()
        else:
            found += 1
            print(f"{recording}: {trouble}", flush=True)
    print(
        f"{boots} boots of the installer from seed {seed} on, {instructions} instructions, {found} with a failure, "
        f"{known} with the installer's own, in {seconds} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
