"""Unpacking compressed kernels in bounded memory.

Enters: a part of an untrusted file, and a size limit. Leaves: a file in memory. Data behind the end of the compressed
data is ignored, as other boot loaders do. Every error is a one-line `ImageError`. (RFC 1952, gzip; the .xz and .lzma
file formats; RFC 8878, Zstandard.)
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from pyspapr._native import ZstdDecompressor
from pyspapr.boot.elf import bad
from pyspapr.config import MIB, format_size
from pyspapr.plain import Plain

UNPACKED_PIECE: Final = MIB
LZMA_MEMORY: Final = 256 * MIB
"""The memory limit of `xz`; `xz -9` needs 65 MiB."""


class Piece(Plain):
    """A part of an open file."""

    file: BinaryIO
    offset: int
    size: int

    def start(self, length: int) -> bytes:
        """Its first bytes."""
        self.file.seek(self.offset)
        return self.file.read(min(length, self.size))


class Decompressor(Protocol):
    """What Python's `lzma.LZMADecompressor` offers."""

    @property
    def eof(self) -> bool:
        """Whether the compressed data have ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing comes without more input."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes of output."""
        ...


class Gzip:
    """`zlib`'s decompressor with the interface of the others."""

    def __init__(self) -> None:
        """For a member of a gzip file."""
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Whether all that was given is consumed."""
        return not self._stream.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes of output."""
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


class Lzma:
    """`lzma`'s decompressor, whose errors are ValueErrors here."""

    def __init__(self) -> None:
        """For an .xz or .lzma stream."""
        try:
            import lzma
        except ImportError:
            raise ValueError("this Python was built without the lzma module") from None
        self._error = lzma.LZMAError
        self._stream = lzma.LZMADecompressor(memlimit=LZMA_MEMORY)

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing comes without more input."""
        return self._stream.needs_input

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most `max_length` bytes of output."""
        try:
            return self._stream.decompress(data, max_length)
        except self._error as error:
            raise ValueError(str(error)) from None


KINDS: Final[dict[bytes, tuple[str, Callable[[], Decompressor]]]] = {
    b"\x1f\x8b": ("gzip", Gzip),
    b"\xfd7zXZ\0": ("xz", Lzma),
    b"\x5d\0\0": ("lzma", Lzma),
    b"\x28\xb5\x2f\xfd": ("zstd", ZstdDecompressor),
}
"""By the first bytes of the data."""
UNKNOWN: Final = {b"BZh": "bzip2", b"\x89LZO": "lzo", b"\x04\x22M\x18": "lz4", b"\x02\x21L\x18": "lz4"}
LONGEST_MAGIC: Final = max(map(len, [*KINDS, *UNKNOWN]))


def compression(piece: Piece, name: str) -> tuple[str, Callable[[], Decompressor]] | None:
    """The compression and its decompressor, or None if it is not compressed. Raises ImageError for an unsupported
    compression."""
    start = piece.start(LONGEST_MAGIC)
    for magic, kind in KINDS.items():
        if start.startswith(magic):
            return kind
    for magic, unknown in UNKNOWN.items():
        if start.startswith(magic):
            raise bad(name, f"compressed with {unknown}, expected {', '.join(known for known, _ in KINDS.values())}")
    return None


def unpacked(piece: Piece, limit: int, name: str) -> BinaryIO:
    """The contents of `piece`, decompressed if necessary. Raises ImageError if that is more than `limit` bytes."""
    kind = compression(piece, name)
    piece.file.seek(piece.offset)
    output = io.BytesIO()
    try:
        if kind is None:
            _copy(piece, output, limit, name)
        else:
            _unpack(piece, output, limit, name, *kind)
    except MemoryError:
        raise bad(name, "the host has no memory to unpack it") from None
    output.seek(0)
    return output


def _copy(piece: Piece, output: BinaryIO, limit: int, name: str) -> None:
    if piece.size > limit:
        raise bad(name, f"{piece.size} bytes, the limit is {format_size(limit)}")
    left = piece.size
    while left and (data := piece.file.read(min(left, UNPACKED_PIECE))):
        output.write(data)
        left -= len(data)


def _unpack(
    piece: Piece, output: BinaryIO, limit: int, name: str, kind: str, start: Callable[[], Decompressor]
) -> None:
    left = piece.size
    try:
        stream = start()
        while not stream.eof:
            data = piece.file.read(min(left, UNPACKED_PIECE)) if stream.needs_input else b""
            left -= len(data)
            waiting = stream.needs_input and not data
            result = stream.decompress(data, UNPACKED_PIECE)
            if waiting and not result and not stream.eof:
                raise bad(name, f"truncated: its {kind} data end after {output.tell()} unpacked bytes")
            if output.tell() + len(result) > limit:
                raise bad(name, f"it unpacks to more than {format_size(limit)}, the limit for a machine of this size")
            output.write(result)
    except (zlib.error, ValueError) as error:
        raise bad(name, f"its {kind} data cannot be unpacked: {error}") from None
