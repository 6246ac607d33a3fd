"""Names of files, as callers and clients give them.

Enters: text, bytes or an `os.PathLike`, from anybody. Leaves: text that the host takes as a name, and how to show it in
a complaint of one line. A name that no file can have is met where the host says no to other names: as an OSError.
"""

from __future__ import annotations

import errno
import os


def as_path(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """`path` as text. Raises OSError for what no file is called, and TypeError for what is no name at all."""
    name = os.fsdecode(path)
    try:
        if b"\0" in os.fsencode(name):
            raise OSError(errno.EINVAL, "a NUL character is in the name")
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, "a character without bytes is in the name") from None
    return name


def shown(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """`path` for a complaint: as it is, or with escapes if it cannot be printed on one line."""
    name = os.fsdecode(path)
    return name if name.isprintable() else ascii(name)


def is_path(name: str) -> bool:
    """Whether a file may be called so."""
    try:
        return as_path(name) != ""
    except OSError:
        return False
