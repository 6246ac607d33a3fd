"""The control socket: clients, each with a session; answers and events out.

One thread serves every client, in turns of one message each, and never waits for any of them. A command that touches
the machine is carried out by the thread that runs it, between two instructions; one that takes its time has a thread
of its own (see `registry`). Nothing a client does can hold the machine, the other clients or the end of the process,
and while the guest runs it has most of the processor (see `pace`).
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final

from pyspapr.errors import ConfigError
from pyspapr.host import forked
from pyspapr.host.sockets import Listener, Unheard, reason
from pyspapr.log import logger
from pyspapr.qmp import commands as _commands  # noqa: F401 - fills the table
from pyspapr.qmp import dump as _dump  # noqa: F401 - fills the table
from pyspapr.qmp import inspection as _inspection  # noqa: F401 - fills the table
from pyspapr.qmp import migration as _migration  # noqa: F401 - fills the table
from pyspapr.qmp import schema as _schema  # noqa: F401 - fills the table
from pyspapr.qmp.connection import Connection
from pyspapr.qmp.errors import WireError
from pyspapr.qmp.monitor import Controlled, Host, Monitor
from pyspapr.qmp.pace import BURST, INTERRUPTION, WELCOME, Pace, Pool
from pyspapr.qmp.service import SERVICE
from pyspapr.qmp.session import Session
from pyspapr.qmp.wire import Json, encode

CLIENTS_LIMIT: Final = 32
BACKLOG: Final = 16
"""Connections that the kernel keeps for us."""
NEGOTIATION_SECONDS: Final = 5.0
"""Seconds after which a client that has not negotiated may be dropped for a new one."""
FULL_SECONDS: Final = 1.0
"""Seconds between checks whether the host has descriptors again."""
GOODBYE_SECONDS: Final = 2.0
"""Seconds that `close` waits for commands to finish, and for clients to take the answers."""
LOG: Final = logger(__name__)
"""Created at import: once descriptors have run out, `logging` cannot be imported."""
FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def _nothing() -> None:
    """There is no listener to take away any more."""


class QmpServer:
    """A control socket for `vm` at `address` (`unix:PATH`, `tcp:PORT` or `tcp:HOST:PORT`), or for connections that
    `adopt` gets if there is none.

    It serves from construction until `close`, or the end of its context. Raises ConfigError when it cannot listen.
    """

    def __init__(
        self, vm: Controlled, address: str | None, *, name: str | None = None, host: Host | None = None
    ) -> None:
        """Listen and start serving. `host` is the program around the machine, if it can run another in its place."""
        self._listener: Listener | Unheard = (
            Unheard() if address is None else Listener(SERVICE.parse_socket(address), BACKLOG)
        )
        self.address = self._listener.address
        self.visited = threading.Event()
        """Set when the first client has come."""
        self._clients: list[Connection] = []
        self._pool = Pool()
        self._door = self._pool.join(BURST)  # for those who come
        self._full_until: float | None = None
        self._later: deque[Callable[[], None]] = deque()
        self._inbox: deque[Callable[[], None]] = deque()
        self._charged = 0.0  # seconds of this turn that single clients have paid for
        self._payers: list[Pace] = []  # of the work of this turn that they share
        self._lock = threading.Lock()  # of the descriptor that wakes the thread
        self._closing: float | None = None  # when everything has to be over
        self.monitor = Monitor(vm, name, self._later.append, host)
        self._closed = False
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
        self._unsubscribe = vm.partition.events.subscribe(self._on_event)
        self._thread = threading.Thread(target=self._run, name="qmp", daemon=True)
        try:
            self._thread.start()
        except (RuntimeError, MemoryError):  # the host has no thread
            self._closed = True
            self._unsubscribe()
            self._listener.forget()
            self._release()
            raise
        forked.copied.add(self)

    def after_fork(self) -> None:
        """In a child of fork: socket, clients and thread are the parent's, and here it is closed."""
        self._closed = True
        self._unsubscribe()
        self._lock = threading.Lock()
        self.visited = threading.Event()
        clients, self._clients = self._clients, []
        for client in clients:
            client.socket.close()
        self._inbox.clear()
        self._release()

    def __enter__(self) -> QmpServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer pending commands, flush the queues, and end every connection, within a few seconds."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        self._unsubscribe = _nothing
        self._tell(self._close)
        self._thread.join(2 * GOODBYE_SECONDS)
        self._listener.forget()
        self.monitor.leave()

    def adopt(self, sock: socket.socket) -> None:
        """Serve the connection `sock`, and close it at its end."""
        self._tell(lambda: self._admit(sock))

    def attach(self, vm: Controlled) -> None:
        """Control `vm` from now on. Clients stay connected."""
        if self._closed:
            return
        self._unsubscribe()
        self.monitor.vm = vm
        self._unsubscribe = vm.partition.events.subscribe(self._on_event)

    # In any thread.

    def _tell(self, function: Callable[[], None]) -> None:
        """Have the server's thread call `function`."""
        self._inbox.append(function)
        with self._lock:
            if self._wake >= 0:  # otherwise it has ended, and the clients with it
                os.eventfd_write(self._wake, 1)

    def _on_event(self, name: str, data: dict[str, object]) -> None:
        if name.startswith("MIGRATION") and not self.monitor.settings.events:
            return
        now = time.time_ns()
        event: Json = {
            "timestamp": {"seconds": now // 1_000_000_000, "microseconds": now // 1000 % 1_000_000},
            "event": name,
        }
        if data:
            event["data"] = dict(data)
        if threading.current_thread() is self._thread:
            self._broadcast(event)
        else:
            self._tell(lambda: self._broadcast(event))

    # In the server's thread.

    def _broadcast(self, event: Json) -> None:
        for client in self._clients:
            # The specification has no events before the negotiation is over.
            if client.session.negotiated:
                client.send(event)

    def _run(self) -> None:
        spent = time.thread_time()
        try:
            while self._closing is None or self._clients:
                self._charged = 0.0
                self._payers.clear()
                self._turn(self._selector.select(self._interests()))
                before, spent = spent, time.thread_time()
                self._share_out(spent - before - self._charged)
        finally:
            for client in self._clients:
                client.close()
            self._release()

    def _release(self) -> None:
        """Close the descriptors. The selector is not updated: a child of fork shares it."""
        self._selector.close()
        self._listener.socket.close()
        with self._lock:
            wake, self._wake = self._wake, -1
            if wake >= 0:
                os.close(wake)

    def _turn(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        """One round: at most one message of each client."""
        for key, mask in ready:
            if key.data is None:
                if key.fd == self._wake:
                    os.eventfd_read(self._wake)
                else:
                    self._payers.append(self._door)
                    self._charge(self._door, self._accept)
            elif mask & selectors.EVENT_WRITE:
                key.data.flush()
        while self._inbox:
            self._inbox.popleft()()
        readable = {key.data for key, mask in ready if key.data is not None and mask & selectors.EVENT_READ}
        for client in tuple(self._clients):
            if client in readable or client.loaded:
                self._payers.append(client.pace)
            self._charge(client.pace, partial(self._attend, client, client in readable))
            if client.done or (self._closing is not None and time.monotonic() >= self._closing):
                self._let_go(client)
        while self._later:
            self._later.popleft()()

    def _charge(self, pace: Pace, work: Callable[[], object]) -> None:
        before = time.thread_time()
        work()
        seconds = time.thread_time() - before
        self._spend(pace, seconds)
        self._charged += seconds

    def _spend(self, pace: Pace, seconds: float) -> None:
        if self._paced:
            pace.spend(seconds)

    def _share_out(self, seconds: float) -> None:
        """Charge the clients that had a part in this turn for shared work: polling, and events for all clients."""
        for pace in self._payers:
            self._spend(pace, seconds / len(self._payers))

    def _attend(self, client: Connection, readable: bool) -> None:
        try:
            if readable and client.hungry:
                client.read()
            if client.loaded and not self._pause(client.pace) and (message := client.next()) is not None:
                self._serve(client, message)
        except Exception:  # a bug, or out of memory: only this client is dropped
            LOG.exception("a client of the control socket at %s is dropped", self.address)
            client.drop()

    def _serve(self, client: Connection, message: bytes | WireError) -> None:
        client.busy = True
        here = threading.current_thread()
        interrupts = client.session.answer(
            message,
            lambda answer: (
                self._answered(client, answer)
                if threading.current_thread() is here
                else self._tell(lambda: self._answered(client, answer))
            ),
        )
        if interrupts:
            self._spend(client.pace, INTERRUPTION)

    def _answered(self, client: Connection, answer: Json) -> None:
        client.busy = False
        client.send(answer)
        if client.session.over or self._closing is not None:
            client.hang_up()

    # Who waits for what.

    @property
    def _paced(self) -> bool:
        """Whether there is a guest that runs."""
        if self._closing is not None:
            return False
        vm = self.monitor.vm.partition
        return vm.running and not vm.paused

    def _pause(self, pace: Pace) -> float:
        """Seconds until a client has its next turn."""
        if not self._paced:
            return 0.0
        return pace.pause()

    def _interests(self) -> float | None:
        """Register the descriptors to wait for; return the longest wait in seconds."""
        now = time.monotonic()
        self._pool.earn()
        waits: list[float] = []
        if self._closing is not None:
            waits.append(max(self._closing - now, 0.0))
        elif self._full_until is not None and self._full_until > now:
            self._want(self._listener.socket, 0, None)
            waits.append(self._full_until - now)
        else:
            pause = self._pause(self._door)
            self._want(self._listener.socket, 0 if pause else selectors.EVENT_READ, None)
            if pause:
                waits.append(pause)
        for client in self._clients:
            mask = selectors.EVENT_WRITE if client.unsent else 0
            if client.loaded or client.hungry:
                if pause := self._pause(client.pace):
                    waits.append(pause)
                elif client.loaded:
                    waits.append(0.0)
                else:
                    mask |= selectors.EVENT_READ
            self._want(client.socket, mask, client)
        return min(waits, default=None)

    def _want(self, sock: socket.socket, mask: int, client: Connection | None) -> None:
        known = self._selector.get_map().get(sock.fileno())
        if known is None:
            if mask:
                self._selector.register(sock, mask, client)
        elif not mask:
            self._selector.unregister(sock)
        elif known.events != mask:
            self._selector.modify(sock, mask, client)

    # Coming and going.

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.socket.accept()
        except OSError as error:
            if error.errno in FULL:
                self._pause_door(error)
            return  # who came has gone again
        self._full_until = None
        if len(self._clients) >= CLIENTS_LIMIT and not self._make_room():
            with sock, suppress(OSError):
                sock.setblocking(False)
                desc = f"there are {CLIENTS_LIMIT} clients already"
                sock.send(encode({"error": {"class": "GenericError", "desc": desc}}))
            return
        self._spend(self._door, WELCOME)
        self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        if self._closing is not None:
            sock.close()
            return
        self.visited.set()
        self._clients.append(Connection(sock, Session(self.monitor), self._pool.join(WELCOME)))

    def _pause_door(self, error: OSError) -> None:
        """No connection can be accepted until a client has left or FULL_SECONDS are over. Logged once."""
        if self._full_until is None:
            LOG.warning(
                "the control socket at %s accepts no clients until descriptors are free again: %s",
                self.address,
                error.strerror,
            )
        self._full_until = time.monotonic() + FULL_SECONDS

    def _make_room(self) -> bool:
        """Drop the first client that has had time to negotiate and did not."""
        now = time.monotonic()
        for client in self._clients:
            if not client.session.negotiated and now - client.since > NEGOTIATION_SECONDS:
                self._let_go(client)
                return True
        return False

    def _let_go(self, client: Connection) -> None:
        self._want(client.socket, 0, client)
        self._clients.remove(client)
        self._pool.leave(client.pace)
        client.close()
        if self._full_until is not None:
            self._full_until = time.monotonic()

    def _close(self) -> None:
        self._closing = time.monotonic() + GOODBYE_SECONDS
        self._want(self._listener.socket, 0, None)
        for client in self._clients:
            client.hang_up()
