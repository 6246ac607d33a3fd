"""The terminal's hypercalls, which native code answers where that makes no difference: that it makes none."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from images import POWER_OFF, hypercall, li, rtas, started

from pyspapr import ExpectError, InstructionLimit, Interrupted, Machine, Matched, PoweredOff, StateError
from pyspapr.partition.console import H_GET_TERM_CHAR, H_PUT_TERM_CHAR
from pyspapr.partition.cpu import Cpu
from pyspapr.partition.runloop import SLICE

FOREVER = [0x38630001, 0x4BFFFFFC]  # addi r3,r3,1; b .-4
PIECES = ["", "a", "lo", "g", "in: lo", "gin", ":", " x" * 4, "in:login", ": logi", "n", "", "\n", "login:"]


def put(text: str, terminal: int = 0, length: int | None = None) -> list[int]:
    """At most eight characters in two halves of R6."""
    data = text.encode().ljust(8, b"\0")
    high, low = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")
    words = [*hypercall(H_PUT_TERM_CHAR, terminal, len(text) if length is None else length)[:-1]]
    words += [*li(6, high), 0x78C607C6, *li(8, low), 0x7CC64378, *li(7, 0)]  # sldi r6,r6,32; or r6,r6,r8
    return [*words, 0x44000022]


def chatty(vm: Machine) -> Machine:
    words = [word for piece in PIECES for word in put(piece)]
    bad = [*put("no", terminal=7), *put("no", length=17)]
    return started(vm, *words[: len(words) // 2], *bad, *words[len(words) // 2 :], *POWER_OFF)


def by_python(vm: Machine) -> Machine:
    """The same with each of its hypercalls handled in Python."""
    for number in (H_PUT_TERM_CHAR, H_GET_TERM_CHAR):
        row = vm.hypercalls[number]

        def handler(machine: Machine, cpu: Cpu, *arguments: int, row: Callable[..., tuple[int, ...]] = row) -> object:
            return row(machine, cpu, arguments)

        vm.hypercall(number, row.name, replace=True)(handler)  # type: ignore[arg-type]
    return vm


def machine() -> Machine:
    return Machine(memory="32M")


def test_the_guest_cannot_tell_who_answers() -> None:
    native, python = chatty(machine()), by_python(chatty(machine()))
    for vm in (native, python):
        assert vm.run(timeout=20) == PoweredOff()
        assert vm.console.raw == "".join(PIECES).encode()
    assert native.state_hash() == python.state_hash()


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_what_was_printed_is_there_whenever_a_run_ends(size: int) -> None:
    native, python = chatty(machine()), by_python(chatty(machine()))
    while True:
        ends = [vm.run(max_instructions=size, timeout=20) for vm in (native, python)]
        assert native.console.raw == python.console.raw
        if not isinstance(ends[0], InstructionLimit):
            break
    assert ends == [PoweredOff(), PoweredOff()]


@pytest.mark.parametrize("wanted", ["login:", "g", "login: x", "n: login:login: login", " x x x", "never", "\n"])
def test_a_run_that_waits_ends_at_the_hypercall_that_completes_the_text(wanted: str) -> None:
    machines = [chatty(machine()), chatty(machine()), by_python(chatty(machine()))]
    waits: list[str | re.Pattern[str]] = [wanted, re.compile(re.escape(wanted)), wanted]
    while True:
        ends = [vm.run(until=until, timeout=20) for vm, until in zip(machines, waits, strict=True)]
        assert ends[0] == ends[1] == ends[2]
        assert len({vm.state_hash() for vm in machines}) == 1
        assert len({vm.console.raw for vm in machines}) == 1
        if not isinstance(ends[0], Matched):
            break
    assert "".join(PIECES).count(wanted) == 0 or ends[0] == PoweredOff()


def test_a_text_that_is_printed_in_two_ways_is_found(vm: Machine) -> None:
    display = 0x2000
    started(vm, *put("one lo"), *rtas(display, ord("g")), *put("in:"), *put("later"), *POWER_OFF)
    assert vm.console.expect("login:", timeout=20) == "one login:"
    started(vm, *put("lo"), *put("g"), *rtas(display, ord("i")), *rtas(display, ord("n")), *put("never"), *POWER_OFF)
    assert vm.console.expect("login", timeout=20) == "login"


def flood(vm: Machine, count: int) -> Machine:
    loop = put("abcdefgh")
    counter = [*li(9, count), 0x7D2903A6]  # mtctr r9
    return started(vm, *counter, *loop, 0x42000000 | (-4 * len(loop) & 0xFFFC), *POWER_OFF)


@pytest.mark.parametrize("until", [None, "not in it", "hab", "h"])
def test_a_flood_costs_python_little(vm: Machine, until: str | None) -> None:
    pieces: list[int] = []
    vm.console.sinks.append(lambda data: pieces.append(len(data)))
    flood(vm, 20_000)
    end = vm.run(until=until, timeout=60)
    if until in (None, "not in it"):
        assert end == PoweredOff()
        assert sum(pieces) == 160_000 and len(pieces) < 160
    else:
        assert isinstance(end, Matched) and len(pieces) <= 2


ECHO = [*hypercall(H_GET_TERM_CHAR, 0), 0x2C240000]  # cmpwi r4,0
"""Ask for input; CR0 says whether there was any."""
ASK_AGAIN = 0x41820000 | (-4 * len(ECHO) & 0xFFFC)  # beq


def waiting(vm: Machine) -> Machine:
    return started(vm, *ECHO, ASK_AGAIN, 0x7CA62B78, *hypercall(H_PUT_TERM_CHAR, 0, 2)[:-1], 0x44000022, *POWER_OFF)


def test_a_guest_that_asks_again_and_again_gets_what_is_typed_meanwhile(vm: Machine) -> None:
    waiting(vm)
    assert isinstance(vm.run(max_instructions=100_000), InstructionLimit)
    timer = threading.Timer(0.2, vm.console.write, ["yo"])
    timer.start()
    assert vm.run(timeout=60) == PoweredOff()
    timer.join()
    assert vm.console.raw == b"yo"


def test_a_guest_that_asks_again_and_again_gets_what_a_new_source_has(vm: Machine) -> None:
    class Source:
        exhausted = False

        def take(self, limit: int) -> bytes:
            return b"hi"

    waiting(vm)
    assert isinstance(vm.run(max_instructions=100_000), InstructionLimit)

    def give() -> None:
        vm.console.source = Source()

    timer = threading.Timer(0.2, vm.post, [give])
    timer.start()
    assert vm.run(timeout=60) == PoweredOff()
    timer.join()


def test_a_handler_that_comes_during_a_run_gets_every_call_from_then_on(vm: Machine) -> None:
    waiting(vm)
    asked: list[int] = []

    def replace() -> None:
        @vm.hypercall(H_GET_TERM_CHAR, "H_GET_TERM_CHAR", replace=True)
        def own(machine: Machine, cpu: Cpu, terminal: int) -> tuple[int, ...]:
            asked.append(terminal)
            return 0, len(asked) // 3, 0, 0

    timer = threading.Timer(0.2, vm.post, [replace])
    timer.start()
    assert vm.run(timeout=60) == PoweredOff()
    timer.join()
    assert asked == [0, 0, 0]


def test_a_sink_that_raises_ends_the_run_and_nothing_is_lost(vm: Machine, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def sink(data: bytes) -> None:
        seen.append(data)
        if len(seen) == 1:
            vm.save(tmp_path / "saved")

    vm.console.sinks.append(sink)
    flood(vm, 2000)
    with pytest.raises(StateError, match="cannot be saved by a hypercall handler"):
        vm.run(timeout=20)
    assert not (tmp_path / "saved").exists()
    assert vm.run(timeout=20) == PoweredOff()
    assert b"".join(seen) == vm.console.raw == b"abcdefgh" * 2000


def test_what_a_busy_guest_printed_is_shown_soon() -> None:
    vm = Machine(memory="32M", engine="interp")
    vm.console.sinks.append(lambda data: vm.stop())
    started(vm, *put("busy"), *FOREVER)
    assert vm.run(timeout=60) == Interrupted()
    assert vm.instructions < SLICE


def test_what_a_guest_printed_before_an_interruption_is_there(vm: Machine) -> None:
    started(vm, *put("said"), *FOREVER)
    with pytest.raises(ExpectError) as caught:
        vm.console.expect("never", timeout=0.2)
    assert caught.value.lines == ["said"]
