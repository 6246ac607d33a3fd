"""Sockets at addresses: one way to connect and one way to listen, for consoles, control sockets and migrations.

Enters: an address of `address`. Leaves: a connected or a listening socket, or an AddressError that says where and why.
None of these services has authentication, so a Unix socket can be opened by its owner only, and TCP is the loopback
interface unless a host is named.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from pyspapr.errors import AddressError
from pyspapr.host import forked
from pyspapr.host.address import SocketAddress, TcpAddress
from pyspapr.host.paths import shown
from pyspapr.host.unix_socket import UnixListener

FAULTS = (OSError, UnicodeError, ValueError)
"""Python raises UnicodeError or ValueError for an impossible host name."""


def reason(error: Exception) -> str:
    """The host's message, without the error number."""
    return getattr(error, "strerror", None) or str(error)


def connect(address: SocketAddress, timeout: float) -> socket.socket:
    """A connection, made within `timeout` seconds. Raises AddressError."""
    try:
        if isinstance(address, TcpAddress):
            return socket.create_connection((address.host, address.port), timeout)
        client = socket.socket(socket.AF_UNIX)
        try:
            client.settimeout(timeout)
            client.connect(address.path)
        except BaseException:
            client.close()
            raise
    except FAULTS as error:
        raise AddressError(f"cannot connect to {shown(str(address))}: {reason(error)}") from error
    return client


class Listener:
    """A listening `socket`; `address` is the one that clients use, with the port that the host chose.

    A child of `os.fork()` closes its copy: the socket and its name are the parent's.
    """

    def __init__(self, address: SocketAddress, backlog: int) -> None:
        """Begin to listen. Raises AddressError."""
        self._unix: UnixListener | None = None
        self.address: SocketAddress = address
        try:
            if isinstance(address, TcpAddress):
                found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
                family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
                self.socket = socket.create_server(where, family=family, backlog=backlog)
                self.address = address.replace(port=self.socket.getsockname()[1])
            else:
                self._unix = UnixListener(address.path, backlog)
                self.socket = self._unix.socket
        except FAULTS as error:
            raise AddressError(f"cannot listen at {shown(str(address))}: {reason(error)}") from error
        forked.copied.add(self)

    def after_fork(self) -> None:
        """In a child of fork: stop accepting connections here."""
        self._unix = None
        self.socket.close()

    def wake(self) -> None:
        """Wake a thread that waits for a client."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop, and remove the socket's name. May be called twice."""
        if self._unix is not None:
            self._unix.forget()
        self.socket.close()

    def forget(self) -> None:
        """Remove the socket's name, while the socket is still served."""
        if self._unix is not None:
            self._unix.forget()


class Unheard:
    """In the place of a `Listener`: nobody can come, because nobody is told an address."""

    def __init__(self) -> None:
        """Raises OSError when the host has no descriptor."""
        self.address: str = "a given connection"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)  # without a name, never readable

    def forget(self) -> None:
        """There is no name."""

    def close(self) -> None:
        """May be called twice."""
        self.socket.close()
