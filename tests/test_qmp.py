"""The control socket's parts: finding messages in bytes, checking arguments, the table of commands, the sessions."""

from __future__ import annotations

import asyncio
import json
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import POWER_OFF, write_kernel

from pyspapr import ConfigError, Machine
from pyspapr.qmp import QmpError, commands
from pyspapr.qmp.address import Listener, TcpAddress, UnixAddress, parse_address
from pyspapr.qmp.errors import COMMAND_NOT_FOUND, WireError
from pyspapr.qmp.monitor import Monitor
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
        answer = asyncio.run(session.answer(message))
        assert set(answer) <= {"error", "return", "id"}
        assert decode(encode(answer)) == answer


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"hello\n", "Expecting value"),
        (b"7\n", "must be a JSON object"),
        (b'["execute"]', "must be a JSON object"),
        (b'{"a" 1}', "delimiter"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON parse error"),
        (b'{"a": 1, "a": 2}', "stands twice"),
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
    return asyncio.run(session.answer(json.dumps(request).encode()))


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
    assert "human-monitor-command" not in names


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


@given(json_values)
@settings(max_examples=50)
def test_any_id_comes_back(value: object) -> None:
    answer = asyncio.run(a_session().answer(json.dumps({"execute": "nothing", "id": value}).encode()))
    assert answer["id"] == value


def test_requests_that_are_not_in_order_are_refused_with_their_id(session: Session) -> None:
    assert refused(ask(session, "no-such"), COMMAND_NOT_FOUND) == "The command no-such has not been found"
    assert refused(ask(session, 7)) == "QMP input member 'execute' must be a string"
    assert refused(ask(session, "stop", [])) == "QMP input member 'arguments' must be an object"
    assert refused(ask(session, "stop", extra=1)) == "QMP input member 'extra' is unexpected"
    answer = asyncio.run(session.answer(b'{"exec-oob": "stop", "id": "x"}'))
    assert refused(answer) == "QMP input member 'exec-oob' is unexpected" and answer["id"] == "x"
    assert refused(asyncio.run(session.answer(b'{"id": 1}'))) == "QMP input lacks member 'execute'"


def test_a_bug_in_a_command_is_an_answer_and_names_itself(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "pause", lambda vm: 1 // 0)
    assert refused(ask(session, "stop")) == "internal error: ZeroDivisionError: integer division or modulo by zero"
    # Which asyncio does not hand on.
    monkeypatch.setattr(Machine, "save", lambda vm, *names, **more: next(iter(())))
    monkeypatch.setattr(Monitor, "load", lambda monitor, *names: next(iter(())))
    for name in ("snapshot-save", "snapshot-load"):
        assert refused(ask(session, name, {"filename": "x"})) == "internal error: RuntimeError: StopIteration"


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


# Addresses.


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/a:b", UnixAddress("/a:b")),
        ("tcp:4444", TcpAddress("127.0.0.1", 4444)),
        ("tcp::4444", TcpAddress("127.0.0.1", 4444)),
        ("tcp:0.0.0.0:1", TcpAddress("0.0.0.0", 1)),
        ("tcp:[::1]:65535", TcpAddress("::1", 65535)),
    ],
)
def test_addresses(text: str, address: object) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "/tmp/x", "unix:", "unix:a\0b", "tcp:", "tcp:host", "tcp:h:65536", "tcp:h:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="address"):
        parse_address(text)


def test_a_socket_is_its_owners_alone_and_a_stale_one_is_replaced(tmp_path: Path) -> None:
    address = UnixAddress(str(tmp_path / "s"))
    Listener(address).socket.close()
    server = Listener(address)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="another process is listening"):
        Listener(address)
    server.forget()
    assert not (tmp_path / "s").exists()


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
    with pytest.raises(ConfigError, match="no socket is there"):
        Listener(UnixAddress(str(path)))
    assert path.lstat() == before
    assert other.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_took_a_sockets_name_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = Listener(UnixAddress(str(path)))
    path.unlink()
    path.write_text("precious")
    server.forget()
    assert path.read_text() == "precious"
    server.socket.close()
