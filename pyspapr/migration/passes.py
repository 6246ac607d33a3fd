"""Passes over RAM and hash table: marks are taken, chunks sent, and the marks put back if the migration fails.

Enters: a machine between two of its instructions, and a stream. Leaves: chunks on the stream, RAM and table in turns.
Must hold: a pass takes the marks of both at once; whatever the passes took can be marked dirty again; a table that
replaces an older one is sent from its first entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import PAGE, Marks, Start
from pyspapr.migration.counters import Counters
from pyspapr.migration.records import HptChunk, RamChunk, Table
from pyspapr.migration.statistics import ENTRY_BYTES
from pyspapr.migration.stream import StreamWriter
from pyspapr.partition.owner import owner

if TYPE_CHECKING:
    from pyspapr._native import Hpt, HptPass, RamPass
    from pyspapr.migration.compression import Compression
    from pyspapr.migration.image import ImageInPasses
    from pyspapr.partition import Partition

PAGE_BYTES: Final = PAGE + 4
"""What a page of RAM costs on the stream, uncompressed."""
SENT_CHUNK: Final = 256 << 10
"""Bytes of one chunk."""
KEPT: Final = 200
"""Passes that are remembered."""


class Passes:
    """The passes of one migration."""

    def __init__(
        self,
        vm: Partition,
        writer: StreamWriter,
        counters: Counters,
        compression: Compression | None,
        image: ImageInPasses | None = None,
    ) -> None:
        """With `image` the first pass writes RAM there."""
        self._owner = owner(vm, "the migration")
        self._writer = writer
        self._counters = counters
        self._compression = compression
        self._image = image
        self._taken: list[RamPass | HptPass] = []
        self._ram: RamPass | None = None
        self._hpt: HptPass | None = None
        self._table: Hpt | None = None
        self._table_first = False

    def begin(self, *, everything: bool, final: bool = False, waits: bool = False) -> None:
        """Take the dirty marks. No instruction runs now; afterwards every processor's writes mark pages anew."""
        start = Start.Full(Marks.LIVE) if everything else Start.Changes(Marks.LIVE)
        if self._table is not self._vm.hpt:
            self._whole_table()
        else:
            self._hpt = self._vm.hpt.start_pass(start)
            self._take(self._hpt)
        self._ram = self._vm.ram.start_pass(start)
        self._take(self._ram)
        for cpu in self._vm.cpus:
            cpu.vcpu.protect_writes()
        self._counters.begin_pass(final=final, waits=waits)

    def _take(self, taken: RamPass | HptPass) -> None:
        """Remember a pass, to put its marks back. The first two took everything; of many later passes the last are
        enough. A new attempt sends everything that was ever written, so it does not depend on marks.
        """
        self._taken.append(taken)
        if len(self._taken) > KEPT:
            del self._taken[2]

    def _whole_table(self) -> None:
        """At first, and when the guest has resized its table: send a `table` record and every entry."""
        self._table = self._vm.hpt
        self._writer.record(Table(self._table.shift))
        self._hpt = self._table.start_pass(Start.Full(Marks.LIVE))
        self._take(self._hpt)

    def send(self, limit: int) -> bool:
        """One chunk, of RAM or of the hash table in turns; False when the pass is over."""
        if self._image is not None and self._send_image(self._image, limit):
            return True
        if self._table is not self._vm.hpt:
            self._whole_table()
        self._table_first = not self._table_first
        for table in (self._table_first, not self._table_first):
            if self._send_entries(limit) if table else self._send_pages(limit):
                return True
        return False

    def _send_image(self, image: ImageInPasses, limit: int) -> bool:
        """One chunk of the first pass into a file: all entries, then all pages; False when these are over."""
        if not image.begun:
            if self._table is not self._vm.hpt:
                self._whole_table()
            if self._send_entries(limit):
                return True
            image.begin()
        assert self._ram is not None
        if (chunk := self._ram.next(limit)) is None:
            image.finish()
            self._image = None
            return False
        index, data, pages, zero_pages = chunk
        image.add(index, data)
        self._counters.ram(pages, zero_pages, len(data))
        return True

    def _send_pages(self, limit: int) -> bool:
        if self._ram is None or (chunk := self._ram.next(limit, self._compression)) is None:
            return False
        index, data, pages, zero_pages = chunk
        size = self._writer.record(RamChunk(pages, zero_pages, self._compression or "", index, data))
        self._counters.ram(pages, zero_pages, size)
        return True

    def _send_entries(self, limit: int) -> bool:
        if self._hpt is None or (chunk := self._hpt.next(limit)) is None:
            return False
        data, valid, invalid = chunk
        self._counters.hpt(valid, invalid, self._writer.record(HptChunk(valid, invalid, data)))
        return True

    @property
    def _vm(self) -> Partition:
        return self._owner()

    # What is left.

    @property
    def begun(self) -> bool:
        """Whether there is a pass, and not yet `forget`."""
        return self._ram is not None

    @property
    def pages(self) -> int:
        """Pages left in this pass, plus pages that are dirty again."""
        left = 0 if (ram := self._ram) is None else ram.remaining
        return int(left) + self._vm.ram.dirty_pages()

    @property
    def entries(self) -> int:
        """The same of hash table entries."""
        left = 0 if (hpt := self._hpt) is None else hpt.remaining
        return int(left) + self._vm.hpt.dirty_entries()

    @property
    def pending(self) -> int:
        """Bytes of RAM and hash table that are dirty or left in this pass."""
        return self.pages * PAGE_BYTES + self.entries * ENTRY_BYTES

    # The end.

    def put_back(self) -> None:
        """Mark as dirty again what was taken; writes mark pages anew."""
        for taken in self._taken:
            taken.put_back()
        for cpu in self._vm.cpus:
            cpu.vcpu.protect_writes()

    def give_up(self) -> None:
        """The destination has everything: nothing will be put back."""
        self._taken.clear()

    def forget(self) -> None:
        self._taken.clear()
        self._ram = self._hpt = self._table = None
