"""Whether a machine can come here: asked before anything of it is sent.

Enters: what the source says its machine is (`hello`), and what the destination was asked for. Leaves: one sentence for
each difference, so that who reads it knows what to change and where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspapr._native import __version__
from pyspapr.config import CPU_MODELS, HPT_SHIFT_MAX, HPT_SHIFT_MIN, MachineConfig, format_size
from pyspapr.errors import SpaprError
from pyspapr.migration.frames import PROTOCOL
from pyspapr.vmstate import sections

if TYPE_CHECKING:
    from pyspapr.machine import Machine


def describe(vm: Machine) -> dict[str, Any]:
    """The contents of `hello` for `vm`."""
    config = vm.config
    found = sections(vm)
    count = Counter(section.name for section in found)
    tables = {section.name: section.vmstate for section in found}
    return {
        "protocol": PROTOCOL,
        "package": __version__,
        "memory": config.ram_size,
        "max_memory": int(config.max_memory or config.memory),
        "cpu": config.cpu,
        "vcpus": config.vcpus,
        "clock": config.clock,
        "hpt_shift": vm.hpt.shift,
        "uuid": vm.uuid,
        "devices": [
            {
                "name": name,
                "instances": count[name],
                "minimum": table.minimum_version,
                "version": table.version,
            }
            for name, table in sorted(tables.items())
        ],
    }


def config_of(hello: Mapping[str, Any]) -> MachineConfig:
    """The description of a machine that `hello` fits. Raises ConfigError for one that cannot be built."""
    return MachineConfig(
        memory=hello["memory"],
        max_memory=hello["max_memory"],
        cpu=hello["cpu"],
        vcpus=hello["vcpus"],
        clock=hello["clock"],
        hpt_shift=hello["hpt_shift"],
    )


def wanted_differences(hello: Mapping[str, Any], wanted: MachineConfig) -> list[str]:
    """Where the machine that comes is not the one that was asked for."""
    found = []
    sizes = (("memory", wanted.ram_size), ("max_memory", int(wanted.max_memory or wanted.memory)))
    for key, here in sizes:
        if hello[key] != here:
            name = key.replace("max_", "maximum ")
            found.append(f"{name} is {format_size(hello[key])} at the source and {format_size(here)} here")
            break
    for key, name in (("cpu", "the CPU"), ("vcpus", "the number of vCPUs"), ("clock", "the clock")):
        if hello[key] != getattr(wanted, key):
            found.append(f"{name} is {hello[key]} at the source and {getattr(wanted, key)} here")
    # The table's size follows the maximum memory unless the guest has resized it, so only its bounds are ours to judge.
    if wanted.hpt_shift is not None and hello["hpt_shift"] > wanted.hpt_shift:
        found.append(
            f"the hash table has 2^{hello['hpt_shift']} bytes at the source and at most 2^{wanted.hpt_shift} here"
        )
    return found


def general_differences(hello: Mapping[str, Any]) -> list[str]:
    """What no machine of this version can take in."""
    found = []
    if hello["protocol"] != PROTOCOL:
        found.append(f"the protocol is {hello['protocol']} at the source and {PROTOCOL} here")
    if hello["cpu"] not in CPU_MODELS:
        found.append(f"the CPU is {hello['cpu']} at the source, and here are {', '.join(CPU_MODELS)}")
    shift = hello["hpt_shift"]
    if not HPT_SHIFT_MIN <= shift <= HPT_SHIFT_MAX:
        found.append(f"the hash table has 2^{shift} bytes at the source, and here 2^18 to 2^46 are possible")
    if not found:
        try:
            config_of(hello)
        except SpaprError as error:
            found.append(str(error))
    return found


def device_differences(hello: Mapping[str, Any], vm: Machine) -> list[str]:
    """Where the devices that come are not those of `vm`, which was built for them."""
    theirs = {device["name"]: device for device in hello["devices"]}
    ours: dict[str, Any] = {str(device["name"]): device for device in describe(vm)["devices"]}
    found = []
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in ours:
            found.append(f"device {name} is at the source and not here")
        elif name not in theirs:
            found.append(f"device {name} is here and not at the source")
        elif theirs[name]["instances"] != ours[name]["instances"]:
            found.append(
                f"{theirs[name]['instances']} of device {name} are at the source and {ours[name]['instances']} here"
            )
        elif not ours[name]["minimum"] <= theirs[name]["version"] <= ours[name]["version"]:
            found.append(
                f"device {name} has version {theirs[name]['version']} at the source, and here "
                f"{ours[name]['minimum']} to {ours[name]['version']} can be read"
            )
    return found
