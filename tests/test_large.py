"""A machine costs what it uses and not what it was configured with: 4 TiB of RAM, and what each step may take."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from migration import Arrival

from pyspapr import Machine
from pyspapr.boot.devicetree import MEMORY_BLOCK, memory_nodes
from pyspapr.config import GIB, MEMORY_MAX, MIB
from pyspapr.migration import difference
from pyspapr.migration.contents import read_contents

SECONDS = 0.5
"""Of the processor, for a step that takes hundredths of one; in proportion to RAM it would be minutes."""


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def cheap(seconds: float = SECONDS, memory: int = 16 * MIB) -> Iterator[None]:
    """What is done takes little time of the processor, and leaves little memory taken."""
    began, before = time.process_time(), resident()
    yield
    assert time.process_time() - began < seconds
    assert resident() - before < memory


def test_the_largest_machine_costs_what_it_uses(demo_guest: Path, tmp_path: Path) -> None:
    path, later = tmp_path / "machine", tmp_path / "later"
    with cheap():
        vm = Machine(memory=MEMORY_MAX)
    with cheap():
        vm.load_kernel(demo_guest, append="rounds=1000")
        vm.run(max_instructions=5_000_000)
        vm.memory.write(MEMORY_MAX - 1, b"x")
    with cheap():
        then = vm.state_hash()
    with cheap():
        frozen = vm.snapshot()
        forked = frozen.fork()
        again = forked.snapshot().fork()
    with cheap():
        assert forked.state_hash() == again.state_hash() == then
    with cheap():
        vm.save(path)
        assert path.stat().st_blocks * 512 < 16 * MIB
    with cheap():
        restored = Machine.restore(path, verify=True)
    with cheap():
        assert restored.state_hash() == then
        restored.run(max_instructions=1000)
        restored.memory.write(MEMORY_MAX // 2, b"y")
        restored.save(later, base=path)
    with cheap():
        contents = read_contents(path, ram=True), read_contents(later, ram=True, base=path)
        rams = [one.ram for one in contents]
        assert rams[0] is not None and rams[1] is not None
        assert MEMORY_MAX // 2 // 4096 in difference.pages(rams[0], rams[1])
    with cheap():
        pid = os.fork()
        if pid == 0:
            os._exit(vm.state_hash() != then)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with cheap():
        vm.reboot()
    with cheap():
        del vm, frozen, forked, again, restored, contents, rams


def test_the_largest_machine_migrates_at_the_cost_of_what_it_uses(demo_guest: Path, tmp_path: Path) -> None:
    vm = Machine(memory=MEMORY_MAX)
    vm.load_kernel(demo_guest, append="rounds=1000")
    vm.run(max_instructions=5_000_000)
    vm.memory.write(MEMORY_MAX - 1, b"x")
    straight = vm.snapshot().fork()
    with cheap(2 * SECONDS):
        arrival = Arrival(f"unix:{tmp_path}/socket")
        vm.migrate(arrival.address)
        there = arrival.machine()
    # How far the guest came meanwhile is the host's affair.
    straight.run(max_instructions=there.instructions - straight.instructions)
    for machine in (straight, there):
        machine.run(max_instructions=1_000_000)
    assert there.memory[MEMORY_MAX - 1] == ord("x")
    assert there.state_hash() == straight.state_hash()


def test_pages_that_differ_are_found_wherever_they_are_and_however_large_either_side_is() -> None:
    small, large = Machine(memory="32M").partition.ram, Machine(memory=MEMORY_MAX).partition.ram
    assert small.unlike(large) == []
    for ram, address in ((small, 0), (large, 0x5000), (small, 0x6000), (large, MEMORY_MAX - 1)):
        ram.write(address, b"x")
    large.write(0x6000, b"x")
    large.write(0x9000, b"\0")
    with cheap():
        assert small.unlike(large) == large.unlike(small) == [0, 5, MEMORY_MAX // 4096 - 1]


@pytest.mark.parametrize("size", [GIB, 16 * GIB, 16 * GIB + 16 * MIB, 17 * GIB + 32 * MIB, MEMORY_MAX])
def test_memory_nodes_cover_ram_and_tell_linux_the_size_of_its_blocks(size: int) -> None:
    nodes = memory_nodes(size)
    assert nodes[0][0] == 0
    assert [start for start, _ in nodes[1:]] == [start + length for start, length in nodes[:-1]]
    assert sum(nodes[-1]) == size
    # pseries_memory_block_size() looks for the node behind memory@0, whose size must fit into 32 bits.
    assert len(nodes) == 1 if size <= 16 * GIB else nodes[:2] == [(0, GIB), (GIB, MEMORY_BLOCK)]
