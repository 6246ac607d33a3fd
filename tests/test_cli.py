"""The command line as a person meets it: output, one line for every mistake, exit statuses."""

from __future__ import annotations

import errno
import io
import os
import pty
import re
import resource
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import program
from images import BASE, POWER_OFF, assemble, elf, hypercall, li, rtas, write_kernel

import pyspapr
from pyspapr.cli import unix
from pyspapr.cli.boot import ENDING
from pyspapr.cli.disas import line_of, lines_of
from pyspapr.cli.unix import SocketConsole
from pyspapr.errors import ImageError
from pyspapr.host.address import UnixAddress

SPIN = [0x60000000, 0x4BFFFFFC]


def run(*arguments: object, data: bytes = b"", timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        program(*arguments),
        input=data,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def complaint(done: subprocess.CompletedProcess[bytes], status: int = 2) -> str:
    """The one line on standard error."""
    text = done.stderr.decode()
    assert done.returncode == status, text
    assert text.count("\n") == 1 and text.startswith("pyspapr: "), text
    return text


def test_import_is_quick() -> None:
    # 100 ms of processor time on a machine that imports rich.progress in 42 ms. Measured in turns, because a busy
    # neighbour on the same core slows both alike.
    code = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"

    def cost(module: str) -> float:
        return float(subprocess.check_output([sys.executable, "-c", code.format(module)]))

    pairs = [(cost("pyspapr"), cost("rich.progress")) for _ in range(9)]
    ours, measure = (min(column) for column in zip(*pairs, strict=True))
    assert ours < measure * 100 / 42, (ours, measure)


def test_import_leaves_the_command_line_alone() -> None:
    code = "import sys, pyspapr; print([m for m in ('click', 'rich', 'cbor2', 'pyspapr.cli') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"[]\n"


def test_version_and_help() -> None:
    assert pyspapr.__version__ in run("--version").stdout.decode()
    for command in ([], ["boot"], ["demo"], ["disas"], ["info"]):
        done = run(*command, "--help")
        assert done.returncode == 0 and b"Usage: pyspapr" in done.stdout


def test_no_command_is_a_mistake_like_others() -> None:
    assert complaint(run()) == "pyspapr: Missing command. 'pyspapr --help' lists them.\n"


def test_info_shows_models_limits_and_features() -> None:
    done = run("info")
    assert done.returncode == 0
    for word in ("power8", "power9", "0x004d0200", "hash", "XICS", "hypercalls"):
        assert word in done.stdout.decode()
    assert re.search(r"processors\W+1 to 64\b", done.stdout.decode())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kernel", "nowhere"], "kernel nowhere: No such file or directory"),
        (["--kernel", "not-elf"], "kernel not-elf: not an ELF file"),
        (["--kernel", "x86"], "kernel x86: an ELF file for x86-64, expected 64-bit PowerPC"),
        (["--kernel", "x86", "--profile"], "kernel x86: an ELF file for x86-64"),
        (["--kernel", "not-elf", "--profile"], "kernel not-elf: not an ELF file"),
        (["--kernel", "ok", "--profile", "--symbols", "x86"], "symbols x86: an ELF file for x86-64"),
        (["--kernel", "odd"], "kernel odd: entry 0x10001 is at 0x10001, expected a multiple of 4"),
        (["--kernel", "class"], "kernel class: ELF class 1, expected 2 (64-bit)"),
        (["--kernel", "short"], "kernel short: truncated: segment 0 ends at 0x2000, the file at 0x1800"),
        (["--kernel", "high"], "is outside 64M of memory"),
        (["--kernel", "ok", "--initrd", "nowhere"], "initrd nowhere: No such file or directory"),
        (["--kernel", "ok", "--initrd", "huge"], "initrd huge: 104857600 bytes do not fit"),
        (["--kernel", "ok", "--append", "x" * 100_000], "the device tree is too large"),
        (["--kernel", "ok", "--memory", "0"], "memory size 0 bytes is outside 32M to 4T"),
        (["--kernel", "ok", "--memory", "33333333"], "memory size 33333333 bytes is outside"),
        (
            ["--kernel", "ok", "--memory", "1024"],
            "size 1024 bytes is outside 32M to 4T; is a unit missing, as in 1024M?",
        ),
        (["-kernel", "ok"], "-kernel is QEMU's: here it is --kernel FILE"),
        (["--kernel", "ok", "-m", "1G"], "-m is QEMU's: here it is --memory SIZE"),
        (["--kernel", "ok", "-smp", "2"], "-smp is QEMU's: here it is --smp N"),
        (["--kernel", "ok", "-nographic"], "-nographic is QEMU's: here the console is on the terminal anyway"),
        (["--kernel", "ok", "-M=pseries"], "-M is QEMU's: here every machine is a pseries"),
        (["--kernel", "ok", "--memory", "100000001"], "is not a multiple of 16M"),
        (["--kernel", "ok", "--memory", "9" * 5000], "has 5000 digits"),
        (["--kernel", "ok", "--memory", "lots"], "memory size 'lots' is not a number"),
        (["--kernel", "ok", "--cpu", "z80"], "unknown CPU 'z80': choose one of power8, power9, power10"),
        (["--kernel", "ok", "--timeout", "-1"], "-1"),
        (["--kernel", "ok", "--timeout", "soon"], "soon"),
        (["--kernel", "ok", "--timeout", "inf"], "timeout is inf, expected a finite number of seconds"),
        (["--kernel", "ok", "--timeout", "nan"], "timeout is nan, expected a finite number of seconds"),
        (["--kernel", "ok", "--timeout", "nan", "--lockstep"], "timeout is nan"),
        (["--kernel", "ok", "--max-instructions", "0"], "0"),
        (["--kernel", "ok", "--clock", "sundial"], "sundial"),
        (
            ["--kernel", "ok", "--console", "carrier-pigeon"],
            "'carrier-pigeon' is no address of a console: wanted stdio or unix:PATH",
        ),
        (["--kernel", "ok", "--console", "unix:"], "'unix:' is no address of a console: wanted unix:PATH"),
        (["--kernel", "ok", "--console", "unix:/no/such/place"], "cannot listen at unix:/no/such/place: No such file"),
        (["--kernel", "ok", "--console", "unix:ok"], "cannot listen at unix:ok: a file that is not a socket is there"),
        ([], "Missing option '--kernel'"),
        (["--kernel", "ok", "--nonsense"], "No such option"),
    ],
)
def test_bad_input_gets_one_line_and_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ok").write_bytes(elf(assemble(*POWER_OFF)))
    Path("not-elf").write_bytes(b"#!/bin/sh\n" * 100)
    Path("x86").write_bytes(Path("/bin/true").read_bytes() if os.uname().machine == "x86_64" else elf(b"", machine=62))
    Path("class").write_bytes(elf(b"").replace(b"\x7fELF\2", b"\x7fELF\1"))
    Path("odd").write_bytes(elf(assemble(*POWER_OFF), entry=BASE + 1))
    Path("short").write_bytes(elf(bytes(0x1000))[:0x1800])
    Path("high").write_bytes(elf(assemble(*POWER_OFF), address=1 << 30))
    with open("huge", "wb") as file:
        file.truncate(100 << 20)
    before = {path.name for path in tmp_path.iterdir()}
    memory = [] if "--memory" in options else ["--memory", "64M"]
    assert message in complaint(run("boot", *memory, *options))
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["demo", "--cpu", "z80"], "unknown CPU 'z80': choose one of power8, power9, power10"),
        (["migrate", "--qmp", "unix:x", "--bandwidth", "-1", "unix:y"], "bandwidth '-1' is not a number"),
        (["migrate", "--qmp", "unix:x", "--bandwidth", "9" * 5000, "unix:y"], "has 5000 digits"),
        (["restore", "-kernel", "x", "y"], "No such option '-k'"),
        (["restore", "y", "--smp", "2"], "No such option '--smp'"),
        (["disas", "-nographic", "y"], "-nographic is QEMU's: here the console is on the terminal anyway"),
    ],
)
def test_a_complaint_is_all_that_is_said_and_names_what_is_wrong(words: list[str], message: str) -> None:
    text = complaint(done := run(*words))
    assert message in text and "memory" not in text and done.stdout == b""


def boot(kernel: Path, *options: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run("boot", "--kernel", kernel, "--memory", "64M", *options, data=data)


def test_power_off_is_status_0(tmp_path: Path) -> None:
    done = boot(write_kernel(tmp_path, *rtas(0x2000, ord("A")), *POWER_OFF))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"A", b"")


def test_a_panic_is_status_3_with_its_text(tmp_path: Path, demo_guest: Path) -> None:
    text = complaint(boot(demo_guest, "--append", "panic"), status=3)
    assert text.startswith("pyspapr: the guest panicked: ")
    code = [*li(5, int.from_bytes(b"a\nb\0", "big")), *li(6, 0x7000), 0x90A60000, *rtas(0x201F, 0x7000)]
    assert complaint(boot(write_kernel(tmp_path, *code)), status=3) == "pyspapr: the guest panicked: a b\n"


def test_a_complaint_begins_a_line_where_the_console_is_in_the_middle_of_one(tmp_path: Path) -> None:
    panic = [*li(5, int.from_bytes(b"oh\0\0", "big")), *li(6, 0x7000), 0x90A60000, *rtas(0x201F, 0x7000)]
    for said, between in ((b"A", b"\r\n"), (b"\n", b"")):
        kernel = write_kernel(tmp_path, *rtas(0x2000, said[0]), *panic)
        command = program("boot", "--kernel", kernel, "--memory", "64M")
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.stdout == said + between + b"pyspapr: the guest panicked: oh\n"


def test_a_guest_may_need_more_memory_than_a_machine(demo_guest: Path) -> None:
    text = " ".join(run("boot", "--help").stdout.decode().split())
    assert "from 32M to 4T in steps of 16M" in text and "needs 48M" in text
    for memory, status in (("32M", 3), ("48M", 0)):
        done = run("boot", "--kernel", demo_guest, "--append", "rounds=2", "--memory", memory)
        assert done.returncode == status, done.stderr


def test_limits_and_sleepers_are_status_4(tmp_path: Path, demo_guest: Path) -> None:
    kernel = write_kernel(tmp_path, *SPIN)
    assert "instruction limit was reached (the machine has executed 1000" in complaint(
        boot(kernel, "--max-instructions", 1000), status=4
    )
    assert "time limit of 0.3 s" in complaint(boot(kernel, "--timeout", 0.3), status=4)
    assert "instruction limit" in complaint(boot(kernel, "--max-instructions", 9, "--timeout", "1e308"), status=4)
    assert "can never wake" in complaint(boot(demo_guest, "--append", "hang"), status=4)


def test_strict_names_the_instruction(tmp_path: Path) -> None:
    text = complaint(boot(write_kernel(tmp_path, 0x00000001), "--strict"), status=4)
    assert "no semantics for the instruction at 0x10000: 00000001" in text


def test_a_reboot_starts_again_unless_it_is_forbidden(tmp_path: Path) -> None:
    kernel = write_kernel(tmp_path, *rtas(0x2000, ord("A")), *rtas(0x2004))
    done = boot(kernel, "--max-instructions", 200)
    assert done.returncode == 4 and set(done.stdout) == {ord("A")} and len(done.stdout) > 1
    assert b"pyspapr: the guest reboots\n" in done.stderr
    done = boot(kernel, "--no-reboot")
    assert (done.returncode, done.stdout) == (0, b"A")


def echo_kernel(directory: Path) -> Path:
    """A kernel that prints what it reads, and powers off after a `q` at the start of a piece."""
    get = hypercall(0x54, 0)
    body = [
        *get,
        0x2C240000,  # cmpdi r4,0
        0x41820000 | (-4 * (len(get) + 1) & 0xFFFC),  # beq again
        0x7CA72B78,  # mr r7,r5    second doubleword comes in r6
        0x7CC83378,  # mr r8,r6
        0x7C852378,  # mr r5,r4    length
        0x7CE63B78,  # mr r6,r7
        0x7D074378,  # mr r7,r8
        0x38800000,  # li r4,0
        0x38600058,  # li r3,0x58
        0x44000022,  # sc 1
        0x78C94620,  # srdi r9,r6,56
        0x2C290071,  # cmpdi r9,'q'
    ]
    body.append(0x40820000 | (-4 * len(body) & 0xFFFC))  # bne again
    return write_kernel(directory, *body, *POWER_OFF)


def test_a_pipe_is_the_guests_input(tmp_path: Path) -> None:
    for clock in ("virtual", "host"):
        done = boot(echo_kernel(tmp_path), "--clock", clock, "--timeout", 20, data=b"hello guest!____q")
        assert (done.returncode, done.stdout) == (0, b"hello guest!____q"), done.stderr


def test_the_end_of_the_input_does_not_end_the_guest(tmp_path: Path) -> None:
    assert "time limit" in complaint(boot(echo_kernel(tmp_path), "--timeout", 0.5, data=b"x"), status=4)


def test_a_closed_output_ends_the_run_quietly(demo_guest: Path) -> None:
    words = program("boot", "--memory", "64M", "--kernel", demo_guest)
    process = subprocess.Popen(
        [*words, "--append", "forever", "--timeout", "30"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("words", [["info"], ["disas", "-"], ["demo"], ["qmp"], ["boot", "--help"]])
def test_an_output_that_nobody_reads_ends_any_command_quietly(words: list[str]) -> None:
    unread, writer = os.pipe()
    os.close(unread)
    with open(writer, "wb") as output:
        done = subprocess.run(
            program(*words), input=b"4e800020\n", stdout=output, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_complaints_that_nobody_reads_do_not_change_the_status() -> None:
    unread, writer = os.pipe()
    os.close(unread)
    with open(writer, "wb") as output:
        assert subprocess.run(program("disas", "nowhere"), stderr=output, timeout=60, check=False).returncode == 2


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "<&- >&- 2>&-", "2>&-"])
def test_closed_standard_files_are_no_trouble(tmp_path: Path, redirection: str) -> None:
    kernel = write_kernel(tmp_path, *hypercall(0x54, 0), *rtas(0x2000, ord("A")), *POWER_OFF)
    words = shlex.join(program("boot", "--memory", "64M", "--kernel", kernel))
    done = subprocess.run(["sh", "-c", f"{words} {redirection}"], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (b"" if ">&-" in redirection.replace("2>&-", "") else b"A")


def test_a_full_disk_gets_one_line(tmp_path: Path) -> None:
    kernel = write_kernel(tmp_path, *rtas(0x2000, ord("A")), *POWER_OFF)
    for words in (["boot", "--memory", "64M", "--kernel", kernel], ["info"], ["qmp"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                program(*words), stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
            )
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and b"No space left" in done.stderr


def test_ctrl_c_ends_a_piped_run_with_one_line(tmp_path: Path) -> None:
    kernel = write_kernel(tmp_path, *rtas(0x2000, ord("A")), *SPIN)
    process = subprocess.Popen(
        program("boot", "--memory", "64M", "--kernel", kernel),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.read(1) == b"A"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130 and error == b"pyspapr: interrupted\n"


def heed_signals() -> None:
    """Also where whoever runs the tests has turned them off (`nohup`, a job in the background)."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)


class Terminal:
    """pyspapr with a pseudo-terminal at its console."""

    def __init__(self, *arguments: object) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            program(*arguments),
            stdin=self.slave,
            stdout=self.slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=heed_signals,
        )
        self.output = b""
        self.error = b""  # what it said on standard error, once it has ended

    def expect(self, text: bytes, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.output:
            ready, _, _ = select.select([self.master], [], [], max(end - time.monotonic(), 0))
            assert ready, self.output
            self.output += os.read(self.master, 4096)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self) -> int:
        """Exit status; the terminal must be as it was."""
        _, self.error = self.process.communicate(timeout=20)
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode


def test_a_terminal_is_raw_and_is_put_back(tmp_path: Path) -> None:
    kernel = write_kernel(tmp_path, *rtas(0x2000, ord("#")), *open_echo(tmp_path))
    terminal = Terminal("boot", "--memory", "64M", "--kernel", kernel)
    terminal.expect(b"#")
    terminal.type(b"\x03abc")
    terminal.expect(b"\x03abc")
    terminal.type(b"\x01h")
    terminal.expect(b"Ctrl-A x")
    terminal.type(b"\x01c")
    terminal.expect(b"pc 0x")
    terminal.type(b"\x01x")
    # As Ctrl-C elsewhere, so that a script can tell it from a power-off.
    assert terminal.end() == 130
    assert terminal.error == b"pyspapr: left with Ctrl-A x\n"


def open_echo(directory: Path) -> list[int]:
    """The words of the echo kernel."""
    data = echo_kernel(directory).read_bytes()[0x1000:]
    return [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_put_the_terminal_back(tmp_path: Path, number: signal.Signals) -> None:
    terminal = Terminal("boot", "--memory", "64M", "--kernel", write_kernel(tmp_path, *rtas(0x2000, ord("#")), *SPIN))
    terminal.expect(b"#")
    terminal.process.send_signal(number)
    assert terminal.end() == 128 + number


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_that_is_ignored_from_the_start_stays_so(tmp_path: Path, number: signal.Signals) -> None:
    words = program("boot", "--memory", "64M", "--kernel", write_kernel(tmp_path, *rtas(0x2000, ord("#")), *SPIN))
    process = subprocess.Popen(
        ["sh", "-c", f"trap '' {number.name[3:]}; exec {shlex.join(words)}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdout.read(1) == b"#"
    process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    process.stdout.close()


def test_sigquit_puts_the_terminal_and_the_sockets_back_and_kills(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        kernel = write_kernel(tmp_path, *rtas(0x2000, ord("#")), *SPIN)
        terminal = Terminal("boot", "--memory", "64M", "--kernel", kernel, "--qmp", f"unix:{tmp_path}/qmp")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    terminal.expect(b"#")
    assert termios.tcgetattr(terminal.slave) != terminal.before
    terminal.process.send_signal(signal.SIGQUIT)
    assert terminal.end() == -signal.SIGQUIT
    assert not (tmp_path / "qmp").exists()


def test_a_socket_is_the_console_and_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "console"
    kernel = write_kernel(tmp_path, *rtas(0x2000, ord("#")), *open_echo(tmp_path))
    process = subprocess.Popen(
        program("boot", "--memory", "64M", "--kernel", kernel, "--console", f"unix:{path}"),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None and b"the console is at" in process.stderr.readline()
    assert path.stat().st_mode & 0o777 == 0o600
    again = boot(kernel, "--console", f"unix:{path}")
    assert "another process is listening" in complaint(again)
    for keys in (b"first", b"qui"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(str(path))
        client.sendall(keys)
        seen = b""
        while keys not in seen:
            seen += client.recv(100)
        assert seen.startswith(b"#")  # a new client gets the history first
        client.close()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert not path.exists()


@pytest.mark.parametrize("instead", ["nothing", "a file", "another socket"])
def test_a_console_whose_socket_was_taken_away_leaves_what_has_its_name(tmp_path: Path, instead: str) -> None:
    path = tmp_path / "console"
    with SocketConsole(UnixAddress(str(path))):
        path.rename(tmp_path / "elsewhere")  # and not removed: its number is not free for another file
        if instead == "a file":
            path.write_text("precious")
        elif instead == "another socket":
            other = socket.socket(socket.AF_UNIX)
            other.bind(str(path))
            other.close()
    assert path.exists() == (instead != "nothing")
    path.unlink(missing_ok=True)
    with SocketConsole(UnixAddress(str(path))):
        path.unlink()


class Full:
    """A listening socket for which there is no descriptor, three times."""

    def __init__(self, real: socket.socket) -> None:
        self.real = real
        self.left = 3

    def accept(self) -> tuple[socket.socket, object]:
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self.real.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_a_console_without_descriptors_waits_for_one_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(unix, "FULL_SECONDS", 0.01)
    vm = pyspapr.Machine(memory="32M")
    console = SocketConsole(UnixAddress(str(tmp_path / "console")))
    monkeypatch.setattr(console, "_server", Full(console._server))
    with console, console.attached(vm), socket.socket(socket.AF_UNIX) as client:
        vm.console.emit(b"hello")
        client.settimeout(20)
        client.connect(str(tmp_path / "console"))
        assert client.recv(100) == b"hello"
    assert (
        capfd.readouterr().err.count("accepts no client until descriptors are free again: Too many open files\n") == 1
    )


def test_a_client_that_reads_nothing_of_the_history_does_not_hold_the_guest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix, "SEND_SECONDS", 60)
    vm = pyspapr.Machine(memory="32M", console_history=8 << 20)
    history = bytes(range(256)) * (16 << 10)
    vm.console.emit(history)
    listening = SocketConsole(UnixAddress(str(tmp_path / "console")))
    with listening as console, console.attached(vm), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(tmp_path / "console"))
        assert client.recv(16, socket.MSG_PEEK)  # it is being served
        printing = threading.Thread(target=vm.console.emit, args=(b"and more",), daemon=True)
        printing.start()
        printing.join(20)
        assert not printing.is_alive()
        seen = bytearray()
        while not seen.endswith(b"and more"):
            seen += client.recv(1 << 20)
        assert seen == history + b"and more"  # each byte once
        vm.console.emit(b"live")
        assert client.recv(100) == b"live"


def test_what_is_typed_is_kept_until_a_machine_reads_it(tmp_path: Path) -> None:
    first, second, third = (pyspapr.Machine(memory="32M") for _ in range(3))
    with SocketConsole(UnixAddress(str(tmp_path / "console"))) as console, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(tmp_path / "console"))

        def typed(vm: pyspapr.Machine, text: bytes) -> bytes:
            """What arrives at the console of `vm`, of which `text` is typed while it is the one that is shown."""
            client.sendall(text)
            seen = b""
            while text and not seen.endswith(text):
                seen += vm.console.take(100)
            return seen

        client.sendall(b"early ")
        with console.attached(first):
            first.console.emit(b"one")
            assert client.recv(100) == b"one"
            assert typed(first, b"bird") == b"early bird"
            client.sendall(b"not read")
            while first.console.backlog < 8:
                first.console.drained.wait(0.01)
        with console.attached(second):
            second.console.emit(b"two")
            assert client.recv(100) == b"two"
            assert second.console.take(100) == b"not read"
            second.console.write(b"gone along")
            second.start(pc=0)
            second.partition.life.hold()
            second.partition.life.leave(pyspapr.Migrated())  # with what it has not read
        with console.attached(third):
            assert third.console.take(100) == b""
    assert client.fileno() == -1


def test_a_console_does_not_take_the_name_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(pyspapr.ConfigError, match="not a socket is there"):
        SocketConsole(UnixAddress(str(path)))
    assert path.read_text() == "data"


def test_disas_reads_hex_raw_and_elf(tmp_path: Path) -> None:
    words = "7c641b78 0x44000022,4e800020\n"
    done = run("disas", "-", data=words.encode())
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert [re.split(r"\s\s+", line.strip())[:2] for line in lines] == [
        ["0:", "7c641b78"],
        ["4:", "44000022"],
        ["8:", "4e800020"],
    ]
    assert lines[2].endswith("blr")
    (tmp_path / "raw").write_bytes(assemble(0x7C641B78, 0x4E800020))
    assert (
        run("disas", tmp_path / "raw", "--address", "0x100").stdout.decode().splitlines()[1].strip().startswith("104:")
    )
    (tmp_path / "little").write_bytes(bytes.fromhex("2000804e"))
    assert run("disas", "--little", tmp_path / "little").stdout.decode().rstrip().endswith("blr")
    kernel = write_kernel(tmp_path, 0x4E800020)
    assert run("disas", kernel).stdout.decode().strip().startswith("10000:  4e800020")


@pytest.mark.parametrize(
    "arguments", [["missing"], ["-"], ["/dev/zero"], ["--address", "x", "-"], ["--address", "3", "-"]]
)
def test_disas_complains_in_one_line(arguments: list[str]) -> None:
    complaint(run("disas", *arguments))


def test_disas_joins_a_prefix_with_the_word_behind_it() -> None:
    """Not where 64 bytes end, nor where both together are no instruction, nor where no word follows."""
    prefixed, nop, nobody = [0x06000001, 0x38640002], 0x60000000, 0x04000000
    words = [*prefixed, nobody, nop, *[nop] * 11, *prefixed, nobody]
    lines = list(lines_of(words, 0x1000))
    assert lines[0] == "            1000:  06000001 38640002  paddi   r3,r4,65538\n"
    assert lines[1:3] == [line_of(nobody, 0x1008), line_of(nop, 0x100C)]
    assert lines[-3:] == [line_of(prefixed[0], 0x103C), line_of(prefixed[1], 0x1040), line_of(nobody, 0x1044)]

    def broken() -> Iterator[int]:
        yield prefixed[0]
        raise ImageError("no more")

    shown = lines_of(broken(), 0)
    assert next(shown) == line_of(prefixed[0], 0)
    with pytest.raises(ImageError):
        next(shown)


def test_disas_goes_on_at_0_behind_the_last_address() -> None:
    done = run("disas", "--address", hex((1 << 64) - 4), "-", data=b"4e800020 4e800020")
    assert [line.split(":")[0].strip() for line in done.stdout.decode().splitlines()] == ["fffffffffffffffc", "0"]


@pytest.mark.parametrize(
    ("data", "shown", "message"),
    [
        (b"\x7c\x64\x1b", 0, "offset 0x0: 3 of the 4 bytes of a word"),
        (b"\x7c\x64\x1b\x78\x4e", 1, "offset 0x4: 1 of the 4 bytes of a word"),
        (b"7c641b78 4e80002\n", 1, "line 1, column 10: '4e80002' is not a word of 8 hexadecimal digits"),
        (b"7c641b78\n4e800020\n  blr\n7c641b78\n", 2, "line 3, column 3: 'blr' is not a word of 8 hexadecimal digits"),
        (b"no hex at all, but 30 letters.", 0, "line 1, column 1: 'no' is not a word of 8 hexadecimal digits"),
        (b" \n,\n", 0, "no word in it"),
        (b"", 0, "empty"),
    ],
)
def test_disas_says_where_no_word_is_after_those_before(data: bytes, shown: int, message: str) -> None:
    done = run("disas", "-", data=data)
    assert complaint(done) == f"pyspapr: file -: {message}\n"
    assert done.stdout.count(b"\n") == shown


def object_file(little: bool, *, linked: bool = False, extended: bool = False, **sections: tuple[int, bytes]) -> bytes:
    """An ELF file, by default an object file, whose sections have these flags and bytes. A linked one has them at
    0xc000000000000000 plus their file offset, in one segment with everything else. If `extended`, section header 0 has
    the number of sections and that of the one with the names.
    """
    order = "<" if little else ">"
    names = b"\0" + b"".join(f".{name}\0".encode() for name in sections) + b".shstrtab\0"
    kept = [(1, flags, name, data) for name, (flags, data) in sections.items()] + [(3, 0, "shstrtab", names)]
    count = len(kept) + 1
    zero = (0, 0, 0, 0, 0, count, count - 1, 0, 0, 0) if extended else (0,) * 10
    section = struct.Struct(order + "IIQQQQIIQQ")
    body, headers, at = bytearray(), bytearray(section.pack(*zero)), 0
    for kind, flags, name, data in kept:
        at = names.index(f".{name}\0".encode(), at if name in sections else 0)
        offset = 64 + 56 + len(body)
        address = (0xC << 60) + offset if linked and flags else 0
        headers += section.pack(at, kind, flags, address, offset, len(data), 0, 0, 4, 0)
        body += data
    end = 64 + 56 + len(body)
    segment = struct.pack(order + "IIQQQQQQ", 1, 5, 0, 0xC << 60, 0, end, end, 4)
    ident = b"\x7fELF" + bytes((2, 1 if little else 2, 1)) + bytes(9)
    entry, segments = ((0xC << 60) + 120, 1) if linked else (0, 0)
    fields = (2 if linked else 1, 21, 1, entry, 64, end, 2, 64, 56, segments, 64)
    counts = (0, 0xFFFF) if extended else (count, count - 1)
    return ident + struct.pack(order + "HHIQQQIHHHHHH", *fields, *counts) + segment + bytes(body + headers)


@pytest.mark.parametrize("little", [False, True])
def test_disas_reads_the_code_of_object_files_and_libraries(tmp_path: Path, little: bool) -> None:
    code = struct.pack("<2I" if little else ">2I", 0x4BFFFFFD, 0x4E800020)
    parts = {"text": (6, code), "data": (3, code), "exit.text": (6, code[4:] + b"\0\0")}
    (tmp_path / "module.ko").write_bytes(object_file(little, **parts))
    done = run("disas", tmp_path / "module.ko")
    assert done.stdout.decode().splitlines() == [
        ".text:",
        "               0:  4bfffffd  bl      0xfffffffffffffffc",
        "               4:  4e800020  blr",
        ".exit.text:",
        "               0:  4e800020  blr",
    ]
    assert run("disas", "-", data=object_file(little, **parts)).stdout == done.stdout
    # A library has no entry.
    (tmp_path / "library.so").write_bytes(elf(code, entry=0, little=little))
    assert run("disas", tmp_path / "library.so").stdout.decode().splitlines()[1] == "           10004:  4e800020  blr"


@pytest.mark.parametrize("little", [False, True])
def test_disas_prints_of_a_linked_file_what_objdump_prints(tmp_path: Path, little: bool) -> None:
    # bl, bne-, ba and b to what is before the kernel's first address.
    words = [0x48000011, 0x4082FFF8, 0x48001002, 0x4BFFFF00, 0x4E800020]
    code = struct.pack("<5I" if little else ">5I", *words)
    parts = {"rodata": (2, code[4:]), "text": (6, code), "bug_table": (3, code), "init.text": (6, code[8:])}
    path = tmp_path / "linked"
    path.write_bytes(object_file(little, linked=True, **parts))
    lines = run("disas", path).stdout.decode().splitlines()
    assert [line for line in lines if line.startswith(".")] == [".text:", ".init.text:"]
    assert "c000000000000088:  48000011  bl      0xc000000000000098" in lines

    dump = ["powerpc64le-linux-gnu-objdump", "-d", "-z", "-Mpower9", str(path)]
    theirs = subprocess.run(dump, capture_output=True, text=True, timeout=60, check=True).stdout
    rows = [line.split("\t") for line in theirs.splitlines()]
    expected = [(row[0].strip(), row[2].strip()) for row in rows if len(row) > 2]
    ours = [line.split("  ", 2) for line in map(str.strip, lines) if not line.startswith(".")]
    assert [(address, text) for address, _, text in ours] == expected


def test_disas_prints_the_segments_of_what_has_no_section_headers(tmp_path: Path) -> None:
    whole = object_file(False, linked=True, text=(6, assemble(0x4E800020)))
    # e_shoff, e_shnum and e_shstrndx are 0.
    (tmp_path / "bare").write_bytes(whole[:40] + bytes(8) + whole[48:60] + bytes(4) + whole[64:])
    lines = run("disas", tmp_path / "bare").stdout.decode().splitlines()
    assert lines[0].startswith("c000000000000000:  7f454c46")
    assert "c000000000000078:  4e800020  blr" in lines


def test_disas_reads_more_sections_than_the_header_can_count(tmp_path: Path) -> None:
    code = assemble(0x4E800020)
    parts = {f"text.{index:05}": (6, code) for index in range(66_000)}
    (tmp_path / "many.o").write_bytes(object_file(False, extended=True, **parts))
    lines = run("disas", tmp_path / "many.o").stdout.decode().splitlines()
    assert len(lines) == 2 * 66_000
    assert lines[-2:] == [".text.65999:", "               0:  4e800020  blr"]


def test_code_in_any_number_of_sections_is_found_in_little_memory() -> None:
    import tracemalloc

    from pyspapr.boot.elfcode import read_code

    count = 100_000
    header = object_file(False, extended=True)[:64]
    first = struct.pack(">IIQQQQIIQQ", 0, 0, 0, 0, 0, count, 0, 0, 0, 0)
    each = struct.pack(">IIQQQQIIQQ", 0, 1, 6, 0, 0, 4, 0, 0, 4, 0)
    header = header[:40] + struct.pack(">Q", 64) + header[48:]
    with io.BytesIO(header + first + each * (count - 1)) as file:
        length = len(file.getbuffer())
        tracemalloc.start()
        _, code = read_code(file, length, "file many")
        found = sum(1 for _ in code)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found == count - 1
    assert peak < 1 << 20


def test_disas_says_what_is_wrong_with_an_elf_file(tmp_path: Path) -> None:
    code = assemble(0x4E800020)
    whole = object_file(False, text=(6, code))
    many = object_file(False, extended=True, text=(6, code))
    zero = int.from_bytes(many[40:48]) + 32
    for data, message in [
        (whole[:-1], "truncated: section headers end at"),
        (object_file(False, data=(3, bytes(8))), "no code in it"),
        (whole[:16] + b"\0\4" + whole[18:], "ELF type 4, expected an executable or an object file"),
        (elf(b"", memory_size=8), "no code in it"),
        (object_file(False, linked=True, data=(3, bytes(8))), "no code in it"),
        (elf(code)[:40] + b"\xff" * 8 + elf(code)[48:], "section headers of 0 bytes, expected 64"),
        # e_shoff, and in section header 0 the number of sections, which is too many or too large for any file.
        (many[:40] + b"\xff" * 8 + many[48:], "truncated: section headers end at 0x1000000000000003f, the file at"),
        (many[:zero] + (1 << 20).to_bytes(8) + many[zero + 8 :], "truncated: section headers end at 0x4"),
        (many[:zero] + b"\xff" * 8 + many[zero + 8 :], "truncated: section headers end at 0x"),
        # Where the names and where the code are.
        (whole[:-40] + b"\xff" * 8 + whole[-32:], "truncated: section 2 ends at 0x10000000000000010"),
        (whole[:-104] + b"\xff" * 8 + whole[-96:], "truncated: section 1 ends at 0x10000000000000003"),
    ]:
        path = tmp_path / "bad"
        path.write_bytes(data)
        assert complaint(run("disas", path)).startswith(f"pyspapr: file {path}: {message}")


def test_disas_needs_no_memory_for_the_length_of_its_input() -> None:
    words = shlex.join(program("disas", "-"))
    endless = f"ulimit -v 1000000; yes '4e800020 7c641b78' | {words} | sed -n '100000{{p;q}}'"
    done = subprocess.run(["sh", "-c", endless], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"           61a7c:  7c641b78  mr      r4,r3\n"
    assert done.stderr == b""


def test_words_and_places_are_the_same_however_a_text_is_cut() -> None:
    from pyspapr.cli.disas import hex_words

    good = b"7c641b78,0x44000022\n\n  4e800020"
    bad = good + b"\n 60000000 4e80002\t0\n"
    for text, message in [(good, ""), (bad, "t: line 4, column 11: '4e80002' is not a word of 8 hexadecimal digits")]:
        for size in range(1, len(text) + 1):
            pieces = [text[at : at + size] for at in range(0, len(text), size)]
            words, said = [], ""
            try:
                for word in hex_words(pieces, "t"):
                    words.append(word)
            except pyspapr.ImageError as error:
                said = str(error)
            assert said == message
            assert words == [0x7C641B78, 0x44000022, 0x4E800020, *([0x60000000] if message else [])]


def test_disas_without_standard_input() -> None:
    words = shlex.join(program("disas", "-"))
    done = subprocess.run(["sh", "-c", f"{words} <&-"], capture_output=True, timeout=60, check=False)
    assert complaint(done) == "pyspapr: file -: standard input is closed\n"


def test_an_output_that_nobody_reads_is_no_mistake_in_the_input() -> None:
    words = shlex.join(program("disas", "-"))
    bad = f"{{ {words}; echo $? >&2; }} | head -1"
    text = "4e800020\n" * 100_000 + "blr\n"
    done = subprocess.run(["sh", "-c", bad], input=text.encode(), capture_output=True, timeout=60, check=False)
    assert done.stdout.count(b"\n") == 1 and done.stderr == b"141\n"


def test_the_demo_says_what_happens_and_is_quick() -> None:
    def processor_time() -> float:  # which nothing else that runs on this machine makes longer
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    begin = processor_time()
    done = run("demo")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert text.count("every check passed") == 2 and "the guest powered off" in text
    assert text.count("Its end is the same") == 2
    assert re.search(r"pass  1: .* the guest ran", text) and "the guest stood still" in text
    assert 0 < processor_time() - begin < 10
