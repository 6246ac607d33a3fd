"""Campaigns: many cases over an executor, and workers that are killed."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from pyspapr import ConfigError, Machine
from pyspapr.testing.campaign import campaign

SPAWN = multiprocessing.get_context("spawn")


def square(number: int) -> int:
    return number * number


def square_or_die(case: tuple[int, str]) -> int:
    """Kills its worker the first time that it sees the seventh case."""
    number, path = case
    if number == 7:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return 49
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def seed_of(seed: int) -> int:
    with Machine(memory="32M", seed=seed) as vm:
        return vm.config.seed


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=SPAWN)


def test_every_case_has_its_result_once() -> None:
    assert sorted(campaign(square, range(200), lambda: ThreadPoolExecutor(3), window=7)) == [
        (number, number * number) for number in range(200)
    ]
    assert list(campaign(square, [], lambda: ThreadPoolExecutor(1))) == []


def test_cases_may_be_endless() -> None:
    found = campaign(square, itertools.count(), lambda: ThreadPoolExecutor(2), window=4)
    assert len(list(itertools.islice(found, 50))) == 50
    found.close()  # type: ignore[attr-defined]


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    cases = [(number, str(tmp_path / "died")) for number in range(20)]
    found = list(campaign(square_or_die, cases, pool, window=6))
    assert sorted(found) == [(case, case[0] ** 2) for case in cases]
    assert (tmp_path / "died").exists()


def test_a_case_that_always_kills_ends_the_campaign() -> None:
    with pytest.raises(BrokenExecutor):
        list(campaign(die, range(3), pool, attempts=2))


def test_an_exception_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        list(campaign(lambda number: 1 // number, [1, 0], lambda: ThreadPoolExecutor(1)))
    with pytest.raises(ConfigError, match="window is 0"):
        list(campaign(square, [1], lambda: ThreadPoolExecutor(1), window=0))


def test_machines_run_in_workers() -> None:
    assert sorted(campaign(seed_of, range(3), pool)) == [(0, 0), (1, 1), (2, 2)]
