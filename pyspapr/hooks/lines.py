"""A sink of the console that hears whole lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LONGEST: Final = 1 << 16
"""Bytes after which a line ends that has no end."""


class Lines:
    """Splits output at its newlines; carriage returns are no part of lines."""

    def __init__(self, line: Callable[[str], object], failed: Callable[[Exception], object]) -> None:
        """Call `line` with each, and `failed` with what it raises: the output itself must not be printed twice."""
        self._line = line
        self._failed = failed
        self._rest = b""

    def __call__(self, data: bytes) -> None:
        """More output."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest
        if len(rest) >= LONGEST:
            lines.append(rest)
            self._rest = b""
        for line in lines:
            try:
                self._line(line.decode(errors="replace").replace("\r", ""))
            except Exception as error:
                self._failed(error)
