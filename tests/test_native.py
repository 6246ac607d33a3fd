"""The compiled half: its types, its constants, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pyspapr import ConfigError, GuestAddressError, _native


def test_the_type_stub_tells_the_truth(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(r"pyspapr\._native\.__all__")  # PyO3 makes it
    command = [sys.executable, "-m", "mypy.stubtest", "pyspapr._native", "--ignore-disjoint-bases"]
    command += ["--allowlist", str(allowed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


SUBINTERPRETER = """
import importlib, sys
import pyspapr
try:
    interpreters = importlib.import_module("_interpreters")  # Python 3.13
except ImportError:
    interpreters = importlib.import_module("_xxsubinterpreters")
run = getattr(interpreters, "exec", None) or interpreters.run_string
code = "try: import pyspapr\\nexcept ImportError as error: print(error)\\nelse: print('loaded')"
run(interpreters.create(), code)
sys.stdout.flush()
for name in [name for name in sys.modules if name.startswith("pyspapr")]:
    del sys.modules[name]
import pyspapr
print(pyspapr.Machine(memory="32M"))
"""


def test_only_one_interpreter_of_a_process_loads_it_but_as_often_as_it_likes() -> None:
    done = subprocess.run([sys.executable, "-c", SUBINTERPRETER], capture_output=True, text=True, check=True)
    refusal, machine = done.stdout.splitlines()
    assert "loaded by another interpreter" in refusal or "does not support loading in subinterpreters" in refusal
    assert machine == "<Machine power8 32 MiB, empty>"


def test_every_exit_has_its_number() -> None:
    exits = [getattr(_native, name) for name in dir(_native) if name.startswith("EXIT_")]
    assert len(exits) == len(set(exits)) == 12


def test_models_know_their_version_register() -> None:
    models = _native.models()
    assert models["power8"]["pvr"] == 0x004D0200
    assert models["power9"]["pvr"] == 0x004E1202
    assert models["power9"]["decrementer_bits"] == 56
    assert (models["power10"]["pvr"], models["power10"]["isa"]) == (0x00800200, "3.1")


def test_ram_ends_where_it_ends() -> None:
    ram = _native.Ram(1 << 20)
    ram.write((1 << 20) - 4, b"last")
    assert ram.read((1 << 20) - 4, 4) == b"last"
    for address, length in ((1 << 20, 1), ((1 << 20) - 3, 4), ((1 << 64) - 1, 2), (0, (1 << 20) + 1)):
        with pytest.raises(GuestAddressError):
            ram.read(address, length)
        with pytest.raises(GuestAddressError):
            ram.fill(address, length)
    with pytest.raises(GuestAddressError):
        ram.write((1 << 20) - 3, b"last")


def test_what_cannot_be_built_is_a_config_error() -> None:
    ram, table = _native.Ram(1 << 20), _native.Hpt(18)
    for build in (
        lambda: _native.Ram(0),
        lambda: _native.Hpt(17),
        lambda: _native.Hpt(47),
        lambda: _native.Vcpu(ram, table, "power7"),
        lambda: _native.Vcpu(ram, table, "power8", clock="sundial"),
    ):
        with pytest.raises(ConfigError):
            build()


def test_every_word_disassembles() -> None:
    for word in range(0, 1 << 32, 99_999_989):
        assert _native.disassemble(word)
