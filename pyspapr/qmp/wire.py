"""Bytes to messages and back (QMP specification, "General Definitions", and RFC 8259).

Enters: what a client sends, in pieces of any size. Leaves: JSON objects, or a `WireError` for each stretch of bytes
that holds none. A message may stand on one line or on several, and needs no newline behind it, as with QEMU; a byte
0xFF throws away what came so far (the specification's way back from a mistake). Size and nesting are bounded before
anything is decoded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from pyspapr.qmp.errors import WireError

MESSAGE_LIMIT: Final = 1 << 20
"""Bytes of a message."""
DEPTH_LIMIT: Final = 64
"""Arrays and objects inside each other."""

Json = dict[str, Any]

_RESYNC: Final = 0xFF
_NEWLINE: Final = 0x0A
_SPACE: Final = frozenset(b" \t\r\n")
_OPEN: Final = frozenset(b"{[")
_CLOSE: Final = frozenset(b"}]")
_BEFORE_OBJECT: Final = frozenset(b"[,:")
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_BRACE: Final = ord("{")


class Splitter:
    """Finds where messages end. It counts brackets outside strings; the rest is the JSON decoder's to judge."""

    def __init__(self) -> None:
        """Before the first byte."""
        self._skipping = False
        self._reset()

    def _reset(self) -> None:
        self._pending = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._fresh_line = False
        self._last = 0

    def feed(self, data: bytes) -> Iterator[bytes | WireError]:
        """The messages that `data` completes, in order."""
        for byte in data:
            if byte == _RESYNC:
                self._skipping = False
                self._reset()
            elif self._skipping:
                self._skipping = byte != _NEWLINE
            else:
                yield from self._take(byte)

    def finish(self) -> Iterator[bytes | WireError]:
        """What the end of the stream completes."""
        if self._pending:
            yield WireError("JSON parse error, the connection ended inside a message")
        self._reset()

    def _take(self, byte: int) -> Iterator[bytes | WireError]:
        if self._in_string:
            if byte == _NEWLINE:
                yield self._refuse("JSON parse error, a string is not closed at the end of its line", skip=False)
                return
            self._pending.append(byte)
            self._string(byte)
        elif byte in _SPACE:
            if self._pending and self._depth == 0 and byte == _NEWLINE:
                yield self._complete()
                return
            self._fresh_line |= byte == _NEWLINE
            if self._pending:
                self._pending.append(byte)
        else:
            if self._depth and self._fresh_line and byte == _BRACE and self._last not in _BEFORE_OBJECT:
                yield self._refuse("JSON parse error, a message is not closed before the next one", skip=False)
            self._pending.append(byte)
            if self._structure(byte):
                yield self._complete()
                return
        if self._depth > DEPTH_LIMIT:
            yield self._refuse(f"JSON parse error, more than {DEPTH_LIMIT} levels of nesting", skip=True)
        elif len(self._pending) > MESSAGE_LIMIT:
            yield self._refuse(f"JSON parse error, the message is longer than {MESSAGE_LIMIT} bytes", skip=True)

    def _string(self, byte: int) -> None:
        if self._escaped:
            self._escaped = False
        elif byte == _BACKSLASH:
            self._escaped = True
        elif byte == _QUOTE:
            self._in_string = False

    def _structure(self, byte: int) -> bool:
        self._fresh_line = False
        self._last = byte
        if byte == _QUOTE:
            self._in_string = True
        elif byte in _OPEN:
            self._depth += 1
        elif byte in _CLOSE:
            self._depth -= 1
            return self._depth <= 0
        return False

    def _complete(self) -> bytes:
        message = bytes(self._pending)
        self._reset()
        return message

    def _refuse(self, text: str, *, skip: bool) -> WireError:
        self._reset()
        self._skipping = skip
        return WireError(text)


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"member {twice!r} stands twice in an object")
    return members


def decode(message: bytes) -> Json:
    """The object that a message is. Raises WireError for anything else."""
    try:
        value = json.loads(message.decode(), parse_constant=_constant, parse_float=_number, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise WireError(f"JSON parse error, {error}") from error
    if not isinstance(value, dict):
        raise WireError("QMP input must be a JSON object")
    return value


def encode(message: Json) -> bytes:
    """One line."""
    return json.dumps(message, allow_nan=False).encode() + b"\r\n"
