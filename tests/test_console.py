"""The console's host side: text of any kind, read and waited for, and a machine that is gone."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from pyspapr import Machine, StateError
from pyspapr.devices import Vty
from pyspapr.partition.console import LONGEST_MATCH


def test_a_character_that_is_printed_in_two_pieces_is_read_as_one(vm: Machine) -> None:
    console = vm.console
    pieces = []
    for byte in "pé日 𝄞".encode() + b"\xff\xe6!":
        console.emit(bytes((byte,)))
        pieces.append(console.read())
    assert "".join(pieces) == console.output == "pé日 𝄞\ufffd\ufffd!"
    assert pieces[1:3] == ["", "é"]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (re.compile("[日月]"), "caf\xe9 \u65e5"),
        (re.compile("É", re.IGNORECASE), "caf\xe9"),
        (re.compile(r"\w+ "), "caf\xe9 "),
        (re.compile("日.x"), "caf\xe9 \u65e5\ufffdx"),
        (re.compile("(?u)x"), "caf\xe9 \u65e5\ufffdx"),
        (re.compile(b"\xe9"), None),
        (re.compile("[èê]"), None),
    ],
)
def test_patterns_over_text_see_characters(vm: Machine, pattern: re.Pattern[str], text: str | None) -> None:
    vm.console.emit("café 日".encode() + b"\xffx and more")
    assert vm.console.match(pattern) == text
    if text is not None:
        assert vm.console.match(re.compile(".*more", re.DOTALL)) == "café 日\ufffdx and more"[len(text) :]


def test_no_pattern_over_text_matches_half_a_character(vm: Machine) -> None:
    anything = re.compile(".")
    for byte in "日".encode()[:2]:
        vm.console.emit(bytes((byte,)))
        assert vm.console.match(anything) is None
    vm.console.emit("日".encode()[2:])
    assert vm.console.match(anything) == "日"


def test_what_was_searched_for_one_pattern_was_not_for_another(vm: Machine) -> None:
    vm.console.emit(b"early" + bytes(2 * LONGEST_MATCH))
    assert vm.console.match(re.compile("never")) is None
    assert vm.console.match(re.compile("early")) == "early"


def test_text_and_bytes_are_typed_alike(vm: Machine) -> None:
    for one in ("é", "é".encode(), bytearray("é".encode()), memoryview("é".encode())):
        vm.console.write(one)
        vm.console.send(one)
        assert vm.console.take(99) == "éé\n".encode()
    for attempt in (vm.console.write, vm.console.send):
        for other in (7, None, [65]):
            with pytest.raises(TypeError, match=f"text or bytes are typed, not {type(other).__name__}"):
                attempt(cast(Any, other))


def test_what_is_no_sink_and_what_is_no_source_is_refused_where_it_is_given(vm: Machine) -> None:
    class Deaf:
        def take(self, limit: int) -> bytes:
            return b""

    with pytest.raises(TypeError, match="a sink is 'file', expected a function"):
        vm.console.sinks.append(cast(Any, "file"))
    for source in (3, Deaf()):
        with pytest.raises(TypeError, match=r"a source of input has take\(\) and exhausted, and .* has not"):
            vm.console.source = cast(Any, source)
    vm.console.emit(b"x")
    assert vm.console.source is None and not vm.console.sinks


def test_a_sink_gets_everything_once(vm: Machine) -> None:
    seen: list[bytes] = []
    sinks = vm.console.sinks
    sinks.append(seen.append)
    for attempt in (sinks.append, lambda sink: sinks.insert(0, sink), lambda sink: sinks.extend([sink])):
        with pytest.raises(ValueError, match="is a sink of this console already"):
            attempt(seen.append)
    with pytest.raises(TypeError, match="a sink is 7, expected a function"):
        sinks += cast(Any, [7])
    vm.console.emit(b"x")
    assert seen == [b"x"]
    sinks.remove(seen.append)
    sinks += [seen.append]
    vm.console.emit(b"y")
    assert seen == [b"x", b"y"]


@pytest.mark.parametrize("given", ["text", None, bytes(17)])
def test_a_source_gives_no_more_than_it_was_asked_for_and_bytes(vm: Machine, given: Any) -> None:
    class Source:
        exhausted = False

        def take(self, limit: int) -> bytes:
            return cast(bytes, given)

    vm.console.source = Source()
    with pytest.raises(TypeError, match=r"Source object .* gave .*, expected at most 16 bytes"):
        vm.device(Vty).poll()
    assert vm.device(Vty).buffer == b""


def test_a_console_whose_machine_is_gone_says_so() -> None:
    console = Machine(memory="32M").console
    for attempt in (lambda: console.write("x"), lambda: console.send("x"), lambda: console.expect("x")):
        with pytest.raises(StateError, match="the console's machine is gone"):
            attempt()
    assert console.output == ""


def test_nothing_cannot_be_waited_for(vm: Machine) -> None:
    with pytest.raises(TypeError, match="not None"):
        vm.console.expect(cast(Any, None))
