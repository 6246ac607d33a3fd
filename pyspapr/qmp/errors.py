"""What a command answers when it cannot do its work (QMP specification, "Command Responses", "error")."""

from __future__ import annotations

from typing import Final

from pyspapr.errors import SpaprError

GENERIC: Final = "GenericError"
COMMAND_NOT_FOUND: Final = "CommandNotFound"


class QmpError(SpaprError):
    """An error answer. `kind` is QMP's class of error, the message its description."""

    def __init__(self, message: str, kind: str = GENERIC) -> None:
        """A generic error unless said otherwise, as in QMP."""
        super().__init__(message)
        self.kind = kind


class WireError(QmpError):
    """Bytes of a client that are no message."""
