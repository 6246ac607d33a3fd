"""Bytes to messages and back (QMP specification, "General Definitions", and RFC 8259).

Enters: what a client sends, in pieces of any size. Leaves: JSON objects, or a `WireError` for each stretch of bytes
that holds none. A message may stand on one line or on several, and needs no newline behind it, as with QEMU; strings
may stand in single quotes, as there; a byte 0xFF throws away what came so far (the specification's way back from a
mistake). Size and nesting are bounded before anything is decoded.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from pyspapr.qmp.errors import WireError

MESSAGE_LIMIT: Final = 1 << 20
"""Bytes of a message."""
DEPTH_LIMIT: Final = 512
"""Arrays and objects inside each other. QEMU takes 1024, Python's decoder somewhat less."""

Json = dict[str, Any]

_RESYNC: Final = 0xFF
_NEWLINE: Final = 0x0A
_BACKSLASH: Final = ord("\\")
_BRACE: Final = ord("{")
_QUOTES: Final = b"\"'"
_OPEN: Final = b"{["
_SPACE: Final = b" \t\r\n"
_BEFORE_OBJECT: Final = b"[,:"

# What has a meaning, by where we are. Everything else is skipped at the speed of `re`, so that a flood costs little.
_BETWEEN: Final = re.compile(rb"""[{}\[\]"'\n\xff]""")
_INSIDE: Final = re.compile(rb"""[{}\[\]"'\xff]""")
_STRING: Final = {quote: re.compile(rb"(?:[^\\\n\xff%c]|\\[^\n\xff])*+" % quote) for quote in _QUOTES}
_SPACES: Final = re.compile(rb"[ \t\r\n]*+")
_LINE: Final = re.compile(rb"[\n\xff]")


class Splitter:
    """Finds where messages end by counting brackets outside strings; the JSON decoder checks the rest."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._skipping = False
        self._drop(0)

    def _drop(self, size: int) -> None:
        """What follows the first `size` bytes begins a message."""
        del self._pending[:size]
        self._at = 0  # up to where it was looked at
        self._seen = 0  # behind the last bracket or string
        self._depth = 0
        self._quote = 0  # what the string that we are in began with

    def feed(self, data: bytes) -> Iterator[bytes | WireError]:
        """Yield the messages that `data` completes, in order, each searched for on demand."""
        self._pending += data
        while (found := self._next()) is not None:
            yield found

    def finish(self) -> Iterator[bytes | WireError]:
        """What the end of the stream completes."""
        if not self._skipping and self._pending.strip(_SPACE):
            yield WireError("JSON parse error, the connection ended inside a message")
        self._drop(len(self._pending))

    def _next(self) -> bytes | WireError | None:
        if self._skipping and not self._skip():
            return None
        found = None
        while found is None and self._at < len(self._pending):
            if not self._at:  # whitespace in front of a message is nobody's
                spaces = _SPACES.match(self._pending)
                assert spaces is not None  # it matches nothing at all, too
                del self._pending[: spaces.end()]
            before = self._at, len(self._pending)
            found = self._string() if self._quote else self._structure()
            if found is None and before == (self._at, len(self._pending)):
                break  # half of an escape sequence, which needs its other half
        if found is None and self._at > MESSAGE_LIMIT:
            return self._refuse(f"the message is longer than {MESSAGE_LIMIT} bytes", self._at, skip=True)
        return found

    def _skip(self) -> bool:
        """Skip the rest of a rejected message; True when it ends here."""
        match = _LINE.search(self._pending)
        self._drop(len(self._pending) if match is None else match.end())
        self._skipping = match is None
        return not self._skipping

    def _string(self) -> WireError | None:
        match = _STRING[self._quote].match(self._pending, self._at)
        assert match is not None
        self._at = end = match.end()
        if end == len(self._pending):
            return None
        byte = self._pending[end]
        if byte == self._quote:
            self._at = self._seen = end + 1
            self._quote = 0
            return None
        if byte == _BACKSLASH:
            if end + 1 == len(self._pending):
                return None  # what it escapes has not come yet
            end += 1
        if self._pending[end] == _RESYNC:
            self._drop(end + 1)
            return None
        return self._refuse("a string is not closed at the end of its line", end + 1)

    def _structure(self) -> bytes | WireError | None:
        match = (_INSIDE if self._depth else _BETWEEN).search(self._pending, self._at)
        if match is None:
            self._at = len(self._pending)
            return None
        at, byte = match.start(), self._pending[match.start()]
        if byte == _RESYNC:
            self._drop(at + 1)
            return None
        if byte == _NEWLINE:
            return self._complete(at + 1)
        if byte == _BRACE and self._depth and self._is_another(at):
            return self._refuse("a message is not closed before the next one", at)
        self._at = self._seen = at + 1
        if byte in _QUOTES:
            self._quote = byte
            return None
        self._depth += 1 if byte in _OPEN else -1
        if self._depth > DEPTH_LIMIT:
            return self._refuse(f"more than {DEPTH_LIMIT} levels of nesting", self._at, skip=True)
        return self._complete(self._at) if self._depth <= 0 else None

    def _is_another(self, at: int) -> bool:
        """Whether a brace begins a line where no object can stand: then the message before it was not closed."""
        between = self._pending[self._seen : at]
        before = between.rstrip(_SPACE)
        last = before[-1] if before else self._pending[self._seen - 1]
        return b"\n" in between[len(before) :] and last not in _BEFORE_OBJECT

    def _complete(self, end: int) -> bytes | WireError:
        if end > MESSAGE_LIMIT:
            return self._refuse(f"the message is longer than {MESSAGE_LIMIT} bytes", end)
        message = bytes(self._pending[:end])
        self._drop(end)
        return message

    def _refuse(self, text: str, end: int, *, skip: bool = False) -> WireError:
        self._drop(end)
        self._skipping = skip
        return WireError(f"JSON parse error, {text}")


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"member {_second(pairs)[:40]!r} appears twice in an object")
    return members


def _second(pairs: list[tuple[str, Any]]) -> str:
    """The first name that was there before."""
    seen = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("every name is there once")


_ANY_STRING: Final = re.compile(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", re.DOTALL)
_QUOTED: Final = re.compile(r"""\\'|\\.|\"""", re.DOTALL)
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def _double_quoted(text: str) -> str:
    """`text` with every string as RFC 8259 has it. QEMU also takes single quotes around one, and `\\'` in one."""

    def whole(match: re.Match[str]) -> str:
        return f'"{_QUOTED.sub(inner, match[0][1:-1])}"'

    def inner(match: re.Match[str]) -> str:
        return {"\\'": "'", '"': '\\"'}.get(match[0], match[0])

    return _ANY_STRING.sub(whole, text)


def decode(message: bytes) -> Json:
    """The object that a message is. Raises WireError for anything else."""
    try:
        text = message.decode()
        if "'" in text:
            text = _double_quoted(text)
        value = json.loads(text, parse_constant=_constant, parse_float=_number, object_pairs_hook=_object)
        if _ESCAPED_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()  # half a character is none
    except (ValueError, RecursionError) as error:
        raise WireError(f"JSON parse error, {error}") from error
    if not isinstance(value, dict):
        raise WireError("QMP input must be a JSON object")
    return value


def encode(message: Json) -> bytes:
    return json.dumps(message, allow_nan=False).encode() + b"\r\n"
