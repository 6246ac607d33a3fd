"""What Linux and a program compiled for a POWER10 find on one.

The guest's program is `guest/power10.c`, compiled with `-mcpu=power10`: its globals are reached from the program
counter, by prefixed instructions.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fetch_guests import NEWER, initrd
from test_linux import finish, guest
from test_linux import pytestmark as marks

from pyspapr import Machine, PoweredOff

pytestmark = marks

SOURCE = Path(__file__).parent / "guest" / "power10.c"
COMPILER = "powerpc64le-linux-gnu-gcc"
FLAGS = [
    *("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-mcpu=power10", "-mrop-protect", "-ffreestanding"),
    *("-fno-pic", "-no-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-nostdlib", "-static"),
    "-Wl,--build-id=none",
]
INIT = "#!/bin/sh\nmount -t proc p /proc\ngrep cpu /proc/cpuinfo\npower10\necho init: done\npoweroff -f\n"

SIGILL, SIGBUS = 4, 7
HWCAP2_ARCH_3_1, HWCAP2_MMA, HWCAP2_HTM = 0x0004_0000, 0x0002_0000, 0x4000_0000
WORD = (1 << 64) - 1


def reversed_bytes(value: int, size: int) -> int:
    return int.from_bytes((value % (1 << 8 * size)).to_bytes(size, "little"), "big")


def expected_globals() -> int:
    """What the program's `globals` returns."""
    last = (1 + 0x0123456789ABCDEF + 0xFF - 2 - 3) & WORD
    number = 2.5 * (0.125 + 42)
    return (last + int(number * 64) + 5 + (6 + 7)) & WORD


def expected_bits(value: int, mask: int) -> int:
    """What the program's `bits` returns, by strings of digits."""
    digits, wanted = f"{value:064b}", f"{mask:064b}"
    inside = "".join(d for d, m in zip(digits, wanted, strict=True) if m == "1")
    outside = "".join(d for d, m in zip(digits, wanted, strict=True) if m == "0")
    low = iter(digits[64 - len(inside) :])
    deposited = int("".join(next(low) if m == "1" else "0" for m in wanted), 2)
    total = sum(reversed_bytes(value, size) for size in (8, 4, 2))
    total += deposited ^ int(inside, 2) ^ int(outside + inside, 2)
    total += len(inside) - len(inside.lstrip("0")) + 100 * (len(inside) - len(inside.rstrip("0")))
    return (total + 1) & WORD


@pytest.mark.parametrize("kernel", NEWER)
def test_linux_finds_a_power10_and_its_programs_run(kernel: str, tmp_path: Path) -> None:
    assert shutil.which(COMPILER), f"{COMPILER} is missing: apt-get install gcc-powerpc64le-linux-gnu"
    subprocess.run([COMPILER, *FLAGS, "-o", tmp_path / "power10", SOURCE], check=True)
    archive = tmp_path / "initrd.cpio"
    programs = {"power10": (tmp_path / "power10").read_bytes()}
    archive.write_bytes(initrd(guest("busybox").read_bytes(), INIT, programs=programs))
    vm = Machine(memory="512M", cpu="power10")
    vm.load_kernel(guest(f"{kernel}/vmlinux"), initrd=archive, append="console=hvc0 quiet")
    assert finish(vm) == PoweredOff()
    text = vm.console.output
    assert "init: done" in text and "Oops" not in text
    assert re.search(r"cpu\s+: POWER10 .*altivec supported", text)
    found = {name: int(value, 16) for name, value in re.findall(r"power10: (\S+) ([0-9a-f]{16})", text)}
    facilities = HWCAP2_ARCH_3_1 | HWCAP2_MMA
    assert found["hwcap2"] & (facilities | HWCAP2_HTM) == facilities
    assert found["globals"] == expected_globals()
    assert found["bits"] == expected_bits(0x0123456789ABCDEF, 0xF0F000000F0FF0F0)
    # A prefixed instruction across 64 bytes; a return address that is not the one of which the hash was stored.
    assert (found["crosses"], found["changed"]) == (SIGBUS, SIGILL)
    assert (found["set"], found["off"], found["checked"], found["stored"]) == (0, 0, 0, 1)
