"""Where a migration goes to or comes from: addresses as text, and the connections made from them.

| address | source | destination |
|---|---|---|
| `tcp:HOST:PORT` | connects | listens; `tcp::PORT` is the loopback interface, port 0 any free one |
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
import re
import socket
import stat
import time
from typing import TYPE_CHECKING, Final

from pyspapr.errors import MigrationError
from pyspapr.host.paths import is_path
from pyspapr.migration.file_transport import DescriptorTransport, FileWriter, check_sink
from pyspapr.migration.object_transport import ObjectTransport
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.migration.transport import Transport
from pyspapr.plain import Plain

if TYPE_CHECKING:
    import ssl

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


def from_descriptor(number: int, *, sink: bool = False) -> Transport:
    """A socket, a pipe or a file; as a `sink` only where what is written can be read again. Raises MigrationError."""
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            sock = socket.socket(fileno=number)
            try:
                return SocketTransport(sock)
            except BaseException:
                sock.detach()  # the caller still owns the descriptor, as with a pipe
                raise
        return DescriptorTransport(number, regular=sink and check_sink(number))
    except (OSError, OverflowError) as error:
        raise MigrationError(f"fd:{number} cannot be used: {getattr(error, 'strerror', None) or error}") from error


def prepare_tcp(sock: socket.socket) -> None:
    """Small frames leave at once, and a peer whose host has vanished is noticed within half a minute."""
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
    if (address := parse(place)).kind not in ("tcp", "unix"):
        raise MigrationError(f"TLS is for tcp and unix, not for {address}")


def connect(place: Place, *, tls: ssl.SSLContext | None = None, timeout: float = CONNECT_TIMEOUT) -> Transport:
    """The source's end. Raises MigrationError."""
    check_tls(tls, place)
    if not isinstance(place, str):
        return ObjectTransport(place)
    address = parse(place)
    if address.kind == "fd":
        return from_descriptor(address.number, sink=True)
    if address.kind == "file":
        return FileWriter(address.text)
    deadline = time.monotonic() + timeout
    sock: socket.socket | None = None
    try:
        if address.kind == "tcp":
            sock = socket.create_connection((address.text, address.number), timeout)
            prepare_tcp(sock)
        else:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect(address.text)
        if tls is None:
            return SocketTransport(sock)
        from pyspapr.migration.tls_transport import connect_tls

        return connect_tls(sock, tls, address.text if address.kind == "tcp" else None, str(address), deadline)
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, OSError | UnicodeError):  # a host name that cannot be encoded is a UnicodeError
            raise MigrationError(f"cannot connect to {address}: {error}") from error
        raise
