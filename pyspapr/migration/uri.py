"""Where a migration goes to or comes from: addresses as text, and the connections made from them.

| address | source | destination |
|---|---|---|
| `tcp:HOST:PORT` | connects | listens; `tcp::PORT` is the loopback interface, port 0 any free one |
| `unix:PATH` | connects | listens; the socket appears with access for its owner only |
| `fd:N` | uses the descriptor: a connected socket, or a pipe (nobody answers) | the same |
| `file:PATH` | writes beside, syncs, renames; nobody answers | reads |
| an object with `read`, `write` or both | uses it | uses it |

TLS, for tcp and unix, is an `ssl.SSLContext` of the caller's: client contexts for the source, server contexts for the
destination. With certificates on both sides:

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain("server.pem", "server.key")
    server.load_verify_locations("ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile="ca.pem")
    client.load_cert_chain("client.pem", "client.key")
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import stat
import time
from typing import Final, Protocol

from pyspapr.errors import MigrationError
from pyspapr.migration.transport import (
    DescriptorTransport,
    FileWriter,
    ObjectTransport,
    SocketTransport,
    Transport,
)
from pyspapr.migration.users import READ, Closed, Users
from pyspapr.paths import is_path, open_regular
from pyspapr.plain import Plain
from pyspapr.unix_socket import UnixListener

LOOPBACK: Final = "127.0.0.1"
CONNECT_TIMEOUT: Final = 10.0
"""Seconds that connecting may take, the TLS handshake included."""

Place = object
"""An address as text, or an object with `read` or `write`."""

_TCP: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})")


class Address(Plain):
    """An address, taken apart. `kind` is tcp, unix, fd or file; `number` is a port or a descriptor."""

    kind: str
    text: str
    number: int = 0

    def __str__(self) -> str:
        """As it was written."""
        if self.kind == "tcp":
            host = f"[{self.text}]" if ":" in self.text else self.text
            return f"tcp:{host}:{self.number}"
        return f"fd:{self.number}" if self.kind == "fd" else f"{self.kind}:{self.text}"


def parse(uri: str) -> Address:
    """Take `uri` apart. Raises MigrationError."""
    kind, colon, rest = uri.partition(":")
    if kind == "tcp" and (match := _TCP.fullmatch(rest)) and (port := int(match["port"])) < 1 << 16:
        return Address("tcp", match["v6"] or match["host"] or LOOPBACK, port)
    if kind == "fd" and rest.isascii() and rest.isdigit():
        return Address("fd", "", int(rest))
    if kind in ("unix", "file") and is_path(rest):
        return Address(kind, rest)
    if colon and kind in ("tcp", "fd", "unix", "file"):
        example = {"tcp": "tcp:HOST:PORT", "fd": "fd:NUMBER", "unix": "unix:PATH", "file": "file:PATH"}[kind]
        raise MigrationError(f"{uri!r} is no address: wanted {example}")
    raise MigrationError(f"{uri!r} is no address: wanted tcp:HOST:PORT, unix:PATH, fd:NUMBER or file:PATH")


def from_descriptor(number: int) -> Transport:
    """A socket or a pipe. Raises MigrationError."""
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            return SocketTransport(socket.socket(fileno=number))
    except OSError as error:
        raise MigrationError(f"fd:{number} cannot be used: {error}") from error
    return DescriptorTransport(number)


def prepare_tcp(sock: socket.socket) -> None:
    """Small frames leave at once, and a peer whose host has vanished is noticed within half a minute."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _check_tls(tls: object) -> None:
    if not isinstance(tls, ssl.SSLContext | None):
        raise TypeError(f"tls is {tls!r}, expected an ssl.SSLContext")


def connect(place: Place, *, tls: ssl.SSLContext | None = None, timeout: float = CONNECT_TIMEOUT) -> Transport:
    """The source's end. Raises MigrationError."""
    _check_tls(tls)
    if not isinstance(place, str):
        return ObjectTransport(place)
    address = parse(place)
    if tls is not None and address.kind not in ("tcp", "unix"):
        raise MigrationError(f"TLS is for tcp and unix, not for {address}")
    if address.kind == "fd":
        return from_descriptor(address.number)
    if address.kind == "file":
        return FileWriter(address.text)
    try:
        if address.kind == "tcp":
            sock = socket.create_connection((address.text, address.number), timeout)
            prepare_tcp(sock)
        else:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect(address.text)
    except OSError as error:
        raise MigrationError(f"cannot connect to {address}: {error}") from error
    return SocketTransport(sock if tls is None else _wrapped(sock, tls, server=False, address=address))


def _wrapped(
    sock: socket.socket, tls: ssl.SSLContext, *, server: bool, address: Address, timeout: float = CONNECT_TIMEOUT
) -> socket.socket:
    try:
        sock.settimeout(timeout)
        name = address.text if address.kind == "tcp" and not server else None
        return tls.wrap_socket(sock, server_side=server, server_hostname=name)
    except (OSError, ValueError) as error:
        sock.close()
        raise MigrationError(f"no TLS with the peer at {address}: {error}") from error


class Stranger(MigrationError):
    """Somebody has connected who is no source."""


class Listener(Protocol):
    """The destination's end, before the source has come."""

    address: str
    """Where the source connects to."""
    only_one: bool
    """Whether `accept` has nobody else to offer."""

    def accept(self) -> Transport:
        """Wait for somebody. Raises MigrationError; Stranger when another may still come."""
        ...

    def close(self) -> None:
        """Stop listening; a thread that waits comes back."""
        ...


class Given:
    """A transport that exists already."""

    only_one = True

    def __init__(self, transport: Transport, address: str) -> None:
        """Hold it until it is asked for."""
        self._transport = transport
        self.address = address

    def accept(self) -> Transport:
        """Here it is."""
        return self._transport

    def close(self) -> None:
        """Nothing listens; the transport belongs to who accepted it."""


class SocketListener:
    """Listens for one source."""

    only_one = False

    def __init__(self, address: Address, tls: ssl.SSLContext | None, timeout: float | None) -> None:
        """Begin to listen; `timeout` is in seconds. Raises MigrationError."""
        self._tls = tls
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._unix: UnixListener | None = None
        try:
            if address.kind == "tcp":
                family = socket.AF_INET6 if ":" in address.text else socket.AF_INET
                self._socket = socket.create_server((address.text, address.number), family=family, backlog=1)
                address = Address("tcp", address.text, self._socket.getsockname()[1])
            else:
                self._unix = UnixListener(address.text, 1)
                self._socket = self._unix.socket
        except OSError as error:
            raise MigrationError(f"cannot listen at {address}: {error}") from error
        self._socket.setblocking(False)
        self._users = Users(self._release)
        self._parsed = address
        self.address = str(address)

    def accept(self) -> Transport:
        """The next one that comes."""
        try:
            with self._users:
                sock = self._next()
        except Closed:
            raise MigrationError(f"listening at {self.address} was ended") from None
        except OSError as error:
            raise MigrationError(f"listening at {self.address} failed: {error}") from error
        if self._tls is not None:
            try:
                sock = _wrapped(sock, self._tls, server=True, address=self._parsed)
            except MigrationError as error:
                raise Stranger(str(error)) from error
        if self._parsed.kind == "tcp":
            prepare_tcp(sock)
        return SocketTransport(sock)

    def _next(self) -> socket.socket:
        while True:
            left = None if self._deadline is None else self._deadline - time.monotonic()
            if not self._users.wait(self._socket.fileno(), READ, left):
                raise MigrationError(f"nobody came to {self.address} in time")
            with contextlib.suppress(BlockingIOError):  # who came has gone again
                return self._socket.accept()[0]

    def close(self) -> None:
        """Stop, and take the socket's name away."""
        self._users.close()

    def _release(self) -> None:
        if self._unix is not None:
            self._unix.forget()
        self._socket.close()


def listen(place: Place, *, tls: ssl.SSLContext | None = None, timeout: float | None = None) -> Listener:
    """The destination's end; `timeout` in seconds bounds the wait for the source. Raises MigrationError."""
    _check_tls(tls)
    if not isinstance(place, str):
        return Given(ObjectTransport(place), type(place).__name__)
    address = parse(place)
    if address.kind in ("tcp", "unix"):
        return SocketListener(address, tls, timeout)
    if tls is not None:
        raise MigrationError(f"TLS is for tcp and unix, not for {address}")
    if address.kind == "fd":
        return Given(from_descriptor(address.number), str(address))
    try:
        fd = open_regular(address.text)
    except OSError as error:
        raise MigrationError(f"{address} cannot be read: {error}") from error
    return Given(DescriptorTransport(fd), str(address))
