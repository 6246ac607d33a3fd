"""One client's conversation: negotiation first, then commands (QMP specification, "Capabilities Negotiation" and
"Issuing Commands").

Enters: messages as bytes. Leaves: answers as objects. No socket is needed, so tests can talk to it directly.

Until the negotiation is over, the first message that is not a JSON object ends the session: a client that speaks
another protocol was tricked into connecting (a web page can have a browser send HTTP to any port, with a body of its
choice), and whatever it says after that is not what the owner of this machine wants.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, Final

from pyspapr._native import __version__
from pyspapr.errors import SpaprError, StateError
from pyspapr.qmp.descriptors import Descriptors
from pyspapr.qmp.errors import COMMAND_NOT_FOUND, QmpError, WireError
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.registry import TABLE, Command, Where
from pyspapr.qmp.wire import Json, decode

NEGOTIATE: Final = "qmp_capabilities"
CAPABILITIES: Final[list[str]] = []
"""Out-of-band execution is not offered: commands are executed in order."""
_MEMBERS: Final = frozenset(("execute", "arguments", "id"))

Reply = Callable[[Json], None]


def version_info() -> Json:
    """This package's version where scripts look for QEMU's."""
    numbers = [int(number) for number in re.findall(r"\d+", __version__)[:3]]
    major, minor, micro = numbers + [0] * (3 - len(numbers))
    return {"qemu": {"major": major, "minor": minor, "micro": micro}, "package": f"pyspapr {__version__}"}


def greeting() -> Json:
    """What a client hears first."""
    return {"QMP": {"version": version_info(), "capabilities": CAPABILITIES}}


def describe(error: BaseException) -> Json:
    """An exception as QMP's error object. Any exception other than SpaprError is a bug, and the text names it."""
    if isinstance(error, QmpError):
        return {"class": error.kind, "desc": str(error)}
    if isinstance(error, SpaprError):
        text = str(error)
    elif isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        text = f"{error.strerror or error}{where}"
    elif isinstance(error, MemoryError):
        text = "the host has no memory for this"
    else:
        text = f"internal error: {type(error).__name__}: {error}"
    return {"class": "GenericError", "desc": text}


class Session:
    """One client."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.negotiated = False
        self.over = False
        """Whether nothing more that the client says is heard."""
        self.descriptors = Descriptors()

    def answer(self, message: bytes | WireError, reply: Reply) -> bool:
        """Have `reply` called with the answer to a message and its id, now or by another thread.

        True when the guest is interrupted for it.
        """
        request: Json = {}

        def send(answer: Json) -> None:
            if "id" in request:
                answer["id"] = request["id"]
            reply(answer)

        def finish(outcome: Callable[[], Any]) -> None:
            try:
                answer: Json = {"return": outcome()}
            except Exception as error:  # becomes the client's answer; the machine and the other clients continue
                answer = {"error": describe(error)}
            send(answer)

        def settled(result: Any, error: BaseException | None) -> None:
            if error is None:
                send({"return": result})
            else:
                send({"error": describe(error if isinstance(error, Exception) else StateError(str(error)))})

        try:
            request = self._decoded(message)
            call, where = self._call(request)
        except Exception as error:
            send({"error": describe(error)})
            return False
        if where is Where.ANYWHERE:
            finish(call)
            return False
        if where is Where.MACHINE and self.monitor.vm.partition.post_to_run(call, settled):
            return True
        if where is Where.MACHINE:
            vm = self.monitor.vm
            self._aside(finish, lambda: vm.partition.call(call))
        else:
            self._aside(finish, call)
        return False

    @staticmethod
    def _aside(finish: Callable[[Callable[[], Any]], None], call: Callable[[], Any]) -> None:
        """Run in a daemon thread, so it cannot keep the process from ending."""
        thread = threading.Thread(target=finish, args=(call,), name="qmp command", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:  # so many threads that there is none left
            finish(raising(QmpError(f"the host has no thread for this: {error}")))

    def _decoded(self, message: bytes | WireError) -> Json:
        try:
            if isinstance(message, WireError):
                raise message
            return decode(message)
        except WireError:
            self.over = not self.negotiated
            raise

    def _call(self, request: Json) -> tuple[Callable[[], Any], Where]:
        for member in request:
            if member not in _MEMBERS:
                raise QmpError(f"QMP input member '{member}' is unexpected")
        if "execute" not in request:
            raise QmpError("QMP input lacks member 'execute'")
        name = request["execute"]
        if not isinstance(name, str):
            raise QmpError("QMP input member 'execute' must be a string")
        arguments = request.get("arguments", {})
        if not isinstance(arguments, dict):
            raise QmpError("QMP input member 'arguments' must be an object")
        command = self._find(name)
        keywords = command.check(arguments)
        return lambda: self._execute(command, keywords), command.where_for(self.monitor, keywords)

    def _execute(self, command: Command, keywords: dict[str, Any]) -> Any:
        result = command(self.monitor, keywords, self.descriptors)
        if command.name == NEGOTIATE:
            self.negotiated = True
        return result

    def _find(self, name: str) -> Command:
        if not self.negotiated and name != NEGOTIATE:
            raise QmpError(f"Expecting capabilities negotiation with '{NEGOTIATE}'", COMMAND_NOT_FOUND)
        if self.negotiated and name == NEGOTIATE:
            raise QmpError("Capabilities negotiation is already complete, command ignored", COMMAND_NOT_FOUND)
        if name not in TABLE:
            raise QmpError(f"The command {name} has not been found", COMMAND_NOT_FOUND)
        return TABLE[name]


def raising(error: Exception) -> Callable[[], Any]:
    """A function that raises `error`."""

    def outcome() -> Any:
        raise error

    return outcome
