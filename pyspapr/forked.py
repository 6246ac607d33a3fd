"""What becomes of machines in a child of `os.fork()`.

The child has copies of all machines but only the thread that forked. Enters: every machine, at its construction.
Leaves, in the child: machines that this thread can use, with locks that nobody holds; those that another thread was
using are `absent` from then on. `crates/native/src/fork.rs` looks after RAM, hash tables and compiled code.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from pyspapr.machine import Machine

machines: WeakSet[Machine] = WeakSet()


def _after_in_child() -> None:
    for vm in list(machines):
        vm.after_fork()


os.register_at_fork(after_in_child=_after_in_child)
