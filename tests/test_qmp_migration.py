"""Saving, loading and migrating by control socket, between processes as people run them."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from commands import program
from qemu.qmp import ExecuteError, QMPClient
from test_cli import echo_kernel

from pyspapr import Interrupted, Machine, Migrated, Timeout
from pyspapr.cli.control import ending
from pyspapr.cli.progress import summary
from pyspapr.cli.runner import Runner
from pyspapr.migration.phases import Phase
from pyspapr.migration.statistics import MigrationStatistics, PassStatistics
from pyspapr.qmp.client import CommandFailed, QmpClient
from pyspapr.qmp.statistics import MigrationInfo, migration_info
from pyspapr.qmp.types import check

CHURN = "forever churn=300"
SLOW = {"max-bandwidth": 4 << 20, "downtime-limit": 20}


def pyspapr(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program(*arguments), capture_output=True, timeout=timeout, check=False, text=True)


@contextmanager
def process(path: Path, *options: object) -> Iterator[subprocess.Popen[bytes]]:
    """`pyspapr boot` with a control socket at `path`, once it is there."""
    words = program("boot", "--memory", "64M", "--qmp", f"unix:{path}", *options)
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        try:
            assert started.stderr is not None
            assert started.stderr.readline().decode().endswith(f"(QMP) is at unix:{path}\n")
            yield started
        finally:
            started.kill()


@contextmanager
def two_sides(directory: Path, guest: Path) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """A source whose guest churns its hash table, and a destination that waits to be told where to listen."""
    with (
        process(directory / "here", "--kernel", guest, "--append", CHURN) as source,
        process(directory / "there", "--kernel", guest, "--incoming", "defer") as destination,
    ):
        yield source, destination


async def until(client: QMPClient, *statuses: str) -> list[str]:
    """MIGRATION's statuses up to one of `statuses`."""
    seen = []
    while True:
        event = await asyncio.wait_for(client.events.get(), 60)
        if event["event"] == "MIGRATION":
            seen.append(event["data"]["status"])
            if seen[-1] in statuses:
                return seen


def test_qemu_qmp_migrates_cancels_and_migrates_again(demo_guest: Path, tmp_path: Path) -> None:
    async def drive() -> None:
        here, there = QMPClient("here"), QMPClient("there")
        await here.connect(str(tmp_path / "here"))
        await there.connect(str(tmp_path / "there"))
        assert await here.execute("query-migrate") == {}
        assert await there.execute("query-status") == {"running": False, "status": "inmigrate"}
        await there.execute("migrate-incoming", {"uri": f"unix:{tmp_path}/way"})
        with pytest.raises(ExecuteError, match="cancelled at its source"):
            await there.execute("migrate_cancel")
        with pytest.raises(ExecuteError, match="already been started"):
            await there.execute("migrate-incoming", {"uri": f"unix:{tmp_path}/way2"})
        await here.execute(
            "migrate-set-capabilities",
            {"capabilities": [{"capability": "pause-before-switchover", "state": True}]},
        )
        await here.execute("migrate-set-parameters", SLOW)
        assert (await here.execute("query-migrate-parameters"))["max-bandwidth"] == SLOW["max-bandwidth"]

        await here.execute("migrate", {"uri": f"unix:{tmp_path}/way"})
        with pytest.raises(ExecuteError, match="under way already"):
            await here.execute("migrate", {"uri": f"unix:{tmp_path}/way"})
        with pytest.raises(ExecuteError, match="in progress"):
            await here.execute("migrate-set-capabilities", {"capabilities": []})
        assert "active" in await until(here, "active")
        info = await here.execute("query-migrate")
        check(info, MigrationInfo, "query-migrate")
        await here.execute("migrate_cancel")
        assert (await until(here, "cancelled"))[-1] == "cancelled"
        assert (await here.execute("query-migrate"))["status"] == "cancelled"
        assert await here.execute("query-status") == {"running": True, "status": "running"}
        await here.execute("migrate_cancel")

        # The destination waits again.
        await until(there, "failed", "cancelled")
        await retry(there, "migrate-incoming", {"uri": f"unix:{tmp_path}/way"})
        await here.execute("migrate", {"uri": f"unix:{tmp_path}/way"})
        await here.execute("migrate-set-parameters", {"max-bandwidth": 0})
        await until(here, "pre-switchover")
        with pytest.raises(ExecuteError, match="does not accept value 'device'"):
            await here.execute("migrate-continue", {"state": "device"})
        await here.execute("migrate-continue", {"state": "pre-switchover"})
        assert (await until(here, "completed", "failed"))[-1] == "completed"
        info = await here.execute("query-migrate")
        check(info, MigrationInfo, "query-migrate")
        assert info["status"] == "completed" and info["downtime"] >= 0
        assert (
            info["hpt"]["valid"] > 0
            and sum(one["count"] for one in info["passes"]) == info["ram"]["dirty-sync-count"] >= 2
        )
        assert await here.execute("query-status") == {"running": False, "status": "postmigrate"}
        with pytest.raises(ExecuteError, match="migrated away"):
            await here.execute("cont")
        with pytest.raises(ExecuteError, match="Migration not in expected state"):
            await here.execute("migrate-continue", {"state": "pre-switchover"})
        assert await retry(there, "query-status") == {"running": True, "status": "running"}
        arrived = await there.execute("query-migrate")
        check(arrived, MigrationInfo, "query-migrate")
        assert arrived["status"] == "completed" and info["phase"] == "completed"
        await there.execute("migrate_cancel")
        await there.execute("system_reset")
        await here.execute("quit")
        await there.execute("quit")
        for each in (here, there):
            with suppress(EOFError):  # the process may be gone already
                await each.disconnect()

    with two_sides(tmp_path, demo_guest) as (source, destination):
        asyncio.run(drive())
        assert source.wait(30) == 0
        assert destination.wait(30) == 0


async def retry(client: QMPClient, command: str, arguments: dict[str, object] | None = None) -> object:
    """A command whose moment may not be there yet: the other process reads what it was sent in its own time."""
    for _ in range(300):
        try:
            answer = await client.execute(command, arguments)
        except ExecuteError:
            answer = None
        if answer is not None and answer != {"running": False, "status": "inmigrate"}:
            return answer
        await asyncio.sleep(0.1)
    raise AssertionError(f"{command} does not come about")


def test_a_target_that_cannot_be_reached_fails_at_once_and_the_guest_runs_on(demo_guest: Path, tmp_path: Path) -> None:
    with process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN), client(tmp_path / "here") as here:
        for uri, text in (("unix:/nowhere", "No such file"), ("exec:true", "exec"), ("tcp:x", "tcp")):
            with pytest.raises(CommandFailed, match=text):
                here.execute("migrate", {"uri": uri})
        assert here.execute("query-migrate")["status"] == "failed"
        assert here.execute("query-status")["status"] == "running"
        with pytest.raises(CommandFailed, match="not started with --incoming"):
            here.execute("migrate-incoming", {"uri": f"unix:{tmp_path}/way"})
        with pytest.raises(CommandFailed, match="TLS credentials of a client in /nowhere"):
            here.execute("migrate-set-parameters", {"tls-creds": "/nowhere"})
            here.execute("migrate", {"uri": "tcp:1"})
        for parameters in ({"max-bandwidth": -1}, {"downtime-limit": -1}, {"downtime-limit": 2_000_001}):
            with pytest.raises(CommandFailed, match=r"below 0|outside"):
                here.execute("migrate-set-parameters", parameters)


@contextmanager
def client(path: Path) -> Iterator[QmpClient]:
    """A small client."""
    with QmpClient(f"unix:{path}") as made:
        yield made


def test_save_and_load_by_control_socket_and_by_command(demo_guest: Path, tmp_path: Path) -> None:
    with process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN), client(tmp_path / "here") as here:
        done = pyspapr("save", "--qmp", f"unix:{tmp_path}/here", tmp_path / "one.spapr")
        assert done.returncode == 0 and done.stderr.startswith(f"pyspapr: saved to {tmp_path}/one.spapr in ")
        Machine.restore(tmp_path / "one.spapr").run(max_instructions=100_000)
        here.execute("stop")
        here.execute("snapshot-save", {"filename": str(tmp_path / "two.spapr"), "compression": "zstd"})
        there = Machine.restore(tmp_path / "two.spapr")
        here.execute("cont")
        for filename, text in ((tmp_path / "none" / "x", "cannot be written"), (tmp_path, "cannot be written")):
            with pytest.raises(CommandFailed, match=text):
                here.execute("snapshot-save", {"filename": str(filename)})
        # Loading puts the guest back where it was, and a file that is none changes nothing.
        here.execute("stop")
        here.execute("snapshot-load", {"filename": str(tmp_path / "two.spapr")})
        here.execute("snapshot-save", {"filename": str(tmp_path / "three.spapr")})
        assert Machine.restore(tmp_path / "three.spapr").state_hash() == there.state_hash()
        with pytest.raises(CommandFailed, match="cannot be read"):
            here.execute("snapshot-load", {"filename": "/nowhere"})
        with pytest.raises(CommandFailed, match="an ELF file"):
            here.execute("snapshot-load", {"filename": str(demo_guest)})
        assert here.execute("query-status")["running"] is False
        here.execute("cont")
        here.execute("system_reset")
        assert here.execute("query-status")["running"] is True


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def make_certificates(directory: Path) -> None:
    """An authority, and a certificate for each side, under the names that --tls-creds looks for."""
    key = ("-newkey", "rsa:2048", "-nodes", "-keyout")
    openssl(directory, "req", "-x509", *key, "ca-key.pem", "-out", "ca-cert.pem", "-subj", "/CN=ca")
    (directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for side in ("server", "client"):
        openssl(directory, "req", *key, f"{side}-key.pem", "-out", f"{side}.csr", "-subj", f"/CN={side}")
        signed = ("-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-extfile", "names")
        openssl(directory, "x509", "-req", "-in", f"{side}.csr", *signed, "-out", f"{side}-cert.pem")


@pytest.mark.parametrize("defer", [False, True], ids=["at-once", "deferred"])
def test_tls_by_command_line_lets_only_those_with_a_certificate_in(
    defer: bool, demo_guest: Path, tmp_path: Path
) -> None:
    creds, qmp, anywhere = tmp_path / "creds", f"unix:{tmp_path}/here", "tcp:127.0.0.1:0"
    creds.mkdir()
    make_certificates(creds)
    incoming = "defer" if defer else anywhere
    with (
        process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN, "--clock", "virtual") as source,
        process(tmp_path / "there", "--incoming", incoming, "--tls-creds", creds) as destination,
    ):
        if defer:
            with client(tmp_path / "there") as there:
                assert there.execute("query-migrate-parameters")["tls-creds"] == str(creds)
                there.execute("migrate-incoming", {"uri": anywhere})
        assert destination.stderr is not None
        address = destination.stderr.readline().decode().removeprefix("pyspapr: waiting for a machine at ").strip()
        refused = pyspapr("migrate", "--qmp", qmp, address)
        assert refused.returncode == 1 and refused.stderr.count("\n") == 1
        assert "TLS" in destination.stderr.readline().decode()
        done = pyspapr("migrate", "--qmp", qmp, "--tls-creds", creds, "--quit", address)
        assert done.returncode == 0, done.stderr
        assert source.wait(30) == 0


def test_nothing_leaves_or_comes_in_clear_text_where_credentials_are_set(demo_guest: Path, tmp_path: Path) -> None:
    creds = tmp_path / "creds"
    creds.mkdir()
    make_certificates(creds)
    refused = "would not be encrypted: TLS is for tcp:[HOST:]PORT"
    places = (f"unix:{tmp_path}/way", "fd:0", f"file:{tmp_path}/file", "exec:cat")
    for place in places[:3]:
        done = pyspapr("boot", "--incoming", place, "--tls-creds", creds)
        assert (done.returncode, done.stdout) == (2, "") and refused in done.stderr
    with (
        process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN, "--clock", "virtual"),
        process(tmp_path / "there", "--incoming", "defer", "--tls-creds", creds),
        client(tmp_path / "here") as here,
        client(tmp_path / "there") as there,
    ):
        here.execute("migrate-set-parameters", {"tls-creds": str(creds)})
        for place in places:
            why = r"is no address" if place == "exec:cat" else re.escape(refused)
            with pytest.raises(CommandFailed, match=why):
                here.execute("migrate", {"uri": place})
            with pytest.raises(CommandFailed, match=why):
                there.execute("migrate-incoming", {"uri": place})
        assert here.execute("query-status")["running"] is True
    assert not (tmp_path / "file").exists()


def test_a_machine_is_not_waited_for_longer_than_was_said(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/way"
    for more in ((), ("--qmp", f"unix:{tmp_path}/control")):
        done = pyspapr("boot", "--incoming", address, "--timeout", "0.3", *more)
        assert done.returncode == 4, done.stderr
        assert not (tmp_path / "way").exists()


def test_who_stays_after_the_guest_has_left_stays_no_longer_than_was_said(vm: Machine) -> None:
    runner = Runner(vm, timeout=0.3)
    with ExitStack() as stack:
        runner.serve("tcp:0", stack)
        assert runner.run(lambda vm: nullcontext(), lambda vm: Migrated()) == Timeout(0.3)


def test_who_exchanges_machines_hears_of_it_when_the_new_one_runs(vm: Machine) -> None:
    runner, following = Runner(vm, timeout=60), Machine(memory="32M")
    begun, heard = threading.Event(), threading.Event()
    running = []

    def exchange() -> None:
        begun.wait()
        runner.exchange(following)
        running.append(following.running)
        heard.set()
        following.stop()

    @contextmanager
    def connect(machine: Machine) -> Iterator[None]:
        if machine is following:
            heard.wait(0.3)  # who is told too early hears of it now
        begun.set()
        yield

    for machine in (vm, following):
        machine.memory.write(0, bytes.fromhex("38630001480000044bfffff8"))  # addi r3,r3,1; b .+4; b .-8
        machine.start(pc=0)
    thread = threading.Thread(target=exchange)
    thread.start()
    assert runner.run(connect, lambda machine: machine.run(timeout=60)) == Interrupted()
    thread.join()
    assert running == [True]


def test_progress_on_a_terminal_is_a_table_and_ctrl_c_cancels(demo_guest: Path, tmp_path: Path) -> None:
    qmp, target = f"unix:{tmp_path}/here", f"unix:{tmp_path}/way"
    with (
        process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN),
        process(tmp_path / "there", "--incoming", target),
    ):
        master, slave = pty.openpty()
        words = program("migrate", "--qmp", qmp, "--bandwidth", "1M", target)
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave) as shown:
            os.close(slave)
            text = b""
            while b"hash table" not in text or b"\x1b[" not in text:
                text += os.read(master, 4096)
            shown.send_signal(signal.SIGINT)
            with suppress(OSError):  # the other end of the terminal is closed
                while data := os.read(master, 4096):
                    text += data
            assert shown.wait(30) == 130
        os.close(master)
        assert b"cancelled; the guest continues where it was" in text
        with client(tmp_path / "here") as here:
            assert here.execute("query-status")["status"] == "running"
            assert here.execute("query-migrate")["status"] == "cancelled"


def test_quit_works_during_a_migration_on_both_sides(demo_guest: Path, tmp_path: Path) -> None:
    with (
        two_sides(tmp_path, demo_guest) as (source, destination),
        client(tmp_path / "here") as here,
        client(tmp_path / "there") as there,
    ):
        there.execute("migrate-incoming", {"uri": f"unix:{tmp_path}/way"})
        here.execute("migrate-set-parameters", {"max-bandwidth": 1 << 20})
        here.execute("migrate", {"uri": f"unix:{tmp_path}/way"})
        here.execute("quit")
        assert source.wait(30) == 0
        there.execute("quit")
        assert destination.wait(30) == 0


def test_a_library_without_a_program_around_it_says_that_it_cannot_exchange_its_machine(vm: Machine) -> None:
    with vm.serve_qmp("tcp:0") as control, QmpClient(str(control.address)) as here:
        for command, arguments in (("snapshot-load", {"filename": "x"}), ("migrate-incoming", {"uri": "tcp:0"})):
            with pytest.raises(CommandFailed, match="this program"):
                here.execute(command, arguments)
        with pytest.raises(CommandFailed, match="nothing to migrate"):
            here.execute("migrate", {"uri": "tcp:1"})


def test_a_control_socket_says_that_the_guest_has_left_and_how_that_went(demo_guest: Path, tmp_path: Path) -> None:
    with process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN), client(tmp_path / "here") as here:
        assert pyspapr("migrate", "--qmp", f"unix:{tmp_path}/here", f"file:{tmp_path}/away").returncode == 0
        saved = tmp_path / "saved"
        for command, arguments in (
            ("snapshot-save", {"filename": str(saved)}),
            ("system_reset", {}),
            ("cont", {}),
            ("migrate", {"uri": f"file:{saved}"}),
        ):
            with pytest.raises(CommandFailed, match="the guest was migrated away"):
                here.execute(command, arguments, timeout=20)
        assert here.execute("query-migrate")["status"] == "completed"
        assert not saved.exists()
        here.execute("snapshot-load", {"filename": f"{tmp_path}/away"})
        here.execute("cont")
        assert here.execute("query-status")["status"] == "running"


def test_a_machine_that_is_expected_is_waited_for_whatever_is_asked_of_the_one_in_its_place(
    demo_guest: Path, tmp_path: Path
) -> None:
    options = ("--kernel", demo_guest, "--incoming", "defer")
    with process(tmp_path / "there", *options), client(tmp_path / "there") as there:
        saved = tmp_path / "saved"
        for command, arguments in (
            ("snapshot-save", {"filename": str(saved)}),
            ("system_reset", {}),
            ("migrate", {"uri": f"file:{saved}"}),
        ):
            with pytest.raises(CommandFailed, match="a machine is expected here"):
                there.execute(command, arguments)
        assert there.execute("query-status")["status"] == "inmigrate" and not saved.exists()
        there.execute("migrate-incoming", {"uri": f"unix:{tmp_path}/way"})


def events_until(client: QmpClient, last: str) -> list[str]:
    """Events by name, those of migrations by status, each once, up to `last`."""
    seen: list[str] = []
    while not seen or seen[-1] != last:
        event = client.next_event(60)
        name = event["data"]["status"] if event["event"] == "MIGRATION" else event["event"]
        if name not in seen:
            seen.append(name)
    return seen


@pytest.mark.parametrize("paused", [False, True])
def test_both_sides_say_what_happens_in_the_order_that_qemu_has(demo_guest: Path, tmp_path: Path, paused: bool) -> None:
    with (
        two_sides(tmp_path, demo_guest),
        client(tmp_path / "here") as here,
        client(tmp_path / "there") as there,
    ):
        if paused:
            here.execute("stop")
            assert events_until(here, "STOP") == ["STOP"]
        there.execute("migrate-incoming", {"uri": "tcp:127.0.0.1:0"})
        info = there.execute("query-migrate")
        (address,) = info["socket-address"]
        assert info["status"] == "setup" and (address["type"], address["host"]) == ("inet", "127.0.0.1")
        here.execute("migrate", {"uri": f"tcp:{address['host']}:{address['port']}"})
        still = [] if paused else ["STOP"]
        assert events_until(here, "completed") == ["setup", "active", "MIGRATION_PASS", *still, "device", "completed"]
        runs = [] if paused else ["RESUME"]
        assert events_until(there, "completed") == ["setup", "active", *runs, "completed"]
        status = "paused" if paused else "running"
        assert there.execute("query-status") == {"running": not paused, "status": status}
        sent, came = here.execute("query-migrate"), there.execute("query-migrate")
        check(came, MigrationInfo, "query-migrate")
        assert came["status"] == "completed" and came["ram"]["total"] == sent["ram"]["total"] == 64 << 20
        for kind, name in (("ram", "normal"), ("ram", "duplicate"), ("hpt", "valid"), ("hpt", "invalid")):
            assert came[kind][name] == sent[kind][name]
        assert came["ram"]["transferred"] > came["ram"]["normal-bytes"] > 0 < came["hpt"]["transferred"]
        assert came["total-time"] > 0
        if paused:
            there.execute("cont")
            assert events_until(there, "RESUME") == ["RESUME"]


def test_a_migration_that_cannot_begin_says_so_too(demo_guest: Path, tmp_path: Path) -> None:
    with process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN), client(tmp_path / "here") as here:
        with pytest.raises(CommandFailed, match="No such file"):
            here.execute("migrate", {"uri": "unix:/nowhere"})
        assert events_until(here, "failed") == ["setup", "failed"]


@pytest.mark.parametrize("defer", [False, True], ids=["at-once", "deferred"])
def test_a_console_is_there_before_the_machine_is_and_after_it_was_exchanged(tmp_path: Path, defer: bool) -> None:
    kernel = echo_kernel(tmp_path)
    way, place = f"unix:{tmp_path}/way", tmp_path / "console"
    incoming = "defer" if defer else way
    options = ("--incoming", incoming, "--console", f"unix:{place}")
    with (
        process(tmp_path / "here", "--kernel", kernel, "--clock", "host") as source,
        process(tmp_path / "there", *options) as destination,
        client(tmp_path / "here") as here,
        client(tmp_path / "there") as there,
    ):
        assert source.stderr is not None and destination.stderr is not None
        assert b"the console is at" in destination.stderr.readline()
        with socket.socket(socket.AF_UNIX) as early:
            early.settimeout(60)
            early.connect(str(place))
            early.sendall(b"typed early")
            if defer:
                there.execute("migrate-incoming", {"uri": way})
            assert b"waiting for a machine" in destination.stderr.readline()
            here.execute("snapshot-save", {"filename": str(tmp_path / "saved")})
            here.execute("migrate", {"uri": way})
            seen = b""
            while seen != b"typed early":
                seen += early.recv(100)
            there.execute("snapshot-load", {"filename": str(tmp_path / "saved")})
            early.sendall(b"again")
            seen = b""
            while seen != b"again":
                seen += early.recv(100)


def test_the_migrate_command_shows_passes_and_says_how_it_ended(demo_guest: Path, tmp_path: Path) -> None:
    qmp = f"unix:{tmp_path}/here"
    with process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN) as source:
        refused = pyspapr("migrate", "--qmp", qmp, f"unix:{tmp_path}/way")
        assert refused.returncode == 1 and refused.stderr.count("\n") == 1, refused.stderr
        assert refused.stderr.startswith("pyspapr: cannot connect to unix:")
        wrong = pyspapr("migrate", "--qmp", qmp, "tcp:nowhere")
        assert (wrong.returncode, wrong.stderr) == (
            2,
            "pyspapr: 'tcp:nowhere' is no address of a migration target: wanted tcp:[HOST:]PORT\n",
        )
        nobody = pyspapr("migrate", "--qmp", f"unix:{tmp_path}/nobody", f"unix:{tmp_path}/way")
        assert nobody.returncode == 2 and nobody.stderr.count("\n") == 1
        with process(tmp_path / "there", "--incoming", f"unix:{tmp_path}/way") as destination:
            while not (tmp_path / "way").exists():
                time.sleep(0.01)
            done = pyspapr("migrate", "--qmp", qmp, "--bandwidth", "64M", "--quit", f"unix:{tmp_path}/way")
            assert done.returncode == 0, done.stderr
            last = done.stderr.splitlines()[-1]
            assert last.startswith("completed: pass ") and "hash table" in last and "downtime" in last
            assert source.wait(30) == 0
            with client(tmp_path / "there") as there:
                assert there.execute("query-status")["status"] == "running"
                there.execute("quit")
            assert destination.wait(30) == 0


def test_the_command_line_sends_any_command_and_lists_them(vm: Machine) -> None:
    with vm.serve_qmp("tcp:0") as control:
        done = pyspapr("qmp", "--qmp", control.address, "migrate-set-parameters", "max-bandwidth=7")
        assert done.stdout == "{}\n", done.stderr
        assert control.monitor.settings.max_bandwidth == 7
        wrong = pyspapr("qmp", "--qmp", control.address, "stop", "x=1")
        assert wrong.returncode == 2 and "'x' is unexpected" in wrong.stderr
    listed = pyspapr("qmp").stdout
    assert "migrate uri=string" in listed and "EPOW" in listed


def test_a_command_without_a_control_socket_is_a_mistake() -> None:
    done = pyspapr("qmp", "query-status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "pyspapr: query-status needs a machine's control socket: add --qmp\n"


def test_options_that_need_a_control_socket_say_so() -> None:
    for options, text in (
        (("--incoming", "defer"), "migrate-incoming"),
        (("--incoming", "tcp:x"), "tcp:x"),
        (("--incoming", "unix:/nowhere/x"), "cannot listen"),
        ((), "Missing option '--kernel'"),
        (("--incoming", "tcp:0", "--append", "x"), "need --kernel"),
        (("--incoming", "tcp:0", "--tls-creds", "/nowhere"), "TLS credentials of a server"),
    ):
        done = pyspapr("boot", "--memory", "32M", *options)
        assert done.returncode == 2 and text in done.stderr, (options, done.stderr)


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_the_migrate_command_says_once_how_it_ended(status: str) -> None:
    said = ending({"status": status, "error-desc": "the migration was cancelled"})
    assert said.count("cancelled") == 1 and " has " not in said


def test_a_summary_counts_ram_and_hash_table_apart() -> None:
    one = PassStatistics(number=1, ram_pages=3, ram_zero_pages=2, ram_bytes=12_300, hpt_valid=5, hpt_bytes=90)
    statistics = MigrationStatistics(phase=Phase.ITERATE, passes=(one,), hpt_remaining=4, rate=1 << 20)
    info = migration_info(statistics, 1 << 30)
    check(info, MigrationInfo, "info")
    text = summary(dict(info))
    assert text.startswith("active: pass 1, RAM 12.0 KiB sent") and "hash table 5 entries sent, 4 left" in text
    assert os.linesep not in text


def test_a_guest_that_was_paused_when_it_went_into_a_file_comes_back_paused(demo_guest: Path, tmp_path: Path) -> None:
    place = f"file:{tmp_path}/file"
    with process(tmp_path / "here", "--kernel", demo_guest, "--append", CHURN), client(tmp_path / "here") as here:
        here.execute("stop")
        done = pyspapr("migrate", "--qmp", f"unix:{tmp_path}/here", "--quit", place)
        assert done.returncode == 0, done.stderr
    with process(tmp_path / "there", "--incoming", place), client(tmp_path / "there") as there:
        if there.execute("query-status")["status"] == "inmigrate":
            events_until(there, "completed")
        status = there.execute("query-status")
        assert status["status"] == "paused" and status["running"] is False
        there.execute("cont")
        assert there.execute("query-status")["status"] == "running"
        there.execute("quit")
