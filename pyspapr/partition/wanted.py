"""What a run can wait for on the console: text, bytes, patterns, or several of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyspapr.partition.console import typed

if TYPE_CHECKING:
    from pyspapr.partition.endings import Endings

Wanted = str | bytes | re.Pattern[str] | re.Pattern[bytes]
"""What can be waited for on the console."""
Until = Wanted | Sequence[Wanted] | None
"""One of it, or several of which the first to appear ends the run."""


def alternatives(until: Until) -> tuple[Wanted, ...]:
    """Normalise `until`. Raises TypeError unless it is None, text, a pattern or a list of these."""
    if until is None:
        return ()
    several = tuple(until) if isinstance(until, list | tuple) else (until,)
    for one in several:
        if not isinstance(one, str | bytes | re.Pattern):
            raise TypeError(f"text, bytes or a compiled pattern is waited for, not {type(one).__name__}")
    if not several:
        raise TypeError("text, bytes or a compiled pattern is waited for, not an empty list")
    return several


def compiled(wanted: Wanted) -> re.Pattern[Any]:
    """The pattern that finds `wanted`."""
    if isinstance(wanted, re.Pattern):
        return wanted
    return re.compile(re.escape(typed(wanted)))


def last_bytes(wanted: Wanted) -> Endings | None:
    """How output ends when `wanted` first appears; None if that cannot be said."""
    if not isinstance(wanted, re.Pattern):
        return [[(1 << byte).to_bytes(32, "little") for byte in typed(wanted)]]
    from pyspapr.partition.endings import endings

    return endings(wanted)
