"""Many cases over an executor, of which none is lost when a worker dies.

    for case, result in campaign(run_seed, range(10_000), lambda: ProcessPoolExecutor(8)):
        ...

Enters: a function, cases, and a function that makes a `concurrent.futures` executor. Leaves: each case once, with its
result, as they end. A worker that is killed breaks a pool: the cases that had no result then go to a new one. Must
hold: at most `window` cases are under way, so cases may be an endless generator; a case that breaks `attempts` pools in
a row, with no result between, ends the campaign.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Final, TypeVar

from pyspapr.errors import ConfigError

C = TypeVar("C")
R = TypeVar("R")
WINDOW: Final = 64
ATTEMPTS: Final = 5


def campaign(
    function: Callable[[C], R],
    cases: Iterable[C],
    executor: Callable[[], Executor],
    *,
    window: int = WINDOW,
    attempts: int = ATTEMPTS,
) -> Iterator[tuple[C, R]]:
    """Each case with what `function` returns for it; an exception of `function` is raised here.

    Raises BrokenExecutor if `attempts` executors in a row broke without a single result, and ConfigError.
    """
    for name, value in (("window", window), ("attempts", attempts)):
        if value < 1:
            raise ConfigError(f"{name} is {value}, expected 1 or more")
    coming = iter(cases)
    lost: list[C] = []
    broken = 0
    while True:
        under_way: dict[Future[R], C] = {}
        pool = executor()
        try:
            while True:
                for case in itertools.islice(itertools.chain(drained(lost), coming), window - len(under_way)):
                    try:
                        under_way[pool.submit(function, case)] = case
                    except BrokenExecutor:
                        lost.append(case)
                        raise
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    broken = 0
                    yield under_way.pop(future), result
        except BrokenExecutor:
            broken += 1
            if broken >= attempts:
                raise
            for future, case in under_way.items():
                if future.done() and future.exception() is None:
                    yield case, future.result()
                    broken = 0
                else:
                    lost.append(case)
        finally:
            for future in under_way:
                future.cancel()
            pool.shutdown(wait=False)


def drained(cases: list[C]) -> Iterator[C]:
    """Take cases out of the list, the first first."""
    while cases:
        yield cases.pop(0)
