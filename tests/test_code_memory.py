"""The memory that holds compiled code: never writable and executable at once, and known to `perf` by name."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
sys.path.insert(0, {tests!r})
from images import BASE, assemble, started
from pyspapr import Machine

path = f"/tmp/perf-{{os.getpid()}}.map"
{before}
vm = started(Machine(memory="32M", engine="jit"), 0x38630001, 0x38840002, 0x4BFFFFF8)
vm.run(max_instructions=100_000)
print(os.getpid())
print(open("/proc/self/maps").read())
"""


def run(tmp_path: Path, before: str = "", **environment: str) -> tuple[Path, list[str], str]:
    """A process that compiles a loop: where its map is, its memory mappings and what it complained of."""
    program = PROGRAM.format(tests=str(Path(__file__).parent), before=before)
    clean = {name: value for name, value in os.environ.items() if name != "PYSPAPR_PERF_MAP"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env={**clean, **environment}
    )
    pid, *maps = done.stdout.splitlines()
    return Path(f"/tmp/perf-{pid}.map"), [line for line in maps if line], done.stderr


def test_no_memory_is_writable_and_executable(tmp_path: Path) -> None:
    path, maps, _ = run(tmp_path)
    access = [line.split()[1] for line in maps]
    assert not [one for one in access if "w" in one and "x" in one]
    assert "r-xs" in access  # there is compiled code
    assert not path.exists()


def test_perf_finds_compiled_code_by_the_guests_address(tmp_path: Path) -> None:
    path, maps, complaints = run(tmp_path, PYSPAPR_PERF_MAP="1")
    try:
        assert complaints == ""
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        rows = [line.split(maxsplit=2) for line in path.read_text().splitlines()]
    finally:
        path.unlink()
    names = [name for _, _, name in rows]
    assert names[0] == "pyspapr_stubs" and "guest_0x0000000000010000" in names
    # perf looks into the map for what is executable and no file: "/dev/zero" is what shared memory is called.
    code = [line.split()[0].split("-") for line in maps if "r-xs" in line and "/dev/zero" in line]
    for start, size, name in rows:
        begin, end = int(start, 16), int(start, 16) + int(size, 16)
        assert any(int(low, 16) <= begin < end <= int(high, 16) for low, high in code), name


def test_a_map_that_is_there_already_is_replaced_and_never_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path, _, complaints = run(tmp_path, f"os.symlink({str(victim)!r}, path)", PYSPAPR_PERF_MAP="1")
    assert victim.read_text() == "precious" and complaints == ""
    assert not path.is_symlink() and "guest_" in path.read_text()
    path.unlink()


def test_who_asked_for_a_map_is_told_why_there_is_none(tmp_path: Path) -> None:
    path, _, complaints = run(tmp_path, "os.mkdir(path)", PYSPAPR_PERF_MAP="1")
    path.rmdir()
    assert complaints.startswith(f"pyspapr: {path}: ")


def test_a_forked_process_compiles_beside_its_parent(tmp_path: Path) -> None:
    # Both go on with what was compiled before, and each then compiles a loop of its own and runs it again.
    before = """
def counting(step):
    return started(Machine(memory="32M", engine="jit"), 0x38630000 + step, 0x4BFFFFFC)

def counts(vm, step):
    old = vm.cpus[0].r3
    vm.run(max_instructions=100_000)
    assert vm.cpus[0].r3 - old == step * 50_000, (step, vm.cpus[0].r3 - old)

counts(counting(1), 1)
there, back = os.pipe(), os.pipe()
child = os.fork()
mine = counting(3 if child else 5)
if child:
    os.read(there[0], 1)
    counts(mine, 3)
    os.write(back[1], b".")
    assert os.waitpid(child, 0)[1] == 0
    counts(mine, 3)
else:
    counts(mine, 5)
    os.write(there[1], b".")
    os.read(back[0], 1)
    counts(mine, 5)
    counts(counting(1), 1)
    os._exit(0)
"""
    assert run(tmp_path, before)[2] == ""


NEW_CODE = """
import sys
sys.path.insert(0, sys.argv[1])
from images import BASE, assemble
from pyspapr import Machine

engine, step, pieces = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
vm = Machine(memory="32M", engine=engine)
# r6 counts. Each time a new function (li r5,n; ori r5,r5,n; blr) is written to r7 and called 20 times.
vm.memory.write(BASE, assemble(
    0x38C60001,  # addi r6,r6,1
    0x54CA043E, 0x7D4A4378, 0x91470000,  # rlwinm r10,r6,0,16,31; or r10,r10,r8; stw r10,0(r7)
    0x54CA843E, 0x7D4A4B78, 0x91470004,  # srwi r10,r6,16; or r10,r10,r9; stw r10,4(r7)
    0x91670008,  # stw r11,8(r7)
    0x38600014, 0x7C6903A6,  # li r3,20; mtctr r3
    0x7CE803A6, 0x4E800021, 0x4200FFF8,  # mtlr r7; blrl; bdnz back to mtlr
    0x38E70000 | step, 0x54E701BE, 0x64E70010,  # addi r7,r7,step; clrlwi r7,r7,6; oris r7,r7,0x10
    0x4BFFFFC0,  # b to the start
))
vm.start(pc=BASE)
vcpu = vm.cpus[0].vcpu
for name, value in dict(r7=0x100000, r8=0x38A00000, r9=0x60A50000, r11=0x4E800020).items():
    vcpu.set(name, value)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

before, most = resident(), 0
while vcpu.get("r6") < pieces:
    vm.run(max_instructions=1_000_000)
    most = max(most, resident() - before)
    decoded, compiled, share = vcpu.code_bytes
    assert max(decoded, compiled) <= share + (1 << 16), (decoded, compiled, share)
print(most, share)
"""


@pytest.mark.parametrize(("engine", "step"), [("jit", 0), ("jit", 16), ("interp", 16)])
def test_a_guest_that_keeps_making_code_takes_no_more_than_its_share(engine: str, step: int) -> None:
    # Over and over at one place, or all over the guest's RAM.
    words = [sys.executable, "-c", NEW_CODE, str(Path(__file__).parent), engine, str(step), "400000"]
    most, share = map(int, subprocess.run(words, capture_output=True, check=True, text=True).stdout.split())
    assert share == 16 << 20
    written = (400_000 + 50_000) * step
    assert most < written + 3 * share + (8 << 20), f"{most >> 20} MiB"
