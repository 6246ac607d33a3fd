"""`pyspapr info`: processor models, limits, and build features."""

from __future__ import annotations

from pyspapr import devices, hcall, rtas
from pyspapr._native import (
    HPT_SHIFT_MAX,
    HPT_SHIFT_MIN,
    PROCESSORS_MAX,
    TIMEBASE_HZ,
    Hpt,
    Ram,
    Vcpu,
    __version__,
    code_share,
    models,
)
from pyspapr.boot.place import FDT_MAX
from pyspapr.config import (
    MEMORY_GRANULE,
    MEMORY_MAX,
    MEMORY_MIN,
    format_size,
)
from pyspapr.devices import nvram
from pyspapr.handlers import Hypercall


def info_command() -> int:
    """Print everything and return the exit status."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"pyspapr {__version__}")

    processors = Table(
        "CPU", "PVR", "ISA", "SLB", "decrementer", "watchpoints", title="Processor models", title_justify="left"
    )
    for name, model in models().items():
        processors.add_row(
            name,
            f"{model['pvr']:#010x}",
            str(model["isa"]),
            str(model["slb_size"]),
            f"{model['decrementer_bits']} bits",
            str(model["watchpoints"]),
        )
    console.print(processors)

    limits = Table("what", "limit", title="Limits", title_justify="left")
    limits.add_row(
        "RAM", f"{format_size(MEMORY_MIN)} to {format_size(MEMORY_MAX)}, in steps of {format_size(MEMORY_GRANULE)}"
    )
    limits.add_row("hash page table", f"2^{HPT_SHIFT_MIN} to 2^{HPT_SHIFT_MAX} bytes")
    limits.add_row("processors", f"1 to {PROCESSORS_MAX}")
    least, most = (format_size(code_share(size)) for size in (MEMORY_MIN, MEMORY_MAX))
    limits.add_row("decoded code", f"a quarter of RAM, but {least} to {most}")
    limits.add_row("compiled code", "the same, and as much that machines share")
    limits.add_row("device tree", format_size(FDT_MAX))
    limits.add_row("NVRAM", format_size(nvram.SIZE))
    limits.add_row("timebase", f"{TIMEBASE_HZ // 1_000_000} MHz")
    console.print(limits)

    vcpu = Vcpu(Ram(MEMORY_MIN), Hpt(HPT_SHIFT_MIN), next(iter(models())))
    features = Table("feature", "value", title="Build", title_justify="left")
    features.add_row("engines", "interp, jit" if vcpu.engine == "jit" else "interp (no compiler for this host)")
    features.add_row("MMU", "hash")
    features.add_row("interrupt controller", "XICS")
    features.add_row("clocks", "virtual, host")
    rows = [*hcall.TABLE.values(), *rtas.TABLE.values(), *devices.calls()]
    hypercalls = sum(isinstance(row, Hypercall) for row in rows)
    features.add_row("hypercalls", f"{len(vcpu.native_hypercalls())} native, {hypercalls} in Python")
    features.add_row("RTAS calls", str(len(rows) - hypercalls))
    console.print(features)
    return 0
