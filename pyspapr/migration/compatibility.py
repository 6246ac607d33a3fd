"""Whether a machine can be received here, checked before anything of it is sent. Enters: the source's description of
its machine (`hello`), and the requirements of the destination. Leaves: one sentence for each difference, which says
what to change and where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pyspapr._native import HPT_SHIFT_MAX, HPT_SHIFT_MIN, __version__
from pyspapr.config import CPU_MODELS, MachineConfig, format_size, hpt_shift_for
from pyspapr.errors import SpaprError
from pyspapr.migration.frames import OLDEST, PROTOCOL, DeviceVersion, Hello
from pyspapr.plain import Plain
from pyspapr.vmstate import sections

if TYPE_CHECKING:
    from pyspapr.partition import Partition


CONFIGURED: Final = ("memory", "max_memory", "cpu", "vcpus", "clock", "hpt_shift")
"""Fields of `hello` that a machine is built from."""


def describe(vm: Partition) -> Hello:
    """The contents of `hello` for `vm`."""
    config = vm.config
    found = sections(vm)
    count = Counter(section.name for section in found)
    tables = {section.name: section.vmstate for section in found}
    return Hello(
        protocol=PROTOCOL,
        package=__version__,
        memory=config.ram_size,
        max_memory=int(config.max_memory or config.memory),
        cpu=config.cpu,
        vcpus=config.vcpus,
        clock=config.clock,
        hpt_shift=vm.hpt.shift,
        uuid=vm.uuid,
        devices=tuple(
            DeviceVersion(name, count[name], table.minimum_version, table.version)
            for name, table in sorted(tables.items())
        ),
    )


def config_of(hello: Hello) -> MachineConfig:
    """The config of the machine that `hello` describes. Raises ConfigError if it cannot be built."""
    said = hello.as_dict()
    return MachineConfig(**{name: said[name] for name in CONFIGURED})


class Requirements(Plain, kw_only=True):
    """Requirements on the arriving machine; None accepts any value."""

    memory: int | None = None
    max_memory: int | None = None
    cpu: str | None = None
    vcpus: int | None = None
    clock: str | None = None
    seed: int | None = None
    strict: bool | None = None
    largest_table: int | None = None
    """Upper bound of log2 of the hash table's size in bytes; guests resize theirs, so only the bound is checked."""
    options: bool = False
    """Whether messages name them as command line options."""

    @classmethod
    def of(cls, config: MachineConfig) -> Requirements:
        """The requirements in `config` that can be checked before anything is sent."""
        most = int(config.max_memory or config.memory)
        largest = min(hpt_shift_for(most) + 1, HPT_SHIFT_MAX) if config.hpt_shift is None else config.hpt_shift
        return cls(
            memory=config.ram_size,
            max_memory=most,
            cpu=config.cpu,
            vcpus=config.vcpus,
            clock=config.clock,
            largest_table=largest,
        )


TITLES: Final = {
    "memory": "memory",
    "max_memory": "maximum memory",
    "cpu": "the CPU",
    "vcpus": "the number of vCPUs",
    "clock": "the clock",
    "seed": "the seed",
    "strict": "strictness",
}
"""The values to compare: memory first, since the maximum follows from it."""


OPTIONS: Final = {"max_memory": "max-memory", "vcpus": "smp"}
"""Options that are not called as the value."""


def _told(key: str, value: object) -> str:
    if key in ("memory", "max_memory") and isinstance(value, int):
        return format_size(value)
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def wanted_differences(found: Mapping[str, Any], wanted: Requirements) -> list[str]:
    """Where the arriving machine does not meet the requirements. `found` is of `hello` or of a header.

    `hello` does not have everything: what is missing there is compared when the header has arrived.
    """
    texts = []
    for key, title in TITLES.items():
        here = getattr(wanted, key)
        if here is None or key not in found or found[key] == here:
            continue
        if key == "max_memory" and found["memory"] != wanted.memory:
            continue
        option = f" (--{OPTIONS.get(key, key)})" if wanted.options else ""
        texts.append(f"{title} is {_told(key, found[key])} at the source and {_told(key, here)} here{option}")
    if wanted.largest_table is not None and found["hpt_shift"] > wanted.largest_table:
        texts.append(
            f"the hash table has 2^{found['hpt_shift']} bytes at the source and at most 2^{wanted.largest_table} here"
        )
    return texts


def header_differences(header: Mapping[str, Any], hello: Hello) -> list[str]:
    """Where the machine in the stream is not the one that `hello` described."""
    said = hello.as_dict()
    return [
        f"{title} is {_told(key, said[key])} in hello and {_told(key, header[key])} in the stream"
        for key, title in TITLES.items()
        if key in said and header[key] != said[key]
    ]


def general_differences(hello: Hello) -> list[str]:
    """What this version cannot load."""
    found = []
    if hello.protocol < OLDEST:
        found.append(f"the protocol is {hello.protocol} at the source, and here {OLDEST} to {PROTOCOL} are spoken")
    if hello.cpu not in CPU_MODELS:
        found.append(f"the CPU is {hello.cpu} at the source, and here are {', '.join(CPU_MODELS)}")
    shift = hello.hpt_shift
    if not HPT_SHIFT_MIN <= shift <= HPT_SHIFT_MAX:
        found.append(f"the hash table has 2^{shift} bytes at the source, and here 2^18 to 2^46 are possible")
    if not found:
        try:
            config_of(hello)
        except SpaprError as error:
            found.append(str(error))
    return found


def device_differences(hello: Hello, vm: Partition) -> list[str]:
    """Where the devices in the stream differ from those of `vm`, which was built to load them."""
    theirs = {device.name: device for device in hello.devices}
    ours = {device.name: device for device in describe(vm).devices}
    found = []
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in ours:
            found.append(f"device {name} is at the source and not here")
            continue
        if name not in theirs:
            found.append(f"device {name} is here and not at the source")
            continue
        there, here = theirs[name], ours[name]
        if there.instances != here.instances:
            found.append(f"{there.instances} of device {name} are at the source and {here.instances} here")
        elif not here.minimum <= there.version <= here.version:
            found.append(
                f"device {name} has version {there.version} at the source, and here "
                f"{here.minimum} to {here.version} can be read"
            )
    return found
