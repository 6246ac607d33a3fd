"""State of the partition itself: what each processor has registered, and the seeded random source."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import ClassVar, Final

from pyspapr._native import CACHE_BLOCK, PAGE
from pyspapr.plain import Plain
from pyspapr.vmstate.schema import Check, Field, VMState, anything, between
from pyspapr.vmstate.types import U64, Bool

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


class Registered(Plain, frozen=False):
    """Areas that one processor registered by H_REGISTER_VPA: real addresses and sizes in bytes, 0 when absent."""

    VMSTATE: ClassVar[VMState] = VMState(
        "spapr_cpu",
        version=1,
        fields=(Field("prodded", Bool),),
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

    vpa: int = 0
    slb_shadow: int = 0
    slb_shadow_size: int = 0
    dtl: int = 0
    dtl_size: int = 0
    prodded: bool = False

    def state(self) -> dict[str, object]:
        """What the guest can observe."""
        return self.as_dict()


class Random:
    """A repeatable stream of random doublewords: SHA-256 of the seed and a counter."""

    VMSTATE: Final = VMState(
        "spapr_rng",
        version=1,
        fields=(Field("seed", U64, valid=anything), Field("drawn", U64, valid=anything)),
    )

    def __init__(self, seed: int) -> None:
        """Start the stream of `seed`."""
        self.seed = seed
        self.drawn = 0

    def block(self, purpose: str, index: int = 0) -> bytes:
        """32 bytes that depend on the seed, `purpose` and `index` alone."""
        import hashlib

        return hashlib.sha256(f"pyspapr {purpose} {self.seed} {index}".encode()).digest()

    def u64(self) -> int:
        """The next doubleword."""
        self.drawn = (self.drawn + 1) % (1 << 64)
        return int.from_bytes(self.block("H_RANDOM", self.drawn)[:8], "big")

    def state(self) -> dict[str, object]:
        """What the guest can observe."""
        return {"seed": self.seed, "drawn": self.drawn}
