"""Boot Debian's kernel here and in QEMU, in turns, and print the ratios.

    python benches/boot.py [--only first|work] [--runs N] [--engine interp|jit] [--cpu power8|power9] [--memory SIZE]
                           [--json FILE]

Two boots are measured: to the first process, which powers off at once, and the one of the tests, whose init hashes,
compresses, computes and forks 300 times before it powers off. Each run is a process of its own. Seconds go from its
start to the guest's line, by the host's clock and as CPU time of all its threads; the first is judged, the second is
what to look at on a busy host. Memory is the largest resident set that the kernel of this host has seen (`wait4`).
Medians are compared, so that one disturbed run does not decide.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from common import CACHE, INIT_MARK, need_qemu
from runs import Moment, measure
from turns import COLD, COLUMNS, NO_WARM, QEMU, WARM, Setup, add_options

WANTED_MEMORY_RATIO = 1.25


@dataclass(frozen=True)
class Boot:
    """A boot, and what our time may be over QEMU's at most, by column. Other columns are not judged."""

    title: str
    initrd: Path
    mark: str
    wanted: dict[str, float]


BOOTS = {
    "first": Boot("to the first process", CACHE / "first.cpio", INIT_MARK, {COLD: 1.0, WARM: 0.6}),
    "work": Boot("to the end of an init with 300 forks", CACHE / "initrd.cpio", "init: done", {COLD: 1.0, WARM: 1.0}),
}


@dataclass(frozen=True)
class Sample:
    """One run, or the medians of several: the time to the line, the largest resident set in MiB."""

    time: Moment
    peak_mib: float


def median(samples: list[Sample]) -> Sample:
    """Of each figure by itself."""
    seconds = statistics.median(sample.time.seconds for sample in samples)
    cpu_seconds = statistics.median(sample.time.cpu_seconds for sample in samples)
    return Sample(Moment(seconds, cpu_seconds), statistics.median(sample.peak_mib for sample in samples))


@dataclass(frozen=True)
class Ratio:
    """Ours over QEMU's."""

    time: Moment
    memory: float
    wanted: float | None
    """Of the host's time; None is not judged."""

    @property
    def met(self) -> bool:
        """Whether it is as wanted, by the host's time and in memory."""
        return self.wanted is None or (self.time.seconds <= self.wanted and self.memory <= WANTED_MEMORY_RATIO)

    def __str__(self) -> str:
        """As in the table."""
        row = f"{self.time.seconds:10.2f}{self.time.cpu_seconds:8.2f}{self.memory:8.2f}"
        if self.wanted is None:
            return row
        verdict = "met" if self.met else "MISSED"
        return f"{row}   wanted: {self.wanted:g} in seconds, {WANTED_MEMORY_RATIO:g} in MiB: {verdict}"


def run_all(boot: Boot, setup: Setup) -> dict[str, list[Sample]]:
    """All runs, by column. Raises RunFailed."""
    samples: dict[str, list[Sample]] = {}
    for turn in setup.turns(boot.initrd):
        run = measure(turn, (boot.mark,), boot.mark)
        samples.setdefault(turn.column, []).append(Sample(run.moments[boot.mark], run.peak_mib))
    return {who: samples[who] for who in COLUMNS if who in samples}


def report(boot: Boot, setup: Setup, samples: dict[str, list[Sample]]) -> dict[str, Ratio]:
    """Print the table of one boot; the ratios of each column."""
    theirs = median(samples[QEMU])
    ratios = {}
    print(f"Debian's kernel {boot.title}, {setup.cpu}, {setup.memory}, {setup.runs} runs each, medians")
    print(f"{'':8}{'seconds':>10}{'CPU s':>10}{'MiB':>8}   {'over QEMU':>10}{'CPU':>8}{'MiB':>8}")
    for who, rows in samples.items():
        mine = median(rows)
        row = f"{who:8}{mine.time.seconds:10.2f}{mine.time.cpu_seconds:10.2f}{mine.peak_mib:8.0f}"
        if who != QEMU:
            ratios[who] = Ratio(mine.time / theirs.time, mine.peak_mib / theirs.peak_mib, boot.wanted.get(who))
            row += f"   {ratios[who]}"
        print(row)
    if COLD in samples and WARM not in samples:
        print(NO_WARM)
    print(flush=True)
    return ratios


def main() -> int:
    """Measure, print tables and a line of JSON. 1 when a figure is not as wanted, 2 when there is nothing to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(BOOTS), help="one of the boots")
    add_options(parser)
    arguments = parser.parse_args()
    if not need_qemu():
        return 2
    setup, ratios, samples = Setup.of(arguments), {}, {}
    for name in [arguments.only] if arguments.only else list(BOOTS):
        samples[name] = run_all(BOOTS[name], setup)
        ratios[name] = report(BOOTS[name], setup, samples[name])
    result = {
        name: {who: {**asdict(ratio), "met": ratio.met} for who, ratio in rows.items()} for name, rows in ratios.items()
    }
    print(json.dumps(result))
    if arguments.json is not None:
        every = {
            name: {who: [asdict(sample) for sample in some] for who, some in rows.items()}
            for name, rows in samples.items()
        }
        whole = {"setup": asdict(setup), "ratios": result, "samples": every}
        arguments.json.write_text(json.dumps(whole, indent=2) + "\n")
    return 0 if all(ratio.met for rows in ratios.values() for ratio in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
