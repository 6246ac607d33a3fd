"""What a way out of compiled code costs: interrupts, changes of context, hypercalls.

    python benches/exits.py [--runs N] [--only NAME] [--engine interp|jit] [--json FILE]

Each case is a guest of a few instructions in real mode that takes one way out again and again. A figure is the CPU time
of the thread that runs it over the number of times, the guest's own instructions included: all that lies between two
exits, the handler's return too. Medians of all runs. A last run of each case, not timed, checks with a profile that the
way out was the one that was meant, and that it was taken so often.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import common  # noqa: F401  (sets the path)

from pyspapr import Machine
from pyspapr.cli.profile import Profile
from pyspapr.results import PoweredOff

BASE = 0x10000
H_READ, H_ECHO, H_DONE = 0x0C, 0xF100, 0xF104
IN_NATIVE_CODE, IN_PYTHON = 1000.0, 5000.0
"""Wanted, in nanoseconds."""
TIMES = {IN_NATIVE_CODE: 400_000, IN_PYTHON: 100_000}

SC, SC1, RFID = 0x44000002, 0x44000022, 0x4C000024
BDZ_OVER, B_BACK = 0x42400008, 0x4BFFFFFC
MTCTR, MFMSR, SLBMTE = 0x7C0903A6, 0x7C0000A6, 0x7C000324
DEC, SRR0, SRR1 = 22, 26, 27


def li(register: int, value: int) -> list[int]:
    """A constant below 2**31: lis, ori."""
    return [0x3C000000 | register << 21 | value >> 16, 0x60000000 | register << 21 | register << 16 | value & 0xFFFF]


def addi(register: int, source: int, value: int) -> int:
    """addi."""
    return 0x38000000 | register << 21 | source << 16 | value & 0xFFFF


def move_special(register: int, number: int, *, to: bool) -> int:
    """mtspr or mfspr."""
    return (0x7C0003A6 if to else 0x7C0002A6) | register << 21 | (number & 31) << 16 | number >> 5 << 11


def hypercall(number: int) -> list[int]:
    """Its number in R3, and `sc 1`."""
    return [*li(3, number), SC1]


def loop(*body: int) -> list[int]:
    """`body`, and a bdnz to its start."""
    return [*body, 0x42000000 | -4 * len(body) & 0xFFFC]


def mtmsrd(register: int) -> int:
    """mtmsrd."""
    return 0x7C000164 | register << 21


@dataclass(frozen=True)
class Case:
    """A way out: what prepares, what is repeated, the interrupt's handler, and how a profile calls it."""

    kind: str
    wanted: float
    body: list[int]
    prepare: list[int] = field(default_factory=list)
    handlers: Mapping[int, list[int]] = field(default_factory=dict)

    @property
    def times(self) -> int:
        """How often it is taken in a run."""
        return TIMES[self.wanted]

    def machine(self, engine: str) -> Machine:
        """A machine with this guest, about to begin."""
        vm = Machine(memory="32M", engine="interp" if engine == "interp" else "jit")

        @vm.hypercall(H_ECHO, "H_ECHO")
        def echo(vm: Machine, cpu: object, value: int) -> tuple[int, int]:
            return 0, value

        @vm.hypercall(H_DONE, "H_DONE")
        def done(vm: Machine, cpu: object) -> int:
            vm.end(PoweredOff())
            return 0

        words = [*li(10, self.times), MTCTR | 10 << 21, *self.prepare, *self.body, *hypercall(H_DONE)]
        for address, code in {BASE: words, **self.handlers}.items():
            vm.memory.write(address, struct.pack(f">{len(code)}I", *code))
        vm.start(pc=BASE)
        return vm


def data_storage() -> Case:
    """Loads from a page that is in a segment and not in the table; the handler skips them."""
    segment, page = 1 << 28, 1 << 28
    valid, virtual = 1 << 27, 0x123 << 12
    slb = [*li(5, virtual), *li(6, segment | valid), SLBMTE | 5 << 21 | 6 << 11]
    relocated = [MFMSR | 5 << 21, 0x60000010 | 5 << 21 | 5 << 16, mtmsrd(5)]
    skip = [move_special(8, SRR0, to=False), addi(8, 8, 4), move_special(8, SRR0, to=True), RFID]
    load = 0x80000000 | 6 << 21 | 7 << 16
    prepare = [*slb, *li(7, page), *relocated]
    return Case("interrupt 0x300 data storage", IN_NATIVE_CODE, loop(load), prepare, {0x300: skip})


def decrementer() -> Case:
    """The handler lets the next interrupt come four ticks later, and when it has had enough, goes behind the loop."""
    external = 1 << 15
    enable = [MFMSR | 5 << 21, *li(6, external), 0x7C000378 | 5 << 21 | 5 << 16 | 6 << 11, mtmsrd(5)]
    wait = [addi(5, 5, 1), B_BACK]
    last = [move_special(8, SRR0, to=True), move_special(11, SRR1, to=True), RFID]
    handler = [move_special(9, DEC, to=True), BDZ_OVER, RFID, *last]
    # R8: the code behind the loop; R11: the MSR as it was.
    start = [MFMSR | 11 << 21, addi(9, 0, 4)]
    length = 3 + len(start) + 2 + 1 + len(enable) + len(wait)
    prepare = [*start, *li(8, BASE + 4 * length), move_special(9, DEC, to=True), *enable]
    return Case("interrupt 0x900 decrementer", IN_NATIVE_CODE, wait, prepare, {0x900: handler})


def context() -> Case:
    """rfid to the next instruction."""
    prepare = [MFMSR | 11 << 21, move_special(11, SRR1, to=True)]
    # R8: the instruction behind the rfid.
    prepare += li(8, BASE + 4 * (3 + len(prepare) + 2 + 2))
    kind = "instruction that changes the context (rfid, mtmsrd, ...)"
    return Case(kind, IN_NATIVE_CODE, loop(move_special(8, SRR0, to=True), RFID), prepare)


def call(number: int, kind: str, wanted: float) -> Case:
    """A hypercall with its number in R14."""
    return Case(kind, wanted, loop(addi(3, 14, 0), addi(4, 0, 0), SC1), li(14, number))


CASES: dict[str, Callable[[], Case]] = {
    "rfid": context,
    "system call": lambda: Case("interrupt 0xc00 system call", IN_NATIVE_CODE, loop(SC), [], {0xC00: [RFID]}),
    "data storage": data_storage,
    "decrementer": decrementer,
    "hypercall, native": lambda: call(H_READ, "hypercall H_READ, native", IN_NATIVE_CODE),
    "hypercall, Python": lambda: call(H_ECHO, "hypercall H_ECHO", IN_PYTHON),
}


class WrongExit(Exception):
    """A case did not do what it was to measure."""


def measured(case: Case, engine: str) -> float:
    """Nanoseconds for one."""
    vm = case.machine(engine)
    begin = time.thread_time_ns()
    reason = vm.run()
    spent = time.thread_time_ns() - begin
    if reason != PoweredOff():
        raise WrongExit(f"the guest ended so: {reason}")
    return spent / case.times


def check(case: Case, engine: str) -> None:
    """Whether the guest leaves as it should. Raises WrongExit."""
    vm = case.machine(engine)
    vcpu = vm.cpus[0].vcpu
    vcpu.set_profiling(True)
    vm.run()
    counters = vcpu.profile()
    assert counters is not None
    exits = Profile.of(counters, {number: row.name for number, row in vm.hypercalls.items()}).exits
    if engine == "interp" and not case.kind.startswith(("interrupt", "hypercall")):
        return  # an exit of compiled code only
    # The first times may be interpreted.
    if not 0.99 * case.times <= exits.get(case.kind, 0) <= case.times + 1:
        raise WrongExit(f"expected {case.times} times {case.kind!r}, got {exits}")


def main() -> int:
    """Measure, print a table and a line of JSON. 1 when a figure is not as wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=list(CASES), help="one of the cases")
    parser.add_argument("--engine", choices=["interp", "jit"], default="jit")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    medians, samples, met = {}, {}, {}
    print(f"Ways out of the guest, {arguments.engine}, {arguments.runs} runs each, nanoseconds, medians")
    print(f"{'':22}{'each':>8}{'wanted':>10}        all runs")
    for name in [arguments.only] if arguments.only else CASES:
        case = CASES[name]()
        samples[name] = [measured(case, arguments.engine) for _ in range(arguments.runs)]
        medians[name] = statistics.median(samples[name])
        met[name] = medians[name] <= case.wanted
        every = "  ".join(f"{one:.0f}" for one in samples[name])
        print(
            f"{name:22}{medians[name]:8.0f}{case.wanted:10.0f}  {'met ' if met[name] else 'MISS'}  {every}", flush=True
        )
        check(case, arguments.engine)
    result = {"runs": arguments.runs, "medians": medians, "met": met, "samples": samples}
    print(json.dumps(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
