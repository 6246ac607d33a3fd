"""Reading one line of the human monitor: words, quoted file names, formats of memory dumps, and expressions.

    expression = product {("+" | "-") product}       values have 64 bits and wrap
    product    = logic {("*" | "/" | "%") logic}
    logic      = unary {("&" | "|" | "^") unary}
    unary      = {"+" | "-" | "~"} (number | "'" character "'" | "$" register | "(" expression ")")

Enters: text of a client. Leaves: values, or a `LineError` whose text is QEMU's, because scripts compare it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pyspapr.errors import SpaprError
from pyspapr.plain import Plain

BITS: Final = (1 << 64) - 1
NESTED: Final = 64
"""Parentheses and signs within each other."""
SIZES: Final = {"b": 1, "h": 2, "w": 4, "g": 8}
KINDS: Final = "odxuic"
COUNT_MAX: Final = 1 << 31


class LineError(SpaprError):
    """The line cannot be read; says why."""


class Format(Plain):
    """`/COUNT KIND SIZE` of a memory dump or of `print`. `size` is None if the line does not say it."""

    count: int = 1
    kind: str = "x"
    size: int | None = None


class Line:
    """What is left of a line. `register` is the value of a register by its name, and raises KeyError."""

    def __init__(self, text: str, register: Callable[[str], int]) -> None:
        self._text = text
        self._at = 0
        self._register = register

    def _skip(self) -> str:
        """The next character behind spaces, or nothing."""
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    @property
    def over(self) -> bool:
        """Whether nothing but spaces is left."""
        return not self._skip()

    def word(self) -> str:
        """Up to the next space."""
        self._skip()
        found = re.compile(r"\S*").match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return found[0]

    def name(self) -> str:
        """The name of a command, which a format may follow at once."""
        self._skip()
        found = re.compile(r"[^\s/]*").match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return found[0]

    def flag(self, letter: str) -> bool:
        """Whether `-letter` comes next."""
        self._skip()
        found = re.compile(rf"-{letter}(?!\S)").match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found is not None

    def rest(self) -> str:
        """All that is left."""
        self._skip()
        text, self._at = self._text[self._at :].rstrip(), len(self._text)
        return text

    def file(self) -> str:
        """A word, or text in double quotes with backslashes."""
        if self._skip() != '"':
            return self.word()
        found = re.compile(r'"((?:[^"\\]|\\.)*)"').match(self._text, self._at)
        if found is None:
            raise LineError("unterminated string")
        self._at = found.end()
        return re.sub(r"\\(.)", lambda one: {"n": "\n", "r": "\r"}.get(one[1], one[1]), found[1])

    def format(self) -> Format:
        """A format, or the usual one."""
        if self._skip() != "/":
            return Format()
        self._at += 1
        found = re.compile(r"(\d*)(\S*)").match(self._text, self._at)
        assert found is not None
        count = int(found[1]) if 0 < len(found[1]) < 12 else 1 if not found[1] else COUNT_MAX
        kind, size = "x", None
        for letter in found[2]:
            if letter in SIZES:
                size = SIZES[letter]
            elif letter in KINDS:
                kind = letter
            else:
                raise LineError(f"invalid char in format: '{letter}'")
        self._at = found.end()
        return Format(count, kind, size)

    def number(self) -> int:
        """The value of an expression, 0 to 2**64 - 1."""
        return self._sum(0) & BITS

    def _sum(self, depth: int) -> int:
        value = self._product(depth)
        while (sign := self._skip()) and sign in "+-":
            self._at += 1
            value += self._product(depth) if sign == "+" else -self._product(depth)
        return value & BITS

    def _product(self, depth: int) -> int:
        value = self._logic(depth)
        while (sign := self._skip()) and sign in "*/%":
            self._at += 1
            other = self._logic(depth)
            if sign == "*":
                value = value * other & BITS
            elif not other:
                raise LineError("division by zero")
            else:
                value = value // other if sign == "/" else value % other
        return value

    def _logic(self, depth: int) -> int:
        value = self._unary(depth)
        while (sign := self._skip()) and sign in "&|^":
            self._at += 1
            other = self._unary(depth)
            value = value & other if sign == "&" else value | other if sign == "|" else value ^ other
        return value

    def _unary(self, depth: int) -> int:
        if depth > NESTED:
            raise LineError(f"more than {NESTED} expressions within each other")
        first = self._skip()
        if not first:
            raise LineError("unexpected end of expression")
        if first in "+-~":
            self._at += 1
            value = self._unary(depth + 1)
            return (value if first == "+" else -value if first == "-" else ~value) & BITS
        if first == "(":
            self._at += 1
            value = self._sum(depth + 1)
            if self._skip() != ")":
                raise LineError("')' expected")
            self._at += 1
            return value
        if first == "$":
            return self._named()
        if first == "'":
            return self._character()
        found = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*(?![0-9])|[1-9][0-9]*").match(self._text, self._at)
        if found is None:
            raise LineError(f"invalid char '{first}' in expression")
        self._at = found.end()
        text = found[0].lower()
        if len(text) > 24 or (value := int(text, 16 if text[:2] == "0x" else 8 if text[0] == "0" else 10)) > BITS:
            raise LineError("number too large")
        return value

    def _named(self) -> int:
        found = re.compile(r"\$\w*").match(self._text, self._at)
        assert found is not None
        try:
            value = self._register(found[0][1:].lower())
        except KeyError:
            raise LineError("unknown register") from None
        self._at = found.end()
        return value & BITS

    def _character(self) -> int:
        found = re.compile(r"'([\x20-\x7e])'").match(self._text, self._at)
        if found is None:
            raise LineError("invalid character constant")
        self._at = found.end()
        return ord(found[1])
