"""Completion in shells: the scripts, and what the program answers when a shell asks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SPAPR = [sys.executable, "-m", "pyspapr"]


def offered(*words: str) -> list[tuple[str, str]]:
    """Kind and text of each completion of the last word."""
    environment = os.environ | {
        "_PYSPAPR_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("pyspapr", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(SPAPR, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return [(kind, text) for kind, _, text in (line.partition(",") for line in done.stdout.splitlines())]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_asks_this_program(shell: str) -> None:
    done = subprocess.run([*SPAPR, "completion", shell], check=True, capture_output=True, text=True)
    assert f"_PYSPAPR_COMPLETE={shell}_complete" in done.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, check=True, text=True)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("bo",), [("plain", "boot")]),
        (("boot", "--mem"), [("plain", "--memory")]),
        (("boot", "--cpu", "power1"), [("plain", "power10")]),
        (("boot", "--clock", "v"), [("plain", "virtual")]),
        (("boot", "--kernel", "vm"), [("file", "vm")]),
        (("boot", "--tls-creds", "cr"), [("dir", "cr")]),
        (("qemu", "-nog"), [("plain", "-nographic")]),
        (("completion", "f"), [("plain", "fish")]),
    ],
)
def test_commands_options_and_values_are_completed(words: tuple[str, ...], wanted: list[tuple[str, str]]) -> None:
    assert offered(*words) == wanted
