"""Debian's own kernel, with a busybox initrd and with the installer's.

The guests are fetched by `make guests` (tools/fetch_guests.py). Without them these tests fail; on a machine that cannot
fetch them, PYSPAPR_NO_REAL_GUESTS=1 leaves this file out, except in CI.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import re
import subprocess
from pathlib import Path

import pytest
from commands import program
from fetch_guests import CACHE, DATA, INIT_MARK, NEWER
from images import zimage
from migration import Arrival

from pyspapr import Machine, Panicked, PoweredOff, StopReason

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("PYSPAPR_NO_REAL_GUESTS") == "1" and not os.environ.get("CI"),
        reason="PYSPAPR_NO_REAL_GUESTS=1",
    ),
]

SECONDS = 400.0
CPUS = ["power8", "power9", "power10"]


def guest(name: str) -> Path:
    path = CACHE / name
    assert path.exists(), f"{path} is missing: run `make guests` (or set PYSPAPR_NO_REAL_GUESTS=1 to do without)"
    return path


def linux(
    cpu: str = "power8",
    *,
    kernel: str = "linux",
    initrd: str | None = "initrd.cpio",
    append: str = "",
    **more: object,
) -> Machine:
    vm = Machine(memory="1G", cpu=cpu, **more)  # type: ignore[arg-type]
    vm.load_kernel(
        guest(f"{kernel}/vmlinux"), initrd=None if initrd is None else guest(initrd), append=f"console=hvc0 {append}"
    )
    return vm


def finish(vm: Machine) -> StopReason:
    return vm.run(timeout=SECONDS)


@pytest.mark.parametrize("kernel", ["linux", *NEWER])
@pytest.mark.parametrize("cpu", CPUS)
def test_linux_reaches_its_init_and_computes(cpu: str, kernel: str) -> None:
    vm = linux(cpu, kernel=kernel)
    assert finish(vm) == PoweredOff(), vm.console.output[-2000:]
    text = vm.console.output
    digest = hashlib.sha256(DATA).hexdigest()
    for line in (
        INIT_MARK,
        f"init: sha256 {digest}",
        f"init: gzip {digest}",
        f"init: loop {sum(i * i for i in range(1000))}",
        f"init: forks {sum(range(300))}",
        "init: float 3.141592920 35.500000",
        "init: date 2026-01-01",
        "init: done",
    ):
        assert line in text
    assert re.search(rf"cpu\s+: {cpu.upper()} .*altivec supported", text)
    assert re.search(r"MMU\s+: Hash", text)
    assert re.search(r"revision\s+: 2\.[02] \(pvr 00(4d 0200|4e 1202|80 0200)\)", text)
    assert "Oops" not in text and "Call Trace" not in text and "WARNING" not in text


@pytest.mark.parametrize("packing", ["zimage", "gzip", "lzma"])
def test_a_packed_kernel_boots_as_the_kernel_does(packing: str, tmp_path: Path) -> None:
    """As far as its first process, and the machine is the same all along."""
    kernel, initrd = guest("linux/vmlinux").read_bytes(), guest("first.cpio")
    packed = tmp_path / "packed"
    attached: Path | None = initrd
    if packing == "zimage":
        sections = {".kernel:vmlinux.strip": gzip.compress(kernel, 1), ".kernel:initrd": initrd.read_bytes()}
        packed.write_bytes(zimage(sections))
        attached = None
    else:
        packed.write_bytes(gzip.compress(kernel, 1) if packing == "gzip" else lzma.compress(kernel, preset=0))
    machines = [Machine(memory="1G") for _ in range(2)]
    machines[0].load_kernel(packed, initrd=attached, append="console=hvc0 quiet")
    machines[1].load_kernel(guest("linux/vmlinux"), initrd=initrd, append="console=hvc0 quiet")
    for vm in machines:
        assert finish(vm) == PoweredOff()
        assert INIT_MARK in vm.console.output
    assert machines[0].state_hash() == machines[1].state_hash()


def test_the_whole_boot_is_repeatable() -> None:
    ends = []
    for _ in range(2):
        vm = linux(append="quiet")
        assert finish(vm) == PoweredOff()
        decoded, compiled, share = vm.cpus[0].vcpu.code_bytes
        assert 2 * max(decoded, compiled) < share  # nothing was dropped to make room
        ends.append((vm.state_hash(), vm.instructions, vm.console.output))
    assert ends[0] == ends[1]


def test_much_memory_costs_no_more_than_linux_itself_makes_of_it() -> None:
    # What is left is Linux's array of page descriptors. Blocks of 16 MiB would be 900 million instructions more.
    vm = Machine(memory="256G")
    vm.load_kernel(guest("linux/vmlinux"), initrd=guest("first.cpio"), append="console=hvc0 quiet")
    assert finish(vm) == PoweredOff()
    assert vm.instructions < 1_700_000_000


def test_another_seed_is_another_run() -> None:
    hashes = set()
    for seed in (1, 2):
        vm = linux(append="quiet", seed=seed)
        vm.run(max_instructions=100_000_000)
        hashes.add(vm.state_hash())
    assert len(hashes) == 2


def test_without_a_root_file_system_it_panics_with_its_own_text() -> None:
    reason = finish(linux(initrd=None))
    assert isinstance(reason, Panicked)
    assert "VFS: Unable to mount root fs" in reason.text


@pytest.mark.parametrize("kernel", NEWER)
def test_a_newer_kernel_panics_without_a_text(kernel: str) -> None:
    vm = linux(kernel=kernel, initrd=None)
    assert finish(vm) == Panicked("")
    assert "VFS: Unable to mount root fs" in vm.console.output


def test_a_shell_takes_commands_and_sleeps_in_no_time() -> None:
    vm = linux(append="quiet pyspapr.shell")
    vm.console.expect("init: shell", timeout=SECONDS)
    vm.console.expect("# ", timeout=SECONDS)
    vm.console.send("echo $((6 * 7)) answers")
    vm.console.expect("42 answers", timeout=SECONDS)
    vm.console.send("sleep 30 && uptime_is=$(cut -d. -f1 /proc/uptime 2>/dev/null); echo slept")
    vm.console.expect("\nslept", timeout=SECONDS)
    vm.console.send("poweroff -f")
    assert finish(vm) == PoweredOff()


@pytest.mark.parametrize("cpu", CPUS)
def test_the_installer_reaches_its_first_screen(cpu: str) -> None:
    vm = Machine(memory="1G", cpu=cpu)
    vm.load_kernel(guest("installer/vmlinux"), initrd=guest("installer/initrd.gz"), append="console=hvc0")
    reason = vm.run(until=re.compile(r"Select a language|Choose the language"), timeout=SECONDS)
    assert reason.exit_status == 0, vm.console.output[-2000:]


def boot(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        program("boot", "--kernel", guest("linux/vmlinux"), *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_command_line_boots_and_powers_off() -> None:
    done = boot("--initrd", guest("initrd.cpio"), "--append", "console=hvc0 quiet", "--cpu", "power9")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"init: done" in done.stdout


def test_the_command_line_reports_a_panic() -> None:
    done = boot("--append", "console=hvc0 quiet")
    assert done.returncode == 3
    assert re.fullmatch(rb"pyspapr: the guest panicked: .*VFS: Unable to mount root fs.*\n", done.stderr)


def test_the_host_clock_serves_a_boot_too() -> None:
    vm = linux(append="quiet", clock="host")
    assert finish(vm) == PoweredOff()
    assert "init: done" in vm.console.output


def test_linux_resizes_its_hash_table(tmp_path: Path) -> None:
    """1 GiB of memory has a table of 2^23 bytes, and may have twice that."""
    vm = linux(append="quiet pyspapr.shell")
    vm.console.expect("init: shell", timeout=SECONDS)
    vm.console.expect("# ", timeout=SECONDS)
    vm.console.send("mkdir /d; mount -t debugfs d /d; order=/d/powerpc/hpt_order; echo order $(cat $order)")
    vm.console.expect("\norder 23", timeout=SECONDS)
    for shift in (24, 20, 22):
        vm.console.send(f"echo {shift} > $order && echo order $(cat $order) and $((6 * 7))")
        vm.console.expect(f"\norder {shift} and 42", timeout=SECONDS)
        assert vm.hpt.shift == shift
    vm.console.send("echo 25 > $order || echo refused $(cat $order)")
    vm.console.expect("\nrefused 22", timeout=SECONDS)
    vm.save(tmp_path / "saved")
    there = Machine.restore(tmp_path / "saved")
    for one, expected in ((vm, 2 + 2), (there, 2)):  # its init did so twice, before it was saved
        one.console.send("sha256sum < /data; echo 23 > $order; sha256sum < /data; poweroff -f")
        assert finish(one) == PoweredOff()
        assert one.console.output.count(hashlib.sha256(DATA).hexdigest()) == expected
        assert one.hpt.shift == 23
    assert vm.state_hash() == there.state_hash()
    assert "Oops" not in vm.console.output and "WARNING" not in vm.console.output


def test_linux_resizes_its_hash_table_again_and_again_while_it_migrates(tmp_path: Path) -> None:
    vm = linux(append="quiet pyspapr.shell")
    vm.console.expect("init: shell", timeout=SECONDS)
    vm.console.expect("# ", timeout=SECONDS)
    vm.console.send("mkdir /d; mount -t debugfs d /d; order=/d/powerpc/hpt_order; echo order $(cat $order)")
    vm.console.expect("\norder 23", timeout=SECONDS)
    # It works until it is told to stop, after its arrival: a guest that ends earlier cannot be moved.
    vm.console.send(
        "exec 3<&0; right=0; wrong=0; sum=$(sha256sum < /data); echo $sum; (read x <&3; touch /stop) & "
        "while [ ! -e /stop ]; do for s in 24 20 23 19 22 18 21; do echo $s > $order; "
        '[ "$(sha256sum < /data)" = "$sum" ] && right=$((right+1)) || wrong=$((wrong+1)); done; done; '
        "echo $right right, $wrong wrong, at $(cat $order); poweroff -f"
    )
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    start = vm.instructions
    vm.migrate(arrival.address, bandwidth=64 << 20, downtime_limit=0.02)
    there = arrival.machine()
    assert there.cpus[0].vcpu.instructions > start
    assert there.hpt.shift == vm.hpt.shift
    assert there.state_hash() == vm.state_hash()
    there.console.send("")
    assert finish(there) == PoweredOff()
    text = (vm.console.output + there.console.output).replace("\r", "")
    end = re.search(r"\n(\d+) right, 0 wrong, at 21\n", text)
    assert end is not None and int(end[1]) >= 7, text[-200:]
    assert text.count(hashlib.sha256(DATA).hexdigest()) == 2 + 1  # its init did so twice
    assert "Oops" not in text and "WARNING" not in text
