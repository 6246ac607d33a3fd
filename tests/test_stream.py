"""The stream: its grammar, and that nothing damaged, cut or foreign is believed."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import cbor2
import pycddl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import Raw, build, seal, small_stream, split, walk

from pyspapr import Machine, StreamError
from pyspapr.migration import save
from pyspapr.migration.records import KNOWN_AT_ONCE, PAYLOAD_LIMITS, End, Kind, Schemas
from pyspapr.migration.stream import StreamWriter
from pyspapr.vmstate import cbor
from pyspapr.vmstate.cbor import Cursor

DATA = Path(__file__).parent / "data"
GOLDEN = sorted(DATA.glob("golden-*.spapr"))
SMALL = small_stream()
EXAMPLES = int(os.environ.get("PYSPAPR_FUZZ_EXAMPLES", "300"))


def refused(data: bytes, read: Callable[[bytes], object] = walk) -> StreamError:
    with pytest.raises(StreamError) as caught:
        read(data)
    error = caught.value
    assert error.section and error.wanted and error.got and error.offset >= 0
    return error


def test_the_small_stream_is_whole_and_small() -> None:
    walk(SMALL)
    assert len(SMALL) < 800
    assert {record.kind for record in split(SMALL)} == set(Kind) - {Kind.IMAGE}
    assert (DATA / "small-1.stream").read_bytes() == SMALL, "the format has changed: old files would not load"


def test_every_single_bit_flip_is_refused() -> None:
    for position in range(len(SMALL)):
        for bit in range(8):
            damaged = bytearray(SMALL)
            damaged[position] ^= 1 << bit
            refused(bytes(damaged))


def test_every_truncation_is_refused() -> None:
    for length in range(len(SMALL)):
        refused(SMALL[:length])


def test_a_byte_too_many_is_refused() -> None:
    assert "nothing more" in refused(SMALL + b"\0").wanted


def test_a_length_is_not_believed() -> None:
    for kind in Kind:
        head = b"\x83" + cbor.head(cbor.UNSIGNED, kind) + cbor.head(cbor.BYTES, 1 << 40)
        before = b"" if kind is Kind.HEADER else SMALL[: -len(SMALL)]
        error = refused(before + head)
        assert "at most" in error.wanted or "header" in error.wanted
    assert max(PAYLOAD_LIMITS.values()) <= 32 << 20


@pytest.mark.parametrize("left", range(7))
def test_a_missing_record_is_refused(left: int) -> None:
    records = list(split(SMALL))
    damaged = seal(records[:left] + records[left + 1 :])
    if records[left].kind in (Kind.TABLE, Kind.HPT, Kind.RAM):
        # The order of kinds allows it; the totals or the loader do not.
        refused(damaged, build)
    else:
        refused(damaged)


def test_records_in_another_order_are_refused() -> None:
    records = list(split(SMALL))
    for index in range(len(records) - 1):
        swapped = records.copy()
        swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
        if {swapped[index].kind, swapped[index + 1].kind} <= {Kind.TABLE, Kind.HPT, Kind.RAM}:
            refused(seal(swapped), build)
        else:
            refused(seal(swapped))


def test_an_unknown_kind_is_refused() -> None:
    records = list(split(SMALL))
    assert "9" in refused(seal([records[0], Raw(9, b"\x80"), *records[1:]])).got
    refused(seal([Raw(0, records[0].payload), *records[1:]]))


def test_an_unknown_compression_is_refused() -> None:
    records = list(split(SMALL))
    ram = next(index for index, record in enumerate(records) if record.kind == Kind.RAM)
    pages = cbor2.loads(records[ram].payload)
    pages[2] = "\0std"
    records[ram] = Raw(Kind.RAM, cbor2.dumps(pages, canonical=True))
    error = refused(seal(records))
    assert (error.wanted, error.got) == ("one of '', 'zstd', 'lz4'", repr("\0std"))


def test_an_extra_field_is_refused() -> None:
    records = list(split(SMALL))
    for index, record in enumerate(records):
        longer = records.copy()
        longer[index] = Raw(record.kind, cbor2.dumps([*cbor2.loads(record.payload), 0], canonical=True))
        refused(seal(longer))


def test_an_encoding_that_is_not_the_shortest_is_refused() -> None:
    records = list(split(SMALL))
    table = next(index for index, record in enumerate(records) if record.kind == Kind.TABLE)
    records[table] = Raw(Kind.TABLE, b"\x81\x19\x00\x12")
    assert "shortest" in refused(seal(records)).wanted


def test_totals_must_agree() -> None:
    records = list(split(SMALL))
    end = cbor2.loads(records[-1].payload)
    end[1] += 1
    records[-1] = Raw(Kind.END, cbor2.dumps(end, canonical=True))
    assert "Total of pages" in str(refused(seal(records)))


def test_a_stream_of_something_else_says_so() -> None:
    assert "header" in refused(b"QEVM" + bytes(100)).wanted
    records = list(split(SMALL))
    header = cbor2.loads(records[0].payload)
    records[0] = Raw(Kind.HEADER, cbor2.dumps(["another program", *header[1:]], canonical=True))
    assert "pyspapr machine" in refused(seal(records)).wanted
    records[0] = Raw(Kind.HEADER, cbor2.dumps([header[0], 2, "of the future"], canonical=True))
    error = refused(seal(records))
    assert (error.wanted, error.got) != ("", "")


# The grammar.


@pytest.fixture(scope="module")
def grammar() -> str:
    return (files("pyspapr.migration") / "stream.cddl").read_text()


def for_pycddl(grammar: str) -> str:
    """The grammar without what the checker's library cannot do: `.cbor` within an array, and rules that recur.

    Payloads are therefore checked by themselves, and what lies deeper than one level of nesting is not.
    """
    lines = [line.split(" .cbor ")[0] if " .cbor " in line else line for line in grammar.splitlines()]
    text = "\n".join(lines)
    for rule in ("subsections: [* schema]", "type: type]", "version: u16, body: body]\n"):
        assert rule in text, rule
    text = text.replace("subsections: [* schema]", "subsections: [* any]").replace("type: type]", "type: any]")
    text = text.replace("version: u16, body: body]\n", "version: u16, body: any]\n")
    return "\n".join(line for line in text.splitlines() if not line.startswith(("type = ", "body = ", "value = ")))


def check_grammar(grammar: str, data: bytes) -> None:
    grammar = for_pycddl(grammar)
    framing = pycddl.Schema(f"start = record\n{grammar}")
    for record in split(data):
        framing.validate_cbor(cbor2.dumps([record.kind, record.payload, bytes(16)], canonical=True))
        name = Kind(record.kind).title
        schema = pycddl.Schema(f"start = {name}-payload\n{grammar}")
        schema.validate_cbor(record.payload)
        items = cbor2.loads(record.payload)
        with pytest.raises(pycddl.ValidationError):
            schema.validate_cbor(cbor2.dumps({"not": items}))


def test_every_record_fits_the_grammar(grammar: str) -> None:
    check_grammar(grammar, SMALL)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_record_of_a_real_machine_fits_the_grammar(grammar: str, path: Path) -> None:
    check_grammar(grammar, path.read_bytes())


def test_schemas_that_were_read_before_are_the_same_and_nobody_can_change_them() -> None:
    payload = next(raw.payload for raw in split(SMALL) if raw.kind == Kind.SCHEMAS)
    first, second = (Schemas.decode(Cursor(payload, "schemas", base)) for base in (0, 77))
    assert first == second and first.layouts[0] is second.layouts[0]
    first.layouts.clear()
    assert Schemas.decode(Cursor(payload, "schemas")) == second
    for version in range(3 * KNOWN_AT_ONCE):
        other = Schemas([second.layouts[0].replace(version=version)])
        assert Schemas.decode(Cursor(other.encode(), "schemas")) == other
    for _ in range(2):
        with pytest.raises(StreamError):
            Schemas.decode(Cursor(payload[:-1], "schemas"))


@pytest.mark.parametrize("version", [0, 2, (1 << 32) - 1])
def test_a_stream_of_another_format_is_refused_by_its_number_whatever_follows(version: int) -> None:
    records = list(split(SMALL))
    magic, _, *rest = cbor2.loads(records[0].payload)
    for layout in (rest, [*rest, "what a later format has besides"], []):
        records[0] = Raw(Kind.HEADER, cbor2.dumps([magic, version, *layout]))
        error = refused(seal(records))
        if len(layout) == len(rest):
            assert str(error).startswith(f"Format: got {version}, wanted 1 (section header, offset")


def test_a_section_of_a_newer_version_is_refused_by_its_number() -> None:
    records = list(split(GOLDEN[0].read_bytes()))
    at = next(index for index, raw in enumerate(records) if raw.kind == Kind.SCHEMAS)
    schemas = cbor2.loads(records[at].payload)
    schemas[0][1] += 1
    records[at] = Raw(Kind.SCHEMAS, cbor2.dumps(schemas))
    error = refused(seal(records), build)
    assert "version" in str(error).lower() and schemas[0][0] in str(error)


def test_an_end_record_says_only_that_the_guest_was_paused(grammar: str, vm: Machine) -> None:
    vm.start(pc=0)
    vm.pause()
    sent = io.BytesIO()
    vm.migrate(SimpleNamespace(write=sent.write))
    data = sent.getvalue()
    check_grammar(grammar, data)
    payload = next(raw.payload for raw in split(data) if raw.kind == Kind.END)
    assert End.decode(Cursor(payload, "end")).paused
    assert payload[:1] == b"\x88" and payload[-1:] == b"\xf5"
    plain = b"\x87" + payload[1:-1]
    assert not End.decode(Cursor(plain, "end")).paused
    for wrong in (payload[:-1] + b"\xf4", b"\x89" + payload[1:] + b"\xf5", plain + b"\xf5", payload[:-1]):
        with pytest.raises(StreamError) as found:
            End.decode(Cursor(wrong, "end", 0x100))
        assert found.value.offset >= 0x100


# Golden streams.


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_stream_loads_and_runs_to_its_end(path: Path) -> None:
    vm = Machine.restore(path, verify=True)
    assert str(vm.run()) == "the guest powered off"
    assert "every check passed" in vm.console.output


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_damaged_golden_stream_is_refused(path: Path) -> None:
    data = path.read_bytes()
    step = max(len(data) // 400, 1)
    for position in range(0, len(data), step):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        refused(bytes(damaged))
        refused(data[:position])


# Fuzzing.


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    refused(data)


@settings(max_examples=EXAMPLES)
@given(st.integers(0, 6), st.data())
def test_a_changed_payload_with_right_checks_never_crashes(which: int, data: st.DataObject) -> None:
    records = list(split(SMALL))
    payload = bytearray(records[which].payload)
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    records[which] = Raw(records[which].kind, bytes(payload))
    for read in (walk, build):
        try:
            read(seal(records))
        except StreamError as error:
            assert error.section


@pytest.mark.parametrize("path", GOLDEN[-1:], ids=lambda path: path.stem)
@settings(max_examples=EXAMPLES)
@given(st.data())
def test_a_changed_machine_with_right_checks_is_refused_or_built(path: Path, data: st.DataObject) -> None:
    records = list(split(path.read_bytes()))
    which = data.draw(st.integers(0, len(records) - 1))
    payload = bytearray(records[which].payload)
    at = data.draw(st.integers(0, min(len(payload), 2000) - 1))
    payload[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    records[which] = Raw(records[which].kind, bytes(payload))
    try:
        vm = build(seal(records))
    except StreamError as error:
        assert error.section
    else:
        assert isinstance(vm, Machine)
        vm.state_hash()


def test_a_claim_of_terabytes_costs_nothing() -> None:
    """A header may claim the largest machine there is: memory is the host's only when it is written."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from streams import Kind, Raw, StreamError, build, cbor2, seal, small_stream, split\n"
        "records = list(split(small_stream()))\n"
        "header = cbor2.loads(records[0].payload)\n"
        "header[4][:2] = [1 << 42, 1 << 42]\n"
        "header[4][7] = 46\n"
        "records[0] = Raw(Kind.HEADER, cbor2.dumps(header, canonical=True))\n"
        "try: build(seal(records))\n"
        "except StreamError: pass\n"
        "from pyspapr._native import Hpt, Ram\n"
        "keep = Ram(1 << 42), Hpt(46)\n"
        # Not ru_maxrss, which a process inherits from the one that started it.
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(int(peak.split()[1]) >> 10)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) < 200, "MiB"


def test_records_whose_checks_are_computed_later_are_the_same_bytes() -> None:
    vm = Machine(memory="32M")
    vm.start(pc=0)
    now, later = bytearray(), bytearray()
    waiting: list[tuple[int, Callable[[], bytes]]] = []
    for writer in (
        StreamWriter(now.extend),
        StreamWriter(later.extend, lambda size, make: waiting.append((size, make))),
    ):
        save.write_head(vm.partition, writer)
        save.write_table(vm.partition, writer)
        save.write_devices(vm.partition, writer)
        for size, make in waiting:
            made = make()
            assert len(made) == size
            later.extend(made)
        waiting.clear()
        writer.end(vm.hpt.digest())
    later.extend(waiting[0][1]())
    assert now == later
