"""How the contents of RAM can be compressed in a saved file and in a migration.

The option is called `compression` everywhere. No compression is None in Python, `"none"` on the command line and in
QMP, and the empty string in a stream.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Compression = Literal["zstd", "lz4"]
COMPRESSIONS: Final[tuple[Compression, ...]] = get_args(Compression)

CompressionWord = Literal["none", Compression]
COMPRESSION_WORDS: Final[tuple[CompressionWord, ...]] = get_args(CompressionWord)


def from_word(word: CompressionWord | None) -> Compression | None:
    """The compression that a word of the command line or QMP names."""
    return None if word == "none" else word


def unknown(compression: object) -> str | None:
    """The error message for an invalid `compression` argument; None if it is valid."""
    if compression is None or compression in COMPRESSIONS:
        return None
    return f"unknown compression {compression!r}: choose one of {', '.join(COMPRESSIONS)}, or None"
