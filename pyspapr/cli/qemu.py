"""QEMU's options and their equivalents here, for people who type them from habit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

INSTEAD: Final = {
    "-kernel": "it is --kernel FILE",
    "-initrd": "it is --initrd FILE",
    "-append": "it is --append TEXT",
    "-m": "it is --memory SIZE",
    "-cpu": "it is --cpu MODEL",
    "-smp": "it is --smp N",
    "-M": "every machine is a pseries",
    "-machine": "every machine is a pseries",
    "-nographic": "the console is on the terminal anyway",
    "-display": "the console is on the terminal anyway",
    "-vga": "the console is on the terminal anyway",
    "-nodefaults": "there is nothing to leave out",
    "-serial": "it is --console stdio or --console unix:PATH",
    "-chardev": "it is --console unix:PATH or --qmp unix:PATH",
    "-qmp": "it is --qmp unix:PATH or --qmp tcp:[HOST:]PORT",
    "-mon": "it is --qmp unix:PATH or --qmp tcp:[HOST:]PORT",
    "-monitor": "it is --qmp unix:PATH, and `pyspapr qmp` sends commands",
    "-incoming": "it is --incoming URI",
    "-loadvm": "it is `pyspapr restore FILE`",
    "-no-reboot": "it is --no-reboot",
    "-accel": "it is --engine jit or --engine interp",
    "-enable-kvm": "it is --engine jit: guests are never run by KVM",
    "-icount": "time is counted in instructions by default; see --clock",
    "-rtc": "it is --clock virtual or --clock host",
    "-seed": "it is --seed N",
    "-name": "no machine has a name on the command line",
    "-drive": "the machine has no disks",
    "-hda": "the machine has no disks",
    "-cdrom": "the machine has no disks",
    "-device": "the machine has no PCI, so no devices are added",
    "-netdev": "the machine has no network",
    "-nic": "the machine has no network",
    "-gdb": "it is --gdb unix:PATH or --gdb tcp:[HOST:]PORT",
    "-s": "it is --gdb tcp:1234",
    "-d": "use --profile, --strict or --lockstep",
}


def pointer(arguments: Sequence[str], refused: str, known: Collection[str]) -> str | None:
    """A hint for the option that click rejected, if it is one of QEMU's. click parses `-kernel` as six one-letter
    options and rejects the first. None if the hint would name an option that is not among `known`, the command's own.
    """
    for argument in arguments:
        name = argument.partition("=")[0]
        instead = INSTEAD.get(name.removeprefix("-") if name.startswith("--") else name)
        if instead is not None and name.startswith(refused):
            if instead.startswith("it is --") and instead.split()[2] not in known:
                return None
            return f"{name} is QEMU's: here {instead}"
    return None
