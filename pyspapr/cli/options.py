"""Options that commands share, one row each, all of `restore`'s among them: click shows and checks them, and `read`
reads a correct line of `restore` without click.

click and what it brings take longer to import than a machine takes to be restored. So a line that can only mean one
thing is read here; everything else (help, completion, abbreviations, mistakes of any kind) is left to click.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyspapr.config import ENGINES
from pyspapr.plain import Plain

if TYPE_CHECKING:
    F = TypeVar("F", bound=Callable[..., Any])


class Kind(Enum):
    """What the value of an option may be."""

    FLAG = auto()
    TEXT = auto()
    FILE = auto()
    """An existing file."""
    SECONDS = auto()
    COUNT = auto()
    ENGINE = auto()


class Option(Plain):
    """One option."""

    names: tuple[str, ...]
    kind: Kind
    help: str
    metavar: str | None = None
    default: str | None = None
    many: bool = False

    @property
    def key(self) -> str:
        """The name of the function's parameter."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def nothing(self) -> Any:
        """The value when it is not there."""
        if self.kind is Kind.FLAG:
            return False
        return () if self.many else self.default


CONSOLE: Final = Option(
    names=("--console",),
    kind=Kind.TEXT,
    help="Where the guest's console is.",
    metavar="stdio|unix:PATH",
    default="stdio",
)
TIMEOUT: Final = Option(names=("--timeout",), kind=Kind.SECONDS, help="Stop after this time.", metavar="SECONDS")
MAX_INSTRUCTIONS: Final = Option(
    names=("--max-instructions",),
    kind=Kind.COUNT,
    help="Stop after N instructions. A guest that idles on the virtual clock never waits for the host then.",
    metavar="N",
)
ENGINE: Final = Option(
    names=("--engine",),
    kind=Kind.ENGINE,
    help="How instructions are executed; only speed depends on it. jit compiles what is hot.",
    default="jit",
)
QMP: Final = Option(
    names=("--qmp",),
    kind=Kind.TEXT,
    help="Open a control socket that speaks QMP; may be given more than once. Nobody is asked for a password: without "
    "HOST only this computer can connect.",
    metavar="unix:PATH|tcp:HOST:PORT",
    many=True,
)
PAUSED: Final = Option(
    names=("-S", "--paused"),
    kind=Kind.FLAG,
    help="Wait for `cont` on a control socket before the first instruction.",
)

RESTORE: Final = (
    Option(names=("--base",), kind=Kind.FILE, help="The file that FILE continues.", metavar="FILE"),
    Option(
        names=("--verify",), kind=Kind.FLAG, help="Read all of the file first, pages included, and compare digests."
    ),
    CONSOLE,
    TIMEOUT,
    MAX_INSTRUCTIONS,
    ENGINE,
    QMP,
    PAUSED,
)


class Doubt(Exception):
    """The line is click's to read."""


def existing(path: str) -> str:
    """A file that is there and can be read, as `click.Path(exists=True, dir_okay=False)` has it. Raises Doubt."""
    if not os.path.exists(path) or os.path.isdir(path) or not os.access(path, os.R_OK):
        raise Doubt
    return path


def value_of(option: Option, text: str) -> Any:
    """The value that `text` stands for. Raises Doubt."""
    try:
        match option.kind:
            case Kind.FILE:
                return existing(text)
            case Kind.SECONDS if (seconds := float(text)) > 0:
                return seconds
            case Kind.COUNT if (count := int(text)) >= 1:
                return count
            case Kind.ENGINE if text in ENGINES:
                return text
            case Kind.TEXT:
                return text
    except ValueError:
        pass
    raise Doubt


def read(options: Sequence[Option], arguments: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """The one file of a line and its options by name, or None when in doubt."""
    by_name = {name: option for option in options for name in option.names}
    values = {option.key: option.nothing for option in options}
    files: list[str] = []
    rest = list(arguments)
    try:
        while rest:
            word = rest.pop(0)
            if not word.startswith("-"):
                files.append(existing(word))
                continue
            name, equals, text = word.partition("=")
            if (option := by_name.get(name)) is None:
                return None
            if option.kind is Kind.FLAG:
                if equals:
                    return None
                values[option.key] = True
                continue
            if not equals:
                if not rest or rest[0].startswith("-"):
                    return None
                text = rest.pop(0)
            value = value_of(option, text)
            values[option.key] = (*values[option.key], value) if option.many else value
    except Doubt:
        return None
    return (files[0], values) if len(files) == 1 else None


def for_click(*options: Option) -> Callable[[F], F]:
    """A decorator that gives a command these options."""
    import click

    types: dict[Kind, Any] = {
        Kind.TEXT: str,
        Kind.FILE: click.Path(exists=True, dir_okay=False),
        Kind.SECONDS: click.FloatRange(min=0, min_open=True),
        Kind.COUNT: click.IntRange(min=1),
        Kind.ENGINE: click.Choice(ENGINES),
    }

    def decorate(function: F) -> F:
        for one in reversed(options):
            if one.kind is Kind.FLAG:
                more: dict[str, Any] = {"is_flag": True}
            else:
                shown = one.default is not None
                more = {"type": types[one.kind], "metavar": one.metavar, "multiple": one.many, "show_default": shown}
                if shown:
                    more["default"] = one.default
            function = click.option(*one.names, help=one.help, **more)(function)
        return function

    return decorate
