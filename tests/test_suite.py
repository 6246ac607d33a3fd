"""`pyspapr test`: a folder of shell scripts, their outcomes, reports and exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest
from commands import program
from test_linux import guest
from test_linux import pytestmark as pytestmark

from pyspapr import ConfigError, Machine, Panicked
from pyspapr import config as spapr_config
from pyspapr.harness.junit import clean
from pyspapr.harness.scripts import find, header
from pyspapr.testing import Status

SETTINGS = f"""\
kernel = "{guest("linux/vmlinux")}"
initrd = "{guest("initrd.cpio")}"
append = "console=hvc0 pyspapr.shell"
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guest is kept for all tests here."""
    return tmp_path_factory.mktemp("boots")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that says which guest its scripts are for."""
    made = tmp_path / "scripts"
    made.mkdir()
    (made / "spapr.toml").write_text(SETTINGS)
    return made


def run(folder: Path, cache: Path | str, *arguments: object) -> subprocess.CompletedProcess[str]:
    options = ("--cache", cache, "--engine", spapr_config.DEFAULT_ENGINE, *arguments)
    return subprocess.run(program("test", folder, *options), capture_output=True, text=True, check=False)


def write(folder: Path, **scripts: str) -> None:
    for name, text in scripts.items():
        (folder / f"{name}.sh").write_text(text)


def test_a_folder_of_scripts(folder: Path, cache: Path, tmp_path: Path) -> None:
    write(
        folder,
        status="test $(uname -s) = Linux",
        output="uname -m; echo x >/tmp/x",
        alone="ls /tmp/x && exit 1; exit 0",
        skipped="echo no device; exit 4",
        ktap="echo KTAP version 1; echo 1..2; echo ok 1 first; echo 'ok 2 second # SKIP no'",
    )
    (folder / "output.out").write_text("ppc64le\n")
    (folder / "below").mkdir()
    write(folder / "below", inner="true")
    done = run(folder, cache, "--jobs", 3, "--junit-xml", tmp_path / "out.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    *lines, empty, summary = done.stdout.splitlines()
    assert empty == "" and summary.startswith("5 passed, 1 skipped in ") and done.stderr == ""
    assert sorted(line.split()[:2] for line in lines) == [
        ["PASS", "alone.sh"],
        ["PASS", "below/inner.sh"],
        ["PASS", "ktap.sh"],
        ["PASS", "output.sh"],
        ["PASS", "status.sh"],
        ["SKIP", "skipped.sh"],
    ]
    assert any(line.startswith("SKIP skipped.sh") and line.endswith(": no device") for line in lines)
    suite = Xml.parse(tmp_path / "out.xml").getroot()[0]
    assert suite.attrib.items() >= {"name": "scripts", "tests": "8", "failures": "0", "skipped": "2"}.items()
    assert [case.get("name") for case in suite if case.get("classname") == "scripts.ktap.sh"] == ["first", "second"]


def test_scripts_on_several_processors(folder: Path, tmp_path: Path) -> None:
    write(folder, two="test $(nproc) = 2", one="# spapr: smp=1\ntest $(nproc) = 1", fails="nproc; exit 1")
    done = run(folder, tmp_path / "boots", "--smp", 2)
    assert done.returncode == 1 and "2 passed, 1 failed" in done.stdout, done.stdout + done.stderr
    assert "1024 MiB, 2 processors\n" in done.stdout
    done = run(folder, tmp_path / "boots", "--smp", 65)
    assert (done.returncode, done.stderr) == (2, "pyspapr: 65 vCPUs were asked for, expected 1 to 64\n")


def test_scripts_that_fail(folder: Path, cache: Path, tmp_path: Path) -> None:
    write(
        folder,
        a_good="true",
        b_status="echo before; exit 7",
        c_output="uname -m",
        d_panic="echo c >/proc/sysrq-trigger",
        e_slow="# spapr: timeout=3\nsleep 100",
        f_ktap="echo KTAP version 1; echo 1..2; echo ok 1 first; echo '# bad news'; echo not ok 2 second",
        g_warning="mknod /dev/kmsg c 1 11; echo '<4>WARNING: CPU: 0 at mm/a.c:1' >/dev/kmsg",
        h_allowed="# spapr: allow_warnings\nmknod /dev/kmsg c 1 11; echo '<4>WARNING: CPU: 0 at a' >/dev/kmsg",
        i_long="#" * 70_000,
    )
    (folder / "c_output.out").write_text("ppc64\n")
    done = run(folder, cache, "--junit-xml", tmp_path / "out.xml", "--failures", tmp_path / "kept")
    assert done.returncode == 1, done.stdout + done.stderr
    said, *details = done.stdout.split("\n=== ")
    lines = {line.split()[1]: line for line in said.splitlines() if line}
    assert [name for name, line in sorted(lines.items()) if line.startswith("PASS")] == ["a_good.sh", "h_allowed.sh"]
    assert "ended with status 7" in lines["b_status.sh"]
    assert "something else than c_output.out has" in lines["c_output.sh"]
    assert "the guest panicked" in lines["d_panic.sh"]
    assert "did not end: the time limit of 3 s of guest time" in lines["e_slow.sh"]
    assert "1 of 2 of its tests failed: second" in lines["f_ktap.sh"]
    assert "WARNING: CPU: 0" in lines["g_warning.sh"]
    assert "the limit is 65536" in lines["i_long.sh"]
    reports = {detail.split(":")[0]: detail for detail in details}
    assert list(reports) == sorted(reports) and len(reports) == 7
    assert "-ppc64\n+ppc64le\n" in reports["c_output.sh"]
    assert "sysrq_handle_crash+0x" in reports["d_panic.sh"] and "Kernel panic - not syncing" in reports["d_panic.sh"]
    assert "seed 0" in reports["b_status.sh"] and "before" in reports["b_status.sh"]
    assert "not ok second: failed\n# bad news" in reports["f_ktap.sh"]
    assert done.stdout.splitlines()[-1].startswith("2 passed, 7 failed in ")
    failures = Xml.parse(tmp_path / "out.xml").getroot().findall("testsuite/testcase/failure")
    assert len(failures) == 8 and any("sysrq_handle_crash" in (one.text or "") for one in failures)
    with Machine.restore(tmp_path / "kept" / "d_panic.sh.spapr") as vm:
        assert isinstance(vm.ended, Panicked)


@pytest.mark.parametrize(
    ("settings", "script", "message"),
    [
        ("", None, "no kernel is given: add --kernel FILE, or a line kernel = "),
        ("kernel = ", None, "spapr.toml: Invalid value"),
        ("kernle = 'x'", None, "'kernle' is unknown; there are kernel, "),
        ("kernel = 'nonesuch'", None, "kernel *nonesuch cannot be read: No such file"),
        (SETTINGS + "memory = '7'", None, "memory size 7 bytes is outside"),
        (SETTINGS + "memory = 1.5", None, "memory size 1.5 is not a number"),
        (SETTINGS + "timeout = 'x'", None, "timeout is 'x', expected"),
        (SETTINGS + "engine = 'fast'", None, "unknown engine 'fast'"),
        (SETTINGS, "# spapr: time=3", "'time=3' is unknown after '# spapr:'; there are append=, "),
        (SETTINGS, "# spapr: timeout=soon", "timeout is 'soon', expected a number"),
    ],
)
def test_wrong_use_is_one_line(folder: Path, settings: str, script: str | None, message: str) -> None:
    (folder / "spapr.toml").write_text(settings)
    write(folder, one=script or "true")
    before, _, after = message.partition("*")
    with pytest.raises(ConfigError) as caught:
        find(folder, {})
    assert before in str(caught.value) and after in str(caught.value)
    done = subprocess.run(program("test", folder, "--cache", "none"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


def test_a_folder_without_scripts_is_an_error(folder: Path) -> None:
    done = run(folder, "none")
    assert done.returncode == 2 and "tests are files named *.sh" in done.stderr
    assert run(folder / "nonesuch", "none").returncode == 2
    write(folder, one="true")
    done = run(folder, "none", "--jobs", 0)
    assert done.returncode == 2 and "--jobs is 0, expected 1 to 256" in done.stderr


def test_options_are_nearer_than_the_file_and_a_script_than_both(folder: Path) -> None:
    (folder / "spapr.toml").write_text(SETTINGS + "memory = '512M'\ntimeout = 5\nseed = 3\n")
    write(folder, one="true", two="#!/bin/sh\n# spapr: timeout=7.5 seed=9 check=false\ntrue")
    one, two = find(folder, {"memory": "2G", "cpu": None})
    assert (one.wanted.recipe.memory, one.wanted.recipe.seed, one.wanted.timeout) == ("2G", 3, 5)
    assert (two.wanted.recipe.seed, two.wanted.timeout, two.wanted.check) == (9, 7.5, False)
    assert header(two.path) == {"timeout": 7.5, "seed": 9, "check": False}


def test_ctrl_c_ends_scripts_that_would_not_end(folder: Path, cache: Path) -> None:
    write(folder, one="echo up; while :; do :; done", two="while :; do :; done", three="true")
    (folder / "spapr.toml").write_text(SETTINGS + "timeout = 1e6\n")
    words = program("test", folder, "--cache", cache, "--jobs", 3)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("PASS three.sh")
        os.kill(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.strip() == "pyspapr: interrupted" and "=== " not in output


def test_what_xml_cannot_have_is_replaced() -> None:
    assert clean("a\x00b\x1b[1m\ud800\ufffe\n\U0001f600") == "a^@b^[[1m??\n\U0001f600"
    assert {status.value for status in Status} >= {"passed", "failed", "skipped"}
