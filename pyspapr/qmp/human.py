"""The human monitor: the commands of QEMU's that people type and scripts send with `human-monitor-command`.

    @human("xp", "/fmt address:number")
    def xp(here: Human, form: Format, address: int) -> str:
        \"\"\"Dump memory at a real address.\"\"\"

A row says what follows the name on a line: `/fmt`, flags as `[-d]`, and names with a kind, in brackets if they may be
missing. `info` has a table of its own. Texts are QEMU's, because scripts compare them.

Enters: a line. Leaves: the text that answers it, with QEMU's line ends. What the line says wrong is part of that text;
it never raises anything but bugs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyspapr.errors import SpaprError
from pyspapr.plain import Plain
from pyspapr.qmp.descriptors import Descriptors
from pyspapr.qmp.line import BITS, Line, LineError
from pyspapr.qmp.registry import TABLE, Where, help_of

if TYPE_CHECKING:
    from pyspapr.partition.cpu import Cpu
    from pyspapr.qmp.monitor import Monitor

Function = TypeVar("Function", bound=Callable[..., str | None])

LINE_MAX: Final = 4096
"""Characters of a line."""
ALIASES: Final = {"ccr": "cr", "decr": "dec"}
"""QEMU's names of registers that have others here."""


class Row(Plain):
    """A command."""

    name: str
    """Names, with bars between them."""
    parameters: tuple[tuple[str, str, bool], ...]
    """Name, kind, and whether it must be there."""
    usage: str
    help: str
    function: Callable[..., str | None]
    where: Where

    def arguments(self, line: Line) -> list[Any]:
        """Read them. Raises LineError."""
        found: list[Any] = []
        for name, kind, required in self.parameters:
            if kind == "format":
                found.append(line.format())
            elif kind == "flag":
                found.append(line.flag(name))
            elif line.over and not required:
                found.append(None)
            elif line.over and kind != "number":
                raise LineError(f"{self.name}: {'block device' if kind == 'device' else 'string'} expected")
            else:
                found.append(getattr(line, kind)())
        if not line.over:
            raise LineError(f"{self.name}: extraneous characters at the end of line")
        return found

    def described(self, prefix: str = "") -> str:
        """A line of `help`."""
        return f"{prefix}{self.name} {self.usage} -- {self.help.splitlines()[0].rstrip('.')}"


COMMANDS: Final[dict[str, Row]] = {}
INFO: Final[dict[str, Row]] = {}


def _parameter(word: str) -> tuple[str, str, bool]:
    if word == "/fmt":
        return "form", "format", False
    if word.startswith("[-"):
        return word[2:-1], "flag", False
    name, _, kind = word.strip("[]").partition(":")
    return name, kind, not word.startswith("[")


def _enter(table: dict[str, Row], names: str, usage: str, where: Where) -> Callable[[Function], Function]:
    def enter(function: Function) -> Function:
        words = usage.split()
        shown = " ".join(word.partition(":")[0] + "]" * (word[0] == "[" and ":" in word) for word in words)
        row = Row(names, tuple(map(_parameter, words)), shown, help_of(function), function, where)
        for name in names.split("|"):
            table[name] = row
        return function

    return enter


def human(names: str, usage: str = "", *, where: Where = Where.MACHINE) -> Callable[[Function], Function]:
    """Enter a function into the table under names with bars between them."""
    return _enter(COMMANDS, names, usage, where)


def info(names: str, usage: str = "", *, where: Where = Where.ANYWHERE) -> Callable[[Function], Function]:
    """As `human`, for what follows `info`."""
    return _enter(INFO, names, usage, where)


class Human:
    """One monitor: a machine's control socket, with a processor that `info registers`, `x` and `$r3` mean."""

    def __init__(self, monitor: Monitor, descriptors: Descriptors | None = None, cpu: int = 0) -> None:
        """`descriptors` are the client's, for `migrate fd:NAME`."""
        self.monitor = monitor
        self.descriptors = Descriptors() if descriptors is None else descriptors
        self.index = cpu

    @property
    def cpus(self) -> list[Cpu]:
        """The machine's processors."""
        return self.monitor.vm.partition.cpus

    @property
    def cpu(self) -> Cpu:
        """The processor that is meant."""
        return self.cpus[min(self.index, len(self.cpus) - 1)]

    def register(self, name: str) -> int:
        """For expressions."""
        cpu = self.cpu
        if name in ("tb", "tbl", "tbu"):
            time = cpu.vcpu.timebase
            return time >> 32 if name == "tbu" else time & 0xFFFFFFFF if name == "tbl" else time
        return cpu[ALIASES.get(name, name)] & BITS

    def qmp(self, name: str, **arguments: Any) -> Any:
        """The answer of a command of the control protocol. Raises SpaprError."""
        row = TABLE[name]
        return row(
            self.monitor, row.check({key.replace("_", "-"): one for key, one in arguments.items()}), self.descriptors
        )

    def _row(self, text: str) -> tuple[Row | None, Line, str]:
        line = Line(text, self.register)
        name = line.name()
        if name == "info" and not line.over:
            inner = line.name()
            return INFO.get(inner), line, f"info {inner}"
        return COMMANDS.get(name), line, name

    def where(self, text: str) -> Where:
        """The thread in which `answer` may be called for this line."""
        row, _, _ = self._row(text[:LINE_MAX])
        return Where.ANYWHERE if row is None else row.where

    def answer(self, text: str) -> str:
        """Carry out one line."""
        if len(text) > LINE_MAX:
            return f"a line has {len(text)} characters, at most {LINE_MAX} are allowed\r\n"
        row, line, name = self._row(text)
        if row is None:
            return f"unknown command: '{name}'\r\n" if name else ""
        try:
            said = row.function(self, *row.arguments(line)) or ""
        except LineError as error:
            said = f'{error}\nTry "help {name}" for more information\n'
        except SpaprError as error:
            said = f"Error: {error}\n"
        except OSError as error:
            said = f"Error: {error.strerror or error}\n"
        return said.replace("\n", "\r\n")


def lines(parts: Iterable[str]) -> str:
    """One line each."""
    return "".join(f"{part}\n" for part in parts)
