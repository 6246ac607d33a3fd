"""Addresses of control sockets: `unix:PATH`, `tcp:PORT` and `tcp:HOST:PORT`.

A control socket asks nobody for a password, so it listens on the loopback interface unless a host is named, and a
Unix socket can be opened by its owner only.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Final

from pyspapr.errors import ConfigError
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
        if not rest or "\0" in rest:
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
    except OSError as error:
        raise ConfigError(f"{address}: {error.strerror or error}") from error
    return client


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens to any more; raises OSError when somebody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except OSError:
            return
        else:
            raise OSError("another process is listening there")


def listen(address: Address) -> socket.socket:
    """A listening socket. Raises ConfigError."""
    try:
        if isinstance(address, TcpAddress):
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
        server = socket.socket(socket.AF_UNIX)
        try:
            _remove_stale(address.path)
            server.bind(address.path)
            # Nobody can connect before listen(), so nobody slips in before the mode is set.
            os.chmod(address.path, 0o600)
            server.listen(BACKLOG)
        except OSError:
            server.close()
            raise
    except OSError as error:
        raise ConfigError(f"cannot listen at {address}: {error.strerror or error}") from error
    return server


def bound(address: Address, server: socket.socket) -> Address:
    """The address that clients use: with the port that the host chose."""
    if isinstance(address, TcpAddress):
        return TcpAddress(address.host, server.getsockname()[1])
    return address


def forget(address: Address) -> None:
    """Remove what `listen` left in the file system."""
    if isinstance(address, UnixAddress):
        with suppress(OSError):  # somebody else may have been faster
            os.unlink(address.path)
