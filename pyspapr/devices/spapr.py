"""State of the partition itself: what each processor has registered, and the seeded random source."""

from __future__ import annotations

from typing import ClassVar, Final

from pyspapr.plain import Plain
from pyspapr.vmstate.schema import Field, VMState
from pyspapr.vmstate.types import U64, Bool


class Registered(Plain, frozen=False):
    """Areas that one processor registered by H_REGISTER_VPA: real addresses and sizes in bytes, 0 when absent."""

    VMSTATE: ClassVar[VMState] = VMState(
        "spapr_cpu",
        version=1,
        fields=(Field("prodded", Bool),),
        subsections=(
            VMState("spapr_cpu/vpa", version=1, needed=lambda area: area.vpa != 0, fields=(Field("vpa", U64),)),
            VMState(
                "spapr_cpu/slb_shadow",
                version=1,
                needed=lambda area: area.slb_shadow != 0,
                fields=(Field("slb_shadow", U64), Field("slb_shadow_size", U64)),
            ),
            VMState(
                "spapr_cpu/dtl",
                version=1,
                needed=lambda area: area.dtl != 0,
                fields=(Field("dtl", U64), Field("dtl_size", U64)),
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

    VMSTATE: Final = VMState("spapr_rng", version=1, fields=(Field("seed", U64), Field("drawn", U64)))

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
        self.drawn += 1
        return int.from_bytes(self.block("H_RANDOM", self.drawn)[:8], "big")

    def state(self) -> dict[str, object]:
        """What the guest can observe."""
        return {"seed": self.seed, "drawn": self.drawn}
