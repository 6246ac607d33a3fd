"""Inspecting untrusted files: memory grows with the file, not with what it describes."""

from __future__ import annotations

import contextlib
import json
import os
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pyspapr import Machine, StreamError
from pyspapr.cli import run as command
from pyspapr.migration import save
from pyspapr.migration.contents import read_contents
from pyspapr.migration.records import Device, HptChunk, Schemas
from pyspapr.migration.stream import StreamWriter
from pyspapr.vmstate import cbor, parse_layout

MANY = 1 << 13


def write_file(vm: Machine, path: Path, fields: list[Any], body: bytes, chunks: Sequence[bytes] = ()) -> None:
    """A file whose own schema describes one section `x`."""
    with path.open("wb") as file:
        writer = StreamWriter(file.write)
        writer.record(save.header(vm.partition))
        layout = parse_layout({"name": "x", "version": 1, "fields": fields, "subsections": []})
        writer.record(Schemas([layout]))
        save.write_table(vm.partition, writer)
        for chunk in chunks:
            writer.record(HptChunk(0, 0, chunk))
        writer.record(Device("x", 0, 1, b"\x82" + body + b"\x80"))
        writer.end(vm.hpt.digest())


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMBS: dict[str, tuple[Any, bytes]] = {
    "empty structures": (["struct", []], b"\x80"),
    "empty lists": (["list", 0, ["u8"]], b"\x80"),
    "structures of a flag": (["struct", [["flag", ["bool"]]]], b"\x81\xf4"),
    "empty strings": (["str", 0], b"\x60"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_values_that_a_file_describes_are_never_there_all_at_once(vm: Machine, tmp_path: Path, kind: str) -> None:
    type_, item = BOMBS[kind]
    one, other = str(tmp_path / "a"), str(tmp_path / "b")

    def look(count: int) -> int:
        for path, less in ((one, 0), (other, 1)):
            items = cbor.head(cbor.ARRAY, count - less) + item * (count - less)
            write_file(vm, Path(path), [["l", ["list", MANY, type_]]], b"\x81" + items)

        def work() -> None:
            assert command(["inspect", one]) == command(["inspect", one, "--json"]) == 0
            command(["diff", one, other])

        with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):
            return peak(work)

    look(1)  # imports what it needs
    assert look(MANY) - look(1) < 8 * MANY * len(item)


def test_an_endless_number_in_a_chunk_is_refused_at_its_eighth_byte(vm: Machine, tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_file(vm, path, [], b"\x80", [b"\xff" * (1 << 20) + b"\x02"])
    with pytest.raises(StreamError, match="got a longer one, wanted a number of at most 7 bytes"):
        read_contents(path)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(b"\x01" + bytes(16), id="the same entry twice"),
        pytest.param(b"\xff\xff\xff\xff\xff\xff\x7f", id="beyond the table"),
        pytest.param(b"\x03" + bytes(15), id="half an entry"),
        pytest.param(b"\x83", id="half a number"),
    ],
)
def test_a_chunk_that_a_restore_refuses_is_refused(vm: Machine, tmp_path: Path, chunk: bytes) -> None:
    path = tmp_path / "a"
    write_file(vm, path, [], b"\x80", [chunk])
    with pytest.raises(StreamError, match="Hash table chunk"):
        read_contents(path)
    with pytest.raises(StreamError):
        vm.hpt.load_chunk(chunk)


def test_inspect_says_what_it_has_not_looked_at(
    vm: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vm.memory[0x5000:0x5004] = b"page"
    vm.save(tmp_path / "image")
    vm.save(tmp_path / "chunks", compression="zstd")
    data = bytearray((tmp_path / "image").read_bytes())
    data[data.index(b"page")] ^= 1
    (tmp_path / "image").write_bytes(data)
    for name, words in (("image", "the contents of RAM were not looked at"), ("chunks", "RAM was not unpacked")):
        assert command(["inspect", str(tmp_path / name)]) == 0
        line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("checked "))
        assert line.endswith(f"; {words}: `pyspapr verify` does")
        assert command(["inspect", str(tmp_path / name), "--json"]) == 0
        checked = json.loads(capsys.readouterr().out)["checked"]
        assert checked == {"records": True, "devices": True, "hash_table": True, "ram": False}
    assert command(["verify", str(tmp_path / "image")]) == 2
    assert command(["verify", str(tmp_path / "chunks")]) == 0
    assert "every page of RAM" in capsys.readouterr().out


def test_lists_of_other_lengths_and_other_types_are_compared_by_name(
    vm: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    numbers = ["list", 9, ["struct", [["n", ["u8"]]]]]
    write_file(vm, one, [["l", numbers], ["k", ["u8"]]], bytes.fromhex("82 82 81 01 81 02 07"))
    write_file(vm, other, [["k", ["u64"]], ["l", numbers], ["m", ["bool"]]], bytes.fromhex("83 07 81 81 03 f5"))
    assert command(["diff", str(one), str(other), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fields"] == [
        {"name": "x.l[0].n", "left": 1, "right": 3},
        {"name": "x.l[1].n", "left": 2, "right": "absent"},
        {"name": "x.m", "left": "absent", "right": True},
    ]
