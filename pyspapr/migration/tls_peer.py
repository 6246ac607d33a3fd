"""A peer that has connected to a destination with TLS."""

from __future__ import annotations

import socket
import ssl

from pyspapr.errors import MigrationError
from pyspapr.migration import frames
from pyspapr.migration.descriptor_guard import READ, WRITE
from pyspapr.migration.listener import Peer
from pyspapr.migration.tls_transport import TlsTransport, shake_hands
from pyspapr.migration.transport import Transport


class TlsPeer(Peer):
    """The TLS handshake comes before its `hello`."""

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext) -> None:
        """Take over `sock`. Raises OSError."""
        sock.setblocking(False)
        self._secure = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        super().__init__(self._secure)
        self._met = False

    def go_on(self) -> frames.Hello | None:
        """Read what has arrived. Raises SpaprError if the handshake fails, or the peer is no source."""
        try:
            if not self._met:
                if (events := shake_hands(self._secure)) is not None:
                    self.events = events
                    return None
                self._met = True
        except (OSError, ValueError) as error:
            raise MigrationError(f"no TLS with the peer: {error}") from error
        return super().go_on()

    def _take(self, limit: int) -> bytes | None:
        try:
            return self._secure.recv(limit)
        except ssl.SSLWantReadError:
            self.events = READ
        except ssl.SSLWantWriteError:
            self.events = WRITE
        return None

    def transport(self) -> Transport:
        """What it goes on with."""
        return TlsTransport(self._secure)
