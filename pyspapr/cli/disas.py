"""`pyspapr disas`: words to mnemonics.

Enters: an ELF file (its code, in its byte order), a text of hexadecimal words, or raw machine code. Leaves: `address:
word instruction` lines, up to the first invalid word, whose position is in the error. Code in an ELF file may end with
a partial word. Must hold: a file is read piece by piece, so its size does not matter.
"""

from __future__ import annotations

import io
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO, Final

from pyspapr._native import disassemble
from pyspapr.boot.elf import open_image
from pyspapr.boot.elfcode import read_code
from pyspapr.errors import ConfigError, ImageError

_TEXT: Final = re.compile(rb"[\t-\r -~]*")
"""Printable input is treated as text: no real machine code is printable throughout. The first piece decides."""
_TOKEN: Final = re.compile(rb"[^\s,]+")
_BETWEEN: Final = tuple(bytes((byte,)) for byte in b"\t\n\v\f\r ,")
_WORD: Final = re.compile(rb"(?:0x)?[0-9a-fA-F]{8}")
_SHOWN: Final = 16
"""Characters of an invalid word that are kept; a valid word has fewer."""
PIECE: Final = 1 << 20
"""Bytes that are read at a time."""
PIPED_ELF_MAX: Final = 1 << 30
"""An ELF file is read at random positions; a pipe is read into memory first."""


def pieces(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """Yield the rest of a file, or `size` bytes of it, in pieces."""
    while size != 0:
        piece = file.read(PIECE if size is None else min(size, PIECE))
        if not piece:
            return
        if size is not None:
            size -= len(piece)
        yield piece


def hex_words(text: Iterable[bytes], what: str) -> Iterator[int]:
    """The words of a text of hexadecimal words. Raises ImageError at an invalid word."""
    line, column, held, words = 1, 1, b"", 0
    for piece in chain(text, (b"\n",)):
        held += piece
        # A word at the end may continue in the next piece, unless it is too long already.
        end = max(map(held.rfind, _BETWEEN)) + 1
        whole = held if len(held) - end > _SHOWN else held[:end]
        for token in _TOKEN.finditer(whole):
            if not _WORD.fullmatch(token[0]):
                line, column = moved(line, column, whole[: token.start()])
                shown = token[0][:_SHOWN].decode("ascii", "backslashreplace")
                raise ImageError(
                    f"{what}: line {line}, column {column}: {shown!r} is not a word of 8 hexadecimal digits"
                )
            yield int(token[0], 16)
            words += 1
        line, column = moved(line, column, whole)
        held = held[len(whole) :]
    if not words:
        raise ImageError(f"{what}: no word in it")


def moved(line: int, column: int, text: bytes) -> tuple[int, int]:
    if lines := text.count(b"\n"):
        return line + lines, len(text) - text.rfind(b"\n")
    return line, column + len(text)


def whole_words(data: Iterable[bytes], little: bool) -> Iterator[int]:
    """32-bit words; a rest of fewer than four bytes is left out."""
    order, rest = "<I" if little else ">I", b""
    for piece in data:
        rest += piece
        end = len(rest) // 4 * 4
        for (word,) in struct.iter_unpack(order, rest[:end]):
            yield word
        rest = rest[end:]


def raw_words(data: Iterable[bytes], little: bool, what: str) -> Iterator[int]:
    """32-bit words. Raises ImageError when the last one is not whole."""
    length = 0

    def counted() -> Iterator[bytes]:
        nonlocal length
        for piece in data:
            length += len(piece)
            yield piece

    yield from whole_words(counted(), little)
    if rest := length % 4:
        raise ImageError(f"{what}: offset {length - rest:#x}: {rest} of the 4 bytes of a word")


PREFIX: Final = 1
"""The primary opcode of a prefix, which makes one instruction with the word behind it (Power ISA 3.1, Book I)."""
PREFIXED_BLOCK: Final = 64
"""No prefixed instruction crosses a multiple of this many bytes."""


def lines_of(words: Iterable[int], address: int) -> Iterator[str]:
    """One line for each instruction. What looks like a prefix is one if it makes an instruction with the next word."""
    prefix: int | None = None
    try:
        for word in words:
            if prefix is not None:
                # It is not the last word of the address space, so it lies below.
                before, text = address - 4, disassemble(prefix << 32 | word, address - 4)
                if not text.startswith(".long"):
                    yield f"{before:16x}:  {prefix:08x} {word:08x}  {text}\n"
                    prefix, address = None, (address + 4) % (1 << 64)
                    continue
                yield line_of(prefix, before)
                prefix = None
            if word >> 26 == PREFIX and (address + 4) % PREFIXED_BLOCK:
                prefix = word
            else:
                yield line_of(word, address)
            address = (address + 4) % (1 << 64)
    except ImageError:
        if prefix is not None:
            yield line_of(prefix, address - 4)
        raise
    if prefix is not None:
        yield line_of(prefix, address - 4)


def line_of(word: int, address: int) -> str:
    """The line of an instruction of one word, or of a word that is none."""
    return f"{address:16x}:  {word:08x}  {disassemble(word, address)}\n"


def seekable(file: BinaryIO, first: bytes, what: str) -> tuple[BinaryIO, int]:
    """A seekable file, of which `first` was read already, and its size."""
    if file.seekable() and file.tell() == len(first):
        return file, file.seek(0, io.SEEK_END)
    data = first + file.read(PIPED_ELF_MAX + 1 - len(first))
    if len(data) > PIPED_ELF_MAX:
        raise ImageError(
            f"{what}: more than {PIPED_ELF_MAX >> 30} GiB of an ELF file from a pipe, give the file's name"
        )
    return io.BytesIO(data), len(data)


def elf_lines(file: BinaryIO, length: int, what: str) -> Iterator[str]:
    """The lines of an ELF file; each section begins with its name."""
    file.seek(0)
    little, parts = read_code(file, length, what)
    for code in parts:
        if code.name is not None:
            yield f"{code.name}:\n"
        file.seek(code.offset)
        yield from lines_of(whole_words(pieces(file, code.size), little), code.address)


@contextmanager
def opened(file: str, what: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`. Read errors become ImageError."""
    if file != "-":
        with open_image(file, "file") as (stream, _):
            yield stream
        return
    if sys.stdin is None:
        raise ImageError(f"{what}: standard input is closed")
    try:
        yield sys.stdin.buffer
    except OSError as error:
        raise ImageError(f"{what}: {error.strerror or error}") from error


def lines_in(file: str, address: int, little: bool) -> Iterator[str]:
    """The lines of whatever the file is. (Output errors must not be reported as the file's, so it is open only in
    here.)"""
    what = f"file {file}"
    with opened(file, what) as stream:
        first = stream.read(PIECE)
        if not first:
            raise ImageError(f"{what}: empty")
        if first[:4] == b"\x7fELF":
            yield from elf_lines(*seekable(stream, first, what), what)
            return
        data = chain((first,), pieces(stream))
        words = hex_words(data, what) if _TEXT.fullmatch(first) else raw_words(data, little, what)
        yield from lines_of(words, address)


def parse_address(text: str) -> int:
    try:
        address = int(text, 0)
    except ValueError as error:
        raise ConfigError(f"address {text!r} is not a number") from error
    if not 0 <= address < 1 << 64 or address % 4:
        raise ConfigError(f"address {text} is not a multiple of 4 below 2**64")
    return address


def disas_command(file: str, address: str, little: bool) -> int:
    """Print the disassembly and return the exit status."""
    sys.stdout.writelines(lines_in(file, parse_address(address), little))
    return 0
