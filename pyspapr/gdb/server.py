"""Where a machine waits for debuggers: one socket, and one debugger at a time.

One thread serves the socket. What a debugger sends is handed to the thread that runs the machine, between two
instructions; answers come back by a buffer. A debugger that reads nothing is not read from, so nothing here grows.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final

from pyspapr.errors import ConfigError, SpaprError, StateError
from pyspapr.gdb.connection import Connection
from pyspapr.host import forked
from pyspapr.host.address import TCP, UNIX, Service
from pyspapr.host.sockets import Listener, reason
from pyspapr.log import logger
from pyspapr.partition.owner import owner

if TYPE_CHECKING:
    from pyspapr.partition import Partition

SERVICE: Final = Service("debugger", (TCP, UNIX))
BACKLOG: Final = 4
AT_ONCE: Final = 1 << 14
SCARCE: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Errors of `accept` after which the one who came still waits."""
SCARCE_SECONDS: Final = 1.0
"""Seconds until the host is asked again for what a connection takes."""
GOODBYE_SECONDS: Final = 2.0
"""Seconds that `close` waits for the thread."""
LOG: Final = logger(__name__)


class GdbServer:
    """Debuggers of `vm` connect to `address`, until `close` or the end of its context.

    The guest stops when one connects. It does not keep the machine alive. Raises ConfigError when it cannot listen.
    """

    def __init__(self, vm: Partition, address: str) -> None:
        """Listen and start serving."""
        self._owner = owner(vm, "the debugger's socket")
        self._listener = Listener(SERVICE.parse_socket(address), BACKLOG)
        self.address = self._listener.address
        self._client: socket.socket | None = None
        self._connection: Connection | None = None
        self._unsent = b""
        self._closed = False
        self._closing = False
        self._exchanged = False
        self._scarce_until: float | None = None
        """When the host, which had no descriptor for a debugger, is asked again."""
        self._lock = threading.Lock()  # of the descriptor that wakes the thread
        try:
            self._selector = selectors.DefaultSelector()
            try:
                self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            except OSError:
                self._selector.close()
                raise
        except OSError as error:
            self._listener.close()
            raise ConfigError(f"cannot listen at {self.address}: {reason(error)}") from error
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._listener.socket.setblocking(False)
        self._selector.register(self._listener.socket, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="gdb", daemon=True)
        try:
            self._thread.start()
        except (RuntimeError, MemoryError):  # the host has no thread
            self._closed = True
            self._release()
            raise
        forked.copied.add(self)

    def after_fork(self) -> None:
        """In a child of fork: socket, debugger and thread are the parent's, and here it is closed."""
        if not self._closed:
            self._closed = True
            self._lock = threading.Lock()
            if self._client is not None:
                self._client.close()
            if self._connection is not None:
                self._connection.control.close(paused=False)
            self._release()

    def __enter__(self) -> GdbServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, without the guest: that goes on. May be called twice."""
        if self._closed:
            return
        self._closed = self._closing = True
        self._rouse()
        self._thread.join(GOODBYE_SECONDS)

    def attach(self, vm: Partition) -> None:
        """Another machine takes the place of the first: a debugger of that is disconnected."""
        self._owner = owner(vm, "the debugger's socket")
        self._exchanged = True
        self._rouse()

    # The thread.

    def _rouse(self) -> None:
        with self._lock, suppress(OSError, ValueError):
            os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wait()
                for key, _ in self._selector.select(self._patience()):
                    if key.fileobj is self._listener.socket:
                        self._accept()
                    elif key.fileobj == self._wake:
                        with suppress(BlockingIOError):
                            os.eventfd_read(self._wake)
                    elif not self._unsent:
                        self._read()
                if self._exchanged:
                    self._exchanged = False
                    self._drop()
                self._send()
        finally:
            self._drop()
            self._release()

    def _wait(self) -> None:
        """What to wait for: a debugger that takes its answers, or else its next packet."""
        if self._client is not None:
            events = selectors.EVENT_WRITE if self._unsent else selectors.EVENT_READ
            self._selector.modify(self._client, events)

    def _patience(self) -> float | None:
        """Seconds until the door is open again, which is when it is watched."""
        if self._scarce_until is None:
            return None
        left = self._scarce_until - time.monotonic()
        if left <= 0:
            self._scarce_until = None
            self._selector.register(self._listener.socket, selectors.EVENT_READ)
            return None
        return left

    def _accept(self) -> None:
        try:
            client, _ = self._listener.socket.accept()
        except OSError as error:
            if error.errno in SCARCE:
                LOG.warning("no debugger can connect to %s for now: %s", self.address, reason(error))
                self._scarce_until = time.monotonic() + SCARCE_SECONDS
                self._selector.unregister(self._listener.socket)
            return
        if self._client is not None:
            LOG.warning("rejected a debugger at %s: there is one already", self.address)
            client.close()
            return
        try:
            vm = self._owner()
            self._connection = vm.call(lambda: Connection(vm, self._rouse))
        except SpaprError as error:
            LOG.warning("rejected a debugger at %s: %s", self.address, error)
            client.close()
            return
        client.setblocking(False)
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        self._selector.register(client, selectors.EVENT_READ)

    def _read(self) -> None:
        assert self._client is not None and self._connection is not None
        try:
            data = self._client.recv(AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop()
            return
        connection = self._connection
        try:
            connection.control.vm.call(lambda: connection.receive(data))
        except (SpaprError, ValueError) as error:
            LOG.warning("dropped the debugger at %s: %s", self.address, error)
            self._drop()
        except Exception:
            LOG.exception("dropped the debugger at %s: what it sent has met a fault of this program", self.address)
            self._drop()

    def _send(self) -> None:
        if self._client is None or self._connection is None:
            return
        self._unsent += self._connection.take()
        try:
            if self._unsent:
                self._unsent = self._unsent[self._client.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._drop()
            return
        if not self._unsent and self._connection.over:
            self._drop()

    def _drop(self) -> None:
        """The debugger has gone."""
        client, self._client = self._client, None
        connection, self._connection = self._connection, None
        self._unsent = b""
        if client is not None:
            self._selector.unregister(client)
            client.close()
        if connection is not None:
            with suppress(StateError):  # the machine is gone
                connection.control.vm.call(connection.close)

    def _release(self) -> None:
        self._listener.close()
        with self._lock:
            self._selector.close()
            os.close(self._wake)
            self._wake = -1
