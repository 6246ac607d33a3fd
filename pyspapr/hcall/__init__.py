"""Hypercalls in Python, one function each, found by their decorator.

The hash page table's are native; every other one that Linux makes is here. An unknown number gets H_FUNCTION.
"""

from __future__ import annotations

from pyspapr.hcall import memory, misc, resize, rtas, set_mode, splpar, term, xics  # noqa: F401  (importing registers them)
from pyspapr.hcall.codes import H_FUNCTION
from pyspapr.hcall.registry import TABLE, Hypercall, hypercall, row

__all__ = ["H_FUNCTION", "TABLE", "Hypercall", "hypercall", "row"]
