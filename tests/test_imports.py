"""The import graph of the package: no large circle, and folders import each other one way only.

Every explicit import counts: at the top of a file, in a function, and under TYPE_CHECKING.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pyspapr

PACKAGE = Path(pyspapr.__file__).parent

# From the bottom to the top, as in DESIGN: a place imports those before it, and its own files.
ORDER = [
    "plain",
    "results",
    "errors",
    "log",
    "config",
    "codes",
    "handlers",
    "guests",
    "host",
    "vmstate",
    "partition",
    "fdt",
    "device",
    "devices",
    "rtas",
    "hcall",
    "boot",
    "debug",
    "hooks",
    "testing",
    "migration",
    "replay",
    "trace",
    "qmp",
    "gdb",
    "looks",
    "moves",
    "machine",
    "__init__",
    "harness",
    "frameworks",
    "cli",
    "__main__",
]
LARGEST_CIRCLE = 4


def files() -> dict[str, Path]:
    """Every module of the package, by its name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


NATIVE = "pyspapr._native"
FILES = files()


def imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file names in its imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module in FILES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner != NATIVE:
                    yield inner if inner in FILES else node.module


def graph() -> dict[str, set[str]]:
    """Who imports whom."""
    return {name: set(imported(path)) - {name} for name, path in FILES.items()}


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules in which each reaches each (Tarjan's strongly connected components) of more than one."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            members: set[str] = set()
            while name not in members:
                members.add(stack.pop())
            if len(members) > 1:
                found.append(members)

    for name in edges:
        if name not in index:
            visit(name)
    return found


def place(module: str) -> str:
    """The folder or file at the top of the package that a module is in."""
    parts = module.split(".")
    return "__init__" if len(parts) == 1 else parts[1]


def test_no_circle_of_imports_is_large() -> None:
    large = [sorted(members) for members in circles(graph()) if len(members) > LARGEST_CIRCLE]
    assert not large, large


def test_imports_between_folders_go_one_way() -> None:
    rank = {name: number for number, name in enumerate(ORDER)}
    assert {place(module) for module in FILES} <= set(rank)
    wrong = [
        f"{module} imports {other}"
        for module, others in graph().items()
        for other in others
        if rank[place(other)] > rank[place(module)]
    ]
    assert not wrong, wrong


def test_a_circle_and_an_import_of_each_kind_are_seen() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}
    assert circles(edges) == [{"a", "b", "c"}]
    source = Path(__file__)
    assert "pyspapr" in set(imported(source))
    # In a function, and under TYPE_CHECKING.
    assert "pyspapr.boot" in graph()["pyspapr.machine"]
    assert "pyspapr.fdt" in graph()["pyspapr.device"]


def test_design_has_the_same_order() -> None:
    design = (PACKAGE.parent / "DESIGN.md").read_text()
    listed = [name.rstrip("/") for name in design.split("imports go one way:", 1)[1].split("```")[1].split()]
    assert [name for name in ORDER if name not in ("__init__", "__main__", "guests")] == [
        name for name in listed if name not in ("<", "pyspapr")
    ]
