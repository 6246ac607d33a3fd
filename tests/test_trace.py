"""Traces: what is in them, that they change nothing, and the files that they become."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from images import POWER_OFF, hypercall, li, started, write_kernel
from test_linux import linux
from test_linux import pytestmark as pytestmark

from pyspapr import ConfigError, Machine, StateError
from pyspapr.trace.events import (
    CLASSES,
    KINDS,
    FaultTraced,
    HypercallTraced,
    LineTraced,
    RtasTraced,
    SampleTraced,
    SwitchTraced,
)
from pyspapr.trace.trace import Trace, kinds_of

H_READ = 0x0C


def guest() -> Machine:
    """It reads an entry of the hash table, prints a line, and powers off."""
    line = int.from_bytes(b"Hi!\n\0\0\0\0", "big")
    words = [
        *hypercall(H_READ, 0, 5),
        *li(6, line >> 32),
        0x78C607C6,  # sldi r6,r6,32
        *li(3, 0x58),
        *li(4, 0),
        *li(5, 4),
        0x44000022,
        *POWER_OFF,
    ]
    return started(Machine(memory="32M"), *words)


def test_a_trace_has_calls_with_arguments_results_and_counts_and_changes_nothing() -> None:
    plain = guest()
    plain.run()
    vm = guest()
    with vm.trace(*KINDS[:2], "console") as trace:
        vm.run()
    assert (vm.instructions, vm.state_hash()) == (plain.instructions, plain.state_hash())
    read, line, put, rtas, call = trace.events
    assert isinstance(read, HypercallTraced) and (read.name, read.number) == ("H_READ", H_READ)
    assert read.arguments[:2] == (0, 5) and read.results[0] == 0
    assert isinstance(line, LineTraced) and line.text == "Hi!"
    assert isinstance(put, HypercallTraced) and put.name == "H_PUT_TERM_CHAR"
    assert isinstance(rtas, RtasTraced) and rtas.name == "power-off"
    assert isinstance(call, HypercallTraced) and call.number == 0xF000
    counts = [one.instructions for one in trace]
    assert counts == sorted(counts) and read.instructions == 7 and read.nanos >= read.instructions and read.cpu == 0
    assert trace.counts["H_READ"] == 1 and trace.counts["console"] == 1 and trace.total == len(trace) == 5
    assert "5 events" in repr(trace) and not list(vm.hooks)


def test_both_engines_have_the_same_trace() -> None:
    traces = []
    for engine in ("interp", "jit"):
        vm = linux(append="quiet", engine=engine)
        with vm.trace(*(kind for kind in KINDS if kind != "stack"), limit=20_000) as trace:
            vm.run(max_instructions=150_000_000)
        traces.append(trace)
    assert traces[0].total == traces[1].total > 1000 and list(traces[0]) == list(traces[1])


def test_a_boot_of_linux_is_the_same_when_it_is_traced_and_its_counts_are_the_machines(tmp_path: Path) -> None:
    plain = linux(append="quiet pyspapr.shell")
    plain.shell("true")
    vm = linux(append="quiet pyspapr.shell")
    vm.cpus[0].vcpu.set_profiling(True)
    with vm.trace(*(kind for kind in KINDS if kind != "stack")) as trace:
        vm.shell("true")
    assert (vm.instructions, vm.state_hash()) == (plain.instructions, plain.state_hash())
    own = vm.cpus[0].vcpu.profile()
    assert own is not None
    calls = Counter(one.number for one in trace if type(one) is HypercallTraced)
    assert trace.total == len(trace.events)
    there = vm.partition.hypercall_names()  # what the machine does not have is answered H_FUNCTION, and not traced
    assert dict(calls) == {number: count for number, count in own["hypercalls"].items() if number in there}
    assert calls.total() > 1000
    kinds = Counter(one.KIND for one in trace)
    assert set(kinds) == set(KINDS) - {"stack"}
    assert [one.text for one in trace if isinstance(one, LineTraced)] == [
        line.replace("\r", "") for line in vm.console.output.split("\n")[:-1]
    ]
    switches = [one for one in trace if isinstance(one, SwitchTraced)]
    assert all(one.after == other.before for one, other in pairwise(switches))
    assert any(isinstance(one, FaultTraced) and one.address for one in trace)

    trace.write(tmp_path / "trace.json")
    rows = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {row["ph"] for row in rows} == {"M", "i", "X"}
    assert all(row["ts"] >= 0 and {"name", "cat", "pid", "tid", "args"} <= set(row) for row in rows if row["ph"] != "M")
    assert Counter(row["cat"] for row in rows if row["ph"] == "i") == kinds - Counter(context=kinds["context"])
    tasks = [row for row in rows if row["ph"] == "X"]
    assert len(tasks) == len(switches) - 1
    assert all(one["ts"] + one["dur"] == pytest.approx(two["ts"]) for one, two in pairwise(tasks))
    trace.write(tmp_path / "trace.jsonl")
    lines = (tmp_path / "trace.jsonl").read_text().splitlines()
    assert len(lines) == len(trace) and json.loads(lines[0]) == next(iter(trace)).as_json()


def test_stacks_are_taken_at_exact_counts_and_fold() -> None:
    plain = linux(append="quiet pyspapr.shell")
    plain.shell("true")
    vm = linux(append="quiet pyspapr.shell")
    with vm.trace("stack", every=10_000_000) as trace:
        vm.shell("true")
    assert vm.state_hash() == plain.state_hash()
    samples = [one for one in trace if isinstance(one, SampleTraced)]
    assert [one.instructions for one in samples] == [10_000_000 * n for n in range(1, len(samples) + 1)]
    assert len(samples) == vm.instructions // 10_000_000
    rows = [line.rsplit(" ", 1) for line in trace.folded().splitlines()]
    assert sum(int(count) for _, count in rows) == 10_000_000 * len(samples)
    assert any("start_kernel;" in stack for stack, _ in rows) and any(";kthread;" in stack for stack, _ in rows)


def test_a_trace_keeps_the_latest_events_or_gives_each_away() -> None:
    vm = guest()
    given: list[object] = []
    with vm.trace("hcall", limit=1) as trace, vm.trace("hcall", sink=given.append) as other:
        vm.run()
    assert [one.title for one in trace] == ["H_RTAS"] or trace.events[0].KIND == "hcall"
    assert trace.total == 3 and len(trace.events) == 1
    assert len(given) == other.total == 3 and not other.events


def test_events_of_several_processors_are_in_the_order_of_the_machines_count() -> None:
    plain, vm = (linux(append="quiet pyspapr.shell", vcpus=2) for _ in range(2))
    plain.shell("true")
    with vm.trace("hcall", "irq", "context", limit=50_000) as trace:
        vm.shell("true")
    assert (vm.instructions, vm.state_hash()) == (plain.instructions, plain.state_hash())
    counts = [one.instructions for one in trace]
    assert counts == sorted(counts) and {one.cpu for one in trace} == {0, 1} and counts[-1] <= vm.instructions


def test_hooks_on_several_processors_count_the_machines_instructions() -> None:
    vm = linux(append="quiet pyspapr.shell", vcpus=2)
    vm.shell("true")
    found: list[tuple[int, int, int]] = []
    start = vm.instructions
    with vm.hooks.returns(
        "ksys_write", lambda event: found.append((event.cpu.index, event.entered.instructions, event.instructions))
    ):
        vm.shell("for i in 1 2 3 4; do echo $i | cat & done; wait")
    counts = [count for _, _, count in found]
    assert counts == sorted(counts) and start < counts[0] and counts[-1] <= vm.instructions
    assert all(start < entered < count for _, entered, count in found) and {cpu for cpu, _, _ in found} == {0, 1}


def test_what_cannot_be_traced_is_said_by_name(tmp_path: Path) -> None:
    vm = guest()
    for wrong in (("hcalls",), ("hcall", "")):
        with pytest.raises(ConfigError, match="there is no trace of"):
            vm.trace(*wrong)
    with pytest.raises(ConfigError, match=r"^'hcall,irq' is one text: give each kind as an argument, "):
        vm.trace("hcall,irq")
    with pytest.raises(ConfigError, match="there is no trace of 'x'"):
        kinds_of("hcall, x")
    assert kinds_of("hcall, irq,hcall") == ("hcall", "irq")
    for name in ("limit", "every"):
        with pytest.raises(ConfigError, match=f"{name} is -1"):
            vm.trace("hcall", **{name: -1})  # type: ignore[arg-type]
    with pytest.raises(Exception, match="symbols"):
        vm.trace("hcall", "context")
    assert not list(vm.hooks)  # of the kinds before, too
    with vm.trace("hcall") as trace:
        pass
    with pytest.raises(StateError, match="cannot be written"):
        trace.write(tmp_path / "none" / "x.json")
    assert len({one.KIND for one in CLASSES}) == len(CLASSES) and isinstance(trace, Trace)


def test_an_error_of_a_sink_ends_the_run_and_the_machine_runs_on() -> None:
    vm = guest()

    def full(event: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), vm.trace("hcall", sink=full):
        vm.run()
    assert str(vm.run()) == "the guest powered off"


def test_the_command_line_traces_to_standard_error_and_to_files(tmp_path: Path) -> None:
    write_kernel(tmp_path, *hypercall(H_READ, 0, 5), *POWER_OFF)

    def boot(*arguments: str) -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "pyspapr", "boot", "--kernel", "kernel.elf", "--memory", "32M"]
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr.splitlines()

    status, lines = boot("--trace", "hcall,rtas")
    assert status == 0
    assert [json.loads(line)["name"] for line in lines] == ["H_READ", "power-off", "H_RTAS"]
    assert boot("--trace", "hcall", "--trace-file", "t.jsonl") == (0, [])
    written = (tmp_path / "t.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in written] == ["H_READ", "H_RTAS"]
    assert boot("--trace", "hcall", "--trace-file", "t.json") == (0, [])
    assert len(json.loads((tmp_path / "t.json").read_text())["traceEvents"]) == 4
    for arguments, text in (
        (("--trace", "nonsense"), "there is no trace of 'nonsense'; there are hcall"),
        (("--trace-file", "x"), "--trace-file needs --trace"),
        (("--trace", "hcall", "--trace-file", "none/x"), "cannot be written"),
        (("--trace", "hcall", "--lockstep"), "--lockstep cannot be combined with --trace"),
        (("--trace", "context"), "symbols"),
    ):
        status, lines = boot(*arguments)
        assert status == 2 and len(lines) == 1 and text in lines[0], lines
