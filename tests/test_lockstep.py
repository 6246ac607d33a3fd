"""Both engines side by side: they do the same, and where one does not it is found to the instruction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from images import BRANCH_TO_SELF, POWER_OFF, hypercall, started

from pyspapr import EngineDifference, InstructionLimit, Machine, PoweredOff, StopReason, Timeout, cli
from pyspapr.cli.lockstep import DIFFERENT
from pyspapr.config import Engine
from pyspapr.devices import Random
from pyspapr.replay import lockstep
from pyspapr.replay.lockstep import Lockstep
from pyspapr.replay.shared_input import SharedInput

Change = Callable[[Machine], object]

ENTRY = bytes((8 << 1 | 1,)) + (0x8).to_bytes(8, "big") + bytes(8)
"""A chunk with entry 7, which is not valid."""
H_GET_TERM_CHAR = 0x54
H_CEDE = 0xE0


class Planted(Lockstep):
    """One machine is changed after so many instructions, as a wrong engine would do."""

    change: Change
    at: int
    times = 1 << 30
    """How often at most."""
    spared: Callable[[Machine], bool] = staticmethod(lambda vm: False)

    def advance(self, vm: Machine, instructions: int, timeout: float | None = None) -> StopReason:
        before = self.at - vm.instructions
        if vm.engine != "jit" or not 0 < before <= instructions or self.times == 0 or self.spared(vm):
            return super().advance(vm, instructions, timeout)
        self.times -= 1
        reason = super().advance(vm, before)
        self.change(vm)
        return super().advance(vm, instructions - before) if instructions > before else reason


def booted(guest: Path, append: str = "rounds=4", cpu: str = "power8") -> Callable[[Engine], Machine]:
    def make(engine: Engine) -> Machine:
        vm = Machine(memory="64M", cpu=cpu, engine=engine)
        vm.load_kernel(guest, append=append)
        return vm

    return make


def coded(*words: int) -> Callable[[Engine], Machine]:
    return lambda engine: started(Machine(memory="32M", engine=engine), *words)


def flip(register: str) -> Change:
    def change(vm: Machine) -> None:
        vm.cpus[0][register] ^= 1

    return change


@pytest.mark.parametrize("cpu", ["power8", "power9", "power10"])
def test_the_demo_guest_does_the_same_on_both_engines(demo_guest: Path, cpu: str) -> None:
    pair = Lockstep(booted(demo_guest, "rounds=24", cpu))
    assert pair.run() == PoweredOff()
    alone = booted(demo_guest, "rounds=24", cpu)("interp")
    assert alone.run() == PoweredOff()
    assert pair.machine.state_hash() == alone.state_hash()
    assert pair.machine.console.output == alone.console.output


@pytest.mark.parametrize(
    ("at", "change", "name"),
    [
        (1, flip("r5"), "r5: "),
        (123_457, flip("cr"), "cr: "),
        (2_000_000, flip("vs40"), "vs40: "),
        (2_345_678, lambda vm: vm.cpus[0].vcpu.set_slb(9, 0x7000_0000_0800_0009, 0), "slb[9]: "),
        (3_000_001, lambda vm: vm.partition.ram.write(0x3F0_0010, b"wrong"), "memory at 0x3f00010: "),
        (3_000_001, lambda vm: vm.partition.ram.write(0x3F0_0010, bytes(4)), "page 0x3f00000 is marked by one only"),
        (3_456_789, lambda vm: vm.hpt.load_chunk(ENTRY), "entry 7: "),
        (3_456_789, lambda vm: vm.device(Random).u64(), "spapr_rng.drawn: "),
        (3_456_789, lambda vm: vm.console.emit(b"!"), "bytes printed: "),
    ],
)
def test_a_difference_is_found_at_its_instruction(demo_guest: Path, at: int, change: Change, name: str) -> None:
    told: list[str] = []
    pair = Planted(booted(demo_guest), step=100_000, notify=told.append)
    pair.at, pair.change = at, change
    with pytest.raises(EngineDifference) as found:
        pair.run()
    assert found.value.instructions == at, found.value.lines
    assert f"differ after instruction {at}, {found.value.address:#x}: " in str(found.value)
    assert any(line.startswith(name) for line in found.value.lines), found.value.lines
    assert f"  {at - 1} {found.value.address:#x}: " in found.value.lines[-1], found.value.lines
    assert len(told) == 1, told


def test_what_does_not_come_again_from_a_snapshot_is_found_from_the_beginning(
    demo_guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockstep, "FREEZE", lockstep.LOOK)
    made: list[Machine] = []

    def make(engine: Engine) -> Machine:
        made.append(booted(demo_guest)(engine))
        return made[-1]

    told: list[str] = []
    pair = Planted(make, step=100_000, notify=told.append)
    pair.at, pair.change = 3_000_001, flip("ctr")
    pair.spared = lambda vm: vm not in made
    with pytest.raises(EngineDifference) as found:
        pair.run()
    assert found.value.instructions == 3_000_001
    assert told[1:] == ["the latest snapshot does not lead to the difference again"]


def test_what_never_comes_again_is_told_so(demo_guest: Path) -> None:
    pair = Planted(booted(demo_guest), step=100_000)
    pair.at, pair.change, pair.times = 3_000_001, flip("ctr"), 1
    with pytest.raises(EngineDifference, match="between instructions 1600000 and 3100000, and not every time") as found:
        pair.run()
    assert found.value.address is None
    assert any(line.startswith("ctr: ") for line in found.value.lines)


class Slow:
    """Input that is not there when it is asked for, most of the time."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked = 0

    def take(self, limit: int) -> bytes:
        self.asked += 1
        if self.asked % 50:
            return b""
        data, self.data = self.data[:3], self.data[3:]
        return data

    @property
    def exhausted(self) -> bool:
        return not self.data


def reader() -> list[int]:
    """Reads characters and adds them up in r20 until one is 'z'."""
    ask = hypercall(H_GET_TERM_CHAR, 0)
    # cmpdi r4,0; beq ask; srdi r5,r5,56; add r20,r20,r5; cmpldi r5,'z'; bne ask
    look = [0x2C240000, 0x41820000, 0x78A54620, 0x7E942A14, 0x28250000 | ord("z"), 0x40820000]
    for index in (1, 5):
        look[index] |= -4 * (len(ask) + index) & 0xFFFC
    return [*ask, *look, *POWER_OFF]


def test_both_machines_hear_the_same_input_at_the_same_time() -> None:
    source = Slow(b"abcdefz")
    pair = Lockstep(coded(*reader()), source=source, step=1000)
    assert pair.run() == PoweredOff()
    assert pair.machine.cpus[0].r20 == ord("a") + ord("d") + ord("z")
    assert source.asked >= 150
    assert [reader.position for reader in pair._pair.inputs] == [source.asked] * 2


def test_a_shared_input_gives_the_same_answers_to_the_same_questions() -> None:
    shared = SharedInput(Slow(b"abcd"))
    leader, follower = shared.lead(), shared.replay(0)
    heard = [leader.take(16) for _ in range(100)]
    assert b"".join(heard) == b"abcd" and leader.exhausted and not follower.exhausted
    assert [follower.take(16) for _ in range(100)] == heard and follower.exhausted
    assert [shared.replay(60).take(16) for _ in range(2)] == [b"", b""]
    assert shared.replay(99).take(16) == b"d"


def test_a_guest_that_waits_for_input_is_left_when_the_time_is_over() -> None:
    class Silent(Slow):
        exhausted = False

    pair = Lockstep(coded(*hypercall(H_CEDE), BRANCH_TO_SELF), source=Silent(b""))
    assert pair.run(timeout=0.3) == Timeout(0.3)


def test_budgets_are_exact(demo_guest: Path) -> None:
    pair = Lockstep(booted(demo_guest), step=1000)
    assert pair.run(max_instructions=12_345) == InstructionLimit(12_345)
    assert pair.run(max_instructions=1) == InstructionLimit(12_346)
    assert {vm.instructions for vm in pair._pair.machines} == {12_346}


def test_the_command_line_runs_both_and_shows_one(demo_guest: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    options = ["boot", "--lockstep", "--kernel", str(demo_guest), "--append", "rounds=2", "--memory", "64M"]
    assert cli.run(options) == 0
    out, err = capfdbinary.readouterr()
    alone = booted(demo_guest, "rounds=2")("interp")
    alone.run()
    assert out == alone.console.raw
    count = f"{alone.cpus[0].vcpu.instructions:,}"
    assert err.decode() == f"pyspapr: {count} instructions on each engine, and no difference\n"


def test_the_command_line_tells_a_difference_and_has_a_status_for_it(
    demo_guest: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Planted.at, Planted.change = 1_234_567, staticmethod(flip("lr"))
    monkeypatch.setattr("pyspapr.cli.lockstep.Lockstep", Planted)
    assert cli.run(["boot", "--lockstep", "--kernel", str(demo_guest), "--memory", "64M"]) == DIFFERENT
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "pyspapr: the engines differ between instructions 0 and 2000000: looking for the first one"
    assert lines[1].startswith("pyspapr: the engines differ after instruction 1234567, 0x")
    assert any(line.startswith("    lr: 0x") for line in lines[2:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clock", "host"], "--lockstep needs --clock virtual"),
        (["--profile"], "--lockstep cannot be combined with --profile"),
        (["--console", "unix:x"], "console on standard input"),
        (["--qmp", "unix:x"], "cannot be combined with --qmp"),
        (["--incoming", "unix:x"], "cannot be combined with --incoming"),
        (["--qmp", "unix:x", "--paused"], "cannot be combined with"),
    ],
)
def test_what_two_machines_cannot_share_is_refused(
    demo_guest: Path, capfd: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert cli.run(["boot", "--lockstep", "--kernel", str(demo_guest), *options]) == cli.USAGE_ERROR
    assert message in capfd.readouterr().err
