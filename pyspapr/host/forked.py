"""Machines in a child of `os.fork()`.

The child has copies of all machines but only the thread that forked. Enters: every machine, and every listening socket
of ours, at its construction. Leaves, in the child: machines that this thread can use, with free locks;
those that another thread was using are `absent` from then on. `crates/native/src/fork.rs` looks after RAM, hash tables
and compiled code.

Control sockets and their names, migrations and recordings stay with the parent. The child closes its descriptors of
them, without sending anything and without writing buffered data.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Copied(Protocol):
    """An object that a child has a copy of and must adapt."""

    def after_fork(self) -> None:
        """In the child."""
        ...


copied: WeakSet[Copied] = WeakSet()


def _after_in_child() -> None:
    for one in list(copied):
        one.after_fork()


os.register_at_fork(after_in_child=_after_in_child)
