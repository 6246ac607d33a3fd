"""What a guest that only waits costs the host, in seconds of its processor."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from images import BRANCH_TO_SELF, POWER_OFF, assemble, hypercall, li, rtas, started, write_kernel

from pyspapr import Interrupted, Machine, Matched, PoweredOff, Timeout
from pyspapr.partition.console import FileInput
from pyspapr.partition.idleness import QUIET, QUIET_INTERACTIVE
from pyspapr.results import InstructionLimit

RFID = 0x4C000024
MTDEC_R5 = 0x7CB603A6
WAKE = 1 << 30
"""Ticks between two timers: two seconds."""
REARM = [*li(5, WAKE), MTDEC_R5]
IDLE = [*REARM, *hypercall(0xE0), 0x4BFFFFF0]  # H_CEDE, again and again
LISTEN = [*rtas(0x200A, 0x1100, 0, 5), *hypercall(0x68, 0xFF)]  # the terminal's interrupt, whatever its priority


def idle(vm: Machine, *before: int) -> Machine:
    """It waits for timers that do nothing; a key switches it off."""
    vm.memory.write(0x900, assemble(*REARM, RFID))
    vm.memory.write(0x500, assemble(*POWER_OFF))
    return started(vm, *LISTEN, *before, *IDLE)


def quiet(vm: Machine) -> Machine:
    """It has idled for so long that its timers take the host's time."""
    assert idle(vm).run(timeout=0.3) == Timeout(0.3)
    return vm


def skipped(vm: Machine) -> float:
    """Seconds of the guest's that cost nothing."""
    return vm.cpus[0].vcpu.internal_state()["idle_nanos"] / 1e9


def test_a_guest_that_waits_for_ever_costs_nothing_after_the_first_hour_of_its_time(vm: Machine) -> None:
    quiet(vm)
    assert QUIET - 4 < skipped(vm) < QUIET + 60
    begin = time.process_time()
    assert vm.run(timeout=0.7) == Timeout(0.7)
    assert time.process_time() - begin < 0.2


def test_who_may_type_gives_it_less_time(vm: Machine) -> None:
    vm.console.keeps_open += 1
    assert QUIET_INTERACTIVE - 4 < skipped(quiet(vm)) < QUIET_INTERACTIVE + 60


def test_a_run_of_instructions_skips_everything(vm: Machine) -> None:
    quiet(vm)
    count = vm.instructions
    assert vm.run(max_instructions=100_000, timeout=60) == InstructionLimit(count + 100_000)
    assert skipped(vm) > 3 * QUIET


def test_who_waits_for_a_text_waits_for_no_timer(vm: Machine) -> None:
    quiet(vm)
    hours = skipped(vm) + 20 * QUIET

    @vm.hypercall(0xE0, "H_CEDE", replace=True)
    def cede(vm: Machine, cpu: object) -> int:
        vm.cpus[0].msr |= 1 << 15
        vm.cpus[0].vcpu.halted = True
        if skipped(vm) > hours:
            vm.console.emit(b"late")
        return 0

    assert vm.run(until="late", timeout=60) == Matched("late")


def test_the_guest_cannot_tell(vm: Machine) -> None:
    quiet(vm)
    other = idle(Machine(memory="32M"))
    other.run(max_instructions=vm.instructions)
    assert vm.state_hash() == other.state_hash()


@pytest.mark.parametrize("act", [lambda vm: vm.stop(), lambda vm: vm.console.write("x")], ids=["stop", "type"])
def test_whatever_happens_ends_the_sleep(vm: Machine, act: Callable[[Machine], None]) -> None:
    vm.console.keeps_open += 1
    quiet(vm)
    timer = threading.Timer(0.1, act, (vm,))
    timer.start()
    assert vm.run(timeout=60) in (Interrupted(), PoweredOff())
    timer.join()


def test_input_from_a_pipe_ends_the_sleep(vm: Machine) -> None:
    reader, writer = os.pipe()
    vm.console.source = FileInput(reader)
    quiet(vm)
    os.write(writer, b"x")
    assert vm.run(timeout=60) == PoweredOff()
    os.close(reader)
    os.close(writer)


def test_what_is_printed_gives_it_an_hour_again(vm: Machine) -> None:
    quiet(vm)
    before = skipped(vm)
    vm.console.emit(b"awake")
    vm.run(timeout=0.3)
    assert skipped(vm) > before + QUIET - 4


def seconds_of(command: list[str], seconds: float, stdin: int) -> float:
    """Processor time of a process that is ended after so many seconds of the host's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.terminate()
    process.wait(30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("kind", ["pipe", "end", "socket", "control", "paused"])
def test_a_command_whose_guest_waits_costs_no_processor(kind: str, tmp_path: Path) -> None:
    """Less than half of what it would while it spins, the start included."""
    vm = Machine(memory="32M")
    code = [*LISTEN, *IDLE]
    kernel = write_kernel(tmp_path, *code, BRANCH_TO_SELF)
    vm.load_kernel(kernel)
    vm.memory.write(0x900, assemble(*REARM, RFID))
    vm.save(tmp_path / "idle")
    more = {
        "pipe": [],
        "end": [],
        "socket": ["--console", f"unix:{tmp_path}/console"],
        "control": ["--qmp", f"unix:{tmp_path}/qmp"],
        "paused": ["--qmp", f"unix:{tmp_path}/qmp", "--paused"],
    }[kind]
    reader, writer = os.pipe()
    if kind != "pipe":
        os.close(writer)
    command = [sys.executable, "-m", "pyspapr", "restore", *more, str(tmp_path / "idle")]
    try:
        once = seconds_of([*command, "--timeout", "0.01"], 30, subprocess.DEVNULL)
        assert seconds_of(command, 3, reader) < once + 0.75
    finally:
        os.close(reader)
        if kind == "pipe":
            os.close(writer)
