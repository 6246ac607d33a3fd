"""Random numbers for the guest, from the machine's seed: H_RANDOM, and the seeds in the device tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Self

from pyspapr.codes import H_SUCCESS
from pyspapr.device import Device, hypercall
from pyspapr.handlers import Result
from pyspapr.vmstate.schema import Field, VMState, anything
from pyspapr.vmstate.types import U64

if TYPE_CHECKING:
    from pyspapr.fdt import Node
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu


class Random(Device):
    """A repeatable stream of random doublewords: SHA-256 of the seed and a counter."""

    VMSTATE: ClassVar[VMState] = VMState(
        "spapr_rng",
        version=1,
        fields=(Field("seed", U64, valid=anything), Field("drawn", U64, valid=anything)),
    )

    def __init__(self, seed: int) -> None:
        """Start the stream of `seed`."""
        self.seed = seed
        self.drawn = 0

    @classmethod
    def of(cls, vm: Partition) -> Iterable[Self]:
        """One, with the machine's seed."""
        return (cls(vm.config.seed),)

    def reset(self) -> None:
        """Nothing: a rebooted guest gets other numbers."""

    def nodes(self, root: Node) -> None:
        """Seeds for the kernel, the same at every boot."""
        root.child("chosen")["rng-seed"] = self.block("rng-seed")
        root.child("chosen")["kaslr-seed"] = self.block("kaslr-seed")[:8]

    def block(self, purpose: str, index: int = 0) -> bytes:
        """32 bytes that depend on the seed, `purpose` and `index` alone."""
        import hashlib

        return hashlib.sha256(f"pyspapr {purpose} {self.seed} {index}".encode()).digest()

    def u64(self) -> int:
        """The next doubleword."""
        self.drawn = (self.drawn + 1) % (1 << 64)
        return int.from_bytes(self.block("H_RANDOM", self.drawn)[:8], "big")

    @hypercall(0x300, "H_RANDOM")
    def h_random(self, vm: Partition, cpu: Cpu) -> Result:
        """R4: a random doubleword from the machine's seed."""
        return H_SUCCESS, self.u64()
