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

from pyspapr import config as spapr_config
from pyspapr.config import DEFAULT_CPU, DEFAULT_MEMORY, Engine, check_timeout, parse_size
from pyspapr.errors import ConfigError, SpaprError
from pyspapr.harness.recipe import APPEND, BOOT_TIMEOUT, Recipe
from pyspapr.harness.store import LIMIT, Store, default_directory
from pyspapr.plain import Plain

TIMEOUT: Final = 120.0
SNAPSHOTS: Final = 10

ROWS: Final[dict[str, tuple[type, Any, str]]] = {
    "kernel": (str, None, "FILE: the kernel that is booted once for all tests"),
    "initrd": (str, None, "FILE: its initrd"),
    "append": (str, APPEND, "its command line"),
    "memory": (str, DEFAULT_MEMORY, "RAM, as 512M or 2G"),
    "cpu": (str, DEFAULT_CPU, "power8, power9 or power10"),
    "seed": (int, 0, "what everything random in the machine follows from"),
    "prompt": (str, None, "text on the console that ends the boot; without one, the shell there has to answer"),
    "boot_timeout": (float, BOOT_TIMEOUT, "seconds of the guest's time for the boot"),
    "timeout": (float, TIMEOUT, "seconds of the guest's time for each test"),
    "engine": (str, None, "jit or interp: what runs the instructions"),
}
"""Name: type, default, help. Each is an ini option `spapr_NAME`, a command line option and a keyword of the marker."""
FILES: Final = ("kernel", "initrd")
ONLY_MARKER: Final = {
    "check": "False: the test may leave a kernel that has reported anything",
    "allow_warnings": "True: warnings of the kernel (WARN_ON) do not fail the test",
}
OWN: Final = ("timeout", "engine", *ONLY_MARKER)
"""What is not part of a boot."""


def option(name: str) -> str:
    """The command line option of a row."""
    return "--spapr-" + name.replace("_", "-")


def add(parser: pytest.Parser) -> None:
    """Declare all options."""
    group = parser.getgroup("spapr", "kernel tests on forks of a booted POWER machine")
    for name, (_, default, text) in ROWS.items():
        shown = text if default is None else f"{text} (default: {default})"
        group.addoption(option(name), dest=f"spapr_{name}", metavar=name.upper(), help=shown)
        parser.addini(f"spapr_{name}", shown)
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


class Wanted(Plain, kw_only=True):
    """What one test asks for."""

    recipe: Recipe
    timeout: float = TIMEOUT
    engine: Engine | None = None
    check: bool = True
    allow_warnings: bool = False


def converted(name: str, value: Any, where: str) -> Any:
    """The text of an option as its type."""
    kind = ROWS[name][0]
    try:
        return kind(value)
    except ValueError:
        raise pytest.UsageError(
            f"{where} is {value!r}, expected {'a number' if kind is float else 'an integer'}"
        ) from None


def configured(config: pytest.Config) -> dict[str, Any]:
    """The values for all tests, file names made absolute."""
    values: dict[str, Any] = {}
    ini_directory = config.inipath.parent if config.inipath is not None else config.rootpath
    for name, (_, default, _) in ROWS.items():
        given, directory, where = config.getoption(f"spapr_{name}"), config.invocation_params.dir, option(name)
        if given is None:
            given, directory, where = config.getini(f"spapr_{name}") or None, ini_directory, f"spapr_{name}"
        if given is None:
            values[name] = default
        else:
            values[name] = str(directory / given) if name in FILES else converted(name, given, where)
    return values


def marked(markers: Iterable[pytest.Mark], path: Path) -> dict[str, Any]:
    """The keywords of a test's markers, the nearest first."""
    values: dict[str, Any] = {}
    for mark in markers:
        if mark.args:
            raise pytest.UsageError(f"{path}: @pytest.mark.spapr takes keywords only, as in spapr(memory='2G')")
        for name, value in mark.kwargs.items():
            if name not in ROWS and name not in ONLY_MARKER:
                known = ", ".join([*ROWS, *ONLY_MARKER])
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
    own = {name: values.pop(name) for name in OWN if name in values}
    try:
        if own["engine"] not in (None, *spapr_config.ENGINES):
            raise ConfigError(f"unknown engine {own['engine']!r}: choose {' or '.join(spapr_config.ENGINES)}")
        for name in ONLY_MARKER:
            if not isinstance(own.get(name, True), bool):
                raise ConfigError(f"{name} is {own[name]!r}, expected True or False")
        check_timeout(own["timeout"])
        return Wanted(recipe=Recipe.of(values), **own)
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
