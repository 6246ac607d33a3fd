"""Why a run ended, one type for each reason.

`exit_status` is the command line's; `final` means that the guest cannot continue without a reset.
"""

from __future__ import annotations

from typing import ClassVar

from pyspapr.plain import Plain


class StopReason(Plain):
    """Base of every reason."""

    exit_status: ClassVar[int] = 4
    final: ClassVar[bool] = False

    def __str__(self) -> str:
        return type(self).__name__


class PoweredOff(StopReason):
    """The guest called power-off."""

    exit_status: ClassVar[int] = 0
    final: ClassVar[bool] = True

    def __str__(self) -> str:
        return "the guest powered off"


class Rebooted(StopReason):
    """The guest called system-reboot; `Machine.reboot()` starts it again."""

    exit_status: ClassVar[int] = 0
    final: ClassVar[bool] = True

    def __str__(self) -> str:
        return "the guest asked for a reboot"


class Panicked(StopReason):
    """The guest called ibm,os-term; `text` is its message, which may be empty (as from Linux 6.12)."""

    text: str
    exit_status: ClassVar[int] = 3
    final: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"the guest panicked: {self.text or 'it gave no reason, its console may have one'}"


class InstructionLimit(StopReason):
    """`max_instructions` were executed by this run.

    `instructions` counts everything that the machine has executed since it was first created: earlier runs, reboots,
    and execution before a save, fork or migration included.
    """

    instructions: int

    def __str__(self) -> str:
        return f"the instruction limit was reached (the machine has executed {self.instructions} in all)"


class Replayed(StopReason):
    """A recorded run was replayed to its end without a difference."""

    instructions: int
    exit_status: ClassVar[int] = 0
    final: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"the recording ends ({self.instructions} instructions retired)"


class Timeout(StopReason):
    """`seconds` have passed: of the host's time, or of the guest's own if `guest` is true."""

    seconds: float
    guest: bool = False

    def __str__(self) -> str:
        return f"the time limit of {self.seconds:g} s{' of guest time' if self.guest else ''} was reached"


class Hung(StopReason):
    """Nothing can ever wake the guest."""

    pc: int
    text: str

    def __str__(self) -> str:
        return f"the guest can never wake: {self.text} (pc {self.pc:#x})"


class Unimplemented(StopReason):
    """Strict mode: an instruction without semantics."""

    address: int
    word: int
    text: str

    def __str__(self) -> str:
        return f"no semantics for the instruction at {self.address:#x}: {self.word:08x} {self.text}"


class Interrupted(StopReason):
    """`Machine.stop()` was called."""

    def __str__(self) -> str:
        return "the run was stopped"


class Matched(StopReason):
    """The console shows what `until` waited for; `text` is the console from the last match up to its end.

    `index` says which of several it was, and `groups` what the groups of its pattern have.
    """

    text: str
    index: int = 0
    groups: tuple[str | bytes | None, ...] = ()

    exit_status: ClassVar[int] = 0

    def __str__(self) -> str:
        return "the console shows the text that was waited for"


class Migrated(StopReason):
    """The guest was migrated away; it never runs here again."""

    exit_status: ClassVar[int] = 0
    final: ClassVar[bool] = True

    def __str__(self) -> str:
        return "the guest was migrated away"
