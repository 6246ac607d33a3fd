"""Pausing, resuming and working on a machine from other threads while one thread runs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from images import BRANCH_TO_SELF, POWER_OFF, hypercall, li, rtas, started, write_kernel

from pyspapr import Interrupted, Machine, PoweredOff, Rebooted, StateError, StopReason
from pyspapr.cli.runner import Runner
from pyspapr.partition.runstate import Events, Status

COUNT_FOREVER = [*li(5, 0), 0x38A50001, 0x4BFFFFFC]  # 1: addi r5,r5,1; b 1b
SLEEP = [*hypercall(0xE0), 0x4BFFFFF0]  # H_CEDE, again and again


@contextmanager
def running(vm: Machine) -> Iterator[list[StopReason]]:
    """The machine runs in a thread of its own while the context lasts."""
    reasons: list[StopReason] = []
    thread = threading.Thread(target=lambda: reasons.append(vm.run(timeout=60)))
    thread.start()
    while not vm.running and not reasons:
        time.sleep(0.001)
    try:
        yield reasons
    finally:
        vm.stop()
        thread.join(30)
        assert not thread.is_alive()


def test_a_call_is_carried_out_by_the_thread_that_runs_the_machine(vm: Machine) -> None:
    """And its result comes back."""
    started(vm, *COUNT_FOREVER)
    with running(vm):
        assert vm.call(threading.get_ident) != threading.get_ident()
        while vm.call(lambda: vm.cpus[0]["r5"]) == 0:  # the first call may come before the first instruction
            time.sleep(0.001)
    assert vm.call(threading.get_ident) == threading.get_ident()


def test_an_error_in_a_call_goes_to_its_caller_and_the_guest_runs_on(vm: Machine) -> None:
    """Of any kind."""
    started(vm, *COUNT_FOREVER)
    with running(vm) as reasons:
        with pytest.raises(ZeroDivisionError):
            vm.call(lambda: 1 // 0)
        assert vm.status == Status.RUNNING
    assert reasons == [Interrupted()]


def test_an_idle_guest_with_host_time_wakes_for_a_call() -> None:
    """It would sleep until its decrementer's deadline otherwise."""
    vm = Machine(memory="32M", clock="host")
    started(vm, *SLEEP)
    vm.console.keeps_open += 1
    with running(vm):
        begin = time.monotonic()
        for _ in range(20):
            vm.call(lambda: None)
        assert time.monotonic() - begin < 5


def test_a_paused_guest_runs_no_instruction_and_still_answers_calls(vm: Machine) -> None:
    """And goes on where it was."""
    started(vm, *COUNT_FOREVER)
    with running(vm):
        vm.pause()
        assert vm.status == Status.PAUSED
        before = vm.call(lambda: vm.instructions)
        time.sleep(0.05)
        assert vm.call(lambda: vm.instructions) == before
        vm.resume()
        assert vm.status == Status.RUNNING
        time.sleep(0.05)
        assert vm.call(lambda: vm.instructions) > before


def test_a_machine_paused_before_its_run_has_not_been_launched(vm: Machine) -> None:
    """`boot --paused` does this."""
    started(vm, *POWER_OFF)
    assert vm.status == Status.PRELAUNCH
    vm.pause()
    with running(vm) as reasons:
        time.sleep(0.02)
        assert vm.status == Status.PRELAUNCH
        vm.resume()
        while not reasons:
            time.sleep(0.001)
    assert reasons == [PoweredOff()]
    assert vm.status == Status.SHUTDOWN


def test_a_machine_resumed_before_its_awaited_run_has_begun_is_said_to_run() -> None:
    """A control socket is open before the command line's thread is in `run`."""
    vm = started(Machine(memory="32M"), BRANCH_TO_SELF)
    Runner(vm, paused=True)
    assert vm.status == Status.PRELAUNCH
    vm.resume()
    assert vm.status == Status.RUNNING
    vm.pause()
    assert vm.status == Status.PRELAUNCH


def test_a_pause_leaves_no_trace_in_a_machine_with_virtual_time(vm: Machine) -> None:
    """The state hash is that of a run that never stopped."""
    other = started(Machine(memory="32M"), *COUNT_FOREVER)
    started(vm, *COUNT_FOREVER)
    other.run(max_instructions=2000)
    vm.run(max_instructions=777)
    vm.pause()
    vm.resume()
    vm.run(max_instructions=1223)
    assert vm.state_hash() == other.state_hash()


def test_events_tell_what_happened_and_by_whose_will(vm: Machine, tmp_path: Path) -> None:
    """In QEMU's words."""
    heard: list[tuple[str, dict[str, object]]] = []
    unsubscribe = vm.events.subscribe(lambda name, data: heard.append((name, data)))
    vm.load_kernel(write_kernel(tmp_path, *rtas(0x201F, 0x8000)))
    vm.pause()
    vm.pause()
    vm.resume()
    vm.reboot()
    vm.run()
    vm.load_kernel(write_kernel(tmp_path, *rtas(0x2004)))
    assert vm.run() == Rebooted()
    vm.reboot()
    vm.load_kernel(write_kernel(tmp_path, *POWER_OFF))
    vm.run()
    unsubscribe()
    vm.reboot()
    assert heard == [
        ("STOP", {}),
        ("RESUME", {}),
        ("RESET", {"guest": False, "reason": "host-qmp-system-reset"}),
        ("GUEST_PANICKED", {"action": "pause"}),
        ("RESET", {"guest": True, "reason": "guest-reset"}),
        ("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}),
    ]


def test_a_guest_that_ended_cannot_be_resumed_only_reset(vm: Machine, tmp_path: Path) -> None:
    """As QEMU has it."""
    vm.load_kernel(write_kernel(tmp_path, *POWER_OFF))
    vm.run()
    with pytest.raises(StateError, match="powered off; it can only be reset"):
        vm.resume()
    vm.reboot()
    assert vm.status == Status.PRELAUNCH


def test_a_machine_is_run_by_one_thread_and_not_by_a_call(vm: Machine) -> None:
    """Both are refused with a sentence."""
    started(vm, *[BRANCH_TO_SELF])
    with pytest.raises(StateError, match="submitted"):
        vm.call(vm.run)
    started(vm, *COUNT_FOREVER)
    with running(vm), pytest.raises(StateError, match="already"):
        vm.run()


def test_events_that_are_held_are_told_in_their_order_and_none_is_lost() -> None:
    events = Events()
    told: list[tuple[str, dict[str, object]]] = []
    events.subscribe(lambda name, data: told.append((name, data)))
    events.release()
    events.emit("A")
    events.hold()
    events.hold()
    events.emit("B", one=1)
    events.emit("C")
    assert told == [("A", {})]
    events.release()
    events.emit("D")
    assert told == [("A", {}), ("B", {"one": 1}), ("C", {}), ("D", {})]
