"""The table of commands: one decorated function each, from whose signature everything else follows.

    @command("query-status")
    def query_status(monitor: Monitor) -> StatusInfo:
        \"\"\"How the machine stands.\"\"\"

Parameters after the first are the command's arguments, underscores standing for dashes; those with a default may be
missing. One annotated `Descriptors` is none of them: it gets the file descriptors of the client that asks. The return
annotation is the answer (None: an empty object) and the docstring is the help. The function is
called in the thread that runs the machine, between two instructions, unless `where` says otherwise: `ANYWHERE` for one
that touches no guest or device state and answers at once, also while the machine is busy; `ASIDE` for one that has to
wait and gets a thread of its own. A function may choose among them by the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

from pyspapr.plain import Plain
from pyspapr.qmp.descriptors import Descriptors
from pyspapr.qmp.types import check_members, strip_optional, type_name

if TYPE_CHECKING:
    from pyspapr.qmp.monitor import Monitor

Function = TypeVar("Function", bound=Callable[..., Any])


class Where(Enum):
    """The thread in which a command is carried out."""

    MACHINE = auto()
    ANYWHERE = auto()
    ASIDE = auto()


class Command(Plain):
    """A row of the table."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, tuple[Any, bool]]
    """Type, and whether it must be there, by name."""
    returns: Any
    help: str
    where: Where | Callable[[Monitor, dict[str, Any]], Where]
    """Where it is carried out, or a function that says so for these keywords."""
    descriptors: str | None = None
    """The parameter for the client's file descriptors, if there is one."""

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Check the arguments and return them as keywords. Raises QmpError naming the wrong argument."""
        checked = check_members(arguments, self.arguments)
        return {name.replace("-", "_"): value for name, value in checked.items()}

    def where_for(self, monitor: Monitor, keywords: dict[str, Any]) -> Where:
        """The thread in which it is carried out with these keywords."""
        return self.where if isinstance(self.where, Where) else self.where(monitor, keywords)

    def __call__(self, monitor: Monitor, keywords: dict[str, Any], descriptors: Descriptors) -> Any:
        if self.descriptors is not None:
            keywords = {**keywords, self.descriptors: descriptors}
        result = self.function(monitor, **keywords)
        return {} if result is None else result

    def usage(self) -> str:
        """Name and arguments on one line."""
        words = [self.name]
        for name, (kind, required) in self.arguments.items():
            text = f"{name}={type_name(kind).replace(' ', '-')}"
            words.append(text if required else f"[{text}]")
        return " ".join(words)


def parameters_of(function: Callable[..., Any]) -> list[tuple[str, bool]]:
    """Parameters after the first, and whether each must be given. (Importing `inspect` takes longer than all rows.)"""
    code = function.__code__
    names = code.co_varnames[1 : code.co_argcount]
    required = len(names) - len(function.__defaults__ or ())
    return [(name, index < required) for index, name in enumerate(names)]


def help_of(function: Callable[..., Any]) -> str:
    """The docstring without its indentation."""
    first, *rest = (function.__doc__ or "").strip().splitlines() or [""]
    return "\n".join((first, *(line.strip() for line in rest)))


TABLE: Final[dict[str, Command]] = {}


def command(
    name: str, *, where: Where | Callable[[Monitor, dict[str, Any]], Where] = Where.MACHINE
) -> Callable[[Function], Function]:
    """Enter a function into the table."""

    def enter(function: Function) -> Function:
        if name in TABLE:
            raise ValueError(f"the command {name} is in the table already")
        hints = get_type_hints(function)
        parameters = [(one, required) for one, required in parameters_of(function) if hints[one] is not Descriptors]
        given = next((one for one, kind in hints.items() if kind is Descriptors), None)
        arguments = {one.replace("_", "-"): (strip_optional(hints[one]), required) for one, required in parameters}
        if not (text := help_of(function)):
            raise ValueError(f"the command {name} has no help")
        TABLE[name] = Command(name, function, arguments, hints["return"], text, where, given)
        return function

    return enter
