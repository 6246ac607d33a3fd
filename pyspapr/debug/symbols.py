"""The names of the guest's kernel, code and data, from its own table in memory and from its file.

Enters: a machine, perhaps a file (an ELF file or a map). Leaves: addresses by name, and names by address. What the
kernel in memory says of itself comes first; a file adds names that it leaves out (many kernels list functions only), if
the two agree about those that both have.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from pyspapr.errors import ImageError
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.partition import Partition
    from pyspapr.partition.memory import ByteOrder

REGION: Final = 0xF << 60
KERNEL: Final = 0xC << 60
UNNAMED: Final = ("$", ".L", "__crc_")
"""What names of the assembler's and of the linker's begin with."""
FARTHEST: Final = 1 << 20
"""Bytes behind a symbol that are still said to belong to it."""


class Place(Plain):
    """Where an address is: in `name`, `offset` bytes behind its beginning; `size` is how far it is to the next name."""

    address: int
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        """As the kernel writes it."""
        return f"{self.name}+{self.offset:#x}/{self.size:#x}"


class KernelSymbols:
    """Names and addresses. Of several names for one address the first is shown, and each is found."""

    def __init__(self, rows: Iterable[tuple[int, str]] = ()) -> None:
        """Address and name of each."""
        self._by_name: dict[str, int] = {}
        names: dict[int, str] = {}
        for address, name in rows:
            self._by_name.setdefault(name, address)
            names.setdefault(address, name)
        self._starts = sorted(names)
        self._names = names

    def __len__(self) -> int:
        """How many names."""
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a name."""
        return name in self._by_name

    def __getitem__(self, name: str) -> int:
        """The address of `name`. Raises KeyError."""
        return self._by_name[name]

    def items(self) -> Iterable[tuple[str, int]]:
        """Names and addresses."""
        return self._by_name.items()

    def find(self, address: int) -> Place | None:
        """What is at `address`, also when it is a real address of the kernel's."""
        if not address & REGION and self._starts and self._starts[0] & REGION == KERNEL:
            address |= KERNEL
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        start = self._starts[index]
        end = self._starts[index + 1] if index + 1 < len(self._starts) else start + FARTHEST
        if address - start >= FARTHEST or address >= end:
            return None
        return Place(address, self._names[start], address - start, end - start)


def of_machine(vm: Partition, order: ByteOrder, path: str | os.PathLike[str] | None = None) -> KernelSymbols:
    """The names of the kernel that `vm` runs. Raises ImageError when nothing is known of it.

    `path` is an ELF file or a System.map; without it, it is the file that the machine has booted, if it knows it.
    """
    from pyspapr.debug.kallsyms import read_kallsyms

    table = read_kallsyms(vm.ram, order)
    own = [] if table is None else [(address, name) for address, _, name in table]
    if path is None and vm.images is not None:
        path = vm.images.kernel
    try:
        listed = [] if path is None else read_names(path)
    except (ImageError, OSError):
        if not own:
            raise
        listed = []
    if not own and not listed:
        raise ImageError("there are no symbols: no kernel in memory has a table of them, and no file was given")
    if own and listed:
        known = dict(((name, address) for address, name in own))
        same = sum(known.get(name) == address for address, name in listed)
        if 2 * same < len({name for _, name in listed if name in known}):
            listed = []  # another kernel's
    return KernelSymbols([*own, *listed])


def read_names(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """Address and name of each symbol of a kernel's file, packed or not, or of a map. Raises ImageError."""
    from pyspapr.boot import symbols
    from pyspapr.boot.sections import SHN_LORESERVE
    from pyspapr.boot.zimage import UNPACKED_MAX, open_kernel
    from pyspapr.host.paths import shown

    with open_kernel(path, "symbols", UNPACKED_MAX) as contents:
        file = contents.kernel
        if not symbols.is_elf(file):
            return sorted((address, text) for address, _, text, _ in symbols.map_rows(file, shown(path)))
        kinds = (symbols.STT_NOTYPE, symbols.STT_OBJECT, symbols.STT_FUNC)
        _, rows = symbols.elf_rows(file, contents.length, contents.name, kinds)
        found = sorted(
            (value, binding != symbols.STB_GLOBAL, text)
            for text, _, binding, index, value, _ in rows
            if 0 < index < SHN_LORESERVE and value & REGION in (0, KERNEL) and text and not text.startswith(UNNAMED)
        )
        return [(value, text) for value, _, text in found]
