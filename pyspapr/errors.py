"""Every exception pyspapr raises on purpose.

A guest's own faults are not exceptions (they are interrupts inside the guest, or a `StopReason` when they end a run),
and a hypercall's refusal is a return code. These exceptions are errors of the caller or of pyspapr; the message is one
line that says what, where, wanted and got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspapr.results import StopReason


class SpaprError(Exception):
    """Base of every error of this package."""

    def fresh(self) -> Self:
        """The same error without its traceback, to be stored or raised again. A traceback keeps frames alive, and with
        them whole machines.
        """
        import copy

        return copy.copy(self)


class ConfigError(SpaprError, ValueError):
    """A machine description that cannot be built: memory size, processor name, table size."""


class AddressError(ConfigError):
    """An invalid address, or one that cannot be listened at or connected to."""


class ImageError(SpaprError):
    """A kernel, initrd, device tree or saved machine that cannot be loaded."""


class ImageFileError(ImageError, OSError):
    """An `ImageError` because the host could not open or read the file; `errno`, `strerror` and `filename` say why."""

    def __init__(self, message: str, number: int | None = None, reason: str = "", filename: str = "") -> None:
        super().__init__(number, reason, filename)
        self.message = message

    @classmethod
    def of(cls, message: str, error: OSError, path: str) -> ImageFileError:
        """The error for `error`, which the host gave for the file `path`."""
        return cls(message, error.errno, error.strerror or str(error), path)

    def __str__(self) -> str:
        """The message alone."""
        return self.message

    def __reduce__(self) -> tuple[type[ImageFileError], tuple[object, ...]]:
        """For copies and pickles."""
        return type(self), (self.message, self.errno, self.strerror, self.filename)


class GuestAddressError(SpaprError, IndexError):
    """An access outside guest RAM. `address` and `length` are those of the access."""

    def __init__(self, message: str, address: int = 0, length: int = 0) -> None:
        super().__init__(message)
        self.address = address
        self.length = length


class ExpectError(SpaprError):
    """The run ended before the text that was waited for appeared on the console.

    `wanted` is that text or pattern, or a tuple of several, `reason` why the run ended, `seconds` how long it took in
    the guest's time and `lines` the last lines of the console, the unfinished one included. It is an `ExpectTimeout`,
    and so a TimeoutError, when the time limit was reached. `failure` has the facts of a guest that panicked or hung.
    """

    failure: GuestFailure | None = None

    LINES: ClassVar[int] = 12

    def __init__(
        self,
        message: str,
        wanted: str | bytes | tuple[str | bytes, ...] = "",
        reason: StopReason | None = None,
        seconds: float = 0.0,
        lines: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.wanted = wanted
        self.reason = reason
        self.seconds = seconds
        self.lines = list(lines)

    @classmethod
    def of(
        cls, wanted: str | bytes | tuple[str | bytes, ...], reason: StopReason, seconds: float, text: str
    ) -> ExpectError:
        """An error whose message says all of it, in several lines; `text` is the end of the console."""
        from pyspapr.results import Timeout

        lines = [line for line in text.splitlines() if line.strip()][-cls.LINES :]
        names = cls._names(wanted)
        shown = "".join(f"\n  | {line}" for line in lines) if lines else " empty"
        message = f"{names} did not appear: {reason}, after {seconds:.3g} s of guest time; the console's end:{shown}"
        kind = ExpectTimeout if isinstance(reason, Timeout) else ExpectError
        return kind(message, wanted, reason, seconds, lines)

    @staticmethod
    def _names(wanted: str | bytes | tuple[str | bytes, ...]) -> str:
        return " or ".join(map(repr, wanted)) if isinstance(wanted, tuple) else repr(wanted)

    def about(self, what: str) -> Self:
        """The same error whose message calls `what` was waited for by name, instead of by its text."""
        message = what + str(self).removeprefix(self._names(self.wanted))
        return type(self)(message, self.wanted, self.reason, self.seconds, self.lines)


class ExpectTimeout(ExpectError, TimeoutError):
    """An `ExpectError` because the time limit was reached."""


class GuestFailure(SpaprError):
    """Something is wrong in the guest's kernel.

    `text` is what the kernel printed about it, `registers` are by name, `calls` is the call chain with names, innermost
    first, and `log` has the last lines of the kernel's log.
    """

    def __init__(
        self,
        message: str,
        text: str = "",
        registers: dict[str, int] | None = None,
        calls: Sequence[str] = (),
        log: Sequence[str] = (),
    ) -> None:
        """Keep the facts beside the message."""
        super().__init__(message)
        self.text = text
        self.registers = dict(registers or {})
        self.calls = list(calls)
        self.log = list(log)

    def report(self) -> str:
        """All of it, in lines for a person."""
        names = [f"{name} {value:#018x}" for name, value in self.registers.items()]
        rows = ["   ".join(names[at : at + 4]) for at in range(0, len(names), 4)]
        parts = [str(self), self.text, "Registers:", *rows, "Calls:", *self.calls, "Log:", *self.log]
        return "\n".join(part for part in parts if part)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """For copies and pickles."""
        return type(self), (str(self), self.text, self.registers, self.calls, self.log)


class GuestPanic(GuestFailure):
    """The kernel panicked."""


class GuestOops(GuestFailure):
    """The kernel met a fault or a bug of its own, and ended what it was doing."""


class GuestWarning(GuestFailure):
    """The kernel warned of a state that should not be (`WARN_ON`)."""


class GuestHang(GuestFailure):
    """The guest does not go on: a lockup that its kernel has noticed, or a guest that can never wake."""


class ShellError(SpaprError):
    """A command in the guest's shell failed where its success was needed, or printed too much."""


class StateError(SpaprError, RuntimeError):
    """An operation the machine's state does not allow, such as running before a kernel is loaded."""


class StreamError(SpaprError):
    """A saved or migrated machine that cannot be read: damaged, cut short, or not for this program.

    `section` is what was being read, `offset` its place in bytes from the stream's beginning (from the chunk's own
    when `section` is `ram` or `hpt` and the chunk's contents are at fault); `wanted` and `got` are for people.
    """

    def __init__(self, message: str, section: str = "", offset: int = 0, wanted: str = "", got: str = "") -> None:
        super().__init__(message)
        self.section = section
        self.offset = offset
        self.wanted = wanted
        self.got = got

    @classmethod
    def of(cls, what: str, section: str, offset: int, wanted: object, got: object) -> Self:
        """An error whose message says what, where, wanted and got."""
        message = f"{what}: got {got}, wanted {wanted} (section {section}, offset {offset:#x})"
        return cls(message, section, offset, str(wanted), str(got))

    def within(self, name: str) -> StreamError:
        """The same with the name of the file in front."""
        return type(self)(f"{name}: {self}", self.section, self.offset, self.wanted, self.got)


class MigrationError(SpaprError):
    """A failed migration. The guest continues where it was. `statistics` says how far the migration came, if it had
    begun: a `MigrationStatistics`, or None.
    """

    statistics: Any = None


class MigrationCancelled(MigrationError):
    """Somebody cancelled it."""


class MigrationUnconfirmed(MigrationError):
    """The source has given up its guest and does not know whether the destination runs it. Neither side may start it
    on its own. See `pyspapr.migration.phases`, and `Machine.reclaim`.
    """


class EngineDifference(SpaprError):
    """Two engines, run in lock-step, differ. `instructions` is the number of retired instructions and `address` that
    of the instruction after which the machines differ, or None if it was not found. `lines` describe the differences,
    the interpreter first.
    """

    def __init__(
        self, message: str, instructions: int = 0, address: int | None = None, lines: Sequence[str] = ()
    ) -> None:
        """Keep the details beside the message, which alone is enough: so is it made again from a pickle."""
        super().__init__(message)
        self.instructions = instructions
        self.address = address
        self.lines = list(lines)


class ReplayError(SpaprError):
    """A replay differs from its recording: another machine or kernel, or a guest that behaved differently. `agreed` is
    the instruction count of the last point at which both were the same, `instructions` the count at which the
    difference was found.
    """

    def __init__(self, message: str, agreed: int = 0, instructions: int = 0) -> None:
        super().__init__(message)
        self.agreed = agreed
        self.instructions = instructions
