"""`pyspapr test FOLDER`: a folder of shell scripts, each in a fork of a machine that is booted once.

Enters: options. Leaves: a line for each script on standard output, the facts of those that failed, a summary, and the
exit status: 0 if none failed, 1 if any did, 2 for a usage error. A terminal on standard error shows the progress.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyspapr.errors import ConfigError
from pyspapr.harness.boots import Boots
from pyspapr.harness.rows import ROWS
from pyspapr.harness.scripts import Outcome, Suite, find
from pyspapr.harness.store import Store, default_directory
from pyspapr.testing.ktap import Status

if TYPE_CHECKING:
    from rich.progress import Progress

FAILED: Final = 1
WORDS: Final = {Status.PASSED: "PASS", Status.SKIPPED: "SKIP", Status.FAILED: "FAIL"}
JOBS_MAX: Final = 256


def progress(total: int) -> AbstractContextManager[Progress | None]:
    """A display of how far it has come, on a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    made = Progress(*columns, console=Console(stderr=True), transient=True)
    made.add_task("booting", total=total)
    return made


def line(outcome: Outcome) -> str:
    """One line about a script."""
    message = f": {outcome.message}" if outcome.message else ""
    inner = f", {len(outcome.results)} results" if outcome.results else ""
    return f"{WORDS[outcome.status]} {outcome.name} ({outcome.seconds:.3f} s{inner}){message}"


def details(outcome: Outcome) -> str:
    """Everything about a script that failed."""
    parts = [f"--- {title} ---\n{text}" for title, text in outcome.sections]
    inner = [f"not ok {name}: {one.reason or one.status.value}\n{one.text}" for name, one in outcome.results if one.bad]
    return "\n".join([f"=== {outcome.name}: {outcome.message} ===", *inner, *parts])


def suite_command(
    folder: str, jobs: int | None, junit: str | None, cache: str | None, failures: str | None, values: dict[str, Any]
) -> int:
    """Run a folder of scripts and return the exit status."""
    assert set(values) <= set(ROWS)
    scripts = find(Path(folder), values)
    if jobs is not None and not 1 <= jobs <= JOBS_MAX:
        raise ConfigError(f"--jobs is {jobs}, expected 1 to {JOBS_MAX}")
    store = None if cache == "none" else Store(default_directory() if cache is None else Path(cache))
    suite = Suite(Boots(store), None if failures is None else Path(failures))
    start = time.monotonic()
    outcomes: list[Outcome] = []
    with progress(len(scripts)) as shown:
        for outcome in suite.run(scripts, min(jobs or os.cpu_count() or 1, len(scripts), JOBS_MAX)):
            outcomes.append(outcome)
            if shown is None:
                print(line(outcome), flush=True)
            else:
                shown.print(line(outcome), markup=False, highlight=False, soft_wrap=True)
                shown.update(shown.task_ids[0], advance=1, description="testing")
    outcomes.sort(key=lambda outcome: outcome.name)
    failed = [outcome for outcome in outcomes if outcome.status is Status.FAILED]
    for outcome in failed:
        print("\n" + details(outcome))
    if junit is not None:
        from pyspapr.harness.junit import write

        write(Path(junit), Path(folder).resolve().name, outcomes)
    skipped = sum(outcome.status is Status.SKIPPED for outcome in outcomes)
    counts = [(len(outcomes) - len(failed) - skipped, "passed"), (len(failed), "failed"), (skipped, "skipped")]
    words = ", ".join(f"{number} {word}" for number, word in counts if number)
    print(f"\n{words} in {time.monotonic() - start:.2f} s")
    return FAILED if failed else 0
