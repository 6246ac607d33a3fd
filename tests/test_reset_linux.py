"""Debian's kernel at its shell, forked and put back: the same command is the same run wherever it begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyspapr import Machine
from pyspapr.config import Engine

CACHE = Path(__file__).parent.parent / ".cache" / "guests"
COMMANDS = ("echo $((6 * 7))", "cat /proc/uptime", "echo forked > /tmp/x; sha256sum /tmp/x; cat /proc/interrupts")

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("PYSPAPR_NO_REAL_GUESTS") == "1" and not os.environ.get("CI"),
        reason="PYSPAPR_NO_REAL_GUESTS=1",
    ),
]


def test_a_command_is_the_same_run_on_forks_resets_engines_and_after_a_restore(tmp_path: Path) -> None:
    vm = Machine(memory="256M")
    for name in ("linux/vmlinux", "initrd.cpio"):
        assert (CACHE / name).exists(), f"{CACHE / name} is missing: run `make guests`"
    vm.load_kernel(CACHE / "linux/vmlinux", initrd=CACHE / "initrd.cpio", append="console=hvc0 quiet pyspapr.shell")
    vm.expect("init: shell", timeout=400)
    vm.shell("true", timeout=60)
    frozen = vm.snapshot()
    vm.save(tmp_path / "saved")

    def run(machine: Machine) -> tuple[list[str], int, str]:
        answers = [machine.shell(command, timeout=60).output for command in COMMANDS]
        return answers, machine.instructions, machine.state_hash()

    straight = run(vm)
    assert straight[0][0].strip() == "42"
    engines: tuple[Engine, ...] = ("jit", "interp")
    for engine in engines:
        fork = frozen.fork(engine)
        assert run(fork) == straight
        fork.reset_to(frozen)
        half = [fork.shell(COMMANDS[0], timeout=60).output]
        middle = fork.snapshot()
        for machine in (middle.fork(engine), fork):
            rest = [machine.shell(command, timeout=60).output for command in COMMANDS[1:]]
            assert (half + rest, machine.instructions, machine.state_hash()) == straight
        fork.reset_to(middle)
        fork.reset_to(frozen)
        assert run(fork) == straight
    assert run(Machine.restore(tmp_path / "saved")) == straight
    vm.reset_to(frozen)
    assert run(vm) == straight
