"""What becomes of machines in a child of `os.fork()`.

The child has copies of all machines but only the thread that forked. Enters: every machine, and every listening socket
of ours, at its construction. Leaves, in the child: machines that this thread can use, with locks that nobody holds;
those that another thread was using are `absent` from then on. `crates/native/src/fork.rs` looks after RAM, hash tables
and compiled code.

What reaches outside the process stays the parent's: its control sockets and their names, its migrations and its
recordings. The child closes its descriptors of them, without a word to anybody and without writing what is buffered.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Copied(Protocol):
    """What a child has a copy of and must change."""

    def after_fork(self) -> None:
        """In the child."""
        ...


copied: WeakSet[Copied] = WeakSet()


def _after_in_child() -> None:
    for one in list(copied):
        one.after_fork()


os.register_at_fork(after_in_child=_after_in_child)
