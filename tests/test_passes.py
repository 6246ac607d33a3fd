"""Passes, chunks and copy-on-write memory, as Python uses them: one test for each promise of the native half."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from pyspapr import Machine
from pyspapr._native import (
    Hpt,
    HptPass,
    Marks,
    Ram,
    RamPass,
    Start,
    hpt_chunk_entries,
    ram_chunk_data,
    ram_chunk_pages,
)
from pyspapr.errors import ConfigError, StreamError
from pyspapr.results import InstructionLimit

MIB = 1 << 20
COMPRESSIONS = [None, "zstd", "lz4"]


def send_ram(ram_pass: RamPass, to: Ram, compression: str | None = None) -> tuple[int, int]:
    """Everything a pass has, into other memory; pages and zero pages."""
    pages = zero_pages = 0
    while chunk := ram_pass.next(MIB, compression):
        index, data, full, zero = chunk
        assert to.load_chunk(index, data, compression) == full + zero
        pages, zero_pages = pages + full, zero_pages + zero
    assert ram_pass.remaining == 0
    return pages, zero_pages


def send_hpt(hpt_pass: HptPass, to: Hpt) -> tuple[int, int]:
    """Everything a pass has, into another table; entries with a value and entries that go."""
    valid = invalid = 0
    while chunk := hpt_pass.next(4096):
        assert to.load_chunk(chunk[0]) == chunk[1:]
        valid, invalid = valid + chunk[1], invalid + chunk[2]
    return valid, invalid


@pytest.fixture
def ram() -> Ram:
    """Memory with text, noise, zeroes and holes."""
    ram = Ram(16 * MIB)
    ram.write(0x3FF0, b"over the edge of a page")
    ram.write(MIB, random.Random(1).randbytes(MIB))
    ram.write(4 * MIB, b"the same again " * 20_000)
    ram.fill(4 * MIB, 8192)
    return ram


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_memory_comes_back_through_every_compression(ram: Ram, compression: str | None) -> None:
    to = Ram(ram.size)
    assert send_ram(ram.start_pass(Start.Full(Marks.LIVE)), to, compression) == (2 + 256 + 72, 2)
    assert to.digest() == ram.digest() and ram.dirty_pages() == 0


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_bomb_is_refused_before_it_goes_off(ram: Ram, compression: str) -> None:
    ram.fill(0, 16 * MIB, 1)
    chunk = ram.start_pass(Start.Full(Marks.LIVE)).next(16 * MIB, compression)
    assert chunk is not None
    bomb, before = chunk[1], Ram(MIB).digest()
    with pytest.raises(StreamError):
        (small := Ram(MIB)).load_chunk(bytes([2]), bomb, compression)
    assert small.digest() == before
    with pytest.raises(StreamError, match="at most 67108864"):
        ram_chunk_data(bomb, 1 << 40, compression)


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_damaged_data_are_refused_or_of_the_right_length(ram: Ram, compression: str) -> None:
    chunk = ram.start_pass(Start.Full(Marks.LIVE)).next(64 * 1024, compression)
    assert chunk is not None
    index, data, _, _ = chunk
    rng = random.Random(2)
    for _ in range(300):
        bad = bytearray(data)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        cut = bytes(bad[: rng.randrange(len(bad))] if rng.random() < 0.5 else bad)
        try:
            Ram(ram.size).load_chunk(index, cut, compression)
        except StreamError as error:
            assert error.section == "ram" and error.got


def test_a_bad_index_says_where_and_writes_nothing() -> None:
    ram = Ram(16 * 4096)
    before = ram.digest()
    with pytest.raises(StreamError) as caught:
        ram.load_chunk(bytes([2, 2 * 16]), bytes(2 * 4096))
    error = caught.value
    assert (error.section, error.offset, error.wanted, error.got) == ("ram", 1, "a page of 0x1 to 0xf", "0x10")
    for index, data in [(b"\x80\x00", b""), (b"\x80", b""), (b"\x00", b""), (b"\x02", b"short"), (b"", b"more")]:
        with pytest.raises(StreamError):
            ram.load_chunk(index, data)
    assert ram.digest() == before


def test_unknown_names_are_refused(ram: Ram) -> None:
    with pytest.raises(TypeError, match="Start"):
        ram.start_pass("full")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="known: zstd, lz4, None"):
        ram.start_pass(Start.Full(Marks.LIVE)).next(4096, "gzip")
    with pytest.raises(ConfigError, match="no base"):
        ram.start_pass(Start.Changes(Marks.BASE))
    with pytest.raises(ConfigError, match="no base"):
        Hpt(18).start_pass(Start.Changes(Marks.BASE))


def test_a_file_is_sparse_and_maps_back(ram: Ram, tmp_path: Path) -> None:
    path = tmp_path / "ram"
    with path.open("w+b") as file:
        written = ram.write_sparse(file.fileno(), 8192)
        assert written == (2 + 256 + 72) * 4096
        mapped = Ram.map_file(file.fileno(), 8192, ram.size)
    assert path.stat().st_size == 8192 + ram.size
    assert path.stat().st_blocks * 512 < written + 64 * 1024
    assert mapped.digest() == ram.digest()
    assert mapped.has_base and mapped.dirty_pages() == 0
    mapped.write(0, b"mine")
    assert mapped.dirty_pages() == 1
    assert send_ram(mapped.start_pass(Start.Changes(Marks.BASE)), ram) == (1, 0)
    assert mapped.digest() == ram.digest()
    with path.open("rb") as file:
        assert Ram.map_file(file.fileno(), 8192, ram.size).digest() != ram.digest()
        with pytest.raises(ValueError, match="not page-aligned or not inside"):
            Ram.map_file(file.fileno(), 12288, ram.size)


def test_descriptors_that_are_none_are_refused(ram: Ram) -> None:
    with pytest.raises(ValueError, match="is none"):
        ram.write_sparse(-1, 0)
    with pytest.raises(OSError):
        ram.write_sparse(99_999, 0)
    with pytest.raises(OSError):
        Ram.map_file(99_999, 0, 4096)


def test_forks_and_passes_leave_no_descriptor_behind(ram: Ram) -> None:
    # QEMU c573fc03da: a descriptor leaked at each cancel made every later migration fail.
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        fork = Ram.from_snapshot(ram.snapshot())
        attempt = fork.start_pass(Start.Full(Marks.LIVE))
        attempt.next(4096)
        attempt.put_back()
        del fork, attempt
    assert len(os.listdir("/proc/self/fd")) <= before


def test_forks_of_one_snapshot_go_their_own_ways(ram: Ram) -> None:
    snapshot, then = ram.snapshot(), ram.digest()
    forks = [Ram.from_snapshot(snapshot) for _ in range(5)]
    for number, fork in enumerate(forks):
        fork.write(0, bytes([number]))
    ram.write(0, b"original")
    assert len({fork.digest() for fork in [*forks, ram]}) == 6
    assert Ram.from_snapshot(snapshot).digest() == then


def test_a_running_guest_is_followed_pass_by_pass(demo_guest: Path) -> None:
    vm = Machine(memory="64M")
    vm.load_kernel(demo_guest)
    ram, hpt = Ram(vm.partition.ram.size), Hpt(vm.hpt.shift)
    vcpu = vm.cpus[0].vcpu
    start: Start = Start.Full(Marks.LIVE)
    passes = 0
    sent = []
    while passes < 12 and isinstance(vm.run(max_instructions=200_000), InstructionLimit):
        ram_pass = vm.partition.ram.start_pass(start)
        vcpu.protect_writes()
        sent.append(send_ram(ram_pass, ram)[0])
        send_hpt(vm.partition.hpt.start_pass(start), hpt)
        assert (ram.digest(), hpt.digest()) == (vm.partition.ram.digest(), vm.hpt.digest())
        start, passes = Start.Changes(Marks.LIVE), passes + 1
    assert passes > 1 and all(sent)


def test_chunks_can_be_read_by_people(ram: Ram) -> None:
    chunk = ram.start_pass(Start.Full(Marks.LIVE)).next(16 * MIB, "zstd")
    assert chunk is not None
    index, data, pages, zero_pages = chunk
    named = ram_chunk_pages(index, ram.size)
    assert len(named) == pages + zero_pages
    raw = ram_chunk_data(data, pages * 4096, "zstd")
    full = [number for number, zero in named if not zero]
    assert all(ram.read(n * 4096, 4096) == raw[i * 4096 : i * 4096 + 4096] for i, n in enumerate(full))

    hpt = Hpt(18)
    entry = (5).to_bytes(8, "big") + (7).to_bytes(8, "big")
    hpt.load_chunk(b"\x00" + bytes([7]) + entry + bytes([2]))
    assert hpt_chunk_entries(b"\x00" + bytes([7]) + entry + bytes([2]), 18) == [(None, 0, 0), (2, 5, 7), (3, 0, 0)]
    assert hpt.entry(2) == (5, 7) and hpt.dirty_entries() == 1
    with pytest.raises(StreamError, match="section hpt"):
        hpt_chunk_entries(b"\xff", 18)
