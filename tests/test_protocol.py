"""The words of a live migration, byte for byte, and peers of other versions.

`RECORDED` is what a version has put on the wire. Once written a recording stays for as long as its protocol is spoken,
and a new protocol brings its own.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from migration import Arrival, churning, counting

from pyspapr import Machine, MigrationError, StateError, StreamError
from pyspapr._native import __version__
from pyspapr.migration import compatibility, frames
from pyspapr.migration.frames import (
    KINDS,
    Complete,
    DeviceVersion,
    Failure,
    Frame,
    Go,
    Hello,
    Progress,
    Refusal,
    Running,
    Welcome,
    decode,
)
from pyspapr.migration.records import Kind
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.migration.stream import StreamReader

GOLDEN = Path(__file__).parent / "data" / "golden-1.spapr"
"""A machine of 64 MiB as the source of protocol 1 sent it."""
NAMES = "console cpu icp/server ics spapr spapr_cpu spapr_nvram spapr_rng spapr_rtc spapr_vty"
HELLO = Hello(
    protocol=1,
    package="0.1.0",
    memory=64 << 20,
    max_memory=64 << 20,
    cpu="power8",
    vcpus=1,
    clock="virtual",
    hpt_shift=19,
    uuid=bytes(16),
    devices=tuple(DeviceVersion(name, 1, 1, 1) for name in NAMES.split()),
)
RECORDED: list[tuple[Frame, str]] = [
    (
        HELLO,
        "000000b9826568656c6c6f8a0165302e312e301a040000001a0400000066706f7765723801677669727475616c1350"
        "000000000000000000000000000000008a8467636f6e736f6c650101018463637075010101846a6963702f73657276"
        "6572010101846369637301010184657370617072010101846973706170725f637075010101846b73706170725f6e76"
        "72616d010101846973706170725f726e67010101846973706170725f727463010101846973706170725f767479010101",
    ),
    (Welcome(1, "0.1.0"), "00000011826777656c636f6d65820165302e312e30"),
    (Refusal("no"), "0000000d82677265667573616c81626e6f"),
    (Progress(1 << 40), "00000014826870726f6772657373811b0000010000000000"),
    (Complete(205439), "000000108268636f6d706c657465811a0003227f"),
    (Failure("why"), "0000000e82676661696c7572658163776879"),
    (Go(True), "000000068262676f81f5"),
    (Go(False), "000000068262676f81f4"),
    (Running(), "0000000a826772756e6e696e6780"),
]
WORDS = {frame: bytes.fromhex(text) for frame, text in RECORDED}


@pytest.mark.parametrize(("frame", "text"), RECORDED, ids=[type(frame).__name__ for frame, _ in RECORDED])
def test_the_words_of_protocol_1_are_what_they_were(frame: Frame, text: str) -> None:
    assert frame.encode().hex() == text
    assert decode(bytes.fromhex(text)[4:]) == frame


def test_every_kind_of_frame_is_recorded() -> None:
    assert {type(frame) for frame, _ in RECORDED} == set(KINDS.values())
    assert frames.OLDEST <= frames.PROTOCOL


@pytest.mark.parametrize("said", [1, 2, 1 << 31])
def test_a_source_of_protocol_1_or_newer_is_met_in_protocol_1(said: int) -> None:
    here, there = socket.socketpair()
    arrival = Arrival(f"fd:{there.detach()}")
    with here:
        here.sendall(HELLO.replace(protocol=said).encode())
        transport = SocketTransport(here)
        assert frames.read_frame(transport, "welcome") == Welcome(1, __version__)
        transport.write(GOLDEN.read_bytes())
        while isinstance(frame := frames.read_frame(transport, "complete"), Progress):
            pass
        assert frame == Complete(GOLDEN.stat().st_size)
        transport.write(WORDS[Go(False)])
        assert frames.read_frame(transport, "running") == Running()
        transport.close()
    vm = arrival.machine()
    assert str(vm.run()) == "the guest powered off"
    assert "every check passed" in vm.console.output


def test_a_source_older_than_any_that_is_spoken_is_refused_before_anything_is_sent() -> None:
    here, there = socket.socketpair()
    arrival = Arrival(f"fd:{there.detach()}")
    with here:
        here.sendall(HELLO.replace(protocol=0).encode())
        transport = SocketTransport(here)
        refusal = frames.expect(frames.read_frame(transport, "refusal"), Refusal, "destination")
        assert refusal.text == "the protocol is 0 at the source, and here 1 to 1 are spoken"
        transport.close()
    assert refusal.text in arrival.failure()


def destination_of_protocol_1(sock: socket.socket, welcome: bytes) -> None:
    """What one says, with the bytes that were recorded where they do not depend on the machine."""
    transport = SocketTransport(sock)
    frames.read_frame(transport, "hello")
    transport.write(welcome)
    reader = StreamReader(transport.read)
    try:
        while reader.last is not Kind.END:
            reader.next()
            transport.write(Progress(reader.offset).encode())
        transport.write(Complete(reader.offset).encode())
        if frames.read_exactly(transport, len(WORDS[Go(False)]), "go") == WORDS[Go(False)]:
            transport.write(WORDS[Running()])
    except (MigrationError, StreamError):
        pass  # the source has left, as in the test of a protocol that it does not speak
    transport.close()


@pytest.mark.parametrize("newest", [1, 2])
def test_a_source_of_this_protocol_or_the_next_goes_to_a_destination_of_protocol_1(
    newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "PROTOCOL", newest)
    monkeypatch.setattr(compatibility, "PROTOCOL", newest)
    here, there = socket.socketpair()
    thread = threading.Thread(target=destination_of_protocol_1, args=(there, WORDS[Welcome(1, "0.1.0")]))
    thread.start()
    with there:
        counting().migrate(f"fd:{here.detach()}")
        thread.join()


@pytest.mark.parametrize("chosen", [0, 2])
def test_a_destination_that_chooses_a_protocol_not_spoken_here_gets_nothing(chosen: int, demo_guest: Path) -> None:
    vm = churning(demo_guest)
    here, there = socket.socketpair()
    thread = threading.Thread(target=destination_of_protocol_1, args=(there, Welcome(chosen, "x").encode()))
    thread.start()
    with there:  # until the thread has ended, which uses it
        with pytest.raises(MigrationError, match=f"chose protocol {chosen}, and here 1 to 1 are spoken"):
            vm.migrate(f"fd:{here.detach()}")
        thread.join()
    vm.run(max_instructions=1000)


@pytest.mark.parametrize(
    ("body", "offset", "wanted"),
    [
        (b"\x82\x63bye\x80", 1, "one of hello, welcome"),
        (b"\x82\x62go\x80", 4, "an array of 1 items"),
        (b"\x82\x62go\x81\x01", 5, "true or false"),
        (b"\x82\x68complete\x81\x61x", 11, "an unsigned integer"),
        (b"\x82\x67running\x81\x00", 9, "an array of 0 items"),
        (b"\x82\x67running\x80\x00", 10, "the end of the record"),
        (b"\x82\x67failure\x81\x62\xff\xff", 10, "UTF-8 text"),
        (b"\x83\x67running\x80\x00", 0, "an array of 2 items"),
    ],
)
def test_an_unknown_or_ill_typed_frame_is_refused_with_its_offset(body: bytes, offset: int, wanted: str) -> None:
    with pytest.raises(StreamError) as found:
        decode(body)
    assert (found.value.offset, found.value.section[:5]) == (offset, "frame")
    assert wanted in str(found.value)


def test_a_frame_that_does_not_fit_is_not_sent() -> None:
    for frame in (Progress(1 << 64), Hello(**{**HELLO.as_dict(), "uuid": b"short"}), Refusal("x" * 5000)):
        with pytest.raises(StateError):
            frame.encode()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_a_stream_error(body: bytes) -> None:
    try:
        frame = decode(body)
    except StreamError:
        return
    assert frame.encode()[4:] == body


def test_hello_describes_the_machine_as_it_did() -> None:
    assert compatibility.describe(Machine(memory="64M").partition).replace(package="0.1.0") == HELLO
