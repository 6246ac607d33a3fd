"""Migrating into a file: RAM lies there as an image, also when the guest ran meanwhile, and is mapped on arrival."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from migration import MIB, churning, counting, resize

from pyspapr import Machine, MigrationCancelled, StreamError
from pyspapr._native import PAGE, RamImage, Start
from pyspapr.errors import StateError
from pyspapr.migration.contents import read_contents
from pyspapr.migration.phases import Phase


def mapped(path: Path) -> bool:
    """Whether this process has the file mapped."""
    inode = f" {os.stat(path).st_ino} "
    with open("/proc/self/maps") as maps:
        return any(inode in line for line in maps)


@pytest.mark.parametrize("bandwidth", [None, 64 * MIB])
def test_a_guest_that_runs_on_is_in_the_file_as_an_image_and_the_pages_that_it_wrote(
    demo_guest: Path, tmp_path: Path, bandwidth: int | None
) -> None:
    vm = churning(demo_guest)
    statistics = vm.migrate(f"file:{tmp_path / 'away'}", bandwidth=bandwidth, downtime_limit=0.001)
    contents = read_contents(tmp_path / "away", ram=True)
    assert contents.image == vm.partition.ram.size and contents.records["image"] == 1
    assert contents.ram is not None and contents.ram.digest() == vm.partition.ram.digest()
    assert statistics.passes[0].ram_pages > 100
    if bandwidth is not None:
        assert len(statistics.passes) > 1 and contents.end.pages > 0, "what the guest wrote meanwhile follows"
    there = Machine.incoming(f"file:{tmp_path / 'away'}")
    assert mapped(tmp_path / "away")
    assert there.state_hash() == vm.state_hash() == Machine.restore(tmp_path / "away", verify=True).state_hash()
    there.run(max_instructions=3_000_000)
    vm.reclaim()
    vm.run(max_instructions=3_000_000)
    assert there.state_hash() == vm.state_hash()


def test_a_file_has_holes_for_pages_of_zeroes(tmp_path: Path) -> None:
    vm = counting()
    vm.memory.write(50 * MIB, b"1")
    vm.memory.write(50 * MIB, b"\0")
    vm.migrate(f"file:{tmp_path / 'away'}")
    status = os.stat(tmp_path / "away")
    assert status.st_size > vm.partition.ram.size > 10 * status.st_blocks * 512
    assert Machine.incoming(f"file:{tmp_path / 'away'}").state_hash() == vm.state_hash()


def test_what_has_come_is_counted_without_the_holes(tmp_path: Path) -> None:
    vm = counting()
    statistics = vm.migrate(f"file:{tmp_path / 'away'}")
    incoming = Machine.listen(f"file:{tmp_path / 'away'}")
    incoming.receive()
    came, image = incoming.statistics, statistics.passes[0]
    assert came.passes[0].ram_pages == sum(one.ram_pages for one in statistics.passes)
    assert image.ram_bytes == image.ram_pages * PAGE <= came.passes[0].ram_bytes
    assert came.passes[0].ram_bytes < came.sent_bytes < 2 * came.passes[0].ram_bytes


@pytest.mark.parametrize("way", ["descriptor", "part of a file", "pipe"])
def test_a_file_can_be_taken_in_by_other_ways(way: str, tmp_path: Path) -> None:
    vm = counting()
    vm.migrate(f"file:{tmp_path / 'away'}")
    data = (tmp_path / "away").read_bytes()
    if way == "pipe":
        output, entry = os.pipe()

        def write() -> None:
            with open(entry, "wb") as pipe:
                pipe.write(data)

        threading.Thread(target=write).start()
    elif way == "descriptor":
        output = os.open(tmp_path / "away", os.O_RDONLY)
    else:
        (tmp_path / "part").write_bytes(b"before" + data)
        output = os.open(tmp_path / "part", os.O_RDONLY)
        os.lseek(output, 6, os.SEEK_SET)
    there = Machine.incoming(f"fd:{output}")
    assert there.state_hash() == vm.state_hash()
    assert mapped(tmp_path / "away") is (way == "descriptor")
    with pytest.raises(OSError):
        os.fstat(output)


@pytest.mark.parametrize("where", ["a page", "a hole"])
def test_a_damaged_page_of_the_image_is_noticed(where: str, tmp_path: Path) -> None:
    vm = counting()
    vm.migrate(f"file:{tmp_path / 'away'}")
    with (tmp_path / "away").open("r+b") as file:
        begin = file.read().index(vm.memory.read(0x2000, 12)) - 0x2000
        assert begin % PAGE == 0
        file.seek(begin + (0x2100 if where == "a page" else 60 * MIB))
        file.write(b"\1")
    with pytest.raises(StreamError, match="RAM image"):
        Machine.incoming(f"file:{tmp_path / 'away'}")
    assert not mapped(tmp_path / "away")


def test_a_table_that_the_guest_resizes_during_the_image_follows_it(tmp_path: Path) -> None:
    vm = counting()
    done: list[tuple[int, int]] = []

    def grow(statistics: object) -> None:
        outgoing = vm.migrating
        if outgoing is not None and outgoing.statistics.passes and outgoing.statistics.passes[0].ram_pages and not done:
            done.append(resize(vm, 20))

    vm.migrate(f"file:{tmp_path / 'away'}", bandwidth=8 * MIB, on_progress=grow)
    assert done == [(0, 0)]
    there = Machine.incoming(f"file:{tmp_path / 'away'}")
    assert there.hpt.shift == 20 and there.state_hash() == vm.state_hash()


def test_a_migration_that_is_cancelled_during_the_image_leaves_nothing_and_takes_no_marks(tmp_path: Path) -> None:
    vm = counting()

    def cancel(statistics: object) -> None:
        outgoing = vm.migrating
        if outgoing is not None and outgoing.phase is Phase.FIRST_PASS and outgoing.statistics.passes:
            outgoing.cancel()

    with pytest.raises(MigrationCancelled):
        vm.migrate(f"file:{tmp_path / 'away'}", bandwidth=1 * MIB, on_progress=cancel)
    assert os.listdir(tmp_path) == []
    vm.migrate(f"file:{tmp_path / 'away'}")
    assert Machine.incoming(f"file:{tmp_path / 'away'}").state_hash() == vm.state_hash()


def test_the_digest_of_an_image_can_be_interrupted(tmp_path: Path) -> None:
    vm = Machine(memory="128M")
    vm.memory.write(0, bytes([1]) * (100 * MIB))
    asked: list[int] = []

    def stop() -> None:
        asked.append(1)
        raise StateError("no more")

    with pytest.raises(StateError, match="no more"):
        vm.partition.ram.digest(stop)
    assert asked == [1] and vm.partition.ram.digest(lambda: None) == vm.partition.ram.digest()


def test_an_image_is_finished_once(tmp_path: Path) -> None:
    vm = counting()
    with (tmp_path / "file").open("w+b") as file:
        image = RamImage(file.fileno(), 0, vm.partition.ram.size)
    taken = vm.partition.ram.start_pass(Start.Untracked())
    while (chunk := taken.next(MIB)) is not None:
        image.add(chunk[0], chunk[1])
    assert image.finish() == vm.partition.ram.digest()
    for again in (image.finish, lambda: image.add(b"", b"")):
        with pytest.raises(StateError, match="finished"):
            again()


SLOW = ("asyncio", "click", "concurrent.futures", "dataclasses", "hashlib", "inspect", "logging", "rich", "ssl")


def test_a_machine_that_comes_from_a_file_is_taken_in_without_slow_imports(tmp_path: Path) -> None:
    vm = counting()
    vm.migrate(f"file:{tmp_path / 'away'}")
    code = (
        "import sys; from pyspapr.cli import run; status = run(sys.argv[1:]); "
        f"print(status, [name for name in {SLOW!r} if name in sys.modules])"
    )
    more = ("--qmp", f"unix:{tmp_path / 'control'}", "--max-instructions", "1")
    command = [sys.executable, "-c", code, "boot", "--incoming", f"file:{tmp_path / 'away'}", *more]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert done.stdout == b"4 []\n"
