"""A stretch of the boot of Debian's kernel on both engines, side by side. `make lockstep` goes on for hours."""

from __future__ import annotations

import pytest
from test_linux import CPUS, linux
from test_linux import pytestmark as marks

from pyspapr import InstructionLimit
from pyspapr.replay.lockstep import Lockstep

pytestmark = marks

STRETCH = 400_000_000


@pytest.mark.parametrize("cpu", CPUS)
def test_linux_boots_the_same_way_on_both_engines(cpu: str) -> None:
    pair = Lockstep(lambda engine: linux(cpu, engine=engine))
    assert pair.run(max_instructions=STRETCH) == InstructionLimit(STRETCH)
    assert "Linux version" in pair.machine.console.output
