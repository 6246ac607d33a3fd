"""RTAS calls of no device, one function each, found by their decorator; and the code that a guest calls to make them.

Those that belong to a device are methods of its class (`pyspapr/devices/`).
"""

from __future__ import annotations

import struct
from typing import Final

from pyspapr.rtas import events, power, processors, system  # noqa: F401  (importing registers them)
from pyspapr.rtas.registry import TABLE, RtasCall, RtasError, call, rtas_call, tokens

__all__ = ["BLOB", "TABLE", "RtasCall", "RtasError", "call", "rtas_call", "tokens"]

BLOB: Final = struct.pack(
    ">5I",
    0x7C641B78,  # mr   r4,r3      the argument buffer
    0x3C600000,  # lis  r3,0
    0x6063F000,  # ori  r3,r3,0xf000   H_RTAS
    0x44000022,  # sc   1
    0x4E800020,  # blr
)
"""The code at linux,rtas-entry: big-endian code that turns a call of RTAS into the hypercall."""
