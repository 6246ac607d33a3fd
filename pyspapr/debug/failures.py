"""What went wrong in a guest, with the facts: panics, oopses, warnings and hangs, from the kernel's log and its end.

Enters: a machine. Leaves: the log's records, and failures with their text, registers and call chain. What the kernel
printed of registers and calls is taken from its text; of an end without such a text (a panic in the hypervisor's
hands, a guest that hangs) they are the processor's, and the chain is walked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from pyspapr.errors import GuestFailure, GuestHang, GuestOops, GuestPanic, GuestWarning, ImageError, StateError
from pyspapr.results import Hung, Panicked

if TYPE_CHECKING:
    from pyspapr.debug.debugger import Debugger
    from pyspapr.debug.printk import LogRecord

BEGINNINGS: Final = (
    (re.compile(r"Kernel panic - not syncing"), GuestPanic),
    (
        re.compile(r"watchdog: BUG: soft lockup|Hard LOCKUP|rcu.*(self-)?detected stall|INFO: task .* blocked for"),
        GuestHang,
    ),
    (re.compile(r"BUG: |kernel BUG at|Oops: |Unable to handle kernel|Unrecoverable "), GuestOops),
    (re.compile(r"WARNING: "), GuestWarning),
)
END: Final = re.compile(r"---\[ end (trace|Kernel panic)")
CUT: Final = re.compile(r"-+\[ cut here \]-+")
LINES_MAX: Final = 150
"""Lines of one report."""
LOG_LINES: Final = 60
"""Lines of the log that a failure keeps."""
NAMED: Final = re.compile(r"\b(NIP|LR|CTR|REGS|TRAP|MSR|CR|XER|CFAR|DAR|DSISR|IRQMASK): +([0-9a-f]+)")
GENERAL: Final = re.compile(r"^GPR(\d\d): ((?:[0-9a-f]{16} ?)+)")
CALL: Final = re.compile(r"^\[[0-9a-f]{16}\] \[([0-9a-f]{16})\] (.+)$")
AT: Final = re.compile(r"^NIP \[([0-9a-f]{16})\] (.+)$")
STATE: Final = (
    "pc",
    "msr",
    "lr",
    "ctr",
    "cr",
    "xer",
    *(f"r{number}" for number in range(32)),
    "srr0",
    "srr1",
    "dar",
    "dsisr",
)


class KernelLog:
    """The log of a machine's kernel as it is when it is asked for."""

    def __init__(self, debug: Debugger) -> None:
        """Of the machine that `debug` looks into."""
        self._debug = debug

    @property
    def records(self) -> list[LogRecord]:
        """All that is in the kernel's memory, oldest first. Raises StateError if there is no log that can be read."""
        from pyspapr.debug.printk import read_log

        return read_log(self._debug.vm, self._debug.virtual.byte_order, self._debug.facts)

    @property
    def text(self) -> str:
        """All of it, as `dmesg` shows it."""
        return "".join(f"{record}\n" for record in self.records)

    @property
    def failures(self) -> list[GuestFailure]:
        """Panics, oopses, warnings and hangs that the kernel has reported, oldest first."""
        return failures(self.records)

    @property
    def warnings(self) -> list[GuestFailure]:
        """As `failures`: what a test that went well leaves empty."""
        return self.failures

    def __repr__(self) -> str:
        """Whose it is."""
        return f"<KernelLog of {self._debug.vm!r}>"


def failures(records: Iterable[LogRecord]) -> list[GuestFailure]:
    """What is reported in these."""
    found: list[GuestFailure] = []
    kind: type[GuestFailure] | None = None
    lines: list[str] = []
    before: list[str] = []

    def close() -> None:
        nonlocal kind, lines
        if kind is not None:
            found.append(described(kind, lines, before[-LOG_LINES:]))
        kind, lines = None, []

    for record in records:
        for line in record.text.split("\n"):
            begun = next((kind for pattern, kind in BEGINNINGS if pattern.search(line)), None)
            # An oops is announced in several lines: the first begins it.
            if begun is not None and (kind is None or begun is GuestPanic):
                close()
                kind = begun
            before.append(str(record) if line == record.text else line)
            if kind is not None:
                lines.append(line)
                if END.search(line) or CUT.search(line) or len(lines) >= LINES_MAX:
                    close()
    close()
    return found


def described(kind: type[GuestFailure], lines: list[str], log: list[str]) -> GuestFailure:
    """A failure of which the kernel printed these lines."""
    registers: dict[str, int] = {}
    calls: list[str] = []
    for line in lines:
        for name, value in NAMED.findall(line):
            registers.setdefault(name.lower(), int(value, 16))
        if match := GENERAL.match(line):
            for index, value in enumerate(match[2].split()):
                registers.setdefault(f"r{int(match[1]) + index}", int(value, 16))
        if match := AT.match(line) or CALL.match(line):
            calls.append(match[2])
    return kind(lines[0], "\n".join(lines), registers, calls, log)


def ending(debug: Debugger) -> GuestFailure | None:
    """What is wrong with a guest that has ended: None if it has not, or has ended well."""
    reason = debug.vm.ended
    match reason:
        case Panicked():
            return standing(debug, GuestPanic, str(reason))
        case Hung():
            return standing(debug, GuestHang, str(reason))
    return None


def standing(debug: Debugger, kind: type[GuestFailure], message: str) -> GuestFailure:
    """A failure of a guest as it stands now: registers and calls are the processor's, the text is the log's."""
    registers = {name: debug.vm.current[name] for name in STATE}
    try:
        records = debug.log.records
    except StateError:
        records = []
    reports = failures(records)
    text = next((one.text for one in reversed(reports) if isinstance(one, kind)), message)
    try:
        calls = [str(frame) for frame in debug.backtrace()]
    except ImageError:
        calls = []
    return kind(message, text, registers, calls, [str(record) for record in records[-LOG_LINES:]])


def check(debug: Debugger) -> None:
    """Raise what is wrong: the guest's end, or the first report in its log."""
    if (failure := ending(debug)) is not None:
        raise failure
    for failure in debug.log.failures:
        raise failure
