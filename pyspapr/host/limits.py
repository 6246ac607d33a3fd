"""What the host does not give: memory, descriptors, threads. Who asked for a service gets an error of this package.

Enters: any exception of a public verb. Leaves: `StateError` for a limit of the host, everything else as it is.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pyspapr.errors import SpaprError, StateError

LIMITS: Final = {
    errno.EMFILE: "file descriptor",
    errno.ENFILE: "file descriptor",
    errno.ENOMEM: "memory",
    errno.ENOBUFS: "memory",
}
NO_THREAD: Final = "can't start new thread"
"""How Python says it, in a bare RuntimeError."""


THREAD: Final = 32 << 20
"""Bytes that a thread takes, stack included, and that are left for what it does."""


def check_thread() -> None:
    """Raise OSError unless there is memory for a thread.

    Python waits for ever for a thread that dies of a lack of memory before it has begun.
    """
    from mmap import mmap

    mmap(-1, THREAD).close()


def check_descriptors(count: int) -> None:
    """Raise OSError unless `count` descriptors are left."""
    held: list[int] = []
    try:
        while len(held) < count:
            held += os.pipe()
    finally:
        for fd in held:
            os.close(fd)


@contextmanager
def host_limits(what: str, *, threads: bool = False, descriptors: int = 0) -> Iterator[None]:
    """A context, and a decorator, in which to do `what`: "save a machine".

    `threads` says that threads are begun, `descriptors` how many something needs that cannot do without one halfway.
    """
    try:
        check_descriptors(descriptors)
        if threads:
            check_thread()
        yield
    except SpaprError:
        raise
    except MemoryError as error:
        raise StateError(f"the host has no memory left to {what}") from error
    except OSError as error:
        if (missing := LIMITS.get(error.errno or 0)) is None:
            raise
        raise StateError(f"the host has no {missing} left to {what}") from error
    except RuntimeError as error:
        if not str(error).startswith(NO_THREAD):
            raise
        raise StateError(f"the host has no thread left to {what}") from error
