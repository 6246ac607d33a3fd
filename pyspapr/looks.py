"""The verbs that look into a guest's kernel: names, virtual memory, call chain, log, and what went wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Unpack

from pyspapr.errors import ExpectError
from pyspapr.results import Hung, Panicked

if TYPE_CHECKING:  # and imported when somebody looks
    import os

    import drgn

    from pyspapr.debug.debugger import Debugger
    from pyspapr.debug.failures import KernelLog
    from pyspapr.debug.virtual import VirtualMemory
    from pyspapr.hooks.hooks import Hooks
    from pyspapr.hooks.injection import Fault, Injection
    from pyspapr.hooks.sanitizer import Finding, Sanitizer
    from pyspapr.partition import Partition
    from pyspapr.trace.events import TraceEvent
    from pyspapr.trace.trace import Trace


class Looks:
    """A part of `Machine`."""

    partition: Partition

    @cached_property
    def debug(self) -> Debugger:
        """The guest's kernel: names, virtual memory, call chain, log."""
        from pyspapr.debug.debugger import Debugger

        return Debugger(self.partition)

    @property
    def virtual(self) -> VirtualMemory:
        """As `debug.virtual`: memory by virtual address."""
        return self.debug.virtual

    @property
    def log(self) -> KernelLog:
        """As `debug.log`: the kernel's log, read from memory."""
        return self.debug.log

    @cached_property
    def hooks(self) -> Hooks:
        """Functions that are called where the guest comes by: code, memory, calls, interrupts, console lines."""
        from pyspapr.hooks.hooks import Hooks

        return Hooks(self)

    def trace(
        self,
        *kinds: str,
        limit: int = 1_000_000,
        every: int = 1_000_000,
        sink: Callable[[TraceEvent], object] | None = None,
    ) -> Trace:
        """Trace what the guest does, until the end of its context: `hcall`, `rtas`, `irq`, `mmu`, `syscall`, `context`,
        `console` and `stack`, the call chain at every so many instructions. Changes no instruction count.

        The latest `limit` events are kept; with `sink` none, but it is called with each. Raises ConfigError for other
        kinds, and KeyError for a kernel without what one needs.
        """
        from pyspapr.trace.trace import Trace

        return Trace(self.hooks, kinds, limit=limit, every=every, sink=sink)

    def drgn(self, vmlinux: str | os.PathLike[str] | None = None) -> drgn.Program:
        """A program of drgn's (`pip install pyspapr[drgn]`) on this machine, with debugging information of `vmlinux`.

        It reads memory while no instruction runs, at the kernel's effective addresses (linear mapping, vmalloc, page
        descriptors) and at real ones, and does not keep the machine. Raises StateError if no Linux runs yet, and
        ImportError without drgn.
        """
        from pyspapr.debug.drgn_kernel import program

        return self.partition.call(lambda: program(self.partition, vmlinux))

    def inject(self, **fault: Unpack[Fault]) -> Injection:
        """Inject faults from now on, until `remove` or the end of its `with`; its `log` lists them.

        `vm.inject(hcall="H_ENTER", returns="H_PTEG_FULL", every=7, seed=3)`; `hooks.injection` has all there are.
        Raises TypeError for keywords that do not go together, ConfigError and KeyError for what there is not.
        """
        from pyspapr.hooks.injection import Injection

        return Injection(self, fault)

    def sanitize(self, found: Callable[[Finding], object] | None = None) -> Sanitizer:
        """Look for what the kernel does wrong with its hash page table; `findings` has it, with call chains.

        `found` is called with each; what it raises ends the run.
        """
        from pyspapr.hooks.sanitizer import Sanitizer

        return Sanitizer(self, found)

    def check(self) -> None:
        """Raise what is wrong in the guest, if anything is: GuestPanic, GuestOops, GuestHang or GuestWarning.

        That is how the guest has ended, or the first report in its kernel's log. Raises StateError without such a log.
        """
        from pyspapr.debug.failures import check

        check(self.debug)

    def symbol(self, name: str) -> int:
        """As `debug.symbol`: the address of a name of the kernel's. Raises KeyError."""
        return self.debug.symbol(name)

    def symbolize(self, address: int) -> str:
        """As `debug.symbolize`: `name+0x10/0x40`, or the address alone."""
        return self.debug.symbolize(address)

    @contextmanager
    def _facts(self) -> Iterator[None]:
        """An ExpectError within gets the `failure` of a guest that panicked or hung."""
        try:
            yield
        except ExpectError as error:
            if not isinstance(error.reason, Panicked | Hung):
                raise
            from pyspapr.debug.failures import ending

            error.failure = ending(self.debug)
            raise error from error.failure
