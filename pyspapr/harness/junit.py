"""Outcomes as JUnit's XML, which continuous integration reads.

Enters: outcomes. Leaves: a file. A script is a suite's test case; those that it reported as KTAP are as well.
"""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyspapr.harness.facts import CONTROLS
from pyspapr.testing.ktap import Status

if TYPE_CHECKING:
    from pyspapr.harness.scripts import Outcome


def clean(text: str) -> str:
    """Text that XML 1.0 allows."""
    text = text.translate(CONTROLS)
    return "".join(char if char < "\ud800" or "\ue000" <= char < "\ufffe" or char > "\uffff" else "?" for char in text)


def case(suite: Xml.Element, group: str, name: str, status: Status, message: str, text: str, seconds: float) -> None:
    """Add one test case."""
    attributes = {"classname": clean(group), "name": clean(name), "time": f"{seconds:.6f}"}
    made = Xml.SubElement(suite, "testcase", attributes)
    if status in (Status.SKIPPED, Status.EXPECTED):
        Xml.SubElement(made, "skipped", {"message": clean(message)})
    elif status is not Status.PASSED:
        Xml.SubElement(made, "failure", {"message": clean(message)}).text = clean(text)


def write(path: Path, name: str, outcomes: Sequence[Outcome]) -> None:
    """Write all of them. Raises OSError."""
    suite = Xml.Element("testsuite", {"name": clean(name)})
    for one in outcomes:
        text = "\n".join(f"--- {title} ---\n{text}" for title, text in one.sections)
        case(suite, name, one.name, one.status, one.message, text, one.seconds)
        for inner, result in one.results:
            case(
                suite, f"{name}.{one.name}", inner, result.status, result.reason or result.status.value, result.text, 0
            )
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("errors", "0")
    suite.set("time", f"{sum(one.seconds for one in outcomes):.6f}")
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
