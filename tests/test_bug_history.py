"""Bugs that saving and migrating pseries machines has had elsewhere, each as a test that they cannot occur here.

The commits are QEMU's. Those about live migration (reboots, cancels, resizes, unfinished passes, leaks) are in
test_migration*.py and test_passes.py, those about errors without a reason in test_stream.py and test_vmstate.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from images import BASE, assemble, started

from pyspapr import Machine, StreamError, devices
from pyspapr.devices import Icp, Ics, Random, Registered
from pyspapr.devices.vty import IRQ
from pyspapr.handlers import RtasCall
from pyspapr.hcall.splpar import REGISTER_DTL, REGISTER_SLB_SHADOW, REGISTER_VPA
from pyspapr.rtas import tokens

DATA = Path(__file__).parent / "data"
VALID = 0x4000_0000_0000_0001

Move = Callable[[Machine], Machine]


def chunk(entries: Iterable[tuple[int, int, int]]) -> bytes:
    """A hash table chunk of index, V, R in ascending order."""
    out, before = bytearray(), -1
    for ptex, v, r in entries:
        number, before = (ptex - before) << 1 | 1, ptex
        while number >= 0x80:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)
        out += v.to_bytes(8, "big") + r.to_bytes(8, "big")
    return bytes(out)


@pytest.fixture
def moved(tmp_path: Path) -> Move:
    """The machine after a save and a restore, once by file and once by memory."""

    def move(vm: Machine) -> Machine:
        vm.partition.life.load(not vm.partition.life.started)
        vm.save(tmp_path / "a", compression="zstd")
        back = Machine.restore(tmp_path / "a")
        assert back.state_hash() == vm.state_hash() == vm.snapshot().fork().state_hash()
        return back

    return move


def test_the_first_and_the_last_slot_are_saved(vm: Machine, moved: Move) -> None:
    """e68cb8b4fa: a bound refused the last slot; 24ec2863b1: the first pass went one beyond it and left out slot 0."""
    last = vm.hpt.slots - 1
    vm.hpt.load_chunk(chunk([(0, VALID, 0x1000), (last, VALID, 0x2000)]))
    back = moved(vm)
    assert back.hpt[0] == (VALID, 0x1000) and back.hpt[last] == (VALID, 0x2000)
    assert back.hpt.valid_entries() == 2
    with pytest.raises(StreamError):
        back.hpt.load_chunk(chunk([(last + 1, VALID, 0)]))


def test_a_run_of_more_than_65535_entries_is_saved(moved: Move) -> None:
    """338c25b692: a run's length did not fit its 16 bits."""
    vm = Machine(memory="32M", hpt_shift=21)
    count = 70_000
    vm.hpt.load_chunk(chunk((ptex, VALID | ptex << 12, ptex << 12) for ptex in range(count)))
    back = moved(vm)
    assert back.hpt.valid_entries() == count
    assert back.hpt[count - 1] == vm.hpt[count - 1]


def test_reference_and_change_bits_are_saved_and_their_neighbours_stay(vm: Machine, moved: Move) -> None:
    """a2dd4e83e7, 7bf00dfb51: a wrong offset of R and C corrupted the next entry."""
    entries = [(8 + n, VALID | n << 12, n << 12 | (n & 3) << 7) for n in range(16)]
    vm.hpt.load_chunk(chunk(entries))
    back = moved(vm)
    assert [(8 + n, *back.hpt[8 + n]) for n in range(16)] == entries


def test_no_dirty_bit_is_in_a_stream_or_shown_to_the_guest(vm: Machine, moved: Move) -> None:
    """The mark of an entry belongs to the hypervisor: H_READ showed it to the guest."""
    vm.hpt.load_chunk(chunk([(5, VALID, 0)]))
    assert moved(vm).hpt[5][0] & 0x60 == 0
    with pytest.raises(StreamError):
        vm.hpt.load_chunk(chunk([(5, VALID | 0x40, 0)]))


def test_a_page_that_became_zero_is_zero_after_a_restore(vm: Machine, tmp_path: Path) -> None:
    """qemu-ppc, May 2013: zero pages were not sent, and the destination's RAM was not zero there."""
    vm.start(pc=BASE)
    vm.memory[0x5000:0x5004] = b"full"
    vm.save(tmp_path / "base")
    vm.memory.fill(0x5000, 4096)
    vm.save(tmp_path / "after", base=tmp_path / "base")
    back = Machine.restore(tmp_path / "after", base=tmp_path / "base")
    assert back.memory[0x5000:0x5004] == bytes(4)
    assert back.state_hash() == vm.state_hash()


def test_the_decrementer_is_saved_to_the_tick(vm: Machine, moved: Move) -> None:
    """578912ad73: DEC was not in the stream, so a guest lost its ticks; 8e0a5ac878: it was rounded."""
    vm.start(pc=BASE)
    vm.cpus[0]["dec"] = 0x1234_5677
    vm.cpus[0].vcpu.timebase = 0xFEDC_BA98_7654_3211
    back = moved(vm)
    assert back.cpus[0]["dec"] == 0x1234_5677
    assert back.cpus[0].vcpu.timebase == 0xFEDC_BA98_7654_3211


def test_the_clock_of_a_paused_machine_is_saved_as_it_was(tmp_path: Path) -> None:
    """42043e4f12, d14f339762, 711dfb2423: the clock ran, or was read again, while the machine stood still."""
    vm = Machine(memory="32M", clock="host")
    vm.start(pc=BASE)
    vm.pause()
    stood = vm.cpus[0].vcpu.timebase
    vm.save(tmp_path / "a")
    vm.save(tmp_path / "b")
    for name in ("a", "b"):
        assert Machine.restore(tmp_path / name).cpus[0].vcpu.timebase == stood


def test_a_reservation_is_saved(moved: Move) -> None:
    """cdab53dd22: lwarx before, stwcx. after."""
    vm = Machine(memory="32M")
    started(vm, 0x7C6040A8, 0x7C6041AD, 0x48000000)  # ldarx r3,0,r8; stdcx. r3,0,r8; b .
    vm.cpus[0]["r8"] = 0x8000
    vm.run(max_instructions=1)
    back = moved(vm)
    for machine in (vm, back):
        machine.run(max_instructions=1)
        assert machine.cpus[0]["cr"] >> 28 == 2
    assert back.state_hash() == vm.state_hash()


def test_what_a_processor_registered_is_saved(vm: Machine, moved: Move) -> None:
    """7f9fe3f02d: VPA, SLB shadow buffer and dispatch trace log were not."""
    vm.start(pc=BASE)
    vm.memory.store(0x4004, 640, 2)
    vm.memory.store(0x5004, 0x100, 4)
    vm.memory.store(0x6004, 0x1000, 4)
    for function, address in ((REGISTER_VPA, 0x4000), (REGISTER_SLB_SHADOW, 0x5000), (REGISTER_DTL, 0x6000)):
        assert vm.call_hypercall(vm.cpus[0], 0xDC, function, 0, address)[0] == 0
    there, here = (Registered.VMSTATE.values(machine.device(Registered)) for machine in (moved(vm), vm))
    assert there == here
    assert vm.device(Registered).dtl_size == 0x1000


@pytest.mark.parametrize("state", ["masked", "rejected", "pending", "accepted"])
def test_an_interrupt_in_flight_arrives_after_a_restore(vm: Machine, moved: Move, state: str) -> None:
    """229e16fd24: the state of a source was not in the stream, and interrupts were lost."""
    vm.start(pc=BASE)
    icp = vm.device(Icp)
    if state == "masked":
        vm.device(Ics).pulse(IRQ)
    vm.device(Ics).set_xive(IRQ, 0, 5 if state != "masked" else 0xFF)
    if state in ("pending", "accepted"):
        icp.set_cppr(0xFF)
    if state != "masked":
        vm.device(Ics).pulse(IRQ)
    if state == "accepted":
        assert icp.accept() == 0xFF << 24 | IRQ
        vm.device(Ics).pulse(IRQ)
    back = moved(vm)
    assert back.cpus[0].vcpu.external == vm.cpus[0].vcpu.external == (state == "pending")
    for machine in (vm, back):
        if state == "masked":
            machine.device(Ics).set_xive(IRQ, 0, 5)
        if state == "accepted":
            machine.device(Icp).eoi(0xFF << 24 | IRQ)
        machine.device(Icp).set_cppr(0xFF)
        assert machine.cpus[0].vcpu.external
        assert machine.device(Icp).accept() == 0xFF << 24 | IRQ
    assert back.state_hash() == vm.state_hash()


def test_random_numbers_go_on_where_they_were(vm: Machine, moved: Move) -> None:
    """7966d70f6f: every load of a snapshot gave the same seed again."""
    drawn = [vm.device(Random).u64() for _ in range(3)]
    following = moved(vm).device(Random).u64()
    assert following == vm.device(Random).u64() and following not in drawn


KNOWN = tokens(row for row in devices.calls() if isinstance(row, RtasCall))


def test_rtas_tokens_stay_what_they_were() -> None:
    """3a3b8502e6: tokens changed between versions, and restored guests held the old ones."""
    for path in sorted(DATA.glob("rtas-tokens-*.json")):
        for name, token in json.loads(path.read_text()).items():
            assert KNOWN[name] == token


def test_another_machine_is_refused_by_what_differs(vm: Machine, tmp_path: Path) -> None:
    """613e7a7645, 3725ef1a94: a mismatch gave no useful message, or none."""
    vm.start(pc=BASE)
    vm.save(tmp_path / "a")
    with pytest.raises(StreamError, match=r"Part of the machine: got no more, wanted lamp instance 0"):
        Machine.restore(tmp_path / "a", prepare=lambda other: other.add_device(lamp()))


def test_sections_are_told_apart_by_name_and_number(vm: Machine) -> None:
    """00d4f525ec, 485fb95546: instance numbers that depended on the order of hotplug."""
    from pyspapr import vmstate

    for _ in range(3):
        vm.add_device(lamp())
    found = [(section.name, section.instance) for section in vmstate.sections(vm.partition)]
    assert len(set(found)) == len(found)
    assert [instance for name, instance in found if name == "lamp"] == [0, 1, 2]


def lamp() -> object:
    from test_vmstate import Lamp

    return Lamp()


def test_code_that_was_translated_before_is_read_again(moved: Move) -> None:
    """A restored machine must not run what another one's memory held."""
    vm = Machine(memory="32M")
    started(vm, 0x38600001, 0x48000000)  # li r3,1; b .
    vm.run(max_instructions=1)
    back = moved(vm)
    back.memory.write(BASE, assemble(0x38600002))
    back.cpus[0]["pc"] = BASE
    back.run(max_instructions=1)
    assert (vm.cpus[0]["r3"], back.cpus[0]["r3"]) == (1, 2)
