"""The guest's shell: what commands print, to the byte, their status, their limits, and files both ways."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Iterator

import pytest
from commands import program
from fetch_guests import DATA
from test_linux import guest, linux
from test_linux import pytestmark as pytestmark

from pyspapr import ExpectError, ExpectTimeout, Machine, PoweredOff, ShellError, Timeout
from pyspapr.migration.snapshot import Snapshot
from pyspapr.testing.shell import BATCH, LINE, ShellResult, escaped


@pytest.fixture(scope="module")
def booted() -> Snapshot:
    """Debian's kernel with messages at the console, and busybox's shell as its init."""
    vm = linux(append="pyspapr.shell")
    assert vm.shell("true").status == 0  # typed before it boots
    return vm.snapshot()


@pytest.fixture
def vm(booted: Snapshot) -> Iterator[Machine]:
    with booted.fork() as vm:
        yield vm


@pytest.mark.parametrize(
    ("command", "status", "output"),
    [
        ("true", 0, ""),
        ("false", 1, ""),
        ("echo hello; exit 7", 7, "hello\n"),
        ("printf 'no newline'", 0, "no newline"),
        ("printf '\\n\\n'", 0, "\n\n"),
        ("printf 'a\\r\\nb\\rc\\n'", 0, "a\r\nb\rc\n"),
        ("cat; read line || echo nothing to read", 0, "nothing to read\n"),
        ("echo \"$(echo 'two  words')\" '!' \\\\ %d \tx\necho second line", 0, "two  words ! \\ %d x\nsecond line\n"),
        ("echo é; echo oops >&2", 0, "é\noops\n"),
        ("cd /proc; x=1; export x; kill -9 $(sh -c 'echo $PPID')", 137, None),
        ("set -e; false; echo unreached", 1, ""),
        ("echo $# $1", 0, "0\n"),
        ("nonesuch", 127, None),
        ("", 0, ""),
        ("echo '# '; echo '/ # '; echo '<spapr-0-end>'", 0, "# \n/ # \n<spapr-0-end>\n"),
    ],
)
def test_a_command_has_its_output_and_its_status(vm: Machine, command: str, status: int, output: str | None) -> None:
    result = vm.shell(command)
    assert result.status == status, result
    assert output is None or result.output == output
    assert 0 < result.seconds < 1
    assert pickle.loads(pickle.dumps(result)) == result
    assert vm.shell("pwd; echo $x").output == "/\n\n"


def test_binary_output_of_any_length_arrives_whole(vm: Machine) -> None:
    assert len(DATA) * 2 > vm.config.console_history
    assert vm.shell("cat /data /data").raw == DATA * 2
    every = bytes(range(256))
    vm.put("/tmp/every", every)
    assert vm.shell("cat /tmp/every").raw == every


def test_a_command_longer_than_a_line_of_a_terminal_arrives_whole(vm: Machine) -> None:
    text = "".join(f"word{number}'\\\t" for number in range(900))
    assert len(text) > 2 * 4096 and len(escaped(text.encode())) > BATCH
    assert vm.shell("cat <<'END'\n" + text + "\nEND").output == text + "\n"
    assert vm.shell(f"echo {'x' * LINE * BATCH}").output == "x" * LINE * BATCH + "\n"


def test_the_kernels_messages_are_not_part_of_it(vm: Machine) -> None:
    command = 'for i in 1 2 3; do echo "<3>test: error $i" >/dev/kmsg; echo line $i; done'
    assert vm.shell("cut -c1 /proc/sys/kernel/printk").output == "1\n"
    vm.shell("mknod /dev/kmsg c 1 11").check()
    assert vm.shell(command).output == "line 1\nline 2\nline 3\n"
    assert vm.shell("dmesg | grep -c 'test: error'").output == "3\n"
    # Between two commands they are there as before, and a command may say what they are to be.
    vm.send("echo '<3>test: between' >/dev/kmsg")
    vm.expect("] test: between", timeout=5)
    vm.shell("dmesg -n 2")
    vm.shell("true")
    vm.send("cut -c1 /proc/sys/kernel/printk; echo d''one")
    assert "\n2\r\n" in vm.expect("\ndone", timeout=5)


def test_a_command_that_takes_too_long_ends_with_a_transcript_at_the_same_instruction(booted: Snapshot) -> None:
    ends = []
    for _ in range(2):
        with booted.fork() as vm:
            with pytest.raises(ExpectTimeout) as caught:
                vm.shell("echo begun; sleep 30; echo never", timeout=2.5)
            error = caught.value
            assert isinstance(error, TimeoutError) and error.reason == Timeout(2.5, guest=True)
            assert "| begun" in str(error) and "2.5 s of guest time" in str(error)
            assert pickle.loads(pickle.dumps(error)).reason == error.reason
            assert vm.shell("echo free again").output == "free again\n"  # when the other has ended: it has no terminal
            ends.append((vm.state_hash(), str(error)))
    assert ends[0] == ends[1]


def test_a_guest_that_ends_or_has_no_shell_is_told_apart(vm: Machine) -> None:
    with pytest.raises(ExpectError, match="the guest powered off") as caught:
        vm.shell("poweroff -f")
    assert caught.value.reason == PoweredOff() and not isinstance(caught.value, TimeoutError)
    other = linux(initrd="first.cpio")
    with pytest.raises(ExpectError, match="the guest powered off"):
        other.shell("true")


def test_what_cannot_be_typed_and_what_is_too_much(vm: Machine) -> None:
    with pytest.raises(ValueError, match="no NUL"):
        vm.shell("echo \0")
    with pytest.raises(ValueError, match="the limit is 65536"):
        vm.shell("#" * 65537)
    from pyspapr.testing.shell import Shell

    with pytest.raises(ShellError, match="printed more than 5000 bytes"):
        Shell(vm).run("cat /data", limit=5000)
    assert not vm.console.sinks
    with pytest.raises(ShellError, match="status 1 and printed 'no"):
        ShellResult(1, b"no", 0.0).check()


@pytest.mark.parametrize("length", [0, 1, 77, 100_000])
def test_files_go_both_ways(vm: Machine, length: int) -> None:
    data = DATA[:length]
    vm.put("/tmp/it's a file", data)
    assert vm.get("/tmp/it's a file") == data
    vm.put("/tmp/it's a file", "shorter\n")
    assert vm.get("/tmp/it's a file") == b"shorter\n"
    assert vm.shell("ls /tmp").output == "it's a file\n"


def test_files_go_both_ways_without_base64(vm: Machine) -> None:
    vm.shell("mkdir /few; for i in cat sha1sum; do ln -s /bin/busybox /few/$i; done").check()
    vm.send("busybox() { false; }; PATH=/few")
    vm.put("/tmp/x", DATA[:3000])
    assert vm.get("/tmp/x") == DATA[:3000]


def test_a_file_that_is_not_there_or_cannot_be_written(vm: Machine) -> None:
    with pytest.raises(ShellError, match="No such file"):
        vm.get("/nonesuch")
    with pytest.raises(ShellError, match="nonexistent directory"):
        vm.put("/nonesuch/x", b"")
    with pytest.raises(ValueError, match="more than"):
        vm.put("/x", bytes((16 << 20) + 1))


def test_without_proc_and_dev_null_commands_run_all_the_same(vm: Machine) -> None:
    vm.shell("umount /proc; rm /dev/null").check()
    assert vm.shell("cat; echo x").output == "x\n"
    assert vm.shell("exit 5").status == 5


def execute(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    command = program("boot", "--kernel", guest("linux/vmlinux"), "--initrd", guest("initrd.cpio"), *arguments)
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=400, check=False)


APPEND = ("--append", "console=hvc0 pyspapr.shell")


def test_the_command_line_ends_with_a_commands_status() -> None:
    done = execute(
        *APPEND, "--exec", "echo one; cat /bin/busybox | head -c 5000", "--exec", "exit 9", "--exec", "echo x"
    )
    assert (done.returncode, done.stderr) == (9, b"")
    assert done.stdout == b"one\n" + guest("busybox").read_bytes()[:5000]


def test_the_command_line_says_that_commands_need_a_shell() -> None:
    done = execute("--append", "console=hvc0 quiet", "--exec", "true")
    assert done.returncode == 4 and done.stdout == b""
    assert done.stderr.endswith(
        b"pyspapr: --exec needs a guest that starts a shell at its console; --append may have to ask for one\n"
    )


def test_the_command_line_says_why_a_command_did_not_end() -> None:
    done = execute(*APPEND, "--exec", "echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger")
    assert done.returncode == 3 and b"the guest panicked" in done.stderr and b"sysrq" in done.stderr
    for other in (("--replay", __file__), ("--lockstep",), ("--incoming", "defer"), ("--console", "unix:/tmp/x")):
        done = execute(*APPEND, "--exec", "true", *other)
        assert done.returncode == 2 and f"--exec cannot be combined with {other[0]}".encode() in done.stderr
