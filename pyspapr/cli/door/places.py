"""Consoles and control sockets at the places that QEMU's options name.

A socket is listened at (`server=on`), or somebody else listens and we connect. Standard input and output can be a
control socket: two threads carry the bytes, so a client that does not read holds nobody else.
"""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

from pyspapr.cli.boot import logged
from pyspapr.cli.door.plan import Channel, Chardev, Plan
from pyspapr.cli.runner import Runner
from pyspapr.cli.stdio import READ_SIZE, STDIN, STDOUT, attach_stdio, reader, write_all
from pyspapr.cli.unix import SEND_SECONDS, SocketConsole
from pyspapr.host.address import TCP, UNIX, Service, UnixAddress
from pyspapr.host.sockets import connect
from pyspapr.machine import Machine

SERVICE = Service("character device", (UNIX, TCP))
Connect = Callable[[Machine], AbstractContextManager[object]]


@contextmanager
def nowhere(vm: Machine) -> Iterator[None]:
    """A console that nobody sees."""
    yield


class GivenConsole:
    """A console at a socket that somebody else listens at."""

    def __init__(self, sock: socket.socket) -> None:
        """Connected."""
        sock.settimeout(SEND_SECONDS)
        self._socket = sock
        self._gone = False

    def _show(self, data: bytes) -> None:
        if not self._gone:
            try:
                self._socket.sendall(data)
            except OSError:  # it has gone, or does not read; the guest goes on without
                self._gone = True

    @contextmanager
    def attached(self, vm: Machine) -> Iterator[None]:
        """It is the console of `vm` while the context lasts."""
        vm.console.sinks.append(self._show)
        try:
            with reader(vm, None, self._socket.fileno()):
                yield
        finally:
            vm.console.sinks.remove(self._show)


@contextmanager
def standard_streams() -> Iterator[socket.socket]:
    """Standard input and output as one connected socket, for somebody who closes it."""
    ours, theirs = socket.socketpair()
    stop, stopper = os.pipe()

    def read() -> None:
        with suppress(OSError):
            while stop not in (ready := select.select([STDIN, stop], [], [])[0]):
                if ready and not (data := os.read(STDIN, READ_SIZE)):
                    break
                ours.sendall(data)

    def write() -> None:
        with suppress(OSError):
            while data := ours.recv(READ_SIZE):
                write_all(STDOUT, data)

    threads = [threading.Thread(target=one, name="control socket on stdio", daemon=True) for one in (read, write)]
    for thread in threads:
        thread.start()
    try:
        yield theirs
    finally:
        # What was answered last is written first. A reader that takes nothing is not waited for.
        threads[1].join(SEND_SECONDS)
        os.write(stopper, b"x")
        with suppress(OSError):
            ours.shutdown(socket.SHUT_RDWR)
        threads[0].join(SEND_SECONDS)
        ours.close()
        os.close(stop)
        os.close(stopper)


class DoorPlaces:
    """Those of a plan; `pyspapr.cli.boot.Places`."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is open yet."""
        self._plan = plan
        self._expected: list[threading.Event] = []

    def console(self, stack: ExitStack) -> Connect:
        """Open the console."""
        place = self._plan.console
        opened = self._open(place, stack)
        return opened if place.log is None else logged(opened, place.log, stack)

    def _open(self, place: Chardev, stack: ExitStack) -> Connect:
        match place.channel:
            case Channel.STDIO:
                return attach_stdio
            case Channel.FILE:
                return logged(nowhere, place.path, stack)
            case Channel.UNIX if place.server:
                address = SERVICE.parse_socket(place.address)
                assert isinstance(address, UnixAddress)
                console = stack.enter_context(SocketConsole(address))
                if place.wait:
                    self._expected.append(console.visited)
                return console.attached
            case Channel.UNIX:
                sock = stack.enter_context(connect(SERVICE.parse_socket(place.address), SEND_SECONDS))
                return GivenConsole(sock).attached
            case _:
                return nowhere

    def serve(self, runner: Runner, stack: ExitStack) -> None:
        """Open the control sockets."""
        for place in self._plan.controls:
            if place.channel is Channel.STDIO:
                sock = stack.enter_context(standard_streams())
                runner.serve(None, stack, name=self._plan.name).adopt(sock)
            elif place.server:
                server = runner.serve(place.address, stack, name=self._plan.name)
                if place.wait:
                    self._expected.append(server.visited)
            else:
                sock = connect(SERVICE.parse_socket(place.address), SEND_SECONDS)
                runner.serve(None, stack, name=self._plan.name).adopt(sock)

    def wait(self) -> None:
        """Wait for the first client of each socket that says so."""
        for event in self._expected:
            event.wait()
