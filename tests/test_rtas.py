"""RTAS calls, made the way a guest makes them: through a buffer in its memory."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyspapr import Machine, Panicked, PoweredOff, Rebooted, devices, rtas
from pyspapr.codes import H_PARAMETER, H_SUCCESS
from pyspapr.devices import Nvram
from pyspapr.handlers import RtasCall

BUFFER = 0x9000
DATA = 0xA000
RAM = 32 << 20
TOKENS = rtas.tokens(row for row in devices.calls() if isinstance(row, RtasCall))


def raw(vm: Machine, token: int, arguments: list[int], results: int, buffer: int = BUFFER) -> int:
    words = [token, len(arguments), results, *arguments]
    vm.memory.write(buffer, struct.pack(f">{len(words)}I", *words))
    return vm.call_hypercall(vm.cpus[0], 0xF000, buffer)[0]


def call(vm: Machine, name: str, *arguments: int, results: int = 1) -> list[int]:
    """Status (signed) and results."""
    assert raw(vm, TOKENS[name], list(arguments), results) == H_SUCCESS
    at = BUFFER + 12 + 4 * len(arguments)
    return list(struct.unpack(f">{results}i", vm.memory.read(at, 4 * results)))


def test_tokens_never_change() -> None:
    assert TOKENS == {
        "display-character": 0x2000,
        "get-time-of-day": 0x2001,
        "set-time-of-day": 0x2002,
        "power-off": 0x2003,
        "system-reboot": 0x2004,
        "query-cpu-stopped-state": 0x2005,
        "start-cpu": 0x2006,
        "stop-self": 0x2007,
        "ibm,get-system-parameter": 0x2008,
        "ibm,set-system-parameter": 0x2009,
        "ibm,set-xive": 0x200A,
        "ibm,get-xive": 0x200B,
        "ibm,int-off": 0x200C,
        "ibm,int-on": 0x200D,
        "check-exception": 0x200E,
        "event-scan": 0x200F,
        "nvram-fetch": 0x2012,
        "nvram-store": 0x2013,
        "set-indicator": 0x201A,
        "ibm,os-term": 0x201F,
    }


def test_display_character_prints(vm: Machine) -> None:
    for character in b"ok":
        assert call(vm, "display-character", character) == [0]
    assert vm.console.output == "ok"


def test_the_clock_starts_at_its_base_and_can_be_set(vm: Machine) -> None:
    assert call(vm, "get-time-of-day", results=8)[:7] == [0, 2026, 1, 1, 0, 0, 0]
    assert call(vm, "set-time-of-day", 2031, 12, 31, 23, 59, 58, 5) == [0]
    assert call(vm, "get-time-of-day", results=8) == [0, 2031, 12, 31, 23, 59, 58, 5]
    assert call(vm, "set-time-of-day", 2031, 13, 31, 23, 59, 58, 5) == [-3]
    assert call(vm, "set-time-of-day", 0, 1, 1, 0, 0, 0, 0) == [-3]


def test_nvram_keeps_what_is_stored(vm: Machine) -> None:
    vm.memory.write(DATA, b"kept for ever")
    assert call(vm, "nvram-store", 0xFFF0, DATA, 13, results=2) == [0, 13]
    assert call(vm, "nvram-fetch", 0xFFF0, DATA + 64, 13, results=2) == [0, 13]
    assert vm.memory.read(DATA + 64, 13) == b"kept for ever"
    vm.start(pc=0)
    assert vm.device(Nvram).fetch(0xFFF0, 4) == b"kept"


@pytest.mark.parametrize(
    ("offset", "buffer", "length"),
    [
        (0x10000, DATA, 1),
        (0, DATA, 0x10001),
        (0xFFFF, DATA, 2),
        (0, RAM - 4, 8),
        (0, 0xFFFFFFFF, 4),
        (0, DATA, 0xFFFFFFFF),
    ],
)
def test_nvram_refuses_what_is_outside(vm: Machine, offset: int, buffer: int, length: int) -> None:
    for name in ("nvram-fetch", "nvram-store"):
        assert call(vm, name, offset, buffer, length, results=2)[0] == -3


def test_system_parameters(vm: Machine) -> None:
    assert call(vm, "ibm,get-system-parameter", 20, DATA, 256) == [0]
    length = vm.memory.u16(DATA)
    assert vm.memory.read(DATA + 2, length).startswith(b"MaxEntCap=1,DesMem=32,DesProcs=1")
    vm.memory.fill(DATA, 64, 0xFF)
    assert call(vm, "ibm,get-system-parameter", 48, DATA, 8) == [0]
    assert vm.memory.read(DATA, 9) == bytes.fromhex("0010000000000000ff")  # no more than there is room for
    assert call(vm, "ibm,get-system-parameter", 44, DATA, 256) == [-3]
    assert call(vm, "ibm,get-system-parameter", 20, RAM - 4, 256) == [-3]
    assert call(vm, "ibm,get-system-parameter", 20, DATA, 1) == [-9999]
    assert call(vm, "ibm,set-system-parameter", 20, DATA) == [-9002]


def test_processors_can_be_asked_for(vm: Machine) -> None:
    assert call(vm, "query-cpu-stopped-state", 0, results=2) == [0, 2]
    assert call(vm, "query-cpu-stopped-state", 1, results=2)[0] == -3
    assert call(vm, "start-cpu", 0, 0x100, 0) == [-1]
    assert call(vm, "start-cpu", 7, 0x100, 0) == [-3]


def test_interrupt_sources_can_be_routed(vm: Machine) -> None:
    assert call(vm, "ibm,get-xive", 0x1100, results=3) == [0, 0, 0xFF]
    assert call(vm, "ibm,set-xive", 0x1100, 0, 5) == [0]
    assert call(vm, "ibm,int-off", 0x1100) == [0]
    assert call(vm, "ibm,get-xive", 0x1100, results=3) == [0, 0, 0xFF]
    assert call(vm, "ibm,int-on", 0x1100) == [0]
    assert call(vm, "ibm,get-xive", 0x1100, results=3) == [0, 0, 5]
    for name, arguments in (
        ("ibm,set-xive", (0x1234, 0, 5)),
        ("ibm,set-xive", (0x1100, 1, 5)),
        ("ibm,set-xive", (0x1100, 0, 256)),
        ("ibm,int-off", (0,)),
        ("ibm,int-on", (0xFFFFFFFF,)),
    ):
        assert call(vm, name, *arguments) == [-3]


def test_there_are_no_events(vm: Machine) -> None:
    assert call(vm, "check-exception", 0x500, 0x1000, 0xF0000000, 0, DATA, 16) == [1]
    assert call(vm, "event-scan", 0xF0000000, 0, DATA, 16) == [1]


def test_ends_of_a_run(vm: Machine) -> None:
    call(vm, "power-off", 0xFFFFFFFF, 0xFFFFFFFF)
    assert vm.ended == PoweredOff()
    call(vm, "system-reboot")
    assert vm.ended == Rebooted()
    vm.memory.write(DATA, b"VFS: cannot mount root\0rest")
    call(vm, "ibm,os-term", DATA)
    assert vm.ended == Panicked("VFS: cannot mount root")


def test_a_guest_may_end_without_a_word(vm: Machine) -> None:
    vm.memory.write(0, b"code")
    call(vm, "ibm,os-term", 0)
    assert vm.ended == Panicked("")
    assert str(vm.ended) == "the guest panicked: it gave no reason, its console may have one"


def test_last_words_without_an_end_are_cut(vm: Machine) -> None:
    vm.memory.fill(RAM - 64, 64, ord("x"))
    call(vm, "ibm,os-term", RAM - 64)
    assert vm.ended == Panicked("x" * 64)
    assert call(vm, "ibm,os-term", RAM) == [-3]


def test_too_few_words_and_unknown_tokens_are_parameter_errors(vm: Machine) -> None:
    assert call(vm, "ibm,set-xive", 0x1100, 0) == [-3]
    assert call(vm, "get-time-of-day", results=2)[0] == -3
    raw(vm, 0x1FFF, [1, 2], 1)
    assert struct.unpack(">i", vm.memory.read(BUFFER + 20, 4)) == (-3,)


@pytest.mark.parametrize("buffer", [RAM, RAM - 8, (1 << 64) - 4, 1 << 63])
def test_a_buffer_outside_ram_is_refused(vm: Machine, buffer: int) -> None:
    assert vm.call_hypercall(vm.cpus[0], 0xF000, buffer) == (H_PARAMETER,)


def test_a_buffer_that_ends_outside_ram_is_refused(vm: Machine) -> None:
    vm.memory.write(RAM - 16, struct.pack(">4I", TOKENS["display-character"], 1, 1, 65))
    assert vm.call_hypercall(vm.cpus[0], 0xF000, RAM - 16) == (H_PARAMETER,)
    assert vm.console.output == ""


def test_too_many_words_are_refused(vm: Machine) -> None:
    vm.memory.write(BUFFER, struct.pack(">3I", TOKENS["event-scan"], 17, 1))
    assert vm.call_hypercall(vm.cpus[0], 0xF000, BUFFER) == (H_PARAMETER,)
    vm.memory.write(BUFFER, struct.pack(">3I", TOKENS["event-scan"], 4, 0xFFFFFFFF))
    assert vm.call_hypercall(vm.cpus[0], 0xF000, BUFFER) == (H_PARAMETER,)


SHARED = Machine(memory="32M")


@settings(max_examples=300)
@given(
    token=st.one_of(st.sampled_from(sorted(TOKENS.values())), st.integers(0, 0xFFFFFFFF)),
    arguments=st.lists(
        st.one_of(st.integers(0, 0xFFFFFFFF), st.sampled_from([0, 20, 42, 48, 0x1100, DATA, RAM - 1, RAM])), max_size=16
    ),
    results=st.integers(0, 16),
)
def test_no_call_harms_the_host(token: int, arguments: list[int], results: int) -> None:
    assert raw(SHARED, token, arguments, results) == H_SUCCESS


def test_the_code_in_guest_memory_disassembles_to_a_hypercall() -> None:
    from pyspapr._native import disassemble

    words = struct.unpack(">5I", rtas.BLOB)
    assert [disassemble(word).split()[0] for word in words][3:] == ["sc", "blr"]
