"""Functions that answer a guest: which can, what they get, and what they may return."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
from images import POWER_OFF, hypercall, rtas, started

from pyspapr import Machine, PoweredOff
from pyspapr.codes import H_FUNCTION
from pyspapr.rtas import registry

TOKEN = 0x2300


@pytest.fixture
def no_trace() -> Iterator[None]:
    """RTAS calls are every machine's: the one of a test goes with it."""
    yield
    registry.TABLE.pop(TOKEN, None)


def answered(vm: Machine, handler: Callable[..., Any]) -> None:
    vm.hypercall(0xF100, "H_NOTE", replace=True)(handler)
    assert started(vm, *hypercall(0xF100, 7, 8), *POWER_OFF).run(timeout=20) == PoweredOff()


def test_a_handler_gets_as_many_arguments_as_it_names(vm: Machine) -> None:
    seen: list[tuple[int, ...]] = []

    def two(machine: Machine, cpu: object, first: int, second: int = 0) -> int:
        seen.append((first, second))
        return 0

    def all_of_them(machine: Machine, cpu: object, *arguments: int) -> int:
        seen.append(arguments)
        return 0

    def with_an_option(machine: Machine, cpu: object, first: int, *, option: int = 3) -> int:
        seen.append((first, option))
        return 0

    @functools.wraps(two)
    def wrapped(*arguments: Any, **more: Any) -> int:
        return two(*arguments, **more)

    for handler in (two, all_of_them, with_an_option, wrapped, mock := Mock(return_value=0)):
        answered(vm, handler)
    assert seen == [(7, 8), (7, 8, 0, 0, 0, 0, 0, 0, 0), (7, 3), (7, 8)]
    assert mock.call_args.args[2:] == seen[1]


def test_what_cannot_be_called_by_a_guest_is_refused_when_it_is_entered(vm: Machine) -> None:
    def by_name(machine: Machine, cpu: object, *, value: int) -> int:
        return value

    bad: list[tuple[Callable[..., Any], str]] = [
        (by_name, "H_NOTE wants value by name"),
        (lambda: 0, "H_NOTE takes vm, cpu and at most 9 arguments, not 0 in all"),
        (lambda vm, cpu, a, b, c, d, e, f, g, h, i, j: 0, "at most 9 arguments, not 12 in all"),
    ]
    for handler, text in bad:
        with pytest.raises(TypeError, match=text):
            vm.hypercall(0xF100, "H_NOTE")(handler)
    for number in (-1, 1 << 64):
        with pytest.raises(ValueError, match="H_NOTE cannot have the number"):
            vm.hypercall(number, "H_NOTE")(lambda machine, cpu: 0)
    with pytest.raises(ValueError, match="RTAS call power-off has the token 0x2003 already, and 0x2300 as well"):
        registry.rtas_call(0x300, "power-off")(lambda vm, cpu: 0)
    with pytest.raises(TypeError, match="my-call names its arguments"):
        registry.rtas_call(0x300, "my-call")(lambda vm, cpu, *arguments: 0)
    assert 0xF100 not in vm.hypercalls and TOKEN not in registry.TABLE


@pytest.mark.parametrize("result", [None, "0", 0.0, [0, 1], (0, None)])
def test_what_is_no_result_is_refused_by_name(vm: Machine, no_trace: None, result: object) -> None:
    with pytest.raises(TypeError, match=r"H_NOTE returns integers, one or a tuple of them, not"):
        answered(vm, lambda machine, cpu: result)
    registry.rtas_call(0x300, "my-call")(lambda machine, cpu: result)
    with pytest.raises(TypeError, match=r"my-call returns integers, one or a tuple of them, not"):
        started(vm, *rtas(TOKEN)).run(timeout=20)


def test_forks_have_the_handlers_that_prepare_gives_them_and_no_others(vm: Machine, tmp_path: Path) -> None:
    def prepare(machine: Machine) -> None:
        machine.hypercall(0xF100, "H_NOTE")(lambda machine, cpu: 7)

    prepare(vm)
    started(vm, *hypercall(0xF100), 0x60000000)
    vm.save(tmp_path / "saved")
    kept = [vm, vm.snapshot(prepare).fork(), Machine.restore(tmp_path / "saved", prepare=prepare)]
    bare = [vm.snapshot().fork(), Machine.restore(tmp_path / "saved")]
    for machine in (*kept, *bare):
        machine.run(max_instructions=len(hypercall(0xF100)), timeout=20)
    assert [machine.cpus[0].r3 for machine in kept] == [7] * 3
    assert [machine.cpus[0].r3 for machine in bare] == [H_FUNCTION & (1 << 64) - 1] * 2


def returned(vm: Machine, result: object) -> list[int]:
    """R3 to R5 after a hypercall with this result."""
    vm.hypercall(0xF100, "H_NOTE", replace=True)(cast(Any, lambda machine, cpu: result))
    started(vm, *hypercall(0xF100), 0x60000000).run(max_instructions=len(hypercall(0xF100)), timeout=20)
    return [vm.cpus[0][f"r{number}"] for number in (3, 4, 5)]


def test_a_register_holds_every_signed_and_every_unsigned_value(vm: Machine) -> None:
    low, high = -1 << 63, (1 << 64) - 1
    assert returned(vm, low)[0] == 1 << 63 and returned(vm, high)[0] == high and returned(vm, True)[0] == 1
    assert returned(vm, (0, low, high)) == [0, 1 << 63, high]
    assert returned(vm, tuple(range(10))) == [0, 1, 2]


@pytest.mark.parametrize("value", [1 << 64, (-1 << 63) - 1, 1 << 127, (-1 << 127) - 1])
def test_what_no_register_holds_is_refused_by_name_and_not_cut_off(vm: Machine, value: int) -> None:
    for result in (value, (0, value)):
        with pytest.raises(ValueError, match=f"H_NOTE returns {value:#x}, which 64 bits hold neither"):
            returned(vm, result)


@pytest.mark.parametrize("value", [1 << 32, (-1 << 31) - 1])
def test_what_no_word_holds_is_refused_by_name_and_not_cut_off(vm: Machine, no_trace: None, value: int) -> None:
    registry.rtas_call(0x300, "my-call", results=2)(lambda machine, cpu: (0, value))
    with pytest.raises(ValueError, match=f"my-call returns {value:#x}, which 32 bits hold neither"):
        started(vm, *rtas(TOKEN, results=2)).run(timeout=20)


def test_no_value_at_all_and_more_than_there_is_room_for_are_refused_by_name(vm: Machine, no_trace: None) -> None:
    for count in (0, 11):
        with pytest.raises(TypeError, match=f"H_NOTE returns {count} values, expected 1 to 10"):
            returned(vm, (0,) * count)
    registry.rtas_call(0x300, "my-call")(lambda machine, cpu: ())
    with pytest.raises(TypeError, match="my-call returns 0 values, expected 1 to 16"):
        started(vm, *rtas(TOKEN)).run(timeout=20)
