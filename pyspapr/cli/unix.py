"""The guest's console on a Unix socket: one client at a time; a new one first gets what was printed so far.

The socket is there as long as the command, whichever machine it shows: what is typed before a machine has come, or was
not read by the one that another takes the place of, is kept for the next. It may be a root shell, so only the owner of
the socket can connect. What has taken the socket's name meanwhile stays.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final

from pyspapr.cli.streams import complain
from pyspapr.host.address import UnixAddress
from pyspapr.host.sockets import Listener
from pyspapr.machine import Machine

READ_SIZE: Final = 4096
PIECE: Final = 64 << 10
"""Bytes of what was printed before that a new client is sent at once."""
SEND_SECONDS: Final = 5.0
"""A client that does not read for this long is dropped, so that it cannot hold the guest."""
BACKLOG: Final = 64 << 10
"""Typed bytes that may wait for the guest before reading stops."""
FULL_SECONDS: Final = 1.0
"""How often it is looked whether the host has a descriptor again."""
LOOK_SECONDS: Final = 1.0
"""How often it is looked whether typed bytes are gone without having been read: the machine was exchanged."""


class SocketConsole:
    """A context in which a console is served at `address`; the socket's file goes with it."""

    def __init__(self, address: UnixAddress) -> None:
        """Listen. Raises AddressError when that is not possible."""
        self._vm: Machine | None = None
        self._kept = b""  # typed, while there is no machine
        self._typing = threading.Lock()  # of these two
        self._client: socket.socket | None = None  # who has read what was printed so far
        self._coming: socket.socket | None = None  # who is about to
        self._lock = threading.Lock()  # of these two
        self._ending = threading.Event()
        self.visited = threading.Event()
        """Set when the first client has come."""
        self._listener = Listener(address, 1)
        self._server = self._listener.socket
        self._thread = threading.Thread(target=self._serve, name="console socket", daemon=True)

    def __enter__(self) -> SocketConsole:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and remove the socket if it is still there."""
        self._ending.set()
        self._listener.forget()
        self._listener.wake()
        with self._lock:
            if self._coming is not None:
                with suppress(OSError):
                    self._coming.shutdown(socket.SHUT_RDWR)
            self._drop()
        self._thread.join(SEND_SECONDS)
        self._server.close()

    @contextmanager
    def attached(self, vm: Machine) -> Iterator[None]:
        """It is the console of `vm` while the context lasts."""
        with self._lock:  # so that a client that comes now gets every byte once
            vm.console.sinks.append(self._show)
            self._vm = vm
        vm.console.keeps_open += 1
        with self._typing:
            kept, self._kept = self._kept, b""
            if kept:
                vm.console.write(kept)
        try:
            yield
        finally:
            with self._typing:
                self._vm = None
                if vm.partition.absent is None:  # one that has left took them along
                    self._kept = vm.console.take(BACKLOG + READ_SIZE)
            vm.console.keeps_open -= 1
            vm.console.sinks.remove(self._show)

    def _type(self, data: bytes) -> None:
        with self._typing:
            if self._vm is None:
                self._kept += data
            else:
                self._vm.console.write(data)

    def _wait_for_room(self) -> bool:
        """Whether what is typed may be read: a guest that does not read must not cost more and more memory."""
        with self._typing:
            vm, kept = self._vm, len(self._kept)
        if vm is None:
            if kept >= BACKLOG:
                self._ending.wait(LOOK_SECONDS)
                return False
            return True
        if vm.console.backlog >= BACKLOG:
            vm.console.drained.wait(LOOK_SECONDS)
            return False
        return True

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError):  # the client may be faster
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def _show(self, data: bytes) -> None:
        with self._lock:
            if self._client is not None:
                try:
                    self._client.sendall(data)
                except OSError:
                    self._drop()

    def _serve(self) -> None:
        said = False
        while not self._ending.is_set():
            try:
                client, _ = self._server.accept()
            except OSError as error:
                # Without descriptors nobody can be let in: they wait, and so do we.
                if not self._ending.is_set() and not said:
                    said = True
                    complain(
                        f"the console's socket accepts no client until descriptors are free again: {error.strerror}"
                    )
                self._ending.wait(FULL_SECONDS)
                continue
            said = False
            self.visited.set()
            client.settimeout(SEND_SECONDS)
            try:
                self._catch_up(client)
            except OSError:
                client.close()
                continue
            self._receive(client)
            with self._lock:
                if self._client is client:
                    self._drop()

    def _catch_up(self, client: socket.socket) -> None:
        """Send what was printed so far, then let the guest's output go to `client`. Raises OSError.

        The guest does not wait for this: a client that never reads, or one after the other, would hold it.
        """
        vm, position = None, 0
        while True:
            with self._lock:
                if self._ending.is_set():
                    raise OSError
                if self._vm is not vm:
                    vm, position = self._vm, 0
                data, position = (b"", 0) if vm is None else vm.console.since(position, PIECE)
                self._coming, self._client = (client, None) if data else (None, client)
            if not data:
                return
            try:
                client.sendall(data)
            except OSError:
                with self._lock:
                    self._coming = None
                raise

    def _receive(self, client: socket.socket) -> None:
        while self._client is client:
            if not self._wait_for_room():
                continue
            try:
                data = client.recv(READ_SIZE)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            self._type(data)
