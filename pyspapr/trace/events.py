"""What a trace has: one class for each kind of event, and their forms as JSON."""

from __future__ import annotations

from typing import Any, ClassVar

from pyspapr.plain import Plain


class TraceEvent(Plain):
    """Something happened on a processor when the machine had executed so many instructions.

    `nanos` is the guest's time: with virtual time one for each instruction, and those that an idle guest skipped.
    """

    instructions: int
    nanos: int
    cpu: int

    KIND: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """What happened, in a word."""
        raise NotImplementedError

    @property
    def values(self) -> dict[str, Any]:
        """What belongs to it, by name; addresses as hexadecimal text."""
        return {}

    def as_json(self) -> dict[str, Any]:
        """One line of a trace."""
        where = {"instructions": self.instructions, "nanos": self.nanos, "cpu": self.cpu}
        return {**where, "kind": self.KIND, "name": self.title, **self.values}

    def as_chrome(self) -> dict[str, Any]:
        """An event of the Trace Event Format, which Chrome and Perfetto read: an instant; times are in microseconds."""
        head = {"name": self.title, "cat": self.KIND, "pid": 1, "tid": self.cpu, "ts": self.nanos / 1000}
        return {**head, "ph": "i", "s": "t", "args": {"instructions": self.instructions, **self.values}}


def hexadecimal(numbers: tuple[int, ...]) -> list[str]:
    """Of 64 bits, as a guest sees them."""
    return [f"{number & (1 << 64) - 1:#x}" for number in numbers]


class HypercallTraced(TraceEvent):
    """A hypercall that was answered."""

    number: int
    name: str
    arguments: tuple[int, ...]
    """R4 onwards."""
    results: tuple[int, ...]
    """R3, the return code, and what follows it."""

    KIND: ClassVar[str] = "hcall"

    @property
    def title(self) -> str:
        """Its name."""
        return self.name

    @property
    def values(self) -> dict[str, Any]:
        """Arguments and results."""
        return {"arguments": hexadecimal(self.arguments), "results": hexadecimal(self.results)}


class RtasTraced(HypercallTraced):
    """An RTAS call that was answered: `number` is its token, `results` are its status and what follows it."""

    KIND: ClassVar[str] = "rtas"


class InterruptTraced(TraceEvent):
    """An interrupt that is not one of `FaultTraced` or `SyscallTraced` was taken."""

    vector: int
    name: str
    interrupted: int
    """Where it came: SRR0."""

    KIND: ClassVar[str] = "irq"

    @property
    def title(self) -> str:
        """What the interrupt is called."""
        return self.name

    @property
    def values(self) -> dict[str, Any]:
        """Where it came."""
        return {"vector": f"{self.vector:#x}", "interrupted": f"{self.interrupted:#x}"}


class FaultTraced(InterruptTraced):
    """A translation was missing or did not allow an access: an interrupt with the address that was accessed."""

    address: int
    cause: int
    """DSISR, or the upper half of SRR1 for an instruction."""

    KIND: ClassVar[str] = "mmu"

    @property
    def values(self) -> dict[str, Any]:
        """Where it came, and what was accessed."""
        return {**super().values, "address": f"{self.address:#x}", "cause": f"{self.cause:#x}"}


class SyscallTraced(TraceEvent):
    """A program has called the kernel."""

    number: int
    """R0."""
    arguments: tuple[int, ...]
    """R3 to R8."""
    interrupted: int

    KIND: ClassVar[str] = "syscall"

    @property
    def title(self) -> str:
        """Its number."""
        return f"system call {self.number}"

    @property
    def values(self) -> dict[str, Any]:
        """Arguments, and where it came."""
        return {"arguments": hexadecimal(self.arguments), "interrupted": f"{self.interrupted:#x}"}


class SwitchTraced(TraceEvent):
    """Linux runs another task: addresses of both `task_struct`s."""

    before: int
    after: int

    KIND: ClassVar[str] = "context"

    @property
    def title(self) -> str:
        """The task that runs now."""
        return f"task {self.after:#x}"

    @property
    def values(self) -> dict[str, Any]:
        """Both tasks."""
        return {"before": f"{self.before:#x}", "after": f"{self.after:#x}"}


class LineTraced(TraceEvent):
    """A line was printed on the console."""

    text: str

    KIND: ClassVar[str] = "console"

    @property
    def title(self) -> str:
        """The line."""
        return self.text


class SampleTraced(TraceEvent):
    """The call chain at an instruction count: names of functions, outermost first."""

    stack: tuple[str, ...]

    KIND: ClassVar[str] = "stack"

    @property
    def title(self) -> str:
        """The innermost function."""
        return self.stack[-1]

    @property
    def values(self) -> dict[str, Any]:
        """All of them."""
        return {"stack": list(self.stack)}


CLASSES: tuple[type[TraceEvent], ...] = (
    HypercallTraced,
    RtasTraced,
    InterruptTraced,
    FaultTraced,
    SyscallTraced,
    SwitchTraced,
    LineTraced,
    SampleTraced,
)
KINDS: tuple[str, ...] = tuple(one.KIND for one in CLASSES)
