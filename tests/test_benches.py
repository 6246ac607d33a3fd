"""What the comparison with QEMU makes of its runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "benches"))

import decimals
import exits
from runs import Moment, Run, RunFailed, measure
from turns import COLD, INTERP, QEMU, WARM, Setup, Turn
from workloads import Column, Sample, Verdict


def run(answer: str, seconds: float = 2.0) -> Run:
    lines = ["init: reached", "bench: begin float", "bench: end float", f"bench: result float {answer}"]
    moments = {line: Moment(1.0 + seconds * (index > 1), 1.0 + index) for index, line in enumerate(lines)}
    return Run(moments, lines, Moment(4.0, 4.0), 100.0)


def columns_of(setup: Setup, leaves: bool) -> list[str]:
    """Take all turns; a cold run leaves something in its cache, or does not."""
    found = []
    for turn in setup.turns(Path("initrd")):
        found.append(turn.column)
        if turn.column == COLD and leaves:
            assert not list(Path(turn.environment["XDG_CACHE_HOME"]).iterdir())
            (Path(turn.environment["XDG_CACHE_HOME"]) / "pyspapr").mkdir()
    return found


def test_a_run_is_warm_only_after_one_that_left_code_behind() -> None:
    setup = Setup("power8", "1G", 2, ())
    assert columns_of(setup, leaves=True) == [COLD, WARM, QEMU] * 2
    assert columns_of(setup, leaves=False) == [COLD, QEMU] * 2


def test_each_engine_that_was_asked_for_has_its_turn() -> None:
    setup = Setup("power8", "1G", 1, ("interp", "jit"))
    assert columns_of(setup, leaves=True) == [INTERP, COLD, WARM, QEMU]
    commands = [turn.command for turn in setup.turns(Path("initrd"))]
    assert [command[command.index("--engine") + 1] for command in commands[:2]] == ["interp", "jit"]


def test_a_workload_takes_what_lies_between_its_lines() -> None:
    sample = Sample.of(run("abc  -"), ["float"])
    assert sample.times == {"boot": Moment(1.0, 1.0), "float": Moment(2.0, 1.0)}
    assert sample.answers == {"float": "abc  -"}


def test_a_run_without_an_answer_has_failed() -> None:
    with pytest.raises(RunFailed, match="no answer for chase"):
        Sample.of(run("abc"), ["float", "chase"])


def test_a_wrong_answer_is_no_time() -> None:
    column = Column([Sample.of(run("right", 3.0), ["float"]), Sample.of(run("wrong", 0.1), ["float"])])
    column.keep_right({"float": "right"})
    assert column.median("float").seconds == 3.0
    assert column.failures == ["float: wrong, where QEMU's first run says right"]


@pytest.mark.parametrize(
    ("float_ratio", "chase_ratio", "met"), [(0.5, 0.5, True), (1.0, 0.4, True), (1.1, 0.1, False), (0.9, 0.9, False)]
)
def test_the_worst_workload_and_the_mean_speed_are_judged(float_ratio: float, chase_ratio: float, met: bool) -> None:
    ratios = {"boot": Moment(9.0, 9.0), "float": Moment(float_ratio, 9.0), "chase": Moment(chase_ratio, 9.0)}
    assert Verdict(ratios, 1.0, True).met == met


def test_processor_time_is_that_of_the_process_and_not_of_the_clock() -> None:
    code = (
        "import time\n"
        "time.sleep(0.5)\n"
        "begin = time.process_time()\n"
        "while time.process_time() < begin + 0.2: pass\n"
        "print('mark end', flush=True)\n"
    )
    done = measure(Turn("x", [sys.executable, "-c", code], {}), ("mark ",), "mark end")
    # One thread that slept for half a second: what it computed is at least that much less than what went by.
    assert 0.2 <= done.moments["mark end"].cpu_seconds <= done.whole.seconds - 0.5
    assert 0.2 <= done.whole.cpu_seconds <= done.whole.seconds - 0.5


def test_a_guest_that_does_not_arrive_has_failed() -> None:
    turn = Turn("x", [sys.executable, "-c", "print('mark one'); print('panic')"], {})
    with pytest.raises(RunFailed, match=r"did not reach 'mark two' \(status 0\).*panic"):
        measure(turn, ("mark ",), "mark two")


@pytest.mark.parametrize("name", exits.CASES)
@pytest.mark.parametrize("engine", ["interp", "jit"])
def test_a_case_of_exits_takes_the_way_out_that_it_measures(
    name: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted in exits.TIMES:
        monkeypatch.setitem(exits.TIMES, wanted, 10_000)
    exits.check(exits.CASES[name](), engine)
    assert exits.measured(exits.CASES[name](), engine) > 0


def test_an_exit_that_is_not_taken_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(exits.TIMES, exits.IN_NATIVE_CODE, 1000)
    with pytest.raises(exits.WrongExit, match="expected 1000 times 'interrupt 0xc00 system call'"):
        exits.check(exits.Case("interrupt 0xc00 system call", exits.IN_NATIVE_CODE, exits.loop(0x60000000)), "jit")


@pytest.mark.parametrize("name", decimals.CASES)
def test_decimals_have_one_result_on_both_engines_and_in_qemu(name: str) -> None:
    case = decimals.CASES[name]
    results = {run(case, 3)[1][: 16 if case.name.endswith("q") else 8] for run in decimals.COLUMNS.values()}
    assert len(results) == 1
