"""Debuggers: GDB itself on programs of both byte orders and on Debian's kernel, and packets as they are."""

from __future__ import annotations

import gc
import os
import random
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from commands import program
from images import BASE, li, started, write_kernel
from test_linux import guest, linux

from pyspapr import AddressError, InstructionLimit, Interrupted, Machine, StopReason
from pyspapr.gdb import GdbServer
from pyspapr.partition.calls import Calls

GDB = "gdb-multiarch"
DATA = 0x30000
LWARX = 0x7C805028  # lwarx r4,0,r10
ADDI = 0x38840001  # addi r4,r4,1
STWCX = 0x7C80512D  # stwcx. r4,0,r10
BNE = 0x40C2FFF4  # bne .-12
MTCTR = 0x7C8903A6  # mtctr r4
BACK = 0x4BFFFFEC  # b .-20
ATOMIC = (LWARX, ADDI, STWCX, BNE, MTCTR, BACK)
LIMIT = 200_000


def counting(vm: Machine, *, little_endian: bool = False) -> Machine:
    """A guest that adds 1 to a word for ever, with a reservation."""
    started(vm, *ATOMIC)
    vm.cpus[0].r10 = DATA
    if little_endian:
        code = b"".join(word.to_bytes(4, "little") for word in ATOMIC)
        vm.memory[BASE : BASE + len(code)] = code
        vm.cpus[0].msr |= 1
    return vm


def gdb(*commands: str, seconds: float = 60) -> str:
    """What GDB says to these commands."""
    words = [GDB, "-q", "-nx", "-batch", "-ex", "set pagination off"]
    for command in commands:
        words += ["-ex", command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    return done.stdout + done.stderr


class Debugged:
    """A machine that a thread runs, from the first instruction or from the first debugger's on."""

    def __init__(self, vm: Machine, server: GdbServer) -> None:
        self.vm = vm
        self.server = server
        self.reason: StopReason | None = None

    def run(self, limit: int | None) -> None:
        self.reason = self.vm.run(max_instructions=limit)


@contextmanager
def debugged(vm: Machine, directory: Path, limit: int | None = None, *, paused: bool = True) -> Iterator[Debugged]:
    if paused:
        vm.pause()
    with vm.gdb(f"unix:{directory}/gdb") as server:
        one = Debugged(vm, server)
        thread = threading.Thread(target=one.run, args=(limit,))
        thread.start()
        try:
            yield one
            if limit is not None:
                thread.join(120)
        finally:
            vm.stop()
            thread.join(30)
    assert not thread.is_alive()


class Client:
    """A debugger that says what the test says."""

    def __init__(self, directory: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(f"{directory}/gdb")
        self._seen = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, body: str) -> None:
        self.socket.sendall(f"${body}#{sum(body.encode()) & 255:02x}".encode())

    def answer(self) -> str:
        while (match := re.match(rb"\+*\$([^#]*)#..", self._seen)) is None:
            data = self.socket.recv(4096)
            if not data:
                return ""
            self._seen += data
        self._seen = self._seen[match.end() :]
        return re.sub(rb"(.)\*(.)", lambda run: run[1] * (run[2][0] - 28), match[1], flags=re.DOTALL).decode()

    def ask(self, body: str) -> str:
        self.send(body)
        return self.answer()

    def text(self, command: str) -> str:
        """What `monitor` says."""
        self.send(f"qRcmd,{command.encode().hex()}")
        text = ""
        while (answer := self.answer()) != "OK":
            text += bytes.fromhex(answer[1:]).decode()
        return text

    def end(self) -> bytes:
        """What comes until the connection is closed."""
        data = b""
        while piece := self.socket.recv(4096):
            data += piece
        return data


def register(vm: Machine, name: str) -> int:
    return vm.call(lambda: vm.cpus[0][name])


def gone(vm: Machine) -> None:
    """Wait until the machine knows that its debugger has gone."""
    while vm.partition.debugger is not None:
        time.sleep(0.001)


def undisturbed(make: Callable[[], Machine]) -> str:
    vm = make()
    assert vm.run(max_instructions=LIMIT) == InstructionLimit(LIMIT)
    return vm.state_hash()


@pytest.mark.parametrize("order", ["big", "little"])
def test_gdb_steps_breaks_and_watches_in_both_byte_orders(order: str, tmp_path: Path) -> None:
    def make() -> Machine:
        return counting(Machine(memory="32M"), little_endian=order == "little")

    with debugged(make(), tmp_path, LIMIT) as one:
        text = gdb(
            "set architecture powerpc:common64",
            f"set endian {order}",
            f"target remote {tmp_path}/gdb",
            "printf \"at %lx r10 %lx\\n\", $pc, $r10",
            "stepi",
            "stepi",
            "stepi",
            "stepi",
            "printf \"after stwcx. at %lx r4 %d word %d\\n\", $pc, $r4, *(int*)0x30000",
            f"hbreak *{BASE + 16}",
            f"break *{BASE + 4}",
            "continue",
            "delete 1",
            "continue",
            "printf \"then %lx ctr %d\\n\", $pc, $ctr",
            "delete",
            "watch *(int*)0x30000",
            "continue",
            "continue",
            "delete",
            "rwatch *(int*)0x30000",
            "continue",
            "delete",
            f"x/2i {BASE:#x}",
            "set var $vr1.uint128 = 0x0123",
            "p/x $vr1.uint128",
            "p/x $vs33.uint128",
            "set var $vr1.uint128 = 0",
            "info threads",
            "detach",
        )  # fmt: skip
    assert one.reason == InstructionLimit(LIMIT)
    for line in (
        f"at {BASE:x} r10 30000",
        f"after stwcx. at {BASE:x} r4 1 word 1",
        f"then {BASE + 4:x} ctr 2",
        "Old value = 2\nNew value = 3",
        "Old value = 3\nNew value = 4",
        "Hardware read watchpoint 4: *(int*)0x30000",
        "lwarx   r4,0,r10",
        "$1 = 0x123\n",
        "$2 = 0x123\n",
        "(power8, runs)",
    ):
        assert line in text, text
    # To debug it was to look only: the guest is what it would have been.
    assert one.vm.state_hash() == undisturbed(make)


@pytest.mark.timeout(900)
def test_gdb_debugs_debians_kernel(tmp_path: Path) -> None:
    limit = 300_000_000
    kernel = guest("linux/vmlinux")
    with debugged(linux(), tmp_path, limit) as one:
        text = gdb(
            f"file {kernel}",
            f"target remote {tmp_path}/gdb",
            "printf \"first %lx\\n\", $pc",
            "break start_kernel",
            "continue",
            "bt",
            "stepi",
            "delete",
            "hbreak proc_root_init",
            "continue",
            "finish",
            "delete",
            "watch *(unsigned long *)&jiffies",
            "continue",
            "bt 3",
            "delete",
            "x/s (char *)&linux_banner",
            "delete",
            "monitor hpt",
            "monitor slb",
            "monitor xics",
            "detach",
            seconds=100,
        )  # fmt: skip
    assert one.reason == InstructionLimit(limit)
    for line in (
        "first 0\n",
        "Breakpoint 1, 0x",
        "in start_kernel ()\n#1  0x",
        "in start_here_common ()",
        "Hardware watchpoint 3: *(unsigned long *)&jiffies",
        "Old value = 4294892296\nNew value = 4294892297",
        "in do_timer ()",
        "in tick_periodic ()",
        "Breakpoint 2, 0x",
        "in proc_root_init ()\n0x",
        "in start_kernel ()\nHardware watchpoint 3",
        "Linux version 6.1",
        " entries, ",
        "c000000008000000",
        "icp/server cppr",
    ):
        assert line in text, text
    straight = linux()
    straight.run(max_instructions=limit)
    assert one.vm.state_hash() == straight.state_hash()


def test_a_hundred_random_sessions_change_nothing(tmp_path: Path, demo_guest: Path) -> None:
    def make() -> Machine:
        vm = Machine(memory="64M")
        vm.load_kernel(demo_guest)
        return vm

    limit = 3_000_000
    straight = make()
    straight.run(max_instructions=limit)
    wanted = straight.state_hash()
    draw = random.Random(5)
    starts = [make() for _ in range(2)]
    starts[1].run(max_instructions=2_000_000)
    frozen = [start.snapshot() for start in starts]
    for number in range(100):
        vm = frozen[number % 2].fork()
        with debugged(vm, tmp_path, limit - vm.instructions) as one, Client(tmp_path) as client:
            assert client.ask("?").startswith("T05")
            points: list[str] = []
            for _ in range(draw.randrange(1, 12)):
                match draw.randrange(7):
                    case 0 | 1:
                        assert client.ask("vCont;s:1").startswith("T05")
                    case 2:
                        kind, at = draw.randrange(2), register(vm, "pc") + 4 * draw.randrange(8)
                        points.append(f"{kind},{at:x},4")
                        assert client.ask(f"Z{points[-1]}") == "OK"
                    case 3:
                        kind, at = draw.randrange(2, 5), register(vm, "r1") + 8 * draw.randrange(16)
                        points.append(f"{kind},{at:x},{draw.choice((1, 4, 8, 64))}")
                        assert client.ask(f"Z{points[-1]}") == "OK"
                    case 4:
                        client.send("vCont;c")
                        client.socket.sendall(b"\x03")
                        assert client.answer().startswith("T0")
                        if vm.call(lambda vm=vm: vm.instructions) == limit:  # type: ignore[misc]
                            break  # the run has ended: nothing goes on
                    case 5:
                        assert len(client.ask("g")) > 2000
                    case 6:
                        client.ask(f"m{register(vm, 'r1'):x},{draw.randrange(1, 200):x}")
            if draw.randrange(2):
                assert client.ask("D;1") == "OK"
            else:
                client.socket.close()
                gone(vm)
                vm.resume()
        assert one.reason == InstructionLimit(limit), number
        assert vm.state_hash() == wanted, number


def test_single_steps_keep_a_reservation(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path) as one, Client(tmp_path) as client:
        client.ask("?")
        for n in range(1, 13):
            assert client.ask("vCont;s:1").startswith("T05")
            assert register(one.vm, "pc") == BASE + 4 * (n % 6)
        assert client.ask(f"m{DATA:x},4") == "00000002"


def test_ctrl_c_stops_a_guest_that_runs_and_one_that_is_lost_goes_on(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path, paused=False) as one:
        with Client(tmp_path) as client:
            assert client.ask("?").startswith("T05thread")
            assert one.vm.paused
            client.send("vCont;c")
            client.socket.sendall(b"\x03")
            assert client.answer() == "T02thread:01;"
            assert one.vm.paused and one.vm.status == "paused"
            # Somebody else may stop it, too.
            client.send("vCont;c")
            while one.vm.paused:
                time.sleep(0.001)
            one.vm.pause()
            assert client.answer() == "T02thread:01;"
        before = one.vm.call(lambda: one.vm.instructions)
        while one.vm.call(lambda: one.vm.instructions) == before:
            time.sleep(0.001)


def test_one_that_is_lost_leaves_a_guest_as_it_was_found(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path) as one:
        with Client(tmp_path) as client:
            assert client.ask("Z0,10000,4") == "OK"
        gone(one.vm)
        assert one.vm.paused and not len(one.vm.partition.watching)


def test_a_debugger_may_kill_and_there_is_one_at_a_time(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path) as one, Client(tmp_path) as client:
        assert client.ask("?").startswith("T05")
        with Client(tmp_path) as second:
            assert second.end() == b""
        client.send("k")
        client.end()
        while one.reason is None:
            time.sleep(0.001)
        assert one.reason == Interrupted()


def test_a_guest_that_ends_tells_its_debugger(tmp_path: Path, demo_guest: Path) -> None:
    vm = Machine(memory="64M")
    vm.load_kernel(demo_guest)
    vm.run(max_instructions=1_000_000)
    with debugged(vm, tmp_path) as one, Client(tmp_path) as client:
        client.ask("?")
        client.send("vCont;c")
        vm.console.write("off\n")
        assert client.answer() == "W00"
        assert client.end() == b""
    assert one.reason is not None and one.reason.final


def test_what_a_debugger_cannot_have_is_refused(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path) as one, Client(tmp_path) as client:
        client.ask("?")
        before = one.vm.call(one.vm.state_hash)
        for body in (
            "m2000000,4",  # behind RAM
            "mffffffffffffffff,8",
            "M1ffffff,2:0000",
            "Z2,ffffffffffffffff,8",
            "Z2,1000,0",
            "z0,4,4",
            "P20=00",
            "Hg9",
        ):
            answer = client.ask(body)
            assert answer[:1] in ("E", "") or body == "Hg9", (body, answer)
        assert client.ask("g").startswith("E")  # of a processor that is not there
        assert client.ask("Hg1") == "OK"
        assert client.ask("bs") == "" and client.ask("bc") == ""
        for command, answer in (
            ("", "help: this list"),
            ("nonsense", "there is no command 'nonsense'"),
            ("hpt x", "'x' is no number"),
            ("hpt 99999999", "does not exist"),
            ("slb 7", "out of range"),
            ("real 0xffffffff", "outside"),
            ("real", "wrong arguments; real ADDRESS"),
            ("save /no/such/folder/file", "No such file"),
            ("endian middle", "no byte order"),
        ):
            assert answer in client.text(command), command
        assert one.vm.call(one.vm.state_hash) == before


def test_what_is_no_packet_costs_the_debugger_its_connection_and_the_guest_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draw = random.Random(3)

    def make() -> Machine:
        return counting(Machine(memory="32M"))

    with debugged(make(), tmp_path, LIMIT) as one:
        for data in (
            b"$m0,4#00",
            b"$" + b"x" * 100_000,
            b"-",
            b"$vCont;#ff",
            b"$vCont;s#b3",
            *(b"$" + draw.randbytes(60).translate(None, b"$#\x03") + b"#zz" for _ in range(20)),
        ):
            caplog.clear()
            with Client(tmp_path) as client:
                try:
                    client.socket.sendall(data)
                    client.end()
                except ConnectionError:
                    pass
            [record] = caplog.records
            assert "dropped the debugger" in record.getMessage() and "remote protocol" in record.getMessage()
        gone(one.vm)
        one.vm.resume()
    assert one.reason == InstructionLimit(LIMIT)
    assert one.vm.state_hash() == undisturbed(make)


def test_a_processor_that_is_not_there_is_not_described_and_not_stepped(tmp_path: Path) -> None:
    """A request for one ended the thread that serves the socket, and no debugger could connect any more."""
    with debugged(counting(Machine(memory="32M", vcpus=2)), tmp_path) as one:
        with Client(tmp_path) as client:
            assert client.ask("qThreadExtraInfo,1") != ""
            assert client.ask("qThreadExtraInfo,63") == ""
            client.send("vCont;s:63")
            client.socket.sendall(b"\x03")
            assert client.answer().startswith("T02")
        with Client(tmp_path) as client:
            assert client.ask("?").startswith("T05")
        assert not one.vm.partition.life.over


@pytest.mark.parametrize("length", ["4001", "40000000", "ffffffffffffffff"])
def test_more_memory_than_a_packet_holds_is_not_read(
    length: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All of RAM was gathered for one answer."""
    with debugged(counting(Machine(memory="32M")), tmp_path):
        with Client(tmp_path) as client:
            client.send(f"m0,{length}")
            client.end()
        [record] = caplog.records
        assert "asks for more than 16384 bytes" in record.getMessage()
        with Client(tmp_path) as client:
            for _ in range(3):
                assert client.ask("m0,2000")[:1] == "0"


def test_without_descriptors_a_debugger_waits_and_costs_nothing(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path) as one, socket.socket(socket.AF_UNIX) as late:
        late.settimeout(60)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        held = []
        try:
            with suppress(OSError):
                while True:
                    held.append(os.dup(0))
            noticed, patience = threading.Event(), one.server._patience

            def patient() -> float | None:
                left = patience()
                if left is not None:
                    noticed.set()
                return left

            one.server._patience = patient  # type: ignore[method-assign]
            late.connect(f"{tmp_path}/gdb")
            assert noticed.wait(60)
            door = one.server._listener.socket.fileno()
            assert door not in one.server._selector.get_map() or one.server._scarce_until is None
        finally:
            for fd in held:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        late.sendall(b"$?#3f")
        assert b"T05" in late.recv(100)


def test_a_debugger_that_reads_nothing_holds_nobody(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path) as one, Client(tmp_path) as client:
        client.socket.settimeout(1)
        sent = 0
        packet = b"$g#67" * 1000
        with pytest.raises(TimeoutError):
            while sent < 1 << 26:
                sent += client.socket.send(packet)
        assert one.vm.call(lambda: one.vm.instructions) == 0


def test_registers_and_memory_are_written(tmp_path: Path) -> None:
    with debugged(counting(Machine(memory="32M")), tmp_path) as one, Client(tmp_path) as client:
        client.ask("?")
        assert client.ask("P3=0000000000001234") == "OK"
        assert client.ask("p3") == "0000000000001234"
        everything = client.ask("g")
        assert client.ask(f"G{everything[: 16 * 4]}00000000deadbeef{everything[16 * 5 :]}") == "OK"
        assert client.ask("M30000,4:00000029") == "OK"
        assert client.ask("X30004,2:}\x03}\x04") in ("OK", "")  # escaped bytes, where the debugger may send such
        cpu = one.vm.cpus[0]
        assert one.vm.call(lambda: (cpu.r3, cpu.r4)) == (0x1234, 0xDEADBEEF)
        assert client.ask("vCont;s:1").startswith("T05")
        assert one.vm.call(lambda: cpu.r4) == 0x29


def test_a_server_keeps_no_machine(tmp_path: Path) -> None:
    gc.disable()
    try:
        vm = counting(Machine(memory="32M"))
        reference = weakref.ref(vm.partition)
        with vm.gdb(f"unix:{tmp_path}/gdb"), Client(tmp_path) as client:
            assert client.ask("Z0,10000,4") == "OK"
            del vm
            while reference() is not None:  # the server's thread may be in the last call
                time.sleep(0.001)
            client.send("?")
            assert client.end() in (b"", b"+")
    finally:
        gc.enable()


@pytest.mark.parametrize("text", ["", "gdb", "fd:3", "tcp:", "tcp:host:99999", "unix:"])
def test_an_address_that_is_none_is_refused(text: str, vm: Machine) -> None:
    with pytest.raises(AddressError, match="debugger"):
        vm.gdb(text)


def test_the_command_line_waits_for_gdb(tmp_path: Path) -> None:
    kernel = write_kernel(tmp_path, *li(5, 0), 0x38A50001, 0x4BFFFFFC)
    words = program("boot", "--kernel", kernel, "--memory", "32M", "-S", "--gdb", f"unix:{tmp_path}/gdb")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"pyspapr: waiting for GDB at unix:{tmp_path}/gdb\n"
        text = gdb(
            "set architecture powerpc:common64",
            "set endian big",
            f"target remote {tmp_path}/gdb",
            "stepi 8",
            "p $r5",
            f"monitor save {tmp_path}/saved",
            "kill",
        )
        assert "$1 = " in text and "saved to" in text and process.wait(30) == 0
    words = program("gdb", tmp_path / "saved", f"unix:{tmp_path}/gdb")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        again = gdb(
            "set architecture powerpc:common64", "set endian big", f"target remote {tmp_path}/gdb", "p $r5", "detach"
        )
        assert re.findall(r"\$1 = .*", again) == re.findall(r"\$1 = .*", text)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_the_machines_thread_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a debugger asks is looked up between two instructions."""
    seen: list[int] = []
    serve = Calls.serve

    def watched(calls: Calls) -> None:
        seen.append(threading.get_ident())
        serve(calls)

    monkeypatch.setattr(Calls, "serve", watched)
    with debugged(counting(Machine(memory="32M")), tmp_path) as one, Client(tmp_path) as client:
        assert client.ask("g") and one.vm.running
    assert len(set(seen)) == 1
