"""Looking into a Linux guest: names, virtual memory, call chain, the kernel's log, and failures with their facts."""

from __future__ import annotations

import contextlib
import copy
import pickle
import struct
from collections.abc import Iterator

import pytest
from fetch_guests import NEWER
from hypothesis import given
from hypothesis import strategies as st
from test_linux import linux
from test_linux import pytestmark as pytestmark

from pyspapr import (
    ExpectError,
    GuestAddressError,
    GuestHang,
    GuestOops,
    GuestPanic,
    GuestWarning,
    ImageError,
    Machine,
    StateError,
)
from pyspapr.debug.failures import failures
from pyspapr.debug.kallsyms import read_kallsyms
from pyspapr.debug.printk import LogRecord, read_log
from pyspapr.debug.stack import MARK_PLACES, MARKS, REGISTERS
from pyspapr.debug.symbols import KernelSymbols, read_names
from pyspapr.migration.snapshot import Snapshot
from pyspapr.partition.memory import ByteOrder

KERNELS = ["linux", *NEWER]
TRAP = 0x7FE00008
HERE = 0x48000000
NOP = 0x60000000
BACK = 0x4BFFFFC4
"""A branch over fifteen instructions."""


@pytest.fixture(scope="module", params=KERNELS)
def booted(request: pytest.FixtureRequest) -> Snapshot:
    """Each kernel, with a shell as its init."""
    vm = linux(kernel=request.param, append="pyspapr.shell")
    assert vm.shell("true").status == 0
    return vm.snapshot()


@pytest.fixture
def vm(booted: Snapshot) -> Iterator[Machine]:
    with booted.fork() as vm:
        yield vm


def test_the_log_is_what_dmesg_shows(vm: Machine) -> None:
    before = vm.state_hash()
    records = vm.log.records
    assert vm.state_hash() == before  # looking changes nothing
    assert [record.sequence for record in records] == list(range(len(records)))
    assert records[0].level in range(8) and all(record.caller.startswith(("T", "C")) for record in records)
    lines = vm.shell("dmesg").output.splitlines()
    assert [line for record in records for line in str(record).splitlines()] == lines
    vm.shell("mknod /dev/kmsg c 1 11; echo '<3>test: bad things' >/dev/kmsg").check()
    last = vm.log.records[-1]
    assert (last.text, last.level, last.facility) == ("test: bad things", 3, 1)
    assert str(last) in vm.log.text
    assert vm.log.warnings == []
    vm.check()


def test_names_are_those_of_proc_kallsyms(vm: Machine) -> None:
    vm.shell("echo 0 >/proc/sys/kernel/kptr_restrict").check()
    told = {
        name: int(address, 16)
        for line in vm.shell("cat /proc/kallsyms").output.splitlines()
        for address, _, name, *module in [line.split()]
        if not module
    }
    symbols = vm.debug.symbols
    assert len(told) > 30_000 and {name for name in told if name not in symbols} == set()
    assert vm.symbol("vfs_write") == told["vfs_write"]
    assert vm.symbolize(vm.symbol("vfs_write") + 4).startswith("vfs_write+0x4/0x")
    assert vm.symbolize((vm.symbol("vfs_write") + 4) & ~(0xC << 60)).startswith("vfs_write+0x4/0x")  # in real mode
    assert vm.symbolize(0x10) != "0x10" and vm.symbolize(1 << 40) == "0x10000000000"
    with pytest.raises(KeyError, match="no symbol 'nonesuch' among"):
        vm.symbol("nonesuch")


def test_a_kernels_file_adds_the_names_of_data() -> None:
    vm = linux(append="pyspapr.shell")
    vm.shell("true")
    assert vm.debug.virtual.cstring(vm.symbol("linux_banner")).startswith("Linux version 6.1")
    assert vm.partition.images is not None
    names = read_names(vm.partition.images.kernel)
    assert len(vm.debug.symbols) >= len({name for _, name in names} & {name for name, _ in vm.debug.symbols.items()})
    before = vm.virtual.u64(vm.symbol("jiffies_64"))
    vm.shell("sleep 2")
    assert before < vm.virtual.u64(vm.symbol("jiffies_64")) < 1 << 33


def test_virtual_memory_is_read_and_written_as_the_guest_sees_it(vm: Machine) -> None:
    pc = vm.symbol("vfs_write")
    assert vm.virtual[pc : pc + 64] == vm.memory.read(pc & ~(0xF << 60), 64)
    assert vm.virtual.real(pc) == pc & ~(0xF << 60)
    stack = vm.cpus[0]["r1"]
    assert vm.virtual.u64(stack) == vm.memory.u64(stack & ~(0xF << 60), "little")
    before = vm.virtual.u32(stack)
    vm.virtual.store(stack, 0x12345678, 4)
    assert (vm.virtual.u16(stack), vm.virtual.u8(stack)) == (0x5678, 0x78)
    vm.virtual[stack : stack + 4] = before.to_bytes(4, "little")
    for address in (0x5_0000_0000_0000, 0xC << 60 | 1 << 50, 1 << 64, -1):
        with pytest.raises(GuestAddressError):
            vm.virtual.read(address, 8)
    with pytest.raises(GuestAddressError, match="more than the guest has"):
        vm.virtual.read(stack, 1 << 40)
    edge = 0xC << 60 | len(vm.memory) - 4
    held = vm.virtual.read(edge, 4)
    with pytest.raises(GuestAddressError):
        vm.virtual.write(edge, bytes(range(1, 9)))
    assert vm.virtual.read(edge, 4) == held  # all or nothing
    with pytest.raises(TypeError, match="slice"):
        vm.virtual[5]  # type: ignore[index]


def test_a_programs_memory_is_read_by_its_own_addresses(vm: Machine) -> None:
    """The program that runs now is at its system call: its registers say where its buffer is."""
    vm.send("while true; do echo marker-of-the-program; done")
    vm.expect("marker-of-the-program\r\nmarker-of-the-program\r\n", timeout=5)
    frame = next(frame for frame in vm.debug.backtrace() if frame.trap == 0xC00)
    buffer = next(
        address
        for place in MARK_PLACES
        if vm.virtual.u64(chain_end(vm) + place) in MARKS
        for address in [vm.virtual.u64(chain_end(vm) + place + REGISTERS + 8 * 4)]  # r4 of the system call
    )
    assert frame.address < 1 << 60
    assert "marker-of-the-program" in vm.virtual.cstring(buffer)


def chain_end(vm: Machine) -> int:
    """The last stack frame of the kernel's."""
    return [frame for frame in vm.debug.backtrace() if frame.stack >> 60][-1].stack


def test_the_call_chain_is_the_kernels_own_at_a_panic(vm: Machine) -> None:
    with pytest.raises(ExpectError, match="the guest panicked") as caught:
        vm.shell("echo c >/proc/sysrq-trigger")
    failure = pickle.loads(pickle.dumps(caught.value)).failure
    assert isinstance(failure, GuestPanic) and isinstance(caught.value.__cause__, GuestPanic)
    assert "Kernel panic - not syncing: sysrq triggered crash" in failure.text
    names = [call.split()[2].partition("+")[0] for call in failure.calls]
    for name in ("rtas_os_term", "panic", "sysrq_handle_crash", "write_sysrq_trigger", "vfs_write", "ksys_write"):
        assert name in names
    assert "interrupt: c00" in failure.calls[-1]
    # From panic() on it is what the kernel printed.
    printed = [call.split("+")[0] for one in vm.log.failures for call in one.calls]
    at = printed.index("sysrq_handle_crash")
    assert names[names.index("sysrq_handle_crash") :][:5] == printed[at : at + 5]
    assert failure.registers["msr"] & 0x1000 and any("sysrq triggered crash" in line for line in failure.log)
    with pytest.raises(GuestPanic, match="the guest panicked"):
        vm.check()
    assert "Calls:" in failure.report() and "Registers:" in failure.report()
    assert copy.copy(failure).report() == failure.report()


def test_an_oops_has_its_registers_and_calls(vm: Machine) -> None:
    vm.virtual.store(vm.symbol("version_proc_show"), TRAP, 4)
    assert vm.shell("cat /proc/version").status
    (oops, *_) = vm.log.failures
    assert isinstance(oops, GuestOops) and oops.registers["nip"] == vm.symbol("version_proc_show")
    assert oops.calls[0].startswith("version_proc_show+0x0/0x") and any(
        "system_call_exception" in call for call in oops.calls
    )
    assert oops.registers["r1"] >> 60 == 0xC and "Oops" in oops.text
    with pytest.raises(GuestOops):
        vm.check()


def test_a_lockup_that_the_kernel_notices_is_a_hang() -> None:
    vm = linux(append="pyspapr.shell")
    vm.shell("echo 1 >/proc/sys/kernel/watchdog_thresh").check()
    loop = struct.pack("<16I", *[NOP] * 15, BACK)
    vm.virtual.write(vm.symbol("version_proc_show"), loop)
    with pytest.raises(TimeoutError):
        vm.shell("cat /proc/version", timeout=4)
    hang = next(one for one in vm.log.failures if isinstance(one, GuestHang))
    assert "soft lockup" in str(hang) and any("version_proc_show" in call for call in hang.calls)
    assert vm.debug.backtrace()[0].symbol.startswith("version_proc_show+0x")


def test_a_guest_that_can_never_wake_is_a_hang(vm: Machine) -> None:
    vm.cpus[0]["pc"] = vm.symbol("vfs_write")
    vm.cpus[0]["msr"] &= ~0x8000
    vm.virtual.store(vm.symbol("vfs_write"), HERE, 4)
    with pytest.raises(ExpectError, match="never wake") as caught:
        vm.expect("never", timeout=5)
    failure = caught.value.failure
    assert isinstance(failure, GuestHang) and "vfs_write+0x0/" in failure.calls[0]


def test_a_machine_without_a_kernel_says_so() -> None:
    with Machine(memory="32M") as empty:
        with pytest.raises(ImageError, match="no symbols"):
            empty.symbol("x")
        with pytest.raises(StateError, match="no kernel's log"):
            _ = empty.log.records
        assert empty.symbolize(0x1234) == "0x1234"
        assert empty.debug.backtrace()[0].address == empty.cpus[0]["pc"]


def test_a_ring_that_the_guest_damaged_is_an_error_or_has_fewer_records(vm: Machine) -> None:
    facts = vm.debug.facts
    assert facts is not None
    prb = vm.virtual.u64(facts["SYMBOL(prb)"])
    whole = len(vm.log.records)
    for offset in range(0, 80, 8):
        held = vm.virtual.u64(prb + offset)
        for value in (0, 1, held ^ 1 << 20, (1 << 64) - 1, 0xC << 60 | len(vm.memory) - 8):
            vm.virtual.store(prb + offset, value, 8)
            with contextlib.suppress(StateError):
                assert len(vm.log.records) <= 1 << 20
        vm.virtual.store(prb + offset, held, 8)
    assert len(vm.log.records) == whole


def test_facts_that_the_guest_made_up_are_an_error_or_give_some_records(vm: Machine) -> None:
    facts = vm.debug.facts
    assert facts is not None
    for name in facts:
        for value in (-1, 0, 1, 4095, 1 << 30, 1 << 62, 1 << 64):
            with contextlib.suppress(StateError):
                assert len(read_log(vm.partition, "little", {**facts, name: value})) <= 1 << 20


def record(number: int, text: str) -> LogRecord:
    return LogRecord(number, number * 10**8, 4, 0, "T1", text)


WARNING = """\
------------[ cut here ]------------
WARNING: CPU: 0 PID: 12 at mm/slab.c:7 free_it+0x10/0x40
NIP:  c000000000001010 LR: c000000000002000 CTR: 0000000000000000
GPR00: 0000000000000001 c000000003e03840 0000000000000003 0000000000000004
NIP [c000000000001010] free_it+0x10/0x40
LR [c000000000002000] caller+0x20/0x80
Call Trace:
[c000000003e03840] [c000000000002000] caller+0x20/0x80 (unreliable)
[c000000003e03870] [c000000000003000] main+0x30/0x90
---[ end trace 0000000000000000 ]---
usual: business"""


def test_reports_are_told_apart() -> None:
    lines = [*WARNING.splitlines(), *WARNING.splitlines(), "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]"]
    found = failures(record(number, line) for number, line in enumerate(lines))
    assert [type(one) for one in found] == [GuestWarning, GuestWarning, GuestHang]
    first = found[0]
    assert str(first).endswith("free_it+0x10/0x40") and "usual" not in first.text and "cut here" not in first.text
    assert first.calls == ["free_it+0x10/0x40", "caller+0x20/0x80 (unreliable)", "main+0x30/0x90"]
    registers = [first.registers[name] for name in ("nip", "r1", "r3")]
    assert registers == [0xC000000000001010, 0xC000000003E03840, 4]
    assert failures([]) == []


def table(order: ByteOrder, names: list[tuple[int, str]], *, newer: bool) -> bytes:
    """A table of symbols as `scripts/kallsyms` lays it out, with one token of two characters."""
    char = "<" if order == "little" else ">"
    tokens = [bytes((code,)) if 32 < code < 127 else b"\xfe%02x" % code for code in range(256)]
    tokens[200] = b"Ts"
    texts, places, markers = b"", [], []
    for number, (_, name) in enumerate(names):
        if number % 256 == 0:
            markers.append(len(texts))
        code = name.encode()
        code = b"\xc8" + code[2:] if code.startswith(b"Ts") else code
        texts += (bytes((len(code),)) if len(code) < 128 else bytes((len(code) & 127 | 128, len(code) >> 7))) + code
    for token in range(256):
        places.append(sum(len(one) + 1 for one in tokens[:token]))

    def pad(data: bytes) -> bytes:
        return data + bytes(-len(data) % 8)

    base = 0xC << 60
    offsets = pad(struct.pack(f"{char}{len(names)}I", *(address - base for address, _ in names)))
    start = struct.pack(f"{char}Q", base)
    count = pad(struct.pack(f"{char}I", len(names)))
    marks = pad(struct.pack(f"{char}{len(markers)}I", *markers))
    words = pad(b"".join(token + b"\0" for token in tokens)) + struct.pack(f"{char}256H", *places)
    middle = count + pad(texts) + marks + words
    return middle + offsets + start if newer else offsets + start + middle


NAMES = [((0xC << 60) + 16 * number, f"Tsymbol_{number}" + "x" * (number % 3 * 100)) for number in range(600)]


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("order", ["little", "big"])
def test_a_table_of_either_byte_order_and_layout_is_read(order: ByteOrder, newer: bool) -> None:
    with Machine(memory="32M") as vm:
        vm.memory.write(0x123408, table(order, NAMES, newer=newer))
        rows = read_kallsyms(vm.partition.ram, order)
        assert rows is not None
        assert [(address, kind + name) for address, kind, name in rows] == NAMES
        assert read_kallsyms(vm.partition.ram, "big" if order == "little" else "little") is None


@given(st.data())
def test_a_damaged_table_is_none_or_some_names(data: st.DataObject) -> None:
    image = bytearray(table("little", NAMES, newer=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 8))):
        image[data.draw(st.integers(0, len(image) - 1))] = data.draw(st.integers(0, 255))
    with Machine(memory="32M") as vm:
        vm.memory.write(0x8000, bytes(image[: data.draw(st.integers(1, len(image)))]))
        rows = read_kallsyms(vm.partition.ram, "little")
        assert rows is None or len(rows) <= len(NAMES)


def test_of_two_names_both_are_found_and_the_first_is_shown() -> None:
    symbols = KernelSymbols([(16, "one"), (16, "two"), (48, "three")])
    assert (symbols["one"], symbols["two"]) == (16, 16)
    place = symbols.find(20)
    assert place is not None and (str(place), place.name) == ("one+0x4/0x20", "one")
    assert symbols.find(15) is None and symbols.find(48 + (1 << 20)) is None
