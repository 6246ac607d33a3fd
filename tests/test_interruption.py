"""Ctrl-C and errors in the middle of a hypercall: the machine stands between two instructions, whole, and runs on."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from images import BASE, POWER_OFF, hypercall, li, started

from pyspapr import Machine, PoweredOff
from pyspapr.host import interruption
from pyspapr.partition import Partition
from pyspapr.partition.cpu import Cpu

FOREVER = [0x38630001, 0x4BFFFFFC]  # addi r3,r3,1; b .-4
KEEP_RESULT = 0x7C7F1B78  # mr r31,r3
SC_OFFSET = 8


def put(text: str) -> list[int]:
    """Print up to 4 characters."""
    word = int.from_bytes(text.encode().ljust(4, b"\0"), "big")
    return [*li(3, 0x58), *li(4, 0), *li(5, len(text)), *li(6, word), 0x78C607C6, 0x44000022]  # sldi r6,r6,32; sc 1


def ctrl_c(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_within_a_hypercall_does_not_change_what_the_guest_does(vm: Machine) -> None:
    code = [*put("one\n"), KEEP_RESULT, *put("two\n"), *POWER_OFF]
    whole = started(Machine(memory="32M"), *code)
    assert whole.run(timeout=20) == PoweredOff()
    row = vm.hypercalls[0x58]

    @vm.hypercall(0x58, "H_PUT_TERM_CHAR", replace=True)
    def interrupted(machine: Machine, cpu: Cpu, *arguments: int) -> tuple[int, ...]:
        result = row(machine, cpu, arguments)
        ctrl_c()
        return result

    started(vm, *code)
    for text in ("one\n", "one\ntwo\n"):
        with pytest.raises(KeyboardInterrupt):
            vm.run(timeout=20)
        assert vm.console.output == text
    assert vm.run(timeout=20) == PoweredOff()
    assert vm.cpus[0].r31 == 0
    assert vm.state_hash() == whole.state_hash()


def test_ctrl_c_within_the_bookkeeping_of_a_run_leaves_a_machine_that_can_be_run(
    vm: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(vm, *FOREVER)
    with monkeypatch.context() as patched:
        patched.setattr(Partition, "migrating", property(ctrl_c))
        with pytest.raises(KeyboardInterrupt):
            vm.run(max_instructions=10)
    assert not vm.running
    vm.run(max_instructions=10)
    assert vm.instructions == 20


def test_ctrl_c_comes_at_once_where_a_run_only_waits(vm: Machine) -> None:
    started(vm, *FOREVER)
    vm.pause()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        vm.run(timeout=30)
    assert time.monotonic() - begin < 20


def test_ctrl_c_pressed_again_ends_a_handler_that_does_not_return(vm: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "PATIENCE", 0)
    reached = []

    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object) -> int:
        ctrl_c()
        reached.append("once")
        ctrl_c()
        reached.append("twice")
        return 0

    with pytest.raises(KeyboardInterrupt):
        started(vm, *hypercall(0xF100), *POWER_OFF).run(timeout=20)
    assert reached == ["once"]


@pytest.mark.parametrize("pressed", ["before", "within"])
def test_ctrl_c_ends_a_run_within_a_run_and_through_it_the_outer_one(vm: Machine, pressed: str) -> None:
    inner = started(Machine(memory="32M"), *FOREVER)
    calls = []

    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object) -> int:
        calls.append(signal.getsignal(signal.SIGINT))
        if len(calls) == 1:
            if pressed == "before":
                ctrl_c()
            else:
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            inner.run(timeout=30)
        else:
            inner.run(max_instructions=10)
            calls.append(signal.getsignal(signal.SIGINT))
        return 0

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        started(vm, *hypercall(0xF100), *POWER_OFF).run(timeout=60)
    assert time.monotonic() - begin < 20
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    # Both go on, and the outer run has Ctrl-C again when the inner one is over.
    assert vm.run(timeout=20) == PoweredOff()
    assert len(calls) == 3 and calls[1] == calls[2] != signal.default_int_handler


def test_a_run_leaves_a_signal_handler_as_it_was(vm: Machine) -> None:
    seen = []
    vm.console.sinks.append(lambda _: seen.append(signal.getsignal(signal.SIGINT)))
    before = signal.signal(signal.SIGINT, own := lambda *_: None)
    try:
        started(vm, *put("one\n"), *POWER_OFF).run(timeout=20)
        assert seen == [own] == [signal.getsignal(signal.SIGINT)]
    finally:
        signal.signal(signal.SIGINT, before)
    started(vm, *put("one\n"), *POWER_OFF).run(timeout=20)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("error", [ValueError, TimeoutError, KeyboardInterrupt, SystemExit])
def test_a_hypercall_whose_handler_raised_is_made_again(vm: Machine, error: type[BaseException]) -> None:
    calls = []

    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object, value: int) -> int:
        calls.append(value)
        if len(calls) == 1:
            raise error("for the caller")
        return 5

    started(vm, *hypercall(0xF100, 7), KEEP_RESULT, *POWER_OFF)
    with pytest.raises(error):
        vm.run(timeout=20)
    assert vm.cpus[0].pc == BASE + SC_OFFSET + 8 and vm.cpus[0].r3 == 0xF100
    copy = vm.snapshot(lambda other: other.hypercalls.update(vm.hypercalls)).fork()
    for machine in (vm, copy):
        assert machine.run(timeout=20) == PoweredOff()
        assert machine.cpus[0].r31 == 5
    assert calls == [7, 7, 7]


def test_a_guest_that_was_put_to_sleep_by_a_call_that_failed_is_awake(vm: Machine) -> None:
    @vm.hypercall(0xE0, "H_CEDE", replace=True)
    def cede(machine: Machine, cpu: object) -> int:
        machine.cpus[0].vcpu.halted = True
        raise ValueError("half done")

    started(vm, *hypercall(0xE0), *POWER_OFF)
    with pytest.raises(ValueError, match="half done"):
        vm.run(timeout=20)
    vm.hypercall(0xE0, "H_CEDE", replace=True)(lambda machine, cpu: 0)
    assert vm.run(timeout=20) == PoweredOff()


def test_a_machine_that_is_started_anew_owes_no_answer(vm: Machine) -> None:
    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object) -> int:
        raise ValueError("never")

    with pytest.raises(ValueError, match="never"):
        started(vm, *hypercall(0xF100)).run(timeout=20)
    assert started(vm, *POWER_OFF).run(timeout=20) == PoweredOff()
