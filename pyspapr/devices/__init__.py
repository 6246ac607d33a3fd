"""The devices of a pseries machine. Each is one file that brings everything of its device; see `device`."""

from __future__ import annotations

from typing import Final

from pyspapr.device import Device
from pyspapr.devices.nvram import Nvram
from pyspapr.devices.random import Random
from pyspapr.devices.registered import Registered
from pyspapr.devices.rtc import Rtc
from pyspapr.devices.vty import Vty
from pyspapr.devices.xics import Icp, Ics
from pyspapr.handlers import Hypercall, RtasCall
from pyspapr.partition.console import Console
from pyspapr.partition.cpu_state import CPU
from pyspapr.partition.state import SPAPR
from pyspapr.vmstate.schema import VMState

STANDARD: Final[tuple[type[Device], ...]] = (Registered, Ics, Icp, Vty, Nvram, Rtc, Random)
"""What every machine has, in the order in which its sections are saved: a file of another order is refused."""


def tables() -> list[VMState]:
    """The table of every section that a machine without devices of a user has; no machine is built for it."""
    return [SPAPR, CPU, *(kind.VMSTATE for kind in STANDARD), Console.VMSTATE]


def calls() -> list[Hypercall | RtasCall]:
    """The hypercalls and RTAS calls of the same devices."""
    return [row for kind in STANDARD for row in kind.rows.values()]


__all__ = ["STANDARD", "Icp", "Ics", "Nvram", "Random", "Registered", "Rtc", "Vty", "calls", "tables"]
