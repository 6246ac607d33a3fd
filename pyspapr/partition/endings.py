"""How output must end when a pattern first matches.

Enters: the pattern that a run waits for. Leaves: rows of byte sets for `Vcpu.open_terminal`, one set for each of the
last bytes.

A run has to end at the hypercall that completes a match, and asking `re` after each of 16 bytes costs a second for a
megabyte. So the native half leaves only those hypercalls to Python after which a match is possible: those whose bytes
complete an ending. `login: |never` has the endings `login: ` and `never`; of `[0-9]+ passed` only ` passed` and the
digit before it are used.
An ending may come without a match, never the other way round. Where this cannot be promised (lookahead, back
references, an end that matches anything) there are no endings, and Python sees every hypercall.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

ByteSet = int
"""256 bits."""

LONGEST: Final = 64
"""Sets of one ending of a pattern; a text that is waited for is an ending as a whole."""
MOST: Final = 64
"""Endings of one pattern."""
BEYOND_ASCII: Final = ((1 << 128) - 1) << 128
SURROGATES: Final = range(0xD800, 0xE000)
ESCAPED: Final = range(0xDC80, 0xDD00)
"""The replacement character for invalid UTF-8."""
OTHER_CASES: Final = frozenset("iks")
"""ASCII letters with another case outside of it."""


class Unknown(Exception):
    """Nothing can be promised."""


class Tail:
    """One way in which a part of a pattern can end. `whole` says that it begins with it, too, so more can go before."""

    __slots__ = ("sets", "whole")

    def __init__(self, sets: tuple[ByteSet, ...], whole: bool) -> None:
        """Keep both."""
        self.sets = sets
        self.whole = whole


Endings = list[list[bytes]]
"""Each is a row of sets, and a set says in bit `b % 8` of byte `b // 8` whether it has byte `b`."""


@lru_cache(64)
def endings(pattern: re.Pattern[Any]) -> Endings | None:
    """What the output ends in when `pattern` first matches; None when every piece must be looked at."""
    try:
        from re import _parser as parser  # type: ignore[attr-defined]  # there is no public way to a pattern's parts
    except ImportError:
        return None
    if pattern.flags & re.LOCALE:
        return None
    try:
        parts = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
        tails = Reader(isinstance(pattern.pattern, bytes)).row(parts, pattern.flags, final=True)
    except Unknown:
        return None
    if not all(tail.sets for tail in tails):
        return None
    return [[number.to_bytes(32, "little") for number in sets] for sets in dict.fromkeys(tail.sets for tail in tails)]


class Reader:
    """Reads the parts of a pattern over bytes or over text, from their end."""

    def __init__(self, over_bytes: bool) -> None:
        """Text is UTF-8."""
        self.over_bytes = over_bytes

    def row(self, parts: Iterable[Any], flags: int, *, final: bool) -> list[Tail]:
        """The tails of a sequence of parts. `final`: the pattern ends with them."""
        tails = [Tail((), True)]
        for behind, part in enumerate(reversed(list(parts))):
            grown: list[Tail] = []
            for tail in tails:
                if not tail.whole or len(tail.sets) >= LONGEST:
                    grown.append(Tail(tail.sets, False))
                    continue
                before = self.part(part, flags, last=not tail.sets, final=final and not behind)
                grown += [Tail(one.sets + tail.sets, one.whole) for one in before]
            if len(grown) > MOST:  # what there is suffices
                if any(not tail.sets for tail in tails):
                    raise Unknown
                return [Tail(tail.sets, False) for tail in tails]
            tails = grown
        return tails

    def part(self, part: Any, flags: int, *, last: bool, final: bool) -> list[Tail]:
        """The tails of one part. `last` says that no character comes behind it, `final` that nothing does."""
        kind, value = str(part[0]), part[1]
        match kind:
            case "LITERAL" | "NOT_LITERAL" | "IN" | "ANY":
                return self.character(kind, value, flags, last=last)
            case "BRANCH":
                return [tail for one in value[1] for tail in self.row(one, flags, final=final)]
            case "SUBPATTERN":
                _, added, removed, parts = value
                return self.row(parts, (flags | added) & ~removed, final=final)
            case "ATOMIC_GROUP":
                return self.row(value, flags, final=final)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, parts = value
                return self.repeated(least, most, parts, flags, final=final)
            case "AT":
                if last and "BOUNDARY" in str(value):  # it may be there with the next byte only
                    raise Unknown
                return [Tail((), True)]
            case "ASSERT" | "ASSERT_NOT" if value[0] < 0:
                return [Tail((), True)]
        raise Unknown

    def repeated(self, least: int, most: Any, parts: Any, flags: int, *, final: bool) -> list[Tail]:
        """Some number of times. If nothing comes behind it is the least: with more there was a match before."""
        if (least == most or final) and least <= LONGEST:
            return self.row(list(parts) * int(least), flags, final=final)
        tails = [Tail(tail.sets, False) for tail in self.row(parts, flags, final=False)]
        return tails if least else [Tail((), True), *tails]

    def character(self, kind: str, value: Any, flags: int, *, last: bool) -> list[Tail]:
        """The tails of one character."""
        if kind == "LITERAL" and not flags & re.IGNORECASE:
            if value in SURROGATES:
                raise Unknown
            return [Tail((1 << value,) if self.over_bytes else utf8(value), True)]
        test = self.tester(kind, value, flags)
        members = sum(1 << number for number in range(256 if self.over_bytes else 128) if test(number))
        if self.over_bytes:
            return [Tail((members,), True)]
        if any(map(test, ESCAPED)):
            # A byte that belongs to no character is seen when the next one comes, whatever that is.
            if last:
                raise Unknown
            return [Tail((), False)]
        if self.only_ascii(kind, value, flags):
            return [Tail((members,), True)]
        beyond = Tail((BEYOND_ASCII,), False)
        return [Tail((members,), True), beyond] if members else [beyond]

    def only_ascii(self, kind: str, value: Any, flags: int) -> bool:
        """Whether no character of more than one byte can be meant."""
        if kind == "LITERAL":
            return value < 128 and chr(value).lower() not in OTHER_CASES
        if kind != "IN" or flags & re.IGNORECASE:
            return False
        return all(
            (name == "LITERAL" and content < 128)
            or (name == "RANGE" and content[1] < 128)
            or (name == "CATEGORY" and bool(flags & re.ASCII))
            for name, content in ((str(item[0]), item[1]) for item in value)
        )

    def tester(self, kind: str, value: Any, flags: int) -> Any:
        """Whether a character is in a class, by its number. If case is ignored, a class includes both cases."""

        def plain(number: int) -> bool:
            match kind:
                case "LITERAL":
                    return bool(number == value)
                case "NOT_LITERAL":
                    return bool(number != value)
                case "ANY":
                    return number != 10 or bool(flags & re.DOTALL)
            negated = str(value[0][0]) == "NEGATE"
            return any(self.within(one, number, flags) for one in value[negated:]) is not negated

        if not flags & re.IGNORECASE:
            return plain
        negative = kind == "NOT_LITERAL" or (kind == "IN" and str(value[0][0]) == "NEGATE")
        if negative:
            return lambda number: True
        return lambda number: any(plain(ord(one)) for one in cases(number) if not self.over_bytes or ord(one) < 256)

    def within(self, item: Sequence[Any], number: int, flags: int) -> bool:
        """Whether an item of a class has a character."""
        kind, value = str(item[0]), item[1]
        match kind:
            case "LITERAL":
                return bool(number == value)
            case "RANGE":
                return bool(value[0] <= number <= value[1])
            case "CATEGORY":
                return category(str(value), self.over_bytes, flags & re.ASCII, number)
        raise Unknown


def cases(number: int) -> set[str]:
    """A character in each case that `re` takes for the same."""
    one = chr(number)
    return {one, *(other for other in (one.lower(), one.upper(), one.swapcase()) if len(other) == 1)}


def utf8(character: int) -> tuple[ByteSet, ...]:
    """The sets of exactly this character."""
    return tuple(1 << byte for byte in chr(character).encode())


CATEGORIES: Final = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


def category(name: str, over_bytes: bool, ascii_only: int, number: int) -> bool:
    r"""Whether a character is in `\d` and its like."""
    negated = "NOT_" in name
    base = CATEGORIES.get(name.removeprefix("CATEGORY_").removeprefix("NOT_"))
    if base is None:
        raise Unknown
    if over_bytes:
        return (re.match(base.encode(), bytes((number,))) is not None) is not negated
    return (re.match(base, chr(number), re.ASCII if ascii_only else re.UNICODE) is not None) is not negated
