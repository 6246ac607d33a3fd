"""Injected faults: chosen by a seed, listed, and the same on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from images import POWER_OFF, hypercall, li, rtas, started

from pyspapr import ConfigError, InstructionLimit, Machine, PoweredOff
from pyspapr.codes import H_BUSY, H_PTEG_FULL
from pyspapr.config import ENGINES
from pyspapr.devices.vty import IRQ
from pyspapr.devices.xics import Icp, Ics
from pyspapr.hooks.choice import Choice
from pyspapr.hooks.injection import Injected

BACK = 0x48000000
MASK = (1 << 64) - 1


def entering(vm: Machine, again: int = 40) -> Machine:
    """A guest that makes a hypercall so often, and has the sum of the codes in R14."""
    enter = [*hypercall(0x08, 0, 0)[:-1], *li(6, 0x1001), *li(7, 0x5190), 0x44000022]
    code = [*li(14, 0), *li(15, again), 0x7DE903A6, *enter, 0x7DCE1A14]  # mtctr r15; add r14,r14,r3
    loop = len(enter) + 1
    return started(vm, *code, 0x42000000 | (-4 * loop & 0xFFFC), *POWER_OFF)  # bdnz


def on_both(run: Callable[[Machine], Any]) -> Any:
    first, second = (run(Machine(memory="32M", engine=engine)) for engine in ENGINES)
    assert first == second
    return first


def test_one_of_seven_calls_fails_as_the_seed_chooses_and_is_listed() -> None:
    def run(vm: Machine, seed: int | None) -> tuple[list[int], int, str]:
        entering(vm)
        more: dict[str, Any] = {} if seed is None else {"seed": seed}
        with vm.inject(hcall="H_ENTER", returns="H_PTEG_FULL", every=7, **more) as injection:
            assert vm.run(timeout=20) == PoweredOff()
        assert vm.cpus[0].vcpu.native_hypercalls() and 0x08 in vm.cpus[0].vcpu.native_hypercalls()
        assert {row.what for row in injection.log} == {f"H_ENTER returns {H_PTEG_FULL}"}
        assert injection.count == len(injection.log)
        return [row.instructions for row in injection.log], vm.hpt.valid_entries(), vm.state_hash()

    last = on_both(lambda vm: run(vm, None))
    # The eighth place of a group is the last: 35 of 40 calls find none that is free.
    assert len(last[0]) == 5 and {b - a for a, b in zip(last[0], last[0][1:], strict=False)} == {7 * 13}
    drawn = [on_both(lambda vm, seed=seed: run(vm, seed)) for seed in (3, 3, 4)]
    assert drawn[0] == drawn[1] != drawn[2] and drawn[0][0] != last[0] and len(drawn[0][0]) in (5, 6)


def test_times_is_how_often_at_most(vm: Machine) -> None:
    with vm.inject(hcall=0x08, returns=(H_BUSY, 7), times=2) as injection:
        entering(vm).run(timeout=20)
    assert injection.count == 2 and vm.hpt.valid_entries() == 8


def test_a_call_takes_time(vm: Machine) -> None:
    with vm.inject(hcall="H_ENTER", delay=0.5, times=3) as injection:
        entering(vm).run(timeout=20)
    assert [row.what for row in injection.log] == ["H_ENTER takes 500000000 ns"] * 3
    assert vm.nanos - vm.instructions == 1_500_000_000


def test_an_rtas_call_fails_by_the_name_of_its_status(vm: Machine) -> None:
    display = rtas(0x2000, 65)
    with vm.inject(rtas="display-character", returns="BUSY", every=2) as injection:
        assert started(vm, *display, *display, *display, *POWER_OFF).run(timeout=20) == PoweredOff()
    assert vm.console.output == "AA" and [row.what for row in injection.log] == ["display-character returns -2"]
    assert vm.memory.u32(0x8010) == 0


def test_a_full_console_takes_nothing(vm: Machine) -> None:
    started(vm, *hypercall(0x58, 0, 1), *POWER_OFF)
    with vm.inject(console="full") as injection:
        assert vm.run(timeout=20) == PoweredOff()
    assert vm.console.output == "" and injection.count == 1


# Interrupts.


def test_an_edge_is_lost_or_late(vm: Machine) -> None:
    started(vm, *[0x60000000] * 7, 0x4BFFFFE4)
    ics, icp = vm.device(Ics), vm.device(Icp)
    ics.set_xive(IRQ, 0, 5)
    icp.set_cppr(0xFF)
    with vm.inject(interrupt="lost", every=2, source=IRQ) as lost:
        ics.pulse(IRQ)
        assert icp.accept() & 0xFFFFFF == IRQ
        icp.eoi(0xFF << 24 | IRQ)
        ics.pulse(IRQ)
        assert icp.xisr == 0 and [row.what for row in lost.log] == [f"interrupt {IRQ:#x} is lost"]
    with vm.inject(interrupt="late", delay=1e-6):
        ics.pulse(IRQ)
        vm.run(max_instructions=999)
        assert not vm.cpus[0].vcpu.external
        vm.run(max_instructions=2)
        assert vm.cpus[0].vcpu.external and icp.xisr == IRQ
    assert not ics.filters


def test_a_spurious_interrupt_has_no_source_and_goes_when_it_was_seen(vm: Machine) -> None:
    vm.memory.write(0x500, bytes.fromhex("38600074440000224c000024"))  # li r3,H_XIRR; sc 1; rfid
    # li r10,0x7fff; addi r10,r10,1; mtmsr r10; and a loop
    started(vm, 0x39407FFF, 0x394A0001, *[0x60000000] * 2, 0x7D400124, *[0x60000000] * 7, 0x4BFFFFE4)
    with vm.inject(interrupt="spurious", at=50) as injection, vm.hooks.interrupt(0x500, lambda event: None):
        seen: list[int] = []
        with vm.hooks.hypercall("H_XIRR", after=lambda event: seen.append((event.results or (0, 1))[1])):
            vm.run(max_instructions=200)
    assert injection.log == [Injected(50, "an external interrupt without a source")]
    assert seen == [0] and not vm.cpus[0].vcpu.external
    with vm.inject(interrupt="spurious", source=IRQ):
        vm.run(max_instructions=1)
    assert vm.device(Ics).sources[IRQ].masked_pending


# At instruction counts.


def test_bits_flip_at_chosen_counts_the_same_on_both_engines() -> None:
    def run(vm: Machine) -> tuple[list[Injected], str]:
        started(vm, *[0x38630001] * 7, 0x4BFFFFE4)
        vm.hpt[77] = 0x1001, 0x5190
        log: list[Injected] = []
        with (
            vm.inject(flip="register", registers=("r20", "ctr"), every=100, seed=1, times=5) as register,
            vm.inject(flip="ram", within=(0x100000, 0x100010), at=[300, 200]) as ram,
            vm.inject(flip="hpt", every=1000) as hpt,
        ):
            assert vm.run(max_instructions=1000) == InstructionLimit(1000)
            log = [*register.log, *ram.log, *hpt.log]
        assert len(register.log) == 5 and [row.instructions for row in ram.log] == [200, 300]
        assert all(100 * n <= row.instructions < 100 * (n + 1) for n, row in enumerate(register.log))
        assert [row.instructions for row in hpt.log] == [1000] and "entry 0x4d" in hpt.log[0].what
        assert vm.hpt[77] != (0x1001, 0x5190) and any(vm.memory[0x100000:0x100010])
        vm.run(max_instructions=1000)
        assert register.count == 5
        return log, vm.state_hash()

    on_both(run)


def test_a_system_reset_and_a_machine_check_come_at_their_counts() -> None:
    def run(vm: Machine) -> list[tuple[object, ...]]:
        for vector in (0x100, 0x200):
            vm.memory.write(vector, bytes.fromhex("4c000024"))  # rfid
        started(vm, *[0x60000000] * 7, 0x4BFFFFE4)
        seen: list[tuple[object, ...]] = []
        for vector in (0x100, 0x200):
            vm.hooks.interrupt(
                vector, lambda event: seen.append((event.name, event.instructions, event.cpu.srr1, event.cpu.dar))
            )
        with vm.inject(event="system-reset", at=[10, 30]), vm.inject(event="machine-check", at=20, dar=0x1234):
            vm.run(max_instructions=100)
        return seen

    msr = Machine(memory="32M").cpus[0].msr
    seen = on_both(run)
    assert [row[:2] for row in seen] == [("system reset", 10), ("machine check", 20), ("system reset", 30)]
    assert seen[1][2:] == (msr | 0x200000, 0x1234)


def test_the_timebase_jumps_both_ways(vm: Machine) -> None:
    started(vm, *[0x60000000] * 7, 0x4BFFFFE4)
    plain = vm.snapshot().fork()
    with vm.inject(clock=-2.5, at=10), vm.inject(clock=1, at=20) as injection:
        vm.run(max_instructions=100)
    plain.run(max_instructions=100)
    ahead = vm.cpus[0].vcpu.timebase - plain.cpus[0].vcpu.timebase
    assert ahead % (1 << 64) == -768_000_000 % (1 << 64)
    assert injection.log == [Injected(20, "the timebase jumps by 1 s")]


def test_a_machine_that_is_saved_and_restored_in_the_middle_gets_its_own_faults(vm: Machine) -> None:
    entering(vm)
    with vm.inject(hcall="H_ENTER", returns="H_BUSY", times=3) as injection:
        vm.run(max_instructions=100)
        fork = vm.snapshot(lambda machine: faults.append(machine.inject(flip="register", at=10_000)))
        faults: list[Any] = []
        other = fork.fork()
        assert other.run(timeout=20) == vm.run(timeout=20) == PoweredOff()
    assert injection.count == 3 and faults[0].count == 0


# What cannot be.


def test_wrong_use_says_what_to_do(vm: Machine) -> None:
    started(vm, BACK)
    for fault, error, text in [
        ({}, TypeError, "one target of hcall, rtas, .* got none"),
        ({"hcall": "H_ENTER", "flip": "ram"}, TypeError, "got hcall, flip"),
        ({"hcall": "H_ENTER"}, TypeError, "needs returns, delay"),
        ({"hcall": "H_ENTER", "returns": "H_FULL"}, ConfigError, "'H_FULL' is no return code; known: H_SUCCESS"),
        ({"hcall": "H_NONE", "returns": 1}, KeyError, "no hypercall 'H_NONE'"),
        ({"hcall": "H_ENTER", "returns": 1, "at": 5}, TypeError, "at has no meaning for a fault of hcall"),
        ({"hcall": "H_ENTER", "returns": 1, "every": 0}, ConfigError, "every is 0"),
        ({"hcall": "H_ENTER", "returns": 1, "every": 1.5}, ConfigError, "every is 1.5"),
        ({"hcall": "H_ENTER", "delay": -1}, ConfigError, "delay is -1"),
        ({"rtas": "power-off", "returns": "H_BUSY"}, ConfigError, "no return code"),
        ({"flip": "disk"}, ConfigError, "flip is 'disk', expected one of ram, hpt, register"),
        ({"flip": "ram", "within": (0, 1 << 40)}, ConfigError, "not within RAM"),
        ({"flip": "register", "registers": ("r32",)}, ConfigError, "no register 'r32'"),
        ({"flip": "ram", "every": 5, "at": 5}, TypeError, "not both"),
        ({"flip": "ram", "at": [-1]}, ConfigError, "expected instruction counts"),
        ({"interrupt": "late"}, TypeError, "needs delay"),
        ({"interrupt": "lost", "source": 5}, ConfigError, "there are 0x1"),
        ({"event": "system-reset", "dar": 5}, TypeError, "no dar"),
        ({"event": "machine-check", "dsisr": 1 << 32}, ConfigError, "dsisr has 32 bits"),
        ({"clock": 1e10}, ConfigError, "clock is"),
    ]:
        with pytest.raises(error, match=text):
            vm.inject(**fault)  # type: ignore[arg-type]
    assert len(vm.hooks) == 0 and vm.partition.agenda.next is None


def test_a_choice_is_one_of_each() -> None:
    for seed in (None, 1, 2):
        choice = Choice(7, None, seed)
        taken = [choice.take() for _ in range(700)]
        assert all(sum(taken[7 * n : 7 * n + 7]) == 1 for n in range(100))
        counts = Choice(7, 100, seed).counts(1000)
        assert [(count - 1000 - (seed is None)) // 7 for count in counts] == list(range(100))


def test_any_bit_of_an_entry_may_flip_but_the_hypervisors(vm: Machine) -> None:
    started(vm, *[0x60000000] * 7, 0x4BFFFFE4)
    seen = set()
    for seed in range(300):
        vm.hpt.clear()
        vm.hpt[16000] = 0x1, 0
        with vm.inject(flip="hpt", seed=seed, at=vm.instructions) as injection:
            vm.run(max_instructions=1)
        seen.add(injection.log[0].what)
    assert len(seen) > 100 and not any("bit 5 of V" in what or "bit 6 of V" in what for what in seen)


def test_copies_of_a_machine_have_none_of_its_hooks_and_run_as_it_does(vm: Machine, tmp_path: Path) -> None:
    entering(vm)
    seen: list[str] = []
    vm.hooks.hypercall("H_ENTER", lambda event: seen.append("call"))
    vm.hooks.at_count(200, lambda event: seen.append("count"))
    vm.run(max_instructions=100)
    snapshot = vm.snapshot()
    vm.save(tmp_path / "saved")
    seen.clear()
    copies = [snapshot.fork(), Machine.restore(tmp_path / "saved")]
    assert {copy.run(timeout=20) for copy in copies} == {PoweredOff()} and seen == []
    for _ in range(2):
        assert vm.run(timeout=20) == PoweredOff() and {copy.state_hash() for copy in copies} == {vm.state_hash()}
        # Put back, it keeps its hooks; what came once has come.
        vm.reset_to(snapshot)
    assert seen.count("call") == 2 * 33 and seen.count("count") == 1
    vm.hooks.clear()
    assert vm.run(timeout=20) == PoweredOff() and vm.state_hash() == copies[0].state_hash()
