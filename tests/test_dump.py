"""Memory dumps and drgn: what a kernel debugger reads from a dump, in this process and through a control socket."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import drgn
import pytest
from elftools.elf.elffile import ELFFile
from fetch_guests import NEWER
from images import BRANCH_TO_SELF, POWER_OFF, started
from test_linux import linux
from test_linux import pytestmark as pytestmark

from pyspapr import Machine, StateError
from pyspapr.debug.core import prstatus
from pyspapr.debug.mappings import KERNEL, KernelMappings, facts_of
from pyspapr.migration.snapshot import Snapshot
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.session import Session

KERNELS = ["linux", *NEWER]
Read = Callable[[int, int], bytes]


@pytest.fixture(scope="module", params=KERNELS)
def booted(request: pytest.FixtureRequest) -> Snapshot:
    """Each kernel, with a shell as its init: kernels with pages of 4 and of 64 KiB."""
    vm = linux(kernel=request.param, append="pyspapr.shell")
    assert vm.shell("true").status == 0
    return vm.snapshot()


@pytest.fixture
def vm(booted: Snapshot) -> Iterator[Machine]:
    with booted.fork() as vm:
        yield vm


def names_of_tasks(read: Read, first: int, tasks: int, comm: int) -> list[str]:
    """The names of all tasks of a little-endian kernel, from `init_task` on, by its list of them."""
    found, at = [], first + tasks
    while len(found) < 1000:
        found.append(read(at - tasks + comm, 16).partition(b"\0")[0].decode())
        if (at := int.from_bytes(read(at, 8), "little")) == first + tasks:
            return found
    raise AssertionError("the list of tasks has no end")


def places_in_tasks(read: Read, first: int) -> tuple[int, int]:
    """Offsets of the list of tasks and of the name in a task, found by looking: there is no debug information."""
    image = read(first, 1 << 13)
    comm = image.index(b"swapper")
    for tasks in range(0, comm, 8):
        following = int.from_bytes(image[tasks : tasks + 8], "little")
        if following >> 60 != 0xC or following == first + tasks or following % 8:
            continue
        if int.from_bytes(read(following + 8, 8), "little") == first + tasks:
            name = read(following - tasks + comm, 16).partition(b"\0")[0]
            if name in (b"sh", b"init"):
                return tasks, comm
    raise AssertionError("there is no list of tasks")


def address_of_init_task(vm: Machine) -> int:
    """By its name, from the kernel's file if its own table leaves it out."""
    return vm.symbol("init_task")


ASK = """
import json, sys
runs = json.loads(sys.argv[1])
print(json.dumps([prog.read(address, 64).hex() for address in runs]))
"""


def test_tasks_and_mappings_are_the_same_from_a_dump_in_process_and_over_the_socket(
    vm: Machine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kernel = request.node.callspec.params["booted"]
    vm.debug.load_symbols(Path(__file__).parent.parent / ".cache" / "guests" / kernel / "vmlinux")
    before = vm.state_hash()
    first = address_of_init_task(vm)
    program = vm.drgn()
    assert program.flags & drgn.ProgramFlags.IS_LINUX_KERNEL and program.flags & drgn.ProgramFlags.IS_LIVE
    tasks, comm = places_in_tasks(program.read, first)
    names = names_of_tasks(program.read, first, tasks, comm)
    told = vm.snapshot().fork().shell("cat /proc/[0-9]*/comm").output.split()  # of some threads it tells longer names
    assert (
        {name[:15] for name in told if not name.startswith("kworker/")} - {"cat"} <= set(names)
        and names[0].startswith("swapper")
        and len(names) > 20
    )

    vm.dump(tmp_path / "vmcore")
    dump = drgn.Program()
    dump.set_core_dump(tmp_path / "vmcore")
    assert names_of_tasks(dump.read, first, tasks, comm) == names
    assert dump["VMCOREINFO"].to_bytes_() == program["VMCOREINFO"].to_bytes_() == vm.debug.vmcoreinfo

    runs = vm.debug.mappings.runs()
    assert any(run.address >> 48 == 0xC00C or run.length >= 1 << 20 for run in runs) and len(runs) > 1
    for run in runs:
        there = vm.memory.read(run.real, 4096)
        assert program.read(run.address, 4096) == dump.read(run.address, 4096) == there
        if (real := vm.virtual.real(run.address)) is not None:
            assert real == run.real  # the hash table agrees with the kernel's own records
    for one in (program, dump):
        with pytest.raises((drgn.FaultError, LookupError, NotImplementedError)):
            one.read(0xC00800000F000000, 8)

    with vm.serve_qmp(f"unix:{tmp_path / 'qmp'}"):
        addresses = [run.address for run in runs] + [first, KERNEL]
        command = [sys.executable, "-m", "drgn", "--qemu", str(tmp_path / "qmp"), "-q", "-e", ASK]
        done = subprocess.run(
            [*command, json.dumps(addresses)], capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    answers = [bytes.fromhex(one) for one in json.loads(done.stdout.splitlines()[-1])]
    assert answers == [dump.read(address, 64) for address in addresses]
    assert vm.state_hash() == before


def test_a_dump_has_ram_with_holes_registers_and_vmcoreinfo(vm: Machine, tmp_path: Path) -> None:
    path = tmp_path / "vmcore"
    vm.dump(path)
    status = path.stat()
    assert status.st_size > len(vm.memory) and status.st_blocks * 512 < len(vm.memory) // 4
    assert status.st_mode & 0o777 == 0o600
    with path.open("rb") as file:
        elf = ELFFile(file)
        assert (elf["e_type"], elf["e_machine"], elf.little_endian) == ("ET_CORE", "EM_PPC64", True)
        notes, *loads = list(elf.iter_segments())
        by_name = {(one["n_name"], one["n_type"]): one["n_descdata"] for one in notes.iter_notes()}
        assert by_name["VMCOREINFO", 0] == vm.debug.vmcoreinfo
        data = by_name["CORE", "NT_PRSTATUS"]
        assert len(data) == 504 and data == prstatus("<", vm.cpus[0])
        registers = [int.from_bytes(data[at : at + 8], "little") for at in range(112, 112 + 44 * 8, 8)]
        assert registers[:32] == [vm.cpus[0][f"r{one}"] for one in range(32)]
        assert registers[32:34] == [vm.cpus[0].pc, vm.cpus[0].msr] and registers[36] == vm.cpus[0].lr
        assert loads[0]["p_vaddr"] == KERNEL and loads[0]["p_filesz"] == len(vm.memory)
        for at in range(0, len(vm.memory), 16 << 20):
            file.seek(loads[0]["p_offset"] + at)
            assert file.read(16 << 20) == vm.memory.read(at, 16 << 20)


def test_a_dump_of_a_big_endian_machine_without_a_kernel_is_one_too(tmp_path: Path) -> None:
    vm = started(Machine(memory="32M"), *POWER_OFF)
    vm.cpus[0].vs5 = 0x1111 << 64 | 0x2222
    vm.memory.write(0x100000, b"contents")
    vm.dump(tmp_path / "core")
    with (tmp_path / "core").open("rb") as file:
        elf = ELFFile(file)
        assert not elf.little_endian and elf.num_segments() == 2
        notes = {one["n_type"]: one["n_descdata"] for one in elf.get_segment(0).iter_notes()}
        assert int.from_bytes(notes["NT_PRSTATUS"][112 + 32 * 8 : 112 + 33 * 8], "big") == vm.cpus[0].pc
        vsx = next(one["n_descdata"] for one in elf.get_segment(0).iter_notes() if one["n_descsz"] == 256)
        assert vsx[5 * 8 : 6 * 8] == (0x2222).to_bytes(8, "big")
        file.seek(elf.get_segment(1)["p_offset"] + 0x100000)
        assert file.read(8) == b"contents"
    with pytest.raises(StateError, match="no VMCOREINFO"):
        vm.drgn()


def test_a_dump_has_the_registers_of_every_processor(tmp_path: Path) -> None:
    vm = started(Machine(memory="32M", vcpus=3), BRANCH_TO_SELF)
    vm.run(max_instructions=1000)
    for cpu in vm.cpus:
        cpu.r7 = 0x70 + cpu.index
    vm.dump(tmp_path / "core")
    with (tmp_path / "core").open("rb") as file:
        notes = [one for one in ELFFile(file).get_segment(0).iter_notes() if one["n_type"] == "NT_PRSTATUS"]
        assert [int.from_bytes(one["n_descdata"][112 + 56 : 112 + 64], "big") for one in notes] == [0x70, 0x71, 0x72]


def test_a_dump_that_fails_leaves_the_older_one(tmp_path: Path) -> None:
    vm = started(Machine(memory="32M"), BRANCH_TO_SELF)
    path = tmp_path / "vmcore"
    path.write_bytes(b"older")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(StateError, match="cannot be written: File too large"):
            vm.dump(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"older" and os.listdir(tmp_path) == ["vmcore"]
    for wrong in (tmp_path, tmp_path / "none" / "x", "/dev/null"):
        with pytest.raises(StateError, match="cannot be written"):
            vm.dump(wrong)
    assert vm.run(max_instructions=1000)


def ask(session: Session, name: str, **arguments: Any) -> dict[str, Any]:
    answers: Future[dict[str, Any]] = Future()
    session.answer(json.dumps({"execute": name, "arguments": arguments}).encode(), answers.set_result)
    return answers.result(60)


def test_the_control_socket_dumps_to_files_and_descriptors(tmp_path: Path) -> None:
    vm = started(Machine(memory="32M"), BRANCH_TO_SELF)
    vm.memory.write(0x5000, b"here")
    events: list[tuple[str, dict[str, object]]] = []
    vm.partition.events.subscribe(lambda name, data: events.append((name, data)))
    session = Session(Monitor(vm, None, lambda action: action()))
    session.negotiated = True
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert ask(session, "query-dump")["return"]["status"] == "none"
    assert ask(session, "dump-guest-memory", paging=False, protocol=f"file:{whole}") == {"return": {}}
    vm.dump(tmp_path / "other")
    assert whole.read_bytes() == (tmp_path / "other").read_bytes()
    done = {"status": "completed", "completed": 32 << 20, "total": 32 << 20}
    assert ask(session, "query-dump")["return"] == done and events == [("DUMP_COMPLETED", {"result": done})]
    session.descriptors.passed([os.open(part, os.O_RDWR | os.O_CREAT)])
    ask(session, "getfd", fdname="d")
    given = ask(session, "dump-guest-memory", paging=False, protocol="fd:d", begin=0x5000, length=4)
    assert given == {"return": {}} and part.read_bytes().endswith(b"here") and part.stat().st_size < 1 << 17
    reader, writer = os.pipe()
    session.descriptors.passed([writer])
    ask(session, "getfd", fdname="p")
    for text, arguments in (
        ("not that of a regular file", {"protocol": "fd:p"}),
        ("has not been found", {"protocol": "fd:q"}),
        ("Invalid parameter 'protocol'", {"protocol": "zzz"}),
        ("Invalid parameter 'protocol'", {"protocol": "file:"}),
        ("Parameter 'length' is missing", {"protocol": f"file:{whole}", "begin": 0}),
        ("no guest memory", {"protocol": f"file:{whole}", "begin": 1 << 40, "length": 1}),
        ("no guest memory", {"protocol": f"file:{whole}", "begin": -1, "length": 1}),
        ("no guest memory", {"protocol": f"file:{whole}", "begin": 0, "length": 0}),
        ("does not accept value 'kdump-zlib'", {"protocol": f"file:{whole}", "format": "kdump-zlib"}),
        ("cannot be written", {"protocol": f"file:{tmp_path}"}),
    ):
        error = ask(session, "dump-guest-memory", paging=False, **arguments)["error"]
        assert text in error["desc"], arguments
    os.close(reader)
    session.descriptors.close()
    assert whole.read_bytes() == (tmp_path / "other").read_bytes()


def test_the_command_line_dumps_a_saved_machine(tmp_path: Path) -> None:
    vm = started(Machine(memory="32M"), BRANCH_TO_SELF)
    vm.save(tmp_path / "saved")
    vm.dump(tmp_path / "one")
    command = [sys.executable, "-m", "pyspapr", "dump"]
    for arguments, status in (
        ((tmp_path / "saved", tmp_path / "two"), 0),
        ((tmp_path / "one", tmp_path / "three"), 2),
        ((tmp_path / "saved", tmp_path), 2),
    ):
        done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status and len(done.stderr.splitlines()) == (status != 0), done.stderr
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    cut = (tmp_path / "saved").read_bytes()[:-100]
    (tmp_path / "cut").write_bytes(cut)
    done = subprocess.run([*command, str(tmp_path / "cut"), str(tmp_path / "four")], capture_output=True, check=False)
    assert done.returncode == 2 and not (tmp_path / "four").exists()


@pytest.mark.parametrize("shift", [12, 16])
def test_page_tables_that_the_guest_damaged_cost_a_bounded_time(shift: int) -> None:
    size = 1 << 24

    def mappings(fill: bytes, **facts: int) -> KernelMappings:
        memory = fill * (size // len(fill))

        def read(address: int, length: int) -> bytes:
            return memory[address : address + length].ljust(length, b"\0")

        return KernelMappings(read, size, "big", {"PAGESIZE": 1 << shift, "SYMBOL(swapper_pg_dir)": KERNEL, **facts})

    for entry in (0, 1 << 63, 0xC << 60, 1 << 62, 0x10000, (1 << 64) - 1, 8):
        found = mappings(entry.to_bytes(8, "big"))
        assert len(found.runs()) <= 60_000
        assert found.real(KERNEL | 5) == 5 and found.real(5) is None
        real = found.real(0xC008000000000000)
        assert real is None or real < size
    listed = {
        **{f"SYMBOL({name})": KERNEL for name in ("mmu_psize_defs", "mmu_vmemmap_psize", "vmemmap_list")},
        **{f"OFFSET(vmemmap_backing.{name})": 8 for name in ("list", "phys", "virt_addr")},
        "SIZE(mmu_psize_def)": 1,
        "OFFSET(mmu_psize_def.shift)": 0,
    }
    for entry in (0, 16, 0x10, KERNEL | 16, 0xC):
        assert len(mappings(entry.to_bytes(8, "big"), **listed).runs()) <= 60_000
    assert mappings(b"\0" * 8, **{**listed, "OFFSET(vmemmap_backing.phys)": -1}).runs() == []
    assert mappings(b"\0" * 8, PAGESIZE=5).runs() == [] and mappings(b"\0" * 8, PAGESIZE=0).real(1 << 63) is None


def test_facts_are_read_from_any_text() -> None:
    text = b"OSRELEASE=6\nPAGESIZE=4096\nSYMBOL(x)=c0\nOFFSET(a.b)=12\nNUMBER(c)=-3\nNUMBER(d)=ff\nSYMBOL(y)=zz\n\xff"
    assert facts_of(text) == {"PAGESIZE": 4096, "SYMBOL(x)": 0xC0, "OFFSET(a.b)": 12, "NUMBER(c)": -3}
