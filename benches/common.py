"""What the benchmarks share: the guests, QEMU's command line, and what a process has used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from fetch_guests import CACHE, INIT_MARK, initrd  # noqa: E402  (the path is set above)

__all__ = ["CACHE", "INIT_MARK", "KERNEL", "MEMORY", "QEMU", "ROOT", "Usage", "initrd", "need_qemu", "ours", "qemu"]

QEMU = "qemu-system-ppc64"
MACHINE = "pseries,x-vof=on,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off"
APPEND = "console=hvc0"
MEMORY = "1G"
KERNEL = CACHE / "linux" / "vmlinux"


def need_qemu() -> bool:
    """Whether QEMU is here; says so if not."""
    if shutil.which(QEMU) is None:
        print(f"{QEMU} is not installed: make tools", file=sys.stderr)
        return False
    return True


def qemu(cpu: str, initrd: Path, *more: str, memory: str = MEMORY) -> list[str]:
    """QEMU with the guest, its console on standard output."""
    machine, model = (MACHINE, "POWER8") if cpu == "power8" else (MACHINE + ",max-cpu-compat=power8", "POWER9")
    fixed = [QEMU, "-M", machine, "-cpu", model, "-m", memory, "-nodefaults", "-vga", "none", "-nographic"]
    return [*fixed, "-serial", "stdio", "-kernel", str(KERNEL), "-initrd", str(initrd), "-append", APPEND, *more]


def ours(cpu: str, initrd: Path, *more: str, memory: str = MEMORY) -> list[str]:
    """The same here."""
    fixed = [sys.executable, "-m", "pyspapr", "boot", "--cpu", cpu, "--memory", memory]
    return [*fixed, "--kernel", str(KERNEL), "--initrd", str(initrd), "--append", APPEND, *more]


@dataclass(frozen=True)
class Usage:
    """What a process that ended had used."""

    cpu_seconds: float
    """User and system."""
    peak_mib: float
    """Largest resident set."""

    @classmethod
    def of(cls, process: subprocess.Popen[bytes]) -> Usage:
        """Wait for its end."""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return cls(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
