"""What can be said about the machine of tests, in one table: pytest's options, `pyspapr test` and its file follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pyspapr import config
from pyspapr.config import DEFAULT_CPU, DEFAULT_MEMORY, Engine, check_timeout
from pyspapr.errors import ConfigError
from pyspapr.harness.recipe import APPEND, BOOT_TIMEOUT, Recipe
from pyspapr.plain import Plain

TIMEOUT: Final = 120.0

ROWS: Final[dict[str, tuple[type, Any, str]]] = {
    "kernel": (str, None, "FILE: the kernel that is booted once for all tests"),
    "initrd": (str, None, "FILE: its initrd"),
    "append": (str, APPEND, "its command line"),
    "memory": (str, DEFAULT_MEMORY, "RAM, as 512M or 2G"),
    "cpu": (str, DEFAULT_CPU, "power8, power9 or power10"),
    "smp": (int, 1, "processors, 1 to 64"),
    "seed": (int, 0, "what everything random in the machine follows from"),
    "prompt": (str, None, "text on the console that ends the boot; without one, the shell there has to answer"),
    "boot_timeout": (float, BOOT_TIMEOUT, "seconds of the guest's time for the boot"),
    "timeout": (float, TIMEOUT, "seconds of the guest's time for each test"),
    "engine": (str, None, "jit or interp: what runs the instructions"),
}
"""Name: type, default, help."""
FILES: Final = ("kernel", "initrd")
SWITCHES: Final = {
    "check": "False: the test may leave a kernel that has reported anything",
    "allow_warnings": "True: warnings of the kernel (WARN_ON) do not fail the test",
}
"""What one test can say beside the rows: name, help."""
OWN: Final = ("timeout", "engine", *SWITCHES)
"""What is not part of a boot."""


class Wanted(Plain, kw_only=True):
    """What one test asks for."""

    recipe: Recipe
    timeout: float = TIMEOUT
    engine: Engine | None = None
    check: bool = True
    allow_warnings: bool = False


def help_of(name: str) -> str:
    """A row's help, with its default."""
    _, default, text = ROWS[name]
    return text if default is None else f"{text} (default: {default})"


def converted(name: str, text: str, where: str) -> Any:
    """The text of an option as its type. Raises ConfigError."""
    kind = ROWS[name][0]
    try:
        return kind(text)
    except ValueError:
        expected = "a number" if kind is float else "an integer"
        raise ConfigError(f"{where} is {text!r}, expected {expected}") from None


def wanted(values: Mapping[str, Any], directory: Path | None = None) -> Wanted:
    """From values by name; a default for each that is missing. Raises ConfigError."""
    values = {name: default for name, (_, default, _) in ROWS.items()} | dict(values)
    own = {name: values.pop(name) for name in OWN if name in values}
    if own["engine"] not in (None, *config.ENGINES):
        raise ConfigError(f"unknown engine {own['engine']!r}: choose {' or '.join(config.ENGINES)}")
    for name in SWITCHES:
        if not isinstance(own.get(name, True), bool):
            raise ConfigError(f"{name} is {own[name]!r}, expected True or False")
    check_timeout(own["timeout"])
    return Wanted(recipe=Recipe.of(values, directory), **own)
