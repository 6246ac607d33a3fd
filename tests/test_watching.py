"""Watched ranges: who hears of an access before it happens, on each engine at the same instruction."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from images import BASE, started

from pyspapr import ConfigError, InstructionLimit, Interrupted, Machine
from pyspapr._native import WATCH_EXECUTE, WATCH_READ, WATCH_WRITE
from pyspapr.config import ENGINES
from pyspapr.partition.watching import Access

DATA = 0x30000
LD = 0xE88A0000  # ld r4,0(r10)
ADDI = 0x38840001  # addi r4,r4,1
STD = 0xF88A0008  # std r4,8(r10)
BACK = 0x4BFFFFF4  # b .-12
LOOP = (LD, ADDI, STD, BACK)


def looping(vm: Machine) -> Machine:
    started(vm, *LOOP)
    vm.cpus[0].r10 = DATA
    return vm


def test_both_engines_tell_the_same_at_the_same_instruction() -> None:
    def run(engine: Any, watch: bool) -> tuple[list[tuple[object, ...]], str]:
        vm = looping(Machine(memory="32M", engine=engine))
        told: list[tuple[object, ...]] = []

        def heard(access: Access) -> None:
            told.append((vm.instructions, access.kind, access.address, access.size, access.stored))

        if watch:
            vm.partition.watching.add(BASE + 4, 4, WATCH_EXECUTE, heard)
            vm.partition.watching.add(DATA, 16, WATCH_READ | WATCH_WRITE, heard, real=True)
        assert vm.run(max_instructions=4000) == InstructionLimit(4000)
        return told, vm.state_hash()

    first, second = (run(engine, True) for engine in ENGINES)
    assert first == second and len(first[0]) == 3000
    assert first[1] == run(ENGINES[0], False)[1]
    assert first[0][:3] == [
        (0, WATCH_READ, DATA, 8, None),
        (1, WATCH_EXECUTE, BASE + 4, 4, None),
        (2, WATCH_WRITE, DATA + 8, 8, bytes([0, 0, 0, 0, 0, 0, 0, 1])),
    ]


def test_an_error_ends_the_run_before_the_instruction_and_the_next_goes_on_with_it(vm: Machine) -> None:
    looping(vm)
    told: list[str] = []

    def fail(text: str) -> Callable[[Access], None]:
        def heard(access: Access) -> None:
            told.append(text)
            raise KeyError(text)

        return heard

    vm.partition.watching.add(BASE + 4, 4, WATCH_EXECUTE, fail("first"))
    vm.partition.watching.add(BASE + 4, 4, WATCH_EXECUTE, lambda access: told.append("second"))
    vm.partition.watching.add(BASE + 4, 4, WATCH_EXECUTE, fail("third"))
    for count in (1, 5):
        told.clear()
        with pytest.raises(KeyError, match="first") as error:
            vm.run(max_instructions=100)
        assert error.value.__notes__ == ["and then: KeyError('third')"]
        assert told == ["first", "second", "third"] and vm.instructions == count and vm.cpus[0].pc == BASE + 4


def test_whoever_is_told_may_change_all_there_is(vm: Machine) -> None:
    looping(vm)
    watching = vm.partition.watching
    snapshots = []

    def skip(access: Access) -> None:
        snapshots.append(vm.snapshot())
        watched.remove()
        access.cpu.pc = BASE + 12
        watching.add(BASE + 12, 4, WATCH_EXECUTE, stop)

    def stop(access: Access) -> None:
        vm.end(Interrupted())

    watched = watching.add(BASE + 8, 4, WATCH_EXECUTE, skip)
    never = watching.add(BASE + 8, 4, WATCH_EXECUTE, lambda access: pytest.fail("told of what is not executed"))
    assert vm.run(max_instructions=100) == Interrupted()
    assert (vm.instructions, vm.cpus[0].pc, vm.memory.u64(DATA + 8)) == (2, BASE + 12, 0)
    never.remove()
    assert vm.run(max_instructions=100) == Interrupted() and vm.instructions == 6
    # A machine that was made there executes what was only about to be executed.
    fork = snapshots[0].fork()
    assert len(fork.partition.watching) == 0
    assert fork.run(max_instructions=2) == InstructionLimit(4) and fork.memory.u64(DATA + 8) == 1


def test_ranges_of_every_size_come_and_go(vm: Machine) -> None:
    looping(vm)
    watching = vm.partition.watching
    told: list[int] = []
    rows = [
        watching.add(first, length, WATCH_READ, lambda access, n=number: told.append(n))  # type: ignore[misc]
        for number, (first, length) in enumerate([(0, 1 << 64), (DATA - 0x5000, 0x5001), (DATA + 7, 0x100000), (8, 8)])
    ]
    vm.run(max_instructions=1)
    assert told == [0, 1, 2]
    for row in [*rows, *rows]:
        row.remove()
    vm.run(max_instructions=400)
    assert told == [0, 1, 2] and len(watching) == 0


def test_what_cannot_be_watched_is_refused(vm: Machine) -> None:
    for first, length, kinds in [(0, 0, 1), (-1, 4, 1), ((1 << 64) - 1, 2, 1), (0, 4, 0), (0, 4, 8)]:
        with pytest.raises(ConfigError, match="watched"):
            vm.partition.watching.add(first, length, kinds, print)
    assert len(vm.partition.watching) == 0


def test_a_watched_range_does_not_keep_its_machine() -> None:
    vm = looping(Machine(memory="32M"))
    watched = vm.partition.watching.add(BASE, 4, WATCH_EXECUTE, lambda access: None)
    vm.run(max_instructions=8)
    gone = weakref.ref(vm.partition)
    gc.disable()
    try:
        del vm
        assert gone() is None
    finally:
        gc.enable()
    watched.remove()
