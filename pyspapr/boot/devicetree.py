"""The device tree of a guest.

PAPR, "Device Tree", and what Linux reads of it. The kernel is entered directly, without Open Firmware: so /rtas says
where the RTAS code already is, and /chosen holds what the client interface would have negotiated (hash MMU, XICS).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pyspapr._native import CACHE_BLOCK, TIMEBASE_HZ, models, segment_page_sizes
from pyspapr.config import GIB, MIB, MachineConfig
from pyspapr.fdt import Node, Value, u64
from pyspapr.plain import Plain

CLOCK_HZ: Final = 1_000_000_000
MEMORY_BLOCK: Final = 256 * MIB
"""The size of a logical memory block (PAPR, "ibm,lmb-size"), the same as in other hypervisors."""
ONE_NODE_MAX: Final = 16 * GIB
CACHE_SIZE: Final = 0x8000
EVENT_SCAN_RATE: Final = 1  # calls per minute
ERROR_LOG_MAX: Final = 2048

HYPERTAS: Final[list[str]] = [
    "hcall-pft",
    "hcall-term",
    "hcall-interrupt",
    "hcall-splpar",
    "hcall-join",
    "hcall-bulk",
    "hcall-set-mode",
    "hcall-sprg0",
    "hcall-copy",
    "hcall-debug",
    "hcall-hpt-resize",
]
"""Sets of hypercalls that exist here (PAPR, "Hypertas Function Sets")."""

SEGMENT_SHIFTS: Final = [28, 40, 0xFFFF_FFFF, 0xFFFF_FFFF]

PA_FEATURES_POWER8: Final = bytes.fromhex("1800 f63fc7c080f0 8000000000000000 0000 8000 8000 8000 0000")
PA_FEATURES_POWER9: Final = bytes.fromhex(
    "4200 f63fc7c080f0 8000000000000000 0000 8000 8000 8000"  # attributes 0 to 21
    "0000 8000 8000 8000 8000 8000 c000 8000 8000"  # 22 to 39; 22 would be transactional memory
    "0000 8000 8000 8000 8000 8000 8000 8000"  # 40 to 55; 40 would be radix, 54 is decimal floating point
    "8000 8000 8000 8000 0000"  # 56 to 65
)
PA_FEATURES_POWER10: Final = bytes.fromhex(
    "4a00 f63fc7c000f0 8000000000000000 0000 8000 8000 8000"  # as POWER9's; byte 4 would be strong access order
    "0000 8000 8000 8000 8000 8000 c000 8000 8000"
    "0000 8000 8000 8000 8000 8000 8000 8000"
    "8000 8000 8000 8000 8000"  # 56 to 65; 64 is the second watchpoint
    "0000 ce00 0000 8000"  # 66 to 73; 68: DEXCR's aspects, 72: hashst and its kin
)
PA_FEATURES: Final = {"power8": PA_FEATURES_POWER8, "power9": PA_FEATURES_POWER9, "power10": PA_FEATURES_POWER10}
"""ibm,pa-features: length, type, then one bit each for what the processor has (PAPR, "ibm,pa-features")."""

VECTOR5_BYTES: Final = 25
"""Length of option vector 5 up to the MMU's byte: byte 23 chooses XICS and byte 24 the hash MMU, both by zero."""


class Layout(Plain, kw_only=True):
    """Where things are in RAM: real addresses and sizes in bytes."""

    rtas: int
    rtas_size: int
    initrd: tuple[int, int] | None = None


def cpu_node(config: MachineConfig, index: int) -> tuple[str, dict[str, Value]]:
    """Name and properties of a processor."""
    model = models()[config.cpu]
    sizes: list[int] = []
    for shift, encoding, pages in segment_page_sizes():
        sizes += [shift, encoding, len(pages)]
        for actual, entry_encoding in pages:
            sizes += [actual, entry_encoding]
    large_decrementer = int(model["decrementer_bits"]) > 32
    slb_size = int(model["slb_size"])
    properties: dict[str, Value] = {
        "device_type": "cpu",
        "reg": index,
        "status": "okay",
        "cpu-version": int(model["pvr"]),
        "clock-frequency": CLOCK_HZ,
        "timebase-frequency": TIMEBASE_HZ,
        "64-bit": None,
        "slb-size": slb_size,
        "ibm,slb-size": slb_size,
        "ibm,vmx": 2,
        "ibm,dfp": 1,
        "ibm,purr": 1,
        "ibm,spurr": 1,
        "ibm,pft-size": [0, config.table_shift],
        "ibm,processor-segment-sizes": SEGMENT_SHIFTS,
        "ibm,segment-page-sizes": sizes,
        "ibm,pa-features": PA_FEATURES[config.cpu],
        "ibm,chip-id": 0,
        "ibm,associativity": [5, 0, 0, 0, 0, index],
        "ibm,ppc-interrupt-server#s": index,
        "ibm,ppc-interrupt-gserver#s": [index, 0],
    }
    for cache in ("i", "d"):
        properties[f"{cache}-cache-size"] = CACHE_SIZE
        properties[f"{cache}-cache-line-size"] = CACHE_BLOCK
        properties[f"{cache}-cache-block-size"] = CACHE_BLOCK
    if large_decrementer:
        properties["ibm,dec-bits"] = int(model["decrementer_bits"])
    return f"PowerPC,{config.cpu.upper()}@{index:x}", properties


def rtas_properties(config: MachineConfig, layout: Layout, tokens: Mapping[str, int]) -> dict[str, Value]:
    """/rtas: tokens, where the code is, and what the hypervisor offers."""
    maximum = int(config.max_memory or config.memory)
    properties: dict[str, Value] = {
        "linux,rtas-base": layout.rtas,
        "linux,rtas-entry": layout.rtas,
        "rtas-size": layout.rtas_size,
        "rtas-event-scan-rate": EVENT_SCAN_RATE,
        "rtas-error-log-max": ERROR_LOG_MAX,
        "ibm,extended-os-term": None,
        "ibm,max-associativity-domains": [4, 0, 0, 0, 1],
        "ibm,associativity-reference-points": [4, 4, 2],
        "ibm,lrdr-capacity": u64(maximum) + u64(MEMORY_BLOCK) + config.vcpus.to_bytes(4, "big"),
        "ibm,hypertas-functions": list(HYPERTAS),
    }
    return {**properties, **tokens}


def memory_nodes(size: int) -> list[tuple[int, int]]:
    """Address and size of each memory node.

    Linux manages memory in blocks, each with a place in sysfs, of the size of the node that follows memory@0; without
    one they are 16 MiB, and a large machine has so many that they take longer than the rest of its boot. The real mode
    area is the first node, so that node stays as large as a kernel can use.
    """
    if size <= ONE_NODE_MAX:
        return [(0, size)]
    rest = GIB + MEMORY_BLOCK
    return [(0, GIB), (GIB, MEMORY_BLOCK), (rest, size - rest)]


def build(
    config: MachineConfig, layout: Layout, append: bytes, devices: Iterable[Any], tokens: Mapping[str, int]
) -> Node:
    """The whole tree: what every machine has, then what each device adds. `tokens` are those of the RTAS calls."""
    root = Node(
        "",
        {
            "#address-cells": 2,
            "#size-cells": 2,
            # Software recognises this kind of machine by the second name.
            "compatible": ["pyspapr,pseries", "qemu,pseries"],
            "model": "IBM pSeries (emulated by pyspapr)",
            "device_type": "chrp",
        },
    )
    chosen = root.add(
        "chosen",
        {
            "bootargs": append + b"\0",
            "stdout-path": "",  # the console's device knows
            "linux,stdout-path": "",
            "linux,pci-probe-only": 0,
            "ibm,architecture-vec-5": bytes((VECTOR5_BYTES - 1,)) + bytes(VECTOR5_BYTES - 1),
        },
    )
    root.add("rtas", rtas_properties(config, layout, tokens))

    cpus = root.add("cpus", {"#address-cells": 1, "#size-cells": 0})
    for index in range(config.vcpus):
        cpus.add(*cpu_node(config, index))

    for start, size in memory_nodes(config.ram_size):
        root.add(
            f"memory@{start:x}",
            {
                "device_type": "memory",
                "reg": u64(start) + u64(size),
                "ibm,associativity": [4, 0, 0, 0, 0],
            },
        )

    root.add(
        "vdevice",
        {
            "#address-cells": 1,
            "#size-cells": 0,
            "compatible": "IBM,vdevice",
            "device_type": "vdevice",
            "interrupt-controller": None,
            "#interrupt-cells": 2,
        },
    )
    for device in devices:
        if (nodes := getattr(device, "nodes", None)) is not None:
            nodes(root)
    if layout.initrd is not None:
        start, size = layout.initrd
        chosen["linux,initrd-start"] = u64(start)
        chosen["linux,initrd-end"] = u64(start + size)
    return root
