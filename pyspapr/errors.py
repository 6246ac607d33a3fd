"""Every exception pyspapr raises on purpose.

A guest's own faults are not exceptions (they are interrupts inside the guest, or a `StopReason` when they end a run),
and a hypercall's refusal is a return code. What is here is trouble of the caller or of ours; the message is one line
that says what, where, wanted and got.
"""

from __future__ import annotations


class SpaprError(Exception):
    """Base of every error of this package."""


class ConfigError(SpaprError, ValueError):
    """A machine description that cannot be built: memory size, processor name, table size."""


class ImageError(SpaprError):
    """A kernel, initrd or device tree that cannot be loaded."""


class GuestAddressError(SpaprError, IndexError):
    """An access outside guest RAM. `address` and `length` are what was asked for."""

    def __init__(self, message: str, address: int = 0, length: int = 0) -> None:
        """Keep the range beside the message."""
        super().__init__(message)
        self.address = address
        self.length = length


class ExpectError(SpaprError):
    """The run ended before the text that was waited for appeared on the console."""


class StateError(SpaprError, RuntimeError):
    """An operation the machine's state does not allow, such as running before a kernel is loaded."""
