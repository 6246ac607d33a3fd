"""Hooks in Debian's kernel: what a shell command does there, seen from outside, without a difference for the guest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from test_linux import linux, pytestmark  # noqa: F401

from pyspapr import Machine
from pyspapr._native import WATCH_EXECUTE
from pyspapr.hooks.events import CodeEvent, LineEvent, ReturnEvent, SwitchEvent

COMMAND = "cat /proc/version /nonexistent"


@pytest.fixture(scope="module")
def booted() -> Iterator[Any]:
    with linux(append="quiet pyspapr.shell") as vm:
        assert vm.shell("true").status == 0
        yield vm.snapshot()


@pytest.fixture
def vm(booted: Any) -> Machine:
    machine: Machine = booted.fork()
    return machine


def test_a_command_is_seen_from_within_and_runs_as_without(vm: Machine, booted: Any) -> None:
    seen: Counter[str] = Counter()
    opened: dict[str, int] = {}
    lines: list[str] = []
    paths: list[str] = []

    def opens(event: CodeEvent) -> None:
        paths.append(event.vm.virtual.cstring(event.arguments[1]))

    def returns(event: ReturnEvent) -> None:
        opened[paths[-1]] = event.value - (event.value >> 63 << 64)

    def switches(event: SwitchEvent) -> None:
        assert event.before >> 60 == event.after >> 60 == 0xC and event.before != event.after
        seen["switch"] += 1

    def prints(event: LineEvent) -> None:
        lines.append(event.line)

    vm.hooks.entry("do_sys_openat2", opens)
    vm.hooks.returns("do_sys_openat2", returns)
    vm.hooks.context_switch(switches)
    vm.hooks.hypercall("H_ENTER", lambda event: seen.update(["enter"]))
    vm.hooks.interrupt(0xC00, lambda event: seen.update(["call"]))
    names = (vm.debug.facts or {})["SYMBOL(init_uts_ns)"]
    vm.hooks.reads(names, lambda event: seen.update(["read"]), length=400)
    vm.hooks.console_line("Linux version", prints)
    result = vm.shell(COMMAND)
    assert opened["/proc/version"] >= 3 and opened["/nonexistent"] == -2
    assert lines == [result.output.splitlines()[0]]
    assert all(seen[what] > 5 for what in ("switch", "enter", "call", "read"))

    plain = booted.fork()
    assert plain.shell(COMMAND) == result
    assert (plain.instructions, plain.state_hash()) == (vm.instructions, vm.state_hash())


def test_a_kernel_copes_with_groups_that_are_full_in_the_same_way_each_time(booted: Any) -> None:
    def run() -> tuple[str, list[object], str]:
        vm: Machine = booted.fork()
        with vm.inject(hcall="H_ENTER", returns="H_PTEG_FULL", every=7, seed=3) as injection:
            result = vm.shell(COMMAND + "; for n in 1 2 3 4; do ls /proc > /dev/null; done")
        assert not vm.log.warnings
        return result.output, list(injection.log), vm.state_hash()

    first, second = run(), run()
    assert first == second and len(first[1]) > 20 and "Linux version" in first[0]


def test_the_sanitizer_finds_nothing_in_a_kernel_that_does_well(booted: Any) -> None:
    vm: Machine = booted.fork()
    with vm.sanitize() as sanitizer:
        result = vm.shell(COMMAND + "; ls -lR /proc/1 > /dev/null 2>&1")
    assert sanitizer.findings == []
    plain = booted.fork()
    assert plain.shell(COMMAND + "; ls -lR /proc/1 > /dev/null 2>&1") == result
    assert plain.state_hash() == vm.state_hash()


def test_a_thousand_hooks_that_are_never_reached_change_no_count_and_drop_no_code(vm: Machine, booted: Any) -> None:
    functions = [address for name, address in vm.debug.symbols.items() if name.startswith("xfs_")][:100]
    # Others are in the pages of code that runs, where no instruction is executed.
    functions += [0xC0000000_00000000 + 0x1004 * n + 0xE000000 for n in range(1000 - len(functions))]
    vm.shell(COMMAND)
    plain = booted.fork()
    plain.shell(COMMAND)
    for address in functions:
        vm.partition.watching.add(address, 4, WATCH_EXECUTE, lambda access: pytest.fail(f"reached {access.address:#x}"))
    code = [machine.cpus[0].vcpu.code_bytes for machine in (vm, plain)]
    assert code[0] == code[1]
    for machine in (vm, plain):
        machine.shell(COMMAND)
    assert (plain.instructions, plain.state_hash()) == (vm.instructions, vm.state_hash())
    # Decoded again is what was linked anew alone.
    decoded = [machine.cpus[0].vcpu.code_bytes[0] for machine in (vm, plain)]
    assert decoded[0] == decoded[1]
