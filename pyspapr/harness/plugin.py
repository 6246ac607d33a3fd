"""pytest's plugin: `spapr`, a fork of a machine that was booted once for the whole run.

    def test_it_runs(spapr):
        assert spapr.shell("uname -m").output == "ppc64le\\n"

Enters: options, markers and tests. Leaves: results. The report of a failed test has the guest's console, log,
registers, call chain and seed, and the path of its saved machine. A test whose kernel panicked, oopsed, warned or hung
fails even if it did not look.

Under xdist each worker is a process with its own forks; one of them boots, the others wait for the saved machine.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from _pytest._code.code import ExceptionRepr

if TYPE_CHECKING:
    from pyspapr.harness.boots import Booted, Boots
    from pyspapr.harness.facts import Section
    from pyspapr.harness.rows import Wanted
    from pyspapr.machine import Machine
    from pyspapr.migration.snapshot import Snapshot

FIXTURES: Final = {"spapr", "spapr_snapshot"}


class Forked:
    """A test's machine."""

    def __init__(self, wanted: Wanted, booted: Booted) -> None:
        """A fork, which has the test's time."""
        self.wanted = wanted
        self.booted = booted
        self.vm: Machine = booted.fork(wanted.engine)
        self.vm.limit_time(wanted.timeout)

    def check(self) -> None:
        """Raise what is wrong in the guest, unless the test allows it."""
        from pyspapr.errors import GuestWarning

        if self.wanted.check and not self.vm.closed:
            for failure in self.booted.failures(self.vm):
                if not (self.wanted.allow_warnings and isinstance(failure, GuestWarning)):
                    raise failure
        if not self.vm.closed and self.vm.time_is_up and self.vm.ended is None:
            pytest.fail(
                f"the guest used up the {self.wanted.timeout:g} s of its time that the test has: "
                f"@pytest.mark.spapr(timeout=) gives more",
                pytrace=False,
            )

    def sections(self) -> list[Section]:
        """What a report says of it."""
        from pyspapr.harness.facts import facts

        if self.vm.closed:
            return [("guest: machine", "the test has closed it")]
        self.booted.names(self.vm)
        return facts(self.vm, self.booted.failures(self.vm))


FORKED: Final = pytest.StashKey[Forked]()
SECTIONS: Final = pytest.StashKey["list[Section]"]()
SPAPR: Final = pytest.StashKey["Spapr"]()


class Spapr:
    """The plugin's part of one run."""

    def __init__(self, config: pytest.Config) -> None:
        """Nothing was booted yet. Raises UsageError."""
        from pyspapr.harness import options

        self.config = config
        self._boots: Boots | None = None
        self._store = options.store(config)
        self._left = options.snapshots(config)

    @property
    def boots(self) -> Boots:
        """All machines that were booted."""
        if self._boots is None:
            from pyspapr.harness.boots import Boots

            self._boots = Boots(self._store)
        return self._boots

    def booted(self, wanted: Wanted) -> Booted:
        """What a test starts from. Raises BootError, and UsageError for a cache that cannot be used."""
        from pyspapr.errors import ConfigError, ImageError

        try:
            return self.boots.booted(wanted.recipe, wanted.engine)
        except (ConfigError, ImageError) as error:
            raise pytest.UsageError(str(error)) from None

    def save(self, item: pytest.Item, vm: Machine) -> str:
        """Save a failed test's machine; what the report says of it."""
        from pyspapr.errors import SpaprError

        if vm.closed:
            return "not saved: the test has closed it"
        if self._left == 0:
            return "not saved: spapr_snapshots are saved already"
        self._left -= 1
        try:
            name = re.sub(r"[^\w.-]+", "-", item.nodeid)[-150:].strip("-")
            path = self._failures() / f"{name}.spapr"
            vm.save(path)
        except (SpaprError, OSError) as error:
            return f"not saved: {error}"
        return f"{path}\npyspapr restore {path}"

    def _failures(self) -> Path:
        given = self.config.getoption("--spapr-failures")
        if given is not None:
            directory = Path(self.config.invocation_params.dir, given)
        else:
            # pytest gives its factory to fixtures only, and items of KTAP have none.
            factory: pytest.TempPathFactory = self.config._tmp_path_factory  # type: ignore[attr-defined]
            directory = factory.getbasetemp() / "spapr-failures"
        directory.mkdir(parents=True, exist_ok=True)
        return directory


def of(config: pytest.Config) -> Spapr:
    """The plugin's part of this run."""
    if SPAPR not in config.stash:
        config.stash[SPAPR] = Spapr(config)
    return config.stash[SPAPR]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and ini options."""
    from pyspapr.harness import options

    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    from pyspapr.harness.rows import ROWS, SWITCHES

    words = ", ".join([*ROWS, *SWITCHES])
    config.addinivalue_line(
        "markers", f"spapr(**what): what the test's machine is and may do; keywords: {words}. The nearest one wins."
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Wrong use ends the run before anything is booted. (A worker of xdist cannot end it: there the test says it.)"""
    if session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    from pyspapr.harness.options import wanted

    for item in session.items:
        if FIXTURES & set(getattr(item, "fixturenames", ())):
            of(session.config)
            wanted(item)


@pytest.fixture
def spapr_snapshot(request: pytest.FixtureRequest) -> Snapshot[Machine]:
    """The booted machine, frozen: `spapr_snapshot.fork()` makes as many machines as a test needs."""
    from pyspapr.harness.options import wanted

    return started(request.node, wanted(request.node)).snapshot


@pytest.fixture
def spapr(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine of the test's own: a fork of the one that was booted once for the whole run."""
    from pyspapr.harness.options import wanted

    asked = wanted(request.node)
    forked = request.node.stash[FORKED] = Forked(asked, started(request.node, asked))
    with forked.vm as vm:
        yield vm
    del request.node.stash[FORKED]


def started(item: pytest.Item, asked: Wanted) -> Booted:
    """What a test starts from; the report of one that cannot be booted says how it stands."""
    from pyspapr.harness.boots import BootError

    try:
        return of(item.config).booted(asked)
    except BootError as error:
        item.stash[SECTIONS] = error.sections
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that went well also needs a guest that did."""
    result = yield
    if (forked := item.stash.get(FORKED, None)) is not None:
        forked.check()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the guest's facts to the report of a test that failed."""
    report = yield
    if not report.failed:
        return report
    sections = item.stash.get(SECTIONS, [])
    if (forked := item.stash.get(FORKED, None)) is not None:
        sections = [*forked.sections(), ("guest: saved machine", of(item.config).save(item, forked.vm))]
    for title, text in sections:
        if isinstance(report.longrepr, ExceptionRepr):  # so that JUnit's file has it as well
            report.longrepr.addsection(title, text)
        else:
            report.sections.append((title, text))
    return report


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Collector | None:
    """A `Ktap` in a test module becomes the tests that the guest reports."""
    from pyspapr.testing.ktap import Ktap

    if not isinstance(obj, Ktap):
        return None
    from pyspapr.harness.ktap_items import KtapCollector

    return KtapCollector.of(collector, name, obj)
