"""The guest's console on a Unix socket: one client at a time; a new one first gets what was printed so far.

It may be a root shell, so only the owner of the socket can connect. What has taken the socket's name meanwhile stays.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final

from pyspapr.errors import ConfigError
from pyspapr.machine import Machine
from pyspapr.paths import shown
from pyspapr.unix_socket import UnixListener

CHUNK: Final = 4096
SEND_SECONDS: Final = 5.0
"""A client that does not read for this long is dropped, so that it cannot hold the guest."""
BACKLOG: Final = 64 << 10


class SocketConsole:
    """A context in which the console is served at `path`; the socket's file goes with it."""

    def __init__(self, vm: Machine, path: str) -> None:
        """Listen. Raises ConfigError when that is not possible."""
        self.vm = vm
        self._client: socket.socket | None = None
        self._lock = threading.Lock()
        try:
            self._listener = UnixListener(path, 1)
        except OSError as error:
            raise ConfigError(f"console unix:{shown(path)}: {error.strerror or error}") from error
        self._server = self._listener.socket
        self._thread = threading.Thread(target=self._serve, name="console socket", daemon=True)

    def __enter__(self) -> SocketConsole:
        """Start to serve."""
        self.vm.console.keeps_open += 1
        self.vm.console.sinks.append(self._show)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and remove the socket if it is still there."""
        self.vm.console.sinks.remove(self._show)
        self.vm.console.keeps_open -= 1
        self._listener.forget()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            self._drop()
        self._thread.join()

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
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            client.settimeout(SEND_SECONDS)
            with self._lock:
                try:
                    client.sendall(self.vm.console.raw)
                except OSError:
                    client.close()
                    continue
                self._client = client
            self._receive(client)
            with self._lock:
                if self._client is client:
                    self._drop()

    def _receive(self, client: socket.socket) -> None:
        console = self.vm.console
        while True:
            if console.backlog >= BACKLOG:
                console.drained.wait(1.0)
                if self._client is not client:
                    return
                continue
            try:
                data = client.recv(CHUNK)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            console.write(data)
