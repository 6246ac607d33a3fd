"""The kernel's log, read from guest memory: the ring buffer of Linux 5.10 and later.

Enters: RAM. Leaves: records. Where the ring is and what its structures look like says the kernel itself, in the text
that it keeps for crash dumps (VMCOREINFO: `SYMBOL(prb)=`, `OFFSET(printk_info.seq)=`). A record that is just being
written is left out; one that the guest has damaged is, too.

    prb -> descriptors (state and id, where the text is) and infos (seq, time, level), by id modulo their number
        -> text, in blocks that begin with the id of their descriptor; one that would pass the end is at the beginning
(Linux, kernel/printk/printk_ringbuffer.c, for the facts.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr.errors import GuestAddressError, StateError
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.memory import ByteOrder

MARK: Final = b"\nSYMBOL(prb)="
FIRST: Final = b"OSRELEASE="
PAGE_MAX: Final = 1 << 16
SEARCHED: Final = 512 << 20
STEP: Final = 16 << 20
STRUCTURE_MAX: Final = 4096
"""Bytes of a structure of the kernel's, and so of an offset in one."""
DESCRIPTORS_MAX: Final = 1 << 20
LINEAR_BITS: Final = ~(0xF << 60)
COMMITTED: Final = (1, 2)
"""States of a descriptor whose record is whole: committed, finalized."""
CALLER_IS_CPU: Final = 1 << 31


class LogRecord(Plain):
    """One message of the kernel. `level` is 0 (emergency) to 7 (debug), `caller` as `printk.caller` shows it."""

    sequence: int
    nanos: int
    level: int
    facility: int
    caller: str
    text: str

    @property
    def seconds(self) -> float:
        """When it was printed, by the kernel's clock."""
        return self.nanos / 1e9

    def __str__(self) -> str:
        """As `dmesg` shows it, whose microseconds are rounded down."""
        micros = self.nanos // 1000
        return f"[{micros // 1_000_000:5d}.{micros % 1_000_000:06d}] {self.text}"


def find_vmcoreinfo(vm: Partition) -> bytes | None:
    """The text that the kernel keeps for crash dumps (VMCOREINFO), or None where there is none."""
    size = min(len(vm.memory), SEARCHED)
    for start in range(0, size, STEP):
        window = vm.memory.read(start, min(STEP + PAGE_MAX, size - start))
        at = window.find(MARK)
        while at >= 0:
            begin = window.rfind(FIRST, max(at - PAGE_MAX, 0), at)
            if begin >= 0 and b"\0" not in window[begin:at]:
                return window[begin : begin + PAGE_MAX].partition(b"\0")[0]
            at = window.find(MARK, at + 1)
    return None


class Ring:
    """The ring buffer of one kernel."""

    def __init__(self, vm: Partition, order: ByteOrder, facts: dict[str, int]) -> None:
        """Where `facts` say. Raises KeyError for a kernel that says too little."""
        self._vm = vm
        self._order: ByteOrder = order
        self._facts = facts
        prb = self._number(facts["SYMBOL(prb)"], 8)
        descriptors = prb + self._offset("printk_ringbuffer.desc_ring")
        data = prb + self._offset("printk_ringbuffer.text_data_ring")
        self.count_bits = self._number(descriptors + self._offset("prb_desc_ring.count_bits"), 4)
        self.descriptors = self._number(descriptors + self._offset("prb_desc_ring.descs"), 8)
        self.infos = self._number(descriptors + self._offset("prb_desc_ring.infos"), 8)
        self.head = self._number(descriptors + self._offset("prb_desc_ring.head_id"), 8)
        self.tail = self._number(descriptors + self._offset("prb_desc_ring.tail_id"), 8)
        self.size_bits = self._number(data + self._offset("prb_data_ring.size_bits"), 4)
        self.data = self._number(data + self._offset("prb_data_ring.data"), 8)

    def _small(self, name: str) -> int:
        """An offset or a size, which is the guest's to say."""
        if not 0 <= (value := self._facts[name]) <= STRUCTURE_MAX:
            raise StateError(f"the kernel's log is damaged: {name} is {value}")
        return value

    def _offset(self, name: str) -> int:
        return self._small(f"OFFSET({name})")

    def _read(self, address: int, length: int) -> bytes:
        """By the kernel's linear mapping, where all of it is."""
        return self._vm.memory.read(address & LINEAR_BITS, length)

    def _number(self, address: int, size: int) -> int:
        return int.from_bytes(self._read(address, size), self._order)

    def records(self) -> list[LogRecord]:
        """All of it, oldest first. Raises GuestAddressError for a ring that is not in RAM."""
        count = 1 << min(self.count_bits, 63)
        number = (self.head - self.tail) % (1 << 62) + 1
        if count > DESCRIPTORS_MAX or number > count or self.size_bits > 40:
            raise StateError(f"the kernel's log is damaged: {number} of 2**{self.count_bits} records are in use")
        order = self._order
        step, info_step = self._small("SIZE(prb_desc)"), self._small("SIZE(printk_info)")
        descriptors = self._read(self.descriptors, count * step)
        infos = self._read(self.infos, count * info_step)
        text = self._read(self.data, 1 << self.size_bits)
        state_at, place_at = self._offset("prb_desc.state_var"), self._offset("prb_desc.text_blk_lpos")
        begin_at, next_at = self._offset("prb_data_blk_lpos.begin"), self._offset("prb_data_blk_lpos.next")

        def part(data: bytes, at: int, size: int) -> int:
            return int.from_bytes(data[at : at + size], order)

        found = []
        for index in range(number):
            identity = (self.tail + index) % (1 << 62)
            slot = identity % count
            state = part(descriptors, slot * step + state_at, 8)
            if state >> 62 not in COMMITTED or state % (1 << 62) != identity:
                continue
            place = slot * step + place_at
            begin, end = part(descriptors, place + begin_at, 8), part(descriptors, place + next_at, 8)
            info = infos[slot * info_step : (slot + 1) * info_step]
            length = part(info, self._offset("printk_info.text_len"), 2)
            at = self._offset("printk_info.text_len") + 2  # facility, then flags and level in one byte
            if at + 1 >= info_step:
                raise StateError("the kernel's log is damaged: a record's level is outside of its record")
            bits = info[at + 1]
            caller = part(info, self._offset("printk_info.caller_id"), 4)
            found.append(
                LogRecord(
                    part(info, self._offset("printk_info.seq"), 8),
                    part(info, self._offset("printk_info.ts_nsec"), 8),
                    bits >> 5 if order == "little" else bits & 7,
                    info[at],
                    f"C{caller & ~CALLER_IS_CPU}" if caller & CALLER_IS_CPU else f"T{caller}",
                    self._text(text, begin, end, length),
                )
            )
        return found

    def _text(self, data: bytes, begin: int, end: int, length: int) -> str:
        """The text of a block."""
        if begin & 1:  # a record without one
            return ""
        size = len(data)
        # A block that would pass the end of the ring is at its beginning, and where it would have been stays empty.
        wraps = begin // size != end // size and end % size != 0
        at = (0 if wraps else begin % size) + 8
        return data[at : at + min(length, max(size - at, 0))].decode(errors="replace")


def read_log(vm: Partition, order: ByteOrder, facts: dict[str, int] | None) -> list[LogRecord]:
    """The records of the kernel that `vm` runs. Raises StateError where there is none that keeps such a log."""
    if facts is None:
        raise StateError(
            "there is no kernel's log in memory: the guest has not come so far, or is not Linux 5.10 or later"
        )
    try:
        return Ring(vm, order, facts).records()
    except KeyError as error:
        raise StateError(f"the kernel does not say where its log is: there is no {error.args[0]}") from None
    except GuestAddressError as error:
        raise StateError(f"the kernel's log is damaged: {error}") from None
