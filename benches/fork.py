"""Forks and resets of a booted guest, beside what is wanted and beside QEMU's `loadvm`.

    python benches/fork.py [--runs N] [--json FILE]

The guest is Debian's kernel with 1 GiB at its shell. A test on it is a fork, or a reset of one machine, and what the
shell is told to do. Times are by the clock and medians of all calls, unless the name says otherwise; `echo` is in
processor time, because many tests run side by side. QEMU goes back to the same place: `savevm` once, then `loadvm`
again and again, from a qcow2 image in memory, while its guest is stopped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common import CACHE, KERNEL, MEMORY, need_qemu

from guests import start_qemu
from pyspapr import Machine
from pyspapr.migration.snapshot import Snapshot

FORKS = 1000
TESTS = 200
PAGES = 50
APART = 8192
"""Bytes from one page that is written to the next."""
RESETS = 500
LOADS = 10
READY = "init: shell"

Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Wanted:
    """A figure of ours, which is at most `bound`, or at least."""

    name: str
    bound: float
    least: bool = False

    def met(self, value: float) -> bool:
        """Whether it is as wanted."""
        return value >= self.bound if self.least else value <= self.bound


TABLE = (
    Wanted("fork ms", 0.5),
    Wanted("fork, 99 of 100, ms", 1.0),
    Wanted("1000 forks seconds", 0.5),
    Wanted("1000 forks KiB each", 256),
    Wanted("fork and echo CPU ms", 5.0),
    Wanted("reset after 50 pages us", 100),
    Wanted("resets a second", 2000, least=True),
    Wanted("200 tests seconds", 5.0),
)


def resident() -> int:
    """KiB of this process in memory that are not those of snapshots."""
    rows = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(row[1]) for row in rows if row[0] in ("RssAnon:", "RssFile:"))


def timed(function: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each call."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        found.append((time.perf_counter() - begin) * 1000)
    return found


def booted() -> Machine:
    """The guest at its shell, which has worked already."""
    vm = Machine(memory=MEMORY)
    vm.load_kernel(KERNEL, initrd=CACHE / "initrd.cpio", append="console=hvc0 quiet pyspapr.shell")
    vm.console.expect(READY, timeout=400)
    for _ in range(3):
        assert vm.shell("echo hello", timeout=60).output.strip() == "hello"
        answered(vm)
    return vm


def answered(vm: Machine) -> None:
    """One line for the shell, and its answer."""
    vm.console.send("echo $((6 * 7))")
    vm.console.expect("42", timeout=60)


def measure(frozen: Snapshot[Machine], figures: Figures) -> None:
    """All of ours, once."""
    each = timed(frozen.fork, FORKS)
    figures["fork ms"].append(statistics.median(each))
    figures["fork, 99 of 100, ms"].append(sorted(each)[len(each) * 99 // 100])
    before, begin = resident(), time.perf_counter()
    forks = [frozen.fork() for _ in range(FORKS)]
    figures["1000 forks seconds"].append(time.perf_counter() - begin)
    figures["1000 forks KiB each"].append((resident() - before) / FORKS)
    del forks
    costs = []
    for _ in range(TESTS):
        cpu = time.process_time()
        answered(frozen.fork())
        costs.append((time.process_time() - cpu) * 1000)
    figures["fork and echo CPU ms"].append(statistics.median(costs))
    vm = frozen.fork()
    resets = []
    for _ in range(RESETS):
        for page in range(PAGES):
            vm.memory.write(0x100_0000 + APART * page, b"changed")
        begin = time.perf_counter()
        vm.reset_to(frozen)
        resets.append((time.perf_counter() - begin) * 1e6)
    figures["reset after 50 pages us"].append(statistics.median(resets))
    begin = time.perf_counter()
    for _ in range(RESETS):
        vm.reset_to(frozen)
    figures["resets a second"].append(RESETS / (time.perf_counter() - begin))
    costs = []
    for _ in range(TESTS):
        cpu = time.process_time()
        vm.reset_to(frozen)
        answered(vm)
        costs.append((time.process_time() - cpu) * 1000)
    figures["reset and echo CPU ms"].append(statistics.median(costs))
    begin = time.perf_counter()
    for number in range(TESTS):
        assert frozen.fork().shell(f"echo {number}", timeout=60).output.strip() == str(number)
    figures["200 tests seconds"].append(time.perf_counter() - begin)


def empty_qcow2() -> bytes:
    """An image of 1 MiB (QEMU, docs/interop/qcow2, version 2): header, table of counts, counts, table of tables."""
    cluster, size = 1 << 16, 1 << 20
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, size, 0, 1, 3 * cluster, cluster, 1, 0, 0)
    counts = struct.pack(">4H", 1, 1, 1, 1)
    return b"".join(part.ljust(cluster, b"\0") for part in (header, struct.pack(">Q", 2 * cluster), counts, b""))


def loadvm(directory: Path, figures: Figures) -> None:
    """QEMU, with its guest at the same shell."""
    image = directory / "state.qcow2"
    image.write_bytes(empty_qcow2())
    more = ("-append", "console=hvc0 quiet pyspapr.shell", "-drive", f"if=none,format=qcow2,file={image}")
    with start_qemu(directory, "fork.qmp", CACHE / "initrd.cpio", *more) as guest:
        guest.expect(READY)
        guest.execute("stop")

        def command(line: str) -> None:
            if answer := guest.execute("human-monitor-command", command_line=line):
                raise RuntimeError(f"{line}: {answer}")

        command("savevm here")
        figures["qemu loadvm ms"] += timed(lambda: command("loadvm here"), LOADS)


def main() -> int:
    """Measure, print a table and a line of JSON. 1 when a figure is not as wanted, 2 when there is nothing to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    if not need_qemu():
        return 2
    figures: Figures = defaultdict(list)
    vm = booted()
    frozen = vm.snapshot()
    for _ in range(arguments.runs):
        measure(frozen, figures)
        with tempfile.TemporaryDirectory(prefix="pyspapr-bench-", dir="/dev/shm") as name:
            loadvm(Path(name), figures)
    medians = {name: statistics.median(values) for name, values in figures.items()}
    met = {row.name: row.met(medians[row.name]) for row in TABLE}
    print(f"Forks and resets of Debian's kernel with {MEMORY}, {arguments.runs} runs, medians")
    print(f"{'':30}{'pyspapr':>10}{'wanted':>10}")
    for row in TABLE:
        print(f"{row.name:30}{medians[row.name]:10.2f}{row.bound:10.2f}  {'met' if met[row.name] else 'MISS'}")
    for name in sorted(medians.keys() - met.keys()):
        print(f"{name:30}{medians[name]:10.2f}")
    result = {"runs": arguments.runs, "medians": medians, "met": met, "samples": figures}
    print(json.dumps(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
