"""The control socket from outside: `qemu.qmp`, plain sockets, several clients at once, and the command line."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from commands import program
from images import hypercall, li, rtas, write_kernel
from qemu.qmp import ExecuteError, QMPClient

from pyspapr import ConfigError, Machine
from pyspapr.qmp import QmpServer, server
from pyspapr.qmp.address import TcpAddress
from pyspapr.qmp.client import ClientError, CommandFailed, QmpClient

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
            before = vm.call(lambda: vm.cpus[0].vcpu.instructions)
            time.sleep(0.05)
            assert vm.call(lambda: vm.cpus[0].vcpu.instructions) > before
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
