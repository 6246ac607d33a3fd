"""Where migrations go and come from: addresses, files, pipes, objects; and what happens to the guest on the way."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from migration import MIB, Arrival, ballast, churning, counting, eventually, running
from soak import soak

import pyspapr.migration.file_transport
from pyspapr import (
    Machine,
    Migrated,
    MigrationCancelled,
    MigrationError,
    PoweredOff,
    StateError,
    StreamError,
)
from pyspapr.cli import progress
from pyspapr.devices import Vty
from pyspapr.host import unix_socket
from pyspapr.migration import frames
from pyspapr.migration.convergence import BRIEF, HAGGLE, LITTLE, Convergence
from pyspapr.migration.counters import Counters
from pyspapr.migration.descriptor_guard import DescriptorGuard
from pyspapr.migration.file_transport import DescriptorTransport
from pyspapr.migration.listener import listen
from pyspapr.migration.object_transport import ObjectTransport
from pyspapr.migration.phases import Phase
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.migration.source import Source
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.migration.throttle import MOST, Throttle
from pyspapr.qmp.statistics import pass_info


def test_a_listener_without_a_host_is_on_the_loopback_interface_only() -> None:
    listener = listen("tcp::0")
    assert listener.address.startswith("tcp:127.0.0.1:")
    listener.close()


def test_a_unix_socket_is_its_owners_alone_and_a_dead_one_makes_room(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listener = listen(f"unix:{path}")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(MigrationError, match="cannot listen"):
        listen(f"unix:{path}")
    listener.close()
    assert not path.exists()


def test_of_two_that_begin_to_listen_at_once_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both find a socket that nobody serves; the second must not remove what the first has put in its place."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    original, listeners = unix_socket._served, []

    def served(name: str) -> bool:
        found = original(name)
        if not listeners:
            listeners.append(None)  # only the first time
            with pytest.raises(MigrationError, match="another process begins to listen there"):
                listen(f"unix:{path}")
        return found

    monkeypatch.setattr(unix_socket, "_served", served)
    listener = listen(f"unix:{path}")
    assert os.listdir(tmp_path) == ["socket"]
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
    listener.close()
    assert os.listdir(tmp_path) == []


def test_a_destination_can_be_told_to_wait_no_longer(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no source connected"):
        Machine.incoming(f"unix:{tmp_path / 'socket'}", timeout=0.1)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    arrival.incoming.cancel()
    assert "cancelled" in arrival.failure()


def test_a_destination_that_was_cancelled_before_it_listens_says_so(tmp_path: Path) -> None:
    incoming = Machine.listen(f"unix:{tmp_path / 'socket'}")
    incoming.cancel()
    with pytest.raises(MigrationCancelled):
        incoming.receive()


def test_cancelling_closes_no_descriptor_that_another_thread_is_about_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that is closed belongs to whoever opens something next: accepting there would take their connection."""
    place = f"unix:{tmp_path / 'socket'}"
    original = socket.socket.accept
    seen: list[tuple[int, int]] = []

    def accept(listener: socket.socket) -> tuple[socket.socket, object]:
        number = listener.fileno()
        seen.append((number, os.fstat(number).st_ino))
        canceller = threading.Thread(target=incoming.cancel)
        canceller.start()
        canceller.join(10)
        assert not canceller.is_alive(), "to cancel must not wait for who waits"
        seen.append((listener.fileno(), os.fstat(number).st_ino))
        return original(listener)

    incoming = Machine.listen(place)
    monkeypatch.setattr(socket.socket, "accept", accept)
    with socket.socket(socket.AF_UNIX) as source:
        source.connect(str(tmp_path / "socket"))
        with pytest.raises(MigrationCancelled):
            incoming.receive()
        assert source.recv(1) == b"", "nobody holds the connection"
    assert seen[0] == seen[1]
    with pytest.raises(OSError):
        os.fstat(seen[0][0])
    assert not (tmp_path / "socket").exists()


def test_the_name_is_gone_when_a_cancelled_wait_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waited may end the process, before the thread that cancelled comes to do anything more."""
    original, over = DescriptorGuard.close, threading.Event()

    def close(guard: DescriptorGuard) -> None:
        original(guard)
        if threading.current_thread() is canceller:
            over.wait(30)

    incoming = Machine.listen(f"unix:{tmp_path / 'socket'}")
    canceller = threading.Thread(target=incoming.cancel)
    monkeypatch.setattr(DescriptorGuard, "close", close)
    canceller.start()
    with pytest.raises(MigrationCancelled):
        incoming.receive()
    assert not (tmp_path / "socket").exists()
    over.set()
    canceller.join()


@pytest.mark.parametrize("writes", [False, True])
def test_closing_a_transport_wakes_who_waits_in_it_and_leaves_the_descriptor_until_then(
    writes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, input_ = os.pipe()
    waiting, other = (input_, output) if writes else (output, input_)
    before = os.fstat(waiting).st_ino
    failed: list[str] = []

    class Watched(DescriptorGuard):
        """Closes in the last moment before the wait."""

        def wait(self, descriptor: int, events: int, seconds: float | None = None) -> bool:
            if not writes or not select.select([], [descriptor], [], 0)[1]:
                transport.close()
            assert os.fstat(descriptor).st_ino == before
            return super().wait(descriptor, events, seconds)

    monkeypatch.setattr(pyspapr.migration.file_transport, "DescriptorGuard", Watched)
    transport = DescriptorTransport(waiting)

    def use() -> None:
        try:
            if writes:
                transport.write(bytes(1 << 20))
            else:
                transport.read(1)
        except MigrationError as error:
            failed.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert failed == ["the descriptor was closed on this side"]
    with pytest.raises(OSError):
        os.fstat(waiting)
    os.close(other)


def no_eventfd(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the host has descriptors for sockets, and none to wake a thread with."""

    def fail(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "eventfd", fail)


def test_a_listener_that_fails_halfway_leaves_neither_socket_nor_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_eventfd(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    before = set(os.listdir("/proc/self/fd"))
    for place in (f"unix:{tmp_path / 'socket'}", f"tcp:127.0.0.1:{port}"):
        with pytest.raises(MigrationError, match=f"cannot listen at {place}: .*Too many open files"):
            Machine.listen(place)
    assert set(os.listdir("/proc/self/fd")) <= before and not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["tcp", "unix", "fd"])
def test_a_connection_that_fails_halfway_is_closed_and_a_descriptor_stays_the_callers(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = Machine(memory="32M")
    vm.start(pc=0)
    path = tmp_path / "socket"
    with contextlib.ExitStack() as stack:
        if place == "tcp":
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            address = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        elif place == "unix":
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(path))
            server.listen()
            address = f"unix:{path}"
        else:
            ends = [stack.enter_context(sock) for sock in socket.socketpair()]
            address = f"fd:{ends[0].fileno()}"
        no_eventfd(monkeypatch)
        before = set(os.listdir("/proc/self/fd"))
        with pytest.raises(MigrationError, match="Too many open files"):
            vm.migrate(address)
        assert set(os.listdir("/proc/self/fd")) <= before
        if place == "fd":
            ends[0].sendall(b"still open")
            assert ends[1].recv(16) == b"still open"
    assert vm.migration is None and vm.migrating is None


def test_a_socket_that_is_readable_without_giving_anything_is_waited_for_all_the_same() -> None:
    """As a TLS connection is when its peer sends session tickets."""
    here, there = socket.socketpair()
    transport = SocketTransport(here)
    original, calls = transport._receive, []

    def receive(limit: int) -> tuple[bytes | None, int]:
        calls.append(limit)
        return (None, select.POLLIN) if len(calls) < 3 else original(limit)

    transport._receive = receive  # type: ignore[method-assign]
    there.sendall(b"x")
    assert transport.take(10, 30) == b"x"
    assert transport.take(10, 0) is None and transport.take(10, 0.01) is None
    transport.close()
    there.close()


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("bandwidth", 0, "bandwidth is 0, expected a whole number of bytes per second, 1 or more"),
        ("bandwidth", 1.5, "bandwidth is 1.5"),
        ("bandwidth", "1M", "bandwidth is '1M'"),
        ("downtime_limit", -1, "downtime_limit is -1, expected a number of seconds, 0 or more"),
        ("downtime_limit", "1", "downtime_limit is '1'"),
        ("downtime_limit", float("nan"), "downtime_limit is nan"),
        ("throttling", "no", "throttling is 'no', expected True or False"),
        ("pause_before_switchover", None, "pause_before_switchover is None"),
        ("compression", "gzip", "unknown compression 'gzip'"),
        ("on_progress", 3, "on_progress is 3, expected a function"),
        ("tls", "creds", "tls is 'creds', expected an ssl.SSLContext"),
    ],
)
def test_what_cannot_be_asked_of_a_migration_is_refused_before_it_begins(
    vm: Machine, tmp_path: Path, option: str, value: object, text: str
) -> None:
    vm.start(pc=0)
    with pytest.raises((MigrationError, TypeError), match=text):
        vm.migrate(f"file:{tmp_path / 'away'}", **cast(Any, {option: value}))
    assert vm.migration is None and os.listdir(tmp_path) == []


def test_what_is_changed_of_a_migration_under_way_is_looked_at_as_well(vm: Machine, tmp_path: Path) -> None:
    vm.start(pc=0)
    outgoing = vm.start_migration(f"file:{tmp_path / 'away'}", bandwidth=1 << 20)
    with pytest.raises(MigrationError, match="bandwidth is 0"):
        outgoing.bandwidth = 0
    with pytest.raises(MigrationError, match="downtime_limit is 'short'"):
        outgoing.downtime_limit = cast(Any, "short")
    assert (outgoing.bandwidth, outgoing.downtime_limit) == (1 << 20, 0.3)
    assert outgoing.cancel()


def test_a_migration_into_a_file_can_be_restored_and_taken_in(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    path = tmp_path / "machine"
    path.write_bytes(b"older")
    statistics = vm.migrate(f"file:{path}")
    assert statistics.phase is Phase.COMPLETED and statistics.passes[-1].final
    assert os.listdir(tmp_path) == ["machine"]
    with pytest.raises(StateError, match="migrated away"):
        vm.run()
    for machine in (Machine.restore(path), Machine.incoming(f"file:{path}")):
        assert machine.state_hash() == vm.state_hash()
        machine.run(max_instructions=3_000_000)
    vm.reclaim()
    vm.run(max_instructions=3_000_000)
    assert vm.state_hash() == machine.state_hash()


def test_a_cancelled_migration_leaves_the_older_file(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    path = tmp_path / "machine"
    path.write_bytes(b"older")

    def cancel(statistics: MigrationStatistics) -> None:
        if statistics.phase is Phase.FINAL_PASS and vm.migration is not None:
            vm.migration.cancel()

    with pytest.raises(MigrationError):
        vm.migrate(f"file:{path}", on_progress=cancel)
    assert os.listdir(tmp_path) == ["machine"] and path.read_bytes() == b"older"
    vm.run(max_instructions=3_000_000)


def test_a_descriptor_or_object_of_a_file_is_synced_before_the_guest_is_given_up(
    demo_guest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = churning(demo_guest)
    synced: list[tuple[int, bool]] = []

    def fsync(fd: int) -> None:
        synced.append((os.fstat(fd).st_size, vm.ended is None))

    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("descriptor", "object"):
        path = tmp_path / name
        with path.open("wb") as file:
            vm.migrate(f"fd:{os.dup(file.fileno())}" if name == "descriptor" else file)
        assert synced == [(path.stat().st_size, True)]
        assert Machine.incoming(f"file:{path}").state_hash() == vm.state_hash()
        synced.clear()
        vm.reclaim()


@pytest.mark.parametrize(
    ("opened", "text"),
    [
        (lambda path: os.open("/dev/null", os.O_WRONLY), "a character device, not a regular file"),
        (lambda path: os.open(path, os.O_RDONLY), "it is open for reading only"),
        (lambda path: os.eventfd(0), "something else, not a regular file"),
        (lambda path: unread(), "nobody reads from the pipe"),
    ],
    ids=["device", "read-only", "eventfd", "unread-pipe"],
)
def test_a_descriptor_that_would_lose_the_guest_is_refused(
    opened: Callable[[Path], int], text: str, demo_guest: Path, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.touch()
    vm = churning(demo_guest)
    fd = opened(path)
    with pytest.raises(MigrationError, match=rf"fd:{fd} cannot be used: {text}"):
        vm.migrate(f"fd:{fd}")
    with os.fdopen(fd, "wb", buffering=0) as file, pytest.raises(MigrationError, match=text):
        vm.migrate(WriteOnly(file))
    assert vm.migration is None
    vm.run(max_instructions=1000)


class WriteOnly:
    """The writing half of a file."""

    def __init__(self, file: io.RawIOBase) -> None:
        self.fileno = file.fileno
        self.write = file.write


def unread() -> int:
    """The end of a pipe whose other end is closed."""
    output, input_ = os.pipe()
    os.close(output)
    return input_


def test_descriptors_of_a_pipe_and_of_a_socket(demo_guest: Path) -> None:
    vm = churning(demo_guest)
    output, input_ = os.pipe()
    arrival = Arrival(f"fd:{output}")
    vm.migrate(f"fd:{input_}")
    machine = arrival.machine()
    assert machine.state_hash() == vm.state_hash()
    left, right = socket.socketpair()
    arrival = Arrival(f"fd:{right.detach()}")
    machine.migrate(f"fd:{left.detach()}")
    assert arrival.machine().state_hash() == machine.state_hash()


def test_any_object_with_write_takes_a_machine_and_any_with_read_gives_one(demo_guest: Path) -> None:
    class Out:
        def __init__(self) -> None:
            self.data = bytearray()

        def write(self, data: bytes) -> int:
            self.data += bytes(data)[:5000]
            return min(len(data), 5000)

    class In:
        def __init__(self, data: bytes) -> None:
            self.file = io.BytesIO(data)

        def read(self, limit: int) -> bytes:
            return self.file.read(min(limit, 777))

    vm = churning(demo_guest)
    out = Out()
    vm.migrate(out)
    assert Machine.incoming(In(bytes(out.data))).state_hash() == vm.state_hash()
    for cut in (0, 1, 1000, len(out.data) // 2, len(out.data) - 1):
        with pytest.raises(StreamError):
            Machine.incoming(In(bytes(out.data[:cut])))
    with pytest.raises(MigrationError, match="neither read nor write"):
        Machine.incoming(object())


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compression_makes_it_smaller(compression: str, demo_guest: Path, tmp_path: Path) -> None:
    sizes = []
    for method in (None, compression):
        vm = churning(demo_guest)
        vm.memory.write(40 * MIB, b"compress me, please " * 100_000)
        arrival = Arrival(f"unix:{tmp_path / 'socket'}")
        sizes.append(vm.migrate(arrival.address, compression=method).passes[0].ram_bytes)
        assert arrival.machine().state_hash() == vm.state_hash()
    assert sizes[1] * 3 < sizes[0]


def test_zero_pages_cost_next_to_nothing(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    vm.memory.write(40 * MIB, b"x" * (4 * MIB))
    vm.memory.fill(40 * MIB, 4 * MIB)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    first = vm.migrate(arrival.address).passes[0]
    assert first.ram_zero_pages >= 1024
    assert first.ram_bytes < first.ram_pages * 4104 + 20_000
    assert arrival.machine().state_hash() == vm.state_hash()


@pytest.mark.parametrize("when", [Phase.FIRST_PASS, Phase.ITERATE, Phase.PRE_SWITCHOVER])
def test_a_guest_that_reboots_on_the_way_arrives_whole(when: Phase, demo_guest: Path, tmp_path: Path) -> None:
    """QEMU e6b8fd246c and 01a579729b: a reboot left the old table's entries at the destination."""
    vm = churning(demo_guest)
    ballast(vm, pages=100, entries=2000)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    again: list[int] = []

    def reboot(statistics: MigrationStatistics) -> None:
        if statistics.phase is when and not again:
            again.append(vm.hpt.valid_entries())
            vm.reboot()
        if again and statistics.pass_number > 3 and vm.migration is not None:
            vm.migration.proceed()

    vm.migrate(
        arrival.address,
        on_progress=reboot,
        bandwidth=8 * MIB,
        downtime_limit=0.05,
        pause_before_switchover=when is Phase.PRE_SWITCHOVER,
    )
    assert again and again[0] >= 2000
    machine = arrival.machine()
    assert machine.hpt.valid_entries() < 2000
    assert machine.state_hash() == vm.state_hash()
    machine.run(max_instructions=20_000_000)
    assert "FAIL" not in machine.console.output


def test_a_guest_that_powers_off_on_the_way_is_not_migrated(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest, arguments="rounds=30 churn=1000")
    ballast(vm, pages=4000, entries=0)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with pytest.raises(MigrationError, match="powered off, so there is nothing to migrate"):
        vm.migrate(arrival.address, bandwidth=MIB, throttling=False, downtime_limit=0)
    arrival.failure()
    assert vm.ended == PoweredOff()


def test_a_paused_guest_moves_and_stays_paused(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    vm.pause()
    before = vm.instructions
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address)
    machine = arrival.machine()
    assert machine.cpus[0].vcpu.instructions == before == vm.instructions
    assert arrival.incoming.paused
    assert machine.state_hash() == vm.state_hash()


def test_the_switchover_waits_until_it_is_told_to_go_on(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with running(vm) as reasons:
        migration = vm.start_migration(arrival.address, pause_before_switchover=True)
        eventually(lambda: migration.phase is Phase.PRE_SWITCHOVER)
        before = vm.call(lambda: vm.instructions)
        eventually(lambda: vm.call(lambda: vm.instructions) > before + 5_000_000)
        assert migration.phase is Phase.PRE_SWITCHOVER
        migration.proceed()
        assert migration.ended.wait(30)
        eventually(lambda: bool(reasons))
        assert isinstance(reasons[0], Migrated)
    assert arrival.machine().state_hash() == vm.state_hash()


def test_a_machine_with_host_time_keeps_its_time(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest, clock="host")
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address)
    machine = arrival.machine()
    gap = machine.cpus[0].vcpu.timebase - vm.cpus[0].vcpu.timebase
    assert abs(gap) < 30 * 512_000_000
    machine.run(max_instructions=20_000_000)
    assert "FAIL" not in machine.console.output


def test_typed_input_that_nobody_read_moves_along(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    vm.console.write("typed ahead")
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address)
    machine = arrival.machine()
    assert machine.device(Vty).buffer + machine.console.take(100) == b"typed ahead"


def test_the_rate_is_kept(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    ballast(vm, pages=1000, entries=0)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    # A guest on a quick host dirties more than that in any pass: it may stand still for what the first one leaves.
    statistics = vm.migrate(arrival.address, bandwidth=8 * MIB, downtime_limit=10)
    arrival.machine()
    first = statistics.passes[0]
    assert first.bytes / first.seconds < 1.2 * 8 * MIB


def test_a_guest_that_does_not_converge_is_slowed_step_by_step() -> None:
    throttle = Throttle()
    shares = []
    for _ in range(40):
        throttle.judge(1000, 990)
        shares.append(throttle.share)
    assert shares[:4] == [0.0, 0.2, 0.2, pytest.approx(0.3)]
    assert shares[-1] == MOST
    off = Throttle(enabled=False)
    for _ in range(40):
        off.judge(1000, 2000)
    assert off.share == 0


def test_passes_that_get_longer_and_shorter_in_turns_do_not_converge() -> None:
    throttle = Throttle()
    for _ in range(3):
        throttle.judge(1000, 1600)
        throttle.judge(1600, 1000)
    assert throttle.share > 0


def test_a_guest_that_dirties_more_than_a_pass_carries_is_slowed_until_it_fits(
    demo_guest: Path, tmp_path: Path
) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    shares: list[float] = []
    statistics = vm.migrate(
        arrival.address,
        bandwidth=4 * MIB,
        downtime_limit=0.02,
        on_progress=lambda now: shares.append(now.throttle),
    )
    assert statistics.phase is Phase.COMPLETED and max(shares) > 0
    assert arrival.machine().state_hash() == vm.state_hash()


def test_a_guest_is_stopped_at_once_when_little_is_left_and_after_a_while_when_much_is() -> None:
    time = [0.0]
    convergence = Convergence(0.3, lambda: time[0])
    rate = 100.0 * MIB
    assert not convergence.content(31 * MIB, rate), "over the limit"
    assert not convergence.content(20 * MIB, rate), "within the limit, but less may be left soon"
    time[0] = HAGGLE / 2
    assert not convergence.content(4 * MIB, rate)
    assert convergence.content(LITTLE, rate)
    assert convergence.content(int(BRIEF * rate), rate)
    time[0] = HAGGLE
    assert convergence.content(4 * MIB, rate)
    assert not convergence.content(31 * MIB, rate), "over the limit it is never stopped"


def test_the_guest_runs_while_the_queue_is_sent_and_is_stopped_when_little_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[int] = []

    def stop(self: Source) -> None:
        waiting.append(self.link.waiting)
        stops(self)

    stops = Source._stop
    monkeypatch.setattr(Source, "_stop", stop)
    vm = counting()
    arrival = Arrival(f"unix:{tmp_path / 'way'}")
    vm.migrate(arrival.address, bandwidth=64 * MIB, downtime_limit=0.3)
    assert len(waiting) == 1 and waiting[0] <= LITTLE
    assert arrival.machine().state_hash() == vm.state_hash()


def test_a_generous_limit_is_not_undercut_by_passes_that_take_long() -> None:
    assert Convergence(10).content(60 * MIB, 100.0 * MIB)
    assert not Convergence(10).content(40 * MIB, 100.0 * MIB)


def test_a_tight_limit_is_not_haggled_about_for_long() -> None:
    time = [5.0]
    convergence = Convergence(0.02, lambda: time[0])
    assert not convergence.content(2 * MIB, 100.0 * MIB)
    time[0] += 0.04
    assert convergence.content(2 * MIB, 100.0 * MIB)
    assert Convergence(0).content(0, 1.0) and not Convergence(0).content(1, 1.0)
    assert Convergence(0).content(LITTLE, 0), "nothing was sent yet, so the rate is unknown"


def test_passes_that_only_wait_are_told_as_one() -> None:
    counters = Counters(lambda: 0)
    for waits, pages in ((False, 100), (True, 3), (True, 4), (True, 5), (False, 60), (True, 7)):
        counters.begin_pass(final=False, waits=waits)
        counters.ram(pages, 0, pages * 4096)
        counters.end_pass()
    counters.begin_pass(final=True)
    found = counters.statistics(phase=Phase.FINAL_PASS)
    assert [(one.number, one.count, one.ram_pages) for one in found.passes] == [
        *((1, 1, 100), (4, 3, 12), (5, 1, 60), (6, 1, 7), (7, 1, 0)),
    ]
    assert found.pass_number == 7 and found.ram_bytes == 179 * 4096
    assert [progress.numbers(pass_info(one)) for one in found.passes] == ["1", "2-4", "5", "6", "7 (stopped)"]


def test_a_long_wait_for_the_word_adds_no_rows(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with running(vm):
        migration = vm.start_migration(arrival.address, pause_before_switchover=True)
        eventually(lambda: migration.phase is Phase.PRE_SWITCHOVER and migration.statistics.pass_number > 20)
        migration.proceed()
        arrival.join()
    assert len(migration.statistics.passes) < 10


def test_a_pass_that_helps_slows_nobody() -> None:
    throttle = Throttle()
    for n in range(10):
        throttle.judge(1 << 20 - n, 1 << 19 - n)
    assert throttle.share == 0


def test_frames_are_read_as_they_were_written_and_every_damage_is_refused() -> None:
    frame = frames.Progress(1 << 40).encode()
    assert frames.decode(frame[4:]) == frames.Progress(1 << 40)
    for cut in range(len(frame)):
        with pytest.raises((MigrationError, StreamError)):
            frames.read_frame(ObjectTransport(io.BytesIO(frame[:cut])), "a frame")
    for size in (0, frames.LARGEST + 1, (1 << 32) - 1):
        with pytest.raises(StreamError):
            frames.read_frame(ObjectTransport(io.BytesIO(size.to_bytes(4, "big") + bytes(100))), "a frame")
    for bit in range(8 * 4, 8 * len(frame)):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            found = frames.decode(bytes(damaged[4:]))
        except StreamError:
            continue
        assert isinstance(found, frames.Progress) and isinstance(found.received, int)


def test_no_thread_and_no_descriptor_is_left_behind(demo_guest: Path, tmp_path: Path) -> None:
    """QEMU c573fc03da: a descriptor leaked on cancel made every later migration fail."""
    vm = churning(demo_guest)
    gc.collect()
    before = (threading.active_count(), len(os.listdir("/proc/self/fd")))
    for _ in range(5):
        arrival = Arrival(f"unix:{tmp_path / 'socket'}")

        def cancel(statistics: MigrationStatistics) -> None:
            if statistics.phase is Phase.STOP and vm.migration is not None:
                vm.migration.cancel()

        with pytest.raises(MigrationError):
            vm.migrate(arrival.address, on_progress=cancel)
        arrival.failure()
        del arrival
    eventually(lambda: threading.active_count() <= before[0] and len(os.listdir("/proc/self/fd")) <= before[1])


def test_twenty_migrations_in_a_row_with_everything_mixed_in_lose_nothing() -> None:
    chain = soak(20, seed=5)
    assert chain.outcomes["moved"] > 5


def test_a_new_file_is_its_owners_alone_and_nothing_planted_beside_it_is_followed(
    demo_guest: Path, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        churning(demo_guest).migrate(f"file:{tmp_path / 'new'}")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("what", ["FIFO", "directory", "socket"])
def test_only_a_file_is_replaced(what: str, demo_guest: Path, tmp_path: Path) -> None:
    path = tmp_path / "place"
    match what:
        case "FIFO":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(path))
    before = path.lstat()
    vm = churning(demo_guest)
    with pytest.raises(MigrationError, match=f"a {what}, not a regular file"):
        vm.migrate(f"file:{path}")
    with pytest.raises(StateError, match=f"a {what}, not a regular file"):
        vm.save(path)
    assert path.lstat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_a_link_whose_second_thread_cannot_be_had_ends_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Peer:
        def read(self, limit: int) -> bytes:
            return b""

        def write(self, data: bytes) -> int:
            return len(data)

    original, begun = threading.Thread.start, []

    def start(thread: threading.Thread) -> None:
        begun.append(thread)
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        original(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    vm = Machine(memory="32M")
    vm.start(pc=0)
    with pytest.raises(StateError, match="no thread left"):
        vm.migrate(Peer())
    assert [thread.is_alive() for thread in begun] == [False, False]


@pytest.mark.parametrize("place", ["own", "snapshot", "restored"])
def test_nothing_is_migrated_into_memory_of_a_machine(place: str, tmp_path: Path) -> None:
    vm = counting()
    if place == "restored":
        vm.save(tmp_path / "saved")
        vm = Machine.restore(tmp_path / "saved")
        path = str(tmp_path / "saved")
    else:
        snapshot = vm.snapshot() if place == "snapshot" else None
        name = "/memfd:pyspapr-ram"  # a snapshot is what was the machine's
        paths = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        path = next(one for one in paths if os.path.lexists(one) and os.readlink(one).startswith(name))
        assert (snapshot is None) == (place == "own")
    before = vm.state_hash()
    with open(path, "r+b", buffering=0) as file:
        for target in (f"fd:{file.fileno()}", WriteOnly(file)):
            with pytest.raises(MigrationError, match="it is memory of a machine"):
                vm.migrate(target)
    assert vm.state_hash() == before
    vm.run(max_instructions=1000)


@pytest.mark.parametrize("paused", [True, False])
@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_a_guest_that_was_paused_stays_so_where_nobody_answers(kind: str, paused: bool, tmp_path: Path) -> None:
    vm = counting()
    if paused:
        vm.pause()
    place = f"file:{tmp_path / 'file'}"
    if kind == "pipe":
        read, write = os.pipe()
        arrival = Arrival(f"fd:{read}")
        vm.migrate(f"fd:{write}")
    else:
        vm.migrate(place)
        arrival = Arrival(place)
    there = arrival.machine()
    assert arrival.incoming.paused is paused
    assert there.state_hash() == vm.state_hash()
