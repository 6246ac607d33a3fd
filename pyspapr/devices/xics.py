"""XICS: the interrupt presentation controller (one per processor) and the interrupt source controller.

PAPR, "Interrupt Control" (XIRR, CPPR, MFRR) and the RTAS calls ibm,set-xive and friends. A priority of 0 is the most
favoured, 0xff masks. An interrupt the presenter cannot take now is *rejected* back to its source and presented again
when the processor's priority falls.

    XIRR:  | CPPR 0:7 | XISR 8:31 |
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ClassVar, Final

from pyspapr.errors import StateError
from pyspapr.plain import Plain
from pyspapr.vmstate.schema import Field, VMState, anything, between
from pyspapr.vmstate.types import U8, U32, Bool, List, Struct

IPI: Final = 2
"""The source number of every inter-processor interrupt."""
MASKED: Final = 0xFF
IRQ_BASE: Final = 0x1000
"""First number of the source controller; QEMU's numbering, for guests and streams."""
IRQ_COUNT: Final = 0x1000


class Source(Plain, frozen=False):
    """One interrupt source, edge-triggered."""

    server: int = 0
    priority: int = MASKED
    saved_priority: int = MASKED
    sent: bool = False
    rejected: bool = False
    masked_pending: bool = False

    def state(self) -> tuple[int, ...]:
        """What the guest can observe."""
        return (
            self.server,
            self.priority,
            self.saved_priority,
            self.sent,
            self.rejected,
            self.masked_pending,
        )


def get_sources(ics: Ics) -> list[dict[str, Any]]:
    """Every source, in order of number."""
    return [{"number": number, **source.as_dict()} for number, source in sorted(ics.sources.items())]


def set_sources(ics: Ics, sources: list[dict[str, Any]]) -> None:
    """The state of every source that this machine's devices have claimed."""
    if [source["number"] for source in sources] != sorted(ics.sources):
        raise StateError(f"the sources of this machine are {', '.join(map(hex, sorted(ics.sources)))}")
    for source in sources:
        ics.sources[source["number"]] = Source(**{name: value for name, value in source.items() if name != "number"})


class Ics:
    """The source controller: sources by number, made as devices claim them."""

    VMSTATE: Final = VMState(
        "ics",
        version=1,
        fields=(
            Field(
                "sources",
                List(
                    IRQ_COUNT,
                    Struct(
                        (
                            ("number", U32),
                            ("server", U32),
                            ("priority", U8),
                            ("saved_priority", U8),
                            ("sent", Bool),
                            ("rejected", Bool),
                            ("masked_pending", Bool),
                        )
                    ),
                ),
                get=get_sources,
                set=set_sources,
                valid=anything,
            ),
        ),
    )

    def __init__(self) -> None:
        """No source yet."""
        self.sources: dict[int, Source] = {}
        self.presenters: list[weakref.ref[Icp]] = []
        """By processor; weak, since the presenters refer to this controller."""

    def claim(self, number: int) -> int:
        """Create the source `number` for a device and return it."""
        if number in self.sources or not IRQ_BASE <= number < IRQ_BASE + IRQ_COUNT:
            raise ValueError(f"interrupt source {number:#x} is taken or outside {IRQ_BASE:#x}+{IRQ_COUNT:#x}")
        self.sources[number] = Source()
        return number

    def pulse(self, number: int) -> None:
        """An edge on a source."""
        source = self.sources[number]
        if source.priority == MASKED:
            source.masked_pending = True
        else:
            self._present(number, source)

    def _present(self, number: int, source: Source) -> None:
        source.sent, source.rejected, source.masked_pending = True, False, False
        if source.server < len(self.presenters) and (presenter := self.presenters[source.server]()) is not None:
            presenter.offer(number, source.priority)

    def reject(self, number: int) -> None:
        """A presenter cannot take the interrupt now."""
        if (source := self.sources.get(number)) is not None:
            source.sent, source.rejected = False, True

    def resend(self, server: int) -> None:
        """Present again the interrupts that processor `server` had rejected, in order of number."""
        for number, source in sorted(self.sources.items()):
            if source.rejected and source.server == server and source.priority != MASKED:
                self._present(number, source)

    def eoi(self, number: int) -> None:
        """End of interrupt."""
        if (source := self.sources.get(number)) is not None:
            source.sent = False

    def set_xive(self, number: int, server: int, priority: int, saved_priority: int | None = None) -> None:
        """Route a source. Raises KeyError for an unclaimed source."""
        source = self.sources[number]
        source.server, source.priority = server, priority
        source.saved_priority = priority if saved_priority is None else saved_priority
        if priority != MASKED and (source.masked_pending or source.rejected):
            self._present(number, source)

    def reset(self) -> None:
        """Every source masked and idle."""
        for number in self.sources:
            self.sources[number] = Source()

    def state(self) -> dict[str, object]:
        """What the guest can observe."""
        return {f"{number:#x}": source.state() for number, source in sorted(self.sources.items())}


class Icp:
    """The presentation controller of processor `server`; `line` drives its external interrupt input."""

    VMSTATE: ClassVar[VMState] = VMState(
        "icp/server",
        version=1,
        fields=(
            Field("cppr", U8, valid=anything),
            Field("xisr", U32, valid=between(0, 0xFF_FFFF)),
            Field("pending_priority", U8, valid=anything),
            Field("mfrr", U8, valid=anything),
        ),
        post_load=lambda icp: icp.loaded(),
    )

    def __init__(self, ics: Ics, server: int, line: Callable[[bool], None]) -> None:
        """Join the source controller's presenters."""
        self.ics = ics
        self.server = server
        self.line = line
        self.cppr = 0
        self.xisr = 0
        self.pending_priority = MASKED
        self.mfrr = MASKED
        self._level = False
        ics.presenters.append(weakref.ref(self))

    def loaded(self) -> None:
        """Derive the line from the registers. The processor has it already, since it was loaded before."""
        self._level = self.xisr != 0

    def _update(self) -> None:
        level = self.xisr != 0
        if level != self._level:
            self._level = level
            self.line(level)

    def reset(self) -> None:
        """Every interrupt masked, none pending."""
        self.cppr, self.xisr, self.pending_priority, self.mfrr = 0, 0, MASKED, MASKED
        self._update()

    @property
    def xirr(self) -> int:
        """The register as H_IPOLL shows it."""
        return self.cppr << 24 | self.xisr

    def _return_pending(self) -> None:
        number, self.xisr, self.pending_priority = self.xisr, 0, MASKED
        if number != IPI:
            self.ics.reject(number)

    def offer(self, number: int, priority: int) -> None:
        """A source presents an interrupt: take it, or reject it back."""
        if priority >= self.cppr or (self.xisr and self.pending_priority <= priority):
            self.ics.reject(number)
            return
        if self.xisr:
            self._return_pending()
        self.xisr, self.pending_priority = number, priority
        self._update()

    def _check_ipi(self) -> None:
        if self.mfrr >= self.cppr or (self.xisr and self.pending_priority <= self.mfrr):
            return
        if self.xisr:
            self._return_pending()
        self.xisr, self.pending_priority = IPI, self.mfrr
        self._update()

    def _resend(self) -> None:
        self._check_ipi()
        self.ics.resend(self.server)

    def set_cppr(self, cppr: int) -> None:
        """H_CPPR: change the processor's priority."""
        stricter = cppr < self.cppr
        self.cppr = cppr & 0xFF
        if stricter:
            if self.xisr and self.cppr <= self.pending_priority:
                self._return_pending()
                self._update()
        elif not self.xisr:
            self._resend()

    def set_mfrr(self, mfrr: int) -> None:
        """H_IPI: request an interrupt between processors (0xff: none)."""
        self.mfrr = mfrr & 0xFF
        self._check_ipi()

    def accept(self) -> int:
        """H_XIRR: take the pending interrupt; the processor's priority becomes the interrupt's."""
        xirr = self.xirr
        if self.xisr:
            self.cppr, self.xisr, self.pending_priority = self.pending_priority, 0, MASKED
            self._update()
        return xirr

    def eoi(self, xirr: int) -> None:
        """H_EOI: end the interrupt of `xirr`; its CPPR field is the priority to return to."""
        number = xirr & 0xFF_FFFF
        if number != IPI:
            self.ics.eoi(number)
        self.cppr = xirr >> 24 & 0xFF
        if not self.xisr:
            self._resend()

    def state(self) -> dict[str, object]:
        """What the guest can observe."""
        return {"cppr": self.cppr, "xisr": self.xisr, "pending": self.pending_priority, "mfrr": self.mfrr}
