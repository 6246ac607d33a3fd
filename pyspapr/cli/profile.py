"""What `pyspapr boot --profile` prints: where a guest's instructions were executed, by which engine, and why compiled
code was left.

Enters: a processor's `profile()`, a dictionary of counters: `samples` are pairs of an address and the instructions that
were counted there, `tiers` and `exits` are counts by name, `hypercalls` counts those that Python handled by number, and
`seconds`, where it is measured, is time by tier. Leaves: lines. An address without a name belongs to its page of 4 KiB,
so a program in the guest shows as the pages of its loops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO

from pyspapr._native import PAGE
from pyspapr.boot.symbols import Symbols, read_symbols

if TYPE_CHECKING:
    from pyspapr.machine import Machine

SHOWN: Final = 40
"""Symbols that are listed; the rest is one line."""
ELSEWHERE: Final = (1 << 64) - 1
"""The key of samples and of hypercalls that were too many to be counted separately."""
MODULES: Final = 0xC
"""Upper four bits of the addresses that only a kernel uses."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The counters."""

    samples: tuple[tuple[int, int], ...]
    tiers: Mapping[str, int]
    exits: Mapping[str, int]
    seconds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, counters: Mapping[str, Any], hypercalls: Mapping[int, str] | None = None) -> Profile:
        """From `vcpu.profile()` and the names of hypercalls."""
        samples = tuple((pc, count) for pc, count in counters["samples"])
        exits, names = dict(counters["exits"]), hypercalls or {}
        for number, count in counters.get("hypercalls", {}).items():
            other = "with another number" if number == ELSEWHERE else f"{number:#x}"
            exits[f"hypercall {names.get(number, other)}"] = count
        return cls(samples, counters["tiers"], exits, counters.get("seconds", {}))


def symbols_of(kernel: str | None, given: str | None) -> Symbols:
    """The symbols of the given file, or those of the kernel. Raises ImageError."""
    path = given or kernel
    return Symbols() if path is None else read_symbols(path)


def place(address: int, symbols: Symbols) -> str:
    """The symbol of an address, or its page."""
    if address == ELSEWHERE:
        return "[elsewhere]"
    name = symbols.find(address)
    if name is not None:
        return name
    whose = "kernel" if address >> 60 == MODULES else "program"
    return f"[{whose} page {address & -PAGE:#x}]"


def by_symbol(samples: Iterable[tuple[int, int]], symbols: Symbols) -> Counter[str]:
    counts: Counter[str] = Counter()
    for address, count in samples:
        counts[place(address, symbols)] += count
    return counts


def lines_of(profile: Profile, symbols: Symbols, shown: int = SHOWN) -> Iterator[str]:
    yield from symbol_lines(by_symbol(profile.samples, symbols), shown)
    yield ""
    yield from tier_lines(profile)
    yield ""
    yield from exit_lines(profile.exits)


def report(vm: Machine, symbols: Symbols, file: TextIO) -> None:
    """Print the profile of a machine, if it was run with one."""
    if (counters := vm.cpus[0].vcpu.profile()) is None:
        return
    names = {number: row.name for number, row in vm.hypercalls.items()}
    for line in lines_of(Profile.of(counters, names), symbols):
        print(line, file=file)


def ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The largest first, ties by name, so that equal runs print the same."""
    return sorted(counts.items(), key=lambda row: (-row[1], row[0]))


def percent(part: float, whole: float) -> str:
    """Also of nothing."""
    return f"{100 * part / whole:6.2f}%" if whole else f"{'-':>7}"


def symbol_lines(counts: Mapping[str, int], shown: int) -> Iterator[str]:
    """Instructions by symbol, with a running sum."""
    whole, so_far = sum(counts.values()), 0
    rows = ordered(counts)
    yield f"{'instructions':>16} {'share':>7} {'sum':>7}  symbol"
    for name, count in rows[:shown]:
        so_far += count
        yield f"{count:16,} {percent(count, whole)} {percent(so_far, whole)}  {name}"
    if rest := rows[shown:]:
        yield f"{whole - so_far:16,} {percent(whole - so_far, whole)} {percent(whole, whole)}  {len(rest)} others"
    yield f"{whole:16,} {percent(whole, whole)} {'':7}  all"


def tier_lines(profile: Profile) -> Iterator[str]:
    """Instructions by engine tier, and the time that they took, where that is known."""
    whole, seconds = sum(profile.tiers.values()), profile.seconds
    head = f"{'instructions':>16} {'share':>7}"
    yield head + (f" {'seconds':>9} {'ns each':>8}" if seconds else "") + "  engine tier"
    names = dict(ordered(profile.tiers)) | {name: 0 for name in sorted(seconds) if name not in profile.tiers}
    for name, count in names.items():
        line = f"{count:16,} {percent(count, whole)}"
        if seconds:
            time = seconds.get(name)
            line += f" {'':9}" if time is None else f" {time:9.3f}"
            line += f" {1e9 * time / count:8.2f}" if time is not None and count else f" {'':8}"
        yield f"{line}  {name}"


def exit_lines(exits: Mapping[str, int]) -> Iterator[str]:
    whole = sum(exits.values())
    yield f"{'exits':>16} {'share':>7}  kind"
    for name, count in ordered(exits):
        yield f"{count:16,} {percent(count, whole)}  {name}"
    yield f"{whole:16,} {percent(whole, whole)}  all"
