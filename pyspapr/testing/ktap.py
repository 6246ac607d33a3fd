"""KTAP, the text in which Linux's tests report (KUnit, kselftest): from lines to a tree of results.

Enters: what a guest printed. Leaves: results, each with its status, its text and what is nested in it. The format is
"The Kernel Test Anything Protocol (KTAP), version 1" (Linux, Documentation/dev-tools/ktap.rst):

    KTAP version 1
    1..2
      KTAP version 1
      # Subtest: suite
      1..1
      # first: EXPECTATION FAILED at lib/first.c:12
      not ok 1 first
    not ok 1 suite
    ok 2 other # SKIP no hardware

A result at one level closes what was nested before it. What is read beyond the specification: any depth of indentation
(older KUnit has four blanks), nesting by `# ` in front of the lines (kselftest's runner), the time stamps of a kernel's
log, several documents one after the other, and other lines anywhere, which become the text of the next result.

Must hold: the text is a guest's. Whatever it says, a tree is returned whose size is bounded by the limits below. A
document that ends before its results are complete, as in a crash, says so: it has a result that is `INCOMPLETE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final

from pyspapr.plain import Plain

DEPTH_MAX: Final = 32
INDENT_MAX: Final = 64
RESULTS_MAX: Final = 100_000
LINES_MAX: Final = 200
"""Lines of text that a result keeps: the last ones."""
LINE_MAX: Final = 1000
NAME_MAX: Final = 200

STAMP: Final = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")
VERSION: Final = re.compile(r"^(?:K?TAP version \d+)\s*$")
PLAN: Final = re.compile(r"^1\.\.(\d{1,9})(?:\s*#\s*(SKIP\b.*))?\s*$", re.IGNORECASE)
RESULT: Final = re.compile(r"^(not )?ok (\d{1,9})\b(.*)$")
DIRECTIVE: Final = re.compile(r"(?:^|\s)#\s*(?:(SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b:?)?\s*(.*)$", re.IGNORECASE)
SUBTEST: Final = re.compile(r"^# Subtest: ?(.*)$")
BAIL: Final = re.compile(r"^Bail out!\s*(.*)$")


class Status(Enum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPECTED = "failed as expected"
    """TODO and XFAIL."""
    INCOMPLETE = "did not end"
    """Announced, or begun, and without a result."""


class Result(Plain, frozen=False):
    """One result: its name, status, what its directive says, what was printed before it, and those nested in it."""

    name: str
    status: Status
    reason: str = ""
    text: str = ""
    children: tuple[Result, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether it counts as a failure."""
        return self.status in (Status.FAILED, Status.INCOMPLETE)

    def leaves(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Result]]:
        """The results that matter, with the names that lead to them: those with nothing nested in them, and those that
        failed although nothing nested in them did.
        """
        path = (*path, self.name)
        explained = False
        for child in self.children:
            for place, one in child.leaves(path):
                explained = explained or one.bad
                yield place, one
        if not self.children or (self.bad and not explained):
            yield path, self


class Suite:
    """A document, or one nested in it, that is being read."""

    def __init__(self, indent: int) -> None:
        """Nothing was read yet."""
        self.indent = indent
        self.name = ""
        self.plan: int | None = None
        self.results: list[Result] = []
        self.nested: list[Result] = []
        """Results of nested suites, for the next result here."""
        self.nested_name = ""
        self.text: list[str] = []

    def say(self, line: str) -> None:
        """Keep a line for the next result."""
        self.text.append(line[:LINE_MAX])
        if len(self.text) > 2 * LINES_MAX:
            del self.text[:LINES_MAX]

    def take_text(self) -> str:
        """The kept lines, once."""
        lines, self.text = self.text[-LINES_MAX:], []
        return "\n".join(lines)


class Parser:
    """Reads lines, one after the other. Characters that control a terminal are not kept."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._stack: list[Suite] = []
        self._found: list[Result] = []
        self._count = 0

    def feed(self, line: str) -> None:
        """Read one line; none after the last result that there may be."""
        if self._count >= RESULTS_MAX:
            return
        line = STAMP.sub("", "".join(char if char.isprintable() else "?" for char in line.rstrip().expandtabs()))
        indent, words = nesting(line)
        if VERSION.match(words):
            self._open(indent)
        elif match := SUBTEST.match(words):
            suite = self._at(indent)
            if suite is None or suite.name or suite.results:
                suite = self._open(indent)
            suite.name = cleaned(match[1])
        elif match := PLAN.match(words):
            suite = self._at(indent)
            if suite is None or suite.plan is not None:
                suite = self._open(indent)
            suite.plan = int(match[1])
            if match[2] and not suite.plan:
                self._add(suite, Result(suite.name or "all", Status.SKIPPED, match[2][4:].strip(" :")))
        elif match := RESULT.match(words):
            if self._stack and self._stack[0].indent > indent:  # a document that begins with its subtest
                self._stack.insert(0, Suite(indent))
            self._result(self._at(indent) or self._open(indent), match)
        elif match := BAIL.match(words):
            if self._stack:
                self._stack[-1].say(words)
            self._close_to(-1)
        elif self._stack:
            self._stack[-1].say(line.strip())

    def results(self) -> list[Result]:
        """All results; nothing can be read afterwards."""
        self._close_to(-1)
        return self._found

    def _at(self, indent: int) -> Suite | None:
        """The suite whose lines stand here, with all that is deeper closed."""
        self._close_to(indent)
        return self._stack[-1] if self._stack and self._stack[-1].indent == indent else None

    def _open(self, indent: int) -> Suite:
        self._close_to(indent - 1)
        suite = Suite(indent)
        if len(self._stack) >= DEPTH_MAX:
            return self._stack[-1]
        self._stack.append(suite)
        return suite

    def _close_to(self, indent: int) -> None:
        """Close every suite deeper than `indent`; its results wait for the result that it belongs to."""
        while self._stack and self._stack[-1].indent > indent:
            self._close(self._stack.pop())

    def _close(self, suite: Suite) -> None:
        if suite.nested:  # the result that they belong to never came
            name = suite.nested_name or "unnamed"
            self._add(suite, Result(name, Status.INCOMPLETE, "", suite.take_text(), tuple(suite.nested)))
            suite.nested = []
        missing = (suite.plan or 0) - len(suite.results)
        short = missing > 0 or (suite.plan is None and not suite.results)
        if short and not any(one.status is Status.INCOMPLETE for one in suite.results[-1:]):
            what = f"{missing} of {suite.plan} did not run" if suite.plan is not None else "nothing ran"
            self._add(suite, Result(what, Status.INCOMPLETE, "", suite.take_text()))
        text = suite.take_text()
        if not self._stack:
            if suite.name:
                self._found.append(Result(suite.name, Status.INCOMPLETE, "", text, tuple(suite.results)))
                return
            self._found += suite.results
            return
        above = self._stack[-1]
        above.nested += suite.results
        above.nested_name = suite.name or above.nested_name
        if text:
            above.say(text)

    def _result(self, suite: Suite, match: re.Match[str]) -> None:
        failed, number, rest = match[1] is not None, match[2], match[3]
        status, reason = (Status.FAILED if failed else Status.PASSED), ""
        if directive := DIRECTIVE.search(rest):
            rest, reason = rest[: directive.start()], directive[2].strip()[:LINE_MAX]
            match (directive[1] or "").upper():
                case "SKIP":
                    status = Status.SKIPPED
                case "XFAIL":
                    status = Status.EXPECTED
                case "TODO":
                    status = Status.EXPECTED if failed else Status.PASSED
                case "TIMEOUT" | "ERROR" as word:
                    status, reason = Status.FAILED, f"{word} {reason}".strip()
        name = cleaned(rest.strip().removeprefix("-").strip()) or suite.nested_name or f"test {number}"
        nested, suite.nested, suite.nested_name = tuple(suite.nested), [], ""
        self._add(suite, Result(name, status, reason, suite.take_text(), nested))

    def _add(self, suite: Suite, result: Result) -> None:
        self._count += 1
        if self._count == RESULTS_MAX:
            result = Result(f"more than {RESULTS_MAX} results", Status.INCOMPLETE)
        # More come only from suites that are closed: those above a result are kept, or it would be lost.
        suite.results.append(result)


def nesting(line: str) -> tuple[int, str]:
    """How deep a line stands, and the line without that. What kselftest nests by `# ` counts as indented."""
    words = line.lstrip(" ")
    indent = len(line) - len(words)
    inner, deeper = words, indent
    while inner.startswith("# ") and deeper < INDENT_MAX:
        inner, deeper = inner[2:].lstrip(" "), deeper + 2
        if VERSION.match(inner) or PLAN.match(inner) or RESULT.match(inner):
            return min(deeper, INDENT_MAX), inner
    return min(indent, INDENT_MAX), words


def cleaned(name: str) -> str:
    """A name of bounded length."""
    return name.strip()[:NAME_MAX]


def parse(text: str) -> list[Result]:
    """The results in `text`; none if there is no KTAP in it."""
    parser = Parser()
    for line in text.splitlines():
        parser.feed(line)
    return parser.results()


class Ktap(Plain, kw_only=True):
    """Where a test module's KTAP comes from; pytest makes a test of each result.

        kunit = Ktap(command=KUNIT_RESULTS)

    `command` runs in the shell of a fork of the booted machine, at most `timeout` seconds of the guest's time; without
    one it is what the kernel and its console said while the machine booted. The guest runs when tests are collected.
    """

    command: str | None = None
    timeout: float = 600.0


KUNIT_RESULTS: Final = (
    "[ -d /sys/kernel/debug ] || mount -t sysfs none /sys; "
    "[ -d /sys/kernel/debug/kunit ] || mount -t debugfs none /sys/kernel/debug; "
    "cat /sys/kernel/debug/kunit/*/results"
)
"""A command that prints what KUnit has found."""
