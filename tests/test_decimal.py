"""Decimal floating point compared with Python's `decimal`: results, their exponents, and every bit of the FPSCR."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import (
    ROUND_05UP,
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Subnormal,
    Underflow,
)
from fractions import Fraction
from typing import Final, NamedTuple

import pytest
from images import BASE, started

from pyspapr import Machine

MODES: Final = [
    ROUND_HALF_EVEN,
    ROUND_DOWN,
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    ROUND_HALF_DOWN,
    ROUND_UP,
    ROUND_05UP,
]
"""Rounding modes in the order of FPSCR[DRN]."""

FX, FEX, VX, OX, UX, ZX, XX, FR, FI = (1 << bit for bit in (31, 30, 29, 28, 27, 26, 25, 18, 17))
OE, UE = 0x40, 0x20
VX_CAUSES = 0x1F80700
MSR_FP = 0x2000


class Format(NamedTuple):
    """decimal64 or decimal128."""

    digits: int
    emax: int
    continuation: int
    adjust: int

    @property
    def bias(self) -> int:
        return self.emax + self.digits - 2

    def context(self, rounding: str, *, unbounded: bool = False) -> Context:
        """Without traps; `unbounded` has no limits of the exponent."""
        emax = 99999 if unbounded else self.emax
        return Context(self.digits, rounding, 1 - emax, emax, clamp=0 if unbounded else 1, traps=[])

    def encode(self, value: Decimal) -> int:
        """The canonical encoding of a number or an infinity."""
        sign, digits, exponent = value.as_tuple()
        declets = (self.digits - 1) // 3
        trailing = 10 * declets
        sign <<= trailing + self.continuation + 5
        if isinstance(exponent, str):
            assert exponent == "F"
            return sign | 30 << trailing + self.continuation
        text = "".join(map(str, digits)).rjust(self.digits, "0")
        first, biased = int(text[0]), exponent + self.bias
        begin = biased >> self.continuation
        combination = begin << 3 | first if first < 8 else 24 | begin << 1 | first & 1
        bits = combination << self.continuation | biased & (1 << self.continuation) - 1
        for at in range(1, self.digits, 3):
            bits = bits << 10 | declet(text[at : at + 3])
        return sign | bits


LONG: Final = Format(16, 384, 8, 576)
EXTENDED: Final = Format(34, 6144, 12, 9216)


def declet(text: str) -> int:
    """Three digits densely packed, by the standard's table: three bits of a small digit, the last of a large one."""
    a, b, c = (f"{int(digit):04b}" for digit in text)
    packed = {
        "000": a[1:] + b[1:] + "0" + c[1:],
        "001": a[1:] + b[1:] + "100" + c[3],
        "010": a[1:] + c[1:3] + b[3] + "101" + c[3],
        "100": c[1:3] + a[3] + b[1:] + "110" + c[3],
        "110": c[1:3] + a[3] + "00" + b[3] + "111" + c[3],
        "101": b[1:3] + a[3] + "01" + b[3] + "111" + c[3],
        "011": a[1:] + "10" + b[3] + "111" + c[3],
        "111": "00" + a[3] + "11" + b[3] + "111" + c[3],
    }
    return int(packed[a[0] + b[0] + c[0]], 2)


class Operation(NamedTuple):
    """An instruction, what `decimal` calls it, and its value."""

    opcode: int
    compute: Callable[[Context, Decimal, Decimal], Decimal]
    exact: Callable[[Fraction, Fraction], Fraction]


OPERATIONS: Final = {
    "dadd": Operation(2, Context.add, lambda a, b: a + b),
    "dsub": Operation(514, Context.subtract, lambda a, b: a - b),
    "dmul": Operation(34, Context.multiply, lambda a, b: a * b),
    "ddiv": Operation(546, Context.divide, lambda a, b: a / b),
    "dqua": Operation(3 | 3 << 8, lambda context, a, b: context.quantize(b, a), lambda a, b: b),
}


def operand(source: random.Random, format: Format) -> Decimal:
    """A number with few or many digits, near 1 or near the ends of the range; now and then an infinity."""
    if source.random() < 0.03:
        return Decimal("-Infinity" if source.random() < 0.5 else "Infinity")
    count = source.choice([0, 1, 3, format.digits // 2, format.digits - 1, format.digits])
    coefficient = int("".join(source.choice("0599123467890") for _ in range(count)) or "0")
    least, most = -format.bias, format.emax - format.digits + 1
    near = source.choice([0, 0, 0, least, most, least // 2, most // 2])
    exponent = min(most, max(least, near + source.randint(-format.digits, format.digits)))
    return Decimal((source.randrange(2), tuple(map(int, str(coefficient))), exponent))


def expected(
    operation: Operation, format: Format, a: Decimal, b: Decimal, drn: int, enables: int
) -> tuple[Decimal, int]:
    """The result and the exceptions, FR and FI."""
    context = format.context(MODES[drn])
    result = operation.compute(context, a, b)
    if context.flags[InvalidOperation]:
        return result, VX
    flags = ZX if context.flags[DivisionByZero] else 0
    adjusted = 0
    wide = format.context(MODES[drn], unbounded=True)
    if enables and operation.opcode != OPERATIONS["dqua"].opcode:
        unbounded = operation.compute(wide, a, b)
        if context.flags[Overflow]:
            adjusted = -format.adjust
            flags |= OX
        elif context.flags[Subnormal]:
            adjusted = format.adjust
            flags |= UX
        if adjusted:
            context, result = wide, unbounded
    if not adjusted:
        flags |= OX if context.flags[Overflow] else 0
        flags |= UX if context.flags[Underflow] else 0
    if context.flags[Inexact]:
        flags |= XX | FI
        if result.is_infinite() or abs(Fraction(result)) > abs(operation.exact(Fraction(a), Fraction(b))):
            flags |= FR
    if adjusted:
        sign, digits, exponent = result.as_tuple()
        assert isinstance(exponent, int)
        result = Decimal((sign, digits, exponent + adjusted))
    return result, flags


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("format", [LONG, EXTENDED], ids=["long", "extended"])
def test_results_are_those_of_exact_arithmetic_rounded_once(vm: Machine, name: str, format: Format) -> None:
    quad = format is EXTENDED
    operation = OPERATIONS[name]
    word = (63 if quad else 59) << 26 | 2 << 21 | 4 << 16 | 6 << 11 | operation.opcode << 1
    started(vm, word)
    cpu = vm.cpus[0]
    cpu["msr"] |= MSR_FP
    source = random.Random(f"{name} {quad}")

    def put(register: int, value: int) -> None:
        if quad:
            cpu[f"f{register}"], cpu[f"f{register + 1}"] = value >> 64, value & (1 << 64) - 1
        else:
            cpu[f"f{register}"] = value

    for _ in range(1500):
        a, b = operand(source, format), operand(source, format)
        drn, enables = source.randrange(8), source.choice([0, 0, OE | UE])
        put(4, format.encode(a))
        put(6, format.encode(b))
        cpu["fpscr"] = drn << 32 | enables
        cpu["pc"] = BASE
        vm.run(max_instructions=1)
        got = cpu["f2"] << 64 | cpu["f3"] if quad else cpu["f2"]
        result, flags = expected(operation, format, a, b, drn, enables)
        seen = cpu["fpscr"]
        what = f"{name} {a} {b} {MODES[drn]} {enables:#x}: {got:#x}, FPSCR {seen:#x}, expected {result}"
        if flags == VX:
            assert result.is_nan() and seen & VX and seen & VX_CAUSES, what
            continue
        assert got == format.encode(result), what
        assert seen & (OX | UX | ZX | XX | FR | FI | VX) == flags, what
        assert bool(seen & FX) is bool(flags), what
        assert bool(seen & FEX) is bool(enables and flags & (OX | UX)), what
