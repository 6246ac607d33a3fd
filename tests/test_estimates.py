"""Estimates compared with recorded ones: special results to the bit, all others within the ISA's bounds.

The singles were recorded on POWER processors (Valgrind's `subnormal_test`), with VSCR[NJ] = 0 and 1: which operands and
results count as zeros, what becomes an infinity or a NaN. Low bits of other results come from tables of the hardware,
which are not published; DESIGN, "Estimates", says what is computed instead.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

import pytest
from images import BASE, started

from pyspapr import Machine

MSR_VEC = 1 << 25
VSCR_NJ = 1 << 16


class Estimate(NamedTuple):
    """An instruction, the function that it estimates, and the greatest error: relative, or absolute."""

    opcode: int
    exact: Callable[[float], float]
    relative: float
    absolute: float
    recorded: dict[int, tuple[int, int]]
    """By operand the results with NJ = 0 and NJ = 1."""


NAN, INF, MINUS_INF, ONE = 0x7FC0_0000, 0x7F80_0000, 0xFF80_0000, 0x3F80_0000
QUIET = {nan: (nan, nan) for nan in (0xFFFF_FAFA, 0xFFFF_FBFB, 0xFFFF_FDFD, 0xFFFF_FEFC)}
NEGATIVE = {operand: (NAN, NAN) for operand in (0x80B0_0000, 0x80B0_0006, 0xB000_0000, 0xC2FD_0000, 0xC300_0000)}
SUBNORMAL = (0x2, 0x4, 0x6, 0x8, 0xA, 0xC, 0x248, 0x258, 0x268, 0x278)


ESTIMATES: Final = {
    "vrefp": Estimate(
        266,
        lambda x: 1 / x,
        1 / 4096,
        0,
        {
            **QUIET,
            **{operand: (INF, INF) for operand in SUBNORMAL},
            0x8000_0124: (MINUS_INF, MINUS_INF),
            0x4E80_0000: (0x307F_FE00, 0x307F_FE00),
            0x7E70_0022: (0x0088_8840, 0x0088_8840),
            0x7E96_7699: (0x006C_E430, 0),
            0x80B0_0000: (0xFE3A_2DC0, 0xFE3A_2DC0),
            0x80B0_0006: (0xFE3A_2DC0, 0xFE3A_2DC0),
            0xC2FD_0000: (0xBC01_8500, 0xBC01_8500),
            0xC2FE_0000: (0xBC01_0100, 0xBC01_0100),
            0xC300_0000: (0xBBFF_FE00, 0xBBFF_FE00),
            0xC302_0000: (0xBBFC_0D40, 0xBBFC_0D40),
        },
    ),
    "vrsqrtefp": Estimate(
        330,
        lambda x: 1 / math.sqrt(x),
        1 / 4096,
        0,
        {
            **QUIET,
            **NEGATIVE,
            0x2: (0x647F_FF00, INF),
            0x4: (0x6435_0400, INF),
            0x6: (0x6413_CD00, INF),
            0x8: (0x63FF_FF00, INF),
            0xA: (0x63E4_F8C0, INF),
            0x278: (0x6266_6A80, INF),
            0x8000_0124: (NAN, MINUS_INF),
            0x4E80_0000: (0x37FF_FF00, 0x37FF_FF00),
            0x7E70_0022: (0x2004_3300, 0x2004_3300),
            0x7E96_7699: (0x1FEC_1E68, 0x1FEC_1E68),
        },
    ),
    "vexptefp": Estimate(
        394,
        lambda x: 2.0**x,
        1 / 16,
        0,
        {
            **QUIET,
            **{operand: (ONE, ONE) for operand in (*SUBNORMAL, 0x8000_0124, 0x80B0_0000, 0xB000_0000)},
            0x4E80_0000: (INF, INF),
            0x7E70_0022: (INF, INF),
            0xC2FD_0000: (0x005A_8000, 0),
            0xC2FE_0000: (0x0040_0000, 0),
            0xC300_0000: (0x0020_0000, 0),
            0xC302_0000: (0x0008_0000, 0),
        },
    ),
    "vlogefp": Estimate(
        458,
        math.log2,
        0,
        1 / 32,
        {
            **QUIET,
            **NEGATIVE,
            0x2: (0xC314_0000, MINUS_INF),
            0x4: (0xC313_0000, MINUS_INF),
            0x6: (0xC312_6A00, MINUS_INF),
            0xA: (0xC311_AE00, MINUS_INF),
            0x278: (0xC30B_B280, MINUS_INF),
            0x8000_0124: (NAN, MINUS_INF),
            0x4E80_0000: (0x41F0_0000, 0x41F0_0000),
            0x7E70_0022: (0x42FB_CFC0, 0x42FB_CFC0),
            0x7E96_7699: (0x42FC_7800, 0x42FC_7800),
        },
    ),
}


def value(bits: int) -> float:
    """The number that a single is."""
    number: float = struct.unpack(">f", struct.pack(">I", bits))[0]
    return number


def special(bits: int) -> bool:
    """Whether it is a zero, an infinity or a NaN."""
    return not bits & 0x7FFF_FFFF or bits & 0x7F80_0000 == 0x7F80_0000


@pytest.mark.parametrize("cpu", ["power8", "power9", "power10"])
@pytest.mark.parametrize("name", ESTIMATES)
def test_special_estimates_are_those_recorded_and_others_as_near_as_the_isa_asks(name: str, cpu: str) -> None:
    estimate = ESTIMATES[name]
    vm = Machine(memory="32M", cpu=cpu)
    started(vm, 4 << 26 | 2 << 21 | 4 << 11 | estimate.opcode)
    registers = vm.cpus[0]
    registers["msr"] |= MSR_VEC
    for operand, results in estimate.recorded.items():
        for nj, recorded in enumerate(results):
            registers["vscr"] = nj * VSCR_NJ
            registers["vr4"] = sum(operand << 32 * word for word in range(4))
            registers["pc"] = BASE
            vm.run(max_instructions=1)
            found = [registers["vr2"] >> 32 * word & 0xFFFF_FFFF for word in range(4)]
            what = f"{name} {operand:#x}, NJ = {nj}: {found[0]:#x}, recorded {recorded:#x}"
            assert len(set(found)) == 1, what
            if special(recorded):
                assert found[0] == recorded, what
                continue
            exact = estimate.exact(value(operand))
            bound = max(abs(exact) * estimate.relative, estimate.absolute)
            assert abs(value(recorded) - exact) <= bound, what
            assert abs(value(found[0]) - exact) <= bound, what
