"""A POWER pseries (PAPR) machine that installs with pip.

import pyspapr

vm = pyspapr.Machine(memory="1G", cpu="power8")
vm.load_kernel("vmlinux", initrd="initrd.img", append="console=hvc0")
print(vm.run(timeout=60))
"""

from pyspapr._native import __version__
from pyspapr.config import MachineConfig
from pyspapr.errors import (
    AddressError,
    ConfigError,
    EngineDifference,
    ExpectError,
    ExpectTimeout,
    GuestAddressError,
    GuestFailure,
    GuestHang,
    GuestOops,
    GuestPanic,
    GuestWarning,
    ImageError,
    MigrationCancelled,
    MigrationError,
    MigrationUnconfirmed,
    ReplayError,
    ShellError,
    SpaprError,
    StateError,
    StreamError,
)
from pyspapr.machine import Machine
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.results import (
    Hung,
    InstructionLimit,
    Interrupted,
    Matched,
    Migrated,
    Panicked,
    PoweredOff,
    Rebooted,
    Replayed,
    StopReason,
    Timeout,
    Unimplemented,
)

__all__ = [
    "AddressError",
    "ConfigError",
    "EngineDifference",
    "ExpectError",
    "ExpectTimeout",
    "GuestAddressError",
    "GuestFailure",
    "GuestHang",
    "GuestOops",
    "GuestPanic",
    "GuestWarning",
    "Hung",
    "ImageError",
    "InstructionLimit",
    "Interrupted",
    "Machine",
    "MachineConfig",
    "Matched",
    "Migrated",
    "MigrationCancelled",
    "MigrationError",
    "MigrationStatistics",
    "MigrationUnconfirmed",
    "Panicked",
    "PoweredOff",
    "Rebooted",
    "ReplayError",
    "Replayed",
    "ShellError",
    "SpaprError",
    "StateError",
    "StopReason",
    "StreamError",
    "Timeout",
    "Unimplemented",
    "__version__",
]
