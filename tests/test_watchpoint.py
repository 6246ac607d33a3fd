"""The data address watchpoint: H_SET_MODE gives a guest one, and it goes wherever the machine goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from images import BRANCH_TO_SELF, assemble, hypercall, li, started
from migration import MIB, Arrival, counting

from pyspapr import Hung, Machine, codes
from pyspapr.migration.contents import read_contents

H_SET_MODE = 0x31C
DAWR0 = 2

WATCHED = 0x9000
REAL_STORES = 0x4A
"""DAWRX0: DW, WTI and PNH."""
DSISR_MATCHED_STORE = 0x0240_0000

LOOP = [*li(4, 0x7FF8), 0xF8640009, 0x4BFFFFFC]
"""li r4,0x7ff8; stdu r3,8(r4); b .-4"""


def storing(*words: int, cpu: str = "power8") -> Machine:
    """A machine whose guest does `words` and then stores to ascending addresses, in real mode. Its vector hangs."""
    vm = Machine(memory="32M", cpu=cpu)
    vm.memory.write(0x300, assemble(BRANCH_TO_SELF))
    return started(vm, *words, *LOOP)


def set_mode(vm: Machine, flags: int, address: int, extension: int) -> int:
    """The code that H_SET_MODE answers."""
    return vm.call_hypercall(vm.cpus[0], H_SET_MODE, flags, DAWR0, address, extension)[0]


def registers(vm: Machine) -> tuple[int, int]:
    return vm.cpus[0]["dawr0"], vm.cpus[0]["dawrx0"]


def armed() -> Machine:
    """A machine under way to its watched doubleword."""
    vm = storing()
    vm.run(max_instructions=500)
    assert set_mode(vm, 0, WATCHED, REAL_STORES) == codes.H_SUCCESS
    return vm


def check_interrupted(vm: Machine) -> None:
    """The guest was interrupted at its store to `WATCHED`, which it has not made."""
    cpu = vm.cpus[0]
    assert (cpu["pc"], cpu["dar"], cpu["dsisr"]) == (0x300, WATCHED, DSISR_MATCHED_STORE)
    assert cpu["r4"] == WATCHED - 8


def test_a_guest_is_interrupted_by_the_watchpoint_that_it_has_set() -> None:
    vm = storing(*hypercall(H_SET_MODE, 0, DAWR0, WATCHED, REAL_STORES))
    vm.memory.fill(WATCHED, 8, 0x5A)
    assert isinstance(vm.run(max_instructions=10_000), Hung)
    check_interrupted(vm)
    assert vm.memory.read(WATCHED, 8) == bytes([0x5A] * 8)


def test_h_set_mode_keeps_the_fields_of_both_registers(vm: Machine) -> None:
    assert set_mode(vm, 0, 0xC000_0000_0000_1007, 0x1_FC7B) == codes.H_SUCCESS
    assert registers(vm) == (0xC000_0000_0000_1000, 0xFC7B)
    # What Linux sets to have none.
    assert set_mode(vm, 0, 0x1000, 0xFC00) == codes.H_SUCCESS
    assert registers(vm) == (0, 0)


def test_a_power9_has_no_watchpoint_to_offer() -> None:
    vm = Machine(memory="32M", cpu="power9")
    for arguments in ((0, 0, 0), (0, WATCHED, REAL_STORES), (1, 0, 0), (0, 0, 4)):
        assert set_mode(vm, *arguments) == codes.H_P2
    assert registers(vm) == (0, 0)


def test_a_power10_has_two_watchpoints() -> None:
    """Each matches, and the first byte that either of them watches is named."""
    for resource, words in ((5, 1), (2, 1), (5, 3)):
        vm = storing(*hypercall(H_SET_MODE, 0, resource, WATCHED, REAL_STORES | (words - 1) << 10), cpu="power10")
        assert isinstance(vm.run(max_instructions=10_000), Hung)
        check_interrupted(vm)
    cpu = vm.cpus[0]
    assert (cpu["dawr0"], cpu["dawr1"], cpu["dawrx1"]) == (0, WATCHED, REAL_STORES | 2 << 10)
    assert vm.call_hypercall(cpu, H_SET_MODE, 0, 5, 0, 0)[0] == codes.H_SUCCESS
    assert cpu["dawr1"] == cpu["dawrx1"] == 0
    assert storing().call_hypercall(storing().cpus[0], H_SET_MODE, 0, 5, WATCHED, REAL_STORES)[0] == codes.H_P2


@pytest.mark.parametrize("cpu", ["power8", "power10"])
def test_comparisons_go_on_over_512_bytes_since_3_1(cpu: str) -> None:
    """The range begins in the last doubleword of a page and of a block, the guest stores behind its end."""
    vm = storing(*hypercall(H_SET_MODE, 0, DAWR0, 0x7FF8, REAL_STORES | 1 << 10), cpu=cpu)
    vm.run(max_instructions=10_000)
    assert (vm.cpus[0]["pc"] == 0x300, vm.cpus[0]["dar"]) == ((True, 0x8000) if cpu == "power10" else (False, 0))


def test_a_reboot_takes_the_watchpoint_away(vm: Machine, demo_guest: Path) -> None:
    vm.load_kernel(demo_guest)
    assert set_mode(vm, 0, WATCHED, REAL_STORES) == codes.H_SUCCESS
    vm.reboot()
    assert registers(vm) == (0, 0)


def through_file(vm: Machine, directory: Path) -> Machine:
    vm.save(directory / "file")
    return Machine.restore(directory / "file")


def through_memory(vm: Machine, directory: Path) -> Machine:
    return vm.snapshot().fork()


@pytest.mark.parametrize("move", [through_file, through_memory])
def test_what_a_power10_has_more_goes_where_the_machine_goes(
    move: Callable[[Machine, Path], Machine], tmp_path: Path
) -> None:
    vm = storing(cpu="power10")
    names = ("dawr1", "dawrx1", "dexcr", "hashkeyr", "hashpkeyr", "mmcr3", "sier2", "sier3")
    for number, name in enumerate(names, 1):
        vm.cpus[0][name] = number << 25 | 0x60
    values = [vm.cpus[0][name] for name in names]
    assert len({*values, 0}) == len(names) + 1
    moved = move(vm, tmp_path)
    assert [moved.cpus[0][name] for name in names] == values
    assert moved.state_hash() == vm.state_hash()
    vm.cpus[0]["hashkeyr"] = 1
    assert moved.state_hash() != vm.state_hash()


@pytest.mark.parametrize("move", [through_file, through_memory])
def test_a_watchpoint_goes_where_the_machine_goes(move: Callable[[Machine, Path], Machine], tmp_path: Path) -> None:
    stays = armed()
    moved = move(armed(), tmp_path)
    assert moved.state_hash() == stays.state_hash()
    for vm in (stays, moved):
        assert isinstance(vm.run(max_instructions=10_000), Hung)
        check_interrupted(vm)
    assert moved.state_hash() == stays.state_hash()


def test_the_state_hash_knows_the_watchpoint() -> None:
    vm = storing()
    vm.run(max_instructions=500)
    assert vm.state_hash() != armed().state_hash()


def described(path: Path) -> list[str]:
    """The subsections of a processor that a stream describes."""
    return [part.name for part in read_contents(path).layouts["cpu"].subsections]


def test_a_stream_without_a_watchpoint_does_not_mention_it(tmp_path: Path) -> None:
    """Versions that have none read it."""
    vm = armed()
    vm.save(tmp_path / "armed")
    assert described(tmp_path / "armed") == ["cpu/reservation", "cpu/watchpoint"]
    assert set_mode(vm, 0, 0, 0) == codes.H_SUCCESS
    vm.save(tmp_path / "unarmed")
    assert described(tmp_path / "unarmed") == ["cpu/reservation"]


@pytest.mark.parametrize("to_file", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_a_migration_takes_the_watchpoint_along(to_file: bool, late: bool, tmp_path: Path) -> None:
    """Also one that the guest sets when the stream has begun, before there was one to describe."""
    vm = counting()
    vm.memory.write(0x300, assemble(BRANCH_TO_SELF))
    vm.run(max_instructions=500)
    path = tmp_path / "stream"
    arrival = None if to_file else Arrival(f"unix:{path}")

    def arm(*_: object) -> None:
        assert set_mode(vm, 0, WATCHED, REAL_STORES) == codes.H_SUCCESS

    if late:
        vm.migrate(f"file:{path}" if arrival is None else arrival.address, bandwidth=8 * MIB, on_progress=arm)
    else:
        arm()
        vm.migrate(f"file:{path}" if arrival is None else arrival.address)
    there = Machine.restore(path) if arrival is None else arrival.machine()
    assert there.state_hash() == vm.state_hash()
    if arrival is None:
        assert read_contents(path).records["schemas"] == 1 + late
    there.cpus[0]["r4"] = WATCHED
    assert isinstance(there.run(max_instructions=10_000), Hung)
    cpu = there.cpus[0]
    assert (cpu["pc"], cpu["dar"], cpu["dsisr"]) == (0x300, WATCHED, DSISR_MATCHED_STORE)
