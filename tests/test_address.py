"""Addresses: one grammar, and one way to listen and to connect, for consoles, control sockets and migrations."""

from __future__ import annotations

import os
import select
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyspapr import Machine
from pyspapr.cli.control import TARGET
from pyspapr.errors import AddressError, MigrationError
from pyspapr.host.address import (
    FD,
    FILE,
    NAMED_FD,
    TCP,
    UNIX,
    Address,
    FdAddress,
    FileAddress,
    NamedFdAddress,
    Service,
    TcpAddress,
    UnixAddress,
    absolute,
)
from pyspapr.host.sockets import Listener, connect
from pyspapr.migration import uri
from pyspapr.qmp.service import SERVICE as CONTROL

ANY = Service("test", (TCP, UNIX, FD, FILE), words=("stdio",))
SERVICES = (ANY, uri.SERVICE, uri.REMOTE_SERVICE, CONTROL, TARGET)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp:4444", TcpAddress("127.0.0.1", 4444)),
        ("tcp::4444", TcpAddress("127.0.0.1", 4444)),
        ("tcp:localhost:4444", TcpAddress("localhost", 4444)),
        ("tcp:0.0.0.0:0", TcpAddress("0.0.0.0", 0)),
        ("tcp:[::1]:65535", TcpAddress("::1", 65535)),
        ("tcp:[fe80::1%eth0]:1", TcpAddress("fe80::1%eth0", 1)),
        ("tcp:::1:80", TcpAddress("::1", 80)),
        ("tcp:h:00080", TcpAddress("h", 80)),
        ("unix:/run/a:b", UnixAddress("/run/a:b")),
        ("file:x", FileAddress("x")),
        ("fd:7", FdAddress(7)),
    ],
)
def test_an_address_means_the_same_to_every_service(text: str, address: Address) -> None:
    for service in SERVICES:
        if any(address.__class__.read == kind.read for kind in service.kinds):
            assert service.parse(text) == address
            assert service.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "tcp", "tcp:", "tcp:host", "tcp:host:", "tcp:host:65536", "tcp:host:-1", "tcp:a:b:1", "tcp:h:٣"),
        *("tcp:[::1:1", "tcp:::1]:1", "tcp:[]:1", "tcp:a b:1", "tcp:a\0:1", "tcp:a\n:1", f"tcp:{'a' * 300}:1"),
        *("unix:", "file:", "unix:a\0b", "unix:\udfff\ud800", "/a/path", "exec:rm", "stdiox", "TCP:1"),
        *("fd:", "fd:x", "fd:-1", f"fd:{1 << 31}", "fd:" + "9" * 5000, "tcp:" + "0" * 5000 + "x", "tcp:" + "9" * 5000),
    ],
)
def test_anything_else_is_refused_with_the_kinds_that_there_are(text: str) -> None:
    with pytest.raises(
        AddressError, match=r"is no address of a test: wanted .*(tcp:\[HOST:\]PORT|PATH|fd:N)$"
    ) as found:
        ANY.parse(text)
    assert str(found.value).isprintable()


@given(st.one_of(st.text(), st.from_regex(r"(tcp|fd|unix|file):[0-9:\[\].a]*", fullmatch=True)))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    for service in SERVICES:
        try:
            address = service.parse(text)
        except AddressError:
            continue
        assert service.parse(str(address)) == address
        assert absolute(absolute(address)) == absolute(address)


def test_each_service_names_what_it_takes() -> None:
    for service, text, wanted in (
        (CONTROL, "fd:3", "control socket: wanted tcp:[HOST:]PORT or unix:PATH"),
        (TARGET, "fd:3", "migration target: wanted tcp:[HOST:]PORT, unix:PATH or file:PATH"),
        (uri.SERVICE, "fd:way", "migration: wanted fd:N"),
        (ANY, "http:", "test: wanted stdio, tcp:[HOST:]PORT, unix:PATH, fd:N or file:PATH"),
    ):
        with pytest.raises(AddressError) as found:
            service.parse(text)
        assert str(found.value) == f"{text!r} is no address of a {wanted}"
    assert uri.REMOTE_SERVICE.parse("fd:way") == NamedFdAddress("way")
    assert NAMED_FD.prefix == FD.prefix
    assert ANY.forms == "stdio|tcp:[HOST:]PORT|unix:PATH|fd:N|file:PATH"


def test_a_migration_says_in_its_own_error_that_an_address_is_none() -> None:
    vm = Machine(memory="32M")
    vm.start(pc=0)
    for attempt in (lambda: vm.migrate("carrier:pigeon"), lambda: Machine.incoming("carrier:pigeon")):
        with pytest.raises(MigrationError, match="'carrier:pigeon' is no address of a migration: wanted"):
            attempt()


def test_a_host_that_cannot_be_is_an_address_error() -> None:
    for host in ("a..b", "x" * 70, "ü" * 70, "256.256.256.256"):
        with pytest.raises(AddressError, match="cannot connect to tcp:"):
            connect(TcpAddress(host, 1), 1.0)
        with pytest.raises(AddressError, match="cannot listen at tcp:"):
            Listener(TcpAddress(host, 1), 1)


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_child_of_fork_neither_keeps_a_listening_socket_nor_takes_its_name_away(kind: str, tmp_path: Path) -> None:
    """If the child kept its copy, the kernel would let clients in after the parent has stopped listening."""
    address = UnixAddress(str(tmp_path / "socket")) if kind == "unix" else TcpAddress("127.0.0.1", 0)
    plain, migration = Listener(address, 1), Machine.listen("tcp:0" if kind == "tcp" else f"unix:{tmp_path / 'way'}")
    assert migration.where is not None
    gone, (ready, says), (read, write) = plain.address, os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(says, b"x")
        os.read(read, 1)
        os._exit(0)
    try:
        os.read(ready, 1)
        for where, close in ((gone, plain.close), (migration.where, migration.cancel)):
            connect(where, 5.0).close()
            close()
            with pytest.raises(AddressError, match=r"Connection refused|No such file"):
                connect(where, 5.0)
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)
        for one in (ready, says, read, write):
            os.close(one)


def test_in_a_child_of_fork_listening_is_over_and_the_name_stays(tmp_path: Path) -> None:
    incoming = Machine.listen(f"unix:{tmp_path / 'way'}")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            incoming.receive()
        except MigrationError as error:
            status = 0 if "cancelled" in str(error) else 2
        incoming.cancel()
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "way"))
    incoming.cancel()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("kind", "met"), [("socket", False), ("pipe", False), ("pipe", True)])
def test_a_child_of_fork_does_not_keep_a_source_waiting_for_a_parent_that_has_gone(kind: str, met: bool) -> None:
    """A source notices that its destination has gone when the last copy of the descriptor is closed."""
    if kind == "socket":
        there, here = (one.detach() for one in socket.socketpair())
    else:
        there, here = os.pipe()
    incoming = Machine.listen(f"fd:{there}")
    if met:
        incoming._meet()
    (ready, says), (read, write) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(says, b"x")
        os.read(read, 1)
        os._exit(0)
    os.read(ready, 1)
    incoming.cancel()
    poll = select.poll()
    poll.register(here, select.POLLHUP)
    assert [events & (select.POLLHUP | select.POLLERR) != 0 for _, events in poll.poll(5000)] == [True]
    os.write(write, b"x")
    os.waitpid(child, 0)
    for one in (here, ready, says, read, write):
        os.close(one)
