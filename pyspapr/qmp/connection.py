"""One connection of a control socket: bytes in, one message at a time, and bytes out.

Must hold: nothing here blocks, and every queue is bounded. Nothing is read while a message is left over, a command is
in progress or answers are waiting; so a client that sends too fast fills its own socket's buffer. A client that does
not even take its events is dropped.
"""

from __future__ import annotations

import array
import socket
import time
from collections.abc import Iterator
from typing import Final

from pyspapr.qmp.descriptors import PASSED_LIMIT
from pyspapr.qmp.errors import WireError
from pyspapr.qmp.pace import Pace
from pyspapr.qmp.session import Session, describe, greeting
from pyspapr.qmp.wire import Json, Splitter, encode

READ_SIZE: Final = 16 << 10
OUTPUT_PAUSE: Final = 256 << 10
"""Bytes of answers that may wait for the client before its next command is read."""
OUTPUT_LIMIT: Final = 4 << 20
"""Bytes that may wait for a client which does not read."""


class Connection:
    """A client. All methods are for the server's thread."""

    def __init__(self, sock: socket.socket, session: Session, pace: Pace) -> None:
        """Not served yet: the greeting waits to be sent."""
        sock.setblocking(False)
        self.socket = sock
        self.session = session
        self.pace = pace
        self.since = time.monotonic()
        self.busy = False
        """Whether a command is being carried out."""
        self.ended = False
        """Whether nothing more will come from it, or be heard."""
        self.dropped = False
        """Whether nothing more can be sent to it."""
        self._splitter = Splitter()
        self._messages: Iterator[bytes | WireError] | None = None
        self._output = bytearray()
        self.send(greeting())

    # Out.

    def send(self, message: Json) -> None:
        """Queue a message, and send what the client takes now."""
        try:
            data = encode(message)
        except (ValueError, RecursionError, MemoryError) as error:
            data = encode({"error": describe(error)})
        if len(self._output) > OUTPUT_LIMIT:
            self.drop()
        elif not self.dropped:
            self._output += data
            self.flush()

    def flush(self) -> None:
        try:
            while self._output:
                del self._output[: self.socket.send(self._output)]
        except BlockingIOError:
            pass
        except OSError:
            self.drop()

    @property
    def unsent(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._output)

    def drop(self) -> None:
        """It is gone, or has to go: forget what was to be sent."""
        self.dropped = self.ended = True
        self._output.clear()
        self._messages = None

    # In.

    @property
    def loaded(self) -> bool:
        """Whether something that it has sent waits to be looked at."""
        return self._messages is not None and self.ready

    @property
    def ready(self) -> bool:
        """Whether its next message may be looked at."""
        return not self.busy and not self.dropped and len(self._output) < OUTPUT_PAUSE

    @property
    def hungry(self) -> bool:
        """Whether it may be read from."""
        return self._messages is None and not self.ended and self.ready

    @property
    def done(self) -> bool:
        return self.dropped or (self.ended and self._messages is None and not self.busy and not self._output)

    def read(self) -> None:
        try:
            data = self._receive()
        except BlockingIOError:
            return
        except OSError:
            self.drop()
            return
        self.ended = not data
        self._messages = self._splitter.feed(data) if data else self._splitter.finish()

    def _receive(self) -> bytes:
        if self.socket.family != socket.AF_UNIX:
            return self.socket.recv(READ_SIZE)
        numbers = array.array("i")
        room = socket.CMSG_SPACE(PASSED_LIMIT * numbers.itemsize)
        data, ancillary, _, _ = self.socket.recvmsg(READ_SIZE, room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
        if numbers:
            self.session.descriptors.passed(numbers)
        return data

    def next(self) -> bytes | WireError | None:
        """The next message, if one is whole."""
        message = None if self._messages is None else next(self._messages, None)
        if message is None:
            self._messages = None
        return message

    def hang_up(self) -> None:
        """Hear no more of it. What is on its way to it still goes."""
        self.ended = True
        self._messages = None

    def close(self) -> None:
        """Let go of it, and of what it had passed."""
        self.session.descriptors.close()
        self.socket.close()
