"""A library speaks through `logging`: who configures nothing hears nothing, and the command line shows warnings."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pyspapr

WARNING = "from pyspapr.log import logger; logger('pyspapr.migration').warning('%s came', 'somebody')"


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_a_warning_is_heard_by_who_listens_only() -> None:
    assert said(WARNING) == ""
    assert said(f"import logging; logging.basicConfig(); {WARNING}") == "WARNING:pyspapr.migration:somebody came\n"


def test_the_command_line_shows_warnings() -> None:
    run = "from pyspapr.cli import run; run(['qmp', '--help']); "
    code = f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()): {run}\n{WARNING}"
    assert said(code) == "pyspapr: somebody came\n"


def test_nothing_outside_the_command_line_prints() -> None:
    package = Path(pyspapr.__file__).parent
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Name) and node.id == "print"), path
            assert not (isinstance(node, ast.Attribute) and node.attr in ("stderr", "print_exc", "warn")), path
