"""Boot Debian's kernel to its first process here and in QEMU, in turns, and print the ratio.

    python benches/boot.py [--runs N] [--cpu power8] [--json FILE]

Each run is a process of its own. Its time goes from its start to the line that its init prints; its memory is the
largest resident set that the kernel of this host has seen (`wait4`). Medians are compared, so that one disturbed run
does not decide.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from fetch_guests import CACHE, INIT_MARK  # noqa: E402  (the path is set above)

QEMU = "qemu-system-ppc64"
MACHINE = "pseries,x-vof=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off"
APPEND = "console=hvc0"
MEMORY = "1G"

WANTED_TIME_RATIO = 8.0
WANTED_MEMORY_RATIO = 1.25


@dataclass(frozen=True)
class Sample:
    """One run: seconds to the first process, largest resident set in MiB."""

    seconds: float
    mebibytes: float


def commands(cpu: str) -> dict[str, list[str]]:
    """What is compared."""
    kernel, initrd = str(CACHE / "linux" / "vmlinux"), str(CACHE / "first.cpio")
    images = ["-kernel", kernel, "-initrd", initrd, "-append", APPEND]
    accelerator = "POWER8" if cpu == "power8" else "POWER9"
    machine = MACHINE if cpu == "power8" else MACHINE + ",max-cpu-compat=power8"
    qemu = [QEMU, "-M", machine, "-cpu", accelerator, "-m", MEMORY, "-nodefaults", "-vga", "none"]
    ours = [sys.executable, "-m", "pyspapr", "boot", "--cpu", cpu, "--memory", MEMORY]
    return {
        "pyspapr": [*ours, *(word.replace("-", "--", 1) if word in images[::2] else word for word in images)],
        "qemu": [*qemu, "-nographic", "-serial", "mon:stdio", *images],
    }


def measure(command: list[str]) -> Sample:
    """Run once. Raises RuntimeError when the first process is not reached."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    seconds = None
    tail = b""
    for line in process.stdout:
        tail = (tail + line)[-2000:]
        if seconds is None and INIT_MARK.encode() in line:
            seconds = time.perf_counter() - begin
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if seconds is None:
        raise RuntimeError(f"{command[0]} did not reach the first process (status {process.returncode}): {tail!r}")
    return Sample(seconds, usage.ru_maxrss / 1024)


def main() -> int:
    """Measure, print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cpu", choices=["power8", "power9"], default="power8")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    if shutil.which(QEMU) is None:
        print(f"{QEMU} is not installed: make tools", file=sys.stderr)
        return 1
    samples: dict[str, list[Sample]] = {"pyspapr": [], "qemu": []}
    for _ in range(arguments.runs):
        for name, command in commands(arguments.cpu).items():
            samples[name].append(measure(command))
    medians = {
        name: Sample(statistics.median(s.seconds for s in rows), statistics.median(s.mebibytes for s in rows))
        for name, rows in samples.items()
    }
    time_ratio = medians["pyspapr"].seconds / medians["qemu"].seconds
    memory_ratio = medians["pyspapr"].mebibytes / medians["qemu"].mebibytes
    print(f"Debian's kernel to its first process, {arguments.cpu}, {arguments.runs} runs each, medians")
    print(f"{'':10}{'seconds':>10}{'MiB':>10}   all runs")
    for name, rows in samples.items():
        runs = "  ".join(f"{sample.seconds:.2f} s" for sample in rows)
        print(f"{name:10}{medians[name].seconds:10.2f}{medians[name].mebibytes:10.0f}   {runs}")
    wanted = f"wanted: at most {WANTED_TIME_RATIO} and {WANTED_MEMORY_RATIO}"
    print(f"{'ratio':10}{time_ratio:10.2f}{memory_ratio:10.2f}   {wanted}")
    result = {
        "cpu": arguments.cpu,
        "time_ratio": round(time_ratio, 3),
        "memory_ratio": round(memory_ratio, 3),
        "samples": {name: [asdict(sample) for sample in rows] for name, rows in samples.items()},
    }
    print(json.dumps(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if time_ratio <= WANTED_TIME_RATIO and memory_ratio <= WANTED_MEMORY_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
