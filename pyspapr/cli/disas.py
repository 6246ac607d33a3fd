"""`pyspapr disas`: words to mnemonics.

Enters: an ELF file (its executable segments, in its byte order), a text of hexadecimal words, or raw machine code.
Leaves: `address:  word  instruction` lines.
"""

from __future__ import annotations

import io
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from pyspapr._native import disassemble
from pyspapr.elf import open_image, read_elf
from pyspapr.errors import ConfigError, ImageError

_SEPARATORS: Final = re.compile(rb"[\s,]+")
_WORD: Final = re.compile(rb"(?:0x)?[0-9a-fA-F]{8}")


def hex_words(data: bytes) -> list[int] | None:
    """The words of a text of hexadecimal words, or None when `data` is something else."""
    tokens = [token for token in _SEPARATORS.split(data) if token]
    return [int(token, 16) for token in tokens] if all(map(_WORD.fullmatch, tokens)) else None


def words_of(data: bytes, little: bool) -> list[int]:
    """32-bit words; a rest of fewer than four bytes is left out."""
    return [word for (word,) in struct.iter_unpack("<I" if little else ">I", data[: len(data) // 4 * 4])]


def lines_of(words: Iterable[int], address: int) -> Iterator[str]:
    """One line for each word."""
    for word in words:
        yield f"{address:16x}:  {word:08x}  {disassemble(word, address)}"
        address += 4


def read_input(file: str) -> bytes:
    """All of a file, or of standard input for `-`."""
    if file == "-":
        return sys.stdin.buffer.read()
    with open_image(file, "file") as (opened, _):
        return opened.read()


def parse_address(text: str) -> int:
    """A number in C notation."""
    try:
        address = int(text, 0)
    except ValueError as error:
        raise ConfigError(f"address {text!r} is not a number") from error
    if not 0 <= address < 1 << 64 or address % 4:
        raise ConfigError(f"address {text} is not a multiple of 4 below 2**64")
    return address


def disas_command(file: str, address: str, little: bool) -> int:
    """Print the disassembly and return the exit status."""
    start = parse_address(address)
    data = read_input(file)
    if not data:
        raise ImageError(f"file {file}: empty")
    out = sys.stdout
    if data[:4] == b"\x7fELF":
        elf = read_elf(io.BytesIO(data), len(data), file)
        for segment in elf.segments:
            if segment.executable:
                code = data[segment.offset : segment.offset + segment.file_size]
                out.writelines(line + "\n" for line in lines_of(words_of(code, elf.little_endian), segment.virtual))
        return 0
    words = hex_words(data)
    if words is None:
        words = words_of(data, little)
    out.writelines(line + "\n" for line in lines_of(words, start))
    return 0
