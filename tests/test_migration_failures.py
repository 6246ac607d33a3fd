"""Migrations that do not happen: whatever is cut, at most one side runs, and nothing is lost."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import program
from migration import MIB, Arrival, ballast, churning, counting, eventually, resize, running

from pyspapr import (
    Interrupted,
    Machine,
    MachineConfig,
    Migrated,
    MigrationCancelled,
    MigrationError,
    MigrationUnconfirmed,
    StateError,
    StreamError,
)
from pyspapr._native import HPT_SHIFT_MIN, Hpt
from pyspapr.host import sockets
from pyspapr.migration import attention, compatibility, destination, frames, link, listener, save, source, uri
from pyspapr.migration.phases import Phase
from pyspapr.migration.records import Kind, RamChunk
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.migration.stream import StreamReader, StreamWriter
from pyspapr.migration.transport import Transport
from pyspapr.vmstate import sections


class Wire:
    """One end of a connection that can be cut: by anybody, or by itself before it writes `fuse`."""

    def __init__(self, sock: socket.socket, fuse: bytes | None = None) -> None:
        self.socket = sock
        self.fuse = fuse

    def read(self, limit: int) -> bytes:
        return self.socket.recv(limit)

    def write(self, data: bytes) -> int:
        if self.fuse is not None and self.fuse in bytes(data):
            self.cut()
        return self.socket.send(data)

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    close = cut


Wires = Callable[..., tuple[Wire, Wire]]


@pytest.fixture
def wires() -> Iterator[Wires]:
    """Makes a source's end and a destination's; the destination cuts before it writes `fuse`."""
    with contextlib.ExitStack() as ends:

        def make(fuse: bytes | None = None) -> tuple[Wire, Wire]:
            pair = socket.socketpair()
            for sock in pair:
                ends.enter_context(sock)
            here, there = Wire(pair[0]), Wire(pair[1], fuse)
            ends.callback(here.cut)  # before they are closed: a thread that still waits in one comes back
            return here, there

        yield make


def runs_on(vm: Machine) -> None:
    """The guest runs, and its own checks pass."""
    printed = vm.console.total
    reason = vm.run(max_instructions=20_000_000)
    assert "FAIL" not in vm.console.output, reason
    assert vm.console.total >= printed


LIVE = [Phase.FIRST_PASS, Phase.ITERATE, Phase.PRE_SWITCHOVER, Phase.STOP, Phase.FINAL_PASS]


@pytest.mark.parametrize("phase", LIVE)
def test_a_link_cut_before_the_end_leaves_the_guest_here_and_nothing_there(
    wires: Wires, phase: Phase, demo_guest: Path
) -> None:
    vm = churning(demo_guest)
    here, there = wires()
    arrival = Arrival(there)

    def cut(statistics: MigrationStatistics) -> None:
        if statistics.phase is phase:
            here.cut()

    with pytest.raises(MigrationError) as error:
        vm.migrate(here, on_progress=cut, pause_before_switchover=phase is Phase.PRE_SWITCHOVER, downtime_limit=0)
    assert not isinstance(error.value, MigrationUnconfirmed)
    assert error.value.statistics is not None
    assert error.value.statistics.phase is Phase.FAILED
    arrival.failure()
    runs_on(vm)


@pytest.mark.parametrize("phase", LIVE)
def test_cancel_in_any_phase_leaves_the_guest_here(wires: Wires, phase: Phase, demo_guest: Path) -> None:
    vm = churning(demo_guest)
    here, there = wires()
    arrival = Arrival(there)

    def cancel(statistics: MigrationStatistics) -> None:
        if statistics.phase is phase and vm.migration is not None:
            vm.migration.cancel()

    with pytest.raises(MigrationCancelled):
        vm.migrate(here, on_progress=cancel, pause_before_switchover=phase is Phase.PRE_SWITCHOVER, downtime_limit=0)
    assert vm.migration is not None and vm.migration.phase is Phase.CANCELLED
    arrival.failure()
    runs_on(vm)


def test_everything_a_failed_attempt_took_is_dirty_again_and_the_next_one_loses_nothing(
    wires: Wires, demo_guest: Path
) -> None:
    vm = churning(demo_guest)
    for phase in LIVE:
        here, there = wires()
        arrival = Arrival(there)

        def cut(statistics: MigrationStatistics, phase: Phase = phase, here: Wire = here) -> None:
            if statistics.phase is phase:
                here.cut()

        with pytest.raises(MigrationError):
            vm.migrate(here, on_progress=cut, pause_before_switchover=phase is Phase.PRE_SWITCHOVER, downtime_limit=0)
        arrival.failure()
        assert vm.partition.ram.dirty_pages() >= 200
        assert vm.partition.hpt.dirty_entries() >= vm.hpt.valid_entries()
    here, there = wires()
    arrival = Arrival(there)
    vm.migrate(here)
    machine = arrival.machine()
    assert machine.state_hash() == vm.state_hash()
    runs_on(machine)


def test_a_destination_says_that_its_source_went_away(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")

    def cancel(statistics: MigrationStatistics) -> None:
        if statistics.phase is Phase.ITERATE and vm.migration is not None:
            vm.migration.cancel()

    with pytest.raises(MigrationCancelled):
        vm.migrate(arrival.address, on_progress=cancel)
    assert arrival.failure().startswith("the source went away (it ended, failed or cancelled) before its whole machine")
    assert type(arrival.error) is MigrationError


def test_a_source_without_confirmation_runs_on(wires: Wires, demo_guest: Path) -> None:
    """The destination holds everything, but its word is lost."""
    vm = churning(demo_guest)
    here, there = wires(fuse=b"complete")
    arrival = Arrival(there)
    with pytest.raises(MigrationError) as error:
        vm.migrate(here)
    assert not isinstance(error.value, MigrationUnconfirmed)
    arrival.failure()
    runs_on(vm)


def test_when_the_go_is_lost_neither_side_runs_and_both_say_so(wires: Wires, demo_guest: Path) -> None:
    vm = churning(demo_guest)
    here, there = wires()
    here.fuse = frames.Go(False).encode()[4:8]
    arrival = Arrival(there)
    with pytest.raises(MigrationUnconfirmed, match="will not run it"):
        vm.migrate(here)
    assert vm.migration is not None and vm.migration.phase is Phase.UNCONFIRMED
    assert "did not tell it to go" in arrival.failure()
    with pytest.raises(StateError, match="migrated away"):
        vm.run()
    vm.reclaim()
    runs_on(vm)


@pytest.mark.parametrize("place", ["tcp", "unix"])
@pytest.mark.parametrize("noticed", ["before", "while-sending"])
def test_a_destination_that_dies_after_complete_was_not_told_to_go_so_the_guest_runs_on(
    noticed: str, place: str, demo_guest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "tcp":
        server = socket.create_server(("127.0.0.1", 0))
        address = f"tcp:127.0.0.1:{server.getsockname()[1]}"
    else:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(tmp_path / "socket"))
        server.listen()
        address = f"unix:{tmp_path / 'socket'}"
    if noticed == "while-sending":
        monkeypatch.setattr(uri.SocketTransport, "hung_up", lambda transport: False)
    peers: list[uri.SocketTransport] = []

    def confirm() -> None:
        transport = uri.SocketTransport(server.accept()[0])
        peers.append(transport)
        frames.read_frame(transport, "hello")
        transport.write(frames.Welcome(frames.PROTOCOL, "test").encode())
        reader = StreamReader(transport.read)
        while reader.last is not Kind.END:
            reader.next()
            transport.write(frames.Progress(reader.offset).encode())
        transport.write(frames.Complete(reader.offset).encode())

    def die(statistics: MigrationStatistics) -> None:
        if statistics.phase is Phase.HANDOVER and not peers[0]._guard.closed:
            if place == "tcp":  # with a reset, which the first byte that is sent then meets
                peers[0]._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            confirming.join()  # nobody else is inside the transport, so that this closes it
            peers[0].close()

    confirming = threading.Thread(target=confirm, daemon=True)
    confirming.start()
    vm = churning(demo_guest)
    with server, pytest.raises(MigrationError) as error:
        vm.migrate(address, on_progress=die)
    assert not isinstance(error.value, MigrationUnconfirmed)
    assert vm.migration is not None and vm.migration.phase is Phase.FAILED
    runs_on(vm)


def test_when_only_the_last_word_is_lost_the_destination_runs_and_the_source_does_not(
    wires: Wires, demo_guest: Path
) -> None:
    vm = churning(demo_guest)
    here, there = wires(fuse=b"running")
    arrival = Arrival(there)
    with pytest.raises(MigrationUnconfirmed):
        vm.migrate(here)
    with pytest.raises(StateError):
        vm.run()
    runs_on(arrival.machine())


def test_cancel_comes_too_late_after_the_handover(wires: Wires, demo_guest: Path) -> None:
    vm = churning(demo_guest)
    here, there = wires()
    arrival = Arrival(there)
    answers: list[bool] = []

    def cancel(statistics: MigrationStatistics) -> None:
        if statistics.phase is Phase.HANDOVER and vm.migration is not None:
            answers.append(vm.migration.cancel())

    vm.migrate(here, on_progress=cancel)
    assert answers == [False]
    runs_on(arrival.machine())


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (MachineConfig(memory="128M"), "memory is 64M at the source and 128M here"),
        (MachineConfig(memory="64M", cpu="power9"), "the CPU is power8 at the source and power9 here"),
        (MachineConfig(memory="64M", clock="host"), "the clock is virtual at the source and host here"),
        (MachineConfig(memory="64M", max_memory="128M"), "maximum memory is 64M at the source and 128M here"),
        (
            MachineConfig(memory="64M", hpt_shift=18),
            "the hash table has 2.19 bytes at the source and at most 2.18 here",
        ),
    ],
)
def test_a_destination_that_wants_another_machine_refuses_before_anything_is_sent(
    wires: Wires, wanted: MachineConfig, message: str, demo_guest: Path
) -> None:
    vm = churning(demo_guest)
    here, there = wires()
    arrival = Arrival(there, config=wanted)
    with pytest.raises(MigrationError, match=message):
        vm.migrate(here)
    assert vm.migration is None
    arrival.failure()
    runs_on(vm)


def lie(sock: socket.socket, hello: frames.Hello, stream: bytes) -> str:
    """A source that describes one machine and sends another; what the destination says to that."""
    with contextlib.closing(uri.SocketTransport(sock)) as transport:
        transport.write(hello.encode())
        frames.expect(frames.read_frame(transport, "welcome"), frames.Welcome, "destination")
        transport.write(stream)
        while isinstance(frame := frames.read_frame(transport, "failure"), frames.Progress):
            pass
    return frames.expect(frame, frames.Failure, "destination").text


@pytest.mark.parametrize("place", ["tcp", "unix", "fd"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_stream_of_another_machine_than_hello_described_is_refused_before_it_takes_memory(
    asked: bool, place: str, tmp_path: Path
) -> None:
    wanted = MachineConfig(memory="64M")
    sent = Machine(memory="1G", cpu="power9", clock="host")
    sent.start(pc=0)
    stream = io.BytesIO()
    save.write_head(sent.partition, StreamWriter(stream.write))
    config = wanted if asked else None
    if place == "fd":
        sock, there = socket.socketpair()
        arrival = Arrival(f"fd:{there.detach()}", config=config)
    else:
        arrival = Arrival("tcp::0" if place == "tcp" else f"unix:{tmp_path / 'socket'}", config=config)
        sock = sockets.connect(uri.SERVICE.parse_socket(arrival.address), 10.0)
    with sock:
        told = lie(sock, compatibility.describe(Machine(wanted).partition), stream.getvalue())
    where = ("at the source", "here") if asked else ("in the stream", "in hello")
    for value in ("1G", "power9", "host"):
        assert f"{value} {where[0]}" in told
    assert told == arrival.failure()


def test_a_table_larger_than_the_machine_asked_for_could_have_is_refused(tmp_path: Path) -> None:
    vm = counting()
    assert resize(vm, 20) == (0, 0)
    vm.migrate(f"file:{tmp_path / 'file'}")
    Machine.incoming(f"file:{tmp_path / 'file'}", config=MachineConfig(memory="64M"))
    with pytest.raises(StreamError, match="Hash table shift: got 20, wanted 18 to 19"):
        Machine.incoming(f"file:{tmp_path / 'file'}", config=MachineConfig(memory="64M", hpt_shift=19))


def test_a_prepared_table_larger_than_the_machine_could_have_is_refused(tmp_path: Path) -> None:
    vm = counting()
    vm.partition.prepared_hpt = Hpt(46)
    vm.migrate(f"file:{tmp_path / 'file'}")
    with pytest.raises(StreamError, match=r"2\^18 to 2\^20 bytes, not 2\^46"):
        Machine.incoming(f"file:{tmp_path / 'file'}")


@pytest.mark.parametrize("shift", [0, HPT_SHIFT_MIN - 1])
def test_a_prepared_table_smaller_than_any_is_refused(shift: int) -> None:
    vm = counting().partition
    section = next(one for one in sections(vm) if one.name == "spapr")
    prepared = {"spapr/prepared_hpt": {"fields": {"shift": shift}, "subsections": {}}}
    values = section.vmstate.values(vm) | {"subsections": prepared}
    with pytest.raises(StreamError, match=rf"2\^18 to 2\^20 bytes, not 2\^{shift}"):
        section.vmstate.load(vm, section.vmstate.version, values, vm.config.ram_size)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--memory", "1G", "memory is 64M at the source and 1G here (--memory)"),
        ("--cpu", "power9", "the CPU is power8 at the source and power9 here (--cpu)"),
        ("--clock", "host", "the clock is virtual at the source and host here (--clock)"),
        ("--seed", "7", "the seed is 0 at the source and 7 here (--seed)"),
        ("--strict", None, "strictness is off at the source and on here (--strict)"),
    ],
)
def test_options_of_boot_are_what_the_machine_that_comes_must_be(
    option: str, value: str | None, message: str, demo_guest: Path, tmp_path: Path
) -> None:
    churning(demo_guest, arguments="").migrate(f"file:{tmp_path / 'file'}")
    line = program("boot", "--incoming", f"file:{tmp_path / 'file'}", "--max-instructions", "1000")
    done = subprocess.run([*line, option, *([value] if value else [])], capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"pyspapr: rejected the machine: {message}")
    fitting = {"--memory": "64M", "--cpu": "power8", "--clock": "virtual", "--seed": "0"}
    if option in fitting:
        done = subprocess.run([*line, option, fitting[option]], capture_output=True, text=True)
        assert done.returncode == 4, done.stderr


def test_a_destination_without_a_device_refuses_it_by_name(wires: Wires, demo_guest: Path) -> None:
    from pyspapr.devices.nvram import Nvram
    from pyspapr.vmstate import VMState

    class Extra(Nvram):
        VMSTATE = VMState("acme/extra", version=1, fields=Nvram.VMSTATE.fields)

    vm = churning(demo_guest)
    vm.add_device(Extra())
    here, there = wires()
    arrival = Arrival(there)
    with pytest.raises(MigrationError, match="device acme/extra is at the source and not here"):
        vm.migrate(here)
    arrival.failure()
    here, there = wires()
    arrival = Arrival(there, prepare=lambda machine: machine.add_device(Extra()))
    vm.migrate(here)
    assert arrival.machine().state_hash() == vm.state_hash()


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x05hello", b"\xff" * 64, b""])
def test_a_peer_that_is_no_source_is_rejected_and_the_source_is_welcome(
    garbage: bytes, demo_guest: Path, tmp_path: Path
) -> None:
    rejected: list[str] = []
    arrival = Arrival(f"unix:{tmp_path / 'socket'}", on_rejected=rejected.append)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(tmp_path / "socket"))
        peer.sendall(garbage)
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(60)
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(1) == b"", "the connection was closed"
    vm = churning(demo_guest)
    vm.migrate(arrival.address)
    assert arrival.machine().state_hash() == vm.state_hash()
    assert len(rejected) == 1


def test_nobody_listens(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    for place in (f"unix:{tmp_path / 'nobody'}", "tcp:127.0.0.1:1"):
        with pytest.raises(MigrationError, match="cannot connect"):
            vm.migrate(place)
    runs_on(vm)


def test_cancel_from_another_thread(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with running(vm) as reasons:
        migration = vm.start_migration(arrival.address, bandwidth=MIB)
        eventually(lambda: migration.statistics.sent_bytes > 100_000)
        assert migration.cancel()
        arrival.failure()
        assert not reasons
        vm.stop()
        eventually(lambda: bool(reasons))
        assert isinstance(reasons[0], Interrupted)
    runs_on(vm)


def welcome(there: Any) -> None:
    """Answer a source at the other end of `there` as a destination does that it fits."""
    frames.read_frame(uri.ObjectTransport(there), "hello")
    there.write(frames.Welcome(frames.PROTOCOL, "test").encode())


@pytest.mark.parametrize(
    ("pages", "phase"),
    [
        pytest.param(4000, Phase.FIRST_PASS, id="large"),
        pytest.param(0, Phase.ITERATE, id="fits-into-the-buffers-on-the-way"),
    ],
)
def test_a_destination_that_reads_nothing_does_not_stop_the_guest(
    wires: Wires, pages: int, phase: Phase, demo_guest: Path
) -> None:
    vm = churning(demo_guest)
    ballast(vm, pages=pages, entries=0)
    here, there = wires()
    threading.Thread(target=welcome, args=(there,), daemon=True).start()
    with running(vm):
        migration = vm.start_migration(here, downtime_limit=10)
        eventually(lambda: migration.phase is phase)
        before = vm.call(lambda: vm.instructions)
        eventually(lambda: vm.call(lambda: vm.instructions) > before + 10_000_000)
        assert migration.phase is phase
        assert migration.cancel()
    runs_on(vm)


def test_a_destination_that_falls_silent_at_the_end_gives_the_guest_back_after_a_while(
    wires: Wires, demo_guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SWITCHOVER_TIMEOUT", 0.5)
    vm = churning(demo_guest)
    here, there = wires()

    def silent() -> None:
        welcome(there)
        received = 0
        with contextlib.suppress(OSError, ValueError):  # until the source is gone
            while data := there.read(1 << 16):
                received += len(data)
                there.write(frames.Progress(received).encode())

    threading.Thread(target=silent, daemon=True).start()
    with pytest.raises(MigrationError, match=r"within 0\.\d s"):
        vm.migrate(here)
    runs_on(vm)


def test_migration_between_threads_while_the_guest_runs_in_a_third(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with running(vm) as reasons:
        statistics = vm.migrate(arrival.address)
        assert statistics.phase is Phase.COMPLETED
        eventually(lambda: bool(reasons))
        assert isinstance(reasons[0], Migrated)
    runs_on(arrival.machine())


def certificates(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts for a client and a server that trust one self-made authority."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
    for name, subject in (("server", "/CN=localhost"), ("client", "/CN=client")):
        openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject
        )
        (directory / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", f"{name}.pem", "-extfile", "ext"),
        )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "server.pem", directory / "server.key")
    server.load_verify_locations(directory / "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    client.load_cert_chain(directory / "client.pem", directory / "client.key")
    return client, server


def test_tls_with_certificates_on_both_sides(demo_guest: Path, tmp_path: Path) -> None:
    client, server = certificates(tmp_path)
    vm = churning(demo_guest)
    arrival = Arrival("tcp:127.0.0.1:0", tls=server)
    vm.migrate(arrival.address, tls=client)
    runs_on(arrival.machine())


@pytest.mark.parametrize("place", ["fd:0", "file:x", io.BytesIO()])
def test_a_context_that_would_be_ignored_is_an_error(place: object, demo_guest: Path) -> None:
    with pytest.raises(MigrationError, match="TLS is for tcp and unix, not for"):
        Machine.incoming(place, tls=ssl.create_default_context())
    with pytest.raises(MigrationError, match="TLS is for tcp and unix, not for"):
        churning(demo_guest).migrate(place, tls=ssl.create_default_context())


def test_a_client_without_a_certificate_is_not_let_in(demo_guest: Path, tmp_path: Path) -> None:
    client, server = certificates(tmp_path)
    anonymous = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    vm = churning(demo_guest)
    rejected: list[str] = []
    arrival = Arrival("tcp:127.0.0.1:0", tls=server, on_rejected=rejected.append)
    for tls in (anonymous, None):
        with pytest.raises(MigrationError):
            vm.migrate(arrival.address, tls=tls)
    vm.migrate(arrival.address, tls=client)
    assert arrival.machine().state_hash() == vm.state_hash()
    assert len(rejected) == 2 and all("TLS" in why for why in rejected)


@pytest.mark.parametrize("opening", [b"", b"\x00", b"\x00\x00\x10\x00half"])
def test_a_peer_that_says_too_little_is_rejected(
    opening: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HELLO_TIMEOUT", 0.2)
    rejected: list[str] = []
    arrival = Arrival(f"unix:{tmp_path / 'socket'}", on_rejected=rejected.append)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(tmp_path / "socket"))
        peer.sendall(opening)
        peer.settimeout(60)
        assert peer.recv(1) == b"", "the connection was closed"
    eventually(lambda: bool(rejected))
    assert rejected == ["it sent no hello within 0.2 s"]
    arrival.incoming.cancel()
    arrival.failure()


@pytest.mark.parametrize("encrypted", [False, True])
def test_silent_peers_do_not_keep_the_source_out(encrypted: bool, demo_guest: Path, tmp_path: Path) -> None:
    client, server = certificates(tmp_path) if encrypted else (None, None)
    vm = churning(demo_guest)
    rejected: list[str] = []
    arrival = Arrival("tcp:127.0.0.1:0", tls=server, on_rejected=rejected.append)
    port = int(arrival.address.rpartition(":")[2])
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(listener.AT_ONCE + 8)
        ]
        silent[0].settimeout(60)
        assert silent[0].recv(1) == b"", "the one that has been silent longest makes room"
        vm.migrate(arrival.address, tls=client)
    assert arrival.machine().state_hash() == vm.state_hash()
    assert len(rejected) >= 8 and all("others connected" in why for why in rejected)


def fall_silent(address: str, vm: Machine) -> socket.socket:
    """A source that is welcome and then says nothing more."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(address.removeprefix("unix:"))
    sock.sendall(compatibility.describe(vm.partition).encode())
    return sock


def test_a_source_that_falls_silent_is_given_up(
    demo_guest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "SILENCE", 0.3)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with fall_silent(arrival.address, churning(demo_guest)):
        assert arrival.failure() == "the other side has sent nothing for 0.3 s"


def test_an_object_that_falls_silent_is_given_up(
    wires: Wires, demo_guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "SILENCE", 0.3)
    here, there = wires()
    arrival = Arrival(there)
    here.write(compatibility.describe(churning(demo_guest).partition).encode())
    assert arrival.failure() == "the other side has sent nothing for 0.3 s"


def test_the_timeout_of_a_destination_bounds_what_comes_after_hello_too(demo_guest: Path, tmp_path: Path) -> None:
    arrival = Arrival(f"unix:{tmp_path / 'socket'}", timeout=1)
    with fall_silent(arrival.address, churning(demo_guest)):
        assert arrival.failure() == "the time is over"


@contextlib.contextmanager
def talking(directory: Path, say: Callable[[Transport], None]) -> Iterator[str]:
    """The address of a destination that welcomes a source and then does what `say` does, until it is gone."""
    path = str(directory / "talking")

    def serve() -> None:
        with contextlib.closing(SocketTransport(server.accept()[0])) as transport, contextlib.suppress(MigrationError):
            frames.read_frame(transport, "hello")
            transport.write(frames.Welcome(frames.PROTOCOL, "test").encode())
            say(transport)
            while transport.read(1 << 16):  # until the source has left
                pass

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield f"unix:{path}"
        serving.join(20)


def chatter(transport: Transport) -> None:
    """Say without end how much was read."""
    while True:
        transport.write(frames.Progress(0).encode() * 1000)


def test_a_destination_that_talks_without_end_does_not_hold_the_guest(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    with talking(tmp_path, chatter) as address, running(vm):
        migration = vm.start_migration(address)
        before = vm.call(lambda: vm.instructions)
        eventually(lambda: vm.call(lambda: vm.instructions) > before + 10_000_000)
        assert migration.cancel()
    runs_on(vm)


def test_answers_that_nobody_has_asked_for_do_not_pile_up(
    wires: Wires, demo_guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "FRAMES_LIMIT", 100)
    here, there = wires()

    def talk() -> None:
        welcome(there)
        there.write(frames.Progress(0).encode() * 1000)

    threading.Thread(target=talk, daemon=True).start()
    connection = link.Link(uri.ObjectTransport(here), None)
    connection.put(compatibility.describe(churning(demo_guest).partition).encode())
    with pytest.raises(MigrationError, match="has sent 100 answers before anybody read one"):
        eventually(lambda: connection.check() is not None)
    connection.close()


def complete_too_early(transport: Transport) -> None:
    """Take the whole stream and confirm less than that."""
    reader = StreamReader(transport.read)
    while reader.last is not Kind.END:
        reader.next()
        transport.write(frames.Progress(reader.offset).encode())
    transport.write(frames.Complete(reader.offset - 1).encode())


def exaggerate(transport: Transport) -> None:
    """Claim to have read what was never sent."""
    transport.write(frames.Progress(1 << 60).encode())


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (exaggerate, r"has read 1152921504606846976 bytes, expected 0 to \d+"),
        (complete_too_early, r"\d+ bytes are complete, expected \d+|has read \d+ bytes, expected"),
    ],
)
def test_a_destination_that_miscounts_is_not_believed(
    say: Callable[[Transport], None], why: str, demo_guest: Path, tmp_path: Path
) -> None:
    vm = churning(demo_guest)
    with talking(tmp_path, say) as address, pytest.raises(MigrationError, match=why):
        vm.migrate(address)
    runs_on(vm)


def test_the_timeout_of_a_destination_bounds_a_source_that_sends_without_end(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}", timeout=2)
    stream = bytearray()
    writer = StreamWriter(stream.extend)
    save.write_head(vm.partition, writer)
    with fall_silent(arrival.address, vm) as sock, contextlib.suppress(OSError):
        while True:
            sock.sendall(stream)
            stream.clear()
            for _ in range(1000):
                writer.record(RamChunk(0, 0, "", b"", b""))
    assert arrival.failure() == "the time is over"


def test_a_destination_that_says_nothing_is_given_up_and_the_guest_goes_on(
    wires: Wires, demo_guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "SILENCE", 0.3)
    vm = churning(demo_guest)
    ballast(vm, pages=4000, entries=0)
    here, there = wires()
    threading.Thread(target=welcome, args=(there,), daemon=True).start()
    with pytest.raises(MigrationError, match=r"the destination has said nothing for 0\.3 s"):
        vm.migrate(here)
    runs_on(vm)


def test_a_handshake_that_does_not_end_is_given_up_however_much_is_said(tmp_path: Path) -> None:
    """One byte now and then would start the time of each single read anew."""
    client, _ = certificates(tmp_path)
    over = threading.Event()

    def drip(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.sendall(b"\x16\x03\x03\x40\x00")  # the head of a long handshake record
            while not over.wait(0.05):
                sock.sendall(b"\x00")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: drip(server.accept()[0]), daemon=True).start()
        with pytest.raises(MigrationError, match="the handshake did not end in time"):
            uri.connect(f"tcp:127.0.0.1:{server.getsockname()[1]}", tls=client, timeout=0.5)
        over.set()


def test_a_source_that_only_waits_for_the_word_is_not_taken_for_dead(
    demo_guest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "SILENCE", 1.0)
    monkeypatch.setattr(source, "SIGN_OF_LIFE", 0.1)
    vm = churning(demo_guest)
    vm.pause()
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with running(vm):
        migration = vm.start_migration(arrival.address, pause_before_switchover=True)
        eventually(lambda: migration.phase is Phase.PRE_SWITCHOVER)
        assert not migration.ended.wait(2.5), "it still waits"
        migration.proceed()
        assert migration.ended.wait(60)
    assert arrival.machine().state_hash() == vm.state_hash()


def test_a_callback_that_raises_ends_the_migration_and_not_the_guest(wires: Wires, demo_guest: Path) -> None:
    vm = churning(demo_guest)
    here, there = wires()
    arrival = Arrival(there)

    def broken(statistics: MigrationStatistics) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        vm.migrate(here, on_progress=broken)
    assert vm.migration is not None and vm.migration.phase is Phase.FAILED and vm.migrating is None
    arrival.failure()
    runs_on(vm)
