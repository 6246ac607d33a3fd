"""Debian's kernel, moved to a fresh machine on its way through boot and user space."""

from __future__ import annotations

import os
import random
from pathlib import Path

from test_linux import linux
from test_linux import pytestmark as marks

from pyspapr import Machine, PoweredOff

pytestmark = marks

POINTS = int(os.environ.get("PYSPAPR_LINUX_POINTS", "5"))
"""Instruction counts at which Linux is moved; the soak runs 100."""
LENGTH = 1_500_000_000
KINDS = (None, "zstd", "lz4")


def test_linux_moves_anywhere(tmp_path: Path) -> None:
    """One machine never stops. Another moves at every point, and both end the same way."""
    reference, moved = linux(append="quiet"), linux(append="quiet")
    rng = random.Random(1)
    output = ""
    for index, point in enumerate(sorted(rng.randrange(1, LENGTH) for _ in range(POINTS))):
        budget = point - reference.cpus[0].vcpu.instructions
        for vm in (reference, moved):
            vm.run(max_instructions=budget)
        if reference.ended is not None and reference.ended.final:
            break
        assert moved.state_hash() == reference.state_hash(), point
        output += moved.console.read()
        path = tmp_path / f"{index % 2}"
        moved.save(path, compression=KINDS[index % len(KINDS)])  # type: ignore[arg-type]
        moved = Machine.restore(path)
        assert moved.state_hash() == reference.state_hash(), point
    ends = [vm.ended if vm.ended and vm.ended.final else vm.run(timeout=400.0) for vm in (reference, moved)]
    assert ends == [PoweredOff(), PoweredOff()]
    assert moved.state_hash() == reference.state_hash()
    assert output + moved.console.read() == reference.console.output
    assert "init: done" in reference.console.output
