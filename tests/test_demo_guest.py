"""The demo guest on this machine: it checks the machine, the tests check that it reached its end."""

from pathlib import Path

import pytest

from pyspapr import Machine
from pyspapr.results import Panicked, PoweredOff, StopReason

#: What four rounds print here and under QEMU, POWER8 and POWER9.
CHECKSUM_OF_FOUR_ROUNDS = "checksum 0x673f2dd7eb0809c1"


def run(guest: Path, append: str, cpu: str = "power8") -> tuple[StopReason, str]:
    """Boots the guest with these arguments; why it ended and what it printed."""
    vm = Machine(memory="64M", cpu=cpu)
    vm.load_kernel(guest, append=append)
    result = vm.run(max_instructions=200_000_000)
    return result, vm.console.output


@pytest.mark.parametrize("cpu", ["power8", "power9", "power10"])
def test_the_demo_guest_agrees_with_another_machine(demo_guest: Path, cpu: str) -> None:
    """Its checksum depends on every word it read back."""
    result, text = run(demo_guest, "rounds=4", cpu)
    assert isinstance(result, PoweredOff), text
    assert CHECKSUM_OF_FOUR_ROUNDS in text
    assert "every check passed" in text


def test_the_demo_guest_panics_when_asked(demo_guest: Path) -> None:
    """Its message arrives through ibm,os-term."""
    result, _ = run(demo_guest, "panic")
    assert result == Panicked("demo guest: asked to panic")


def test_a_guest_that_hangs_is_told_from_one_that_works(demo_guest: Path) -> None:
    """A branch to itself with interrupts off can never end; it is not the instruction limit that ends it."""
    result, text = run(demo_guest, "hang")
    assert "hanging with interrupts off" in text
    assert result.exit_status == 4
    assert "never wake" in str(result)
