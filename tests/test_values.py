"""Values in a stream that the type of their field holds and no machine has: refused when they are loaded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, cast

import pytest
from images import hypercall, started

from pyspapr import ConfigError, Hung, InstructionLimit, Machine, MachineConfig, StreamError, vmstate
from pyspapr._native import Start
from pyspapr.config import RTC_MAX, RTC_MIN
from pyspapr.devices import Registered, Rtc
from pyspapr.migration import files, save
from pyspapr.migration.records import Device
from pyspapr.migration.stream import StreamWriter
from pyspapr.vmstate.schema import VMState
from pyspapr.vmstate.types import Array, List, Signed, Struct, Type, Unsigned

MEMORY = 32 << 20
END = 1 << 62
VPA = 0x4000
FOREVER = (0x48000000,)


def stream(vm: Machine, section: str, part: str | None, values: dict[str, object]) -> bytes:
    """A stream of `vm` in which these fields of a section, or of its subsection, have other values."""
    out = bytearray()
    writer = StreamWriter(lambda data: out.extend(data) or len(data))
    save.prepare(vm.partition)
    save.write_head(vm.partition, writer)
    save.write_table(vm.partition, writer)
    save.write_ram(vm.partition.ram.start_pass(Start.Untracked()), writer, None)
    for one in vmstate.sections(vm.partition):
        found: Any = one.vmstate.values(one.target)
        if one.name == section:
            if part is None:
                found["fields"] |= values
            else:
                found["subsections"][part] = {"fields": values, "subsections": {}}
        body = one.vmstate.layout().write(found["fields"], found["subsections"])
        writer.record(Device(one.name, one.instance, one.vmstate.version, body))
    writer.end(vm.hpt.digest())
    return bytes(out)


def loaded(data: bytes) -> Machine:
    return files.load_file(io.BytesIO(data), Machine)


IMPOSSIBLE: list[tuple[str, str | None, dict[str, object], str]] = [
    *(("cpu", None, {name: value}, name) for name in ("icount", "idle_nanos") for value in (END + 1, (1 << 64) - 1)),
    *(
        ("cpu", "cpu/reservation", {"reserve_addr": 0x1000, "reserve_len": n, "reserve_value": 0}, "reserve_len")
        for n in (0, 3, 255)
    ),
    *(("spapr_rtc", None, {"base": value}, "base") for value in (-(1 << 127), RTC_MIN - 1, RTC_MAX + 1)),
    *(("spapr_rtc", None, {"offset_ns": value}, "offset_ns") for value in (-(1 << 127), (1 << 127) - 1)),
    ("icp/server", None, {"xisr": 1 << 24}, "xisr"),
    *(("spapr_cpu", "spapr_cpu/vpa", {"vpa": at}, "vpa") for at in (0, 0x4001, MEMORY - 512, (1 << 64) - 128)),
    *(("spapr_cpu", "spapr_cpu/dtl", {"dtl": 0x5000, "dtl_size": n}, "dtl_size") for n in (0, 1, 47, 1 << 32)),
    ("spapr_cpu", "spapr_cpu/dtl", {"dtl": (1 << 64) - 1, "dtl_size": 48}, "dtl"),
    ("spapr_cpu", "spapr_cpu/dtl", {"dtl": MEMORY - 48, "dtl_size": 96}, "ends inside"),
    *(
        ("spapr_cpu", "spapr_cpu/slb_shadow", {"slb_shadow": 0x5000, "slb_shadow_size": n}, "slb_shadow_size")
        for n in (0, 7, 4097)
    ),
]


@pytest.mark.parametrize(("section", "part", "values", "named"), IMPOSSIBLE)
def test_an_impossible_value_is_refused_by_name(
    vm: Machine, section: str, part: str | None, values: dict[str, object], named: str
) -> None:
    started(vm, *FOREVER)
    with pytest.raises(StreamError) as caught:
        loaded(stream(vm, section, part, values))
    assert named in str(caught.value) and (part or section) in caught.value.section
    assert caught.value.wanted and caught.value.got


POSSIBLE: list[tuple[str, str | None, dict[str, object]]] = [
    *(("cpu", None, {"icount": END - left}) for left in (0, 10)),
    *(("cpu", None, {name: (1 << 64) - 1}) for name in ("dec_at", "dec_value", "random_state")),
    *(("spapr_rtc", None, {"base": value}) for value in (RTC_MIN, RTC_MAX)),
    *(("spapr_rtc", None, {"offset_ns": value}) for value in (-(1 << 70), 1 << 70)),
    ("spapr_rng", None, {"drawn": (1 << 64) - 1}),
    ("spapr_cpu", "spapr_cpu/dtl", {"dtl": 0x5000, "dtl_size": 48}),
    ("spapr_cpu", "spapr_cpu/dtl", {"dtl": MEMORY - 48, "dtl_size": 48}),
]


@pytest.mark.parametrize(("section", "part", "values"), POSSIBLE)
def test_a_machine_with_the_last_possible_value_runs_and_is_saved(
    vm: Machine, section: str, part: str | None, values: dict[str, object]
) -> None:
    started(vm, *hypercall(0x300), *hypercall(0xE0), 0x4BFFFFE0)  # H_RANDOM, H_CEDE, again
    vm.memory.write(VPA, bytes(0x1000))
    vm.memory.store(VPA + 0xB8, 0xFF, 1)
    if section == "cpu":  # whatever shows the clock agrees with it
        cpu = vm.cpus[0].vcpu
        cpu.set_internal_state(cast(Any, values))
        data = stream(vm, "cpu", None, {})
    else:
        if part is not None:
            vm.device(Registered).vpa = VPA
        data = stream(vm, section, part, values)
    other = loaded(data)
    reason = other.run(max_instructions=1000, timeout=20)
    assert isinstance(reason, InstructionLimit | Hung), reason
    other.device(Rtc).get()
    other.snapshot().fork().state_hash()


def test_counts_beyond_the_end_cannot_be_set(vm: Machine) -> None:
    for name in ("icount", "idle_nanos"):
        with pytest.raises(ValueError, match=f"{name} is 0xfffffffffffffff0, wanted at most 0x4000000000000000"):
            vm.cpus[0].vcpu.set_internal_state({name: (1 << 64) - 16})


def test_virtual_time_ends_and_does_not_begin_again() -> None:
    """A POWER9 decrementer has 56 bits: a guest that cedes 260 times would be at 2^64 nanoseconds."""
    vm = Machine(memory="32M", cpu="power9")
    started(vm, *hypercall(0xE0), 0x4BFFFFF0)
    for _ in range(300):
        vm.cpus[0].vcpu.set("dec", (1 << 55) - 1)
        vm.cpus[0].vcpu.halted = True
        vm.cpus[0].vcpu.skip_to_deadline()
        vm.run(max_instructions=10, timeout=0.01)
    assert END <= vm.cpus[0].vcpu.nanos < END + 100_000


@pytest.mark.parametrize("base", [RTC_MIN - 1, RTC_MAX + 1, 1 << 127])
def test_a_clock_begins_in_a_year_that_there_is(base: int) -> None:
    with pytest.raises(ConfigError, match="the years 1 to 9999"):
        MachineConfig(rtc_base=base)


def numbers(type_: Type) -> bool:
    match type_:
        case Unsigned() | Signed():
            return True
        case Array() | List():
            return numbers(type_.of)
        case Struct():
            return any(numbers(member) for _, member in type_.members)
    return False


def unstated(table: VMState) -> Iterator[str]:
    for field in table.fields:
        if numbers(field.type) and field.valid is None:
            yield f"{table.name}: {field.name}"
    for part in table.subsections:
        yield from unstated(part)


def test_every_number_of_every_table_says_which_values_can_be(vm: Machine) -> None:
    assert not [name for section in vmstate.sections(vm.partition) for name in unstated(section.vmstate)]
