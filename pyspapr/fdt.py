"""A writer of flattened device trees (Devicetree Specification 0.4, "Flattened Devicetree (DTB) Format").

Enters: a `Node` tree whose properties hold bytes. Leaves: a version 17 blob. Big-endian throughout.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

MAGIC: Final = 0xD00DFEED
VERSION: Final = 17
LAST_COMPATIBLE_VERSION: Final = 16

BEGIN_NODE: Final = 1
END_NODE: Final = 2
PROP: Final = 3
END: Final = 9

HEADER_SIZE: Final = 40

Value = bytes | str | int | list[int] | list[str] | None
"""bytes as they are; a string or strings with their NULs; 32-bit cells; None for a property without a value."""


def encode(value: Value) -> bytes:
    """The bytes of a property value."""
    match value:
        case None:
            return b""
        case bytes():
            return value
        case str():
            return value.encode() + b"\0"
        case int():
            return value.to_bytes(4, "big")
        case list():
            return b"".join(encode(item) for item in value)


def u64(value: int) -> bytes:
    """A value of two cells."""
    return value.to_bytes(8, "big")


class Node:
    """A node: its properties in order, then its children in order."""

    def __init__(self, name: str, properties: dict[str, Value] | None = None) -> None:
        """`name` includes the unit address; the root's is empty."""
        self.name = name
        self.properties: dict[str, bytes] = {}
        self.children: list[Node] = []
        for key, value in (properties or {}).items():
            self[key] = value

    def __setitem__(self, name: str, value: Value) -> None:
        """Set a property."""
        self.properties[name] = encode(value)

    def __getitem__(self, name: str) -> bytes:
        """A property's bytes."""
        return self.properties[name]

    def add(self, name: str, properties: dict[str, Value] | None = None) -> Node:
        """Append a child and return it."""
        child = Node(name, properties)
        self.children.append(child)
        return child

    def child(self, path: str) -> Node:
        """The node at `path` (components separated by `/`). Raises KeyError."""
        node = self
        for part in filter(None, path.split("/")):
            for candidate in node.children:
                if candidate.name == part:
                    node = candidate
                    break
            else:
                raise KeyError(path)
        return node

    def walk(self) -> Iterator[Node]:
        """This node and every node below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


class _Blocks:
    """The structure block and the strings block of a tree. (A nested recursive function would be a reference cycle.)"""

    def __init__(self) -> None:
        self.strings = bytearray()
        self.structure = bytearray()
        self._offsets: dict[str, int] = {}

    def _pad(self) -> None:
        self.structure.extend(bytes(-len(self.structure) % 4))

    def emit(self, node: Node) -> None:
        """A node and what is below it."""
        self.structure.extend(BEGIN_NODE.to_bytes(4, "big"))
        self.structure.extend(node.name.encode() + b"\0")
        self._pad()
        for name, value in node.properties.items():
            if name not in self._offsets:
                self._offsets[name] = len(self.strings)
                self.strings.extend(name.encode() + b"\0")
            self.structure.extend(struct.pack(">III", PROP, len(value), self._offsets[name]))
            self.structure.extend(value)
            self._pad()
        for child in node.children:
            self.emit(child)
        self.structure.extend(END_NODE.to_bytes(4, "big"))


def flatten(root: Node, reservations: Iterable[tuple[int, int]] = (), boot_cpu: int = 0) -> bytes:
    """The blob of `root`. `reservations` are (address, size) pairs that the kernel must not allocate from."""
    blocks = _Blocks()
    blocks.emit(root)
    strings, structure = blocks.strings, blocks.structure
    structure.extend(END.to_bytes(4, "big"))

    reserve = b"".join(struct.pack(">QQ", address, size) for address, size in reservations) + bytes(16)
    structure_at = HEADER_SIZE + len(reserve)
    strings_at = structure_at + len(structure)
    total = strings_at + len(strings)
    header = struct.pack(
        ">10I",
        MAGIC,
        total,
        structure_at,
        strings_at,
        HEADER_SIZE,
        VERSION,
        LAST_COMPATIBLE_VERSION,
        boot_cpu,
        len(strings),
        len(structure),
    )
    return header + reserve + bytes(structure) + bytes(strings)
