"""Saving and restoring whole machines: migrate anywhere, lose nothing, harm nothing."""

from __future__ import annotations

import io
import json
import os
import random
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from commands import words
from streams import seal, split

from pyspapr import ConfigError, ImageError, Machine, MigrationError, PoweredOff, StateError, StopReason, StreamError
from pyspapr.cli import run as command
from pyspapr.migration import difference
from pyspapr.migration.contents import read_contents
from pyspapr.migration.files import FileLoader, read_all
from pyspapr.migration.records import ALIGNMENT, Kind
from pyspapr.migration.stream import StreamReader

POINTS = int(os.environ.get("PYSPAPR_ANYWHERE_POINTS", "320"))
"""Instruction counts at which the guest is moved; the soak runs 10,000."""
LENGTH = 40_000_000 if POINTS < 1000 else 200_000_000
"""Instructions among which the points are chosen; the guest's run has some 210 million."""

Move = Callable[[Machine, Path], Machine]


def through_image(vm: Machine, directory: Path) -> Machine:
    vm.save(directory / "image")
    return Machine.restore(directory / "image")


def through_zstd(vm: Machine, directory: Path) -> Machine:
    vm.save(directory / "zstd", compression="zstd")
    return Machine.restore(directory / "zstd")


def through_lz4(vm: Machine, directory: Path) -> Machine:
    vm.save(directory / "lz4", compression="lz4")
    return Machine.restore(directory / "lz4")


def through_memory(vm: Machine, directory: Path) -> Machine:
    return vm.snapshot().fork()


MOVES: dict[str, Move] = {
    "image": through_image,
    "zstd": through_zstd,
    "lz4": through_lz4,
    "memory": through_memory,
}


@pytest.fixture(scope="module")
def started(demo_guest: Path) -> Callable[[int], Machine]:
    def at(instructions: int, cpu: str = "power8") -> Machine:
        vm = Machine(memory="64M", cpu=cpu)
        vm.load_kernel(demo_guest)
        if instructions:
            vm.run(max_instructions=instructions)
        return vm

    return at


Started = Callable[..., Machine]


@pytest.mark.timeout(14400)
@pytest.mark.parametrize("name", MOVES)
def test_migrate_anywhere(started: Started, tmp_path: Path, name: str) -> None:
    """One machine never stops. Another moves at every point and is compared with it at the next one."""
    rng = random.Random(name)
    far = [rng.randrange(1, LENGTH) for _ in range(POINTS // len(MOVES) // 2)]
    first = rng.randrange(1, LENGTH)
    points = sorted({*far, *range(first, first + POINTS // len(MOVES) - len(far))})
    reference, moved = started(0), started(0)
    for point in points:
        budget = point - reference.cpus[0].vcpu.instructions
        for vm in (reference, moved):
            vm.run(max_instructions=budget)
        assert moved.state_hash() == reference.state_hash(), point
        moved = MOVES[name](moved, tmp_path)
        assert moved.cpus[0].vcpu.instructions == point
        assert moved.state_hash() == reference.state_hash(), point
    assert reference.run() == moved.run() == PoweredOff()
    assert moved.state_hash() == reference.state_hash()


def test_a_power9_moves_too(started: Started, tmp_path: Path) -> None:
    vm = started(2_000_003, "power9")
    moved = through_image(vm, tmp_path)
    assert vm.run() == moved.run() == PoweredOff()
    assert moved.state_hash() == vm.state_hash()


def test_forks_of_a_snapshot_do_not_see_each_other(started: Started) -> None:
    vm = started(1_000_003)
    frozen = vm.snapshot()
    before = vm.state_hash()
    one, other = frozen.fork(), Machine.from_snapshot(frozen)
    one.memory[0x3000000:0x3000004] = b"mine"
    assert other.state_hash() == vm.state_hash() == before != one.state_hash()
    vm.run()
    other.run()
    assert frozen.fork().state_hash() == before
    assert other.state_hash() == vm.state_hash()


# Files.


def test_an_image_is_page_aligned_and_sparse(started: Started, tmp_path: Path) -> None:
    vm = started(1_000_003)
    vm.save(tmp_path / "a")
    status = os.stat(tmp_path / "a")
    assert status.st_size > 64 << 20 > 16 * status.st_blocks * 512
    with open(tmp_path / "a", "rb") as file:
        reader = StreamReader(file.read)
        while reader.next().KIND.title != "image":
            pass
        assert (reader.offset + 5) % ALIGNMENT == 0
    assert status.st_mode & 0o777 == 0o600


def test_a_file_can_come_through_a_pipe(started: Started, tmp_path: Path) -> None:
    vm = started(1_000_003)
    vm.save(tmp_path / "a")
    out, into = os.pipe()

    def feed() -> None:
        with open(into, "wb") as pipe:
            pipe.write((tmp_path / "a").read_bytes())

    writer = threading.Thread(target=feed)
    writer.start()
    with open(out, "rb") as file:
        loader = FileLoader(StreamReader(file.read), file, Machine, verify=True)
        read_all(loader.reader, loader)
    writer.join()
    assert loader.finish().state_hash() == vm.state_hash()


def test_a_base_and_what_changed_since(started: Started, tmp_path: Path) -> None:
    vm = started(1_000_003)
    vm.save(tmp_path / "base")
    for turn in range(3):
        vm.run(max_instructions=100_003)
        vm.save(tmp_path / f"{turn}", base=tmp_path / "base", compression="zstd" if turn else None)
        back = Machine.restore(tmp_path / f"{turn}", base=tmp_path / "base")
        assert back.state_hash() == vm.state_hash()
        with pytest.raises(StreamError, match="Base"):
            Machine.restore(tmp_path / f"{turn}")
    assert read_contents(tmp_path / "0", base=tmp_path / "base").end.pages < 300


def test_a_restored_machine_continues_its_file_as_base(started: Started, tmp_path: Path) -> None:
    for name, compression in (("image", None), ("zstd", "zstd")):
        started(1_000_003).save(tmp_path / name, compression=compression)  # type: ignore[arg-type]
        vm = Machine.restore(tmp_path / name)
        vm.run(max_instructions=1000)
        vm.save(tmp_path / "more", base=tmp_path / name)
        assert Machine.restore(tmp_path / "more", base=tmp_path / name).state_hash() == vm.state_hash()


def test_another_file_is_no_base(started: Started, tmp_path: Path) -> None:
    vm = started(1000)
    vm.save(tmp_path / "one")
    vm.run(max_instructions=1000)
    vm.save(tmp_path / "two")
    with pytest.raises(StateError, match="one is not the file"):
        vm.save(tmp_path / "three", base=tmp_path / "one")
    vm.save(tmp_path / "three", base=tmp_path / "two")
    with pytest.raises(StreamError, match="Base"):
        Machine.restore(tmp_path / "three", base=tmp_path / "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "three", "two"]


def test_a_failed_save_leaves_the_older_file_and_nothing_else(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm = started(1000)
    path = tmp_path / "a"
    vm.save(path)
    before = path.read_bytes()
    vm.run(max_instructions=1000)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StateError, match="No space left on device"):
            vm.save(path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["a"]
    vm.save(path)
    assert Machine.restore(path).state_hash() == vm.state_hash()


def test_a_place_that_cannot_be_written_or_read_is_one_sentence(started: Started, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be written: No such file"):
        started(0).save(tmp_path / "none" / "a")
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        Machine.restore(tmp_path / "a")


def test_saving_changes_nothing(started: Started, tmp_path: Path) -> None:
    vm, other = started(1_000_003), started(1_000_003)
    vm.save(tmp_path / "a")
    vm.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    vm.run(max_instructions=1_000_000)
    other.run(max_instructions=1_000_000)
    assert vm.state_hash() == other.state_hash()


def test_a_running_machine_is_saved_between_two_instructions(started: Started, tmp_path: Path) -> None:
    vm = started(0)
    runner = threading.Thread(target=vm.run)
    runner.start()
    vm.save(tmp_path / "a", compression="zstd")
    vm.stop()
    runner.join()
    back = Machine.restore(tmp_path / "a")
    assert vm.run() == back.run() == PoweredOff()
    assert back.state_hash() == vm.state_hash()


def test_a_machine_is_not_saved_within_a_hypercall(started: Started, tmp_path: Path) -> None:
    vm = started(0)

    def save(data: bytes) -> None:
        vm.save(tmp_path / "a")

    vm.console.sinks.append(save)
    with pytest.raises(StateError, match="hypercall has no result yet"):
        vm.run()


def test_typed_keys_and_final_states_are_kept(started: Started, tmp_path: Path) -> None:
    vm = started(1000)
    vm.console.write("typed")
    assert through_image(vm, tmp_path).console.take(99) == b"typed"
    vm.run()
    back = through_zstd(vm, tmp_path)
    assert back.ended == PoweredOff()
    with pytest.raises(StateError, match="powered off"):
        back.run()


def test_an_end_that_has_no_name_in_a_stream_is_not_saved(started: Started, tmp_path: Path) -> None:
    class Solved(StopReason):
        final = True

    vm = started(0)
    vm.end(Solved())
    for attempt in (lambda: vm.save(tmp_path / "a"), vm.snapshot):
        with pytest.raises(StateError, match=r"ended with Solved\(\) cannot be saved"):
            attempt()
    assert os.listdir(tmp_path) == []


def test_a_restored_machine_reboots_when_told_what_to_load(started: Started, tmp_path: Path, demo_guest: Path) -> None:
    back = through_image(started(1000), tmp_path)
    with pytest.raises(StateError, match="no kernel to boot again"):
        back.reboot()
    back.reboot_with(demo_guest)
    back.reboot()
    assert back.run() == PoweredOff()


def test_a_host_clock_goes_on_where_it_was(tmp_path: Path, demo_guest: Path) -> None:
    vm = Machine(memory="64M", clock="host")
    vm.load_kernel(demo_guest)
    vm.cpus[0].vcpu.timebase = 1 << 50
    vm.run(max_instructions=1000)
    back = through_image(vm, tmp_path)
    passed = back.cpus[0].vcpu.timebase - (1 << 50)
    assert 0 <= passed < 512_000_000 * 100
    assert abs(back.cpus[0]["dec"] - vm.cpus[0]["dec"]) < 512_000_000 * 100


def test_a_flipped_bit_in_an_image_is_found_by_verify(started: Started, tmp_path: Path) -> None:
    vm = started(1_000_003)
    vm.save(tmp_path / "a")
    data = bytearray((tmp_path / "a").read_bytes())
    entry = vm.cpus[0]["pc"] & 0xFFFFFF
    at = data.index(vm.memory.read(entry & ~63, 64))
    data[at] ^= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(StreamError, match="RAM image"):
        Machine.restore(tmp_path / "a", verify=True)
    with pytest.raises(StreamError, match="RAM image"):
        read_contents(tmp_path / "a", ram=True)


def test_every_cut_of_a_file_is_refused(started: Started, tmp_path: Path) -> None:
    vm = started(0)
    vm.save(tmp_path / "a")
    size = os.stat(tmp_path / "a").st_size
    rng = random.Random(0)
    for length in [*sorted(rng.randrange(size) for _ in range(40)), size - 1]:
        os.truncate(tmp_path / "a", size)
        vm.save(tmp_path / "a")
        os.truncate(tmp_path / "a", length)
        with pytest.raises(StreamError):
            Machine.restore(tmp_path / "a")


# Looking at files.


@pytest.fixture
def pair(started: Started, tmp_path: Path) -> tuple[Machine, str, str]:
    vm = started(1_000_003)
    vm.save(tmp_path / "a")
    vm.run(max_instructions=10_000)
    vm.save(tmp_path / "b", base=tmp_path / "a")
    return vm, str(tmp_path / "a"), str(tmp_path / "b")


def test_inspect_shows_every_field_by_name(pair: tuple[Machine, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    vm, a, b = pair
    assert command(["inspect", b, "--base", a, "--json", "--hpt"]) == 0
    found = json.loads(capsys.readouterr().out)
    cpu = next(device for device in found["devices"] if device["name"] == "cpu")
    assert cpu["fields"]["pc"] == vm.cpus[0]["pc"]
    assert cpu["fields"]["gpr"] == [vm.cpus[0][f"r{n}"] for n in range(32)]
    entries = found["hash_table"]["entries"]
    assert len(entries) == found["hash_table"]["valid"] == vm.hpt.valid_entries()
    assert all(vm.hpt[entry["ptex"]] == (entry["v"], entry["r"]) for entry in entries)
    assert command(["inspect", a, "--hpt"]) == 0
    text = capsys.readouterr().out
    assert "icount                       1000003" in text and "RAM      an image that can be mapped" in text


def test_verify_says_sound_or_what_is_not(pair: tuple[Machine, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    vm, a, b = pair
    assert command(["verify", b, "--base", a]) == 0
    assert vm.state_hash() in capsys.readouterr().out
    assert command(["verify", b]) == 2
    assert f"{b}: Base: got no base, wanted the file that it continues" in capsys.readouterr().err


def test_diff_shows_fields_pages_and_entries(
    pair: tuple[Machine, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    vm, a, b = pair
    assert command(["diff", a, b, "--base", a, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    names = {field["name"]: (field["left"], field["right"]) for field in found["fields"]}
    assert names["cpu.icount"] == (1_000_003, 1_010_003)
    assert "machine.memory" not in names
    before, after = Machine.restore(a), vm
    for page in range(0, len(vm.memory), 4096):
        differs = before.memory.read(page, 4096) != after.memory.read(page, 4096)
        assert differs == (page // 4096 in found["pages"])
    assert found["entries"]
    assert command(["diff", a, a]) == 0
    assert "0 fields, 0 pages and 0 hash table entries differ" in capsys.readouterr().out


def test_runs_of_pages_are_shown_as_ranges() -> None:
    assert difference.ranges([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]


def test_restore_runs_on_with_the_console_here(
    started: Started, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started(1_000_003).save(tmp_path / "a")
    with open(os.devnull) as null:
        monkeypatch.setattr("sys.stdin", null)
        assert command(words("restore", tmp_path / "a")) == 0
    assert "every check passed" in capfd.readouterr().out


def test_restore_runs_on_the_engine_that_is_asked_for(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(1000).save(tmp_path / "a")
    engines = []

    def run_here(vm: Machine, options: object) -> int:
        engines.append(vm.engine)
        return 0

    monkeypatch.setattr("pyspapr.cli.boot.run_here", run_here)
    monkeypatch.setattr("pyspapr.config.DEFAULT_ENGINE", "jit")
    for options in (["--engine", "interp"], ["--engine=jit"], []):
        assert command(["restore", str(tmp_path / "a"), *options]) == 0
    assert engines == ["interp", "jit", "jit"]
    assert command(["restore", str(tmp_path / "a"), "--engine", "steam"]) == 2


def test_what_is_no_saved_machine_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_bytes(b"\x7fELF" + bytes(100))
    for name in ("restore", "inspect", "verify"):
        assert command(words(name, tmp_path / "a")) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and f"{tmp_path}/a: an ELF file, not a saved machine" in err


def test_a_buffer_that_cannot_be_mapped_is_read(started: Started, tmp_path: Path) -> None:
    vm = started(1000)
    vm.save(tmp_path / "a")
    file = io.BytesIO((tmp_path / "a").read_bytes())
    loader = FileLoader(StreamReader(file.read), file, Machine)
    read_all(loader.reader, loader)
    assert loader.finish().state_hash() == vm.state_hash()


def test_a_file_of_a_newer_version_is_refused_but_can_be_looked_at(
    started: Started, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The schemas are in the file, so a field that this version does not know has its name all the same."""
    vm = started(1000)
    vm.save(tmp_path / "a", compression="zstd")
    records = list(split((tmp_path / "a").read_bytes()))
    for record in records:
        value = cbor2.loads(record.payload)
        if record.kind == Kind.HEADER:
            next(part for part in value[5] if part[0] == "spapr_vty")[2] = 2
        elif record.kind == Kind.SCHEMAS:
            schema = next(schema for schema in value if schema[0] == "spapr_vty")
            schema[1], schema[2] = 2, [*schema[2], ["colour", ["u8"]]]
        elif record.kind == Kind.DEVICE and value[0] == "spapr_vty":
            value[2], value[3][0] = 2, [*value[3][0], 7]
        record.payload = cbor2.dumps(value, canonical=True)
    newer = str(tmp_path / "newer")
    (tmp_path / "newer").write_bytes(seal(records))
    with pytest.raises(StreamError, match=r"got version 2, wanted version 1 to 1 \(section spapr_vty"):
        Machine.restore(newer)
    assert command(["inspect", newer]) == 0
    assert "    colour                       7" in capsys.readouterr().out
    assert command(["diff", str(tmp_path / "a"), newer]) == 1
    assert "spapr_vty.colour                 absent -> 7" in capsys.readouterr().out


def test_a_snapshot_without_a_descriptor_left_is_a_state_error(vm: Machine) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    vm.snapshot()  # imports what it needs
    vm.memory.write(0, b"else the next snapshot would be the same")
    lowest = os.dup(0)
    os.close(lowest)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        with pytest.raises(StateError, match="cannot freeze this machine's memory: Too many open files"):
            vm.snapshot()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert vm.snapshot().fork().state_hash() == vm.state_hash()


def test_what_is_too_long_to_be_saved_is_not_shown_whole(vm: Machine) -> None:
    vm.console.write(b"x" * ((16 << 20) + 1))
    with pytest.raises(StateError, match=r"field input of section console: .*x\.\.\. \(length 16777217\)") as caught:
        vm.snapshot()
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("compression", ["none", "gzip", ""])
def test_no_compression_is_none_in_python(vm: Machine, tmp_path: Path, compression: Any) -> None:
    vm.start(pc=0)
    text = f"unknown compression {compression!r}: choose one of zstd, lz4, or None"
    with pytest.raises(ConfigError, match=text):
        vm.save(tmp_path / "a", compression=compression)
    with pytest.raises(MigrationError, match=text):
        vm.migrate(f"file:{tmp_path / 'a'}", compression=compression)
    assert not list(tmp_path.iterdir())
