"""Programs that gcc compiled for a POWER10, with Debian's glibc and libdfp, in the shell of a guest.

What they print is compared with the same source on the host, with Python's `decimal`, and with libgcc's decimal
arithmetic, which is IBM's decNumber.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterator
from decimal import Context, Decimal
from pathlib import Path

import pytest
from fetch_guests import NEWER
from guest_programs import compiled, native
from test_decimal import EXTENDED, LONG, MODES, Format, operand
from test_linux import linux
from test_linux import pytestmark as pytestmark

from pyspapr import Machine
from pyspapr.migration.snapshot import Snapshot

HARD, SOFT = "-mhard-dfp", "-mno-hard-dfp"
HWCAP_DFP, HWCAP2_ARCH_3_1, HWCAP2_MMA = 0x400, 0x0004_0000, 0x0002_0000
CHANGED = 13
"""The VSR that the program's debugger changes."""


@pytest.fixture(scope="module", params=["linux", *NEWER])
def booted(request: pytest.FixtureRequest) -> Snapshot:
    """A shell on a POWER10, under kernels with pages of 64 KiB and of 4."""
    vm = linux("power10", kernel=request.param, append="pyspapr.shell")
    assert vm.shell("true").status == 0
    return vm.snapshot()


@pytest.fixture
def vm(booted: Snapshot) -> Iterator[Machine]:
    with booted.fork() as vm:
        yield vm


def run(vm: Machine, program: bytes, arguments: str = "", text: str = "") -> str:
    """What a program prints."""
    vm.put("/tmp/program", program)
    vm.put("/tmp/input", text.encode())
    result = vm.shell(f"chmod +x /tmp/program; /tmp/program {arguments} < /tmp/input > /tmp/output", timeout=60)
    assert result.status == 0, result
    return vm.get("/tmp/output").decode()


def test_the_kernel_announces_hash_mode_decimals_and_accumulators(booted: Snapshot) -> None:
    with booted.fork() as vm:
        log = "\n".join(record.text for record in vm.log.records)
    assert "hash-mmu: Initializing hash mmu with SLB" in log
    found = re.search(r"cpu_user_features = 0x([0-9a-f]+) 0x([0-9a-f]+)", log)
    assert found is not None
    first, second = (int(word, 16) for word in found.groups())
    assert first & HWCAP_DFP
    assert second & (HWCAP2_ARCH_3_1 | HWCAP2_MMA) == HWCAP2_ARCH_3_1 | HWCAP2_MMA


@pytest.mark.parametrize("level", ["-O1", "-O3"])
def test_what_is_portable_has_the_same_results_as_on_the_host(vm: Machine, tmp_path: Path, level: str) -> None:
    wanted = native(tmp_path, "portable", "-O2")
    assert wanted.count("\n") > 15
    assert run(vm, compiled(tmp_path, "portable", level)) == wanted


def test_a_debugger_sees_accumulators_as_vsrs_and_changes_them(vm: Machine, tmp_path: Path) -> None:
    text = run(vm, compiled(tmp_path, "accumulators", "-O2"))
    found: dict[str, dict[int, int]] = {who: {} for who in ("debugger", "child")}
    for who, number, high, low in re.findall(r"(\w+): (\d+) (\w{16}) (\w{16})", text):
        found[who][int(number)] = int(high + low, 16)
    wanted = {}
    for n in range(8):
        # The first word of a register is the last element of a vector in memory.
        left, right = ([start + i for i in (3, 2, 1, 0)] for start in (n + 1, 10 * n))
        for row in range(4):
            words = b"".join(struct.pack(">f", left[row] * column) for column in right)
            wanted[4 * n + row] = int.from_bytes(words)
    assert found["debugger"] == wanted
    assert found["child"] == {**wanted, CHANGED: 0x0123456789ABCDEF_FEDCBA9876543210}


def cases(count: int, modes: int) -> list[tuple[Format, int, Decimal, Decimal]]:
    """Operands of both formats and rounding modes."""
    source = random.Random(16)
    formats = [LONG, EXTENDED]
    return [
        (format, source.randrange(modes), operand(source, format), operand(source, format))
        for format in formats
        for _ in range(count)
    ]


def lines(rows: list[tuple[Format, int, Decimal, Decimal]]) -> str:
    """What the program `decimal` reads."""
    return "".join(f"{64 if format is LONG else 128} {mode} {a} {b}\n" for format, mode, a, b in rows)


def encoded(format: Format, value: Decimal) -> str:
    """An encoding in hexadecimal; NaNs have one."""
    return "nan" if value.is_nan() else f"{format.encode(value):0{16 if format is LONG else 32}x}"


def canonical(bits: str) -> str:
    """An encoding, or "nan" for one of a NaN."""
    return "nan" if bits[0] != "i" and len(bits) >= 16 and int(bits[:2], 16) & 0x7C == 0x7C else bits


def expected(format: Format, mode: int, a: Decimal, b: Decimal) -> list[str]:
    """What the program `decimal` prints for one line, by Python's `decimal`."""
    context = format.context(MODES[mode])
    other = EXTENDED if format is LONG else LONG
    order = (a < b) | (a == b) << 1 | (a > b) << 2 | (a != b) << 3
    integer = int(a) if abs(a) < Decimal("1e18") else 0
    # The default of C: `fma`, `sqrt` and the conversions round as DRN says, conversions to integers truncate.
    return [
        *(encoded(format, result) for result in (context.add(a, b), context.subtract(a, b))),
        *(encoded(format, result) for result in (context.multiply(a, b), context.divide(a, b))),
        encoded(other, other.context(MODES[mode]).create_decimal(a)),
        f"{order:x}",
        f"i{integer}",
        encoded(format, context.plus(Decimal((1 << 63) - 1 - order))),
        encoded(format, context.quantize(a, b)),
        encoded(format, context.to_integral_exact(a)),
    ]


def test_decimals_are_those_of_exact_arithmetic(vm: Machine, tmp_path: Path) -> None:
    rows = cases(300, len(MODES))
    printed = run(vm, compiled(tmp_path, "decimal", "-O2", HARD), text=lines(rows)).splitlines()
    assert len(printed) == len(rows)
    for line, row in zip(printed, rows, strict=True):
        found = [canonical(word) for word in line.split()]
        wanted = expected(*row)
        assert found[: len(wanted)] == wanted, row


def test_libgcc_computes_the_same_decimals_without_the_instructions(vm: Machine, tmp_path: Path) -> None:
    text = lines(cases(300, 1))
    programs = (compiled(tmp_path, flag, "-O2", flag, source="decimal") for flag in (HARD, SOFT))
    hard, soft = (run(vm, program, text=text) for program in programs)
    assert hard.count("\n") == 600
    assert hard == soft


def test_libdfp_computes_functions_to_the_last_digits(vm: Machine, tmp_path: Path) -> None:
    arguments = ["2", "0.1", "7.25", "1.5", "123.456"]
    precise = Context(50)
    functions = {"exp": precise.exp, "log": precise.ln, "log10": precise.log10, "sqrt": precise.sqrt}
    text = run(vm, compiled(tmp_path, "decimal", "-O2", HARD), arguments=" ".join(arguments))
    found = [line.split() for line in text.splitlines()]
    assert len(found) == len(arguments) * len(functions) * 2
    for name, width, argument, value in found:
        # libdfp promises no more; a wrong instruction below it costs more than one digit.
        wanted = functions[name](Decimal(argument))
        digits = (LONG if width == "64" else EXTENDED).digits
        assert abs(Decimal(value) - wanted) <= abs(wanted).scaleb(2 - digits), (name, width, argument, value)
