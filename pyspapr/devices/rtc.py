"""The time-of-day clock behind get-time-of-day and set-time-of-day.

Time is the machine's own: `base` at timebase 0, moving with the timebase. So a virtual-time guest always sees the same
date, and nothing here reads the host's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Self

from pyspapr._native import TIMEBASE_HZ
from pyspapr.codes import PARAMETER_ERROR, SUCCESS
from pyspapr.config import RTC_MAX, RTC_MIN
from pyspapr.device import Device, rtas_call
from pyspapr.handlers import Result
from pyspapr.vmstate.schema import Field, VMState, between
from pyspapr.vmstate.types import I128

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.cpu import Cpu

NS = 1_000_000_000
OFFSET_MAX: Final = 1 << 70
"""The largest offset in nanoseconds that a guest can set: years 1 to 9999 in either direction, plus the range of the
timebase."""


class TimeOfDay(NamedTuple):
    """UTC, as RTAS passes it."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int


class Rtc(Device):
    """`base` is seconds since 1970 at timebase 0; `offset_ns` is what the guest has set."""

    VMSTATE: ClassVar[VMState] = VMState(
        "spapr_rtc",
        version=1,
        fields=(
            Field("base", I128, valid=between(RTC_MIN, RTC_MAX)),
            Field("offset_ns", I128, valid=between(-OFFSET_MAX, OFFSET_MAX)),
        ),
    )

    def __init__(self, base: int, timebase: Callable[[], int]) -> None:
        """Run from `timebase`."""
        self.base = base
        self.offset_ns = 0
        self._timebase = timebase

    @classmethod
    def of(cls, vm: Partition) -> Iterable[Self]:
        """One, on the first processor's timebase."""
        return (cls(vm.config.epoch, vm.timebase),)

    def reset(self) -> None:
        """Nothing: what the guest has set stays set."""

    def _elapsed_ns(self) -> int:
        return self._timebase() * NS // TIMEBASE_HZ

    def get(self) -> TimeOfDay:
        """The current time of day. Years that RTAS cannot express wrap to 1970."""
        import datetime

        seconds, nanosecond = divmod(self.base * NS + self.offset_ns + self._elapsed_ns(), NS)
        try:
            now = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        except (OverflowError, ValueError, OSError):
            now = datetime.datetime.fromtimestamp(0, datetime.UTC)
        return TimeOfDay(now.year, now.month, now.day, now.hour, now.minute, now.second, nanosecond)

    def set(self, time: TimeOfDay) -> bool:
        """Set the clock; False when `time` is no date."""
        import datetime

        try:
            moment = datetime.datetime(*time[:6], tzinfo=datetime.UTC)
        except (ValueError, OverflowError):
            return False
        if time.nanosecond >= NS:
            return False
        seconds = int(moment.timestamp())
        self.offset_ns = (seconds - self.base) * NS + time.nanosecond - self._elapsed_ns()
        return True

    # PAPR, "Time of Day".

    @rtas_call(0x01, "get-time-of-day", results=8)
    def get_time_of_day(self, vm: Partition, cpu: Cpu) -> Result:
        """Year, month, day, hour, minute, second, nanosecond."""
        return SUCCESS, *self.get()

    @rtas_call(0x02, "set-time-of-day")
    def set_time_of_day(
        self,
        vm: Partition,
        cpu: Cpu,
        year: int,
        month: int,
        day: int,
        hour: int,
        minute: int,
        second: int,
        nanosecond: int,
    ) -> Result:
        """Set the clock."""
        time = TimeOfDay(year, month, day, hour, minute, second, nanosecond)
        return SUCCESS if self.set(time) else PARAMETER_ERROR
