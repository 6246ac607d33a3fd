"""The table of hypercalls that every machine has: one decorated function for each number.

    @hypercall(0x2C, "H_PAGE_INIT")
    def h_page_init(vm: Partition, cpu: Cpu, flags: int, ...) -> Result: ...

`handlers` says what such a function gets and returns. Those that belong to a device are methods of its class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyspapr.handlers import Handler, Hypercall, Result, hypercall_row

__all__ = ["TABLE", "Handler", "Hypercall", "Result", "hypercall"]

TABLE: Final[dict[int, Hypercall]] = {}


def hypercall(number: int, name: str) -> Callable[[Handler], Handler]:
    """Add a function to the table of every machine created from now on."""

    def enter(handler: Handler) -> Handler:
        if number in TABLE:
            raise ValueError(f"hypercall {number:#x} is {TABLE[number].name} already, and {name} as well")
        TABLE[number] = hypercall_row(number, name, handler)
        return handler

    return enter
