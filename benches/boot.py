"""Boot Debian's kernel here and in QEMU, in turns, and print the ratios.

    python benches/boot.py [--runs N] [--cpu power8] [--only first|work] [--json FILE]

Two boots are measured: to the first process, which powers off at once, and the one of the tests, whose init hashes,
compresses, computes and forks 300 times before it powers off. Each run is a process of its own. `seconds` goes from
its start to the guest's last line; `CPU s` is user and system time of the whole process, which is what to compare on
a busy host; memory is the largest resident set that the kernel of this host has seen (`wait4`). Medians are compared,
so that one disturbed run does not decide.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from common import CACHE, INIT_MARK, Usage, need_qemu, ours, qemu

WANTED_TIME_RATIO = 8.0
WANTED_MEMORY_RATIO = 1.25
BOOTS = {
    "first": ("to the first process", CACHE / "first.cpio", INIT_MARK),
    "work": ("to the end of an init with 300 forks", CACHE / "initrd.cpio", "init: done"),
}


@dataclass(frozen=True)
class Sample:
    """One run: seconds to the line, user and system seconds in all, largest resident set in MiB."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def measure(command: list[str], mark: str) -> Sample:
    """Run once. Raises RuntimeError when the line does not come."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    seconds = None
    tail = b""
    for line in process.stdout:
        tail = (tail + line)[-2000:]
        if seconds is None and mark.encode() in line:
            seconds = time.perf_counter() - begin
    process.stdout.close()
    usage = Usage.of(process)
    if seconds is None:
        raise RuntimeError(f"{command[0]} did not reach {mark!r} (status {process.returncode}): {tail!r}")
    return Sample(seconds, usage.cpu_seconds, usage.peak_mib)


def compare(name: str, cpu: str, runs: int) -> dict[str, object]:
    """Measure one boot, print its table and return its figures."""
    title, initrd, mark = BOOTS[name]
    samples: dict[str, list[Sample]] = {"pyspapr": [], "qemu": []}
    for _ in range(runs):
        for who, command in (("pyspapr", ours(cpu, initrd)), ("qemu", qemu(cpu, initrd))):
            samples[who].append(measure(command, mark))
    medians = {
        who: Sample(*(statistics.median(column) for column in zip(*map(astuple, rows), strict=True)))
        for who, rows in samples.items()
    }
    mine, theirs = medians["pyspapr"], medians["qemu"]
    ratio = Sample(
        mine.seconds / theirs.seconds, mine.cpu_seconds / theirs.cpu_seconds, mine.mebibytes / theirs.mebibytes
    )
    print(f"Debian's kernel {title}, {cpu}, {runs} runs each, medians")
    print(f"{'':10}{'seconds':>10}{'CPU s':>10}{'MiB':>10}   all runs, CPU s")
    for who, rows in samples.items():
        each = "  ".join(f"{sample.cpu_seconds:.2f}" for sample in rows)
        median = medians[who]
        print(f"{who:10}{median.seconds:10.2f}{median.cpu_seconds:10.2f}{median.mebibytes:10.0f}   {each}")
    wanted = f"wanted: at most {WANTED_TIME_RATIO:g} in time and {WANTED_MEMORY_RATIO:g} in memory"
    print(f"{'ratio':10}{ratio.seconds:10.2f}{ratio.cpu_seconds:10.2f}{ratio.mebibytes:10.2f}   {wanted}\n", flush=True)
    return {
        "time_ratio": round(ratio.seconds, 3),
        "cpu_ratio": round(ratio.cpu_seconds, 3),
        "memory_ratio": round(ratio.mebibytes, 3),
        "met": ratio.cpu_seconds <= WANTED_TIME_RATIO and ratio.mebibytes <= WANTED_MEMORY_RATIO,
        "samples": {who: [asdict(sample) for sample in rows] for who, rows in samples.items()},
    }


def main() -> int:
    """Measure, print tables and a line of JSON. 1 when a figure is not as wanted, 2 when there is nothing to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cpu", choices=["power8", "power9"], default="power8")
    parser.add_argument("--only", choices=list(BOOTS), help="one of the boots")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    if not need_qemu():
        return 2
    names = [arguments.only] if arguments.only else list(BOOTS)
    boots = {name: compare(name, arguments.cpu, arguments.runs) for name in names}
    result = {"cpu": arguments.cpu, "runs": arguments.runs, "boots": boots}
    print(json.dumps(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(boot["met"] for boot in boots.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
