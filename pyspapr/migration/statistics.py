"""What a migration did, in one frozen value. Sizes are bytes, times seconds, rates bytes per second."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pyspapr.migration.phases import Phase
from pyspapr.plain import Plain

ENTRY_BYTES: Final = 18
"""Bytes of a hash table entry on the stream, as an estimate: two doublewords and a short index."""


class PassStatistics(Plain, kw_only=True):
    """One pass: RAM and hash table, which are sent in turns."""

    number: int
    """From 1; if `count` is more than 1, the last one's."""
    count: int = 1
    """Consecutive passes that only waited for the moment to stop the guest are reported as one: their number."""
    final: bool = False
    """Whether the guest stood still."""
    ram_pages: int = 0
    """Pages of 4 KiB with contents."""
    ram_zero_pages: int = 0
    ram_bytes: int = 0
    """On the stream."""
    hpt_valid: int = 0
    """Entries sent with a value."""
    hpt_invalid: int = 0
    """Entries sent as empty."""
    hpt_bytes: int = 0
    """On the stream."""
    seconds: float = 0.0
    instructions: int = 0
    """Instructions that the guest executed during the pass."""

    def joined(self, later: PassStatistics) -> PassStatistics:
        """This and the one after it as one."""
        summed = ("count", "ram_pages", "ram_zero_pages", "ram_bytes", "hpt_valid", "hpt_invalid", "hpt_bytes")
        sums = {name: getattr(self, name) + getattr(later, name) for name in (*summed, "seconds", "instructions")}
        return later.replace(**sums)

    @property
    def hpt_entries(self) -> int:
        """Entries sent, with a value or empty."""
        return self.hpt_valid + self.hpt_invalid

    @property
    def bytes(self) -> int:
        """RAM and hash table."""
        return self.ram_bytes + self.hpt_bytes


class MigrationStatistics(Plain, kw_only=True):
    """A migration up to now."""

    phase: Phase
    passes: tuple[PassStatistics, ...] = ()
    """Includes the current pass."""
    phase_seconds: Mapping[Phase, float] = MappingProxyType({})
    seconds: float = 0.0
    """Since the start."""
    sent_bytes: int = 0
    """Bytes sent, or received at a destination, frames included."""
    rate: float = 0.0
    """Measured while sending."""
    ram_remaining: int = 0
    """Bytes of RAM still to send in this pass, or dirty since it began."""
    hpt_remaining: int = 0
    """The same of hash table entries, in entries."""
    expected_downtime: float = 0.0
    """Expected downtime in seconds if the guest were stopped now."""
    downtime: float | None = None
    """Seconds from the guest's last instruction until the destination reports that it runs; None before."""
    steps: Mapping[str, float] = MappingProxyType({})
    """Seconds from the guest's last instruction to the end of each step after it: where the downtime went."""
    throttle: float = 0.0
    """Share of the time that is withheld from the guest, 0 to 0.99."""
    device_bytes: int = 0
    """Devices and the end of the stream."""
    error: str | None = None
    """Why it failed."""

    @property
    def pass_number(self) -> int:
        return self.passes[-1].number if self.passes else 0

    @property
    def ram_bytes(self) -> int:
        return sum(one.ram_bytes for one in self.passes)

    @property
    def hpt_bytes(self) -> int:
        return sum(one.hpt_bytes for one in self.passes)

    @property
    def zero_pages(self) -> int:
        return sum(one.ram_zero_pages for one in self.passes)
