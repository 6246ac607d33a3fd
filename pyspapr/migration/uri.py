"""The addresses of migrations, and the connections made there. `host.address` has the grammar.

| address | source | destination |
|---|---|---|
| `tcp:PORT`, `tcp:HOST:PORT` | connects | listens; without HOST on the loopback interface, port 0 is any free one |
| `unix:PATH` | connects | listens; the socket appears with access for its owner only |
| `fd:N` | uses the descriptor: a connected socket, or a pipe or a file (nobody answers); a file is synced | the same |
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

import os
import socket
import stat
import time
from typing import TYPE_CHECKING, Final

from pyspapr.errors import AddressError, MigrationError
from pyspapr.host import sockets
from pyspapr.host.address import (
    FD,
    FILE,
    NAMED_FD,
    TCP,
    UNIX,
    Address,
    FdAddress,
    FileAddress,
    Service,
    TcpAddress,
    UnixAddress,
)
from pyspapr.migration.file_transport import DescriptorTransport, FileReader, FileWriter, check_sink
from pyspapr.migration.object_transport import ObjectTransport
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.migration.transport import Transport

if TYPE_CHECKING:
    import ssl

CONNECT_TIMEOUT: Final = 10.0
"""Seconds that connecting may take, the TLS handshake included."""

Place = object
"""An address as text, or an object with `read` or `write`."""

SERVICE: Final = Service("migration", (TCP, UNIX, FD, FILE))
"""The kinds of addresses, beside objects."""
REMOTE_SERVICE: Final = Service("migration", (TCP, UNIX, NAMED_FD, FILE))
"""The kinds that a client of a control socket may use."""


def parse(text: str) -> Address:
    """The address that `text` is. Raises MigrationError."""
    try:
        return SERVICE.parse(text)
    except AddressError as error:
        raise MigrationError(str(error)) from None


def from_descriptor(number: int, *, sink: bool = False) -> Transport:
    """A socket, a pipe or a file; as a `sink` only if written data can be read again. Raises MigrationError."""
    try:
        if stat.S_ISSOCK(mode := os.fstat(number).st_mode):
            sock = socket.socket(fileno=number)
            try:
                return SocketTransport(sock)
            except BaseException:
                sock.detach()  # the caller still owns the descriptor, as with a pipe
                raise
        if sink:
            return DescriptorTransport(number, regular=check_sink(number))
        return FileReader(number) if stat.S_ISREG(mode) else DescriptorTransport(number)
    except (OSError, OverflowError) as error:
        raise MigrationError(f"fd:{number} cannot be used: {getattr(error, 'strerror', None) or error}") from error


def prepare_tcp(sock: socket.socket) -> None:
    """Send small frames at once, and notice within half a minute if the peer's host has vanished."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def check_tls(tls: object, place: Place) -> None:
    """Raise TypeError for anything but a context or nothing, and MigrationError where a context would be ignored."""
    if tls is None:
        return
    import ssl

    if not isinstance(tls, ssl.SSLContext):
        raise TypeError(f"tls is {tls!r}, expected an ssl.SSLContext")
    if not isinstance(place, str):
        raise MigrationError(f"TLS is for tcp and unix, not for {type(place).__name__} objects")
    if not isinstance(address := parse(place), TcpAddress | UnixAddress):
        raise MigrationError(f"TLS is for tcp and unix, not for {address}")


def connect(place: Place, *, tls: ssl.SSLContext | None = None, timeout: float = CONNECT_TIMEOUT) -> Transport:
    """The source's end. Raises MigrationError."""
    check_tls(tls, place)
    if not isinstance(place, str):
        return ObjectTransport(place)
    address = parse(place)
    if isinstance(address, FdAddress):
        return from_descriptor(address.number, sink=True)
    if isinstance(address, FileAddress):
        return FileWriter(address.path)
    assert isinstance(address, TcpAddress | UnixAddress)
    deadline = time.monotonic() + timeout
    try:
        sock = sockets.connect(address, timeout)
    except AddressError as error:
        raise MigrationError(str(error)) from error
    try:
        if isinstance(address, TcpAddress):
            prepare_tcp(sock)
        if tls is None:
            return SocketTransport(sock)
        from pyspapr.migration.tls_transport import connect_tls

        name = address.host if isinstance(address, TcpAddress) else None
        return connect_tls(sock, tls, name, str(address), deadline)
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError):
            raise MigrationError(f"cannot connect to {address}: {sockets.reason(error)}") from error
        raise
