"""The library logs through `logging`: a program without configuration sees nothing, and the command line shows
warnings."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
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


def test_the_command_line_shows_warnings_without_importing_logging() -> None:
    code = f"import sys\nfrom pyspapr import log\nlog.show = lambda text: sys.stderr.write(text)\n{WARNING}"
    assert said(f"{code}\nassert 'logging' not in sys.modules") == "somebody came"
    assert said(f"import logging; logging.basicConfig()\n{code}").count("somebody came") == 2


def test_an_answer_that_raises_does_not_end_the_guests_run() -> None:
    vm = pyspapr.Machine(memory="32M")
    vm.memory.write(0x2000, bytes.fromhex("60000000") * 64 + bytes.fromhex("4bffff00"))  # nop 64 times, and again
    vm.start(pc=0x2000)
    answered: list[tuple[int | None, BaseException | None]] = []

    def answer(result: int | None, error: BaseException | None) -> None:
        answered.append((result, error))
        raise ValueError("nobody wants it")

    def fail() -> int:
        raise pyspapr.StateError("no")

    thread = threading.Thread(target=vm.run, kwargs={"max_instructions": 1 << 40}, daemon=True)
    assert not vm.partition.post_to_run(lambda: 1, answer), "nobody runs it"
    thread.start()
    while not vm.partition.post_to_run(lambda: 1, answer):
        pass
    while not vm.partition.post_to_run(fail, answer):
        pass
    vm.call(lambda: None)
    assert thread.is_alive() and vm.running
    vm.stop()
    thread.join(10)
    assert answered[0] == (1, None) and isinstance(answered[1][1], pyspapr.StateError)


def test_nothing_outside_the_command_line_prints() -> None:
    package = Path(pyspapr.__file__).parent
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Name) and node.id == "print"), path
            assert not (isinstance(node, ast.Attribute) and node.attr in ("stderr", "print_exc", "warn")), path
