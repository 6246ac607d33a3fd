"""What a machine is: one frozen, checked description, and the sizes that follow from it.

Enters: plain values from a caller or the command line. Leaves: a `MachineConfig` that a machine can be built from
without further questions. Nothing here touches the host: no clock, no randomness, no files.
"""

from __future__ import annotations

import math
import re
from operator import index
from typing import Final, Literal, SupportsIndex, TypedDict

from pyspapr import _native
from pyspapr._native import HPT_SHIFT_MAX, HPT_SHIFT_MIN, PROCESSORS_MAX
from pyspapr.errors import ConfigError
from pyspapr.plain import Plain

Clock = Literal["virtual", "host"]
Engine = Literal["interp", "jit"]

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30

MEMORY_GRANULE: Final = 16 * MIB
"""RAM is a multiple of large pages, which Linux's linear mapping uses."""
MEMORY_MIN: Final = 32 * MIB
MEMORY_MAX: Final = 1 << 42

RTC_EPOCH: Final = 1_767_225_600
"""2026-01-01 00:00:00 UTC: what the clock of a virtual-time machine shows at its start, in seconds since 1970."""

RTC_MIN: Final = -62_135_596_800
"""The year 1, in seconds since 1970."""
RTC_MAX: Final = 253_402_300_799
"""The last second of the year 9999."""

CPU_MODELS: Final = tuple(_native.models())
DEFAULT_CPU: Final = "power8"
DEFAULT_MEMORY: Final = "1G"

CLOCKS: Final[tuple[Clock, ...]] = ("virtual", "host")
ENGINES: Final[tuple[Engine, ...]] = ("interp", "jit")
DEFAULT_ENGINE: Engine = "jit"
"""The default engine. It is not part of a machine's description, since a guest cannot observe it. Tests set it, to run
on each engine."""

_SIZE = re.compile(r"(\d+)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": 1 << 40}


LONGEST_NUMBER: Final = 40
"""The most digits of a plausible size. (Python rejects more than 4300 with an error of its own.)"""


def parse_size(text: str | int, what: str = "memory size") -> int:
    """Bytes from `"512M"`, `"1G"`, `"65536"` or an integer; `what` names it in messages. Raises ConfigError."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ConfigError(f"{what} {text!r} is not a number with an optional unit K, M, G or T")
    if len(match[1]) > LONGEST_NUMBER:
        raise ConfigError(f"{what} {match[1][:LONGEST_NUMBER]}... has {len(match[1])} digits")
    return int(match[1]) * _UNITS[match[2].upper()]


def format_size(size: int) -> str:
    """`1G` for 2**30: the largest unit that divides `size`."""
    for unit in ("T", "G", "M", "K"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return str(size)


def as_given(size: str | int) -> str:
    """A size as somebody wrote it, with its unit."""
    text = str(size).strip()
    return f"{text} bytes" if text.isdigit() else text


def unit_hint(size: int) -> str:
    """A hint for a size that is too small in bytes, but would be valid in MiB."""
    return f"; is a unit missing, as in {size}M?" if MEMORY_MIN <= size * MIB <= MEMORY_MAX else ""


def check_timeout(seconds: float | None) -> None:
    """Raise ConfigError for an invalid timeout: negative, infinite or not a number."""
    if seconds is not None and not (isinstance(seconds, int | float) and 0 <= seconds < math.inf):
        raise ConfigError(f"timeout is {seconds!r}, expected a finite number of seconds, 0 or more")


def whole(name: str, value: SupportsIndex) -> int:
    """`value` as an integer. Raises ConfigError for other types, 1.0 included."""
    try:
        return index(value)
    except TypeError:
        raise ConfigError(f"{name} is {value!r}, expected a whole number") from None


def check_function(name: str, value: object) -> None:
    """Raise TypeError unless `function` is callable."""
    if not callable(value):
        raise TypeError(f"{name} is {value!r}, expected a function")


def hpt_shift_for(max_memory: int) -> int:
    """log2 of the hash page table's size in bytes: RAM rounded up to a power of two, divided by 128.

    One 16-byte entry for 2 KiB of memory, as PAPR's "Partition Hash Table" sizing advice and QEMU have it.
    """
    return min(max((max_memory - 1).bit_length() - 7, HPT_SHIFT_MIN), HPT_SHIFT_MAX)


class Description(TypedDict, total=False):
    """Keyword arguments of `Machine()`, one for each field of `MachineConfig`."""

    memory: int | str
    max_memory: int | str | None
    cpu: str
    vcpus: int
    clock: Clock
    seed: int
    strict: bool
    hpt_shift: int | None
    rtc_base: int | None
    console_history: int


class MachineConfig(Plain, kw_only=True):
    """A machine's description. Sizes are bytes; `rtc_base` is seconds since 1970 UTC.

    `memory` and `max_memory` accept what `parse_size` does. The hash table is sized from `max_memory` (by default
    the same as `memory`) unless `hpt_shift` says otherwise. `seed` feeds everything random inside the machine.
    """

    memory: int | str = DEFAULT_MEMORY
    max_memory: int | str | None = None
    cpu: str = DEFAULT_CPU
    vcpus: int = 1
    clock: Clock = "virtual"
    seed: int = 0
    strict: bool = False
    hpt_shift: int | None = None
    rtc_base: int | None = None
    console_history: int = MIB

    def __post_init__(self) -> None:
        """Normalise sizes and raise ConfigError for a machine that cannot be built."""
        for name in ("vcpus", "seed", "hpt_shift", "rtc_base", "console_history"):
            value = getattr(self, name)
            if value is not None or name not in ("hpt_shift", "rtc_base"):
                object.__setattr__(self, name, whole(name, value))
        if not isinstance(self.strict, bool):
            raise ConfigError(f"strict is {self.strict!r}, expected True or False")
        memory = parse_size(self.memory)
        given = as_given(self.memory)
        object.__setattr__(self, "memory", memory)
        if memory < MEMORY_MIN or memory > MEMORY_MAX:
            limits = f"{format_size(MEMORY_MIN)} to {format_size(MEMORY_MAX)}"
            raise ConfigError(f"memory size {given} is outside {limits}{unit_hint(memory)}")
        if memory % MEMORY_GRANULE:
            raise ConfigError(f"memory size {given} is not a multiple of {format_size(MEMORY_GRANULE)}")
        maximum = memory if self.max_memory is None else parse_size(self.max_memory, "maximum memory")
        named = format_size(memory) if self.max_memory is None else as_given(self.max_memory)
        object.__setattr__(self, "max_memory", maximum)
        if maximum < memory or maximum > MEMORY_MAX:
            raise ConfigError(
                f"maximum memory {named} is outside {format_size(memory)} (the memory) to {format_size(MEMORY_MAX)}"
            )
        if not isinstance(self.cpu, str) or self.cpu.lower() not in CPU_MODELS:
            raise ConfigError(f"unknown CPU {self.cpu!r}: choose one of {', '.join(CPU_MODELS)}")
        object.__setattr__(self, "cpu", self.cpu.lower())
        if not 1 <= self.vcpus <= PROCESSORS_MAX:
            raise ConfigError(f"{self.vcpus} vCPUs were asked for, expected 1 to {PROCESSORS_MAX}")
        if self.clock not in CLOCKS:
            raise ConfigError(f"unknown clock {self.clock!r}: choose virtual or host")
        if not 0 <= self.seed < 1 << 64:
            raise ConfigError(f"seed {self.seed} is outside 0 to 2**64 - 1")
        if self.rtc_base is not None and not RTC_MIN <= self.rtc_base <= RTC_MAX:
            raise ConfigError(
                f"rtc_base is {self.rtc_base} seconds since 1970, expected {RTC_MIN} to {RTC_MAX} (the years 1 to 9999)"
            )
        if self.hpt_shift is not None and not HPT_SHIFT_MIN <= self.hpt_shift <= HPT_SHIFT_MAX:
            raise ConfigError(f"hash table shift {self.hpt_shift} is outside {HPT_SHIFT_MIN} to {HPT_SHIFT_MAX}")
        if self.console_history < 4 * KIB:
            raise ConfigError(f"console history of {self.console_history} bytes is below {4 * KIB}")

    @property
    def epoch(self) -> int:
        """What the clock shows at the machine's start, in seconds since 1970."""
        return RTC_EPOCH if self.rtc_base is None else self.rtc_base

    @property
    def ram_size(self) -> int:
        """Bytes of guest RAM."""
        return int(self.memory)

    @property
    def table_shift(self) -> int:
        """log2 of the hash page table's size in bytes."""
        return hpt_shift_for(int(self.max_memory or self.memory)) if self.hpt_shift is None else self.hpt_shift


def largest_table_shift(config: MachineConfig) -> int:
    """log2 of the largest hash page table. A guest may get twice the table that its maximum memory suggests, so that
    it cannot exhaust the host.
    """
    suggested = hpt_shift_for(int(config.max_memory or config.memory))
    return min(max(suggested + 1, config.table_shift), HPT_SHIFT_MAX)
