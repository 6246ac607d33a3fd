"""Signals that end `boot` at a bad moment: nothing stays behind, and the exit status says which signal it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from images import write_kernel

from pyspapr.cli.boot import Signalled, Signals

COUNT_FOREVER = [0x38A50001, 0x4BFFFFFC]  # 1: addi r5,r5,1; b 1b

SENDING = """
import os, signal, sys, threading
from pyspapr import cli
from pyspapr.cli.unix import SocketConsole
from pyspapr.qmp import QmpServer

number, where = int(sys.argv[1]), sys.argv[2]
if signal.getsignal(number) is signal.SIG_IGN:  # the tests may run under nohup
    signal.signal(number, signal.SIG_DFL)
owner, name = {
    "the control socket opens": (QmpServer, "__init__"),
    "the console opens": (SocketConsole, "__init__"),
    "the console closes": (SocketConsole, "__exit__"),
    "the control socket closes": (QmpServer, "close"),
}[where]
original = getattr(owner, name)

def method(*arguments, **keywords):
    if "closes" in where:
        os.kill(os.getpid(), number)
    original(*arguments, **keywords)
    if "opens" in where:
        os.kill(os.getpid(), number)

setattr(owner, name, method)
if "closes" in where:  # the first signal, which is what makes them close
    threading.Timer(1, os.kill, (os.getpid(), number)).start()
sys.exit(cli.run(sys.argv[3:]))
"""

MOMENTS = ["the control socket opens", "the console opens", "the console closes", "the control socket closes"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_at_a_bad_moment_leaves_nothing_behind(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    places = tmp_path / "places"
    places.mkdir()
    kernel = write_kernel(tmp_path, *COUNT_FOREVER)
    words = ["boot", "--kernel", str(kernel), "--memory", "32M", "--timeout", "60"]
    words += ["--qmp", f"unix:{places}/qmp", "--console", f"unix:{places}/console"]
    done = subprocess.run(
        [sys.executable, "-c", SENDING, str(int(number)), moment, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert list(places.iterdir()) == []


def test_signals_wait_until_they_may_be_raised_and_only_the_first_is() -> None:
    with Signals() as signals:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Signalled) as first, signals.raised():
            pytest.fail("the signal that had waited was not raised")
        assert first.value.number == signal.SIGHUP
        signal.raise_signal(signal.SIGTERM)
        with signals.raised():
            signal.raise_signal(signal.SIGTERM)


def test_a_signal_while_the_machine_runs_is_raised_at_once() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals, pytest.raises(Signalled), signals.raised():
        signal.raise_signal(signal.SIGTERM)
        threading.Event().wait(10)
    with pytest.raises(KeyboardInterrupt), Signals() as signals:
        signal.raise_signal(signal.SIGINT)
        with signals.raised():
            pytest.fail("Ctrl-C that had waited was not raised")
    assert signal.getsignal(signal.SIGTERM) is before
