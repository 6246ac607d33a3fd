"""QEMU's command line: what it means here, what is refused, and that frameworks' lines start a guest."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pyspapr.cli.door.install import NAMES
from pyspapr.cli.door.options import OPTIONS, REFUSED, Answer, properties, read
from pyspapr.cli.door.plan import Channel, Plan
from pyspapr.errors import ConfigError

KERNEL = ["-kernel", "vmlinux"]
LIMIT = 120


def plan(*words: str) -> Plan:
    return read([*KERNEL, *words])


@pytest.fixture(scope="module")
def qemu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed qemu-system-ppc64."""
    directory = tmp_path_factory.mktemp("bin")
    done = subprocess.run(
        [sys.executable, "-m", "pyspapr", "qemu", "--install", directory], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[:2] == [str(directory / name) for name in NAMES]
    return directory / NAMES[0]


def test_the_line_of_kunit_is_this_machine() -> None:
    line = "-nodefaults -m 1024 -kernel vmlinux -no-reboot -nographic -accel kvm -accel hvf -accel tcg -serial stdio"
    found = read([*line.split(), "-append", "kunit.enable=1 console=ttyS0", "-M", "pseries", "-cpu", "power8"])
    assert (found.memory, found.cpu, found.reboots, found.console.channel) == ("1024M", "power8", False, Channel.STDIO)
    assert found.append == "kunit.enable=1 console=ttyS0"


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("-m 4G", "memory", "4G"),
        ("-m size=512", "memory", "512M"),
        ("-cpu POWER9_v2.2", "cpu", "power9"),
        ("--cpu power10", "cpu", "power10"),
        ("-machine pseries,accel=kvm:tcg,usb=off,ic-mode=xics", "accelerators", ("kvm", "tcg")),
        ("-smp 1", "vcpus", 1),
        ("-smp sockets=1,cores=1,threads=1", "vcpus", 1),
        ("-icount shift=0,sleep=off", "clock", "virtual"),
        ("-rtc base=2001-02-03,clock=vm", "rtc_base", 981158400),
        ("-seed 7", "seed", 7),
        ("-name guest=a,,b", "name", "a,b"),
        ("-action reboot=shutdown,panic=exit-failure", "panic_status", 1),
        ("-S -qmp unix:q,server=on,wait=off", "paused", True),
        ("-incoming tcp:127.0.0.1:4444", "incoming", "tcp:127.0.0.1:4444"),
        ("-pidfile p", "pidfile", "p"),
        ("-gdb tcp::1234 -S", "gdb", "tcp::1234"),
        ("-s", "gdb", "tcp::1234"),
        ("-gdb unix:g,server=on,wait=off", "gdb", "unix:g"),
    ],
)
def test_an_option_says_what_the_machine_is(words: str, field: str, value: object) -> None:
    assert getattr(plan(*words.split()), field) == value


@pytest.mark.parametrize(
    ("words", "channel"),
    [
        ("-nographic", Channel.STDIO),
        ("-nographic -serial mon:stdio", Channel.STDIO),
        ("-display none", Channel.NOTHING),
        ("-nodefaults -nographic", Channel.NOTHING),
        ("-nographic -serial none", Channel.NOTHING),
        ("-serial none -serial stdio", Channel.STDIO),
        ("-serial file:log", Channel.FILE),
        ("-chardev socket,id=c,path=s -serial chardev:c", Channel.UNIX),
        ("-nodefaults -chardev stdio,id=c,mux=on -device spapr-vty,chardev=c,id=v,reg=0x71000000", Channel.STDIO),
    ],
)
def test_the_console_is_where_qemu_has_it(words: str, channel: Channel) -> None:
    assert plan(*words.split()).console.channel is channel


def test_a_listening_socket_waits_for_its_client_unless_it_is_told_not_to() -> None:
    for text, waits in (("server=on", True), ("server,nowait", False), ("server=on,wait=off", False)):
        assert plan("-qmp", f"unix:q,{text}").controls[0].wait is waits
    (one,) = plan("-chardev", "socket,id=m,host=127.0.0.1,port=1,server=on", "-mon", "m,mode=control").controls
    assert (one.address, one.server) == ("tcp:127.0.0.1:1", True)


@pytest.mark.parametrize("name", [*REFUSED, "-nonsense", "-enable-kmv"])
def test_an_option_that_the_machine_does_not_have_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: "):
        read([*KERNEL, name, "value"])


def test_no_option_is_both_refused_and_accepted() -> None:
    names = [name for option in OPTIONS for name in option.names]
    assert len(names) == len(set(names)) and not set(names) & set(REFUSED)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-M pseries,ic-mode=dual", "-M: ic-mode=dual"),
        ("-M powernv", "-M: there is no machine 'powernv'"),
        ("-cpu power7", "-cpu: there is no model 'power7'"),
        ("-cpu power9,compat=power8", "-cpu: compat=power8"),
        ("-m 1G,slots=2,maxmem=4G", "-m: slots=2"),
        ("-smp 1,maxcpus=4", "-smp: maxcpus"),
        ("-accel kvm", "-accel kvm: "),
        ("-accel tcg,tb-size=4", "-accel tcg: tb-size=4"),
        ("-icount shift=7", "-icount: shift=7"),
        ("-serial stdio -serial file:x", "-serial: the machine has one console"),
        ("-serial tcp::1,server=on", "-serial: a console asks nobody"),
        ("-serial pty", "-serial: 'pty'"),
        ("-serial chardev:x", "-serial: there is no chardev 'x'"),
        ("-serial unix:s,reconnect=1", "-serial: reconnect=1"),
        ("-serial stdio -qmp stdio", "stdio is asked for twice"),
        ("-chardev stdio,id=a -chardev null,id=a", "-chardev: there are two with id=a"),
        ("-chardev socket,path=s,id=a -serial chardev:a -mon a,mode=control", "-chardev: a can be in one place"),
        ("-chardev pty,id=a", "-chardev: there is no 'pty'"),
        ("-mon x", "-mon: mode=readline"),
        ("-monitor stdio", "-monitor stdio: "),
        ("-gdb stdio", "-gdb stdio: "),
        ("-S", "-S: nobody could go on"),
        ("-no-shutdown", "-no-shutdown: nobody could go on"),
        ("-device virtio-net-pci", "-device virtio-net-pci: "),
        ("-nic user", "-nic user: the machine has no network"),
        ("-display gtk", "-display gtk: "),
        ("disk.img", "'disk.img': the machine has no disks"),
        ("-append", "-append needs a value"),
    ],
)
def test_a_value_that_the_machine_does_not_have_is_refused_with_its_option(words: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(*words.split())
    assert str(caught.value).startswith(said)


def test_properties_are_words_and_values() -> None:
    assert properties("a,,b,server,nowait,x=1=2", "path") == {"path": "a,b", "server": "on", "wait": "off", "x": "1=2"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-version", r"QEMU emulator version \d+\.\d+\.\d+"),
        ("--version", r"QEMU emulator version \d+\.\d+\.\d+"),
        ("-machine help", r"(?m)^pseries .*\(default\)$"),
        ("-cpu help", r"(?m)^PowerPC power9_v2\.2 +PVR 004e1202$"),
        ("-accel help", r"(?m)^tcg$"),
        ("-device help", r'name "spapr-vty"'),
        ("-chardev help", r"(?m)^  socket$"),
        ("-help", r"(?m)^  -M or -machine pseries"),
    ],
)
def test_scripts_get_the_answers_that_they_parse(words: str, said: str) -> None:
    with pytest.raises(Answer, match=said):
        read(words.split())


def test_what_is_in_the_way_is_not_replaced_by_an_installation(tmp_path: Path) -> None:
    (tmp_path / NAMES[1]).write_text("somebody's")
    done = subprocess.run(
        [sys.executable, "-m", "pyspapr", "qemu", "--install", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 1 and "not ours to replace" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [NAMES[1]]


def test_a_guest_runs_as_qemu_runs_it(qemu: Path, demo_guest: Path, tmp_path: Path) -> None:
    (tmp_path / "signal.py").write_text("raise SystemExit('a module of the current directory')")
    line = "-nodefaults -m 64 -no-reboot -nographic -accel kvm -accel tcg -serial stdio -M pseries -cpu power8"
    done = subprocess.run(
        [qemu, *line.split(), "-kernel", demo_guest, "-pidfile", "pid"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stderr) == (0, "") and "every check passed" in done.stdout
    assert not (tmp_path / "pid").exists()


def test_a_mistake_is_one_line_and_status_1(qemu: Path) -> None:
    done = subprocess.run([qemu, "-kernel", "/nowhere", "-drive", "x"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "pyspapr: -drive: the machine has no disks\n")
    done = subprocess.run([qemu, "-kernel", "/nowhere"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1


def test_standard_input_and_output_can_be_a_control_socket(qemu: Path, demo_guest: Path) -> None:
    commands = [{"execute": name} for name in ("qmp_capabilities", "query-name", "query-status", "quit")]
    done = subprocess.run(
        [qemu, "-m", "64", "-kernel", demo_guest, "-name", "one", "-display", "none", "-S", "-qmp", "stdio"],
        input="".join(json.dumps(command) for command in commands),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0
    greeting, _, name, status, *_ = (json.loads(line) for line in done.stdout.splitlines())
    assert "QMP" in greeting and name["return"] == {"name": "one"}
    assert status["return"] == {"running": False, "status": "prelaunch"}


def test_the_console_can_be_a_socket_that_the_framework_listens_at(
    qemu: Path, demo_guest: Path, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "serial"))
        listener.listen()
        chardev = f"socket,id=s,path={tmp_path / 'serial'},logfile={tmp_path / 'log'}"
        words = ["-m", "64", "-kernel", demo_guest, "-nographic", "-chardev", chardev, "-serial", "chardev:s"]
        with subprocess.Popen([qemu, *words]) as guest:
            listener.settimeout(LIMIT)
            console, _ = listener.accept()
            with console, console.makefile("rb") as stream:
                said = stream.read()
            assert guest.wait(LIMIT) == 0
    assert b"every check passed" in said and (tmp_path / "log").read_bytes() == said


def test_the_guest_waits_for_the_client_of_its_control_socket_and_stays_until_quit(
    qemu: Path, demo_guest: Path, tmp_path: Path
) -> None:
    where = tmp_path / "qmp"
    words = ["-m", "64", "-kernel", demo_guest, "-serial", "stdio", "-no-shutdown", "-qmp", f"unix:{where},server=on"]
    with subprocess.Popen(
        [qemu, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as guest:
        assert guest.stdout is not None and guest.stderr is not None
        assert b"the control socket (QMP) is at" in guest.stderr.readline()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LIMIT)
            client.connect(str(where))
            with client.makefile("r") as answers:
                assert "QMP" in json.loads(answers.readline())
                for line in guest.stdout:
                    if b"every check passed" in line:
                        break
                assert b"waiting for `quit`" in guest.stderr.readline()
                client.sendall(b'{"execute": "qmp_capabilities"}{"execute": "quit"}')
                assert guest.wait(LIMIT) == 0


def test_a_signal_ends_it_with_status_0_before_anybody_has_come(qemu: Path, demo_guest: Path, tmp_path: Path) -> None:
    words = ["-m", "64", "-kernel", demo_guest, "-display", "none", "-qmp", f"unix:{tmp_path / 'qmp'},server=on"]
    with subprocess.Popen([qemu, *words], stderr=subprocess.PIPE) as guest:
        assert guest.stderr is not None
        guest.stderr.readline()
        os.kill(guest.pid, signal.SIGTERM)
        assert guest.wait(LIMIT) == 0


def test_what_the_guest_prints_is_in_the_log_too(demo_guest: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old " * 10_000)
    words = [sys.executable, "-m", "pyspapr", "boot", "--kernel", demo_guest, "--memory", "64M", "--log", log]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
    assert done.returncode == 0 and log.read_bytes() == done.stdout and b"every check passed" in done.stdout


@pytest.mark.parametrize("kind", ["directory", "fifo", "missing/file"])
def test_a_log_that_cannot_be_written_is_an_input_error(demo_guest: Path, tmp_path: Path, kind: str) -> None:
    log = tmp_path / kind
    if kind == "directory":
        log.mkdir()
    elif kind == "fifo":
        os.mkfifo(log)
    words = [sys.executable, "-m", "pyspapr", "boot", "--kernel", demo_guest, "--memory", "64M", "--log", log]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith(f"pyspapr: cannot write to {log}: ")
