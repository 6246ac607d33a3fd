"""What a debugger sees of a machine: registers, memory by effective address, points. See crate `gdb` for the caller.

Memory is what the processor would access now, with the rights of the kernel; in real mode, and in the kernel's linear
mapping, it is RAM. The guest cannot tell that it was read: reference bits stay as they are, and windows of devices
are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import LPCR_ILE, PAGE
from pyspapr.debug.virtual import VirtualMemory
from pyspapr.errors import GuestAddressError, ImageError
from pyspapr.gdb.control import Control, Point
from pyspapr.gdb.monitor import Monitor

if TYPE_CHECKING:
    from pyspapr.partition import Partition

MSR_LE: Final = 1
ADDRESSES: Final = 1 << 64


def is_little_endian(vm: Partition) -> bool:
    """The byte order in which a debugger gets registers: the kernel's, which GDB knows from its ELF file.

    A guest that has executed nothing is big-endian whatever its kernel is, and so is the beginning of a little-endian
    kernel; the byte order of its file tells.
    """
    cpu = vm.cpus[0]
    if cpu["lpcr"] & LPCR_ILE or cpu["msr"] & MSR_LE:
        return True
    if vm.images is None or vm.life.launched:
        return False
    try:
        return vm.images.little_endian
    except ImageError:  # it was there when it was loaded
        return False


class Target:
    """Of one debugger. Its methods are the `Machine` of crate `gdb`; numbers of processors count from 0."""

    def __init__(self, control: Control, monitor: Monitor) -> None:
        self._control = control
        self._monitor = monitor
        self.over = False
        """Whether the guest was to go on, and cannot."""
        self.back: str | None = None
        """How the guest is to go back."""

    @property
    def _vm(self) -> Partition:
        return self._control.vm

    def processors(self) -> int:
        """How many there are."""
        return len(self._vm.cpus)

    def register(self, cpu: int, name: str) -> int | None:
        """A register, or None if this model has none of that name."""
        try:
            return self._vm.cpus[cpu][name]
        except KeyError:
            return None

    def set_register(self, cpu: int, name: str, value: int) -> bool:
        """Write a register."""
        try:
            self._vm.cpus[cpu][name] = value
        except (KeyError, ValueError):
            return False
        self._control.changed()
        return True

    def _real(self, cpu: int, address: int) -> int | None:
        vcpu = self._vm.cpus[cpu].vcpu
        real = vcpu.translate(address)
        if real is None:
            real = vcpu.translate(address, fetch=True)
        return VirtualMemory(lambda: self._vm).real(address) if real is None else real

    def _pieces(self, cpu: int, address: int, length: int) -> list[tuple[int, int]]:
        """Real addresses and lengths of these bytes, page by page, as far as they are mapped."""
        found = []
        while length > 0 and address < ADDRESSES and (real := self._real(cpu, address)) is not None:
            size = min(PAGE - address % PAGE, length)
            found.append((real, size))
            address, length = address + size, length - size
        return found

    def read(self, cpu: int, address: int, length: int) -> bytes:
        """Bytes from `address` on, up to the first that is not there."""
        data = b""
        for real, size in self._pieces(cpu, address, length):
            try:
                data += self._vm.memory.read(real, size)
            except GuestAddressError:
                break
        return data

    def write(self, cpu: int, address: int, data: bytes) -> bool:
        """Write all of `data`, or nothing."""
        pieces = self._pieces(cpu, address, len(data))
        size = len(self._vm.memory)
        if sum(length for _, length in pieces) < len(data) or any(real + length > size for real, length in pieces):
            return False
        at = 0
        for real, length in pieces:
            self._vm.memory.write(real, data[at : at + length])
            at += length
        self._control.changed()
        return True

    def insert(self, kind: int, address: int, length: int) -> bool:
        """Set a point."""
        return self._control.insert(Point(kind, address, length))

    def remove(self, kind: int, address: int, length: int) -> bool:
        """Remove a point."""
        return self._control.remove(Point(kind, address, length))

    def resume(self, how: str, cpu: int) -> None:
        """Let the guest go on."""
        match how:
            case "continue":
                self.over = not self._control.go_on()
            case "step":
                self.over = not self._control.step(cpu)
            case _:
                self.back = how

    def monitor(self, command: str) -> str:
        """The answer to `monitor COMMAND`."""
        return self._monitor.answer(command)

    def describe(self, cpu: int) -> str:
        """What `info threads` says of a processor."""
        one = self._vm.cpus[cpu]
        return f"{self._vm.config.cpu}, {'waits for an interrupt' if one.vcpu.halted else 'runs'}"

    def goes_back(self) -> bool:
        """Whether the guest can."""
        return self._control.goes_back
