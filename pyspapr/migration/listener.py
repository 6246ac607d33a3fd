"""The destination's end before the source has connected: the first peer that proves to be a source is kept. Enters: an
address, or something to read. Leaves: a transport, and the `hello` of its peer. Anyone can connect and say nothing, so
several connections are served at once, each with a time limit; when there are too many, the one that has been silent
longest is dropped. One thread does all of this.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from pyspapr.errors import AddressError, MigrationError, SpaprError, StreamError
from pyspapr.host import sockets
from pyspapr.host.address import FdAddress, FileAddress, SocketAddress, TcpAddress, UnixAddress
from pyspapr.host.foreign import HEAD, kind_of
from pyspapr.host.paths import open_regular
from pyspapr.migration import frames
from pyspapr.migration.descriptor_guard import READ, Closed, DescriptorGuard
from pyspapr.migration.file_transport import FileReader
from pyspapr.migration.object_transport import ObjectTransport
from pyspapr.migration.patience import Patience
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.migration.stream import RECORD_HEAD
from pyspapr.migration.transport import Transport
from pyspapr.migration.uri import Place, check_tls, from_descriptor, parse, prepare_tcp

if TYPE_CHECKING:
    import ssl

HELLO_TIMEOUT: Final = 10.0
"""Seconds that a peer has for the TLS handshake and its `hello`."""
AT_ONCE: Final = 32
"""Connections that may be without a `hello` at once."""
BACKLOG: Final = 64
"""Connections that the kernel keeps for us."""
SCARCE: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

OnRejected = Callable[[str], None]
"""Called with the reason when a peer is rejected."""
Meeting = tuple[Transport, frames.Hello | None]
"""A source, and its `hello` if it can be answered."""


class Listener(Protocol):
    """Where a source is waited for."""

    address: str
    """Where the source connects to."""
    where: SocketAddress | None
    """The same, where that is a socket which it can connect to."""

    def meet(self, on_rejected: OnRejected) -> Meeting:
        """Wait for a source. Raises MigrationError or StreamError."""
        ...

    def after_fork(self) -> None:
        """In a child of fork: let go of what belongs to the parent."""
        ...

    def close(self) -> None:
        """Stop listening; a thread that waits comes back."""
        ...


class ExistingTransport:
    """A transport that exists already, with one peer at most."""

    where: SocketAddress | None = None

    def __init__(self, transport: Transport, address: str, deadline: float | None) -> None:
        """Hold it until it is asked for; `deadline` is of `time.monotonic`."""
        self._transport = transport
        self._deadline = deadline
        self._taken = False
        self.address = address

    def meet(self, on_rejected: OnRejected) -> Meeting:
        transport = self._transport
        if not transport.two_way:
            self._taken = True
            return transport, None
        until = time.monotonic() + HELLO_TIMEOUT
        transport.patience = Patience(deadline=until if self._deadline is None else min(until, self._deadline))
        hello = frames.expect(frames.read_frame(transport, "hello"), frames.Hello, "source")
        self._taken = True
        return transport, hello

    def after_fork(self) -> None:
        """In a child of fork: it belongs to the parent."""
        if not self._taken:
            self._transport.after_fork()

    def close(self) -> None:
        """Close it, unless it was taken."""
        if not self._taken:
            self._transport.close()


class Peer:
    """Somebody who has connected and not said yet what it is."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over `sock`. Raises OSError."""
        self.until = time.monotonic() + HELLO_TIMEOUT
        self.events = READ
        """What it is waited for."""
        sock.setblocking(False)
        self.socket = sock
        self.number = sock.fileno()
        self._read = bytearray()

    def go_on(self) -> frames.Hello | None:
        """Read what has arrived; return its `hello`, or None while that is incomplete. Raises SpaprError if the peer
        is no source."""
        try:
            while (left := self._left()) > 0:
                if (data := self._take(left)) is None:
                    return None
                if not data:
                    raise MigrationError(f"the connection ended before hello: {len(self._read)} bytes came")
                self._read += data
        except (OSError, ValueError) as error:
            raise MigrationError(f"the connection was lost before hello: {error}") from error
        return frames.expect(frames.decode(bytes(self._read[frames.HEAD :])), frames.Hello, "source")

    def _take(self, limit: int) -> bytes | None:
        """What has arrived, or None when that is nothing. Raises OSError."""
        try:
            return self.socket.recv(limit)
        except BlockingIOError:
            self.events = READ
            return None

    def transport(self) -> Transport:
        return SocketTransport(self.socket)

    def _left(self) -> int:
        """Missing bytes of the frame; bytes behind it must not be read here."""
        if len(self._read) < frames.HEAD:
            return frames.HEAD - len(self._read)
        return frames.HEAD + frames.size_of(bytes(self._read[: frames.HEAD])) - len(self._read)


class SocketListener:
    """Listens for one source."""

    def __init__(self, address: SocketAddress, tls: ssl.SSLContext | None, deadline: float | None) -> None:
        """Begin to listen. Raises MigrationError."""
        self._tls = tls
        self._deadline = deadline
        self._peers: list[Peer] = []  # in the order in which they came
        try:
            self._listener = sockets.Listener(address, BACKLOG)
        except AddressError as error:
            raise MigrationError(str(error)) from error
        self._socket = self._listener.socket
        try:
            self._socket.setblocking(False)
            self._guard = DescriptorGuard(self._listener.close)
        except BaseException as error:
            self._listener.close()
            if isinstance(error, OSError):
                raise MigrationError(f"cannot listen at {address}: {sockets.reason(error)}") from error
            raise
        self.where: SocketAddress | None = self._listener.address
        self.address = str(self.where)

    def after_fork(self) -> None:
        """In a child of fork: connections, new ones and existing ones, belong to the parent."""
        for peer in self._peers:
            peer.socket.close()
        self._peers.clear()
        self._guard.after_fork()

    def meet(self, on_rejected: OnRejected) -> Meeting:
        """The first peer that sends its `hello`."""
        try:
            with self._guard:
                while True:
                    if (met := self._look(on_rejected)) is not None:
                        return met
        except Closed:
            raise MigrationError(f"listening at {self.address} was ended") from None
        except OSError as error:
            raise MigrationError(f"listening at {self.address} failed: {error}") from error
        finally:
            for peer in self._peers:
                peer.socket.close()
            self._peers.clear()

    def _look(self, on_rejected: OnRejected) -> Meeting | None:
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            raise MigrationError(f"no source connected to {self.address} in time")
        for peer in [one for one in self._peers if one.until <= now]:
            self._reject(peer, on_rejected, f"it sent no hello within {HELLO_TIMEOUT:g} s")
        ends = [peer.until for peer in self._peers] + ([] if self._deadline is None else [self._deadline])
        wanted = {peer.number: peer.events for peer in self._peers}
        listening = self._socket.fileno()
        ready = self._guard.wait_for_any({listening: READ, **wanted}, min(ends) - now if ends else None)
        for peer in [one for one in self._peers if one.number in ready]:
            try:
                hello = peer.go_on()
            except SpaprError as error:
                self._reject(peer, on_rejected, str(error))
                continue
            if hello is not None:
                transport = peer.transport()
                self._peers.remove(peer)
                return transport, hello
        if listening in ready:
            self._let_in(on_rejected)
        return None

    def _let_in(self, on_rejected: OnRejected) -> None:
        try:
            sock = self._socket.accept()[0]
        except (BlockingIOError, ConnectionAbortedError):
            return  # the peer has gone again
        except OSError as error:
            if error.errno not in SCARCE or not self._peers:
                raise
            self._reject(self._peers[0], on_rejected, f"there is no room: {error.strerror}")
            return
        try:
            if isinstance(self.where, TcpAddress):
                prepare_tcp(sock)
            peer = self._peer(sock)
        except (OSError, ValueError) as error:
            sock.close()
            on_rejected(str(error))
            return
        self._peers.append(peer)
        if len(self._peers) > AT_ONCE:
            self._reject(self._peers[0], on_rejected, f"{AT_ONCE} others connected before it sent its hello")

    def _peer(self, sock: socket.socket) -> Peer:
        if self._tls is None:
            return Peer(sock)
        from pyspapr.migration.tls_peer import TlsPeer

        return TlsPeer(sock, self._tls)

    def _reject(self, peer: Peer, on_rejected: OnRejected, why: str) -> None:
        self._peers.remove(peer)
        with contextlib.suppress(OSError):
            peer.socket.close()
        on_rejected(why)

    def close(self) -> None:
        """Stop, and take the socket's name away."""
        self._guard.close()


def listen(place: Place, *, tls: ssl.SSLContext | None = None, deadline: float | None = None) -> Listener:
    """The destination's end; a source has to come before `deadline`, of `time.monotonic`. Raises MigrationError."""
    check_tls(tls, place)
    if not isinstance(place, str):
        return ExistingTransport(ObjectTransport(place), type(place).__name__, deadline)
    address = parse(place)
    if isinstance(address, TcpAddress | UnixAddress):
        return SocketListener(address, tls, deadline)
    if isinstance(address, FdAddress):
        return ExistingTransport(from_descriptor(address.number), str(address), deadline)
    assert isinstance(address, FileAddress)
    try:
        fd = open_regular(address.path)
        try:
            head = os.pread(fd, HEAD, 0)
            if not head.startswith(RECORD_HEAD):
                kind = kind_of(head)
                raise StreamError(f"{address}: {kind}, not a saved machine", "header", 0, "a saved machine", kind)
            return ExistingTransport(FileReader(fd), str(address), deadline)
        except (OSError, StreamError):
            os.close(fd)
            raise
    except OSError as error:
        raise MigrationError(f"{address} cannot be read: {error}") from error
