"""`pyspapr disas`: words to mnemonics.

Enters: an ELF file (its executable segments, in its byte order), a text of hexadecimal words, or raw machine code.
Leaves: `address:  word  instruction` lines, up to what is no word: of that an error says where it is. An ELF segment
may end with something else than code.
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

_TEXT: Final = re.compile(rb"[\t-\r -~]*")
"""What is printable is a text: machine code without any other byte is no program."""
_TOKEN: Final = re.compile(rb"[^\s,]+")
_WORD: Final = re.compile(rb"(?:0x)?[0-9a-fA-F]{8}")
_SHOWN: Final = 16
"""Characters of what is no word."""


def hex_words(text: bytes, file: str) -> Iterator[int]:
    """The words of a text of hexadecimal words. Raises ImageError at what is none."""
    for token in _TOKEN.finditer(text):
        if not _WORD.fullmatch(token[0]):
            line = text.count(b"\n", 0, token.start()) + 1
            column = token.start() - text.rfind(b"\n", 0, token.start())
            what = token[0][:_SHOWN].decode()
            raise ImageError(f"file {file}: line {line}, column {column}: {what!r} is no word of 8 hexadecimal digits")
        yield int(token[0], 16)


def whole_words(data: bytes, little: bool) -> Iterator[int]:
    """32-bit words; a rest of fewer than four bytes is left out."""
    return (word for (word,) in struct.iter_unpack("<I" if little else ">I", data[: len(data) // 4 * 4]))


def raw_words(data: bytes, little: bool, file: str) -> Iterator[int]:
    """32-bit words. Raises ImageError when the last one is not whole."""
    yield from whole_words(data, little)
    if rest := len(data) % 4:
        raise ImageError(f"file {file}: offset {len(data) - rest:#x}: {rest} of the 4 bytes of a word")


def lines_of(words: Iterable[int], address: int) -> Iterator[str]:
    """One line for each word."""
    for word in words:
        yield f"{address:16x}:  {word:08x}  {disassemble(word, address)}"
        address = (address + 4) % (1 << 64)


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
    if not _TOKEN.search(data):
        raise ImageError(f"file {file}: no word in it" if data else f"file {file}: empty")
    out = sys.stdout
    if data[:4] == b"\x7fELF":
        elf = read_elf(io.BytesIO(data), len(data), file)
        for segment in elf.segments:
            if segment.executable:
                code = data[segment.offset : segment.offset + segment.file_size]
                out.writelines(line + "\n" for line in lines_of(whole_words(code, elf.little_endian), segment.virtual))
        return 0
    words = hex_words(data, file) if _TEXT.fullmatch(data) else raw_words(data, little, file)
    out.writelines(line + "\n" for line in lines_of(words, start))
    return 0
