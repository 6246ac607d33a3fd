"""`vm.sanitize`: what a kernel does wrong with its hash page table, as it happens.

    with vm.sanitize() as sanitizer:
        vm.shell("stress")
    assert not sanitizer.findings

Enters: the guest's hypercalls on the table. Leaves: findings, each with the kernel's call chain:

`duplicate`
    H_ENTER has made a second valid entry for a page: which of the two a processor uses is undefined.
`bolted`
    An entry that the kernel has marked never to be evicted was removed by its place (H_REMOVE or H_BULK_REMOVE without
    H_AVPN), as an eviction does it.
`lost`
    A bolted entry that was entered meanwhile is no longer what was entered, and no hypercall has changed it: something
    else has written to the table. `check` looks for these.
`outside`
    H_ENTER was asked for a real page where there is neither RAM nor a device.

Stale translations are not looked for: hypercalls on this machine's table leave none behind. The guest runs as without
the sanitizer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from pyspapr._native import (
    BULK_AVPN,
    BULK_END,
    BULK_FLAGS,
    BULK_PTEX,
    BULK_REQUEST,
    BULK_TYPE,
    GROUP_SLOTS,
    H_AVPN,
    HPTE_BOLTED,
    HPTE_HYPERVISOR,
    HPTE_LARGE,
    HPTE_PAGE,
    HPTE_RC,
    HPTE_RPN,
    HPTE_VALID,
)
from pyspapr.hooks.events import CallEvent
from pyspapr.partition.owner import owner
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.partition import Partition

HPTE_RPN_LARGE: Final = HPTE_RPN & ~0xFFFF
"""Of a large page: the bits below say how large it is."""


class Finding(Plain):
    """Something that is wrong with the table."""

    kind: str
    instructions: int
    text: str
    calls: list[str]
    """The kernel's call chain, innermost first."""

    def __str__(self) -> str:
        """In lines for a person."""
        return "\n    ".join([f"{self.kind}: {self.text}, at instruction {self.instructions}", *self.calls])


class Sanitizer:
    """Of one machine, until `remove`. A context manager."""

    def __init__(self, machine: Any, found: Callable[[Finding], object] | None) -> None:
        """Call `found` at each finding; what it raises ends the run behind the hypercall."""
        self._owner = owner(machine, "this sanitizer")
        self._found = found
        self.findings: list[Finding] = []
        """What was found, in order."""
        self._bolted: dict[int, tuple[int, int]] = {}
        self._asked_for: list[tuple[int, int, bool]] = []
        hooks = machine.hooks
        self._hooks = [
            hooks.hypercall("H_ENTER", after=self._entered),
            hooks.hypercall("H_REMOVE", self._removes, self._removed),
            hooks.hypercall("H_BULK_REMOVE", self._removes_many, self._removed),
            hooks.hypercall("H_PROTECT", after=self._protected),
        ]

    @property
    def _vm(self) -> Partition:
        partition: Partition = self._owner().partition
        return partition

    def remove(self) -> None:
        """Look no more. Doing so again does nothing."""
        for hook in self._hooks:
            hook.remove()

    def __enter__(self) -> Self:
        """It is there already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Look once more at bolted entries, unless there is an error already, and no more then."""
        try:
            if error is None:
                self.check()
        finally:
            self.remove()

    def _report(self, kind: str, text: str) -> None:
        machine = self._owner()
        calls = [str(frame) for frame in machine.debug.backtrace()]
        finding = Finding(kind, machine.instructions, text, calls)
        self.findings.append(finding)
        if self._found is not None:
            self._found(finding)

    def _entry(self, ptex: int) -> tuple[int, int]:
        table = self._owner().hpt
        if not 0 <= ptex < len(table):
            return 0, 0
        v, r = table[ptex]
        return v & ~HPTE_HYPERVISOR, r

    def check(self) -> None:
        """Report bolted entries that something else than a hypercall has changed."""
        for ptex, (v, r) in list(self._bolted.items()):
            now = self._entry(ptex)
            if (now[0], now[1] & ~HPTE_RC) != (v, r & ~HPTE_RC):
                del self._bolted[ptex]
                self._report(
                    "lost", f"the bolted entry {ptex:#x} was ({v:#x}, {r:#x}) and is ({now[0]:#x}, {now[1]:#x})"
                )

    def _entered(self, event: CallEvent) -> None:
        results = event.results or (0,)
        _, wanted, v, r, *_ = event.arguments
        if results[0] != 0:
            page = r & (HPTE_RPN_LARGE if v & HPTE_LARGE else HPTE_RPN)
            if page >= len(self._vm.memory) and not self._vm.space.covers(page):
                self._report("outside", f"H_ENTER at {wanted:#x} of real page {page:#x}, where nothing is")
            return
        ptex = results[1]
        v, r = self._entry(ptex)
        if v & HPTE_BOLTED:
            self._bolted[ptex] = v, r
        for other in self._others(ptex):
            if (found := self._entry(other)[0]) & HPTE_VALID and (found ^ v) & HPTE_PAGE == 0:
                self._report("duplicate", f"entries {other:#x} and {ptex:#x} are both of page {v & HPTE_PAGE:#x}")

    def _others(self, ptex: int) -> Iterator[int]:
        """The other places where an entry of the same page can be: its group, and that of the other hash."""
        groups = len(self._owner().hpt) // GROUP_SLOTS
        for group in (ptex // GROUP_SLOTS, ~(ptex // GROUP_SLOTS) % groups):
            yield from (place for place in range(group * GROUP_SLOTS, (group + 1) * GROUP_SLOTS) if place != ptex)

    def _protected(self, event: CallEvent) -> None:
        if (ptex := event.arguments[1]) in self._bolted:
            self._bolted[ptex] = self._entry(ptex)

    def _removes(self, event: CallEvent) -> None:
        flags, ptex, *_ = event.arguments
        self._asked_for.clear()
        self._asked(ptex, bool(flags & H_AVPN))

    def _removes_many(self, event: CallEvent) -> None:
        self._asked_for.clear()
        for request in event.arguments[0:8:2]:
            kind = request & BULK_TYPE
            if kind == BULK_END:
                break
            if kind == BULK_REQUEST:
                self._asked(request & BULK_PTEX, request & BULK_FLAGS == BULK_AVPN)

    def _asked(self, ptex: int, by_page: bool) -> None:
        v, _ = self._entry(ptex)
        if v & HPTE_VALID and v & HPTE_BOLTED:
            self._asked_for.append((ptex, v, by_page))

    def _removed(self, event: CallEvent) -> None:
        for ptex, v, by_page in self._asked_for:
            if self._entry(ptex)[0] == v:
                continue  # it was asked to leave bolted ones alone
            self._bolted.pop(ptex, None)
            if not by_page:
                self._report("bolted", f"the bolted entry {ptex:#x} of page {v & HPTE_PAGE:#x} was evicted")
