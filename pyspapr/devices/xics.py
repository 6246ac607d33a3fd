"""XICS: the interrupt presentation controller (one per processor) and the interrupt source controller.

PAPR, "Interrupt Control" (XIRR, CPPR, MFRR) and the RTAS calls ibm,set-xive and friends. A priority of 0 is the most
favoured, 0xff masks. An interrupt the presenter cannot take now is *rejected* back to its source and presented again
when the processor's priority falls.

    XIRR:  | CPPR 0:7 | XISR 8:31 |
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pyspapr.codes import H_PARAMETER, H_SUCCESS, PARAMETER_ERROR, SUCCESS
from pyspapr.device import Device, hypercall, rtas_call
from pyspapr.errors import StateError
from pyspapr.handlers import Result
from pyspapr.plain import Plain
from pyspapr.vmstate.schema import Field, VMState, anything, between
from pyspapr.vmstate.types import U8, U32, Bool, List, Struct

if TYPE_CHECKING:
    from pyspapr.fdt import Node
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

IPI: Final = 2
"""The source number of every inter-processor interrupt."""
MASKED: Final = 0xFF
IRQ_BASE: Final = 0x1000
"""First number of the source controller; QEMU's numbering, for guests and streams."""
IRQ_COUNT: Final = 0x1000
PHANDLE: Final = 0x1111


class Source(Plain, frozen=False):
    """One interrupt source, edge-triggered."""

    server: int = 0
    priority: int = MASKED
    saved_priority: int = MASKED
    sent: bool = False
    rejected: bool = False
    masked_pending: bool = False


def get_sources(ics: Ics) -> list[dict[str, Any]]:
    """Every source, in order of number."""
    return [{"number": number, **source.as_dict()} for number, source in sorted(ics.sources.items())]


def set_sources(ics: Ics, sources: list[dict[str, Any]]) -> None:
    """The state of every source that this machine's devices have claimed."""
    if [source["number"] for source in sources] != sorted(ics.sources):
        raise StateError(f"the sources of this machine are {', '.join(map(hex, sorted(ics.sources)))}")
    for source in sources:
        ics.sources[source["number"]] = Source(**{name: value for name, value in source.items() if name != "number"})


class Ics(Device):
    """The source controller: sources by number, made as devices claim them."""

    VMSTATE: ClassVar[VMState] = VMState(
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
        self.filters: list[Callable[[int], bool]] = []
        """Functions that hear of each edge of a source; one that returns False drops it. Faults are injected so."""
        self.presenters: list[weakref.ref[Icp]] = []
        """By processor; weak, since the presenters refer to this controller."""

    def attach(self, vm: Partition) -> None:
        """Devices that are added later find this controller."""
        vm.interrupts = self

    def nodes(self, root: Node) -> None:
        """The presentation controllers, as one node."""
        root.add(
            "interrupt-controller",
            {
                "phandle": PHANDLE,
                "linux,phandle": PHANDLE,
                "compatible": "IBM,ppc-xicp",
                "device_type": "PowerPC-External-Interrupt-Presentation",
                "interrupt-controller": None,
                "#interrupt-cells": 2,
                "ibm,interrupt-server-ranges": [0, len(self.presenters)],
            },
        )

    def presenter(self, server: int) -> Icp | None:
        """The presentation controller of a processor, if there is such a one."""
        return self.presenters[server]() if server < len(self.presenters) else None

    def claim(self, number: int) -> int:
        """Create the source `number` for a device and return it."""
        if number in self.sources or not IRQ_BASE <= number < IRQ_BASE + IRQ_COUNT:
            raise ValueError(f"interrupt source {number:#x} is taken or outside {IRQ_BASE:#x}+{IRQ_COUNT:#x}")
        self.sources[number] = Source()
        return number

    def pulse(self, number: int) -> None:
        """An edge on a source."""
        if not self.filters or all([hear(number) for hear in tuple(self.filters)]):
            self.present(number)

    def present(self, number: int) -> None:
        """An edge on a source, whatever the filters say."""
        source = self.sources[number]
        if source.priority == MASKED:
            source.masked_pending = True
        else:
            self._present(number, source)

    def _present(self, number: int, source: Source) -> None:
        source.sent, source.rejected, source.masked_pending = True, False, False
        if (presenter := self.presenter(source.server)) is not None:
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

    # Interrupt presentation (PAPR, "Interrupt Presentation hcall()s").

    @hypercall(0x64, "H_EOI")
    def h_eoi(self, vm: Partition, cpu: Cpu, xirr: int) -> Result:
        """End of interrupt: `xirr` is what H_XIRR gave."""
        self._presenter_of(cpu).eoi(xirr & 0xFFFF_FFFF)
        return H_SUCCESS

    @hypercall(0x68, "H_CPPR")
    def h_cppr(self, vm: Partition, cpu: Cpu, cppr: int) -> Result:
        """Set the processor's priority."""
        self._presenter_of(cpu).set_cppr(cppr & 0xFF)
        return H_SUCCESS

    @hypercall(0x6C, "H_IPI")
    def h_ipi(self, vm: Partition, cpu: Cpu, server: int, mfrr: int) -> Result:
        """Interrupt another processor."""
        if (icp := self.presenter(server)) is None:
            return H_PARAMETER
        icp.set_mfrr(mfrr & 0xFF)
        return H_SUCCESS

    @hypercall(0x70, "H_IPOLL")
    def h_ipoll(self, vm: Partition, cpu: Cpu, server: int) -> Result:
        """R4: XIRR, R5: MFRR of a processor, without accepting anything."""
        icp = self.presenter(server)
        return H_PARAMETER if icp is None else (H_SUCCESS, icp.xirr, icp.mfrr)

    @hypercall(0x74, "H_XIRR")
    def h_xirr(self, vm: Partition, cpu: Cpu) -> Result:
        """R4: the accepted interrupt."""
        return H_SUCCESS, self._presenter_of(cpu).accept()

    @hypercall(0x2FC, "H_XIRR_X")
    def h_xirr_x(self, vm: Partition, cpu: Cpu) -> Result:
        """R4: the accepted interrupt, R5: the timebase when it was accepted."""
        return H_SUCCESS, self._presenter_of(cpu).accept(), cpu.vcpu.timebase

    def _presenter_of(self, cpu: Cpu) -> Icp:
        icp = self.presenters[cpu.index]()
        assert icp is not None, "a processor's presenter lives as long as the machine"
        return icp

    # Routing of sources (PAPR, "Interrupt Source Control").

    @rtas_call(0x0A, "ibm,set-xive")
    def set_xive_call(self, vm: Partition, cpu: Cpu, source: int, server: int, priority: int) -> Result:
        """Route a source to a processor with a priority."""
        if source not in self.sources or server >= len(self.presenters) or priority > MASKED:
            return PARAMETER_ERROR
        self.set_xive(source, server, priority)
        return SUCCESS

    @rtas_call(0x0B, "ibm,get-xive", results=3)
    def get_xive_call(self, vm: Partition, cpu: Cpu, source: int) -> Result:
        """Processor and priority of a source."""
        row = self.sources.get(source)
        return PARAMETER_ERROR if row is None else (SUCCESS, row.server, row.priority)

    @rtas_call(0x0C, "ibm,int-off")
    def int_off_call(self, vm: Partition, cpu: Cpu, source: int) -> Result:
        """Mask a source; ibm,int-on brings its priority back."""
        if (row := self.sources.get(source)) is None:
            return PARAMETER_ERROR
        self.set_xive(source, row.server, MASKED, saved_priority=row.priority)
        return SUCCESS

    @rtas_call(0x0D, "ibm,int-on")
    def int_on_call(self, vm: Partition, cpu: Cpu, source: int) -> Result:
        """Undo ibm,int-off."""
        if (row := self.sources.get(source)) is None:
            return PARAMETER_ERROR
        self.set_xive(source, row.server, row.saved_priority, saved_priority=row.saved_priority)
        return SUCCESS


class Icp(Device):
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

    @classmethod
    def of(cls, vm: Partition) -> Iterable[Self]:
        """One for each processor."""
        ics = vm.device(Ics)
        return [cls(ics, index, vm.external_line(index)) for index in range(vm.config.vcpus)]

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
        else:
            self.line(False)  # which somebody may have raised to see what the guest makes of that
        return xirr

    def eoi(self, xirr: int) -> None:
        """H_EOI: end the interrupt of `xirr`; its CPPR field is the priority to return to."""
        number = xirr & 0xFF_FFFF
        if number != IPI:
            self.ics.eoi(number)
        self.cppr = xirr >> 24 & 0xFF
        if not self.xisr:
            self._resend()
