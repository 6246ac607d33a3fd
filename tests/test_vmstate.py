"""Schemas: types, versions, completeness, and what a change breaks."""

from __future__ import annotations

import copy
import json
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyspapr import ConfigError, Machine, StateError, StreamError, devices, vmstate
from pyspapr.device import Device
from pyspapr.devices import Icp, Rtc, Vty
from pyspapr.vmstate import (
    I128,
    U8,
    U16,
    U64,
    U128,
    Array,
    Bool,
    Bytes,
    Field,
    List,
    Str,
    Struct,
    VarBytes,
    VMState,
    cbor,
)
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.types import parse

DATA = Path(__file__).parent / "data"


class Colour(IntEnum):
    """An integer with a name."""

    BLUE = 4


class Name(StrEnum):
    """Text with a name."""

    LAMP = "lamp"


class Lamp:
    """A device that a user could write."""

    VMSTATE = VMState(
        "lamp",
        version=2,
        minimum_version=1,
        fields=(Field("on", Bool), Field("colour", U8, since=2, default=7)),
        subsections=(
            VMState("lamp/broken", version=1, needed=lambda lamp: lamp.broken, fields=(Field("broken", Bool),)),
        ),
    )

    def __init__(self) -> None:
        self.on, self.colour, self.broken = False, 7, False


def read(layout: vmstate.Layout, body: bytes) -> dict[str, object]:
    cursor = Cursor(body, layout.name)
    values = layout.read(cursor)
    cursor.end()
    return values


def test_a_section_comes_back_with_its_subsection() -> None:
    lamp, copied = Lamp(), Lamp()
    lamp.on, lamp.colour, lamp.broken = True, 3, True
    table = Lamp.VMSTATE
    table.load(copied, 2, read(table.layout(), table.save(lamp)))
    assert vars(copied) == vars(lamp)


def test_a_subsection_that_is_not_needed_costs_one_byte() -> None:
    lamp = Lamp()
    plain = Lamp.VMSTATE.save(lamp)
    assert plain[-1:] == cbor2.dumps([])
    lamp.broken = True
    assert len(Lamp.VMSTATE.save(lamp)) > len(plain)


def test_a_late_subsection_is_described_only_where_one_is_needed() -> None:
    table = VMState(
        "lamp",
        version=1,
        fields=(Field("on", Bool),),
        subsections=(
            VMState("lamp/broken", version=1, needed=lambda lamp: lamp.broken, fields=(Field("broken", Bool),)),
            VMState("lamp/blue", version=1, late=True, needed=lambda lamp: lamp.colour == 4, fields=()),
        ),
    )
    lamps = [Lamp(), Lamp()]

    def described() -> list[str]:
        return [part.name for part in table.layout_for(lamps).subsections]

    assert described() == ["lamp/broken"]
    lamps[1].colour = 4
    assert described() == ["lamp/broken", "lamp/blue"]
    table.readable(table.layout_for(lamps[:1]))
    table.readable(table.layout_for(lamps))


def test_an_older_section_gives_new_fields_their_default() -> None:
    older = Lamp.VMSTATE.layout(1)
    body = older.write({"on": True}, {})
    lamp = Lamp()
    lamp.colour = 1
    Lamp.VMSTATE.readable(older)
    Lamp.VMSTATE.load(lamp, 1, read(older, body))
    assert (lamp.on, lamp.colour) == (True, 7)


def test_a_newer_section_is_refused_with_the_versions_that_are_read() -> None:
    newer = vmstate.Layout("lamp", 3, (("on", Bool),))
    with pytest.raises(StreamError, match=r"got version 3, wanted version 1 to 2") as caught:
        Lamp.VMSTATE.readable(newer)
    assert caught.value.section == "lamp"


def test_a_field_with_another_type_is_refused_by_name() -> None:
    other = vmstate.Layout("lamp", 2, (("on", Bool), ("colour", U16)))
    with pytest.raises(StreamError, match=r"field colour.*u16.*wanted.*u8"):
        Lamp.VMSTATE.readable(other)


def test_a_value_that_does_not_fit_is_refused_when_saving_with_section_and_field() -> None:
    lamp = Lamp()
    lamp.colour = 256
    with pytest.raises(StateError, match="field colour of section lamp"):
        Lamp.VMSTATE.save(lamp)


def test_the_example_of_an_error_says_what_where_wanted_and_got() -> None:
    layout = vmstate.Layout("spapr_vty", 2, (("buf", VarBytes(16)),))
    body = vmstate.Layout("spapr_vty", 2, (("buf", VarBytes(64)),)).write({"buf": bytes(17)}, {})
    with pytest.raises(StreamError) as caught:
        layout.read(Cursor(body, "device", 0x1F3E))
    error = caught.value
    assert str(error) == ("Field buf: got 17, wanted at most 16 (section spapr_vty v2, offset 0x1f40)")
    assert (error.section, error.offset, error.wanted, error.got) == ("spapr_vty v2", 0x1F40, "at most 16", "17")


VALUES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (U8, st.integers(0, 255)),
    (U64, st.integers(0, 2**64 - 1)),
    (U128, st.integers(0, 2**128 - 1)),
    (I128, st.integers(-(2**127), 2**127 - 1)),
    (Bool, st.booleans()),
    (Bytes(3), st.binary(min_size=3, max_size=3)),
    (VarBytes(40), st.binary(max_size=40)),
    (Str(80), st.text(max_size=20)),
    (Array(2, U8), st.lists(st.integers(0, 255), min_size=2, max_size=2)),
    (List(300, Bool), st.lists(st.booleans(), max_size=300)),
    (Struct((("a", U8), ("b", Bool))), st.fixed_dictionaries({"a": st.integers(0, 255), "b": st.booleans()})),
]


@given(st.sampled_from(VALUES).flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1])))
def test_values_come_back_and_are_deterministic_cbor(case: tuple[Any, Any]) -> None:
    type_, value = case
    data = cbor.encode(type_.pack(value))
    cursor = Cursor(data, "test")
    assert type_.read(cursor) == value
    cursor.end()
    assert cbor2.dumps(cbor2.loads(data), canonical=True) == data
    assert parse(type_.describe()) == type_


@pytest.mark.parametrize(
    ("type_", "value", "plain"),
    [
        (U8, Colour.BLUE, 4),
        (Str(8), Name.LAMP, "lamp"),
        (VarBytes(4), bytearray(b"\1\2"), b"\1\2"),
        (List(4, U8), (1, Colour.BLUE), [1, 4]),
    ],
)
def test_values_of_subclasses_are_written_as_what_they_are(type_: Any, value: object, plain: object) -> None:
    assert cbor.encode(type_.pack(value)) == cbor2.dumps(plain)


@given(st.sampled_from([type_ for type_, _ in VALUES]), st.binary(max_size=40))
def test_any_bytes_are_a_value_or_a_stream_error_and_have_one_encoding(type_: Any, data: bytes) -> None:
    cursor = Cursor(data, "test")
    try:
        value = type_.read(cursor)
    except StreamError as error:
        assert error.section == "test" and error.offset <= len(data)
    else:
        assert cbor.encode(type_.pack(value)) == data[: cursor.at]


def test_a_device_without_a_schema_cannot_be_added(vm: Machine) -> None:
    class Forgotten:
        pass

    with pytest.raises(ConfigError, match="schema for device missing: Forgotten"):
        vm.add_device(Forgotten())
    with pytest.raises(TypeError, match="device Lost has no table VMSTATE"):
        type("Lost", (Device,), {"reset": lambda self: None})
    with pytest.raises(TypeError, match="device Stuck has no method reset"):
        type("Stuck", (Device,), {"VMSTATE": Lamp.VMSTATE})


def test_every_register_of_a_processor_is_in_its_schema(vm: Machine) -> None:
    assert vm.cpus[0].unsaved() == []


def test_the_state_hash_covers_each_field_that_the_guest_can_observe(vm: Machine) -> None:
    """Whatever a table declares: another value of any field is another hash."""
    vm.start(pc=0x100)
    lamp = Lamp()
    vm.add_device(lamp)
    lamp.broken = True
    hashes = [vm.state_hash()]
    for name, value in (("on", True), ("colour", 8), ("broken", False)):
        setattr(lamp, name, value)
        hashes.append(vm.state_hash())
    for section in vmstate.sections(vm.partition):
        for table in (section.vmstate, *section.vmstate.subsections):
            shown = {field.name for field in table.fields} & set(section.vmstate.observable(section.target))
            assert not section.vmstate.hashed or not table.hashed or shown or not table.needed(section.target)
    vm.device(Vty).buffer = b"x"
    vm.device(Icp).cppr = 1
    hashes.append(vm.state_hash())
    assert len(set(hashes)) == len(hashes)


def test_a_device_of_a_user_is_saved_and_restored(vm: Machine, tmp_path: Path) -> None:
    lamp = Lamp()
    vm.add_device(lamp)
    for part in (lamp, vm.device(Rtc), vm.partition):
        with pytest.raises(ConfigError, match="is part of this machine already"):
            vm.add_device(part)
    vm.start(pc=0x100)
    lamp.on, lamp.colour = True, 9
    vm.save(tmp_path / "a")
    back = Machine.restore(tmp_path / "a", prepare=lambda other: other.add_device(Lamp()))
    assert vars(back.device(Lamp)) == vars(lamp)
    with pytest.raises(StreamError, match=r"got lamp instance 0, wanted no more"):
        Machine.restore(tmp_path / "a")


# What a change breaks.


@pytest.fixture
def dump() -> dict[str, Any]:
    return copy.deepcopy(vmstate.dump(devices.tables()))


def test_a_schema_does_not_break_itself(dump: dict[str, Any]) -> None:
    assert vmstate.compare(dump, json.loads(json.dumps(dump))) == []


@pytest.mark.parametrize("path", sorted(DATA.glob("schemas-*.json")), ids=lambda path: path.stem)
def test_nothing_that_was_released_is_broken(path: Path) -> None:
    assert vmstate.compare(json.loads(path.read_text()), vmstate.dump(devices.tables())) == []


def test_the_checker_says_what_breaks(dump: dict[str, Any]) -> None:
    new = copy.deepcopy(dump)
    new["cpu"]["fields"][0][1] = ["array", 31, ["u64"]]
    new["spapr_vty"]["fields"] = []
    new["spapr_rtc"]["fields"].reverse()
    new["spapr_nvram"].update(version=2, minimum_version=2)
    new["ics"]["fields"].append(["level", ["bool"], 1])
    del new["cpu"]["subsections"]["cpu/reservation"]
    del new["console"]
    new["spapr_events"] = dump["console"]
    found = "\n".join(vmstate.compare(dump, new))
    for line in (
        "cpu: field gpr was ['array', 32, ['u64']] and is ['array', 31, ['u64']]",
        "spapr_vty: field buffer is gone",
        "spapr_rtc: the fields are in another order",
        "spapr_nvram: version 1 is below the minimum version 2",
        "ics: field level is new, but says it was in version 1 already",
        "cpu: subsection cpu/reservation is gone",
        "console: the section is gone",
        "spapr_events: the section is new",
    ):
        assert line in found


def test_a_new_field_with_a_version_breaks_nothing(dump: dict[str, Any]) -> None:
    new = copy.deepcopy(dump)
    new["ics"]["fields"].append(["level", ["bool"], 2])
    new["ics"]["version"] = 2
    assert vmstate.compare(dump, new) == []


def test_a_device_that_loses_what_it_loads_is_refused_by_the_name_of_the_field(vm: Machine, tmp_path: Path) -> None:
    class Forgetful:
        VMSTATE = VMState(
            "forgetful",
            version=1,
            fields=(Field("pair", List(2, U8)), Field("on", Bool, set=lambda target, value: None)),
        )

        def __init__(self) -> None:
            self.pair, self.on = (1, 2), False

    device = Forgetful()
    vm.add_device(device)
    vm.start(pc=0x100)
    vm.save(tmp_path / "a")
    Machine.restore(tmp_path / "a", prepare=lambda other: other.add_device(Forgetful())).close()
    device.on = True
    vm.save(tmp_path / "a")
    with pytest.raises(StreamError, match=r"State \(on\): got others") as caught:
        Machine.restore(tmp_path / "a", prepare=lambda other: other.add_device(Forgetful()))
    assert caught.value.section == "forgetful"
