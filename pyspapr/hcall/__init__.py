"""Hypercalls of no device, one function each, found by their decorator. A number that nobody answers gets H_FUNCTION.

The hash page table's are native, and those that belong to a device are methods of its class (`pyspapr/devices/`).
"""

from __future__ import annotations

from pyspapr.hcall import memory, misc, resize, rtas, set_mode, splpar  # noqa: F401  (importing registers them)
from pyspapr.hcall.registry import TABLE, hypercall

__all__ = ["TABLE", "hypercall"]
