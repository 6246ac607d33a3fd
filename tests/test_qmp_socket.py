"""The control socket from outside: `qemu.qmp`, plain sockets, several clients at once, and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from commands import program
from images import hypercall, li, rtas, write_kernel
from qemu.qmp import ExecuteError, QMPClient

from pyspapr import ConfigError, Machine
from pyspapr.host.address import TcpAddress
from pyspapr.host.interruption import PATIENCE
from pyspapr.qmp import QmpServer, server
from pyspapr.qmp.client import ClientError, CommandFailed, QmpClient
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.pace import BURST, SHARE

COUNT_FOREVER = [*li(5, 0), 0x38A50001, 0x4BFFFFFC]  # 1: addi r5,r5,1; b 1b
SLEEP_FOREVER = [*hypercall(0xE0), 0x4BFFFFF0]
PANIC = rtas(0x201F, 0x8000)


@contextmanager
def served(vm: Machine, directory: Path, *code: int) -> Iterator[QmpServer]:
    """The machine runs this code in a thread of its own, with a control socket."""
    vm.load_kernel(write_kernel(directory, *code))
    thread = threading.Thread(target=vm.run, kwargs={"timeout": 120})
    with vm.serve_qmp(f"unix:{directory}/qmp") as control:
        thread.start()
        while not vm.running:
            time.sleep(0.001)
        try:
            yield control
        finally:
            vm.stop()
            thread.join(30)
    assert not thread.is_alive()


@contextmanager
def booted(directory: Path, *options: str, code: list[int] = COUNT_FOREVER) -> Iterator[subprocess.Popen[bytes]]:
    """`pyspapr boot` in a process of its own, once its socket is there."""
    kernel = write_kernel(directory, *code)
    path = directory / "qmp"
    words = program("boot", "--kernel", kernel, "--memory", "32M")
    with subprocess.Popen(
        [*words, "--qmp", f"unix:{path}", *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline().decode()
            assert line == f"pyspapr: the control socket (QMP) is at unix:{path}\n"
            yield process
        finally:
            process.kill()


def dial(control: QmpServer) -> socket.socket:
    """A plain connection to a server on tcp."""
    assert isinstance(control.address, TcpAddress)
    return socket.create_connection((control.address.host, control.address.port))


async def next_event(client: QMPClient, name: str) -> dict[str, object]:
    """The next event, which must be called `name`."""
    event = await asyncio.wait_for(client.events.get(), 30)
    assert event["event"] == name
    stamp = event["timestamp"]
    assert abs(stamp["seconds"] - time.time()) < 60 and 0 <= stamp["microseconds"] < 1_000_000
    return dict(event.get("data", {}))


def test_qemu_qmp_drives_boot_stop_reset_query_and_quit(tmp_path: Path) -> None:
    async def drive() -> None:
        client = QMPClient("test")
        await client.connect(str(tmp_path / "qmp"))
        assert client.greeting is not None and client.greeting.QMP.capabilities == []
        version = await client.execute("query-version")
        assert version["package"].startswith("pyspapr ")
        assert await client.execute("query-status") == {"running": False, "status": "prelaunch"}
        await client.execute("cont")
        await next_event(client, "RESUME")
        assert await client.execute("query-status") == {"running": True, "status": "running"}
        await client.execute("stop")
        await next_event(client, "STOP")
        assert await client.execute("query-status") == {"running": False, "status": "paused"}
        await client.execute("cont")
        await next_event(client, "RESUME")
        await client.execute("system_reset")
        assert await next_event(client, "RESET") == {"guest": False, "reason": "host-qmp-system-reset"}
        with pytest.raises(ExecuteError, match="EPOW"):
            await client.execute("system_powerdown")
        with pytest.raises(ExecuteError, match="'force' is unexpected"):
            await client.execute("quit", {"force": True})
        await client.execute("quit")
        assert await next_event(client, "SHUTDOWN") == {"guest": False, "reason": "host-qmp-quit"}
        with suppress(EOFError):  # the process may be gone already
            await client.disconnect()

    with booted(tmp_path, "--paused") as process:
        asyncio.run(drive())
        assert process.wait(30) == 0
        assert not (tmp_path / "qmp").exists()


def test_an_idle_guest_with_host_time_wakes_for_commands(tmp_path: Path) -> None:
    with booted(tmp_path, "--clock", "host", code=SLEEP_FOREVER) as process:
        with QmpClient(f"unix:{tmp_path}/qmp") as client:
            begin = time.monotonic()
            for _ in range(10):
                client.execute("stop", timeout=20)
                client.execute("cont", timeout=20)
            assert time.monotonic() - begin < 10
            client.execute("quit", timeout=20)
        assert process.wait(30) == 0


def test_a_guests_panic_is_an_event_before_the_process_ends(tmp_path: Path) -> None:
    with booted(tmp_path, "-S", code=PANIC) as process:
        with QmpClient(f"unix:{tmp_path}/qmp") as client:
            client.execute("cont")
            events = [client.next_event(30) for _ in range(3)]
            assert [event["event"] for event in events] == ["RESUME", "GUEST_PANICKED", "SHUTDOWN"]
            assert events[2]["data"] == {"guest": True, "reason": "guest-panic"}
            with pytest.raises(ClientError, match="closed"):
                client.next_event(30)
        assert process.wait(30) == 3


def test_paused_without_anybody_who_could_say_cont_is_refused(tmp_path: Path) -> None:
    kernel = write_kernel(tmp_path, *PANIC)
    words = program("boot", "--kernel", kernel, "--paused")
    done = subprocess.run(words, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2 and b"--qmp" in done.stderr


def test_clients_come_one_after_another_and_all_at_once(vm: Machine, tmp_path: Path) -> None:
    with served(vm, tmp_path, *COUNT_FOREVER) as control:
        address = str(control.address)
        for _ in range(3):
            with QmpClient(address) as client:
                assert client.execute("query-status")["status"] == "running"
        clients = [QmpClient(address) for _ in range(8)]
        clients[0].execute("stop")
        for client in clients:
            assert client.execute("query-status")["status"] == "paused"
            assert [event["event"] for event in client.events] == ["STOP"]
        errors: list[BaseException] = []

        def hammer(client: QmpClient) -> None:
            try:
                for _ in range(50):
                    client.execute("cont", timeout=60)
                    client.execute("query-cpus-fast", timeout=60)
                    client.execute("stop", timeout=60)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=hammer, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not errors
        for client in clients:
            client.__exit__(None, None, None)


def test_more_clients_than_are_served_are_sent_away_with_a_word(vm: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLIENTS_LIMIT", 1)
    with vm.serve_qmp("tcp:0") as control, QmpClient(str(control.address)), dial(control) as second:
        assert b"1 clients already" in second.makefile("rb").readline()


def test_scripts_may_leave_out_newlines_and_send_several_commands_at_once(vm: Machine) -> None:
    with vm.serve_qmp("tcp:127.0.0.1:0") as control, dial(control) as client:
        lines = client.makefile("rb")
        assert "QMP" in json.loads(lines.readline())
        client.sendall(b'{"execute":"qmp_capabilities"}{"execute":\n "query-name", "id": [1]} oops\n{"execute":"x"}')
        client.shutdown(socket.SHUT_WR)
        answers = [json.loads(line) for line in lines]
    assert answers[0] == {"return": {}} and answers[1] == {"return": {}, "id": [1]}
    assert [answer["error"]["class"] for answer in answers[2:]] == ["GenericError", "CommandNotFound"]


def greeted(control: QmpServer | str) -> socket.socket:
    """A connection to a Unix socket, negotiated."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(str(getattr(control, "address", control)).removeprefix("unix:"))
    lines = client.makefile("rb")
    assert "QMP" in json.loads(lines.readline())
    client.sendall(b'{"execute":"qmp_capabilities"}')
    assert json.loads(lines.readline()) == {"return": {}}
    return client


def ask(client: socket.socket, request: bytes, *descriptors: int) -> dict[str, Any]:
    """The answer to one request, which brings these descriptors."""
    socket.send_fds(client, [request], descriptors)
    with client.makefile("rb") as lines:
        while "event" in (answer := json.loads(lines.readline())):
            pass
    return dict(answer)


@pytest.mark.parametrize("verb", ["POST / HTTP/1.1", "GET /x HTTP/1.1", "PRI * HTTP/2.0", "EHLO localhost", "[1]"])
def test_what_another_protocol_carries_is_not_carried_out(vm: Machine, tmp_path: Path, verb: str) -> None:
    precious = tmp_path / "notes"
    precious.write_text("precious")
    save = json.dumps({"execute": "snapshot-save", "arguments": {"filename": str(precious)}})
    body = f'{{"execute":"qmp_capabilities"}}\n{save}\n'
    head = f"{verb}\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    vm.start(pc=0)
    with vm.serve_qmp("tcp:0") as control, dial(control) as client:
        client.sendall(head.encode() + body.encode())
        with client.makefile("rb") as lines, suppress(ConnectionError):  # it may be reset, as it is not read to its end
            answers = [json.loads(line) for line in lines]
            assert "QMP" in answers[0] and "return" not in str(answers[1:])
        with QmpClient(str(control.address)) as other:
            assert other.execute("query-status")["status"] == "prelaunch"
    assert precious.read_text() == "precious"


def test_a_machine_migrates_to_a_descriptor_that_a_client_has_passed(vm: Machine, tmp_path: Path) -> None:
    with served(vm, tmp_path, *COUNT_FOREVER) as control, greeted(control) as client:
        ours, theirs = socket.socketpair()
        assert ask(client, b'{"execute":"getfd","arguments":{"fdname":"way"}}', theirs.fileno()) == {"return": {}}
        theirs.close()
        arrival: list[Machine] = []
        thread = threading.Thread(target=lambda: arrival.append(Machine.incoming(f"fd:{ours.detach()}")))
        thread.start()
        answer = ask(client, b'{"execute":"migrate","arguments":{"uri":"fd:way"}}')
        assert answer == {"return": {}}
        thread.join(60)
        assert arrival[0].partition.life.started
        answer = ask(client, b'{"execute":"migrate","arguments":{"uri":"fd:way"}}')
        assert "'way' has not been found" in answer["error"]["desc"]


def test_no_client_names_a_descriptor_of_the_process(vm: Machine, tmp_path: Path) -> None:
    with served(vm, tmp_path, *COUNT_FOREVER) as control, greeted(control) as client:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
        for number in numbers:
            for command in ("migrate", "migrate-incoming"):
                request = {"execute": command, "arguments": {"uri": f"fd:{number}"}}
                assert "has not been found" in ask(client, json.dumps(request).encode())["error"]["desc"]
        assert ask(client, b'{"execute":"query-status"}')["return"]["running"]


def test_descriptors_of_a_client_go_with_it_and_are_no_childs(vm: Machine, tmp_path: Path) -> None:
    with served(vm, tmp_path, *COUNT_FOREVER) as control:
        reader, writer = os.pipe()
        other, unnamed = os.pipe()
        with greeted(control) as client:
            assert ask(client, b'{"execute":"getfd","arguments":{"fdname":"a"}}', writer, unnamed) == {"return": {}}
            pipes = {os.fstat(writer).st_ino, os.fstat(unnamed).st_ino}
            copies = []
            for number in map(int, os.listdir("/proc/self/fd")):
                with suppress(OSError):  # the listing's own
                    if os.fstat(number).st_ino in pipes and number not in (reader, writer, other, unnamed):
                        copies.append(number)
            assert len(copies) == 2 and not any(map(os.get_inheritable, copies))
            os.close(writer)
            os.close(unnamed)
        assert os.read(reader, 1) == b"" and os.read(other, 1) == b""  # once the last writer is closed
        os.close(reader)
        os.close(other)


def test_a_flood_leaves_most_of_the_processor_to_the_guest(vm: Machine, tmp_path: Path) -> None:
    floods = {
        "spaces": b" " * 65536,
        "brackets": b"[" * 3 + b"[]," * 20000,
        "messages": b"[]" * 30000,
        "commands": b'{"execute":"query-status"}' * 2000,
        "interruptions": b'{"execute":"system_reset"}' * 2000,
    }
    with served(vm, tmp_path, *COUNT_FOREVER) as control:
        assert control._thread.ident is not None
        clock = time.pthread_getcpuclockid(control._thread.ident)
        clients = [greeted(control) for _ in range(2 * len(floods))]
        over = threading.Event()

        def flood(client: socket.socket, data: bytes) -> None:
            client.settimeout(0.1)
            while not over.is_set():
                with suppress(TimeoutError):
                    client.sendall(data)

        threads = [
            threading.Thread(target=flood, args=pair) for pair in zip(clients, [*floods.values()] * 2, strict=True)
        ]
        for thread in threads:
            thread.start()
        with greeted(control) as polite:
            for seconds in (3, 2):  # first until nobody has credit left, then measured
                began, used = time.monotonic(), time.clock_gettime(clock)
                while (lasted := time.monotonic() - began) < seconds:
                    assert "return" in ask(polite, b'{"execute":"query-status"}')
                    over.wait(0.02)
            used = time.clock_gettime(clock) - used
        over.set()
        for thread in threads:
            thread.join(30)
        for client in clients:
            client.close()
        allowed = SHARE * lasted + len(clients) * BURST + 0.1
        assert used < allowed, f"{used:.2f} s of {lasted:.2f}, expected less than {allowed:.2f}"


def test_what_clients_do_while_the_guest_stands_still_costs_them_nothing(vm: Machine, tmp_path: Path) -> None:
    """It once left them in debt, and each `cont` was followed by a wait that grew with all that was done before it."""
    with served(vm, tmp_path, *COUNT_FOREVER) as control, QmpClient(str(control.address)) as client:
        client.execute("stop")
        before = control._clients[0].pace.credit
        for _ in range(500):
            client.execute("query-commands")
        assert control._clients[0].pace.credit >= min(before, 0)
        client.execute("cont")


def test_without_descriptors_the_sockets_wait_and_say_so_once(tmp_path: Path) -> None:
    console = tmp_path / "console"
    with booted(tmp_path, "--console", f"unix:{console}") as process:
        assert process.stderr is not None and b"the console is at" in process.stderr.readline()
        with greeted(f"unix:{tmp_path}/qmp") as client:
            while not ask(client, b'{"execute":"query-status"}')["return"]["running"]:
                pass  # everything that is opened at the start is
        few = len(os.listdir(f"/proc/{process.pid}/fd")) + 4
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (few, few))
        crowd = []
        for _ in range(10):
            crowd.append(socket.socket(socket.AF_UNIX))
            crowd[-1].connect(f"{tmp_path}/qmp")
        assert b"accepts no clients until descriptors are free again: Too many open files" in process.stderr.readline()
        keyboard = socket.socket(socket.AF_UNIX)
        keyboard.settimeout(30)
        keyboard.connect(str(console))
        for client in crowd:
            client.close()
        with greeted(f"unix:{tmp_path}/qmp") as client:
            assert ask(client, b'{"execute":"query-status"}')["return"]["running"]
            keyboard.sendall(b"x")
            ask(client, b'{"execute":"quit"}')
        keyboard.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


STUCK = """
import os, sys, threading
from pyspapr import Machine, cli
from pyspapr.qmp import monitor

def stuck(*arguments, **options):
    while True:
        os.read(reader, 1)

reader, writer = os.pipe()
monitor.QUIT_SECONDS = 0.3
setattr(Machine, sys.argv[1], stuck)
sys.exit(cli.run(sys.argv[2:]))
"""


@pytest.mark.parametrize("end", ["quit", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize(("method", "command"), [("save", "snapshot-save"), ("restore", "snapshot-load")])
def test_nothing_that_a_command_waits_for_keeps_the_process(
    tmp_path: Path, method: str, command: str, end: str
) -> None:
    path = tmp_path / "qmp"
    words = [
        "boot",
        "--kernel",
        str(write_kernel(tmp_path, *COUNT_FOREVER)),
        "--memory",
        "32M",
        "--qmp",
        f"unix:{path}",
    ]
    with subprocess.Popen(
        [sys.executable, "-c", STUCK, method, *words], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None and b"QMP" in process.stderr.readline()
        try:
            with greeted(f"unix:{path}") as waiting, greeted(f"unix:{path}") as other:
                waiting.sendall(json.dumps({"execute": command, "arguments": {"filename": "x"}}).encode())
                assert "return" in ask(other, b'{"execute":"query-status"}')
                if end == "quit":
                    assert "return" in ask(other, b'{"execute":"quit"}')
                    assert process.wait(30) == 0
                elif end == "SIGTERM":
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(30) == 128 + signal.SIGTERM
                else:
                    process.send_signal(signal.SIGINT)
                    if method == "save":  # the second one does not wait for the machine's thread
                        with suppress(subprocess.TimeoutExpired):
                            process.wait(2 * PATIENCE)
                        process.send_signal(signal.SIGINT)
                    assert process.wait(30) == 128 + signal.SIGINT
        finally:
            process.kill()
    if end != "SIGINT":  # pressed twice, it does not even wait for the control socket
        assert not path.exists()


def test_a_server_ends_though_a_command_does_not(vm: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    never = threading.Event()
    monkeypatch.setattr(Monitor, "load", lambda monitor, *names: never.wait(60))
    monkeypatch.setattr(server, "GOODBYE_SECONDS", 0.2)
    with vm.serve_qmp(f"unix:{tmp_path}/qmp") as control:
        client = greeted(control)
        client.sendall(b'{"execute":"snapshot-load","arguments":{"filename":"x"}}')
    with suppress(ConnectionResetError):
        assert client.recv(1) == b""
    assert not (tmp_path / "qmp").exists()
    never.set()
    client.close()


def test_who_does_not_negotiate_makes_room(vm: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLIENTS_LIMIT", 1)
    monkeypatch.setattr(server, "NEGOTIATION_SECONDS", -1.0)
    with vm.serve_qmp("tcp:0") as control, dial(control) as silent:
        assert b"QMP" in silent.makefile("rb").readline()
        with QmpClient(str(control.address)) as second:
            assert second.execute("query-name") == {}
        assert silent.recv(1) == b""


def test_a_client_that_does_not_read_holds_neither_the_guest_nor_the_others(vm: Machine, tmp_path: Path) -> None:
    with served(vm, tmp_path, *COUNT_FOREVER) as control:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(f"{tmp_path}/qmp")
        deaf.settimeout(1)
        deaf.sendall(b'{"execute":"qmp_capabilities"}')
        with QmpClient(str(control.address)) as client:
            request = b'{"execute": "query-commands"}' * 2000
            try:
                for _ in range(20):
                    deaf.sendall(request)
            except TimeoutError:
                pass
            for _ in range(20):
                client.execute("stop", timeout=20)
                client.execute("cont", timeout=20)
            before = vm.call(lambda: vm.instructions)
            time.sleep(0.05)
            assert vm.call(lambda: vm.instructions) > before
        deaf.close()


def test_a_client_that_vanishes_in_the_middle_leaves_nothing_behind(vm: Machine, tmp_path: Path) -> None:
    with served(vm, tmp_path, *COUNT_FOREVER) as control:
        for message in (b"", b"{", b'{"execute":"qmp_capabilities"}{"execute":"stop"}', b"\xff" * 1000):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{tmp_path}/qmp")
                client.sendall(message)
        with QmpClient(str(control.address)) as client:
            assert client.execute("query-status")["status"] in ("running", "paused")


def test_the_small_client_says_what_went_wrong(vm: Machine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        QmpClient(f"unix:{tmp_path}/none")
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"tcp:127.0.0.1:{other.getsockname()[1]}"

        def answer() -> None:
            client, _ = other.accept()
            client.sendall(b"SSH-2.0-OpenSSH\r\n")
            client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ClientError, match="does not speak QMP"):
            QmpClient(address)
        thread.join()
    with vm.serve_qmp("tcp:0") as control, QmpClient(str(control.address)) as client:
        with pytest.raises(CommandFailed, match="has not been found") as caught:
            client.execute("no-such")
        assert caught.value.kind == "CommandNotFound"


def test_an_address_that_cannot_be_had_is_one_sentence(vm: Machine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen at unix:.*No such file"):
        vm.serve_qmp(f"unix:{tmp_path}/none/qmp")
    with vm.serve_qmp("tcp:0") as control, pytest.raises(ConfigError, match="in use"):
        vm.serve_qmp(str(control.address))
