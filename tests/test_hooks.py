"""Hooks: functions that are called where a guest comes by, on each engine at the same instruction."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from images import BASE, POWER_OFF, hypercall, li, rtas, started

from pyspapr import ConfigError, InstructionLimit, Interrupted, Machine, PoweredOff, StateError
from pyspapr.codes import H_PARAMETER, H_SUCCESS
from pyspapr.config import ENGINES
from pyspapr.hooks.events import CallEvent, CodeEvent, MemoryEvent, ReturnEvent

FUNCTION = BASE + 0x20
STACK = 0x40000
CODE = [
    0x38600003,  # again: li r3,3
    0x4800001D,  # bl function
    0x4BFFFFF8,  # b again
    *[0x60000000] * 5,
    0x7C0802A6,  # function: mflr r0
    0x2C030000,  # cmpwi r3,0
    0x4D820020,  # beqlr
    0xF8010010,  # std r0,16(r1)
    0xF821FFE1,  # stdu r1,-32(r1)
    0x3863FFFF,  # addi r3,r3,-1
    0x4BFFFFE9,  # bl function
    0x38630001,  # addi r3,r3,1
    0x38210020,  # addi r1,r1,32
    0xE8010010,  # ld r0,16(r1)
    0x7C0803A6,  # mtlr r0
    0x4E800020,  # blr
]
"""A function that calls itself as often as its argument says, and returns that."""
ROUND = 3 + 3 * 12 + 3
"""Instructions of one turn of the loop."""


def calling(vm: Machine) -> Machine:
    started(vm, *CODE)
    vm.cpus[0].r1 = STACK
    return vm


@pytest.fixture
def calls(vm: Machine) -> Machine:
    return calling(vm)


def on_both(run: Callable[[Machine], Any]) -> Any:
    """What `run` returns, for a machine on each engine: the same."""
    first, second = (run(Machine(memory="32M", engine=engine)) for engine in ENGINES)
    assert first == second
    return first


# Code.


def test_every_hook_acts_on_both_engines_at_the_same_count_and_the_guest_cannot_tell() -> None:
    def run(vm: Machine, hooked: bool) -> tuple[list[tuple[object, ...]], str]:
        calling(vm)
        seen: list[tuple[object, ...]] = []
        if hooked:
            vm.hooks.at(BASE + 4, lambda event: seen.append(("at", event.instructions, event.address)))
            vm.hooks.at(BASE + 8, lambda event: seen.append(("real", event.instructions, event.address)), real=True)
            vm.hooks.entry(FUNCTION, lambda event: seen.append(("entry", event.instructions, event.arguments[0])))
            vm.hooks.returns(FUNCTION, lambda event: seen.append(("return", event.instructions, event.value)))
            vm.hooks.writes(STACK, lambda event: seen.append(("write", event.instructions, event.old, event.new)))
            vm.hooks.reads(STACK + 16, lambda event: seen.append(("read", event.instructions, event.target)))
            vm.hooks.at_count(777, lambda event: seen.append(("count", event.instructions)))
        assert vm.run(max_instructions=40 * ROUND) == InstructionLimit(40 * ROUND)
        return seen, vm.state_hash()

    seen, state = on_both(lambda vm: run(vm, True))
    assert state == on_both(lambda vm: run(vm, False))[1]
    kinds = [row[0] for row in seen]
    expected = {"at": 40, "real": 40, "entry": 160, "return": 160, "write": 0, "read": 40, "count": 1}
    assert {kind: kinds.count(kind) for kind in expected} == expected
    assert ("count", 777) in seen and ("read", ROUND - 4, STACK + 16) in seen
    assert [row for row in seen if row[0] == "return"][:4] == [
        ("return", 3 + 2 + 3 * 7 + 1 - 1, 0),
        ("return", 3 + 2 + 3 * 7 + 1 + 4, 1),
        ("return", 3 + 2 + 3 * 7 + 1 + 9, 2),
        ("return", 3 + 2 + 3 * 7 + 1 + 14, 3),
    ]


def test_returns_know_their_calls_also_of_a_function_that_calls_itself(calls: Machine) -> None:
    seen: list[tuple[int, int, bool]] = []

    def returned(event: ReturnEvent) -> None:
        seen.append((event.entered.arguments[0], event.value, event.entered.instructions < event.instructions))
        if event.value == 3:
            event.value = 77

    with calls.hooks.returns(FUNCTION, returned):
        calls.run(max_instructions=2 * ROUND)
    assert seen == [(n, n, True) for n in range(4)] * 2 and calls.cpus[0].r3 == 77
    assert len(calls.hooks) == 0 and len(calls.partition.watching) == 0
    calls.run(max_instructions=ROUND)
    assert len(seen) == 8


def test_a_function_is_skipped_and_gets_other_arguments(calls: Machine) -> None:
    def entered(event: CodeEvent) -> None:
        if event.arguments[0] == 3:
            event.set_argument(0, 9)
        if event.arguments[0] == 5:
            event.skip(-1)

    calls.hooks.entry(FUNCTION, entered)
    values: list[int] = []
    calls.hooks.at(BASE + 8, lambda event: values.append(event.cpu.r3))
    calls.run(max_instructions=200)
    assert set(values) == {3}  # -1 + 4


def test_a_function_is_entered_behind_what_sets_its_toc(vm: Machine) -> None:
    toc = [0x3C4C0001, 0x38420000]  # addis r2,r12,1; addi r2,r2,0
    # bl behind; bl before; b .
    started(vm, 0x48000000 | 0x28 | 1, 0x48000000 | 0x1C | 1, 0x48000000, *[0x60000000] * 5, *toc, 0x4E800020)
    seen: list[int] = []
    vm.hooks.entry(FUNCTION, lambda event: seen.append(event.address))
    vm.run(max_instructions=6)
    assert seen == [FUNCTION + 8] * 2


def test_an_error_comes_out_of_run_and_the_machine_goes_on(calls: Machine) -> None:
    def fail(event: CodeEvent) -> None:
        raise LookupError(event.arguments[0])

    hook = calls.hooks.entry(FUNCTION, fail)
    for value in (3, 2, 1, 0, 3):
        with pytest.raises(LookupError, match=str(value)):
            calls.run(timeout=20)
        assert calls.cpus[0].pc == FUNCTION and calls.cpus[0].r3 == value
    hook.remove()
    plain = calling(Machine(memory="32M"))
    total = calls.instructions + 100
    calls.run(max_instructions=100)
    plain.run(max_instructions=total)
    assert calls.state_hash() == plain.state_hash()


def test_hooks_are_removed_within_themselves_and_others_then_are_not_called(calls: Machine) -> None:
    seen: list[str] = []

    def once(event: CodeEvent) -> None:
        seen.append("once")
        first.remove()
        first.remove()
        second.remove()
        calls.hooks.at(BASE + 8, lambda event: seen.append("later"))

    first = calls.hooks.at(BASE + 4, once)
    second = calls.hooks.at(BASE + 4, lambda event: seen.append("never"))
    assert [repr(hook) for hook in calls.hooks] == ["<Hook 0x10004>"] * 2
    calls.run(max_instructions=2 * ROUND)
    assert seen == ["once", "later", "later"] and first.removed and repr(first) == "<Hook 0x10004, removed>"
    calls.hooks.clear()
    calls.run(max_instructions=2 * ROUND)
    assert len(seen) == 3


def test_a_run_ends_and_a_snapshot_is_taken_in_a_hook(calls: Machine) -> None:
    taken = []

    def stop(event: CodeEvent) -> None:
        taken.append(event.vm.snapshot())
        event.vm.end(Interrupted())

    calls.hooks.entry(FUNCTION, stop)
    assert calls.run(timeout=20) == Interrupted() and calls.instructions == 2
    fork = taken[0].fork()
    assert len(fork.hooks) == 0 and fork.state_hash() == calls.state_hash()
    assert fork.run(max_instructions=100) == InstructionLimit(102)
    calls.hooks.clear()
    calls.run(max_instructions=100)
    assert fork.state_hash() == calls.state_hash()


def test_hooks_are_given_to_forks_and_restored_machines_by_prepare(calls: Machine, tmp_path: Path) -> None:
    seen: list[Machine] = []

    def prepare(machine: Machine) -> None:
        machine.hooks.at(BASE, lambda event: seen.append(event.vm))

    calls.save(tmp_path / "saved")
    machines = [calls.snapshot(prepare).fork(), Machine.restore(tmp_path / "saved", prepare=prepare)]
    for machine in machines:
        machine.run(max_instructions=1)
    assert seen == machines


# Memory.


def test_a_store_is_seen_with_what_was_there_and_what_comes(vm: Machine) -> None:
    code = [*li(10, 0x30000), *li(4, 0x11223344), 0x908A0000, 0x988A0001, 0x7C0057EC, *POWER_OFF]  # stw, stb, dcbz
    started(vm, *code)
    seen: list[tuple[object, ...]] = []

    def stored(event: MemoryEvent) -> None:
        seen.append((event.writes, event.size, event.old, event.new, event.number(event.new)))

    vm.hooks.writes(0x30000, stored, length=4, real=True)
    assert vm.run(timeout=20) == PoweredOff()
    word = bytes.fromhex("11223344")
    assert seen == [
        (True, 4, bytes(4), word, 0x11223344),
        (True, 1, b"\x22", b"\x44", 0x44),
        (True, 128, bytes.fromhex("11443344") + bytes(124), bytes(128), 0),
    ]


# Calls.


def test_a_hypercall_is_seen_changed_and_answered(vm: Machine) -> None:
    vm.hypercall(0xF100, "H_NOTE")(lambda machine, cpu, a, b: (H_SUCCESS, a + b))
    seen: list[object] = []

    def before(event: CallEvent) -> None:
        seen.append((event.name, event.number, event.arguments[:2], event.results))
        event.arguments[0] = 100

    def after(event: CallEvent) -> None:
        seen.append(event.results)
        event.answer(H_SUCCESS, 5)

    with vm.hooks.hypercall("H_NOTE", before, after):
        started(vm, *hypercall(0xF100, 7, 8), 0x60000000).run(max_instructions=len(hypercall(0xF100, 7, 8)), timeout=20)
    assert seen == [("H_NOTE", 0xF100, [7, 8], None), (H_SUCCESS, 108)]
    assert (vm.cpus[0].r3, vm.cpus[0].r4) == (0, 5)
    with vm.hooks.hypercall(0xF100, lambda event: event.answer(H_PARAMETER)):
        started(vm, *hypercall(0xF100, 7, 8), 0x60000000).run(max_instructions=len(hypercall(0xF100, 7, 8)), timeout=20)
    assert vm.cpus[0].r3 == H_PARAMETER & (1 << 64) - 1


ENTER = hypercall(0x08, 0, 0)
V, R = 0x1001, 0x5190


def entering(vm: Machine) -> Machine:
    """A guest that enters an entry twice and reads it."""
    words = [*li(6, V), *li(7, R)]
    return started(vm, *[*ENTER[:-1], *words, ENTER[-1]] * 2, *POWER_OFF)


def test_a_native_hypercall_is_seen_and_is_native_again_afterwards() -> None:
    def run(vm: Machine, hooked: bool) -> tuple[list[object], str, int]:
        entering(vm)
        native = vm.cpus[0].vcpu.native_hypercalls()
        seen: list[object] = []
        if hooked:
            before = vm.hooks.hypercall("H_ENTER", lambda event: seen.append(event.arguments[1:4]))
            with vm.hooks.hypercall("H_ENTER", after=lambda event: seen.append((event.instructions, event.results))):
                assert 0x08 not in vm.cpus[0].vcpu.native_hypercalls()
                assert vm.run(timeout=20) == PoweredOff()
            before.remove()
        else:
            assert vm.run(timeout=20) == PoweredOff()
        assert vm.cpus[0].vcpu.native_hypercalls() == native
        return seen, vm.state_hash(), vm.instructions

    seen, *rest = on_both(lambda vm: run(vm, True))
    assert rest == list(on_both(lambda vm: run(vm, False))[1:])
    assert seen == [[0, V, R], (11, (H_SUCCESS, 0)), [0, V, R], (22, (H_SUCCESS, 1))]


def test_an_error_before_a_call_repeats_it_and_one_after_it_does_not(vm: Machine) -> None:
    entering(vm)
    seen: list[str] = []

    def fail(what: str) -> Callable[[CallEvent], None]:
        def called(event: CallEvent) -> None:
            seen.append(what)
            raise LookupError(what)

        return called

    with vm.hooks.hypercall("H_ENTER", before=fail("before")):
        for _ in range(2):
            with pytest.raises(LookupError, match="before"):
                vm.run(timeout=20)
            assert vm.hpt.valid_entries() == 0
    with vm.hooks.hypercall("H_ENTER", after=fail("after")):
        for count in (1, 2):
            with pytest.raises(LookupError, match="after"):
                vm.run(timeout=20)
            assert vm.hpt.valid_entries() == count
        assert vm.run(timeout=20) == PoweredOff()
    assert seen == ["before"] * 2 + ["after"] * 2


def test_what_is_no_answer_and_no_argument_is_refused(vm: Machine) -> None:
    wrong: list[Callable[[CallEvent], object]] = [
        lambda event: event.answer(),
        lambda event: event.answer(1 << 64),
        lambda event: event.arguments.__setitem__(0, -1),
    ]
    for before in wrong:
        entering(vm)
        with vm.hooks.hypercall("H_ENTER", before), pytest.raises((TypeError, ValueError), match="H_ENTER"):
            vm.run(timeout=20)
        assert vm.run(timeout=20) == PoweredOff()
    with pytest.raises(KeyError, match="no hypercall 'H_NONE'"):
        vm.hooks.hypercall("H_NONE", print)
    with pytest.raises(TypeError, match="before it, or for after it"):
        vm.hooks.hypercall("H_ENTER")


def test_a_handler_of_a_call_can_neither_save_nor_run_the_machine(vm: Machine) -> None:
    def save(event: CallEvent) -> None:
        with pytest.raises(StateError):
            event.vm.snapshot()
        with pytest.raises(StateError):
            event.vm.run()

    with vm.hooks.hypercall("H_ENTER", save, save):
        assert entering(vm).run(timeout=20) == PoweredOff()


def test_an_rtas_call_is_seen_changed_and_answered(vm: Machine) -> None:
    seen: list[object] = []
    display = rtas(0x2000, 65)
    with vm.hooks.rtas("display-character", after=lambda event: seen.append((event.name, event.results))):
        started(vm, *display, *display, *POWER_OFF).run(timeout=20)
    with vm.hooks.rtas(0x2000, lambda event: event.arguments.__setitem__(0, 66)):
        started(vm, *display, *POWER_OFF).run(timeout=20)
    with vm.hooks.rtas("display-character", lambda event: event.answer(-2)):
        started(vm, *display, *POWER_OFF).run(timeout=20)
    assert seen == [("display-character", (0,))] * 2 and vm.console.output == "AAB"
    with pytest.raises(KeyError, match="no RTAS call 'none'"):
        vm.hooks.rtas("none", print)

    def fail(event: CallEvent) -> None:
        raise LookupError("after")

    with vm.hooks.rtas("display-character", after=fail):
        started(vm, *display, *POWER_OFF)
        with pytest.raises(LookupError, match="after"):
            vm.run(timeout=20)
        assert vm.run(timeout=20) == PoweredOff() and vm.console.output == "AABA"


# Interrupts, lines, and what cannot be hooked.


def test_an_interrupt_is_seen_before_its_first_instruction(vm: Machine) -> None:
    vm.memory.write(0xC00, bytes.fromhex("4c000024"))  # rfid
    started(vm, *li(4, 7), 0x44000002, 0x44000002, *POWER_OFF)  # sc
    seen: list[tuple[object, ...]] = []
    vm.hooks.interrupt(0xC00, lambda event: seen.append((event.name, event.instructions, event.interrupted)))
    vm.run(timeout=20)
    assert seen == [("system call", 3, BASE + 12), ("system call", 5, BASE + 16)]
    with pytest.raises(ConfigError, match="no interrupt has the vector 0x123"):
        vm.hooks.interrupt(0x123, print)


def printing(*lines: bytes) -> list[int]:
    words = []
    for line in lines:
        padded = line.ljust(8, b"\0")
        high, low = int.from_bytes(padded[:4], "big"), int.from_bytes(padded[4:8], "big")
        words += [*li(3, 0x58), *li(4, 0), *li(5, len(line)), *li(6, high), 0x78C607C6, *li(7, low), 0x7CC63B78]
        words += [0x44000022]  # sldi r6,r6,32; or r6,r6,r7
    return words


def test_a_line_is_seen_in_the_hypercall_that_prints_its_end() -> None:
    def run(vm: Machine) -> list[tuple[object, ...]]:
        seen: list[tuple[object, ...]] = []
        started(vm, *printing(b"one\r\ntw", b"o", b"\nthr", b"ee\nfou"), *POWER_OFF)
        vm.hooks.console_line("", lambda event: seen.append((event.instructions, event.line)))
        vm.hooks.console_line(re.compile("t(.)"), lambda event: seen.append((event.match and event.match[1],)))
        assert vm.run(timeout=20) == PoweredOff()
        return seen

    each = len(printing(b""))
    assert on_both(run) == [(each, "one"), (3 * each, "two"), ("w",), (4 * each, "three"), ("h",)]


def test_an_error_at_a_line_ends_the_run_behind_the_hypercall(vm: Machine) -> None:
    def fail(event: object) -> None:
        raise LookupError("line")

    started(vm, *printing(b"one\n", b"two\n"), *POWER_OFF)
    hook = vm.hooks.console_line("one", fail)
    with pytest.raises(LookupError, match="line"):
        vm.run(timeout=20)
    assert vm.console.output == "one\n"
    hook.remove()
    assert vm.run(timeout=20) == PoweredOff() and vm.console.output == "one\ntwo\n"
    assert not vm.console.sinks and not vm.partition.unbuffered
    with pytest.raises(TypeError, match="lines are sought"):
        vm.hooks.console_line(re.compile(b"x"), fail)  # type: ignore[arg-type]


def test_what_is_no_place_is_refused(calls: Machine) -> None:
    with pytest.raises(ConfigError, match="no instruction is at 0x10002"):
        calls.hooks.at(BASE + 2, print)
    with pytest.raises(ConfigError, match="cannot be watched"):
        calls.hooks.reads(0, print, length=0)
    with pytest.raises(Exception, match="symbol"):
        calls.hooks.entry("no_such_function", print)
    assert len(calls.hooks) == 0 and len(calls.partition.watching) == 0


def test_hooks_do_not_keep_their_machine() -> None:
    vm = calling(Machine(memory="32M"))
    hooks = [
        vm.hooks.at(BASE, lambda event: None),
        vm.hooks.returns(FUNCTION, lambda event: None),
        vm.hooks.writes(STACK, lambda event: None),
        vm.hooks.hypercall("H_ENTER", lambda event: None),
        vm.hooks.rtas("power-off", lambda event: None),
        vm.hooks.console_line("x", lambda event: None),
        vm.hooks.at_count(1 << 40, lambda event: None),
    ]
    vm.run(max_instructions=100)
    gone = weakref.ref(vm.partition)
    gc.disable()
    try:
        del vm
        assert gone() is None
    finally:
        gc.enable()
    assert len(hooks) == 7
