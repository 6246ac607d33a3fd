"""Byte transports of migrations: the interface. Each kind has a module of its own.

| module | what a transport is made from |
|---|---|
| `socket_transport` | a connected socket |
| `tls` | a connected socket with TLS |
| `file_transport` | a pipe, a file that is open, or the path of a file |
| `object_transport` | an object with `read` or `write` |

Must hold: one thread may read while another writes, and `close` from a third ends both at once with `MigrationError`;
so a hanging peer can always be abandoned. `patience` says after how long that happens without `close`.
"""

from __future__ import annotations

from typing import Final, Protocol

from pyspapr.errors import MigrationError
from pyspapr.migration.patience import Patience

PIECE: Final = 256 << 10
"""Bytes that one call of `read` or one system call of `write` moves at most."""


class NothingLeft(MigrationError):
    """Writing failed before the first byte was taken."""


class Transport(Protocol):
    """One end of a connection. `two_way` says that there is a peer which answers."""

    two_way: bool
    direct: bool
    """Whether it has `take` and `give`, so that one thread can serve both directions."""
    patience: Patience
    """How long to wait for the peer; without limits at first."""

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes, at least one; empty at the end. Raises MigrationError."""
        ...

    def quiet(self, seconds: float = 0) -> bool:
        """Whether `read` would wait longer than `seconds`; True at once where that is unknown."""
        ...

    def hung_up(self) -> bool:
        """Whether the peer is known to have ended the connection."""
        ...

    def take(self, limit: int, seconds: float) -> bytes | None:
        """As `read`, but None when nothing comes within `seconds`. Raises MigrationError."""
        ...

    def give(self, data: memoryview, seconds: float) -> int:
        """Write part of `data` and return its size, 0 if nothing could be written within `seconds`. Raises
        MigrationError.
        """
        ...

    def write(self, data: bytes) -> None:
        """Write all of `data`. Raises MigrationError; NothingLeft if certainly no byte of it was taken."""
        ...

    def finish(self) -> None:
        """Finish after everything was written: a file becomes visible under its name. Raises MigrationError."""
        ...

    def close(self) -> None:
        """Close the transport; blocked threads return. May be called twice, and by any thread."""
        ...

    def after_fork(self) -> None:
        """In a child of fork: close this process's descriptor without effect on the peer or the parent."""
        ...


class Indirect:
    """Base of transports that are read and written by threads of their own."""

    direct = False

    def after_fork(self) -> None:
        """A pipe or an object of the caller's: nothing to do."""

    def take(self, limit: int, seconds: float) -> bytes | None:
        raise NotImplementedError

    def give(self, data: memoryview, seconds: float) -> int:
        raise NotImplementedError
