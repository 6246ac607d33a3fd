"""The command that is read without click: what both take means the same, and what only click can say is left to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyspapr import Machine
from pyspapr.cli.commands import boot, restore
from pyspapr.cli.options import BOOT, RESTORE, read

WORDS = [
    "--base",
    "--verify",
    "--verify=x",
    "--console",
    "--console=unix:a=b",
    "--console=",
    "--timeout",
    "--timeout=1.5",
    "--timeout=0",
    "--timeout=nan",
    "--max-instructions",
    "--max-instructions= 7 ",
    "--max-instructions=0",
    "--engine",
    "--engine=interp",
    "--engine=JIT",
    "jit",
    "--qmp",
    "--qmp=tcp:1",
    "-S",
    "--paused",
    "-h",
    "--help",
    "--ver",
    "--",
    "-",
    "FILE",
    "OTHER",
    "MISSING",
    "DIRECTORY",
    "1",
    "2.5",
    "-1",
    "unix:x",
    "",
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("options")
    for name in ("file", "other"):
        (directory / name).write_bytes(b"")
    names = {"FILE": "file", "OTHER": "other", "MISSING": "missing", "DIRECTORY": "."}
    return {word: str(Path(directory, name)) for word, name in names.items()}


def by_click(words: list[str], command: click.Command = restore) -> dict[str, Any] | None:
    """What click makes of a line; None when it says something instead."""
    try:
        with command.make_context("command", list(words)) as context:
            return dict(context.params)
    except (click.ClickException, click.exceptions.Exit):
        return None


@given(words=st.lists(st.sampled_from(WORDS), max_size=6))
def test_what_is_read_without_click_means_what_click_says(places: dict[str, str], words: list[str]) -> None:
    line = [places.get(word, word) for word in words]
    if (found := read(RESTORE, line, 1)) is not None:
        files, values = found
        assert repr({"file": files[0], **values}) == repr(dict(sorted((by_click(line) or {}).items(), key=order)))


def order(item: tuple[str, object]) -> int:
    return ["file", *(option.key for option in RESTORE)].index(item[0])


@pytest.mark.parametrize(
    "words",
    [
        ["FILE"],
        ["FILE", "--verify", "-S", "--qmp", "unix:a", "--qmp=unix:b"],
        ["--max-instructions", "1", "FILE"],
        ["FILE", "--engine", "interp"],
        ["--base", "OTHER", "FILE", "--timeout", "2.5", "--console=unix:x"],
    ],
)
def test_correct_lines_need_no_click(places: dict[str, str], words: list[str]) -> None:
    assert read(RESTORE, [places.get(word, word) for word in words], 1) is not None


BOOT_WORDS = [
    *WORDS[3:21],
    *("--kernel", "--kernel=k", "--append", "--append=", "--append=a=b", "--append=-x", "--memory", "--memory=1G"),
    *("--clock", "--clock=host", "--clock=x", "--seed", "--seed=0", "--seed=-1", f"--seed={1 << 64}", "--strict"),
    *("--profile", "--symbols=s", "--lockstep", "--no-reboot", "--no-reb", "--incoming", "--incoming=defer"),
    *("--tls-creds=", "--tls-creds=d", "--initrd", "--cpu=power9", "virtual", "FILE", "3", "-1", ""),
]


@given(words=st.lists(st.sampled_from(BOOT_WORDS), max_size=6))
def test_a_line_of_boot_that_is_read_without_click_means_what_click_says(words: list[str]) -> None:
    if (found := read(BOOT, words, 0)) is not None:
        assert found[0] == []
        assert sorted(found[1].items(), key=str) == sorted((by_click(words, boot) or {}).items(), key=str)


def test_a_restore_imports_neither_click_nor_what_only_encodes(vm: Machine, tmp_path: Path) -> None:
    vm.start(pc=0)
    vm.save(tmp_path / "a")
    code = "import sys; from pyspapr.cli import run; run(sys.argv[1:]); print({'click', 'cbor2'} & {*sys.modules})"
    words = ["restore", str(tmp_path / "a"), "--max-instructions=1"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_correct_lines_of_boot_import_no_click(demo_guest: Path) -> None:
    code = "import sys; from pyspapr.cli import run; run(sys.argv[1:]); print('click' in sys.modules)"
    words = ["boot", "--kernel", str(demo_guest), "--memory=64M", "--cpu", "power9", "--seed", "3", "--timeout=60"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
