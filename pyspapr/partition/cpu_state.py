"""The schema of a processor: every register and all other internal state.

SPRs that only show another register (TBU, UMMCR0, PPR32, BESCRS, …) are in `VIEWS` and not saved: writing them back
would change what they show.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from pyspapr._native import CLOCK_END
from pyspapr.errors import StateError
from pyspapr.vmstate.schema import PRIORITY_CPU, Check, Field, Native, VMState, anything, between
from pyspapr.vmstate.types import U8, U32, U64, U128, Array, Bool, List, Struct, Type

if TYPE_CHECKING:
    from pyspapr.partition.cpu import Cpu


def names(text: str) -> list[str]:
    """Words of a text."""
    return text.split()


SPRS: Final = names(
    "xer lr ctr dscr dsisr dar srr0 srr1 cfar amr pid iamr tidr ctrlw fscr uamor pspb vrsave "
    "sprg0 sprg1 sprg2 sprg3 sier mmcr2 mmcra pmc1 pmc2 pmc3 pmc4 pmc5 pmc6 mmcr0 siar sdar mmcr1 "
    "ebbhr ebbrr bescr tar psscr wort ppr"
)

VIEWS: Final = names(
    "uamr pdscr ctrl dpdes dec tb tbu tfhar tfiar texasr texasru usprg3 pvr spurr purr tir usier ummcr2 ummcra "
    "upmc1 upmc2 upmc3 upmc4 upmc5 upmc6 ummcr0 usiar usdar ummcr1 bescrs bescrsu bescrr bescrru "
    "ic vtb ppr32 pir uhdexcr udexcr usier2 usier3 ummcr3"
)
"""Names of SPRs that are views of another one, fixed, or derived from the clock."""

CLOCK: Final = ("icount", "idle_nanos", "tb_offset", "dec_value", "dec_at", "random_state")
COUNTS: Final = ("icount", "idle_nanos")
"""Counters. The others are clocks and clock offsets, which wrap."""
LINES: Final = ("external", "system_reset", "doorbell")
RESERVATION: Final = ("reserve_addr", "reserve_len", "reserve_value")
WATCHPOINT: Final = ("dawr0", "dawrx0")
SECOND_WATCHPOINT: Final = ("dawr1", "dawrx1")
POWER10: Final = names("dexcr hashkeyr hashpkeyr mmcr3 sier2 sier3")
"""SPRs that only a POWER10 has: no processor with another model's registers ever has one that is not zero."""


def register(name: str, type_: Type = U64) -> Field:
    """A register by its name."""
    return Field(
        name, type_, get=lambda cpu: cpu[name], set=lambda cpu, value: cpu.vcpu.set(name, value), valid=anything
    )


def unless_zero(name: str, registers: Sequence[str]) -> VMState:
    """Registers that a stream has only if one of them is not zero."""
    return VMState(
        name,
        version=1,
        late=True,
        needed=lambda cpu: any(cpu[one] for one in registers),
        fields=tuple(map(register, registers)),
    )


def internal(name: str, type_: Type = U64, valid: Check = anything) -> Field:
    """Something a processor remembers."""

    def get(cpu: Cpu) -> object:
        value = cpu.vcpu.internal_state()[name]
        return bool(value) if type_ is Bool else value

    return Field(
        name, type_, get=get, set=lambda cpu, value: cpu.vcpu.set_internal_state({name: int(value)}), valid=valid
    )


def bank(name: str, prefix: str, count: int, type_: Type) -> Field:
    """Numbered registers."""

    def put(cpu: Cpu, values: list[int]) -> None:
        for index, value in enumerate(values):
            cpu.vcpu.set(f"{prefix}{index}", value)

    return Field(
        name,
        Array(count, type_),
        get=lambda cpu: [cpu[f"{prefix}{n}"] for n in range(count)],
        set=put,
        valid=anything,
    )


def reserved(length: int, memory: int) -> str | None:
    """Bytes that a load-and-reserve reads."""
    return None if length in (1, 2, 4, 8, 16) else "1, 2, 4, 8 or 16"


def set_slb(cpu: Cpu, entries: list[dict[str, int]]) -> None:
    """Every entry of the SLB, in its place."""
    if len(entries) != (size := len(cpu.vcpu.slb())):
        raise StateError(f"this processor's SLB has {size} entries")
    for index, entry in enumerate(entries):
        cpu.vcpu.set_slb(index, entry["esid"], entry["vsid"])


def set_clock(cpu: Cpu, time: dict[str, int]) -> None:
    """With virtual time the instruction count has set the clock already; a host's clock starts where it was read."""
    if cpu.vcpu.clock == "host":
        begun = cpu.vcpu.timebase - cpu.vcpu.internal_state()["tb_offset"]
        cpu.vcpu.set_internal_state({"tb_offset": (time["timebase"] - begun) % (1 << 64)})
    elif cpu.vcpu.timebase != time["timebase"]:
        cpu.vcpu.timebase = time["timebase"]
        cpu.vcpu.set("dec", time["decrementer"])


def host_time(cpu: Cpu) -> int:
    """When the guest's clock was read last, in nanoseconds since 1970."""
    return time_ns() - cpu.vcpu.clock_age


def set_host_time(cpu: Cpu, then: int) -> None:
    """Let the guest's time advance by the time since then, according to the hosts' calendars."""
    cpu.vcpu.clock_age = max(time_ns() - then, 0)


def unsaved(cpu: Cpu) -> list[str]:
    """Names that the processor has and this schema does not know."""
    known = {
        *SPRS,
        *VIEWS,
        *WATCHPOINT,
        *SECOND_WATCHPOINT,
        *POWER10,
        "stood",
        "pc",
        "msr",
        "cr",
        "fpscr",
        "vscr",
        "lpcr",
        *CLOCK,
        *LINES,
        *RESERVATION,
    }
    for prefix, count in (("r", 32), ("f", 32), ("vr", 32), ("vs", 64)):
        known |= {f"{prefix}{index}" for index in range(count)}
    return [name for name in (*cpu.names, *cpu.vcpu.internal_state()) if name not in known]


def _set_halted(cpu: Any, value: bool) -> None:
    cpu.vcpu.halted = value


def _set_stopped(cpu: Any, value: bool) -> None:
    cpu.vcpu.stopped = value


CPU: Final = VMState(
    "cpu",
    version=1,
    hashed=False,  # `Vcpu.digest` says the same, without the host's clock
    priority=PRIORITY_CPU,
    native=Native(lambda cpu: cpu.vcpu.freeze(), lambda cpu, state: cpu.vcpu.thaw(state)),
    fields=(
        bank("gpr", "r", 32, U64),
        register("pc"),
        register("cr", U32),
        # The LPCR gives the decrementer its width and the MSR a translation to look up: they come first.
        register("lpcr"),
        register("msr"),
        register("fpscr"),
        register("vscr", U32),
        bank("vsr", "vs", 64, U128),
        Field(
            "slb",
            List(64, Struct((("esid", U64), ("vsid", U64)))),
            get=lambda cpu: [{"esid": esid, "vsid": vsid} for esid, vsid in cpu.vcpu.slb()],
            set=set_slb,
            valid=anything,
        ),
        *map(register, SPRS),
        *(internal(name, valid=between(0, CLOCK_END) if name in COUNTS else anything) for name in CLOCK),
        *(internal(name, Bool) for name in LINES),
        Field("halted", Bool, get=lambda cpu: cpu.vcpu.halted, set=_set_halted),
        Field(
            "time",
            Struct((("timebase", U64), ("decrementer", U64))),
            get=lambda cpu: {"timebase": cpu.vcpu.timebase, "decrementer": cpu["dec"]},
            set=set_clock,
            valid=anything,
        ),
    ),
    subsections=(
        VMState(
            "cpu/reservation",
            version=1,
            needed=lambda cpu: cpu.vcpu.internal_state()["reserve_len"] != 0,
            fields=(internal("reserve_addr"), internal("reserve_len", U8, reserved), internal("reserve_value", U128)),
        ),
        VMState(
            "cpu/host_clock",
            version=1,
            late=True,
            needed=lambda cpu: cpu.vcpu.clock == "host",
            fields=(internal("stood"), Field("host_time", U64, get=host_time, set=set_host_time, valid=anything)),
        ),
        VMState(
            "cpu/stopped",
            version=1,
            late=True,
            needed=lambda cpu: cpu.vcpu.stopped,
            fields=(Field("stopped", Bool, get=lambda cpu: cpu.vcpu.stopped, set=_set_stopped),),
        ),
        unless_zero("cpu/watchpoint", WATCHPOINT),
        unless_zero("cpu/second_watchpoint", SECOND_WATCHPOINT),
        unless_zero("cpu/power10", POWER10),
    ),
)
