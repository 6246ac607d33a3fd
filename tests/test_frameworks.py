"""kirk and labgrid, the real ones, with this package's drivers, and labgrid's own driver for QEMU."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fetch_guests import APPLETS, Cpio
from test_linux import guest
from test_linux import pytestmark as pytestmark

from pyspapr.cli.door.install import install_command

APPEND = "console=hvc0 quiet"
INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
exec sh
"""
SUITE = """\
leaves echo here >/tmp/mark
finds_nothing test ! -e /tmp/mark
fails false
panics echo c >/proc/sysrq-trigger
comes_after test ! -e /tmp/mark
"""


@pytest.fixture(scope="module")
def ltp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initrd with a shell, and a suite where the Linux Test Project has its own."""
    archive = Cpio()
    for directory in ("bin", "dev", "proc", "sys", "tmp", "opt", "opt/ltp", "opt/ltp/runtest", "opt/ltp/testcases"):
        archive.add(directory, 0o040755)
    archive.add("opt/ltp/testcases/bin", 0o040755)
    archive.add("dev/console", 0o020600, device=(5, 1))
    archive.add("dev/null", 0o020666, device=(1, 3))
    archive.add("bin/busybox", 0o100755, guest("busybox").read_bytes())
    for applet in (*APPLETS, "test", "id", "uname", "false", "true", "base64"):
        archive.add(f"bin/{applet}", 0o120777, b"busybox")
    archive.add("opt/ltp/runtest/mini", 0o100644, SUITE.encode())
    archive.add("opt/ltp/runtest/endless", 0o100644, b"spins while :; do :; done\ncomes_after true\n")
    archive.add("init", 0o100755, INIT.encode())
    path = tmp_path_factory.mktemp("ltp") / "initrd.cpio"
    path.write_bytes(archive.end())
    return path


def run_kirk(initrd: Path, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    channel = f"pyspapr:kernel={guest('linux/vmlinux')}:initrd={initrd}:append={APPEND}:ram=512M"
    line = ["--com", channel, "--sut", "default:com=pyspapr", "--tmp-dir", str(directory), "--no-colors"]
    return subprocess.run(
        [sys.executable, "-m", "pyspapr.frameworks.kirk", *line, *words], capture_output=True, text=True, timeout=600
    )


def test_kirk_runs_each_test_in_a_fork_and_goes_on_after_a_panic(ltp: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run_kirk(ltp, tmp_path, "--run-suite", "mini", "--json-report", str(report))
    assert report.exists(), done.stdout + done.stderr
    results = {one["test_fqn"]: one for one in json.loads(report.read_text())["results"]}
    assert {name: one["status"] for name, one in results.items()} == {
        "leaves": "pass",
        "finds_nothing": "pass",
        "fails": "fail",
        "panics": "brok",
        "comes_after": "pass",
    }, done.stdout
    assert "Kernel panic" in results["panics"]["test"]["log"]


def test_kirk_stops_a_test_that_never_ends_and_the_next_one_is_not_its_victim(ltp: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run_kirk(ltp, tmp_path, "--run-suite", "endless", "--exec-timeout", "2", "--json-report", str(report))
    results = {one["test_fqn"]: one["status"] for one in json.loads(report.read_text())["results"]}
    assert results == {"spins": "brok", "comes_after": "pass"}, done.stdout


@contextmanager
def labgrid_target(text: str, directory: Path) -> Iterator[Any]:
    """A target of labgrid's from the text of its environment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what labgrid imports
        from labgrid import Environment

        (file := directory / "environment.yaml").write_text(text)
        target = Environment(str(file)).get_target()
        try:
            yield target
        finally:
            target.cleanup()


def test_labgrid_has_a_driver_that_forks(ltp: Path, tmp_path: Path) -> None:
    text = f"""
        targets:
          main:
            drivers:
              SpaprDriver: {{kernel: kernel, initrd: initrd, boot_args: {APPEND}, memory: 512M, ready: "# "}}
        images: {{kernel: {guest("linux/vmlinux")}, initrd: {ltp}}}
        imports: [pyspapr.frameworks.labgrid]
    """
    with labgrid_target(text, tmp_path) as target:
        driver = target.get_driver("CommandProtocol")
        driver.on()
        driver.sendline("echo $((6 * 7))")
        assert driver.expect("42")[0] == 0
        assert driver.run("echo here >/tmp/mark; echo two; echo lines; false") == (["two", "lines"], [], 1)
        (tmp_path / "file").write_bytes(b"contents")
        driver.put(str(tmp_path / "file"), "/tmp/file")
        driver.get("/tmp/file", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == b"contents"
        booted = driver.vm
        driver.cycle()
        assert driver.vm is not booted
        assert driver.run_check("ls /tmp") == []
        driver.off()
        with pytest.raises(Exception, match="the machine is off"):
            driver.run("true")


def test_labgrids_own_driver_for_qemu_starts_this_machine(ltp: Path, tmp_path: Path) -> None:
    install_command([str(tmp_path / "bin")])
    text = f"""
        targets:
          main:
            drivers:
              QEMUDriver:
                qemu_bin: qemu
                machine: pseries
                cpu: power8
                memory: 512M
                extra_args: -initrd {ltp}
                boot_args: {APPEND}
                kernel: kernel
              ShellDriver: {{prompt: "/ # ", login_prompt: "login: ", username: root}}
        images: {{kernel: {guest("linux/vmlinux")}}}
        tools: {{qemu: {tmp_path}/bin/qemu-system-ppc64}}
    """
    with labgrid_target(text, tmp_path) as target:
        power = target.get_driver("PowerProtocol")
        power.on()
        assert power.monitor_command("query-status")["status"] == "running"
        power.expect("/ # ", timeout=240)
        power.sendline("echo $((6 * 7))")
        assert power.expect("42", timeout=60)[0] == 0
        power.off()
