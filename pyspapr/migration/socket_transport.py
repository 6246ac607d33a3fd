"""A transport over a connected stream socket.

Enters: a socket. Leaves: a `Transport` that can be read and written by one thread without blocking. `tls_transport`
has the encrypted one.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import Final

from pyspapr.errors import MigrationError
from pyspapr.migration.descriptor_guard import READ, WRITE, Closed, DescriptorGuard
from pyspapr.migration.patience import Patience
from pyspapr.migration.transport import PIECE, NothingLeft

SEND_BUFFER: Final = 2 << 20
"""Buffer size of a unix socket, as far as the host allows. With the default of 208 KiB the two sides would wake each
other for every chunk, and on a busy host each wake-up takes milliseconds."""
LINGER: Final = struct.Struct("ii")
"""SO_LINGER: whether `close` waits for sent data to arrive, and how many seconds; 0 seconds resets the connection."""


def do_not_linger(number: int) -> None:
    """Make the socket `number` close without waiting even if its SO_LINGER says to wait; a reset stays a reset."""
    with contextlib.suppress(OSError):
        sock = socket.socket(fileno=number)
        try:
            if any(sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.size)[LINGER.size // 2 :]):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.pack(0, 0))
        finally:
            sock.detach()  # it stays its owner's


class SocketTransport:
    """A connected stream socket, which does not block."""

    two_way = True
    direct = True
    _whole = True
    """Whether a failure of the first `_send` means that nothing was sent."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        if sock.family == socket.AF_UNIX:  # TCP tunes its buffers itself
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.patience = Patience()
        self._socket = sock
        self._number = sock.fileno()

        def release() -> None:
            do_not_linger(sock.fileno())
            sock.close()

        self._guard = DescriptorGuard(release)

    def _lost(self, doing: str, error: Exception) -> MigrationError:
        why = "closed on this side" if self._guard.closed else f"lost while {doing}: {error}"
        return MigrationError(f"the connection was {why}")

    def _wait(self, events: int, *, reading: bool) -> None:
        patience = self.patience
        if not self._guard.wait(self._number, events, patience.wait(patience.read if reading else patience.write)):
            raise patience.lost(reading=reading)

    def _receive(self, limit: int) -> tuple[bytes | None, int]:
        """The data that has arrived, or None and the events to wait for. Raises Closed and OSError."""
        try:
            data = self._socket.recv(min(limit, PIECE))
        except BlockingIOError:
            return None, READ
        if not data and self._guard.closed:
            raise Closed
        return data, 0

    def _send(self, data: memoryview) -> tuple[int, int]:
        """The number of bytes sent, and if it is 0 the events to wait for. Raises OSError."""
        try:
            return self._socket.send(data[:PIECE]), 0
        except BlockingIOError:
            return 0, WRITE

    def _pending(self) -> bool:
        """Whether data can be read although the socket has none."""
        return False

    def read(self, limit: int) -> bytes:
        try:
            with self._guard:
                while True:
                    data, events = self._receive(limit)
                    if data is not None:
                        return data
                    self._wait(events, reading=True)
        except (Closed, OSError, ValueError) as error:
            raise self._lost("receiving", error) from error

    def take(self, limit: int, seconds: float) -> bytes | None:
        """What has arrived, or arrives within `seconds`."""
        deadline = time.monotonic() + seconds
        try:
            with self._guard:
                while True:
                    data, events = self._receive(limit)
                    if data is not None or seconds <= 0:
                        return data
                    # More than once: TLS records without data make the socket readable, too.
                    seconds = deadline - time.monotonic()
                    if seconds <= 0 or not self._guard.wait(self._number, events, seconds):
                        return None
        except (Closed, OSError, ValueError) as error:
            raise self._lost("receiving", error) from error

    def give(self, data: memoryview, seconds: float) -> int:
        """Send what can be sent now, or within `seconds`."""
        try:
            with self._guard:
                sent, events = self._send(data)
                if not sent and self._guard.wait(self._number, events, seconds):
                    sent, _ = self._send(data)
                return sent
        except (Closed, OSError, ValueError) as error:
            raise self._lost("sending", error) from error

    def quiet(self, seconds: float = 0) -> bool:
        """Whether nothing arrives within `seconds`."""
        try:
            with self._guard:
                return not self._pending() and not self._guard.wait(self._number, READ, seconds)
        except (Closed, OSError, ValueError):
            return False  # `read` says what is wrong

    def hung_up(self) -> bool:
        """Whether it has closed its side, or is gone."""
        try:
            with self._guard:
                return self._guard.wait(self._number, select.POLLRDHUP, 0)
        except (Closed, OSError, ValueError):
            return True

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            with self._guard:
                while view:
                    sent, events = self._send(view)
                    view = view[sent:]
                    if not sent:
                        self._wait(events, reading=False)
        except (Closed, OSError, ValueError) as error:
            lost = self._lost("sending", error)
            raise (NothingLeft(str(lost)) if len(view) == len(data) and self._whole else lost) from error

    def finish(self) -> None:
        """Nothing to do: the peer's protocol confirms what has arrived."""

    def after_fork(self) -> None:
        """The connection belongs to the parent: nothing is sent on it."""
        self._socket.close()
        self._guard.after_fork()

    def close(self) -> None:
        """Shut down both directions, so that the peer notices at once, then close."""
        with contextlib.suppress(Closed), self._guard:
            self._guard.close()
            self._shut_down()

    def _shut_down(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
