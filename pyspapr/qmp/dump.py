"""dump-guest-memory, and how the last dump went."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, TypedDict

from pyspapr.debug import core
from pyspapr.debug.debugger import Debugger
from pyspapr.errors import SpaprError
from pyspapr.migration.replacement import replacing
from pyspapr.qmp.descriptors import Descriptors
from pyspapr.qmp.errors import QmpError
from pyspapr.qmp.monitor import DumpResult, Monitor
from pyspapr.qmp.registry import Where, command

ELF: Final = "elf"


class DumpCapability(TypedDict):
    """Formats of dumps."""

    formats: list[str]


@contextmanager
def taken(descriptors: Descriptors, name: str) -> Iterator[IO[bytes]]:
    """The client's file of that name, made empty. It is closed at the end. Raises QmpError for what is not a file."""
    number = descriptors.take(name)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        descriptors.give_back(name, number)
        raise QmpError(f"the file descriptor named '{name}' is not that of a regular file")
    with os.fdopen(number, "w+b") as file:
        file.seek(0)
        file.truncate()
        yield file


@command("dump-guest-memory")
def dump_guest_memory(
    monitor: Monitor,
    descriptors: Descriptors,
    paging: bool,
    protocol: str,
    detach: bool = False,
    begin: int | None = None,
    length: int | None = None,
    format: str = ELF,
) -> None:
    """Write a memory dump, an ELF core, to `file:PATH` or `fd:NAME`, which getfd has received; answer when it is there.

    A file is written whole or not at all; a descriptor must be that of a regular file. `begin` and `length` select RAM.
    `paging` and `detach` have no effect: the kernel's mappings are in every whole dump, and the guest waits for it.
    """
    if format != ELF:
        raise QmpError(f"Parameter 'format' does not accept value '{format}'; it is \"{ELF}\"")
    if (begin is None) != (length is None):
        raise QmpError(f"Parameter '{'begin' if begin is None else 'length'}' is missing")
    if begin is not None and (begin < 0 or length is None or length <= 0):
        raise QmpError("dump: no guest memory to dump")
    debug = Debugger(monitor.vm.partition)
    kind, _, place = protocol.partition(":")
    status = "failed"
    written = 0
    try:
        if kind == "file" and place:
            with replacing(place) as replacement:
                written = core.write(debug, replacement.file, begin or 0, length)
        elif kind == "fd" and place:
            with taken(descriptors, place) as file:
                written = core.write(debug, file, begin or 0, length)
        else:
            raise QmpError("Invalid parameter 'protocol'")
        status = "completed"
    except OSError as error:
        raise error if isinstance(error, SpaprError) else QmpError(f"dump: {error.strerror or error}") from error
    finally:
        total = written or len(debug.vm.memory)
        monitor.dumped = {"status": status, "completed": written, "total": total}
    monitor.vm.partition.events.emit("DUMP_COMPLETED", result=dict(monitor.dumped))


@command("query-dump", where=Where.ANYWHERE)
def query_dump(monitor: Monitor) -> DumpResult:
    """How the last dump went."""
    return monitor.dumped or {"status": "none", "completed": 0, "total": 0}


@command("query-dump-guest-memory-capability", where=Where.ANYWHERE)
def query_dump_guest_memory_capability(monitor: Monitor) -> DumpCapability:
    """The formats of dumps."""
    return {"formats": [ELF]}
