"""A transport over a connected socket with TLS, and the handshake that comes first.

Separate from `socket_transport`, because importing `ssl` takes longer than loading a machine's devices.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from typing import Final

from pyspapr.errors import MigrationError
from pyspapr.migration.descriptor_guard import READ, WRITE, Closed
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.migration.transport import PIECE

AGAIN: Final = {ssl.SSLWantReadError: READ, ssl.SSLWantWriteError: WRITE}


class TlsTransport(SocketTransport):
    """A socket after its handshake.

    Waiting is done outside the lock: Python's SSL objects are not to be used by two threads at once, and a reader that
    blocked inside one would keep the writer out.
    """

    _whole = False  # a part of a record may have left

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._lock = threading.Lock()
        self._secure = sock
        super().__init__(sock)

    def _receive(self, limit: int) -> tuple[bytes | None, int]:
        """The data that has arrived, or None and the events to wait for, which may be to write."""
        try:
            with self._lock:
                data = self._secure.recv(min(limit, PIECE))
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as again:
            return None, AGAIN[type(again)]
        if not data and self._guard.closed:
            raise Closed
        return data, 0

    def _send(self, data: memoryview) -> tuple[int, int]:
        """The number of bytes sent, and if it is 0 the events to wait for."""
        try:
            with self._lock:
                return self._secure.send(data[:PIECE]), 0
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as again:
            return 0, AGAIN[type(again)]

    def _pending(self) -> bool:
        """What was decrypted already."""
        with self._lock:
            return self._secure.pending() > 0

    def _shut_down(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            socket.socket.shutdown(self._secure, socket.SHUT_RDWR)  # SSLSocket.detach discards the session first


def connect_tls(
    sock: socket.socket, tls: ssl.SSLContext, name: str | None, where: str, deadline: float
) -> TlsTransport:
    """Do the handshake over `sock`, until `deadline` however slow the peer is. Raises MigrationError.

    `name` is what the peer's certificate must say, and `where` is what messages call the peer.
    """
    try:
        sock.setblocking(False)
        secure = tls.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:
        sock.close()
        raise MigrationError(f"no TLS with the peer at {where}: {error}") from error
    try:
        while (events := shake_hands(secure)) is not None:
            left = deadline - time.monotonic()
            poll = select.poll()
            poll.register(secure, events)
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError("the handshake did not end in time")
    except (OSError, ValueError) as error:
        secure.close()
        raise MigrationError(f"no TLS with the peer at {where}: {error}") from error
    return TlsTransport(secure)


def shake_hands(secure: ssl.SSLSocket) -> int | None:
    """Continue the handshake: the events to wait for before the next call, None when it is done. Raises OSError."""
    try:
        secure.do_handshake()
    except ssl.SSLWantReadError:
        return READ
    except ssl.SSLWantWriteError:
        return WRITE
    return None
