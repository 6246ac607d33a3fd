"""Time of day (PAPR, "Time of Day")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.devices.rtc import TimeOfDay
from pyspapr.rtas.registry import PARAMETER_ERROR, SUCCESS, Result, rtas_call

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.partition.cpu import Cpu


@rtas_call(0x01, "get-time-of-day", results=8)
def get_time_of_day(vm: Machine, cpu: Cpu) -> Result:
    """Year, month, day, hour, minute, second, nanosecond."""
    return SUCCESS, *vm.rtc.get()


@rtas_call(0x02, "set-time-of-day")
def set_time_of_day(
    vm: Machine,
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
    return SUCCESS if vm.rtc.set(time) else PARAMETER_ERROR
