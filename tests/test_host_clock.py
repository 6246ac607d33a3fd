"""The host's clock: what a guest makes of the time in which it did not run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from images import started

from pyspapr import Machine
from pyspapr._native import TIMEBASE_HZ
from pyspapr.devices import Rtc
from pyspapr.partition import cpu_state

COUNT_FOREVER = [0x38A50001, 0x4BFFFFFC]  # 1: addi r5,r5,1; b 1b
NS = 1_000_000_000
HOUR = 3600


def counting(clock: str = "host") -> Machine:
    """A guest that has run."""
    vm = started(Machine(memory="32M", clock=clock), *COUNT_FOREVER)  # type: ignore[arg-type]
    vm.run(max_instructions=1000)
    return vm


def stood(vm: Machine) -> float:
    """Seconds for which the guest knows that it did not run."""
    cpu = vm.cpus[0]
    return (cpu.tb - cpu.vtb) / TIMEBASE_HZ


def seconds(vm: Machine) -> float:
    """Its time of day."""
    now = vm.device(Rtc).get()
    return now.hour * 3600 + now.minute * 60 + now.second + now.nanosecond / NS


def saved(vm: Machine, path: Path) -> Callable[[], Machine]:
    vm.save(path)
    return lambda: Machine.restore(path)


def frozen(vm: Machine, path: Path) -> Callable[[], Machine]:
    vm.cpus[0].vcpu.clock_age = HOUR * NS  # a fork has its parent's clock, whatever the calendar says
    return vm.snapshot().fork


def migrated(vm: Machine, path: Path) -> Callable[[], Machine]:
    vm.migrate(f"file:{path}")
    return lambda: Machine.incoming(f"file:{path}")


def elsewhere(monkeypatch: pytest.MonkeyPatch, passed: int) -> None:
    """So many seconds pass by the calendar."""
    monkeypatch.setattr(cpu_state, "time_ns", lambda: time.time_ns() + passed * NS)


def test_a_pause_counts_in_the_time_of_day_and_not_in_the_time_a_guest_has_had() -> None:
    """Linux keeps the date by TB and looks for stuck programs by VTB."""
    vm = counting()
    before = vm.cpus[0].tb
    vm.pause()
    begin = time.monotonic()
    time.sleep(0.1)
    passed = time.monotonic() - begin
    vm.resume()
    vm.run(max_instructions=1000)
    assert vm.cpus[0].tb - before >= passed * TIMEBASE_HZ
    assert stood(vm) >= passed
    assert vm.cpus[0].purr == vm.cpus[0].spurr == vm.cpus[0].vtb


def test_time_between_two_runs_is_time_that_the_guest_did_not_have() -> None:
    """As a pause is."""
    vm = counting()
    before, stood_before = seconds(vm), stood(vm)
    begin = time.monotonic()
    time.sleep(0.1)
    passed = time.monotonic() - begin
    vm.run(max_instructions=1000)
    assert seconds(vm) - before >= passed
    assert stood(vm) - stood_before >= passed


def test_the_time_before_its_first_instruction_is_none_that_a_guest_missed() -> None:
    """TB and VTB are the same then, as Linux expects them."""
    vm = started(Machine(memory="32M", clock="host"), *COUNT_FOREVER)
    time.sleep(0.02)
    vm.run(max_instructions=1000)
    assert stood(vm) == 0


@pytest.mark.parametrize("move", [saved, frozen, migrated])
def test_an_hour_away_is_an_hour_of_the_guests_day(
    move: Callable[[Machine, Path], Callable[[], Machine]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file, in memory, or on the way from one host to another; and the decrementer is due."""
    vm = counting()
    vm.cpus[0].dec = 0x7FFF_FFFF
    arrive = move(vm, tmp_path / "moved")
    before, vtb = vm.cpus[0].tb, vm.cpus[0].vtb
    elsewhere(monkeypatch, HOUR)
    back = arrive()
    assert back.cpus[0].tb == before  # until it runs, it is the machine that was saved
    back.run(max_instructions=1000)
    assert HOUR <= (back.cpus[0].tb - before) / TIMEBASE_HZ < HOUR + 60
    assert (back.cpus[0].vtb - vtb) / TIMEBASE_HZ < 60
    assert back.cpus[0].dec & 1 << 31


def test_where_the_calendar_is_behind_time_stands_and_never_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts do not agree to the second."""
    vm = counting()
    before = vm.cpus[0].tb
    arrive = saved(vm, tmp_path / "moved")
    elsewhere(monkeypatch, -HOUR)
    back = arrive()
    back.run(max_instructions=1000)
    assert 0 <= (back.cpus[0].tb - before) / TIMEBASE_HZ < 60


def test_what_a_guest_has_missed_is_kept_over_a_save(tmp_path: Path) -> None:
    """Or VTB would jump."""
    vm = counting()
    time.sleep(0.02)
    vm.run(max_instructions=1000)
    back = saved(vm, tmp_path / "moved")()
    assert stood(back) == stood(vm) >= 0.02
    assert back.state_hash() == vm.state_hash()


def test_virtual_time_knows_nothing_of_all_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in its files."""
    vm, other = counting("virtual"), counting("virtual")
    arrive = saved(vm, tmp_path / "moved")
    other.pause()
    elsewhere(monkeypatch, HOUR)
    other.resume()
    back = arrive()
    for machine in (vm, other, back):
        machine.run(max_instructions=1000)
    assert vm.state_hash() == other.state_hash() == back.state_hash()
    assert stood(back) == 0
    assert b"host_clock" not in (tmp_path / "moved").read_bytes()
