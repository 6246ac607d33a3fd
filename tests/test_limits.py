"""A host that gives no descriptor or no memory: every verb does its work or raises an error of the package's own, the
machine is as it was, and nothing stays open."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from commands import program

from pyspapr import Machine, StateError

SWEEP = """
import gc, os, resource, sys, tempfile
import pyspapr
from pyspapr import Machine, SpaprError
from pyspapr.migration.contents import read_contents

verb, limit, kernel = sys.argv[1:]
os.chdir(tempfile.mkdtemp())
vm = Machine(memory="64M")
vm.load_kernel(kernel)
vm.run(max_instructions=1_000_000)
vm.pause()  # a migration would let the guest go on
vm.migrate("file:arriving")
vm.reclaim()
vm.save("base")
vm.save("file")
frozen = vm.snapshot()
fork = frozen.fork()


def arrival():
    try:
        Machine.incoming("unix:here", timeout=0)
    except pyspapr.MigrationError as error:
        if "in time" not in str(error):
            raise


def migrate():
    vm.migrate("file:moved")
    vm.reclaim()


VERBS = {
    "build": lambda: Machine(memory="64M"),
    "load": lambda: Machine(memory="64M").load_kernel(kernel),
    "save": lambda: vm.save("saved"),
    "save zstd": lambda: vm.save("saved", compression="zstd"),
    "save base": lambda: vm.save("saved", base="base"),
    "restore": lambda: Machine.restore("file"),
    "restore verify": lambda: Machine.restore("file", verify=True),
    "inspect": lambda: read_contents("file", ram=True),
    "snapshot": lambda: (vm.memory.write(0, vm.memory[0:1]), vm.snapshot()),  # else it is the one before
    "fork": lambda: frozen.fork(),
    "reset": lambda: fork.reset_to(frozen),
    "hash": lambda: vm.state_hash(),
    "migrate": migrate,
    "incoming file": lambda: Machine.incoming("file:arriving"),
    "incoming unix": arrival,
    "control": lambda: vm.serve_qmp("unix:control").close(),
}
work = VERBS[verb]


def opened():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def attempt():
    try:
        work()
        return "done"
    except SpaprError as error:
        assert str(error).isprintable(), error
        return "refused"


assert attempt() == "done"  # imports what it needs
if verb == "save base":
    vm.save("base")
before, hash_before, found = opened(), vm.state_hash(), []
if limit == "descriptors":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for left in range(8):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 20, hard))
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        for fd in held[len(held) - left:]:
            os.close(fd)
        found.append(attempt())
        for fd in held[: len(held) - left]:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert opened() <= before, (left, opened(), before)
else:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    steps = [*range(0, 3 << 20, 3 << 18), *range(3 << 20, 160 << 20, 8 << 20)]
    for more in steps:
        gc.collect()
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + more, hard))
        found.append(attempt())
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
assert vm.state_hash() == hash_before
vm.resume()
vm.run(max_instructions=1000)
assert attempt() == "done"
assert [name for name in os.listdir(".") if name.startswith(".")] == []
print(found)
"""

VERBS = [
    "build",
    "load",
    "save",
    "save zstd",
    "save base",
    "restore",
    "restore verify",
    "inspect",
    "snapshot",
    "fork",
    "reset",
    "hash",
    "migrate",
    "incoming file",
    "incoming unix",
    "control",
]
NO_DESCRIPTOR = {"hash", "fork", "reset"}
"""A fork shares the memory of its snapshot, and so does a machine that goes back to it."""


@pytest.mark.parametrize("limit", ["descriptors", "memory"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_done_or_refused_at_a_limit_of_the_host(demo_guest: Path, verb: str, limit: str) -> None:
    command = [sys.executable, "-W", "error", "-c", SWEEP, verb, limit, str(demo_guest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), (done.returncode, done.stderr[-2000:])
    assert "done" in done.stdout
    if limit == "descriptors" and verb not in NO_DESCRIPTOR:
        assert "refused" in done.stdout


@pytest.mark.parametrize("left", [5, 6, 7, 9])
@pytest.mark.parametrize("command", ["boot", "restore", "inspect", "verify", "diff", "disas", "info"])
def test_every_command_ends_with_one_line_when_descriptors_are_few(
    demo_guest: Path, tmp_path: Path, command: str, left: int
) -> None:
    from pyspapr import Machine

    vm = Machine(memory="64M")
    vm.load_kernel(demo_guest)
    vm.save(tmp_path / "a")
    arguments = {
        "boot": ["--kernel", demo_guest, "--memory", "64M", "--max-instructions", "1000"],
        "restore": ["--max-instructions", "1000", tmp_path / "a"],
        "diff": [tmp_path / "a", tmp_path / "a"],
        "disas": [demo_guest],
        "info": [],
    }.get(command, [tmp_path / "a"])

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (left, left))

    done = subprocess.run(program(command, *arguments), capture_output=True, text=True, check=False, preexec_fn=few)
    assert done.returncode in (0, 2, 4), done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == (done.returncode != 0), done.stderr


def test_without_a_thread_a_run_and_a_control_socket_are_refused_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = Machine(memory="32M")
    vm.start(pc=0x1000)
    with vm.serve_qmp(f"unix:{tmp_path / 'imports'}"):
        pass
    before = len(os.listdir("/proc/self/fd"))

    def none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    with pytest.raises(StateError, match="the host has no thread left to run a machine with a time limit"):
        vm.run(timeout=60)
    with pytest.raises(StateError, match="the host has no thread left to open a control socket"):
        vm.serve_qmp(f"unix:{tmp_path / 'control'}")
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == before
    assert vm.run(max_instructions=1) is not None
