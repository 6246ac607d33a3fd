"""A small blocking QMP client, for the command line. Scripts that need more use the package `qemu.qmp`."""

from __future__ import annotations

import json
import time
from collections import deque
from types import TracebackType
from typing import Any, Final

from pyspapr.errors import SpaprError
from pyspapr.host.sockets import connect
from pyspapr.qmp.service import SERVICE
from pyspapr.qmp.wire import MESSAGE_LIMIT, Json, encode

CONNECT_SECONDS: Final = 10.0
EVENTS_KEPT: Final = 1000


class ClientError(SpaprError):
    """The connection broke, or what came over it is no QMP."""


class CommandFailed(SpaprError):
    """An error answer. `kind` is QMP's class of error."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message, kind)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[0])


class QmpClient:
    """A negotiated connection. The constructor raises ConfigError when it cannot connect."""

    def __init__(self, address: str, *, timeout: float = CONNECT_SECONDS) -> None:
        self._address = SERVICE.parse_socket(address)
        self._socket = connect(self._address, timeout)
        self._buffer = bytearray()
        self.events: deque[Json] = deque(maxlen=EVENTS_KEPT)
        """What came besides answers, oldest first."""
        try:
            if "QMP" not in self._message(timeout):
                raise ClientError(f"{self._address}: the service there does not speak QMP")
            self.execute("qmp_capabilities")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> QmpClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()

    def execute(self, command: str, arguments: Json | None = None, *, timeout: float | None = None) -> Any:
        """The command's answer. Raises CommandFailed for an error, ClientError when no answer comes in time."""
        request: Json = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        try:
            self._socket.sendall(encode(request))
        except OSError as error:
            raise ClientError(f"{self._address}: {error.strerror or error}") from error
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            message = self._message(None if deadline is None else max(deadline - time.monotonic(), 0.001))
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise CommandFailed(str(message["error"].get("desc")), str(message["error"].get("class")))
            else:
                return message.get("return")

    def next_event(self, timeout: float | None = None) -> Json:
        """Return the oldest event that was not taken yet. Raises ClientError when none comes in time."""
        while not self.events:
            message = self._message(timeout)
            if "event" in message:
                self.events.append(message)
        return self.events.popleft()

    def _message(self, timeout: float | None) -> Json:
        try:
            self._socket.settimeout(timeout)
            while (end := self._buffer.find(b"\n")) < 0:
                if len(self._buffer) > MESSAGE_LIMIT:
                    raise ClientError(f"{self._address}: a message is longer than {MESSAGE_LIMIT} bytes")
                data = self._socket.recv(1 << 16)
                if not data:
                    raise ClientError(f"{self._address}: the connection was closed")
                self._buffer += data
        except OSError as error:
            raise ClientError(f"{self._address}: {error.strerror or error}") from error
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            message = json.loads(line)
        except ValueError as error:
            raise ClientError(f"{self._address}: the service there does not speak QMP") from error
        if not isinstance(message, dict):
            raise ClientError(f"{self._address}: the service there does not speak QMP")
        return message
