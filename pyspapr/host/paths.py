"""File names from callers and clients. Enters: untrusted text, bytes or an `os.PathLike`. Leaves: text that the host
accepts as a name, and a form for one-line messages. An impossible name is an OSError, like any other name that the
host rejects.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from typing import Final

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISLNK, "a symbolic link"),
)


def as_path(path: Path) -> str:
    """`path` as text. Raises OSError for an impossible file name, and TypeError for other types."""
    name = os.fsdecode(path)
    try:
        if b"\0" in os.fsencode(name):
            raise OSError(errno.EINVAL, "a NUL character is in the name")
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "a character without bytes is in the name") from None
    return name


def shown(path: Path) -> str:
    """`path` for a message: as it is, or with escapes if it cannot be printed on one line."""
    name = os.fsdecode(path)
    return name if name.isprintable() else ascii(name)


def is_path(name: str) -> bool:
    """Whether a file may be called so."""
    try:
        return as_path(name) != ""
    except OSError:
        return False


def check_regular(mode: int) -> None:
    """Raise OSError unless `mode`, from a stat, is a regular file's."""
    if not stat.S_ISREG(mode):
        kind = next((kind for test, kind in KINDS if test(mode)), "something else")
        raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, f"{kind}, not a regular file")


def open_regular(path: Path) -> int:
    """A descriptor to read the regular file `path` from, or an OSError, at once.

    Opening a FIFO waits for a writer and opening a device can have effects, so the kind is checked before; and once
    more afterwards, since another file may have taken the name in between.
    """
    name = as_path(path)
    check_regular(os.stat(name).st_mode)
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        check_regular(os.fstat(fd).st_mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_file(path: Path, buffering: int = -1) -> io.BufferedReader[io.FileIO]:
    """The regular file `path`, to be read. Raises OSError."""
    fd = open_regular(path)
    try:
        return io.BufferedReader(io.FileIO(fd), io.DEFAULT_BUFFER_SIZE if buffering < 0 else buffering)
    except BaseException:
        os.close(fd)
        raise
