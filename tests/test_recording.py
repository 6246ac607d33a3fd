"""Runs that follow the host's clock, recorded and done again to the last instruction."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from commands import program
from images import POWER_OFF, assemble, elf, hypercall, li, rtas

from pyspapr import Machine, PoweredOff, Rebooted, Replayed, ReplayError, StateError, StreamError, Timeout
from pyspapr.config import ENGINES, Clock, Engine
from pyspapr.replay import recording_file
from pyspapr.replay.lockstep import Lockstep
from pyspapr.replay.recording import attach
from pyspapr.replay.recording_file import Kind, Reader

RFID = 0x4C000024
TICK = [*li(5, 1 << 19), 0x7CB603A6]  # a millisecond into DEC
LISTEN = [*rtas(0x200A, 0x1100, 0, 5), *hypercall(0x68, 0xFF)]  # the terminal's interrupt, whatever its priority
HASH_TIME = [0x7E2C42A6, 0x7E739A78, 0x7E738A14]  # mftb r17; xor r19,..; add r19,r19,r17
CEDE = hypercall(0xE0)


def kernel_file(directory: Path, key: list[int]) -> Path:
    """A kernel that adds up what time it is, wakes each millisecond, and does `key` when one is pressed."""
    loop = [*HASH_TIME * 8, *CEDE]
    main = [*LISTEN, *TICK, *loop, 0x48000000 | (-4 * len(loop) & 0x3FFFFFC)]
    image = bytearray(0x12000)
    for address, words in ((0x500, key), (0x900, [*TICK, RFID]), (0x10000, main)):
        image[address : address + 4 * len(words)] = assemble(*words)
    path = directory / "kernel.elf"
    path.write_bytes(elf(bytes(image), address=0, entry=0x10000))
    return path


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["FIFO", "symbolic link", "character device", "directory"])
def test_a_recording_is_a_regular_file(kind: str, tmp_path: Path) -> None:
    path, other = tmp_path / "record", tmp_path / "other"
    other.write_bytes(b"another file")
    match kind:
        case "FIFO":
            os.mkfifo(path)
        case "symbolic link":
            path.symlink_to(other)
        case "directory":
            path.mkdir()
        case _:
            path = Path("/dev/full")
    with Machine(memory="32M", clock="host") as vm:
        vm.start(pc=0x1000)
        with pytest.raises(StateError, match=f"a {kind}, not a regular file"):
            vm.record(path)
        other.chmod(0o644)
        vm.record(other).close()
    assert other.stat().st_mode & 0o777 == 0o600 and b"another file" not in other.read_bytes()


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    return kernel_file(tmp_path, POWER_OFF)


def booted(kernel: Path, clock: Clock = "host", engine: Engine | None = None) -> Machine:
    vm = Machine(memory="32M", clock=clock, seed=5, engine=engine)
    vm.load_kernel(kernel)
    return vm


def recorded(vm: Machine, path: Path) -> str:
    """A run in pieces, with a pause, and a key at its end; its state hash."""
    with vm.record(path):
        assert vm.run(timeout=0.1) == Timeout(0.1)
        vm.run(max_instructions=5)
        vm.pause()
        time.sleep(0.02)
        vm.resume()
        timer = threading.Timer(0.1, vm.console.write, ("x",))
        timer.start()
        assert vm.run(timeout=60) == PoweredOff()
        timer.join()
    return vm.state_hash()


@pytest.mark.parametrize("first", ["interp", "jit"])
@pytest.mark.parametrize("clock", ["host", "virtual"])
def test_a_recorded_run_is_done_again_on_either_engine(
    clock: Clock, first: Engine, kernel: Path, tmp_path: Path
) -> None:
    vm = booted(kernel, clock, first)
    hash = recorded(vm, tmp_path / "recording")
    for engine in ENGINES:
        again = Machine.replay(tmp_path / "recording", kernel=kernel, engine=engine)
        assert again.run(timeout=60) == PoweredOff()
        assert again.state_hash() == hash
        assert again.cpus[0].r19 == vm.cpus[0].r19


def test_a_replay_may_be_cut_anywhere_and_takes_no_time(kernel: Path, tmp_path: Path) -> None:
    hash = recorded(booted(kernel), tmp_path / "recording")
    again = Machine.replay(tmp_path / "recording", kernel=kernel)
    while (reason := again.run(max_instructions=177)) != PoweredOff():
        assert type(reason).__name__ == "InstructionLimit"
    assert again.state_hash() == hash


def test_a_recording_that_somebody_ended_ends_its_replay(kernel: Path, tmp_path: Path) -> None:
    vm = booted(kernel)
    with vm.record(tmp_path / "recording"):
        vm.run(timeout=0.1)
    again = Machine.replay(tmp_path / "recording", kernel=kernel)
    assert again.run(timeout=60) == Replayed(vm.instructions)
    assert again.state_hash() == vm.state_hash()
    assert vm.run(timeout=0.05) == Timeout(0.05)  # the recorded machine goes on


def test_a_guest_that_asks_for_input_gets_it_at_the_same_call(tmp_path: Path) -> None:
    """Whoever answered it in the recorded run: one that waits for a text sees each call, others do not."""
    ask = [*hypercall(0x54, 0), 0x2C240000]  # H_GET_TERM_CHAR; cmpdi r4,0
    echo = [0x7CC73378, 0x7CA62B78, 0x7C852378, *li(3, 0x58), *li(4, 0), 0x44000022]
    skip = 0x41820000 | 4 * (len(echo) + 1)  # beq, over the echo
    loop = [*HASH_TIME, *ask, skip, *echo]
    path = tmp_path / "kernel.elf"
    path.write_bytes(elf(assemble(*loop, 0x48000000 | (-4 * len(loop) & 0x3FFFFFC))))
    vm = booted(path)
    with vm.record(tmp_path / "recording"):
        for text in ("first", "a longer line than one call takes", "third"):
            vm.run(timeout=0.02)
            vm.console.write(text)
            vm.console.expect(text, timeout=60)
    for engine in ENGINES:
        again = Machine.replay(tmp_path / "recording", kernel=path, engine=engine)
        assert isinstance(again.run(timeout=60), Replayed)
        assert (again.console.output, again.state_hash()) == (vm.console.output, vm.state_hash())


def test_resets_are_replayed(tmp_path: Path) -> None:
    kernel = kernel_file(tmp_path, rtas(0x2004))
    vm = booted(kernel)
    with vm.record(tmp_path / "recording"):
        vm.run(timeout=0.05)
        vm.reboot()
        vm.console.write("x")
        assert vm.run(timeout=60) == Rebooted()
        vm.reboot()
        vm.run(timeout=0.05)
    again = Machine.replay(tmp_path / "recording", kernel=kernel)
    assert again.run(timeout=60) == Rebooted()
    again.reboot()
    assert isinstance(again.run(timeout=60), Replayed)
    assert again.state_hash() == vm.state_hash()


def test_a_restored_machine_is_recorded_and_replayed(kernel: Path, tmp_path: Path) -> None:
    vm = booted(kernel)
    vm.run(timeout=0.05)
    vm.save(tmp_path / "saved")
    back = Machine.restore(tmp_path / "saved")
    hash = recorded(back, tmp_path / "recording")
    again = Machine.restore(tmp_path / "saved")
    attach(again, tmp_path / "recording")
    assert again.run(timeout=60) == PoweredOff()
    assert again.state_hash() == hash


def test_both_engines_replay_side_by_side(kernel: Path, tmp_path: Path) -> None:
    recorded(booted(kernel), tmp_path / "recording")
    lockstep = Lockstep(lambda engine: Machine.replay(tmp_path / "recording", kernel=kernel, engine=engine), step=997)
    assert lockstep.run() == PoweredOff()


def test_a_difference_is_an_error_that_says_where(kernel: Path, tmp_path: Path) -> None:
    recorded(booted(kernel), tmp_path / "recording")
    again = Machine.replay(tmp_path / "recording", kernel=kernel)
    again.run(max_instructions=200)
    again.memory.write(0x900, assemble(0x38E00000))  # li r7,0, and the tick is another one
    with pytest.raises(ReplayError, match=r"differs from its recording: .* between instructions") as caught:
        again.run(timeout=60)
    assert caught.value.agreed <= caught.value.instructions


def test_other_kernels_and_machines_are_refused(kernel: Path, tmp_path: Path) -> None:
    recorded(booted(kernel), tmp_path / "recording")
    other = kernel_file(tmp_path, rtas(0x2004))
    with pytest.raises(ReplayError, match="booted another kernel"):
        Machine.replay(tmp_path / "recording", kernel=other)
    with pytest.raises(ReplayError, match="not the machine that was recorded"):
        attach(booted(other), tmp_path / "recording")


def test_a_machine_that_has_run_is_not_recorded(kernel: Path, tmp_path: Path) -> None:
    vm = booted(kernel)
    vm.run(max_instructions=10)
    with pytest.raises(StateError, match="before its first run"):
        vm.record(tmp_path / "recording")
    assert not (tmp_path / "recording").exists()


def test_wherever_a_file_is_cut_its_replay_ends(kernel: Path, tmp_path: Path) -> None:
    """The recorder may have been killed."""
    recorded(booted(kernel), tmp_path / "recording")
    data = (tmp_path / "recording").read_bytes()
    reader = Reader(recording_file.opened(tmp_path / "recording"))
    reader.header()
    begin = reader.offset
    for length in {*range(begin, len(data), max((len(data) - begin) // 60, 1)), len(data) - 1}:
        (tmp_path / "cut").write_bytes(data[:length])
        again = Machine.replay(tmp_path / "cut", kernel=kernel)
        assert isinstance(again.run(timeout=60), Replayed | PoweredOff)


def test_a_file_that_ends_within_the_length_of_a_record_ends_there(kernel: Path, tmp_path: Path) -> None:
    recorded(booted(kernel), tmp_path / "recording")
    reader = Reader(recording_file.opened(tmp_path / "recording"))
    reader.header()
    data = (tmp_path / "recording").read_bytes()[: reader.offset]
    for head in (b"\x58", b"\x59", b"\x59\x01", b"\x5a\0\0\1", b"\x5b"):
        (tmp_path / "cut").write_bytes(data + head)
        cut = Reader(recording_file.opened(tmp_path / "cut"))
        cut.header()
        assert cut.next() is None


def is_cut(path: Path) -> bool:
    """Whether the file ends within a record."""
    reader = Reader(recording_file.opened(path))
    reader.header()
    while reader.next() is not None:
        pass
    return reader.offset < path.stat().st_size


def test_damage_is_found(kernel: Path, tmp_path: Path) -> None:
    recorded(booted(kernel), tmp_path / "recording")
    data = (tmp_path / "recording").read_bytes()
    told = len(b"the guest powered off")  # for people
    for at in range(0, len(data) - told, max(len(data) // 80, 1)):
        (tmp_path / "bad").write_bytes(data[:at] + bytes((data[at] ^ 0x11,)) + data[at + 1 :])
        try:
            again = Machine.replay(tmp_path / "bad", kernel=kernel)
            reason = again.run(timeout=60)
        except (ReplayError, StreamError):
            continue
        # A length beyond the end of the file is what a recorder that died leaves: the replay goes as far as that.
        assert isinstance(reason, Replayed) and is_cut(tmp_path / "bad"), at


def test_a_flood_of_readings_is_kept_in_pieces(tmp_path: Path) -> None:
    """A guest that only asks for the time."""
    path = tmp_path / "kernel.elf"
    path.write_bytes(elf(assemble(0x7E2C42A6, 0x4BFFFFFC)))
    vm = booted(path)
    with vm.record(tmp_path / "recording"):
        vm.run(max_instructions=1_500_000)
    reader = Reader(recording_file.opened(tmp_path / "recording"))
    reader.header()
    pieces = []
    while (event := reader.next()) is not None:
        if event.kind is Kind.CLOCK:
            pieces.append(len(event.values["readings"]))
    assert len(pieces) > 1 and max(pieces) < 3 << 20
    again = Machine.replay(tmp_path / "recording", kernel=path)
    assert isinstance(again.run(timeout=100), Replayed)
    assert again.state_hash() == vm.state_hash()


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_the_command_records_and_replays(kernel: Path, tmp_path: Path) -> None:
    line = ("boot", "--kernel", kernel)
    done = command(*line, "--memory", "32M", "--clock", "host", "--timeout", "0.3", "--record", tmp_path / "recording")
    assert done.returncode == 4
    for more in ([], ["--lockstep"]):
        again = command("boot", "--kernel", kernel, "--replay", tmp_path / "recording", *more)
        assert again.returncode == 0, again.stderr
    wrong = command(*line, "--replay", tmp_path / "recording", "--memory", "64M")
    assert wrong.returncode == 2 and "--replay takes --memory from the recording" in wrong.stderr


@pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left on device")])
def test_a_recording_that_cannot_begin_leaves_the_machine_and_no_descriptor(
    kernel: Path, tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(values: object) -> bytes:
        raise error

    vm = booted(kernel)
    before = set(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(recording_file, "write_header", fail)
        with pytest.raises(type(error)):
            vm.record(tmp_path / "run")
    assert vm.partition.recording is None and set(os.listdir("/proc/self/fd")) <= before
    with vm.record(tmp_path / "run"):
        vm.run(max_instructions=100)
