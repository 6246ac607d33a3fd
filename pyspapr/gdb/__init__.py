"""Debuggers: GDB's remote protocol for a machine.

Packets are crate `gdb`'s. `server` owns the sockets, `connection` is one debugger, `control` stops the guest and lets
it go on, `target` is what a debugger sees of the machine, `monitor` answers its `monitor` command.
"""

from pyspapr.gdb.server import SERVICE, GdbServer

__all__ = ["SERVICE", "GdbServer"]
