"""Debian's kernel on both engines side by side, boot after boot, each with another command line, seed, processor and
memory size: `make lockstep`.

    PYTHONPATH=tools python tests/lockstep_linux.py SECONDS [JOBS] [FIRST]

Boot number n is always the same, so a difference comes again with FIRST = n. Exit status 1 if there was one.
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import sys
import time
from dataclasses import dataclass

from fetch_guests import CACHE

from pyspapr import EngineDifference, Machine, PoweredOff, Timeout
from pyspapr.config import CPU_MODELS, Engine
from pyspapr.replay.lockstep import Lockstep

MEMORY = ("256M", "512M", "1G", "2G")
ARGUMENTS = (
    "",
    "quiet",
    "quiet stress_slb",  # drops entries of the SLB at every kernel entry
    "quiet stress_hpt",  # and of the hash table
    "quiet disable_1tb_segments",
    "quiet no_slb_preload",
    "quiet init_on_alloc=1 init_on_free=1",
    "quiet slub_debug=FZP",
)
BEFORE = "mkdir -p /dev; mount -t devtmpfs d /dev"
WORK = (
    "sha256sum /bin/* | sha256sum",
    "gzip -c /data | gzip -dc | sha256sum",
    "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); [ $((i % 7)) = 3 ] || continue; echo $i >> /l; done; wc -l /l",
    "for i in 1 2 3 4 5 6 7 8 9; do (echo $i | awk '{ print $1 / 3, $1 * $1 * 0.7, $1 / 1e300 / 1e9 }'); done",
    "dd if=/dev/zero of=/z bs=64k count=200; cat /z /z | sha256sum; rm /z",
    "dd if=/dev/urandom of=/r bs=4k count=300; gzip -1 /r; ls -l /r.gz; rm /r.gz",
    "ps; mount; cat /proc/meminfo /proc/vmstat",
    "for i in 1 2 3; do cat /data | cat | cat | sha256sum & done; wait",
    "sleep 3",
)


class Typed:
    """What a person types at the shell."""

    def __init__(self, lines: list[str]) -> None:
        self.data = "".join(line + "\n" for line in lines).encode()

    def take(self, limit: int) -> bytes:
        data, self.data = self.data[:limit], self.data[limit:]
        return data

    @property
    def exhausted(self) -> bool:
        return not self.data


@dataclass
class Done:
    """What one process has run."""

    boots: int = 0
    unfinished: int = 0
    instructions: int = 0
    trouble: str = ""


def boot(number: int, seconds: float, done: Done) -> None:
    """Boot `number`; it ends by itself or when the time is over."""
    rng = random.Random(number)
    cpu, memory = rng.choice(CPU_MODELS), rng.choice(MEMORY)
    work = rng.sample(WORK, rng.randrange(1, len(WORK)))
    append = f"console=hvc0 {rng.choice(ARGUMENTS)} pyspapr.shell"

    def make(engine: Engine) -> Machine:
        vm = Machine(memory=memory, cpu=cpu, seed=number, engine=engine)
        vm.load_kernel(CACHE / "linux/vmlinux", initrd=CACHE / "initrd.cpio", append=append)
        return vm

    pair = Lockstep(make, source=Typed([BEFORE, *work, "poweroff -f"]))
    what = f"boot {number} ({cpu}, {memory}, {append!r})"
    try:
        reason = pair.run(timeout=seconds)
    except EngineDifference as difference:
        done.trouble = "\n    ".join((f"{what}: {difference}", *difference.lines))
        return
    done.boots += 1
    done.unfinished += isinstance(reason, Timeout)
    done.instructions += pair.machine.cpus[0].vcpu.instructions
    text = pair.machine.console.output
    if not isinstance(reason, PoweredOff | Timeout) or "Oops" in text or "Call Trace" in text:
        done.trouble = f"{what}: {reason}; the console ends with {text[-500:]!r}"


def boot_on(numbers: range, end: float) -> Done:
    """One boot after the other until `end`."""
    done = Done()
    for number in itertools.count(numbers.start, numbers.step):
        if done.trouble or (left := end - time.time()) <= 0:
            return done
        boot(number, left, done)
    raise AssertionError("counting has no end")


def main(seconds: int, jobs: int = 1, first: int = 1) -> int:
    """Boot until the time is over, `jobs` at once."""
    start = time.time()
    shares = [(range(first + job, sys.maxsize, jobs), start + seconds) for job in range(jobs)]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        ends = pool.starmap(boot_on, shares)
    for done in ends:
        if done.trouble:
            print(done.trouble)
    boots, unfinished, instructions = (
        sum(getattr(done, name) for done in ends) for name in ("boots", "unfinished", "instructions")
    )
    print(
        f"lockstep: {boots} boots of Linux from number {first} on ({unfinished} of them cut short by the time), "
        f"{instructions} instructions on each engine, in {time.time() - start:.0f} s"
    )
    return 1 if any(done.trouble for done in ends) else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
