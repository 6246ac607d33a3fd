"""What pytest's plugin is told: ini options, command line options and `@pytest.mark.spapr`, in one table.

Enters: pytest's configuration and a test's markers. Leaves: `Wanted`, what one test asks for. The nearest wins: the
marker of the test, its class, its module, then the command line, then the ini file, then the default. Raises
`pytest.UsageError`, one line that says what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, cast

import pytest

from pyspapr.config import parse_size
from pyspapr.errors import ConfigError, SpaprError
from pyspapr.harness.rows import FILES, ROWS, SWITCHES, Wanted, converted, help_of
from pyspapr.harness.rows import wanted as asked
from pyspapr.harness.store import LIMIT, Store, default_directory

SNAPSHOTS: Final = 10


def option(name: str) -> str:
    """The command line option of a row."""
    return "--spapr-" + name.replace("_", "-")


def add(parser: pytest.Parser) -> None:
    """Declare all options."""
    group = parser.getgroup("spapr", "kernel tests on forks of a booted POWER machine")
    for name in ROWS:
        group.addoption(option(name), dest=f"spapr_{name}", metavar=name.upper(), help=help_of(name))
        parser.addini(f"spapr_{name}", help_of(name))
    text = "DIR: where booted machines are kept for later runs; none: nowhere"
    group.addoption("--spapr-cache", metavar="DIR", help=text)
    parser.addini("spapr_cache", text)
    parser.addini("spapr_cache_size", f"bytes of the cache, as 4G (default: {LIMIT >> 30}G)")
    group.addoption(
        "--spapr-failures",
        metavar="DIR",
        help="DIR: where the machines of failed tests are saved (default: tmp_path's)",
    )
    parser.addini("spapr_snapshots", f"how many machines of failed tests are saved in one run (default: {SNAPSHOTS})")


def configured(config: pytest.Config) -> dict[str, Any]:
    """The values for all tests, file names made absolute."""
    values: dict[str, Any] = {}
    ini_directory = config.inipath.parent if config.inipath is not None else config.rootpath
    for name, (_, default, _) in ROWS.items():
        given, directory, where = config.getoption(f"spapr_{name}"), config.invocation_params.dir, option(name)
        if given is None:
            given, directory, where = config.getini(f"spapr_{name}") or None, ini_directory, f"spapr_{name}"
        try:
            given = default if given is None else converted(name, given, where)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from None
        values[name] = str(directory / given) if name in FILES and given is not None else given
    return values


def marked(markers: Iterable[pytest.Mark], path: Path) -> dict[str, Any]:
    """The keywords of a test's markers, the nearest first."""
    values: dict[str, Any] = {}
    for mark in markers:
        if mark.args:
            raise pytest.UsageError(f"{path}: @pytest.mark.spapr takes keywords only, as in spapr(memory='2G')")
        for name, value in mark.kwargs.items():
            if name not in ROWS and name not in SWITCHES:
                known = ", ".join([*ROWS, *SWITCHES])
                raise pytest.UsageError(f"{path}: @pytest.mark.spapr has no keyword {name!r}; it has {known}")
            if name in FILES and value is not None:
                value = str(path.parent / value)
            values.setdefault(name, value)
    return values


def wanted(node: pytest.Item | pytest.Collector) -> Wanted:
    """What a test, or what collects tests, asks for."""
    values = configured(node.config) | marked(node.iter_markers("spapr"), node.path)
    if values["kernel"] is None:
        raise pytest.UsageError(
            f"{node.nodeid} needs a kernel: give --spapr-kernel FILE, set spapr_kernel in the ini file, "
            f"or mark the test with @pytest.mark.spapr(kernel=FILE)"
        )
    try:
        return asked(values)
    except (SpaprError, TypeError) as error:
        raise pytest.UsageError(f"{node.nodeid}: {error}") from None


def store(config: pytest.Config) -> Store | None:
    """Where booted machines are kept."""
    given, directory = config.getoption("spapr_cache"), config.invocation_params.dir
    if given is None and (given := config.getini("spapr_cache") or None) is not None:
        directory = config.inipath.parent if config.inipath is not None else config.rootpath
    if given == "none":
        return None
    try:
        size = config.getini("spapr_cache_size")
        limit = parse_size(size, "spapr_cache_size") if size else LIMIT
    except SpaprError as error:
        raise pytest.UsageError(str(error)) from None
    return Store(default_directory() if given is None else directory / given, limit)


def snapshots(config: pytest.Config) -> int:
    """How many machines may be saved."""
    text = cast(str, config.getini("spapr_snapshots")) or str(SNAPSHOTS)
    if not text.isdecimal():
        raise pytest.UsageError(f"spapr_snapshots is {text!r}, expected a number, 0 or more")
    return int(text)
