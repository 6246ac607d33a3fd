"""The progress of a migration: a live display on a terminal, plain lines in a log.

Enters: answers of query-migrate, one after the other. Leaves: text on standard error, since standard output may be in
use.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.table import Table

LINE_EVERY: Final = 1.0
"""Seconds between two plain lines about the same pass."""

Info = dict[str, Any]


def size(count: float) -> str:
    """A number of bytes for a person."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def summary(info: Info) -> str:
    """One line: state, pass, what RAM and hash table have sent and have left, rate, expected downtime."""
    if "ram" not in info:
        return str(info.get("status", "no migration"))
    ram, hpt = info["ram"], info["hpt"]
    words = [
        f"{info['status']}: pass {ram['dirty-sync-count']}",
        f"RAM {size(ram['transferred'])} sent, {size(ram['remaining'])} left",
        f"hash table {hpt['valid'] + hpt['invalid']} entries sent, {hpt['remaining']} left",
        f"{size(ram['mbps'] * 1e6 / 8)}/s",
    ]
    if "expected-downtime" in info:
        words.append(f"expected downtime {info['expected-downtime']} ms")
    if "downtime" in info:
        words.append(f"downtime {info['downtime']} ms")
    if info.get("cpu-throttle-percentage"):
        words.append(f"guest slowed by {info['cpu-throttle-percentage']} %")
    return ", ".join(words)


def numbers(one: Info) -> str:
    """Which passes a row is about."""
    first = one["number"] - one["count"] + 1
    shown = str(one["number"]) if one["count"] == 1 else f"{first}-{one['number']}"
    return f"{shown} (stopped)" if one["final"] else shown


def table(info: Info) -> Table:
    from rich.table import Table

    made = Table("pass", "RAM pages", "zero", "RAM", "entries", "emptied", "hash table", "time", title=summary(info))
    for one in info.get("passes", []):
        made.add_row(
            numbers(one),
            str(one["ram-pages"]),
            str(one["ram-zero-pages"]),
            size(one["ram-transferred"]),
            str(one["hpt-valid"]),
            str(one["hpt-invalid"]),
            size(one["hpt-transferred"]),
            f"{one['time']} ms",
        )
    return made


class PlainProgress:
    """Prints a line when something changed, and at least one each second."""

    def __init__(self) -> None:
        self._said: tuple[object, object] = (None, None)
        self._when = 0.0

    def __call__(self, info: Info) -> None:
        what = (info.get("status"), info.get("ram", {}).get("dirty-sync-count"))
        if what != self._said or time.monotonic() - self._when >= LINE_EVERY:
            self._said, self._when = what, time.monotonic()
            print(summary(info), file=sys.stderr, flush=True)


def shown() -> AbstractContextManager[Any]:
    """A context that yields a function to show answers, in the form that suits standard error."""
    if not sys.stderr.isatty():
        return nullcontext(PlainProgress())
    from pyspapr.cli.live import LiveProgress

    return LiveProgress()
