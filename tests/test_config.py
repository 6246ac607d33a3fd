"""Machine descriptions: what is accepted, what follows, and the one sentence for what is not."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, cast

import pytest

from pyspapr import Machine
from pyspapr.config import GIB, MIB, MachineConfig, check_timeout, format_size, hpt_shift_for, parse_size
from pyspapr.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "size"),
    [("1G", GIB), ("512M", 512 * MIB), ("65536K", 64 * MIB), (" 2 GiB", 2 * GIB), ("33554432", 32 * MIB)],
)
def test_sizes_have_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "1.5G", "-1", "1X", "one", "0x100", "1 G G"])
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="memory size"):
        parse_size(text)


def test_more_digits_than_python_reads_are_no_size() -> None:
    with pytest.raises(ConfigError, match=r"memory size 9{40}\.\.\. has 5000 digits"):
        parse_size("9" * 5000 + "G")


@pytest.mark.parametrize(("size", "text"), [(GIB, "1G"), (48 * MIB, "48M"), (1, "1"), (0, "0")])
def test_sizes_are_shown_with_the_largest_unit(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("memory", "shift"), [(GIB, 23), (512 * MIB, 22), (32 * MIB, 18), (3 * GIB, 25), (1 << 42, 35)]
)
def test_the_hash_table_follows_memory(memory: int, shift: int) -> None:
    assert hpt_shift_for(memory) == shift
    assert MachineConfig(memory=memory).table_shift == shift


def test_the_hash_table_follows_maximum_memory() -> None:
    assert MachineConfig(memory="1G", max_memory="4G").table_shift == 25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"memory": 0}, "memory size 0 bytes is outside"),
        ({"memory": "1M"}, "memory size 1M is outside"),
        ({"memory": "1000000001"}, "not a multiple of 16M"),
        ({"memory": "8T"}, "outside"),
        ({"memory": -GIB}, "outside"),
        ({"memory": "2G", "max_memory": "1G"}, "maximum memory 1G"),
        ({"max_memory": "much"}, "^maximum memory 'much' is not a number"),
        ({"cpu": "power7"}, "unknown CPU 'power7': choose one of power8, power9, power10"),
        ({"vcpus": 65}, "65 vCPUs were asked for, expected 1 to 64"),
        ({"vcpus": 0}, "expected 1 to 64"),
        ({"clock": "sundial"}, "unknown clock"),
        ({"seed": -1}, "seed"),
        ({"hpt_shift": 17}, "hash table shift 17"),
        ({"hpt_shift": 47}, "hash table shift 47"),
        ({"console_history": 10}, "console history"),
        ({"console_history": 5e3}, "console_history is 5000.0, expected a whole number"),
        ({"cpu": None}, "unknown CPU None"),
        ({"vcpus": 1.0}, "vcpus is 1.0, expected a whole number"),
        ({"seed": 1.5}, "seed is 1.5, expected a whole number"),
        ({"seed": None}, "seed is None, expected a whole number"),
        ({"hpt_shift": "20"}, "hpt_shift is '20', expected a whole number"),
        ({"rtc_base": "today"}, "rtc_base is 'today', expected a whole number"),
        ({"rtc_base": float("nan")}, "rtc_base is nan, expected a whole number"),
        ({"strict": "no"}, "strict is 'no', expected True or False"),
    ],
)
def test_bad_descriptions_get_one_sentence(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        MachineConfig(**change)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seconds", [-1, -0.001, float("inf"), float("-inf"), float("nan"), "1", [], 1j, Decimal(1)])
def test_what_is_no_time_to_wait_is_refused(seconds: Any) -> None:
    with pytest.raises(ConfigError, match=f"timeout is {re.escape(repr(seconds))}, expected a finite number"):
        check_timeout(seconds)


def test_every_finite_time_can_be_waited_for() -> None:
    for seconds in (None, 0, 0.5, 1e308, 10**400):
        check_timeout(seconds)


def test_processor_names_ignore_case() -> None:
    assert MachineConfig(cpu="POWER9").cpu == "power9"


def test_whole_numbers_of_every_kind_are_numbers() -> None:
    class Seven:
        def __index__(self) -> int:
            return 7

    seven = MachineConfig(seed=cast(Any, Seven())).seed
    assert seven == 7 and type(seven) is int


def test_an_unknown_keyword_is_named_with_the_one_that_may_have_been_meant() -> None:
    with pytest.raises(
        TypeError, match=r"^Machine has no keyword memroy: did you mean memory\? It takes memory, .*engi"
    ):
        Machine(memroy="1G")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^Machine has no keyword smp: did you mean vcpus\? It takes memory, "):
        Machine(smp=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^MachineConfig has no keyword disk: it takes memory, max_memory, "):
        MachineConfig(disk="a")  # type: ignore[call-arg]
