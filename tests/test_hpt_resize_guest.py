"""A guest that resizes its hash page table by itself: what becomes of every entry, here and at a destination."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from images import hypercall, li, started
from migration import MIB, Arrival

from pyspapr import Machine, codes
from pyspapr._native import Hpt
from pyspapr.migration.records import End, Table
from pyspapr.migration.stream import StreamReader

PREPARE, COMMIT = 0x36C, 0x370
VALID, BOLTED = 1, 0x10
T1 = 1 << 62
VSID = 0x2A5A5
Entries = dict[int, tuple[int, int]]


def call(vm: Machine, number: int, *arguments: int) -> int:
    (code,) = vm.call_hypercall(vm.cpus[0], number, *arguments)
    return code


def resize(vm: Machine, shift: int) -> int:
    return call(vm, PREPARE, 0, shift) or call(vm, COMMIT, 0, shift)


def place(page: int, shift: int) -> int:
    """First slot of the group of a 4 KiB page of a 1 TiB segment (Power ISA, "Page Table Search")."""
    return ((VSID ^ VSID << 25 ^ page) & ((1 << shift - 7) - 1)) * 8


def put(table: Hpt, slot: int, page: int, real: int, *, bolted: bool = True) -> None:
    first = T1 | (VSID << 40 | page << 12) >> 23 << 7 | VALID | (BOLTED if bolted else 0)
    number, head = slot + 1 << 1 | 1, bytearray()  # counted from before the first one
    while number >= 0x80:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    table.load_chunk(bytes((*head, number)) + first.to_bytes(8, "big") + (real << 12 | 0x190).to_bytes(8, "big"))


def fill(vm: Machine, pages: int = 300) -> None:
    """Bolted entries for pages 0 and on, at any place of their groups, and as many that are not bolted."""
    chance = random.Random(1)
    for page in range(pages):
        slots = chance.sample(range(8), 2)
        put(vm.partition.hpt, place(page, vm.partition.hpt.shift) + slots[0], page, page + 100)
        put(vm.partition.hpt, place(page, vm.partition.hpt.shift) + slots[1], page + (1 << 24), page, bolted=False)


def entries(vm: Machine) -> Entries:
    found = {}
    for slot in range(vm.partition.hpt.slots):
        entry = vm.partition.hpt.entry(slot)
        if entry != (0, 0):
            found[slot] = entry
    return found


def whole(vm: Machine, pages: int = 300) -> bool:
    """Every bolted entry is in its group, and nothing else is anywhere."""
    found = entries(vm)
    real = {(slot // 8 * 8, entry[1] >> 12) for slot, entry in found.items()}
    return len(found) == pages and real == {(place(page, vm.partition.hpt.shift), page + 100) for page in range(pages)}


@pytest.mark.parametrize("to", [18, 20])
def test_a_table_changes_its_size_and_keeps_the_bolted_entries(to: int) -> None:
    vm = Machine(memory="64M")  # 2^19 bytes
    fill(vm)
    old = vm.partition.hpt
    assert resize(vm, to) == codes.H_SUCCESS
    assert (vm.partition.hpt.shift, old.shift) == (to, 19)
    assert whole(vm)
    assert vm.partition.hpt.dirty_entries() == 300


def test_a_processor_translates_by_the_new_table(vm: Machine) -> None:
    put(vm.partition.hpt, place(5, 18), 5, 3)
    put(vm.partition.hpt, place(6, 18), 6, 4, bolted=False)
    started(vm, 0x48000000)
    cpu = vm.cpus[0]
    put(vm.partition.hpt, place(5, 18), 5, 3)
    put(vm.partition.hpt, place(6, 18), 6, 4, bolted=False)
    base = 0xC000_0000_0000_0000
    cpu.vcpu.set_slb(0, base | 1 << 27, 1 << 62 | VSID << 24)
    cpu.msr = cpu.msr | 0x30  # IR, DR
    assert (cpu.vcpu.translate(base + 0x5123), cpu.vcpu.translate(base + 0x6123)) == (0x3123, 0x4123)
    assert resize(vm, 19) == codes.H_SUCCESS
    assert (cpu.vcpu.translate(base + 0x5123), cpu.vcpu.translate(base + 0x6123)) == (0x3123, None)


def test_bolted_entries_that_do_not_fit_leave_the_table_as_it_is() -> None:
    vm = Machine(memory="64M")
    for page in (7, 7 + (1 << 11)):
        for slot in range(8):
            put(vm.partition.hpt, place(page, 19) + slot, page, slot)
            put(vm.partition.hpt, place(~page, 19) + slot, page, slot)
    before = vm.partition.hpt.digest()
    assert resize(vm, 18) == codes.H_PTEG_FULL
    assert vm.partition.hpt.digest() == before
    assert call(vm, COMMIT, 0, 18) == codes.H_CLOSED


# Saved machines.


@pytest.mark.parametrize("to", [18, 20])
def test_a_machine_saved_after_a_resize_comes_back_with_its_table(to: int, tmp_path: Path) -> None:
    vm = started(Machine(memory="64M"), 0x48000000)
    fill(vm)
    resize(vm, to)
    vm.save(tmp_path / "saved")
    for there in (Machine.restore(tmp_path / "saved"), vm.snapshot().fork()):
        assert (there.hpt.shift, there.state_hash()) == (to, vm.state_hash())
        assert whole(there)


def test_changes_after_a_resize_are_the_whole_table(tmp_path: Path) -> None:
    vm = started(Machine(memory="64M"), 0x48000000)
    fill(vm)
    vm.save(tmp_path / "base")
    resize(vm, 18)
    vm.save(tmp_path / "saved", base=tmp_path / "base")
    there = Machine.restore(tmp_path / "saved", base=tmp_path / "base")
    assert (there.hpt.shift, there.state_hash()) == (18, vm.state_hash())


# Migrations.

SPIN = 2_000_000


def spin(count: int) -> list[int]:
    return [*li(9, count), 0x7D2903A6, 0x42000000]  # mtctr r9; bdnz .


def resizing(*shifts: int, memory: str = "64M") -> Machine:
    """A guest that resizes its table to each shift in turn, notes the return codes, and goes on counting."""
    words = []
    for number, shift in enumerate(shifts):
        words += spin(SPIN) + hypercall(PREPARE, 0, shift) + hypercall(COMMIT, 0, shift)
        words += [*li(8, 0x8000 + 8 * number), 0x38630001, 0xF8680000]  # addi r3,r3,1; std r3,0(r8)
    words += [*li(8, 0x9000), 0x38630001, 0xF8680000, 0x4BFFFFF8]  # addi r3,r3,1; std r3,0(r8); b .-8
    vm = started(Machine(memory=memory), *words)
    fill(vm)
    vm.memory.write(16 * MIB, random.Random(2).randbytes(1000 * 4096))
    return vm


def moved(vm: Machine, tmp_path: Path, shifts: int) -> Machine:
    """Move `vm` so slowly that it has resized its table meanwhile; whole on arrival."""
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    notes = 0x8000, 8 * shifts
    assert vm.memory.read(*notes) == bytes(8 * shifts)  # none before, all meanwhile
    vm.migrate(arrival.address, bandwidth=8 * MIB)
    there = arrival.machine()
    assert there.memory.read(*notes) == (1).to_bytes(8, "big") * shifts  # H_SUCCESS, and 1
    assert there.hpt.shift == vm.partition.hpt.shift
    assert entries(there) == entries(vm)
    assert whole(there)
    assert there.state_hash() == vm.state_hash()
    return there


def test_a_table_that_shrinks_during_migration_arrives_whole(tmp_path: Path) -> None:
    there = moved(resizing(18), tmp_path, 1)
    assert there.hpt.shift == 18
    there.run(max_instructions=100_000)


def test_a_table_that_grows_during_migration_arrives_whole(tmp_path: Path) -> None:
    there = moved(resizing(20), tmp_path, 1)
    assert there.hpt.shift == 20
    there.run(max_instructions=100_000)


def test_a_table_that_changes_many_times_during_migration_arrives_whole(tmp_path: Path) -> None:
    there = moved(resizing(18, 20, 19, 18, 19), tmp_path, 5)
    assert there.hpt.shift == 19


def test_a_resize_between_any_two_slices_of_a_migration_is_seen(tmp_path: Path) -> None:
    """The last moments too: the table changes when only the final pass is left."""
    vm = resizing()
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    outgoing = vm.start_migration(arrival.address, bandwidth=32 * MIB, pause_before_switchover=True)
    while not outgoing.ended.is_set():
        vm.run(max_instructions=10_000)
        if outgoing.phase.name == "PRE_SWITCHOVER" and vm.partition.hpt.shift == 19:
            assert resize(vm, 18) == codes.H_SUCCESS
            outgoing.proceed()
        if vm.ended is not None and vm.ended.final:
            break
    there = arrival.machine()
    assert (there.hpt.shift, whole(there), there.state_hash()) == (18, True, vm.state_hash())


def test_after_a_failed_migration_across_a_resize_the_next_one_brings_everything(tmp_path: Path) -> None:
    vm = resizing(18)
    arrival = Arrival(f"unix:{tmp_path / 'first'}")
    outgoing = vm.start_migration(arrival.address, bandwidth=1 * MIB)
    vm.run(max_instructions=SPIN + 1_000_000)
    assert vm.partition.hpt.shift == 18 and outgoing.cancel()
    arrival.failure()
    second = Arrival(f"unix:{tmp_path / 'second'}")
    vm.migrate(second.address)
    there = second.machine()
    assert whole(there) and there.state_hash() == vm.state_hash()


class Sink:
    """Takes a stream and never answers."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def test_the_stream_has_a_table_for_each_size() -> None:
    vm = resizing(18)
    sink = Sink()
    vm.migrate(sink, bandwidth=8 * MIB)
    reader = StreamReader(io.BytesIO(sink.data).read)
    shifts = []
    while not isinstance(record := reader.next(), End):
        if isinstance(record, Table):
            shifts.append(record.shift)
    assert shifts == [19, 18]
