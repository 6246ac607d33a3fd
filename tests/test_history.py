"""Going back in time: to any instruction of the past, and with GDB."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from images import BASE
from test_gdb import ATOMIC, DATA, counting, debugged, gdb
from test_linux import linux
from test_linux import pytestmark as pytestmark

from pyspapr import ConfigError, InstructionLimit, Machine, StateError
from pyspapr.config import ENGINES, Engine
from pyspapr.replay.history import History


def demo(demo_guest: Path, engine: Engine | None = None) -> Machine:
    vm = Machine(memory="64M", engine=engine)
    vm.load_kernel(demo_guest)
    return vm


@pytest.mark.parametrize("engine", ENGINES)
def test_every_count_of_the_past_is_what_it_was(engine: Engine, demo_guest: Path) -> None:
    draw = random.Random(2)
    straight, vm = demo(demo_guest, engine), demo(demo_guest, engine)
    vm.keep_history(every=300_000)
    end = 2_000_000
    hashes = {0: straight.state_hash()}
    for count in [*sorted(draw.sample(range(end), 30)), end]:
        straight.run(max_instructions=count - straight.instructions)
        hashes[count] = straight.state_hash()
    assert vm.run(max_instructions=end) == InstructionLimit(end)
    text = vm.console.output
    sunk: list[bytes] = []
    vm.console.sinks.append(sunk.append)
    counts = list(hashes)
    draw.shuffle(counts)
    for count in counts:
        assert vm.goto(count) == InstructionLimit(count)
        assert vm.state_hash() == hashes[count], count
        assert text.startswith(vm.console.output)
    assert vm.history.present == end
    # Run on, it is in the present again, and further.
    vm.goto(1_000_000)
    straight.run(max_instructions=100_000)
    assert vm.run(max_instructions=1_100_000) == InstructionLimit(end + 100_000)
    assert vm.state_hash() == straight.state_hash()
    assert vm.console.output == straight.console.output and b"".join(sunk) == vm.console.raw[len(text.encode()) :]


@pytest.fixture(scope="module")
def booted() -> Iterator[tuple[Machine, list[int]]]:
    """Debian's kernel at its shell, after two commands."""
    vm = linux(append="pyspapr.shell")
    vm.keep_history()
    vm.run(until="# ")
    ends = []
    for command in ("echo one", "cat /proc/uptime"):
        assert vm.shell(command).status == 0
        ends.append(vm.instructions)
    yield vm, ends
    vm.close()


def test_a_boot_with_typed_input_goes_back_and_comes_again(booted: tuple[Machine, list[int]]) -> None:
    vm, (_, end) = booted
    vm.goto(end)
    before, text = vm.state_hash(), vm.console.output
    straight = linux(append="pyspapr.shell")
    draw = random.Random(4)
    hashes = {}
    for count in sorted(draw.sample(range(500_000_000), 5)):
        straight.run(max_instructions=count - straight.instructions)
        hashes[count] = straight.state_hash()
    for count, wanted in hashes.items():
        vm.goto(count)
        assert vm.state_hash() == wanted
    vm.goto(end - 1_000_000)
    vm.goto(end)
    assert vm.state_hash() == before and vm.console.output == text
    assert vm.shell("echo again").output.strip() == "again"


def test_the_last_write_of_a_word_is_found(booted: tuple[Machine, list[int]]) -> None:
    vm, (_, here) = booted
    vm.goto(here)
    jiffies = vm.symbol("jiffies")
    value = vm.virtual.u64(jiffies)
    count = vm.rewind_to_last_write(jiffies, 8)
    assert count is not None and vm.instructions == count < here
    assert vm.symbolize(vm.cpus[0].pc).startswith("tick_do_update_jiffies64+")
    assert vm.virtual.u64(jiffies) < value
    vm.run(max_instructions=1)
    assert vm.virtual.u64(jiffies) == value
    # Written once, when the kernel began.
    saved = vm.symbol("saved_command_line")
    assert (count := vm.rewind_to_last_write(saved, 8)) is not None and count < 50_000_000
    assert vm.virtual.u64(saved) == 0
    vm.goto(here)
    assert vm.rewind_to_last_write(vm.symbol("linux_banner"), 4) is None and vm.instructions == here


def test_who_changes_the_past_gets_another_future(vm: Machine) -> None:
    counting(vm).run(max_instructions=4)
    history = vm.keep_history(every=1000)
    vm.run(max_instructions=6000)
    vm.goto(3004)
    vm.memory[DATA : DATA + 4] = b"\0\0\0\0"
    history.changed()
    assert vm.instructions == history.present == 3004
    vm.run(max_instructions=996)
    changed = vm.state_hash()
    assert vm.memory.u32(DATA) < 200
    vm.goto(2000)
    assert vm.memory.u32(DATA) > 300
    vm.goto(4000)
    assert vm.state_hash() == changed
    vm.goto(2000)
    vm.run(max_instructions=2000)
    assert vm.state_hash() == changed
    with pytest.raises(StateError, match="begins at instruction 4"):
        vm.goto(3)
    history.close()
    with pytest.raises(StateError, match="keeps no history"):
        vm.goto(5)


def test_memory_is_bounded_and_the_recent_past_keeps_most(vm: Machine) -> None:
    counting(vm)
    one = History(vm.partition, every=1000)
    size = one._checkpoints[0].size
    one.close()
    history = vm.keep_history(every=1000, memory=8 * size)
    vm.run(max_instructions=100_000)
    kept = history.checkpoints
    assert kept[0] == 0 and len(kept) <= 8 and kept[-1] >= 99_000
    gaps = [b - a for a, b in pairwise(kept)]
    assert gaps[-1] < gaps[0]
    vm.goto(50_001)
    straight = counting(Machine(memory="32M"))
    straight.run(max_instructions=50_001)
    assert vm.state_hash() == straight.state_hash()


def test_a_reset_is_in_the_past_as_well(demo_guest: Path) -> None:
    vm = demo(demo_guest)
    history = vm.keep_history(every=100_000)
    vm.run(max_instructions=250_000)
    vm.reboot()
    vm.run(max_instructions=250_000)
    hashes = [vm.state_hash()]
    vm.goto(200_000)
    first = vm.state_hash()
    straight = demo(demo_guest)
    straight.run(max_instructions=200_000)
    assert first == straight.state_hash()
    vm.goto(500_000)
    assert vm.state_hash() == hashes[0] and not history.replaying
    vm.goto(200_000)
    vm.run(max_instructions=300_000)
    assert vm.state_hash() == hashes[0]


def test_what_cannot_go_back_says_so(vm: Machine) -> None:
    with pytest.raises(StateError, match="no guest"):
        vm.keep_history()
    counting(vm)
    for bad in ({"every": 0}, {"memory": 0}):
        with pytest.raises(ConfigError):
            vm.keep_history(**bad)  # type: ignore[arg-type]
    vm.keep_history()
    with pytest.raises(StateError, match="already"):
        vm.keep_history()
    host = counting(Machine(memory="32M", clock="host"))
    with pytest.raises(StateError, match="virtual time"):
        host.keep_history()


def test_another_thread_sends_a_running_machine_back(vm: Machine) -> None:
    counting(vm)
    vm.keep_history(every=100_000)
    vm.run(max_instructions=1_000_000)
    thread = threading.Thread(target=vm.run, kwargs={"max_instructions": 1_000_000})
    vm.pause()
    thread.start()
    vm.goto(1234)
    assert vm.call(lambda: vm.memory.u32(DATA)) == (1234 + len(ATOMIC) - 3) // len(ATOMIC)
    assert vm.paused
    vm.resume()
    thread.join(60)
    assert vm.instructions == 2_000_000
    straight = counting(Machine(memory="32M"))
    straight.run(max_instructions=2_000_000)
    assert vm.state_hash() == straight.state_hash()


@pytest.mark.parametrize("order", ["big", "little"])
def test_gdb_goes_back(order: str, tmp_path: Path) -> None:
    limit = 60_000

    def make() -> Machine:
        return counting(Machine(memory="32M"), little_endian=order == "little")

    vm = make()
    vm.keep_history(every=500)
    with debugged(vm, tmp_path, limit) as one:
        text = gdb(
            "set architecture powerpc:common64",
            f"set endian {order}",
            f"target remote {tmp_path}/gdb",
            "monitor goto 6001",
            "maintenance flush register-cache",
            "printf \"at %lx word %d\\n\", $pc, *(int*)0x30000",
            "reverse-stepi",
            "reverse-stepi",
            "printf \"back at %lx word %d\\n\", $pc, *(int*)0x30000",
            "watch *(int*)0x30000",
            "reverse-continue",
            "printf \"before the write %lx word %d\\n\", $pc, *(int*)0x30000",
            "delete",
            f"break *{BASE + 16} if *(int*)0x30000 == 990",
            "reverse-continue",
            "printf \"half way %lx word %d\\n\", $pc, *(int*)0x30000",
            "delete",
            "reverse-continue",
            "printf \"begin %lx word %d\\n\", $pc, *(int*)0x30000",
            "monitor history",
            "detach",
        )  # fmt: skip
    assert one.reason is not None
    for line in (
        f"at {BASE + 4:x} word 1000",
        f"back at {BASE + 20:x} word 1000",
        f"half way {BASE + 16:x} word 990",
        "No more reverse-execution history.",
        f"begin {BASE:x} word 0",
        "0 to 6,001",
    ):
        assert line in text, text
    assert "word 999" in text
    vm.run(max_instructions=limit - vm.instructions)
    straight = make()
    straight.run(max_instructions=limit)
    assert vm.state_hash() == straight.state_hash()
