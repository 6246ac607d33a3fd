"""One client's conversation: negotiation first, then commands (QMP specification, "Capabilities Negotiation" and
"Issuing Commands").

Enters: messages as bytes. Leaves: answers as objects. No socket is needed, so tests can talk to it directly.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from pyspapr._native import __version__
from pyspapr.errors import SpaprError
from pyspapr.qmp.errors import COMMAND_NOT_FOUND, QmpError, WireError
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.registry import TABLE, Command, Where
from pyspapr.qmp.wire import Json, decode

NEGOTIATE: Final = "qmp_capabilities"
CAPABILITIES: Final[list[str]] = []
"""Out-of-band execution is not offered: commands are carried out in their order."""
_MEMBERS: Final = frozenset(("execute", "arguments", "id"))


def version_info() -> Json:
    """This package's version where scripts look for QEMU's."""
    numbers = [int(number) for number in re.findall(r"\d+", __version__)[:3]]
    major, minor, micro = numbers + [0] * (3 - len(numbers))
    return {"qemu": {"major": major, "minor": minor, "micro": micro}, "package": f"pyspapr {__version__}"}


def greeting() -> Json:
    """What a client hears first."""
    return {"QMP": {"version": version_info(), "capabilities": CAPABILITIES}}


def describe(error: Exception) -> Json:
    """An exception as QMP's error object. What is no error of ours is a bug, and says which."""
    if isinstance(error, QmpError):
        return {"class": error.kind, "desc": str(error)}
    if isinstance(error, SpaprError):
        return {"class": "GenericError", "desc": str(error)}
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return {"class": "GenericError", "desc": f"{error.strerror or error}{where}"}
    return {"class": "GenericError", "desc": f"internal error: {type(error).__name__}: {error}"}


class Session:
    """One client."""

    def __init__(self, monitor: Monitor) -> None:
        """Before the negotiation."""
        self.monitor = monitor
        self.negotiated = False

    async def answer(self, message: bytes | WireError) -> Json:
        """The answer to a message, with its id."""
        request: Json = {}
        try:
            if isinstance(message, WireError):
                raise message
            request = decode(message)
            result = await self._execute(request)
            answer: Json = {"return": result}
        except Exception as error:  # an answer for the client; the machine and the other clients go on
            answer = {"error": describe(error)}
        if "id" in request:
            answer["id"] = request["id"]
        return answer

    async def _execute(self, request: Json) -> Any:
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
        if command.name == NEGOTIATE:
            result = command(self.monitor, keywords)
            self.negotiated = True
            return result
        if command.where is Where.ANYWHERE:
            return command(self.monitor, keywords)
        if command.where is Where.ASIDE:
            return await asyncio.to_thread(command, self.monitor, keywords)
        return await asyncio.wrap_future(self.monitor.vm.post(lambda: command(self.monitor, keywords)))

    def _find(self, name: str) -> Command:
        if not self.negotiated and name != NEGOTIATE:
            raise QmpError(f"Expecting capabilities negotiation with '{NEGOTIATE}'", COMMAND_NOT_FOUND)
        if self.negotiated and name == NEGOTIATE:
            raise QmpError("Capabilities negotiation is already complete, command ignored", COMMAND_NOT_FOUND)
        if name not in TABLE:
            raise QmpError(f"The command {name} has not been found", COMMAND_NOT_FOUND)
        return TABLE[name]
