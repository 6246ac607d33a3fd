"""`os.fork()` of a process that has machines, as test runners do it."""

from __future__ import annotations

import os
import random
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from images import assemble

from pyspapr import Machine, PoweredOff
from pyspapr._native import Hpt, Ram, Vcpu

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def child(function: Callable[[], bool]) -> int:
    """Fork, and call `function` there; its process. The status is 0 if it was true."""
    with warnings.catch_warnings():
        if pid := os.fork():
            return pid
    try:
        os._exit(0 if function() else 1)
    except BaseException:
        os._exit(2)


def status(pid: int) -> int:
    """What a child ended with."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_runs_a_copy_of_the_machine(demo_guest: Path) -> None:
    vm = Machine(memory="64M")
    vm.load_kernel(demo_guest, append="rounds=3")
    vm.run(max_instructions=3_000_000)
    before = vm.state_hash()
    frozen = vm.snapshot()
    straight = frozen.fork()
    assert straight.run(timeout=60) == PoweredOff()

    def go_on() -> bool:
        return vm.run(timeout=60) == PoweredOff() and vm.state_hash() == straight.state_hash()

    other = Machine(memory="64M")
    other.memory.write(0x5000, b"parent")

    def write() -> bool:
        other.memory.write(0x5000, b"child")
        return bytes(other.memory[0x5000:0x5005]) == b"child"

    assert status(child(go_on)) == 0
    assert status(child(write)) == 0
    assert vm.state_hash() == before
    assert bytes(other.memory[0x5000:0x5006]) == b"parent"
    assert go_on()
    assert frozen.fork().state_hash() == before


def programs(seed: int) -> Iterator[bytes]:
    """Loops that nobody has compiled yet."""
    rng = random.Random(seed)
    while True:
        work = [0x38630000 | rng.randrange(0x8000) for _ in range(60)]  # addi r3,r3,n
        yield assemble(*work, 0x4200FF10, 0x48000000)  # bdnz to the start; b .


def compile_anew(seed: int, times: int, until: threading.Event | None = None) -> bool:
    """Run programs that are compiled."""
    ram = Ram(1 << 20)
    vcpu = Vcpu(ram, Hpt(18), "power8")
    for number, program in zip(range(times), programs(seed), strict=False):
        address = 0x10000 + number % 50 * 0x1000
        ram.write(address, program)
        vcpu.set("pc", address)
        vcpu.set("ctr", 20)
        vcpu.run(1500)
        if until is not None and until.is_set():
            break
    return True


def test_a_child_compiles_whatever_other_threads_were_doing() -> None:
    over = threading.Event()
    thread = threading.Thread(target=compile_anew, args=(1, 1 << 30, over))
    thread.start()
    try:
        assert [status(child(lambda: compile_anew(2, 20))) for _ in range(60)] == [0] * 60
    finally:
        over.set()
        thread.join()
