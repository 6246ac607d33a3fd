"""The real address space beside RAM: windows of devices.

    vm.space.add(Window(0x2000_0000_0000, 0x1000, read=read, write=write))

A guest's access to a window leaves the processor before it has any effect, the device answers, and the instruction is
completed with the answer. What a device sees: an offset in its window, and 1, 2, 4 or 8 bytes there, naturally aligned;
wider and unaligned accesses come in pieces. Values are big-endian: the byte at the offset is the most significant one.
Windows are caching inhibited: a guest maps them so, and cannot fetch instructions or make reservations there.

A handler that raises an error ends the run; the guest repeats the access when it continues.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from pyspapr.errors import GuestAddressError
from pyspapr.partition.cpu import Cpu
from pyspapr.plain import Plain


class Window(Plain):
    """Whole pages of 4 KiB outside RAM that a device answers."""

    address: int
    length: int
    read: Callable[[int, int], int]
    """Of an offset and a size: the value there."""
    write: Callable[[int, int, int], None]
    """Of an offset, a size and the value to write there."""


class Space:
    """The windows of a machine."""

    def __init__(self, cpus: Sequence[Cpu]) -> None:
        """None yet."""
        self._cpus = cpus
        self._windows: list[Window] = []
        self._starts: list[int] = []

    def add(self, *windows: Window) -> None:
        """Add `windows`. Raises ConfigError, and adds none, if one of them is impossible there."""
        self._put([*self._windows, *windows])

    def remove(self, *windows: Window) -> None:
        """Remove `windows`. Raises ValueError, and removes none, if one of them was not added."""
        left = list(self._windows)
        for window in windows:
            left.remove(window)
        self._put(left)

    def _put(self, windows: list[Window]) -> None:
        windows.sort(key=lambda window: window.address)
        for cpu in self._cpus:
            cpu.vcpu.set_windows([(window.address, window.length) for window in windows])
        self._windows, self._starts = windows, [window.address for window in windows]

    def furnish(self) -> None:
        """For the machine: it has other processors than before."""
        self._put(self._windows)

    def __iter__(self) -> Iterator[Window]:
        """The windows, by address."""
        return iter(self._windows)

    def _find(self, address: int) -> Window | None:
        number = bisect_right(self._starts, address) - 1
        if number < 0 or address - self._starts[number] >= self._windows[number].length:
            return None
        return self._windows[number]

    def covers(self, address: int) -> bool:
        """Whether a device answers at `address`."""
        return self._find(address) is not None

    def access(self, address: int, size: int, value: int | None = None) -> int:
        """Have the device write `value`, or read. `address` is a multiple of `size`, which is 1, 2, 4 or 8.

        Raises GuestAddressError where there is no device, and ValueError if what a device reads does not fit.
        """
        window = self._find(address)
        if window is None:
            raise GuestAddressError(f"no device answers at {address:#x}", address, size)
        if value is not None:
            window.write(address - window.address, size, value)
            return 0
        read = window.read(address - window.address, size)
        if not 0 <= read < 1 << 8 * size:
            raise ValueError(f"the device at {window.address:#x} read {read:#x}, which {size} bytes do not hold")
        return read

    def close(self) -> None:
        """For the machine: its devices and processors are given back."""
        self._cpus = ()
        self._windows, self._starts = [], []
