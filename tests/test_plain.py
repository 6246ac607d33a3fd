"""Plain data: what it has in common with dataclasses, and that the quick commands do without what is slow to import."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from pyspapr import ConfigError, InstructionLimit, Machine, MachineConfig, MigrationStatistics, PoweredOff, Rebooted
from pyspapr.migration.phases import Phase
from pyspapr.plain import Plain


class Point(Plain):
    KIND: ClassVar[str] = "point"
    x: int
    y: int = 2


class Named(Point, kw_only=True):
    name: str = "n"


class Counter(Plain, frozen=False):
    count: int = 0


def test_fields_come_by_position_by_name_and_by_default() -> None:
    assert Point(1) == Point(1, 2) == Point(y=2, x=1)
    assert repr(Point(1)) == "Point(x=1, y=2)"
    assert (Named(x=1).x, Named(x=1).y, Named(x=1).name, Named.KIND) == (1, 2, "n", "point")


@pytest.mark.parametrize(("arguments", "names"), [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})])
def test_a_field_too_few_or_too_many_is_a_type_error(arguments: tuple[int, ...], names: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point"):
        Point(*arguments, **names)
    with pytest.raises(TypeError):
        Named(1)


def test_values_of_another_class_are_never_equal() -> None:
    assert PoweredOff() == PoweredOff() and PoweredOff() != Rebooted()
    assert len({PoweredOff(), PoweredOff(), Rebooted()}) == 2
    assert Point(1) != Named(x=1) and Point(1) != (1, 2)


def test_what_is_plain_cannot_be_changed_unless_its_class_says_so() -> None:
    with pytest.raises(AttributeError):
        Point(1).x = 3
    with pytest.raises(AttributeError):
        del Point(1).x
    counter = Counter()
    counter.count += 1
    assert counter == Counter(1)
    with pytest.raises(TypeError):
        hash(counter)
    with pytest.raises(AttributeError):
        counter.other = 1


def test_patterns_match_by_position() -> None:
    match InstructionLimit(7):
        case InstructionLimit(count):
            assert count == 7
        case _:
            raise AssertionError


@pytest.mark.parametrize("value", [Point(1), Named(x=4, name="other"), MachineConfig(memory="64M")])
def test_copies_and_pickles_are_equal(value: Plain) -> None:
    assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value


def test_the_functions_of_dataclasses_take_it() -> None:
    config = MachineConfig(memory="64M", seed=5)
    assert dataclasses.replace(config, seed=6) == config.replace(seed=6) == MachineConfig(memory="64M", seed=6)
    assert dataclasses.asdict(config) == config.as_dict()
    with pytest.raises(ConfigError):
        dataclasses.replace(config, memory="1M")
    statistics = MigrationStatistics(phase=Phase.SETUP)
    assert dataclasses.replace(statistics, downtime=0.5).downtime == 0.5
    assert dataclasses.is_dataclass(Named) and [field.name for field in dataclasses.fields(Named)] == ["x", "y", "name"]


SLOW = ("asyncio", "click", "concurrent.futures", "dataclasses", "hashlib", "inspect", "json", "rich", "socket", "ssl")


def test_a_restore_from_the_shell_imports_nothing_that_is_slow(tmp_path: Path) -> None:
    vm = Machine(memory="32M")
    vm.memory.write(0x2000, bytes.fromhex("60000000") * 8)
    vm.start(pc=0x2000)
    vm.save(tmp_path / "file")
    code = (
        "import sys; from pyspapr.cli import run; status = run(sys.argv[1:]); "
        f"print(status, [name for name in {SLOW!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, "restore", "--max-instructions", "1", str(tmp_path / "file")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert done.stdout == b"4 []\n"
