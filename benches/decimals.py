"""What decimal additions, subtractions and multiplications cost, on both engines and in QEMU.

    python benches/decimals.py [--runs N] [--only NAME] [--json FILE]

Each case is a loop of one instruction with the same operands. A figure is the processor time of the whole program, less
that of the program with one round, over the number of instructions; the loop's own share is a sixteenth of a branch.
Medians of all runs, taken in turns. QEMU runs the same words as a program of Linux (`qemu-ppc64le-static`). Compiled
code is wanted to be at least three times as fast as QEMU; results that differ from QEMU's are an error.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common import ROOT

from pyspapr import Machine
from pyspapr.results import PoweredOff

QEMU = "qemu-ppc64le-static"
WANTED = 3.0
"""How many times as fast as QEMU."""

BASE, DATA, RESULT = 0x10000, 0x20000, 0x20
UNROLLED, ROUNDS = 16, 40_000
H_DONE = 0xF104
SC, SC1, MTCTR, STFD, LFD = 0x44000002, 0x44000022, 0x7D4903A6, 0xD8000000, 0xC8000000
ENABLE_FP = [0x7CA000A6, 0x60A52000, 0x7CA00164]
"""mfmsr, ori, mtmsrd."""


def li(register: int, value: int) -> list[int]:
    """A constant below 2**31: lis, ori."""
    return [0x3C000000 | register << 21 | value >> 16, 0x60000000 | register << 21 | register << 16 | value & 0xFFFF]


def opcode(name: str) -> int:
    """The instruction with FRT = 2, FRA = 4, FRB = 6."""
    extended = {"dadd": 2, "dmul": 34, "dsub": 514}[name.removesuffix("q")]
    return (63 if name.endswith("q") else 59) << 26 | 2 << 21 | 4 << 16 | 6 << 11 | extended << 1


def encoded(text: str, digits: int) -> bytes:
    """A number such as "-125e-2" in the format of 16 or 34 digits, as the instructions load it."""
    sys.path.insert(0, str(ROOT / "tests"))
    from decimal import Decimal

    from test_decimal import EXTENDED, LONG

    return (LONG if digits == 16 else EXTENDED).encode(Decimal(text)).to_bytes(8 if digits == 16 else 16)


@dataclass(frozen=True)
class Case:
    """An instruction with its operands."""

    name: str
    a: str
    b: str

    @property
    def data(self) -> bytes:
        """The operands, two doublewords each."""
        digits = 34 if self.name.endswith("q") else 16
        return b"".join(encoded(text, digits).ljust(16, b"\0") for text in (self.a, self.b))

    def words(self, rounds: int) -> list[int]:
        """Load the operands, repeat the instruction, store the result."""
        loads = [LFD | 4 + n << 21 | 9 << 16 | 8 * n for n in range(4)]
        loop = [opcode(self.name)] * UNROLLED
        stores = [STFD | 2 + n << 21 | 9 << 16 | RESULT + 8 * n for n in range(2)]
        branch = 0x42000000 | -4 * len(loop) & 0xFFFC
        return [*li(9, DATA), *loads, *li(10, rounds), MTCTR, *loop, branch, *stores]


SHORT, LONGER = "1234567890123456e-2", "9876543210987654e-5"
WIDE, WIDER = "1234567890123456789012345678901234e-2", "9876543210987654321098765432109876e-7"
CASES = {
    "dadd, exact": Case("dadd", "12345e-2", "-678901e-2"),
    "dadd, aligned": Case("dadd", "12345e-2", "678901e-6"),
    "dadd, inexact": Case("dadd", SHORT, LONGER),
    "dsub, inexact": Case("dsub", SHORT, LONGER),
    "dmul, exact": Case("dmul", "12345e-2", "678901e-6"),
    "dmul, inexact": Case("dmul", SHORT, LONGER),
    "daddq, exact": Case("daddq", "12345e-2", "-678901e-2"),
    "daddq, aligned": Case("daddq", "12345e-2", "678901e-6"),
    "daddq, inexact": Case("daddq", WIDE, WIDER),
    "dsubq, inexact": Case("dsubq", WIDE, WIDER),
    "dmulq, exact": Case("dmulq", "12345e-2", "678901e-6"),
    "dmulq, inexact": Case("dmulq", WIDE, WIDER),
}


def ours(case: Case, rounds: int, engine: Literal["interp", "jit"]) -> tuple[float, bytes]:
    """Processor seconds of a machine, and the result."""
    vm = Machine(memory="32M", engine=engine, cpu="power10")

    @vm.hypercall(H_DONE, "H_DONE")
    def done(vm: Machine, cpu: object) -> int:
        vm.end(PoweredOff())
        return 0

    words = [*ENABLE_FP, *case.words(rounds), *li(3, H_DONE), SC1]
    vm.memory.write(BASE, struct.pack(f">{len(words)}I", *words))
    vm.memory.write(DATA, case.data)
    vm.start(pc=BASE)
    begin = time.thread_time()
    assert vm.run() == PoweredOff()
    return time.thread_time() - begin, vm.memory[DATA + RESULT : DATA + RESULT + 16]


def program(case: Case, rounds: int) -> bytes:
    """The same as an executable for Linux (ELF V2 ABI, little-endian), which writes the result."""
    write = [*li(0, 4), *li(3, 1), *li(4, DATA + RESULT), *li(5, 16), SC, *li(0, 1), *li(3, 0), SC]
    words = [*case.words(rounds), *write]
    code = struct.pack(f"<{len(words)}I", *words).ljust(DATA - BASE, b"\0")
    swapped = b"".join(case.data[at : at + 8][::-1] for at in range(0, 32, 8))
    image = code + swapped + bytes(RESULT)
    header = b"\x7fELF\2\1\1".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 2, 21, 1, BASE, 64, 0, 2, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 0x10000, BASE, BASE, len(image), len(image), 0x10000)
    return (header + segment).ljust(0x10000, b"\0") + image


def qemu(case: Case, rounds: int) -> tuple[float, bytes]:
    """Processor seconds of QEMU, and the result."""
    with tempfile.TemporaryDirectory(prefix="pyspapr-bench-") as directory:
        path = Path(directory) / "program"
        path.write_bytes(program(case, rounds))
        path.chmod(0o755)
        process = subprocess.Popen([QEMU, "-cpu", "power10", path], stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout:
            result = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{QEMU} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, b"".join(result[at : at + 8][::-1] for at in (0, 8))


COLUMNS = {
    "jit": lambda case, rounds: ours(case, rounds, "jit"),
    "interp": lambda case, rounds: ours(case, rounds, "interp"),
    "qemu": qemu,
}


def measure(case: Case, runs: int) -> dict[str, float]:
    """Nanoseconds for one instruction, by column. Raises RuntimeError if results differ."""
    samples: dict[str, list[float]] = {column: [] for column in COLUMNS}
    answers = set()
    size = 16 if case.name.endswith("q") else 8
    for _ in range(runs):
        for column, run in COLUMNS.items():
            base, _ = run(case, 1)
            spent, answer = run(case, ROUNDS)
            samples[column].append((spent - base) * 1e9 / ((ROUNDS - 1) * UNROLLED))
            answers.add(answer[:size])
    if len(answers) != 1:
        raise RuntimeError(f"{case} has several results: {sorted(answer.hex() for answer in answers)}")
    return {column: statistics.median(times) for column, times in samples.items()}


def main() -> int:
    """Measure, print a table and a line of JSON. 1 when a figure is not as wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=list(CASES), help="one of the cases")
    parser.add_argument("--json", type=Path, help="write the result here as well")
    arguments = parser.parse_args()
    if shutil.which(QEMU) is None:
        print(f"{QEMU} is not installed: make tools", file=sys.stderr)
        return 1
    print(f"Decimal instructions, {arguments.runs} runs each, nanoseconds, medians")
    print(f"{'':18}" + "".join(f"{column:>9}" for column in COLUMNS) + f"{'QEMU/jit':>10}{'wanted':>9}")
    medians, met = {}, {}
    for name in [arguments.only] if arguments.only else CASES:
        medians[name] = figures = measure(CASES[name], arguments.runs)
        ratio = figures["qemu"] / figures["jit"]
        met[name] = ratio >= WANTED
        row = "".join(f"{figures[column]:9.1f}" for column in COLUMNS)
        print(f"{name:18}{row}{ratio:10.1f}{WANTED:9.1f}  {'met' if met[name] else 'MISS'}", flush=True)
    result = {"runs": arguments.runs, "medians": medians, "met": met}
    print(json.dumps(result))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
