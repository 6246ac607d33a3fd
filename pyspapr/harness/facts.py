"""A machine as it stands when a test has failed, for a report: console, kernel log, registers, call chain, seed.

Enters: a machine. Leaves: titles and texts of bounded size. Looking changes nothing, and what cannot be read says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspapr.errors import GuestFailure, SpaprError

if TYPE_CHECKING:
    from pyspapr.machine import Machine

Section = tuple[str, str]
CONSOLE_LINES: Final = 200
LOG_LINES: Final = 40
LINE_MAX: Final = 500
NAMES: Final = (
    ["pc", "msr", "lr", "ctr", "cr", "xer"],
    *([f"r{number}" for number in range(first, first + 4)] for first in range(0, 32, 4)),
    ["srr0", "srr1", "dar", "dsisr"],
)


REPORT_LINES: Final = 150
CONTROLS: Final = {code: f"^{chr(code ^ 0x40)}" for code in (*range(9), *range(11, 32), 127)} | {
    code: "?" for code in range(0x80, 0xA0)
}
"""A guest's text must not control the terminal of those who read a report."""


def last(text: str, lines: int) -> str:
    """The last lines of a text, each cut where it is too long, with control characters made visible."""
    found = text.replace("\r\n", "\n").translate(CONTROLS).split("\n")
    if not found[-1]:
        found.pop()
    left_out = [f"... ({len(found) - lines} lines before)"] if len(found) > lines else []
    return "\n".join([*left_out, *(line[:LINE_MAX] for line in found[-lines:])])


def registers(vm: Machine) -> str:
    """Those of the first processor, by name."""
    cpu = vm.cpus[0]
    return "\n".join("  ".join(f"{name:>5} {cpu[name]:016x}" for name in row) for row in NAMES)


def calls(vm: Machine) -> str:
    """The call chain at which the guest stands."""
    return "\n".join(map(str, vm.debug.backtrace()))


def told(failure: GuestFailure) -> str:
    """What the kernel said, and its call chain; registers and log have parts of their own."""
    return "\n".join([str(failure), failure.text, "Calls:", *failure.calls])


def standing(vm: Machine) -> str:
    """Where it stands."""
    several = f", {vm.config.vcpus} processors" if vm.config.vcpus > 1 else ""
    place = "" if vm.ended is None else f"\nended: {vm.ended}"
    return (
        f"seed {vm.config.seed}, engine {vm.engine}, {vm.config.cpu}, {vm.config.ram_size >> 20} MiB{several}\n"
        f"instruction {vm.instructions}, {vm.nanos / 1e9:.6f} s of guest time{place}"
    )


def facts(vm: Machine, failures: list[GuestFailure] | None = None) -> list[Section]:
    """All of it, most telling first."""
    found = [(f"guest: {type(one).__name__}", last(told(one), REPORT_LINES)) for one in failures or ()]
    parts: tuple[tuple[str, Callable[[], str]], ...] = (
        ("guest: console", lambda: last(vm.console.output, CONSOLE_LINES)),
        ("guest: kernel log", lambda: last(vm.log.text, LOG_LINES)),
        ("guest: registers", lambda: registers(vm)),
        ("guest: calls", lambda: calls(vm)),
        ("guest: machine", lambda: standing(vm)),
    )
    for title, read in parts:
        try:
            text = read()
        except SpaprError as error:
            text = f"({error})"
        found.append((title, text or "(empty)"))
    return found
