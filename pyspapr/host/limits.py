"""Limits of the host: memory, descriptors, threads. Public verbs report them as errors of this package.

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
"""Python's message, in a bare RuntimeError."""


THREAD: Final = 32 << 20
"""Bytes that a thread needs: its stack, and room for its work."""


def check_thread() -> None:
    """Raise OSError unless there is memory for a thread. Python blocks for ever if a new thread dies before it starts
    because memory ran out.
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
    """A context and a decorator around `what` ("save a machine"). `threads` says that threads are started,
    `descriptors` how many are needed by an operation that cannot run out of them halfway.
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
