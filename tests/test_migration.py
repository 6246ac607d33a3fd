"""Live migration: the guest runs on at the destination where it stopped at the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from migration import CHURNING, MIB, Arrival, OtherProcess, ballast, churning

from pyspapr import InstructionLimit, Machine, StateError
from pyspapr.migration.phases import Phase
from pyspapr.migration.statistics import MigrationStatistics


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_churning_guest_moves_to_another_process_and_its_checks_pass_there(
    kind: str, demo_guest: Path, tmp_path: Path
) -> None:
    vm = churning(demo_guest, arguments="rounds=2000 churn=200")
    place = f"unix:{tmp_path / 'socket'}" if kind == "unix" else "tcp:127.0.0.1:0"
    with OtherProcess(place, 40_000_000) as there:
        statistics = vm.migrate(there.address, bandwidth=64 * MIB)
        arrived = there.line()
        assert statistics.phase is Phase.COMPLETED
        assert arrived["instructions"] == vm.instructions
        assert arrived["hash"] == vm.state_hash()
        end = there.line()
        assert end["reason"] == InstructionLimit.__name__
    # A run that never moved prints the same, to the last byte, and stands where this one stands.
    other = churning(demo_guest, arguments="rounds=2000 churn=200")
    other.run(max_instructions=arrived["instructions"] + 40_000_000 - other.cpus[0].vcpu.instructions)
    assert vm.console.output + end["console"] == other.console.output


def test_the_source_never_runs_again(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address)
    arrival.machine()
    for attempt in (vm.run, vm.reboot, vm.resume, lambda: vm.migrate(arrival.address)):
        with pytest.raises(StateError, match="migrated away"):
            attempt()


def test_a_machine_whose_guest_has_left_is_neither_saved_nor_given_another_guest_until_it_is_reclaimed(
    demo_guest: Path, tmp_path: Path
) -> None:
    vm = churning(demo_guest)
    vm.migrate(f"file:{tmp_path / 'away'}")
    before = vm.state_hash()
    for attempt in (
        lambda: vm.save(tmp_path / "saved"),
        vm.snapshot,
        lambda: vm.load_kernel(demo_guest),
        lambda: vm.start(pc=0),
    ):
        with pytest.raises(StateError, match="the guest was migrated away: this machine cannot"):
            attempt()
    assert vm.state_hash() == before and not (tmp_path / "saved").exists()
    vm.reclaim()
    assert vm.snapshot().fork().state_hash() == before


def test_the_table_is_sent_in_many_passes_and_the_last_carries_only_what_changed_since(
    demo_guest: Path, tmp_path: Path
) -> None:
    vm = churning(demo_guest)
    ballast(vm, pages=1000, entries=2000)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    seen: list[MigrationStatistics] = []

    def progress(now: MigrationStatistics) -> None:
        # Nothing is good enough until three passes are done, however fast this host is.
        seen.append(now)
        if len(now.passes) >= 3 and vm.migrating is not None:
            vm.migrating.downtime_limit = 0.05

    statistics = vm.migrate(arrival.address, bandwidth=8 * MIB, downtime_limit=0, on_progress=progress)
    there = arrival.machine()
    live, final = statistics.passes[:-1], statistics.passes[-1]
    assert final.final and not any(one.final for one in live)
    assert len(live) >= 3
    assert all(one.hpt_entries > 0 for one in live)
    # The last one may go while a throttled guest is withheld, if that is little enough to stop it.
    assert all(one.instructions > 0 for one in live[:-1])
    assert final.instructions == 0
    assert statistics.passes[0].hpt_valid >= 2000
    assert all(one.hpt_entries < 1000 for one in statistics.passes[1:])
    last = [one for one in seen if one.phase is Phase.STOP][-1]
    assert final.hpt_entries == last.hpt_remaining
    assert final.ram_pages + final.ram_zero_pages == last.ram_remaining // 4096
    assert there.hpt.digest() == vm.hpt.digest()


def test_the_state_at_the_stop_is_that_of_a_run_nobody_migrated(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address, bandwidth=32 * MIB)
    there = arrival.machine()
    other = churning(demo_guest)
    other.run(max_instructions=there.cpus[0].vcpu.instructions - other.cpus[0].vcpu.instructions)
    assert other.state_hash() == there.state_hash()
    for one in (other, there):
        one.run(max_instructions=3_000_000)
    assert other.state_hash() == there.state_hash()


def test_the_console_shows_no_gap(demo_guest: Path, tmp_path: Path) -> None:
    # Enough work for the guest to arrive before its end, on a busy host, too.
    arguments = "rounds=600 churn=1000"
    vm = churning(demo_guest, arguments=arguments)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    vm.migrate(arrival.address)
    there = arrival.machine()
    there.run()
    straight = Machine(memory="64M")
    straight.load_kernel(demo_guest, append=arguments)
    straight.run()
    assert CHURNING in vm.console.output
    assert vm.console.output + there.console.output == straight.console.output
    assert re.search(r"every check passed", there.console.output)


def test_statistics_say_where_the_downtime_went(demo_guest: Path, tmp_path: Path) -> None:
    vm = churning(demo_guest)
    arrival = Arrival(f"unix:{tmp_path / 'socket'}")
    statistics = vm.migrate(arrival.address)
    arrival.machine()
    steps = ["marks", "pages and entries", "devices", "end record", "sent", "complete", "go", "running"]
    assert list(statistics.steps) == steps
    times = list(statistics.steps.values())
    assert times == sorted(times) and statistics.downtime is not None and times[-1] <= statistics.downtime
