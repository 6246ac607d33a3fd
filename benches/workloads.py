"""Run eight workloads in Debian's kernel here and in QEMU, in turns, and print the ratios.

    python benches/workloads.py [--only NAMES] [--runs N] [--engine interp|jit] [--cpu power8|power9] [--memory SIZE]
                                [--json FILE]

One process boots and runs all workloads, one after the other. Each is measured by the clock of the host between two
lines of the guest's console, so the guest's own notion of time does not matter; beside it stands the CPU time that the
emulator's process spent in between, which is what to compare on a busy host. The table shows medians; ratios are ours
over QEMU's time, so that below 1 is faster. A guest whose answer differs from QEMU's has failed, whatever its time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass, field

from common import INIT_MARK, need_qemu
from programs import DONE_MARK, WORKLOADS, build_initrd, need_compiler
from runs import Moment, Run, RunFailed, measure
from turns import COLD, COLUMNS, JUDGED, NO_WARM, QEMU, WARM, Setup, add_options

BOOT = "boot"
WANTED_RATIO = 1.0
"""Of every workload: ours over QEMU's time, at most."""
WANTED_MEAN = 1.5
"""Geometric mean of QEMU's over our time, at least."""


@dataclass(frozen=True)
class Sample:
    """One run that went to its end."""

    times: dict[str, Moment]
    """By workload, and `boot`: from the start of the process to init."""
    answers: dict[str, str]
    peak_mib: float

    @classmethod
    def of(cls, run: Run, names: list[str]) -> Sample:
        """What the lines say. Raises RunFailed when one is missing."""
        answers = {}
        for line in run.lines:
            match line.split(maxsplit=3):
                case ["bench:", "result", name, answer]:
                    answers[name] = answer
        if missing := [name for name in names if name not in answers]:
            raise RunFailed(f"no answer for {', '.join(missing)}")
        times = {name: run.moments[f"bench: end {name}"] - run.moments[f"bench: begin {name}"] for name in names}
        return cls({BOOT: run.moments[INIT_MARK], **times}, answers, run.peak_mib)


@dataclass
class Column:
    """All runs of one way to run the guest."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def median(self, name: str) -> Moment:
        """Of the host's and of the CPU's time, each by itself."""
        rows = [sample.times[name] for sample in self.samples]
        return Moment(
            statistics.median(row.seconds for row in rows), statistics.median(row.cpu_seconds for row in rows)
        )

    @property
    def memory(self) -> float:
        """Largest resident set in MiB, the median."""
        return statistics.median(sample.peak_mib for sample in self.samples)

    def keep_right(self, answers: dict[str, str]) -> None:
        """Runs with another answer have failed: their times do not count."""
        for sample in self.samples:
            for name, answer in sample.answers.items():
                if answer != answers[name]:
                    self.failures.append(f"{name}: {answer}, where QEMU's first run says {answers[name]}")
        self.samples = [sample for sample in self.samples if sample.answers == answers]


@dataclass(frozen=True)
class Verdict:
    """One column beside QEMU's."""

    ratios: dict[str, Moment]
    """Ours over QEMU's time, by workload; and of the boot."""
    memory_ratio: float
    judged: bool

    @property
    def work(self) -> dict[str, Moment]:
        """Without the boot, whose figure `boot.py` judges."""
        return {name: ratio for name, ratio in self.ratios.items() if name != BOOT}

    @property
    def worst(self) -> str:
        """The workload with the largest ratio of the host's time."""
        return max(self.work, key=lambda name: self.work[name].seconds)

    @property
    def speed(self) -> Moment:
        """Geometric means of QEMU's over our time."""
        work = self.work.values()
        return Moment(
            1 / statistics.geometric_mean(ratio.seconds for ratio in work),
            1 / statistics.geometric_mean(ratio.cpu_seconds for ratio in work),
        )

    @property
    def met(self) -> bool:
        """Whether it is as wanted, by the host's time."""
        return self.work[self.worst].seconds <= WANTED_RATIO and self.speed.seconds >= WANTED_MEAN

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "ratios": {name: asdict(ratio) for name, ratio in self.ratios.items()},
            "speed_geometric_mean": asdict(self.speed),
            "worst": self.worst,
            "memory_ratio": self.memory_ratio,
            "judged": self.judged,
            "met": self.met,
        }


def run_all(setup: Setup, names: list[str]) -> dict[str, Column]:
    """All runs, by column."""
    columns: dict[str, Column] = {}
    for turn in setup.turns(build_initrd(names)):
        column = columns.setdefault(turn.column, Column())
        try:
            column.samples.append(Sample.of(measure(turn, (INIT_MARK, "bench: "), DONE_MARK), names))
        except RunFailed as failure:
            column.failures.append(str(failure))
    if columns[QEMU].samples:
        answers = columns[QEMU].samples[0].answers
        for column in columns.values():
            column.keep_right(answers)
    return {name: columns[name] for name in COLUMNS if name in columns}


def compare(columns: dict[str, Column], names: list[str]) -> dict[str, Verdict]:
    """Each column that has a run beside QEMU's."""
    theirs = columns[QEMU]
    return {
        who: Verdict(
            {name: column.median(name) / theirs.median(name) for name in [BOOT, *names]},
            column.memory / theirs.memory,
            who in JUDGED,
        )
        for who, column in columns.items()
        if who != QEMU and column.samples and theirs.samples
    }


def report(setup: Setup, columns: dict[str, Column], verdicts: dict[str, Verdict], names: list[str]) -> None:
    """The table."""
    runs = {who: column for who, column in columns.items() if column.samples}
    title = f"Debian's kernel, {setup.cpu}, {setup.memory}, {setup.runs} runs each"
    print(f"{title}: seconds of the host / of the CPU, medians")
    heads = [*runs, *(f"{who}:{QEMU}" for who in verdicts)]
    print(f"{'':12}" + "".join(f"{head:>18}" for head in heads))
    for name in [BOOT, *names]:
        cells = [f"{column.median(name)}" for column in runs.values()]
        cells += [f"{verdict.ratios[name]}" for verdict in verdicts.values()]
        print(f"{name:12}" + "".join(f"{cell:>18}" for cell in cells))
    memory = [f"{column.memory:.0f}" for column in runs.values()]
    memory += [f"{verdict.memory_ratio:.2f}" for verdict in verdicts.values()]
    print(f"{'MiB at most':12}" + "".join(f"{cell:>18}" for cell in memory))
    for who, verdict in verdicts.items():
        mark = ("met" if verdict.met else "MISSED") if verdict.judged else "not judged"
        worst = verdict.work[verdict.worst]
        print(
            f"{who}: speed {verdict.speed} times QEMU's (geometric means; wanted: at least {WANTED_MEAN:g}), "
            f"worst ratio {worst} in {verdict.worst} (wanted: at most {WANTED_RATIO:g}): {mark}"
        )
    if COLD in columns and WARM not in columns:
        print(NO_WARM)
    for who, column in columns.items():
        for failure in column.failures:
            print(f"{who}: FAILED: {failure}")


def names_of(text: str) -> list[str]:
    """Workloads separated by commas, in the order in which they run."""
    wanted = text.split(",")
    if unknown := [name for name in wanted if name not in WORKLOADS]:
        raise argparse.ArgumentTypeError(f"no workload {', '.join(unknown)}: choose of {', '.join(WORKLOADS)}")
    return [name for name in WORKLOADS if name in wanted]


def main() -> int:
    """Measure, print a table and a line of JSON. 1 when a figure is not as wanted, 2 when there is nothing to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=names_of, default=list(WORKLOADS), help="workloads, separated by commas")
    add_options(parser)
    arguments = parser.parse_args()
    if not need_qemu() or not need_compiler():
        return 2
    setup, names = Setup.of(arguments), arguments.only
    columns = run_all(setup, names)
    verdicts = compare(columns, names)
    report(setup, columns, verdicts, names)
    result = {
        "setup": asdict(setup),
        "columns": {who: asdict(column) for who, column in columns.items()},
        "verdicts": {who: verdict.as_dict() for who, verdict in verdicts.items()},
    }
    print(json.dumps(result["verdicts"]))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    failed = not verdicts or any(column.failures for column in columns.values())
    return 1 if failed or any(verdict.judged and not verdict.met for verdict in verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
