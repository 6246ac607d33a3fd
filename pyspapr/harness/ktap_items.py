"""Results that a guest reports as KTAP, as pytest's tests.

Enters: a `Ktap` in a test module. Leaves: one item for each result that matters, named as in the guest
(`test_kernel.py::kunit::suite::case`), with the guest's text in its failure. The guest runs while tests are collected,
because only then is known which there are; as the run is repeatable, all workers of xdist collect the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import pytest

from pyspapr.errors import ExpectError, GuestFailure, ShellError
from pyspapr.harness.boots import BootError
from pyspapr.harness.facts import Section, facts
from pyspapr.harness.options import wanted
from pyspapr.testing.ktap import KUNIT_RESULTS, Ktap, Result, Status, parse

if TYPE_CHECKING:
    from pyspapr.harness.boots import Booted
    from pyspapr.harness.rows import Wanted


class KtapFailure(Exception):
    """A result that says failed."""


class KtapItem(pytest.Item):
    """One result."""

    def __init__(self, *, result: Result, sections: list[Section], **more: Any) -> None:
        """`sections` describe the guest."""
        super().__init__(**more)
        self.result = result
        self.sections = sections
        self.fixturenames: list[str] = []
        """None; other plugins, labgrid's among them, look at it without asking whether an item has it."""

    def runtest(self) -> None:
        """Say what the guest said."""
        match self.result.status:
            case Status.SKIPPED:
                pytest.skip(self.result.reason or "skipped by the guest")
            case Status.EXPECTED:
                pytest.xfail(self.result.reason or "expected by the guest")
            case Status.FAILED | Status.INCOMPLETE:
                raise KtapFailure(said(self.result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The guest's own text."""
        if not isinstance(excinfo.value, KtapFailure):
            return super().repr_failure(excinfo, style)
        sections = self.sections if self.result.status is Status.INCOMPLETE else self.sections[-1:]
        return "\n".join([str(excinfo.value), *(f"--- {title} ---\n{text}" for title, text in sections)])

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where it is from."""
        return self.path, None, self.name


def said(result: Result) -> str:
    """A failure in the guest's words."""
    begin = f"the guest's test {result.name!r} {result.status.value}"
    return "\n".join([f"{begin}: {result.reason}" if result.reason else begin, *result.text.splitlines()])


class KtapSuite(pytest.Collector):
    """Results that are nested in one, or all of one guest."""

    def __init__(self, *, results: list[Result], sections: list[Section], **more: Any) -> None:
        """`sections` describe the guest."""
        super().__init__(**more)
        self.results = results
        self.sections = sections

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """A test for each result without others in it, or that failed for a reason of its own."""
        names: dict[str, int] = {}
        for result in self.results:
            names[result.name] = count = names.get(result.name, 0) + 1
            name = result.name if count == 1 else f"{result.name}#{count}"
            inner = list(result.children)
            if not inner:
                yield KtapItem.from_parent(self, name=name, result=result, sections=self.sections)
                continue
            if result.bad and not any(one.bad for child in inner for _, one in child.leaves()):
                inner.append(result.replace(children=()))
            yield KtapSuite.from_parent(self, name=name, results=inner, sections=self.sections)


class KtapCollector(KtapSuite):
    """Runs the guest."""

    ktap: Ktap

    @classmethod
    def of(cls, parent: pytest.Collector, name: str, ktap: Ktap) -> Self:
        """For a `Ktap` of this name."""
        made: Self = cls.from_parent(parent, name=name, results=[], sections=[])
        made.ktap = ktap
        return made

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Boot, fork, run the command, and make tests of what it prints."""
        from pyspapr.harness.plugin import of

        if not self.results:
            asked = wanted(self)
            try:
                booted = of(self.config).booted(asked)
            except BootError as error:
                self.sections = error.sections
                raise self.CollectError(str(error) + self._shown()) from None
            if self.ktap.command is None:
                self.results, self.sections = self._from_boot(booted)
            else:
                self.results, self.sections = self._from_command(booted, asked, self.ktap.command)
            if not self.results:
                hint = "; KUnit's results need a kernel with CONFIG_KUNIT and CONFIG_DEBUG_FS"
                needs = hint if self.ktap.command == KUNIT_RESULTS else ""
                raise self.CollectError(f"there is no KTAP in what the guest printed{needs}{self._shown()}")
        yield from super().collect()

    def _shown(self) -> str:
        return "".join(f"\n--- {title} ---\n{text}" for title, text in self.sections)

    def _from_boot(self, booted: Booted) -> tuple[list[Result], list[Section]]:
        """From what the console showed; the kernel's log has what was too quiet for it."""
        text = booted.console.decode(errors="replace")
        return parse(text) or parse(booted.vm.log.text), facts(booted.vm)

    def _from_command(self, booted: Booted, asked: Wanted, command: str) -> tuple[list[Result], list[Section]]:
        """From what a command prints; what went wrong in the guest meanwhile is a result as well."""
        with booted.fork(asked.engine) as vm:
            found: list[GuestFailure] = []
            try:
                text = vm.shell(command, timeout=self.ktap.timeout).output
            except (ExpectError, ShellError) as error:
                text = vm.console.output
                found = booted.failures(vm) or [GuestFailure(str(error))]
            else:
                found = booted.failures(vm) if asked.check else []
            results = parse(text)
            sections = facts(vm, found)
            if found and not any(one.bad for result in results for _, one in result.leaves()):
                results.append(Result("the guest", Status.INCOMPLETE, str(found[0])))
            return results, sections
