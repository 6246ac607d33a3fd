"""Addresses of control sockets: `unix:PATH`, `tcp:PORT` and `tcp:HOST:PORT`.

A control socket asks nobody for a password, so it listens on the loopback interface unless a host is named, and a
Unix socket can be opened by its owner only.
"""

from __future__ import annotations

import socket
from typing import Final

from pyspapr.errors import ConfigError
from pyspapr.host.paths import is_path
from pyspapr.host.unix_socket import UnixListener
from pyspapr.plain import Plain

LOOPBACK: Final = "127.0.0.1"
BACKLOG: Final = 16


class UnixAddress(Plain):
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        """As it is written."""
        return f"unix:{self.path}"


class TcpAddress(Plain):
    """A TCP port; 0 lets the host choose when listening."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is written."""
        return f"tcp:[{self.host}]:{self.port}" if ":" in self.host else f"tcp:{self.host}:{self.port}"


Address = UnixAddress | TcpAddress


def parse_address(text: str) -> Address:
    """The address that `text` names. Raises ConfigError."""
    kind, _, rest = text.partition(":")
    if kind == "unix":
        if not is_path(rest):
            raise ConfigError(f"address {text!r} needs a path: unix:PATH")
        return UnixAddress(rest)
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        if port.isascii() and port.isdigit() and int(port) < 1 << 16:
            return TcpAddress(host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port))
        raise ConfigError(f"address {text!r} needs a port from 0 to 65535: tcp:HOST:PORT")
    raise ConfigError(f"unknown address {text!r}: write unix:PATH or tcp:HOST:PORT")


def connect(address: Address, timeout: float) -> socket.socket:
    """A connection. Raises ConfigError."""
    try:
        if isinstance(address, TcpAddress):
            return socket.create_connection((address.host, address.port), timeout)
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        try:
            client.connect(address.path)
        except OSError:
            client.close()
            raise
    except (OSError, UnicodeError) as error:  # a host's name that cannot be one is a UnicodeError
        raise ConfigError(f"{address}: {getattr(error, 'strerror', None) or error}") from error
    return client


class Listener:
    """A listening `socket`; `address` is the one that clients use, with the port that the host chose."""

    def __init__(self, address: Address) -> None:
        """Begin to listen. Raises ConfigError."""
        self._unix: UnixListener | None = None
        self.address = address
        try:
            if isinstance(address, TcpAddress):
                family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
                self.socket = socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
                self.address = TcpAddress(address.host, self.socket.getsockname()[1])
            else:
                self._unix = UnixListener(address.path, BACKLOG)
                self.socket = self._unix.socket
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"cannot listen at {address}: {getattr(error, 'strerror', None) or error}") from error

    def forget(self) -> None:
        """Take away what is left in the file system."""
        if self._unix is not None:
            self._unix.forget()
