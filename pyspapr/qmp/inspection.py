"""Commands that look into the guest: its memory, and what the human monitor shows. And the operator's interrupt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypedDict
from uuid import UUID

from pyspapr.debug.virtual import VirtualMemory
from pyspapr.errors import GuestAddressError
from pyspapr.migration.replacement import replacing
from pyspapr.partition.owner import owner
from pyspapr.qmp import human_commands as _human_commands  # noqa: F401 - fills the table
from pyspapr.qmp.descriptors import Descriptors
from pyspapr.qmp.errors import QmpError
from pyspapr.qmp.human import Human
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.registry import Where, command

PIECE: Final = 1 << 20
"""Bytes of guest memory that are copied at once."""


class UuidInfo(TypedDict):
    """The machine's UUID."""

    UUID: str


class KvmInfo(TypedDict):
    """Whether there is KVM in it."""

    enabled: bool
    present: bool


ChardevInfo = TypedDict("ChardevInfo", {"label": str, "filename": str, "frontend-open": bool})
MemorySizeSummary = TypedDict("MemorySizeSummary", {"base-memory": int, "plugged-memory": int})
CurrentMachine = TypedDict("CurrentMachine", {"wakeup-suspend-support": bool})


def _human(monitor: Monitor, descriptors: Descriptors, cpu_index: int | None) -> Human:
    if not 0 <= (index := cpu_index or 0) < len(monitor.vm.partition.cpus):
        raise QmpError("Parameter 'cpu-index' expects a CPU number")
    return Human(monitor, descriptors, index)


def _where(monitor: Monitor, keywords: dict[str, Any]) -> Where:
    return Human(monitor).where(keywords["command_line"])


@command("human-monitor-command", where=_where)
def human_monitor_command(
    monitor: Monitor, descriptors: Descriptors, command_line: str, cpu_index: int | None = None
) -> str:
    """Carry out a line of the human monitor and answer with its text; `help` is a line.

    `cpu-index` is the processor that the line means. A line that cannot be carried out is no error: the text says so.
    """
    return _human(monitor, descriptors, cpu_index).answer(command_line)


@command("inject-nmi")
def inject_nmi(monitor: Monitor) -> None:
    """Interrupt the guest as an operator does: every processor gets a system reset interrupt."""
    monitor.vm.partition.nmi()


def _save(filename: str, address: int, size: int, read: Callable[[int, int], bytes]) -> None:
    if address < 0 or size < 0:
        raise QmpError("an address and a size are 0 or more")

    def pieces() -> Iterator[bytes]:
        for at in range(0, size, PIECE):
            yield read(address + at, min(PIECE, size - at))

    with replacing(filename) as replacement:
        for piece in pieces():
            replacement.file.write(piece)


@command("memsave")
def memsave(monitor: Monitor, val: int, size: int, filename: str, cpu_index: int | None = None) -> None:
    """Save `size` bytes at the effective address `val` to a file, whole or not at all."""
    _human(monitor, Descriptors(), cpu_index)
    vm = monitor.vm.partition
    if size > len(vm.memory):
        raise QmpError(f"Invalid addr {val:#018x}/size {size} specified: the guest has {len(vm.memory)} bytes")
    memory = VirtualMemory(owner(vm, "the monitor"))
    try:
        _save(filename, val, size, memory.read)
    except GuestAddressError as error:
        raise QmpError(f"Invalid addr {val:#018x}/size {size} specified: {error}") from error


@command("pmemsave")
def pmemsave(monitor: Monitor, val: int, size: int, filename: str) -> None:
    """Save `size` bytes at the real address `val` to a file, whole or not at all."""
    vm = monitor.vm.partition
    if not 0 <= val <= val + size <= len(vm.memory):
        raise QmpError(f"Invalid addr {val:#018x}/size {size} specified: the guest has {len(vm.memory)} bytes")
    _save(filename, val, size, vm.memory.read)


@command("query-uuid", where=Where.ANYWHERE)
def query_uuid(monitor: Monitor) -> UuidInfo:
    """The machine's UUID."""
    return {"UUID": str(UUID(bytes=monitor.vm.partition.uuid))}


@command("query-kvm", where=Where.ANYWHERE)
def query_kvm(monitor: Monitor) -> KvmInfo:
    """That there is no KVM in it."""
    return {"enabled": False, "present": False}


@command("query-chardev", where=Where.ANYWHERE)
def query_chardev(monitor: Monitor) -> list[ChardevInfo]:
    """The console."""
    return [{"label": "console", "filename": "vty", "frontend-open": True}]


@command("query-memory-size-summary", where=Where.ANYWHERE)
def query_memory_size_summary(monitor: Monitor) -> MemorySizeSummary:
    """Bytes of RAM; none can be plugged."""
    return {"base-memory": monitor.vm.partition.config.ram_size, "plugged-memory": 0}


@command("query-current-machine", where=Where.ANYWHERE)
def query_current_machine(monitor: Monitor) -> CurrentMachine:
    """That a guest cannot suspend."""
    return {"wakeup-suspend-support": False}


@command("query-memory-devices", where=Where.ANYWHERE)
def query_memory_devices(monitor: Monitor) -> list[str]:
    """Always empty: no memory can be plugged."""
    return []


@command("query-iothreads", where=Where.ANYWHERE)
def query_iothreads(monitor: Monitor) -> list[str]:
    """Always empty: no device has a thread."""
    return []


@command("query-blockstats", where=Where.ANYWHERE)
def query_blockstats(monitor: Monitor) -> list[str]:
    """Always empty, as the machine has no block devices."""
    return []


@command("query-named-block-nodes", where=Where.ANYWHERE)
def query_named_block_nodes(monitor: Monitor) -> list[str]:
    """Always empty, as the machine has no block devices."""
    return []
