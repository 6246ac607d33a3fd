"""Waiting for text: several alternatives, limits in the guest's time, and patterns that cost nothing."""

from __future__ import annotations

import pickle
import re
import time
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import BRANCH_TO_SELF, POWER_OFF, hypercall, li, started

from pyspapr import ExpectError, InstructionLimit, Machine, Matched, PoweredOff, Timeout
from pyspapr.partition.console import Console
from pyspapr.partition.endings import endings

H_CEDE = 0xE0
FOREVER = (0x38630001, 0x4BFFFFFC)
IDLE = [*hypercall(H_CEDE), 0x4BFFFFFC - 4 * 2]  # again and again
BOTH = [re.compile("wa[rn]+ing"), "panic", re.compile(rb"log(in): ")]


def put(text: str) -> list[int]:
    """Code that prints at most 16 characters."""
    padded = text.encode().ljust(16, b"\0")
    words = [*li(3, 0x58), *li(4, 0), *li(5, len(text))]
    for register, half in ((6, padded[:8]), (7, padded[8:])):
        high, low = int.from_bytes(half[:4], "big"), int.from_bytes(half[4:], "big")
        move = 0x78000000 | register << 21 | register << 16
        words += [*li(register, high), move | 7 << 11 - 5 << 5 | 0x7C6]
        words[-1] = move | 0x07C6  # sldi register,register,32
        words += [0x64000000 | register << 21 | register << 16 | low >> 16]
        words += [0x60000000 | register << 21 | register << 16 | low & 0xFFFF]
    return [*words, 0x44000022]


def test_the_first_of_several_to_appear_is_found(vm: Machine) -> None:
    started(vm, *put("a warning\n"), *put("a login: "), *put("panic"), *POWER_OFF)
    first = vm.console.expect(BOTH)
    assert (first, first.which, first.groups) == ("a warning", 0, ())
    second = vm.console.expect(BOTH)
    assert (second, second.which, second.groups) == ("\na login: ", 2, (b"in",))
    assert vm.console.output == "a warning\na login: "  # the run ended where it was complete
    assert pickle.loads(pickle.dumps(second)) == second
    assert vm.run(until=("panic", "x")) == Matched("panic", 0)
    with pytest.raises(ExpectError, match=r"'x' or 'y' did not appear: the guest powered off") as caught:
        vm.console.expect(["x", re.compile("y")])
    assert caught.value.wanted == ("x", "y")
    assert not isinstance(caught.value, TimeoutError)
    for wrong in ([], ["x", 3]):
        with pytest.raises(TypeError, match="text, bytes or a compiled pattern is waited for"):
            vm.console.expect(cast(Any, wrong))


def test_of_two_that_are_there_the_one_that_ends_first_is_taken(vm: Machine) -> None:
    vm.console.emit(b"abcdef")
    assert vm.console.match_any((re.compile("abcde"), re.compile("bc"), re.compile("c"))) == Matched("abc", 1)
    assert vm.console.match_any((re.compile("(?P<one>d)(x)?"),)) == Matched("d", 0, ("d", None))


@pytest.mark.parametrize("words", [FOREVER, IDLE], ids=["busy", "idle"])
def test_a_limit_in_guest_time_is_exact_whether_the_guest_works_or_sleeps(words: list[int]) -> None:
    hashes = []
    for _ in range(2):
        vm = started(Machine(memory="32M"), *words)
        for seconds in (0.002, 0.001, 0.000000007):
            before = vm.nanos
            assert vm.run(guest_timeout=seconds) == Timeout(seconds, guest=True)
            assert vm.nanos - before == round(seconds * 1e9)
        with pytest.raises(TimeoutError, match=r"the time limit of 0\.003 s of guest time was reached") as caught:
            vm.console.expect(re.compile("x"), timeout=0.003)
        assert isinstance(caught.value, ExpectError) and caught.value.seconds == 0.003
        hashes.append((vm.state_hash(), vm.nanos))
    assert hashes[0] == hashes[1]


def test_an_idle_guest_sleeps_no_further_than_the_limit_and_the_limit_changes_nothing() -> None:
    ends = []
    for limits in ([], [1.0, 2.0, 0.5]):
        vm = started(Machine(memory="32M"), *IDLE)
        start = time.monotonic()
        for limit in limits:
            vm.run(guest_timeout=limit)
        assert vm.nanos == int(sum(limits) * 1e9)
        assert isinstance(vm.run(max_instructions=2000 - vm.cpus[0].vcpu.instructions), InstructionLimit)
        assert time.monotonic() - start < 60
        ends.append((vm.state_hash(), vm.nanos))
    assert ends[0] == ends[1]


def test_with_the_hosts_clock_both_limits_are_the_hosts() -> None:
    vm = started(Machine(memory="32M", clock="host"), *FOREVER)
    assert vm.run(guest_timeout=0.05, timeout=60) == Timeout(0.05, guest=True)
    assert vm.run(guest_timeout=60, timeout=0.05) == Timeout(0.05)


def test_a_limit_ends_with_its_run() -> None:
    vm = started(Machine(memory="32M"), *FOREVER)
    vm.run(guest_timeout=0.001)
    assert isinstance(vm.run(max_instructions=2_000_000), InstructionLimit)
    assert vm.nanos == 3_000_000


FLOOD = 4096


def flood(vm: Machine) -> Machine:
    """Prints `FLOOD` times 16 bytes, then `never`, and powers off."""
    body = put("0123456789abcde\n")
    words = [*li(20, FLOOD), 0x7E8903A6]  # mtctr r20
    words += body
    words += [0x42000000 | (-4 * len(body)) & 0xFFFC]  # bdnz
    return started(vm, *words, *put("never"), *POWER_OFF)


@pytest.mark.parametrize("pattern", ["login:|never", r"[a-z]+: \d+|nev[e-f]+r", rb"x\d|never", "(?i)LOGIN|NEVER"])
def test_a_pattern_is_asked_only_where_it_can_match(pattern: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def match_any(console: Console, patterns: tuple[re.Pattern[Any], ...]) -> Matched | None:
        nonlocal looks
        looks += 1
        return original(console, patterns)

    original = Console.match_any
    monkeypatch.setattr(Console, "match_any", match_any)
    vm = flood(Machine(memory="32M"))
    found = vm.console.expect(re.compile(pattern))
    assert len(found) == 16 * FLOOD + 5 and found.endswith("never")
    assert vm.console.output == found
    assert looks < FLOOD / 8
    assert vm.run() == PoweredOff()


PIECES = st.sampled_from(
    ["a", "b", "é", "x", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", r"\b", "a*", "b+", "(?:ab|c)", "(a|é)", "x{2}",
     "a{1,3}", "b??", "$", "^", "(?=b)", "(?!x)", "(?<=a)", "(?i:k)", "(?s:.)", r"\Z", "[0-9]{2}", "k", "(?>ab)", "a++"]
)  # fmt: skip


@given(
    st.lists(PIECES, min_size=1, max_size=5),
    st.sampled_from([0, re.IGNORECASE, re.MULTILINE, re.ASCII, re.DOTALL]),
    st.lists(
        st.sampled_from([b"a", b"b", b"c", b"\xc3", b"\xa9", b"x", b"1", b"\n", b" ", b"K", b"\xff", b"xx", b"ab"])
    ),
    st.booleans(),
)
def test_no_match_comes_without_an_ending(parts: list[str], flags: int, text: list[bytes], over_bytes: bool) -> None:
    """What is seen after every piece is seen after the pieces that complete an ending as well."""
    source = "".join(parts)
    try:
        pattern: re.Pattern[Any] = re.compile(source.encode() if over_bytes else source, flags)
    except re.error:
        return
    rows = endings(pattern)
    if rows is None:
        return
    sets = [[int.from_bytes(one, "little") for one in row] for row in rows]
    vm = Machine(memory="32M")
    printed = b""
    for piece in text:
        before = len(printed)
        printed += piece
        vm.console.emit(piece)
        complete = any(
            len(row) <= end and all(row[-1 - back] >> printed[end - 1 - back] & 1 for back in range(len(row)))
            for row in sets
            for end in range(before + 1, len(printed) + 1)
        )
        if vm.console.match(pattern) is not None:
            assert complete
            return


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("login: ", True),
        (r"\d+ passed", True),
        (b"x.", True),
        (r"[0-9a-f]{4}$", True),
        ("x.", False),
        (r"x\b", False),
        ("x(?=y)", False),
        ("x*", False),
        (r"(x)\1", False),
        ("[^x]", False),
    ],
)
def test_what_can_be_said_of_a_pattern(pattern: str | bytes, known: bool) -> None:
    assert (endings(re.compile(pattern)) is not None) is known


def test_a_pattern_with_very_many_ends_is_cut_short() -> None:
    rows = endings(re.compile("[ab]" + "(?:a|b|c)" * 40))
    assert rows is not None and len(rows) <= 64 and all(rows)


def test_a_guest_that_can_do_nothing_ends_before_its_limit(vm: Machine) -> None:
    assert "never wake" in str(started(vm, BRANCH_TO_SELF).run(guest_timeout=5))
