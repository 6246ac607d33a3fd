"""The interrupt controller, without a processor."""

from __future__ import annotations

import pytest

from pyspapr.devices.xics import IPI, MASKED, Icp, Ics

A, B = 0x1100, 0x1101


@pytest.fixture
def parts() -> tuple[Ics, Icp, list[bool]]:
    """A source controller, a presenter open to everything, and the level of its line over time."""
    line: list[bool] = []
    ics = Ics()
    icp = Icp(ics, 0, line.append)
    ics.claim(A)
    ics.claim(B)
    icp.set_cppr(0xFF)
    return ics, icp, line


def test_an_interrupt_is_presented_accepted_and_ended(parts: tuple[Ics, Icp, list[bool]]) -> None:
    ics, icp, line = parts
    ics.set_xive(A, 0, 5)
    ics.pulse(A)
    assert line == [True]
    xirr = icp.accept()
    assert xirr == 0xFF << 24 | A
    assert line == [True, False] and icp.cppr == 5
    icp.eoi(xirr)
    assert icp.cppr == 0xFF and icp.accept() & 0xFFFFFF == 0


def test_a_masked_source_waits(parts: tuple[Ics, Icp, list[bool]]) -> None:
    ics, icp, line = parts
    ics.pulse(A)
    assert not line
    ics.set_xive(A, 0, 5)
    assert icp.accept() & 0xFFFFFF == A


def test_less_favoured_interrupts_wait_for_the_end_of_the_other(parts: tuple[Ics, Icp, list[bool]]) -> None:
    ics, icp, _ = parts
    ics.set_xive(A, 0, 5)
    ics.set_xive(B, 0, 6)
    ics.pulse(A)
    first = icp.accept()
    ics.pulse(B)
    assert icp.accept() & 0xFFFFFF == 0
    icp.eoi(first)
    assert icp.accept() & 0xFFFFFF == B


def test_a_more_favoured_interrupt_displaces_a_pending_one(parts: tuple[Ics, Icp, list[bool]]) -> None:
    ics, icp, _ = parts
    ics.set_xive(A, 0, 5)
    ics.set_xive(B, 0, 4)
    ics.pulse(A)
    ics.pulse(B)
    first = icp.accept()
    assert first & 0xFFFFFF == B
    icp.eoi(first)
    assert icp.accept() & 0xFFFFFF == A


def test_an_ipi_is_presented_by_its_mfrr(parts: tuple[Ics, Icp, list[bool]]) -> None:
    _, icp, _ = parts
    icp.set_mfrr(4)
    xirr = icp.accept()
    assert xirr & 0xFFFFFF == IPI
    icp.set_mfrr(MASKED)
    icp.eoi(xirr)
    assert icp.accept() & 0xFFFFFF == 0


def test_a_stricter_priority_takes_a_pending_interrupt_back(parts: tuple[Ics, Icp, list[bool]]) -> None:
    ics, icp, line = parts
    ics.set_xive(A, 0, 5)
    ics.pulse(A)
    icp.set_cppr(3)
    assert line[-1] is False
    icp.set_cppr(0xFF)
    assert icp.accept() & 0xFFFFFF == A


def test_reset_masks_everything(parts: tuple[Ics, Icp, list[bool]]) -> None:
    ics, icp, line = parts
    ics.set_xive(A, 0, 5)
    ics.pulse(A)
    ics.reset()
    icp.reset()
    assert line[-1] is False and ics.sources[A].priority == MASKED and icp.xirr == 0


def test_a_source_is_claimed_once(parts: tuple[Ics, Icp, list[bool]]) -> None:
    for number in (A, 0xFFF, 0x2000):
        with pytest.raises(ValueError, match="taken or outside"):
            parts[0].claim(number)
