"""The control socket. It speaks QMP, so the Python package `qemu.qmp` and existing scripts work with it.

See docs/interop/qmp-spec in QEMU's documentation for the protocol, and `registry` for how commands are made.
"""

from pyspapr.qmp.errors import QmpError
from pyspapr.qmp.registry import TABLE
from pyspapr.qmp.server import QmpServer

__all__ = ["TABLE", "QmpError", "QmpServer"]
