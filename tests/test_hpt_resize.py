"""The guest changes the size of its hash page table, also while it is migrated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from migration import MIB, Arrival, ballast, churning, counting, resize
from test_migration_linux import LOAD, shell
from test_migration_linux import pytestmark as marks

from pyspapr import Machine, MigrationError, PoweredOff, codes
from pyspapr.migration.phases import Phase
from pyspapr.migration.statistics import MigrationStatistics


def call(vm: Machine, number: int, *arguments: int) -> int:
    return vm.call(lambda: vm.call_hypercall(vm.cpus[0], number, *arguments)[0])


def prepare(vm: Machine, shift: int, flags: int = 0) -> int:
    return call(vm, 0x36C, flags, shift)


def commit(vm: Machine, shift: int, flags: int = 0) -> int:
    return call(vm, 0x370, flags, shift)


def test_a_prepared_table_takes_the_place_of_the_old_one(vm: Machine) -> None:
    assert vm.hpt.shift == 18
    ballast(vm, pages=0, entries=500)
    assert prepare(vm, 19) == codes.H_SUCCESS
    assert vm.hpt.shift == 18 and vm.hpt.valid_entries() == 500
    assert commit(vm, 19) == codes.H_SUCCESS
    assert vm.hpt.shift == 19 and vm.hpt.valid_entries() == 500
    assert vm.partition.hpt.dirty_entries() == 500
    assert commit(vm, 19) == codes.H_CLOSED


def test_what_cannot_be_is_refused(vm: Machine) -> None:
    for shift in (1, 17, 47, 1 << 40):
        assert prepare(vm, shift) == codes.H_PARAMETER
    assert prepare(vm, 19, flags=1) == commit(vm, 19, flags=1) == codes.H_PARAMETER
    assert prepare(vm, 20) == prepare(vm, 46) == codes.H_RESOURCE
    assert commit(vm, 19) == codes.H_CLOSED
    assert prepare(vm, 19) == codes.H_SUCCESS
    assert commit(vm, 18) == codes.H_CLOSED
    assert prepare(vm, 0) == codes.H_SUCCESS
    assert commit(vm, 19) == codes.H_CLOSED
    assert vm.hpt.shift == 18


def test_a_reset_gives_the_first_table_back_also_after_a_restore(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest, arguments="rounds=1")
    vm.hpt.clear()
    assert prepare(vm, vm.hpt.shift + 1) == commit(vm, vm.hpt.shift + 1) == codes.H_SUCCESS
    path = tmp_path / "machine"
    vm.save(path)
    other = Machine.restore(path)
    assert other.hpt.shift == 20 and other.state_hash() == vm.state_hash()
    for machine in (vm, other):
        machine.load_kernel(demo_guest, append="rounds=1")
        assert machine.hpt.shift == 19
        assert machine.run() == PoweredOff()


def test_what_was_prepared_moves_along(vm: Machine, tmp_path: Path) -> None:
    vm.start(pc=0x100)
    assert prepare(vm, 19) == codes.H_SUCCESS
    vm.save(tmp_path / "machine")
    other = Machine.restore(tmp_path / "machine")
    assert other.state_hash() == vm.state_hash()
    assert commit(other, 19) == codes.H_SUCCESS


def test_a_prepared_table_is_state_since_the_guest_can_tell(vm: Machine) -> None:
    vm.start(pc=0x100)
    hashes = [vm.state_hash()]
    for shift in (19, 18, 0):
        prepare(vm, shift)
        hashes.append(vm.state_hash())
    assert len(set(hashes)) == 3 and hashes[0] == hashes[3]


@pytest.mark.parametrize("when", [Phase.FIRST_PASS, Phase.ITERATE, Phase.STOP])
@pytest.mark.parametrize("change", [1, -1])
def test_a_table_that_is_resized_on_the_way_arrives_whole(
    when: Phase, change: int, vm: Machine, tmp_path: Path
) -> None:
    """QEMU fails to load after a growth, and after a shrink it says "completed" and the guest hangs there."""
    vm = counting()
    shift = vm.hpt.shift + change
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    done: list[int] = []

    def act(statistics: MigrationStatistics) -> None:
        if statistics.phase is when and not done:
            done.append(shift)
            assert resize(vm, shift) == (codes.H_SUCCESS, codes.H_SUCCESS)

    statistics = vm.migrate(arrival.address, on_progress=act, bandwidth=16 * MIB, downtime_limit=0.01)
    there = arrival.machine()
    assert done and there.hpt.shift == shift
    assert there.hpt.valid_entries() == 1000
    assert there.state_hash() == vm.state_hash()
    assert sum(one.hpt_valid for one in statistics.passes) >= 1000


def test_a_resize_during_an_attempt_that_fails_is_sent_whole_by_the_next(vm: Machine, tmp_path: Path) -> None:
    vm.start(pc=0x2000)
    vm.memory.write(0x2000, bytes.fromhex("386300014bfffffc"))
    ballast(vm, pages=0, entries=300)

    def act(statistics: MigrationStatistics) -> None:
        if statistics.phase is Phase.STOP and vm.migration is not None and vm.hpt.shift == 18:
            assert prepare(vm, 19) == commit(vm, 19) == codes.H_SUCCESS
            vm.migration.cancel()

    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    with pytest.raises(MigrationError):
        vm.migrate(arrival.address, on_progress=act)
    arrival.failure()
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address)
    assert arrival.machine().state_hash() == vm.state_hash()


def resized_linux(order: int) -> Machine:
    vm = shell()
    vm.console.send(f"mount -t debugfs d /proc && echo {order} > /proc/powerpc/hpt_order; cat /proc/powerpc/hpt_order")
    vm.console.expect(f"\n{order}", timeout=400)
    vm.console.send("umount /proc; " + LOAD)
    return vm


@marks[0]
@marks[1]
@pytest.mark.parametrize("order", [21, 23])
def test_linux_resizes_its_table_and_goes_on_here_and_elsewhere(order: int, tmp_path: Path) -> None:
    vm = resized_linux(order)
    assert vm.hpt.shift == order
    vm.console.expect("round 1 ok", timeout=400)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address)
    there = arrival.machine()
    assert there.hpt.shift == order
    there.console.expect(re.compile(r"round \d+ ok"), timeout=400)
    there.console.send("stop")
    assert there.run(timeout=400) == PoweredOff()
    text = vm.console.output + there.console.output
    assert "all done" in text and "BAD" not in text and "Oops" not in text
