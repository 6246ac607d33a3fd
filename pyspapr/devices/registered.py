"""What a processor has registered with the hypervisor: its virtual processor area and what belongs to it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final, Self

from pyspapr._native import CACHE_BLOCK, PAGE
from pyspapr.device import Device
from pyspapr.vmstate.schema import Check, Field, VMState, between
from pyspapr.vmstate.types import U64, Bool

if TYPE_CHECKING:
    from pyspapr.partition import Partition

VPA_MIN_SIZE: Final = 640
SLB_SHADOW_MIN_SIZE: Final = 8
DTL_ENTRY: Final = struct.Struct(">BBHIIIQQQQ")
"""Dispatch reason, preempt reason, processor, three waiting times, timebase, fault address, SRR0, SRR1."""


def area_of(size: int, alignment: int = 1) -> Check:
    """The address of an area of at least `size` bytes: not 0, and inside RAM."""

    def check(address: int, memory: int) -> str | None:
        if 0 < address <= memory - size and address % alignment == 0:
            return None
        aligned = f", a multiple of {alignment}" if alignment > 1 else ""
        return f"the address of {size} bytes inside {memory:#x} bytes of RAM, above 0{aligned}"

    return check


def inside(name: str) -> Check:
    """Where the area `name` ends."""

    def check(fields: Mapping[str, int], memory: int) -> str | None:
        end = fields[name] + fields[f"{name}_size"]
        return None if end <= memory else f"an area that ends inside {memory:#x} bytes of RAM"

    return check


class Registered(Device):
    """Areas that one processor registered by H_REGISTER_VPA: real addresses and sizes in bytes, 0 when absent."""

    VMSTATE: ClassVar[VMState] = VMState(
        "spapr_cpu",
        version=1,
        fields=(Field("prodded", Bool),),
        post_load=lambda area: area.tell(),
        subsections=(
            VMState(
                "spapr_cpu/vpa",
                version=1,
                needed=lambda area: area.vpa != 0,
                fields=(Field("vpa", U64, valid=area_of(VPA_MIN_SIZE, CACHE_BLOCK)),),
            ),
            VMState(
                "spapr_cpu/slb_shadow",
                version=1,
                needed=lambda area: area.slb_shadow != 0,
                valid=inside("slb_shadow"),
                fields=(
                    Field("slb_shadow", U64, valid=area_of(SLB_SHADOW_MIN_SIZE)),
                    Field("slb_shadow_size", U64, valid=between(SLB_SHADOW_MIN_SIZE, PAGE)),
                ),
            ),
            VMState(
                "spapr_cpu/dtl",
                version=1,
                needed=lambda area: area.dtl != 0,
                valid=inside("dtl"),
                fields=(
                    Field("dtl", U64, valid=area_of(DTL_ENTRY.size)),
                    Field("dtl_size", U64, valid=between(DTL_ENTRY.size, (1 << 32) - 1)),
                ),
            ),
        ),
    )

    def __init__(self, tell: Callable[[int, int, int], None]) -> None:
        """`tell` gets the places of the area and of the log, and the log's size."""
        self._tell = tell
        self.reset()

    @classmethod
    def of(cls, vm: Partition) -> Iterable[Self]:
        """One for each processor."""
        return [cls(vm.registered(index)) for index in range(vm.config.vcpus)]

    def tell(self) -> None:
        """The processor's yield count and log are there from now on."""
        self._tell(self.vpa, self.dtl, self.dtl_size)

    def reset(self) -> None:
        """Nothing is registered."""
        self.vpa = self.slb_shadow = self.slb_shadow_size = self.dtl = self.dtl_size = 0
        self.prodded = False
        self.tell()
