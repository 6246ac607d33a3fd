"""The control socket's parts: finding messages in bytes, checking arguments, the table of commands, the sessions."""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import POWER_OFF, write_kernel

from pyspapr import ConfigError, Machine
from pyspapr.errors import AddressError
from pyspapr.host.address import UnixAddress
from pyspapr.host.sockets import Listener
from pyspapr.migration.socket_transport import SocketTransport
from pyspapr.qmp import QmpError, commands
from pyspapr.qmp.connection import Connection
from pyspapr.qmp.descriptors import NAMED_LIMIT, Descriptors
from pyspapr.qmp.errors import COMMAND_NOT_FOUND, WireError
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.pace import BURST, SHARE, WELCOME, Pool
from pyspapr.qmp.registry import TABLE, command
from pyspapr.qmp.session import Session, greeting
from pyspapr.qmp.types import check
from pyspapr.qmp.wire import DEPTH_LIMIT, MESSAGE_LIMIT, Splitter, decode, encode

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=5)


def split(data: bytes, *, pieces: int = 1 << 30) -> list[bytes | WireError]:
    splitter = Splitter()
    found: list[bytes | WireError] = []
    for begin in range(0, len(data), pieces):
        found += splitter.feed(data[begin : begin + pieces])
    return found + list(splitter.finish())


def hear(session: Session, message: bytes | WireError) -> dict[str, Any]:
    """The answer to a message, from whichever thread it comes."""
    answers: Future[dict[str, Any]] = Future()
    session.answer(message, answers.set_result)
    return answers.result(60)


@cache
def a_session() -> Session:
    """One machine for all examples of a property."""
    return Session(Monitor(Machine(memory="32M"), None, lambda action: None))


# Bytes to messages.


@given(st.lists(json_objects, max_size=4), st.integers(1, 40), st.sampled_from([None, 2]), st.sampled_from(["", "\n"]))
def test_messages_are_found_however_they_are_cut_and_written(
    objects: list[dict[str, Any]], pieces: int, indent: int | None, between: str
) -> None:
    data = between.join(json.dumps(one, indent=indent) for one in objects).encode()
    assert [decode(message) for message in split(data, pieces=pieces)] == objects  # type: ignore[arg-type]


@given(st.binary(max_size=200) | st.text('{}[]":,\\ \n0aÿ', max_size=60).map(str.encode))
@settings(max_examples=300)
def test_any_bytes_give_objects_or_errors_and_a_newline_and_ff_bring_order_back(data: bytes) -> None:
    for message in split(data):
        if not isinstance(message, WireError):
            try:
                assert isinstance(decode(message), dict)
            except WireError as error:
                assert str(error)
    assert split(data + b'\xff\n{"a": 1}')[-1] == b'{"a": 1}'


@given(st.binary(max_size=120))
@settings(max_examples=100)
def test_a_session_answers_any_bytes_with_one_object_for_each_message(data: bytes) -> None:
    session = a_session()
    for message in split(data):
        answer = hear(session, message)
        assert set(answer) <= {"error", "return", "id"}
        assert decode(encode(answer)) == answer


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"hello\n", "Expecting value"),
        (b"7\n", "must be a JSON object"),
        (b'["execute"]', "must be a JSON object"),
        (b'{"a" 1}', "delimiter"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON parse error"),
        (b'{"a": 1, "a": 2}', "appears twice"),
        (b'{"a": "\x80"}', "JSON parse error"),
        (b'{"a": "b\n', "not closed at the end of its line"),
        (b"[" * (DEPTH_LIMIT + 1), "levels of nesting"),
        (b'{"a": "' + b"x" * MESSAGE_LIMIT + b'"}', "longer than"),
        (b'{"execute": ', "ended inside a message"),
        (b"]\n", "Expecting value"),
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(data: bytes, text: str) -> None:
    with pytest.raises(WireError, match=text):
        for message in split(data):
            if isinstance(message, WireError):
                raise message
            decode(message)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'b'}", {"a": "b"}),
        ("""{'a': "it's"}""", {"a": "it's"}),
        ("""{'a': 'say "no"'}""", {"a": 'say "no"'}),
        (r"""{'it\'s': "it\'s"}""", {"it's": "it's"}),
        (r"""{'a': '\"\\'}""", {"a": '"\\'}),
        (r"""{'{': '}\u00e9'}""", {"{": "}é"}),
        ("{'a': ''}", {"a": ""}),
        ("""{"a": "'", 'b': 1}""", {"a": "'", "b": 1}),
    ],
)
def test_strings_may_stand_in_single_quotes_however_they_are_cut(text: str, value: object) -> None:
    data = text.encode()
    for pieces in range(1, len(data) + 1):
        assert [decode(message) for message in split(data, pieces=pieces)] == [value]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", [r'{"a": "\ud800"}', r'{"a": {"\udc80": 1}}', "{'a': 'b\"}", "{'a\n': 1}", r"{'\x': 1}"]
)
def test_strings_that_qemu_refuses_are_refused(text: str) -> None:
    with pytest.raises(WireError, match="JSON parse error"):
        for message in split(text.encode()):
            if isinstance(message, WireError):
                raise message
            decode(message)


def test_a_message_without_its_last_brace_does_not_swallow_the_next() -> None:
    found = split(b'{"execute": "stop"\n{"execute": "cont"}\n')
    assert isinstance(found[0], WireError) and found[1:] == [b'{"execute": "cont"}']


def test_a_client_that_never_ends_its_message_costs_bounded_memory() -> None:
    splitter = Splitter()
    errors = [list(splitter.feed(b'{"a": "' if not turn else b"x" * 100_000)) for turn in range(40)]
    assert sum(map(len, errors)) == 1
    assert len(splitter._pending) <= MESSAGE_LIMIT


# Types of arguments.


class Point(TypedDict, total=False):
    """For the tests."""

    x: int


@pytest.mark.parametrize(
    ("value", "wanted", "text"),
    [
        (True, int, "'a', expected: integer"),
        (1, bool, "'a', expected: boolean"),
        (1, str, "'a', expected: string"),
        (None, str | None, "'a', expected: string"),
        ("1", float, "'a', expected: number"),
        (1 << 70, int, "outside"),
        ("a\0b", str, "NUL"),
        ("c", Literal["a", "b"], 'does not accept value \'c\'; it is "a" or "b"'),
        (3, Literal["a", "b"], "expected: string"),
        ({}, list[str], "expected: array"),
        (["a", 2], list[str], r"'a\[1\]', expected: string"),
        ([], Point, "expected: object"),
        ({"x": "1"}, Point, "'a.x', expected: integer"),
        ({"y": 1}, Point, "'a.y' is unexpected"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(value: object, wanted: object, text: str) -> None:
    with pytest.raises(QmpError, match=text):
        check(value, wanted, "a")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(1, int), (1, float), (1.5, float), (True, bool), ("x", str | None), (["a"], list[str]), ({"x": 1}, Point)],
)
def test_a_value_of_the_right_type_passes(value: object, wanted: object) -> None:
    assert check(value, wanted, "a") == value


# The table.


@pytest.fixture
def session(vm: Machine) -> Session:
    """A session after its negotiation."""
    made = Session(Monitor(vm, "box", lambda action: action()))
    made.negotiated = True
    return made


def ask(session: Session, name: object, arguments: object = None, **members: object) -> dict[str, Any]:
    request = {"execute": name, **members}
    if arguments is not None:
        request["arguments"] = arguments
    return hear(session, json.dumps(request).encode())


def refused(answer: dict[str, Any], kind: str = "GenericError") -> str:
    assert answer["error"]["class"] == kind
    return str(answer["error"]["desc"])


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_command_has_help_and_refuses_arguments_it_does_not_know_by_name(session: Session, name: str) -> None:
    row = TABLE[name]
    assert row.help.endswith(".") or "\n" in row.help
    assert row.usage().startswith(name)
    session.negotiated = name != "qmp_capabilities"
    arguments = {argument: example(kind) for argument, (kind, needed) in row.arguments.items() if needed}
    assert refused(ask(session, name, {**arguments, "no-such": 1})) == "Parameter 'no-such' is unexpected"


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name in sorted(TABLE) for argument in TABLE[name].arguments]
)
def test_every_argument_is_checked(session: Session, name: str, argument: str) -> None:
    row = TABLE[name]
    session.negotiated = name != "qmp_capabilities"
    arguments = {other: example(kind) for other, (kind, needed) in row.arguments.items() if needed}
    text = refused(ask(session, name, {**arguments, argument: None}))
    assert text.startswith(f"Invalid parameter type for '{argument}', expected: ")
    if row.arguments[argument][1]:
        del arguments[argument]
        assert refused(ask(session, name, arguments)) == f"Parameter '{argument}' is missing"


def example(kind: object) -> object:
    """A value of a type."""
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    return {str: "x", int: 1, bool: True, float: 1.0}.get(kind, [])  # type: ignore[call-overload]


@pytest.mark.parametrize("name", sorted(name for name in TABLE if name.startswith("query-")))
def test_every_query_answers_what_its_annotation_says(session: Session, name: str) -> None:
    answer = ask(session, name)
    assert "return" in answer, answer
    check(answer["return"], TABLE[name].returns, name)


def test_query_commands_lists_the_table(session: Session) -> None:
    names = {row["name"] for row in ask(session, "query-commands")["return"]}
    assert names == set(TABLE)
    assert {"query-status", "query-version", "query-cpus-fast", "stop", "cont", "system_reset", "quit"} <= names
    assert {"human-monitor-command", "inject-nmi", "memsave", "pmemsave", "query-qmp-schema"} <= names


def test_a_command_without_help_or_with_a_name_that_is_taken_does_not_enter_the_table() -> None:
    def silent(monitor: Monitor) -> None:
        pass

    with pytest.raises(ValueError, match="no help"):
        command("silent")(silent)
    with pytest.raises(ValueError, match="already"):
        command("stop")(commands.stop)


# Sessions.


def test_negotiation_comes_first_and_once(vm: Machine) -> None:
    session = Session(Monitor(vm, None, lambda action: None))
    assert greeting()["QMP"]["capabilities"] == []
    assert "Expecting capabilities negotiation" in refused(ask(session, "query-status"), COMMAND_NOT_FOUND)
    assert "'oob' is not offered" in refused(ask(session, "qmp_capabilities", {"enable": ["oob"]}))
    assert ask(session, "qmp_capabilities", {"enable": []}, id=1) == {"return": {}, "id": 1}
    assert "already complete" in refused(ask(session, "qmp_capabilities"), COMMAND_NOT_FOUND)
    assert ask(session, "query-status")["return"] == {"running": False, "status": "prelaunch"}


@pytest.mark.parametrize("message", [b"POST / HTTP/1.1", b'"x"', b"{", b"\x16\x03\x01", WireError("x")])
def test_what_is_no_message_ends_a_session_that_has_not_negotiated(vm: Machine, message: bytes | WireError) -> None:
    session = Session(Monitor(vm, None, lambda action: None))
    hear(session, message)
    assert session.over
    session = Session(Monitor(vm, None, lambda action: None))
    ask(session, "no-such")
    ask(session, "qmp_capabilities")
    hear(session, message)
    assert not session.over


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MemoryError(), "the host has no memory for this"),
        (OSError(24, "Too many open files", "x"), "Too many open files (x)"),
        (OverflowError("too large"), "internal error: OverflowError: too large"),
    ],
)
def test_every_error_is_an_answer(
    session: Session, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    def fail(vm: Machine) -> None:
        raise error

    monkeypatch.setattr(Machine, "pause", fail)
    assert refused(ask(session, "stop")) == text


def test_an_answer_that_cannot_be_written_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours, a_session(), Pool().join(WELCOME))
        nested: list[object] = []
        for _ in range(5000):
            nested = [nested]
        connection.send({"return": {}, "id": nested})
        lines = theirs.recv(1 << 16).splitlines()
        assert "error" in json.loads(lines[1])


# File descriptors of a client.


def a_pipe() -> tuple[int, int]:
    """Its ends, the first of which is read."""
    return os.pipe()


def is_open(reader: int) -> bool:
    """Whether there is somebody who can write to a pipe."""
    os.set_blocking(reader, False)
    try:
        return os.read(reader, 1) != b""
    except BlockingIOError:
        return True


def test_a_descriptor_has_one_owner_until_it_is_closed(session: Session) -> None:
    descriptors = session.descriptors
    ends = [a_pipe() for _ in range(4)]
    readers = [reader for reader, _ in ends]

    def opened() -> list[bool]:
        return [is_open(reader) for reader in readers]

    assert "No file descriptor supplied" in refused(ask(session, "getfd", {"fdname": "a"}))
    descriptors.passed([writer for _, writer in ends[:2]])
    assert ask(session, "getfd", {"fdname": "a"}) == {"return": {}}
    descriptors.passed([ends[2][1]])  # the second of the first message has got no name
    assert opened() == [True, False, True, True]
    assert ask(session, "getfd", {"fdname": "a"}) == {"return": {}}
    assert opened() == [False, False, True, True]
    descriptors.passed([ends[3][1]])
    assert "not starting with a digit" in refused(ask(session, "getfd", {"fdname": "1a"}))
    assert opened() == [False, False, True, False]
    assert refused(ask(session, "closefd", {"fdname": "b"})) == "File descriptor named 'b' not found"
    number = descriptors.take("a")
    with pytest.raises(QmpError, match="has not been found"):
        descriptors.take("a")
    descriptors.give_back("a", number)
    assert ask(session, "closefd", {"fdname": "a"}) == {"return": {}}
    assert opened() == [False] * 4
    for reader in readers:
        os.close(reader)


def test_a_client_keeps_a_bounded_number_of_descriptors_and_none_when_it_has_gone(session: Session) -> None:
    reader, writer = a_pipe()
    for number in range(NAMED_LIMIT):
        session.descriptors.passed([os.dup(writer)])
        assert "return" in ask(session, "getfd", {"fdname": f"f{number}"})
    session.descriptors.passed([writer])
    assert "named file descriptors already" in refused(ask(session, "getfd", {"fdname": "one-more"}))
    assert is_open(reader)
    session.descriptors.close()
    assert not is_open(reader)
    os.close(reader)


@pytest.mark.parametrize("number", ["0", "3", "99999999999999999999", "-1", ""])
def test_a_descriptor_of_the_process_is_nobodys_to_name(vm: Machine, session: Session, number: str) -> None:
    vm.start(pc=0)
    for name in ("migrate", "migrate-incoming"):
        assert "has not been found" in refused(ask(session, name, {"uri": f"fd:{number}"}))
    assert ask(session, "query-migrate") == {"return": {}}


# How much time clients get.


class Time:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_client_has_some_credit_and_then_its_share_of_the_time() -> None:
    time = Time()
    pool = Pool(time)
    pace = pool.join(0.01)
    pace.spend(0.01)
    assert pace.pause() == 0
    pace.spend(0.01)
    assert pace.pause() == pytest.approx(0.01 / SHARE)
    time.now = 0.005 / SHARE
    pool.earn()
    assert pace.pause() == pytest.approx(0.005 / SHARE)
    time.now += 3600
    pool.earn()
    assert pace.pause() == 0
    pace.spend(BURST)
    assert pace.pause() == 0
    pace.spend(0.001)
    assert pace.pause() > 0


@given(st.lists(st.floats(-1, BURST), min_size=1, max_size=40), st.floats(0, 100))
def test_what_is_earned_is_divided_equally_and_nothing_of_it_is_lost(credits: list[float], seconds: float) -> None:
    time = Time()
    pool = Pool(time)
    members = [pool.join(credit) for credit in credits]
    poorest = min(members, key=lambda member: member.credit)
    wait = poorest.pause()
    time.now = seconds
    pool.earn()
    earned = [member.credit - credit for member, credit in zip(members, credits, strict=True)]
    room = sum(BURST - credit for credit in credits)
    assert sum(earned) == pytest.approx(min(seconds * SHARE, room), abs=1e-9)
    for member, amount in zip(members, earned, strict=True):  # who got less than another is full
        assert member.credit == pytest.approx(BURST) or amount == pytest.approx(max(earned), abs=1e-9)
    if wait:
        time.now = 0.0
        again = Pool(time)
        copies = [again.join(credit) for credit in credits]
        time.now = wait
        again.earn()
        assert min(copy.credit for copy in copies) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("count", [1, 8, 32])
@pytest.mark.parametrize("part", [0.9, 100], ids=["each-below-the-share", "floods"])
def test_many_clients_get_no_more_than_one_and_one_that_asks_little_never_waits(count: int, part: float) -> None:
    """Each of eight clients just below the share once had all of it, since none of them was ever in debt."""
    time = Time()
    pool = Pool(time)
    greedy, polite = [pool.join(BURST) for _ in range(count)], pool.join(BURST)
    used, cost, step = 0.0, 0.001, 0.005
    wishes = [0.0] * count
    for round_ in range(4_000):
        time.now += step
        pool.earn()
        for index, member in enumerate(greedy):
            wishes[index] += part * SHARE * step
            if wishes[index] >= cost and not member.pause():
                member.spend(cost)
                used += cost
                wishes[index] -= cost
        if round_ % 200 == 0:
            assert polite.pause() == 0
            polite.spend(cost)
    assert used <= SHARE * time.now + count * (BURST + cost)
    if part > 1:
        assert used >= 0.9 * SHARE * time.now


@given(json_values)
@settings(max_examples=50)
def test_any_id_comes_back(value: object) -> None:
    answer = hear(a_session(), json.dumps({"execute": "nothing", "id": value}).encode())
    assert answer["id"] == value


def test_requests_that_are_not_in_order_are_refused_with_their_id(session: Session) -> None:
    assert refused(ask(session, "no-such"), COMMAND_NOT_FOUND) == "The command no-such has not been found"
    assert refused(ask(session, 7)) == "QMP input member 'execute' must be a string"
    assert refused(ask(session, "stop", [])) == "QMP input member 'arguments' must be an object"
    assert refused(ask(session, "stop", extra=1)) == "QMP input member 'extra' is unexpected"
    answer = hear(session, b'{"exec-oob": "stop", "id": "x"}')
    assert refused(answer) == "QMP input member 'exec-oob' is unexpected" and answer["id"] == "x"
    assert refused(hear(session, b'{"id": 1}')) == "QMP input lacks member 'execute'"


def test_a_bug_in_a_command_is_an_answer_and_names_itself(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "pause", lambda vm: 1 // 0)
    assert refused(ask(session, "stop")) == "internal error: ZeroDivisionError: integer division or modulo by zero"
    monkeypatch.setattr(Machine, "save", lambda vm, *names, **more: next(iter(())))
    monkeypatch.setattr(Monitor, "load", lambda monitor, *names: next(iter(())))
    for name in ("snapshot-save", "snapshot-load"):
        assert refused(ask(session, name, {"filename": "x"})) == "internal error: StopIteration: "


# Commands, one by one: what they do, and how they fail.


def test_stop_and_cont(session: Session, tmp_path: Path) -> None:
    vm = session.monitor.vm
    vm.load_kernel(write_kernel(tmp_path, *POWER_OFF))
    assert ask(session, "stop") == {"return": {}} and vm.paused
    assert ask(session, "cont") == {"return": {}} and not vm.paused
    vm.run()
    assert ask(session, "query-status")["return"] == {"running": False, "status": "shutdown"}
    assert "can only be reset" in refused(ask(session, "cont"))
    assert ask(session, "system_reset") == {"return": {}}
    assert ask(session, "query-status")["return"]["status"] == "prelaunch"


def test_system_reset_needs_a_kernel(session: Session) -> None:
    assert "no kernel to boot again" in refused(ask(session, "system_reset"))


def test_system_powerdown_says_why_it_cannot(session: Session) -> None:
    assert "EPOW" in refused(ask(session, "system_powerdown"))


def test_quit_ends_the_next_run_when_none_is_under_way(session: Session, tmp_path: Path) -> None:
    vm = session.monitor.vm
    vm.load_kernel(write_kernel(tmp_path, *POWER_OFF))
    assert ask(session, "quit") == {"return": {}}
    assert str(vm.run()) == "the run was stopped"


def test_query_name_and_cpus(session: Session) -> None:
    assert ask(session, "query-name")["return"] == {"name": "box"}
    (cpu,) = ask(session, "query-cpus-fast")["return"]
    assert cpu["cpu-index"] == 0 and cpu["target"] == "ppc64" and cpu["thread-id"] > 0


def test_what_scripts_ask_for_first_is_answered_as_by_qemu(session: Session) -> None:
    assert ask(session, "query-target") == {"return": {"arch": "ppc64"}}
    assert ask(session, "query-block") == {"return": []}


# Addresses.


def test_a_socket_is_its_owners_alone_and_a_stale_one_is_replaced(tmp_path: Path) -> None:
    address = UnixAddress(str(tmp_path / "s"))
    Listener(address, 1).socket.close()
    server = Listener(address, 1)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    with pytest.raises(AddressError, match="another process is listening"):
        Listener(address, 1)
    server.close()
    assert not (tmp_path / "s").exists()


def test_a_control_socket_that_fails_halfway_leaves_neither_descriptor_nor_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "eventfd", fail)
    vm = Machine(memory="32M")
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(ConfigError, match="Too many open files"):
        vm.serve_qmp(f"unix:{tmp_path / 's'}")
    assert set(os.listdir("/proc/self/fd")) <= before and not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["file", "link", "fifo", "directory"])
def test_nothing_but_a_socket_makes_room_for_one(what: str, tmp_path: Path) -> None:
    path, other = tmp_path / "s", tmp_path / "other"
    other.write_text("precious")
    match what:
        case "file":
            path.write_text("precious")
        case "link":
            path.symlink_to(other)
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
    before = path.lstat()
    with pytest.raises(ConfigError, match="not a socket is there"):
        Listener(UnixAddress(str(path)), 1)
    assert path.lstat() == before
    assert other.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_took_a_sockets_name_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = Listener(UnixAddress(str(path)), 1)
    path.unlink()
    path.write_text("precious")
    server.forget()
    assert path.read_text() == "precious"
    server.socket.close()


def lingering() -> tuple[int, socket.socket]:
    """A connected socket whose last close would wait for its peer, which reads nothing, for half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock, peer = socket.create_connection(server.getsockname()), server.accept()[0]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
    sock.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            sock.send(bytes(1 << 16))
    return sock.detach(), peer


def name_and_forget(number: int) -> None:
    descriptors = Descriptors()
    descriptors.passed([number])
    descriptors.name("a")
    descriptors.forget("a")


def migrate_and_close(number: int) -> None:
    SocketTransport(socket.socket(fileno=number)).close()


@pytest.mark.parametrize("use", [name_and_forget, migrate_and_close])
def test_a_socket_that_a_client_has_passed_does_not_hold_whoever_closes_it(use: Callable[[int], None]) -> None:
    number, peer = lingering()
    using = threading.Thread(target=use, args=(number,), daemon=True)
    using.start()
    using.join(10)
    held = using.is_alive()
    peer.close()
    assert not held
