"""The schema of the machine itself: whether it was started, how it ended, its identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import HPT_SHIFT_MIN, Hpt
from pyspapr.config import largest_table_shift
from pyspapr.errors import StateError
from pyspapr.results import Panicked, PoweredOff, Rebooted, StopReason
from pyspapr.vmstate.schema import Field, VMState, anything
from pyspapr.vmstate.types import U8, U32, U64, Bool, Bytes, Str, Struct

if TYPE_CHECKING:
    from pyspapr.partition.partition import Partition

TEXT_LIMIT: Final = 4096

# Only reasons after which a guest cannot continue: the next run forgets all others.
FINAL: Final[dict[str, type[StopReason]]] = {
    "powered-off": PoweredOff,
    "rebooted": Rebooted,
    "panicked": Panicked,
}


def get_ended(vm: Partition) -> dict[str, str]:
    """The reason as a name and a text. Raises StateError for one of the caller's own, which has no name here."""
    name = next((name for name, kind in FINAL.items() if isinstance(vm.ended, kind)), None)
    if name is None:
        raise StateError(f"a machine that has ended with {vm.ended!r} cannot be saved")
    text = vm.ended.text if isinstance(vm.ended, Panicked) else ""
    return {"reason": name, "text": text.encode()[:TEXT_LIMIT].decode(errors="ignore")}


def set_ended(vm: Partition, value: dict[str, str]) -> None:
    """The reason from a name and a text."""
    if (kind := FINAL.get(value["reason"])) is None:
        raise StateError(f"a reason is one of {', '.join(FINAL)}")
    vm.life.end(Panicked(value["text"]) if kind is Panicked else kind())


def set_prepared(vm: Partition, shift: int) -> None:
    """The table that H_RESIZE_HPT_PREPARE had prepared is empty: only its size matters."""
    largest = largest_table_shift(vm.config)
    if not HPT_SHIFT_MIN <= shift <= largest:
        raise StateError(f"the hash table of this machine has 2^{HPT_SHIFT_MIN} to 2^{largest} bytes, not 2^{shift}")
    vm.prepared_hpt = Hpt(shift)


def set_turn(vm: Partition, turn: dict[str, int]) -> None:
    """Whose turn it is, and its instruction count at the turn's end."""
    vm.cpus[0].vcpu.turn = turn["processor"], turn["ends"]


SPAPR: Final = VMState(
    "spapr",
    version=1,
    fields=(
        Field("started", Bool, get=lambda vm: vm.life.started, set=lambda vm, started: vm.life.load(started)),
        Field("uuid", Bytes(16)),
    ),
    subsections=(
        VMState(
            "spapr/turn",
            version=1,
            late=True,
            needed=lambda vm: len(vm.cpus) > 1,
            fields=(
                Field(
                    "turn",
                    Struct((("processor", U32), ("ends", U64))),
                    get=lambda vm: dict(zip(("processor", "ends"), vm.cpus[0].vcpu.turn, strict=True)),
                    set=set_turn,
                    valid=anything,
                ),
            ),
        ),
        VMState(
            "spapr/ended",
            version=1,
            hashed=False,  # the guest is the same, and it may have left instead
            needed=lambda vm: vm.life.over,
            fields=(
                Field("ended", Struct((("reason", Str(32)), ("text", Str(TEXT_LIMIT)))), get=get_ended, set=set_ended),
            ),
        ),
        VMState(
            "spapr/prepared_hpt",
            version=1,
            needed=lambda vm: vm.prepared_hpt is not None,
            fields=(
                Field(
                    "shift",
                    U8,
                    get=lambda vm: vm.prepared_hpt.shift,
                    set=set_prepared,
                    valid=anything,  # `set_prepared` knows what is largest here
                ),
            ),
        ),
    ),
)
