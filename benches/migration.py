"""Save, restore and live-migrate Debian's kernel here and in QEMU, side by side, beside what is wanted.

    python benches/migration.py [--runs N] [--json FILE]

Both have 1 GiB, POWER8, the same kernel and initrd, and are driven over QMP.

- Saving: the guest is stopped at the same line of its console and written to a file, by QEMU through `cat`, its only
  way. The bytes are those on disk. Ours are also synced to the disk when the command returns; QEMU's are not, so
  `qemu save synced` says how long that takes as well.
- Restoring: QEMU from the start of its process until its guest runs; here `restore --max-instructions 1` as a whole,
  and `Machine.restore` with the first instruction in a process that has imported the package. What is judged there is
  the first restore of a process, which loads modules and builds tables; later ones are shown by themselves. Modules
  are compiled, as they are where pip has installed the package: the environment's PYTHONDONTWRITEBYTECODE is not
  passed on, and each command runs once before it is measured.
- Live migration over a unix socket, while the guest forks, executes and writes ten times a second. The downtime is the
  one that each reports: QEMU's ends when the source has sent everything, ours, from the guest's last instruction, when
  the destination has said that it runs. The whole time is from the command `migrate` to the answer that says
  `completed`. The memory is the source's largest resident set while migrating, less the one while it only ran.
- Moving through a file: `migrate` to it, and the time from the start of a process that takes the machine in from there
  until its guest runs. QEMU writes and reads through `cat`.

The last two are measured twice, on a host that has nothing else to do and, as `busy`, beside four processes that never
sleep. Runs of ours and of QEMU take turns, so that what else the host does falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common import CACHE, INIT_MARK, Usage, initrd, need_qemu

from guests import Guest, start_ours, start_qemu

LOAD = f"""#!/bin/sh
echo "{INIT_MARK}"
n=0
while :; do
    n=$((n + 1))
    cat /bin/busybox > /tmp/file$((n % 4))
    x=$(echo $n | cat)
    [ "$x" = $n ] || echo "load: wrong"
    [ $((n % 10)) = 0 ] && echo "load: $n."
    sleep 0.1
done
"""
SETTLED = "load: 20."
"""By then every file is written more than once, so that the guest's memory grows no more."""
QUICK = 10 << 30
"""Bytes per second: no limit that matters."""
DOWNTIME_LIMIT_MS = 300
RUNNING_SECONDS = 2.0
OTHERS = 4
"""Processes that keep a busy host busy."""
GOING_ON_SECONDS = 30.0
"""In which the guest must say something after a migration. QEMU before 8.2 forgets the decrementer: its guest hangs."""

Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Wanted:
    """A figure of ours, at most `factor` times QEMU's `other`, or at most `limit`; or at `least`."""

    name: str
    other: str = ""
    factor: float = 1.0
    limit: float = 0.0
    least: bool = False

    def bound(self, medians: dict[str, float]) -> float:
        """In the figure's unit."""
        return self.factor * medians[self.other] if self.other else self.limit

    def met(self, medians: dict[str, float]) -> bool:
        """Whether ours is as wanted."""
        value, bound = medians[self.name], self.bound(medians)
        return value >= bound if self.least else value <= bound


TABLE = (
    Wanted("save seconds", "qemu save seconds"),
    Wanted("save MiB", "qemu save MiB"),
    Wanted("save zstd MiB", "qemu save MiB", factor=0.25),
    Wanted("restore in process, first ms", limit=20),
    Wanted("restore from the shell ms", limit=150),
    Wanted("live downtime ms", "qemu live downtime ms", factor=0.5),
    Wanted("live extra memory MiB", limit=64),
    Wanted("live guest goes on", limit=1, least=True),
    Wanted("live whole ms", "qemu live whole ms"),
    Wanted("file save ms", "qemu file save ms"),
    Wanted("file start ms", "qemu file start ms"),
    Wanted("busy live downtime ms", "busy qemu live downtime ms", factor=0.5),
    Wanted("busy live whole ms", "busy qemu live whole ms"),
    Wanted("busy file save ms", "busy qemu file save ms"),
    Wanted("busy file start ms", "busy qemu file start ms"),
)
"""Ours beside the targets. The figures of QEMU alone follow in the output."""

IN_PROCESS = """
import sys, time
from pyspapr import Machine
for _ in range(6):
    begin = time.perf_counter()
    vm = Machine.restore(sys.argv[1])
    vm.run(max_instructions=1)
    print((time.perf_counter() - begin) * 1000)
"""


def on_disk(path: Path) -> float:
    """MiB that a file takes."""
    return path.stat().st_blocks * 512 / (1 << 20)


def save_ours(directory: Path, figures: Figures) -> Path:
    """Boot, stop, save plain and with zstd."""
    plain, small = directory / "ours.spapr", directory / "ours.zstd"
    with start_ours(directory, "save.qmp", CACHE / "load.cpio") as guest:
        guest.expect(INIT_MARK)
        guest.execute("stop")
        for path, name, options in ((plain, "save", {}), (small, "save zstd", {"compression": "zstd"})):
            os.sync()  # what was written before is not to be paid for
            begin = time.perf_counter()
            guest.execute("snapshot-save", filename=str(path), **options)
            figures[f"{name} seconds"].append(time.perf_counter() - begin)
            figures[f"{name} MiB"].append(on_disk(path))
    return plain


def save_qemu(directory: Path, figures: Figures) -> Path:
    """Boot, stop, migrate to a file."""
    path = directory / "qemu.stream"
    with start_qemu(directory, "qsave.qmp", CACHE / "load.cpio") as guest:
        guest.expect(INIT_MARK)
        guest.execute("stop")
        guest.execute("migrate-set-parameters", max_bandwidth=QUICK)
        os.sync()
        begin = time.perf_counter()
        guest.execute("migrate", uri=f"exec:cat > {path}")
        guest.migrated()
        figures["qemu save seconds"].append(time.perf_counter() - begin)
        os.sync()  # blocks are given out when the data are written
        figures["qemu save synced seconds"].append(time.perf_counter() - begin)
        figures["qemu save MiB"].append(on_disk(path))
    return path


def restore(directory: Path, mine: Path, theirs: Path, figures: Figures) -> None:
    """Three ways to the first instruction."""
    compiled = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(directory / "compiled")}
    for _ in range(2):  # the first time compiles
        done = subprocess.run(
            [sys.executable, "-c", IN_PROCESS, str(mine)], check=True, capture_output=True, text=True, env=compiled
        )
    first, *others = map(float, done.stdout.split())
    figures["restore in process, first ms"].append(first)
    figures["restore in process, later ms"].append(statistics.median(others))
    command = [sys.executable, "-m", "pyspapr", "restore", "--max-instructions", "1", str(mine)]
    null = subprocess.DEVNULL
    for _ in range(2):
        begin = time.perf_counter()
        usage = Usage.of(subprocess.Popen(command, stdin=null, stdout=null, stderr=null, env=compiled))
    figures["restore from the shell ms"].append((time.perf_counter() - begin) * 1000)
    figures["restore from the shell CPU ms"].append(usage.cpu_seconds * 1000)
    more = ("-incoming", f"exec:cat {theirs}")
    with start_qemu(directory, "qrestore.qmp", CACHE / "load.cpio", *more) as guest:
        figures["qemu restore ms"].append(guest.arrived() * 1000)


def live(directory: Path, who: str, start: Callable[..., Guest], figures: Figures) -> None:
    """Migrate a busy guest to another process; `who` begins the names of the figures."""
    image, way = CACHE / "load.cpio", f"unix:{directory / 'way'}"
    incoming = ("--incoming" if start is start_ours else "-incoming", way)
    with (
        start(directory, "source.qmp", image) as source,
        start(directory, "target.qmp", image, *incoming) as target,
    ):
        source.expect(SETTLED)
        source.forget_peak()
        time.sleep(RUNNING_SECONDS)
        running = source.memory()["VmHWM"]
        source.execute("migrate-set-parameters", max_bandwidth=QUICK, downtime_limit=DOWNTIME_LIMIT_MS)
        begin = time.perf_counter()
        source.execute("migrate", uri=way)
        info = source.migrated()
        figures[f"{who}live whole ms"].append((time.perf_counter() - begin) * 1000)
        figures[f"{who}live extra memory MiB"].append(source.memory()["VmHWM"] - running)
        figures[f"{who}live downtime ms"].append(float(info["downtime"]))
        figures[f"{who}live total ms"].append(float(info["total-time"]))
        figures[f"{who}live sent MiB"].append(info["ram"]["transferred"] / (1 << 20))
        figures[f"{who}live passes"].append(float(info["ram"]["dirty-sync-count"]))
        figures[f"{who}live guest goes on"].append(float(target.says("load: ", GOING_ON_SECONDS)))
    for socket in directory.iterdir():
        if socket.is_socket():
            socket.unlink()


def through_file(directory: Path, who: str, start: Callable[..., Guest], figures: Figures) -> None:
    """Migrate a stopped guest into a file, and start another process from there."""
    image, path = CACHE / "load.cpio", directory / "moved"
    here = start is start_ours
    with start(directory, "leaving.qmp", image) as guest:
        guest.expect(INIT_MARK)
        guest.execute("stop")
        guest.execute("migrate-set-parameters", max_bandwidth=QUICK)
        os.sync()
        begin = time.perf_counter()
        guest.execute("migrate", uri=f"file:{path}" if here else f"exec:cat > {path}")
        guest.migrated()
        figures[f"{who}file save ms"].append((time.perf_counter() - begin) * 1000)
    more = ("--incoming", f"file:{path}") if here else ("-incoming", f"exec:cat {path}")
    with start(directory, "coming.qmp", image, *more) as guest:
        figures[f"{who}file start ms"].append(guest.arrived() * 1000)


@contextmanager
def others(count: int) -> Iterator[None]:
    """Processes that never sleep, while the context lasts."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def main() -> int:
    """Measure, print a table and a line of JSON. 1 when a figure is not as wanted, 2 when there is nothing to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    if not need_qemu():
        return 2
    (CACHE / "load.cpio").write_bytes(initrd((CACHE / "busybox").read_bytes(), LOAD))
    figures: Figures = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="pyspapr-bench-") as name:
        directory = Path(name)
        for _ in range(arguments.runs):
            restore(directory, save_ours(directory, figures), save_qemu(directory, figures), figures)
            for condition, count in (("", 0), ("busy ", OTHERS)):
                with others(count):
                    for who, start in (("", start_ours), ("qemu ", start_qemu)):
                        live(directory, condition + who, start, figures)
                        through_file(directory, condition + who, start, figures)
    return report(figures, arguments.runs, arguments.json)


def report(figures: Figures, runs: int, path: Path | None) -> int:
    """Print all of it."""
    medians = {name: statistics.median(values) for name, values in figures.items()}
    met = {}
    print(f"Debian's kernel with 1 GiB, saved, restored and migrated, {runs} runs each, medians")
    print(f"{'':30}{'pyspapr':>10}{'wanted':>10}        all runs")
    for row in TABLE:
        bound, value = row.bound(medians), medians[row.name]
        met[row.name] = row.met(medians)
        source = f"{row.factor:g} x QEMU's" if row.other else ""
        each = "  ".join(f"{one:.2f}" for one in figures[row.name])
        mark = "met " if met[row.name] else "MISS"
        print(f"{row.name:30}{value:10.2f}{bound:10.2f}  {mark}  {each}   {source}")
    for name in sorted(medians.keys() - met.keys()):
        each = "  ".join(f"{one:.2f}" for one in figures[name])
        print(f"{name:30}{medians[name]:10.2f}{'':10}        {each}")
    result = {"runs": runs, "medians": medians, "met": met, "samples": figures}
    print(json.dumps(result))
    if path is not None:
        path.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
