"""Forks copy a machine natively, and `reset_to` puts one back to a snapshot: both are the machine that was frozen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from images import BASE, POWER_OFF, assemble, hypercall, started

from pyspapr import ConfigError, Machine, PoweredOff, StateError, vmstate
from pyspapr._native import Hpt
from pyspapr.devices import Nvram
from pyspapr.partition import Partition

SET_HERE = hypercall(0xF100)
COUNT = 1_500_000


@pytest.fixture
def booted(demo_guest: Path) -> Machine:
    """The small guest at work, with memory that it writes and entries that come and go."""
    vm = Machine(memory="64M", console_history=1 << 20)
    vm.load_kernel(demo_guest, append="forever churn=50")
    vm.run(max_instructions=3_000_000)
    return vm


def values(vm: Machine) -> list[dict[str, object]]:
    """Everything that the tables of its parts say."""
    return [section.vmstate.values(section.target) for section in vmstate.sections(vm.partition)]


def as_forked(vm: Machine, fork: Machine) -> None:
    """`vm` is the machine that `fork` is as well, and goes on as it does."""
    assert values(vm) == values(fork) and vm.state_hash() == fork.state_hash()
    ends = {(one.run(max_instructions=COUNT), one.state_hash(), one.console.output) for one in (vm, fork)}
    assert len(ends) == 1


def test_a_fork_has_every_field_of_every_table(booted: Machine) -> None:
    cpu = booted.cpus[0]
    for number, name in enumerate(cpu.names):
        if name not in ("pc", "msr", "lpcr", "dec", "tb", "tbu"):
            booted.partition.cpus[0].vcpu.set(name, cpu[name] ^ number)
    cpu.vcpu.system_reset()
    cpu.vcpu.halted = True
    booted.console.write(b"typed")
    booted.device(Nvram).data[5] ^= 1
    before = values(booted)
    assert values(booted.fork()) == values(booted.snapshot().fork()) == before


@pytest.mark.parametrize("engine", ["jit", "interp"])
def test_a_machine_goes_back_to_a_snapshot_as_often_as_it_likes(booted: Machine, engine: str) -> None:
    frozen = booted.snapshot()
    forked = frozen.fork(engine)  # type: ignore[arg-type]
    for vm in (booted, forked):
        for length in (1, 1000, COUNT):
            vm.run(max_instructions=length)
            vm.memory.write(0x3F0_0000, b"the host has written this")
            vm.reset_to(frozen)
            assert vm.state_hash() == frozen.fork().state_hash()
        vm.console.forget()
        as_forked(vm, frozen.fork())


def test_a_fork_can_be_frozen_and_gone_back_to_while_others_live(booted: Machine) -> None:
    first = booted.snapshot()
    fork = first.fork()
    fork.run(max_instructions=COUNT)
    second = fork.snapshot()
    fork.run(max_instructions=COUNT)
    as_forked(second.fork(), second.fork())
    for frozen in (second, first, second):  # each but the first is not the one that it was made from
        fork.reset_to(frozen)
        as_forked(fork, frozen.fork())


def test_the_snapshot_of_a_machine_that_has_not_changed_is_the_one_before(booted: Machine) -> None:
    def same(vm: Machine) -> bool:
        before = vm.partition.frozen
        vm.snapshot()
        return vm.partition.frozen is before

    booted.snapshot()
    changes: list[Callable[[Machine], object]] = [
        lambda vm: vm.memory.write(0x5000, b"\0"),
        lambda vm: setattr(vm.cpus[0], "r3", vm.cpus[0].r3 ^ 1),
        lambda vm: setattr(vm.cpus[0].vcpu, "halted", not vm.cpus[0].vcpu.halted),
        lambda vm: vm.hpt.__setitem__(9, (0, 7)),
        lambda vm: vm.console.write(b"x"),
        lambda vm: vm.device(Nvram).data.__setitem__(0, 99),
        lambda vm: vm.run(max_instructions=1),
    ]
    for vm in (booted, booted.fork()):
        for change in changes:
            assert same(vm)
            change(vm)
            assert not same(vm)
            assert vm.fork().state_hash() == vm.state_hash()


def test_code_that_was_written_over_since_runs_as_it_was(vm: Machine) -> None:
    # Each round adds 1 to r3; the first three words are patched from outside.
    add = 0x38630001  # addi r3,r3,1
    started(vm, add, add, add, 0x4BFFFFF4)  # b back
    vm.run(max_instructions=4000)
    frozen = vm.snapshot()
    for machine in (vm, frozen.fork()):
        for _ in range(3):
            begin = machine.cpus[0].r3
            machine.memory.write(BASE, assemble(0x38630005, 0x38630005))
            machine.run(max_instructions=4000)
            assert machine.cpus[0].r3 == begin + 11_000
            machine.reset_to(frozen)
            machine.run(max_instructions=4000)
            assert machine.cpus[0].r3 == begin + 3000
            machine.reset_to(frozen)


def test_what_the_guest_has_registered_and_how_it_has_ended_is_undone(vm: Machine) -> None:
    started(vm, *POWER_OFF)
    frozen = vm.snapshot()
    area = next(device for device in vm.devices if type(device).VMSTATE.name == "spapr_cpu")
    area.vpa = 0x4000
    vm.partition.prepared_hpt = Hpt(20)
    assert vm.run(timeout=20) == PoweredOff()
    with pytest.raises(StateError, match="powered off"):
        vm.run()
    vm.reset_to(frozen)
    assert vm.ended is None and vm.partition.prepared_hpt is None and area.vpa == 0
    as_forked(vm, frozen.fork())


def test_a_machine_with_another_hash_table_gets_that_of_the_snapshot(booted: Machine) -> None:
    frozen = booted.snapshot()
    booted.partition.use_table(Hpt(20))
    booted.reset_to(frozen)
    as_forked(booted, frozen.fork())


def test_a_machine_that_was_never_frozen_takes_over_the_snapshot_of_one_like_it(booted: Machine) -> None:
    frozen = booted.snapshot()
    other = Machine(booted.config.replace(seed=9))
    started(other, *hypercall(0xF100), 0x4BFFFFFC)
    other.run(max_instructions=100)
    other.reset_to(frozen)
    as_forked(other, frozen.fork())
    other.reset_to(frozen)
    assert other.state_hash() == frozen.fork().state_hash()


def test_an_incremental_save_has_what_going_back_has_changed(booted: Machine, tmp_path: Path) -> None:
    frozen = booted.snapshot()
    booted.run(max_instructions=COUNT)
    booted.save(tmp_path / "base")
    booted.run(max_instructions=1000)
    booted.reset_to(frozen)
    booted.save(tmp_path / "after", base=tmp_path / "base")
    back = Machine.restore(tmp_path / "after", base=tmp_path / "base")
    assert back.state_hash() == booted.state_hash() == frozen.fork().state_hash()


def test_what_belongs_to_the_machine_stays(vm: Machine) -> None:
    calls, printed = [], []
    started(vm, *SET_HERE, *hypercall(0x58, 0, 1, 0x41000000), *POWER_OFF)
    vm.hypercall(0xF100, "H_HERE")(lambda partition, cpu: calls.append(cpu.index) or 0)
    frozen = vm.snapshot(lambda other: other.hypercall(0xF100, "H_HERE")(lambda partition, cpu: 0) and None)
    vm.console.sinks.append(printed.append)
    for count in (1, 2, 3):
        assert vm.run(timeout=20) == PoweredOff()
        assert len(calls) == len(printed) == count and vm.console.raw == printed[-1]
        vm.reset_to(frozen)
        assert vm.console.raw == b""


def test_what_cannot_be_put_back_says_why_and_stays_as_it_is(vm: Machine, tmp_path: Path) -> None:
    frozen = started(vm, *SET_HERE, *POWER_OFF).snapshot()
    other = Machine(memory="48M")
    with pytest.raises(ConfigError, match=r"a snapshot of another machine: its configuration is .*33554432.*50331648"):
        other.reset_to(frozen)
    with pytest.raises(TypeError, match="is put back to a Snapshot, not to None"):
        vm.reset_to(None)  # type: ignore[arg-type]
    seen: list[str] = []

    @vm.hypercall(0xF100, "H_HERE")
    def here(partition: Partition, cpu: object) -> int:
        for attempt in (lambda: vm.reset_to(frozen), lambda: vm.fork()):
            with pytest.raises(StateError) as caught:
                attempt()
            seen.append(str(caught.value))
        return 0

    assert vm.run(timeout=20) == PoweredOff()
    assert "cannot go back to a snapshot" in seen[0] and "cannot be saved by a hypercall handler" in seen[1]
    vm.reset_to(frozen)
    vm.pause()  # else the guest goes on
    vm.migrate(f"file:{tmp_path / 'away'}")
    with pytest.raises(StateError, match="migrated away"):
        vm.reset_to(frozen)
    vm.close()
    with pytest.raises(StateError, match="closed"):
        vm.reset_to(frozen)


def test_forks_run_side_by_side_on_threads(booted: Machine) -> None:
    frozen = booted.snapshot()
    straight = frozen.fork()
    straight.run(max_instructions=COUNT)
    meeting = threading.Barrier(4)

    def one(_: int) -> str:
        vm = frozen.fork()
        meeting.wait(60)
        for _ in range(3):
            vm.reset_to(frozen)
            vm.run(max_instructions=COUNT)
        return vm.state_hash()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(one, range(8))) == {straight.state_hash()}
