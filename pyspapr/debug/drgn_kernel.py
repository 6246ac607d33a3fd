"""Effective addresses of a kernel with the hash MMU for drgn, which itself knows the radix MMU only.

As a plugin of drgn's (entry point `drgn.plugins`) it serves `drgn --qemu SOCKET`, where drgn sees real memory;
`program` does the same for a machine in this process. Both look at the kernel's own records (`mappings`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import drgn

from pyspapr._native import PAGE
from pyspapr.debug.debugger import Debugger
from pyspapr.debug.mappings import KERNEL, KernelMappings, facts_of
from pyspapr.errors import GuestAddressError, StateError
from pyspapr.partition.owner import owner

if TYPE_CHECKING:
    from pyspapr.partition import Partition

Read = Callable[[int, int], bytes]

LINEAR_MAX: Final = 1 << 45
"""Bytes of the linear mapping where it is not known how much RAM there is: less than lies before vmalloc."""
COUNT_MAX: Final = 64 << 20
"""Bytes of one read."""


def read_kernel(mappings: KernelMappings, read: Read, address: int, count: int, offset: int, physical: bool) -> bytes:
    """A callback of drgn's for effective addresses. Raises FaultError."""
    if count > COUNT_MAX:
        raise drgn.FaultError(f"at most {COUNT_MAX} bytes are read at once", address)
    parts = []
    end = address + count
    while address < end:
        if (real := mappings.real(address)) is None:
            raise drgn.FaultError("the kernel has mapped nothing there", address)
        size = min(PAGE - address % PAGE, end - address)
        try:
            parts.append(read(real, size))
        except GuestAddressError:
            raise drgn.FaultError("there is no memory", address) from None
        address += size
    return b"".join(parts)


def drgn_prog_set(prog: drgn.Program) -> None:
    """For drgn: a program has got its target. Only a guest behind a control socket is ours to look into."""
    flags = prog.flags
    if (
        prog.platform is None
        or prog.platform.arch != drgn.Architecture.PPC64
        or not flags & drgn.ProgramFlags.IS_LINUX_KERNEL
        or not flags & drgn.ProgramFlags.IS_LIVE
        or flags & drgn.ProgramFlags.IS_LOCAL
    ):
        return

    def read(address: int, count: int) -> bytes:
        try:
            return bytes(prog.read(address, count, physical=True))
        except drgn.FaultError as error:
            raise GuestAddressError(str(error), address, count) from None

    little = bool(prog.platform.flags & drgn.PlatformFlags.IS_LITTLE_ENDIAN)
    facts = facts_of(prog["VMCOREINFO"].to_bytes_())
    mappings = KernelMappings(read, LINEAR_MAX, "little" if little else "big", facts)
    if mappings.radix:
        return  # drgn's own translation is right

    def read_memory(address: int, count: int, offset: int, physical: bool) -> bytes:
        return read_kernel(mappings, read, address, count, offset, physical)

    prog.add_memory_segment(KERNEL, 1 << 60, read_memory, physical=False)


def program(vm: Partition, vmlinux: str | os.PathLike[str] | None) -> drgn.Program:
    """A drgn program on the live machine; see `Machine.drgn`."""
    if vm.absent is not None:
        raise StateError(f"{vm.absent}: there is nothing to debug here")
    debug = Debugger(vm)
    if (text := debug.vmcoreinfo) is None:
        raise StateError(
            "there is no VMCOREINFO in memory: the guest has not come so far, or is no Linux that keeps it"
        )
    little = debug.virtual.byte_order == "little"
    flags = drgn.PlatformFlags.IS_64_BIT | (drgn.PlatformFlags.IS_LITTLE_ENDIAN if little else drgn.PlatformFlags(0))
    prog = drgn.Program(drgn.Platform(drgn.Architecture.PPC64, flags))
    machine = owner(vm, "a drgn program")

    def read_real(address: int, count: int, offset: int, physical: bool) -> bytes:
        try:
            return machine().call(lambda: machine().memory.read(address, count))
        except GuestAddressError as error:
            raise drgn.FaultError(str(error), address) from None

    def read_virtual(address: int, count: int, offset: int, physical: bool) -> bytes:
        here = machine()
        return here.call(lambda: read_kernel(debug.mappings, here.memory.read, address, count, offset, physical))

    prog.add_memory_segment(0, len(vm.memory), read_real, physical=True)
    prog.set_linux_kernel_custom(text, True)
    prog.add_memory_segment(KERNEL, 1 << 60, read_virtual, physical=False)
    if vmlinux is not None:
        prog.load_debug_info([vmlinux])
    return prog
