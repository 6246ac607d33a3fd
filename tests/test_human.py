"""The human monitor, beside QEMU's own: the same lines, the same answers. And memory and interrupts by QMP."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images import BRANCH_TO_SELF, H_PUT_TERM_CHAR, POWER_OFF, hypercall, started
from test_linux import linux

from pyspapr import Machine, StateError
from pyspapr.qmp import TABLE
from pyspapr.qmp.human import COMMANDS, INFO, Human
from pyspapr.qmp.line import Line, LineError
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.registry import Where
from pyspapr.qmp.schema import EVENTS

RAM = 256 << 20
CONTENTS = bytes(range(256)) * 4
AT = 0x200000
QEMU = ["qemu-system-ppc64", "-M", "pseries", "-cpu", "power8", "-m", "256M", "-nodefaults", "-display", "none", "-S"]


class Peer:
    """A QEMU whose guest has executed nothing, and which has CONTENTS at AT."""

    def __init__(self, directory: Path) -> None:
        (directory / "contents").write_bytes(CONTENTS)
        listener = socket.socket(socket.AF_UNIX)
        with listener:
            listener.bind(str(directory / "qmp"))
            listener.listen()
            self.process = subprocess.Popen(
                [
                    *QEMU,
                    *("-qmp", f"unix:{directory / 'qmp'}"),
                    *("-device", f"loader,file={directory / 'contents'},addr={AT:#x},force-raw=on"),
                ],
                stderr=subprocess.DEVNULL,
            )
            listener.settimeout(60)
            self.socket, _ = listener.accept()
        self.file = self.socket.makefile("rw")
        assert "QMP" in json.loads(self.file.readline())
        self.execute("qmp_capabilities")

    def execute(self, name: str, **arguments: Any) -> dict[str, Any]:
        self.file.write(json.dumps({"execute": name, "arguments": arguments}))
        self.file.flush()
        while "event" in (answer := json.loads(self.file.readline())):
            pass
        return dict(answer)

    def human(self, line: str) -> str:
        return str(self.execute("human-monitor-command", **{"command-line": line})["return"])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.file.close()
        self.socket.close()


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    made = Peer(tmp_path_factory.mktemp("peer"))
    yield made
    made.close()


def monitor_of(vm: Machine) -> Monitor:
    return Monitor(vm, None, lambda action: action())


@pytest.fixture(scope="module")
def here() -> Human:
    vm = Machine(memory="256M")
    vm.memory.write(AT, CONTENTS)
    vm.start(pc=0x100)
    return Human(monitor_of(vm))


@pytest.mark.parametrize(
    "line",
    [
        *(
            f"xp /{count}{kind}{size} {AT:#x}+3"
            for count in (1, 9, 40)
            for kind in "xduoc"
            for size in ("b", "h", "w", "g")
        ),
        "xp /xw 0x200000",
        "xp /xb 0x200000",
        "xp /4uxb 0x200000",
        "xp/4xb 0x200000",
        "xp /1024uxb 0x200000",
        "xp /20cb 0x200020",
        "xp /4xb 0x10000000",
        "xp /20xb 0xffffff8",
        "xp /4xz 0",
        "xp",
        "xp /4xb zz",
        "xp /4xb 5 5",
        "xp /4xb $pc+0x1fff00",
        "xp /4xb $nosuch",
        "x /4xb 0x200000",
        "print/x 1+2",
        "print/x 1+2*3-(4&6|1^8)%3",
        "p/d -1",
        "p/u -1",
        "p/o 64",
        "p/x 0",
        "p/c 'a'",
        "p/d ~0x10+$pc/2",
        "p/x 1/0",
        "p/x (1",
        "p",
        "p/x $msr&0",
        "p/x 0x10 0",
        "sum 0x200000 100",
        "info status",
        "  info   status  ",
        "info status x",
        "info uuid",
        "info name",
        "info kvm",
        "info block",
        "info network",
        "info nonsense",
        "nonsense",
        "",
        "help xp",
        "help nosuch",
        "help info nosuch",
        "cpu 1",
        "cpu 0",
        "migrate_cancel",
        "nmi x",
    ],
)
def test_a_line_has_qemus_answer(here: Human, peer: Peer, line: str) -> None:
    theirs = peer.human(line)
    if line == "help xp":
        assert here.answer(line).startswith("xp /fmt addr") and theirs.startswith("xp /fmt addr")
    else:
        assert here.answer(line) == theirs


def test_registers_are_where_scripts_look_for_them(here: Human, peer: Peer) -> None:
    ours, theirs = here.answer("info registers"), peer.human("info registers")
    for pattern in (
        r"\r\nCPU#0\r\nNIP [0-9a-f]{16}   LR ",
        r"\nMSR [0-9a-f]{16}",
        r"\nGPR28 ",
        r"\nCR [0-9a-f]{8}  \[",
    ):
        assert re.search(pattern, ours) and re.search(pattern, theirs)
    assert len(re.findall(r"\nGPR", ours)) == len(re.findall(r"\nGPR", theirs)) == 8
    names = re.compile(r"\b(SRR0|SRR1|PVR|VRSAVE|SPRG[0-3]|CFAR|LPCR|DAR|DSISR) +[0-9a-f]{16}\b")
    assert sorted(names.findall(ours)) == sorted(names.findall(theirs))
    assert here.answer("info registers -a") == ours == here.answer("info registers 0")
    assert here.answer("info registers 7") == "CPU#7 not available\r\n"


def test_lists_have_qemus_layout(here: Human, peer: Peer) -> None:
    layout = re.compile(r"  [0-9a-f]{16}-[0-9a-f]{16} \(prio 0, ram\): ppc_spapr.ram\r\n")
    (ours,) = layout.findall(here.answer("info mtree -f"))
    assert layout.findall(peer.human("info mtree -f")) == [ours]
    cpus = re.compile(r"\* CPU #0: thread_id=\d+\r\n")
    assert cpus.fullmatch(here.answer("info cpus")) and cpus.fullmatch(peer.human("info cpus"))
    version = re.compile(r"\d+\.\d+\.\d+\w")
    assert version.match(here.answer("info version")) and version.match(peer.human("info version"))
    assert set(re.findall(r"^(\S+): o[nf]+", here.answer("info migrate_capabilities"), re.MULTILINE)) <= set(
        re.findall(r"^(\S+): o[nf]+", peer.human("info migrate_capabilities"), re.MULTILINE)
    )


def test_every_command_has_help_and_says_so_when_its_line_is_wrong(here: Human) -> None:
    text = here.answer("help")
    for row in COMMANDS.values():
        assert re.search(rf"^{re.escape(row.name)} .*-- \w", text, re.MULTILINE)
        assert row.where is not Where.MACHINE or here.where(row.name.partition("|")[0]) is Where.MACHINE
    assert all(f"info {name} " in here.answer("info") for name in INFO)
    for refused in ("gpa2hva 0", "gpa2hpa 0", "system_powerdown"):
        assert " " in here.answer(refused) and "Host virtual address" not in here.answer(refused)
    assert "at most 4096" in here.answer("p " + "1" * 5000)
    assert "more than 65536" in here.answer("xp /99999999999999xg 0") and "more than" in here.answer("xp /9999999xb 0")
    assert "within each other" in here.answer("p " + "(" * 3000)
    assert "within each other" in here.answer("p " + "-" * 3000 + "1")
    assert "division by zero" in here.answer("p 1%0")
    assert here.answer("print 'ab'").startswith("invalid character constant")
    assert "cannot be written" in here.answer('pmemsave 0 16 "/nonexistent/x"')
    assert "unterminated string" in here.answer('pmemsave 0 16 "x')


@given(st.text("+-*/%&|^~()$'x0179 pcr", max_size=40))
def test_any_expression_has_a_value_or_an_error(text: str) -> None:
    try:
        assert 0 <= Line(text, lambda name: {"pc": 1, "r1": 2}[name]).number() < 1 << 64
    except LineError as error:
        assert str(error)


def test_memory_is_saved_by_real_and_by_effective_address(here: Human, tmp_path: Path) -> None:
    vm = here.monitor.vm.partition
    target = tmp_path / "two words"
    assert here.answer(f'pmemsave {AT} 1000 "{target}"') == "" and target.read_bytes() == CONTENTS[:1000]
    target = tmp_path / "plain"
    assert here.answer(f'memsave 0xc{AT:015x} 1000 "{target}"') == "" and target.read_bytes() == CONTENTS[:1000]
    for line in (
        f'pmemsave {RAM - 8} 16 "{target}"',
        f'memsave 0xc00f000000000000 16 "{target}"',
        f'memsave 0 {RAM + 1} "{target}"',
    ):
        assert here.answer(line).startswith("Error: Invalid addr") and target.read_bytes() == CONTENTS[:1000]
    assert vm.memory.read(AT, 4) == CONTENTS[:4]
    assert {path.name for path in tmp_path.iterdir()} == {"plain", "two words"}


def test_an_operators_interrupt_reaches_the_guest_also_when_it_waits() -> None:
    h_cede = 0xE0
    for code in ((BRANCH_TO_SELF,), (*hypercall(h_cede), BRANCH_TO_SELF)):
        vm = started(Machine(memory="32M"), *code)
        vm.memory.write(0x100, b"".join(word.to_bytes(4, "big") for word in POWER_OFF))
        vm.run(max_instructions=1000)
        vm.nmi()
        assert str(vm.run(max_instructions=1 << 20)) == "the guest powered off"
        with pytest.raises(StateError, match="powered off"):
            vm.nmi()
    with pytest.raises(StateError, match="no guest"):
        Machine(memory="32M").nmi()


def test_linux_takes_an_operators_interrupt() -> None:
    vm = linux(append="pyspapr.shell")
    assert vm.shell("true").status == 0
    assert Human(monitor_of(vm)).answer("nmi") == ""
    vm.expect("Oops: System Reset", timeout=60)


def test_the_schema_has_every_command_argument_and_event_and_all_of_its_types(here: Human) -> None:
    rows = TABLE["query-qmp-schema"].function(here.monitor)
    by_name = {row["name"]: row for row in rows}
    assert len(by_name) == len(rows)
    for name, command in TABLE.items():
        arguments = by_name[by_name[name]["arg-type"]]
        assert {one["name"]: "default" not in one for one in arguments["members"]} == {
            one: required for one, (_, required) in command.arguments.items()
        }
    for row in rows:
        for part in ("arg-type", "ret-type", "element-type"):
            assert row.get(part, row["name"]) in by_name
        assert all(one["type"] in by_name for one in row.get("members", ()))
    package = Path(str(TABLE["stop"].function.__code__.co_filename)).parent.parent
    emitted = {name for file in package.rglob("*.py") for name in re.findall(r'emit\(\s*"([A-Z_]+)"', file.read_text())}
    assert emitted <= set(EVENTS) <= emitted | {"DUMP_COMPLETED", "MIGRATION", "MIGRATION_PASS"}


def test_the_schema_has_the_shape_of_qemus(here: Human, peer: Peer) -> None:
    theirs = {row["name"]: row for row in peer.execute("query-qmp-schema")["return"]}
    ours = {row["name"]: row for row in TABLE["query-qmp-schema"].function(here.monitor)}
    for name in ("stop", "human-monitor-command", "memsave", "pmemsave", "inject-nmi", "getfd"):
        assert set(ours[name]) == set(theirs[name]) - {"features"}
        members = [
            {one["name"]: one.get("default", "required") for one in side[side[name]["arg-type"]]["members"]}
            for side in (ours, theirs)
        ]
        assert members[0] == members[1]


def test_queries_answer_with_qemus_members(here: Human, peer: Peer) -> None:
    for name in (
        "query-uuid",
        "query-kvm",
        "query-iothreads",
        "query-memory-size-summary",
        "query-memory-devices",
        "query-blockstats",
        "query-named-block-nodes",
    ):
        assert TABLE[name].function(here.monitor) == peer.execute(name)["return"]
    for name in ("query-current-machine", "query-chardev"):
        ours, theirs = TABLE[name].function(here.monitor), peer.execute(name)["return"]
        ours, theirs = (ours[0], theirs[0]) if isinstance(ours, list) else (ours, theirs)
        assert set(ours) == set(theirs)


def test_the_console_hears_nothing_of_it() -> None:
    vm = started(Machine(memory="32M"), *hypercall(H_PUT_TERM_CHAR, 0, 1), *POWER_OFF)
    before = vm.state_hash()
    for line in (
        "info registers",
        "xp /64xb 0",
        "x /64xb 0x10000",
        "info mtree -f",
        "info cpus",
        "info slb",
        "info hpt 0",
    ):
        Human(monitor_of(vm)).answer(line)
    assert vm.state_hash() == before
