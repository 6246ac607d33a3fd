"""What Debian's kernel makes of the data address watchpoint: debuggers and profilers of programs have one.

The guest's program is `guest/watchpoint.c`: it says what stopped a child that it debugs, and how often perf counted.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fetch_guests import initrd
from test_linux import finish, guest
from test_linux import pytestmark as marks

from pyspapr import Machine, PoweredOff

pytestmark = marks

SOURCE = Path(__file__).parent / "guest" / "watchpoint.c"
COMPILER = "powerpc64le-linux-gnu-gcc"
FLAGS = [
    *("-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-mcpu=power8", "-ffreestanding", "-fno-pic", "-no-pie"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-nostdlib", "-static", "-Wl,--build-id=none"),
]
INIT = "#!/bin/sh\nwatchpoint\necho init: done\npoweroff -f\n"

SIGTRAP, SIGSTOP = 5, 19
TRAP_HWBKPT = 4
STD, LWZ = 62, 32
RANGE_AND_DAWR = 0x4 | 0x10
"""PPC_DEBUG_FEATURE_DATA_BP_RANGE, PPC_DEBUG_FEATURE_DATA_BP_DAWR"""
UNTOUCHED = 0x1111_1111_1111_1111
ENODEV = (1 << 64) - 19


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initrd with the program."""
    assert shutil.which(COMPILER), f"{COMPILER} is missing: apt-get install gcc-powerpc64le-linux-gnu"
    directory = tmp_path_factory.mktemp("watchpoint")
    subprocess.run([COMPILER, *FLAGS, "-o", directory / "watchpoint", SOURCE], check=True)
    programs = {"watchpoint": (directory / "watchpoint").read_bytes()}
    path = directory / "initrd.cpio"
    path.write_bytes(initrd(guest("busybox").read_bytes(), INIT, programs=programs))
    return path


def answers(archive: Path, cpu: str) -> dict[str, int]:
    """What the program says, by name."""
    vm = Machine(memory="512M", cpu=cpu)
    vm.load_kernel(guest("linux/vmlinux"), initrd=archive, append="console=hvc0 quiet")
    assert finish(vm) == PoweredOff()
    text = vm.console.output
    assert "init: done" in text and "Oops" not in text and "disabled" not in text
    return {name: int(value, 16) for name, value in re.findall(r"watch: (\S+) ([0-9a-f]{16})", text)}


def test_debuggers_and_profilers_have_a_watchpoint_on_a_power8(archive: Path) -> None:
    found = answers(archive, "power8")
    assert (found["info.data_bps"], found["info.features"]) == (1, RANGE_AND_DAWR)
    # A debugger's child is stopped before its access, and where the access begins to match.
    stopped = {
        "write": (0x400, STD, UNTOUCHED, 7),
        "range": (0x43C, LWZ, UNTOUCHED, UNTOUCHED),
        "across": (0x400, STD, UNTOUCHED, 7 << 32 | 0x1111_1111),
    }
    for name, (address, opcode, before, after) in stopped.items():
        keys = ("signal", "code", "address", "opcode", "before", "after")
        want = (SIGTRAP, TRAP_HWBKPT, address, opcode, before, after)
        assert tuple(found[f"{name}.{key}"] for key in keys) == want, name
    # The next doubleword, a load, the doubleword behind the range.
    assert [found[f"{name}.signal"] for name in ("neighbour", "kind", "outside")] == [SIGSTOP] * 3
    # read() into the watched bytes: the kernel's store is made, and its caller hears of it.
    assert (found["system_call.signal"], found["system_call.address"]) == (SIGTRAP, 0x400)
    assert found["system_call.before"] == int.from_bytes(b"01234567", "little")
    # perf lets the instruction be executed.
    assert (found["complete.before"], found["complete.after"]) == (UNTOUCHED, 7)
    # Of an access to the watched bytes, one right before and one right behind them, the first is counted.
    once = 0x01_00_00
    loads, stores = {"lbz", "lwz", "ld", "lxvd2x"}, {"stb", "stw", "std", "stvx", "dcbz"}
    for watched, matching in (("w8", stores), ("r8", loads), ("rw256", loads | stores), ("kernel", loads | stores)):
        for name in loads | stores:
            assert found[f"{watched}.{name}"] == (once if name in matching else 0), f"{watched}.{name}"
    for name in ("kernel_reads", "kernel_writes"):
        assert [found[f"{watched}.{name}"] for watched in ("w8", "r8", "rw256")] == [0] * 3
        # It may look before it copies.
        assert found[f"kernel.{name}"] in (once, 2 * once)


def test_a_power9_has_none(archive: Path) -> None:
    found = answers(archive, "power9")
    assert found["info.data_bps"] == 0
    assert {value for name, value in found.items() if name.startswith(("w8", "r8", "kernel"))} == {ENODEV}
