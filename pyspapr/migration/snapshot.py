"""A machine frozen in memory: RAM copy-on-write, the rest as a stream without RAM.

Taking one costs a copy of the hash table's entries and the devices; each fork shares RAM with its snapshot and with
the other forks until it writes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pyspapr._native import Ram, RamSnapshot
from pyspapr.config import Engine, check_function
from pyspapr.errors import StateError
from pyspapr.host.limits import host_limits
from pyspapr.migration import save
from pyspapr.migration.load import Loader, Prepare
from pyspapr.migration.prepare import unchanged
from pyspapr.migration.stream import StreamReader, StreamWriter

if TYPE_CHECKING:
    from pyspapr.machine import Machine


class Snapshot:
    """A frozen machine, from which any number of machines can be made."""

    def __init__(self, ram: RamSnapshot, records: bytes, prepare: Prepare) -> None:
        self._ram = ram
        self._records = records
        self._prepare = prepare

    @host_limits("fork a machine")
    def fork(self, engine: Engine | None = None) -> Machine:
        """A machine in the state of the snapshot, run by `engine`."""
        reader = StreamReader(io.BytesIO(self._records).read)
        try:
            ram = Ram.from_snapshot(self._ram)
        except OSError as error:
            raise StateError(f"the host cannot provide a fork's memory: {error}") from error
        loader = Loader(reader, prepare=self._prepare, ram=ram, engine=engine)
        while loader.end is None:
            loader.feed(reader.next())
        return loader.finish()

    def __len__(self) -> int:
        """Bytes of everything but RAM."""
        return len(self._records)


def take(vm: Machine, prepare: Prepare = unchanged) -> Snapshot:
    """Freeze `vm`; see `Machine.snapshot`."""
    check_function("prepare", prepare)
    save.prepare(vm)
    buffer = io.BytesIO()
    writer = StreamWriter(buffer.write)
    save.write_head(vm, writer)
    save.write_table(vm, writer)
    save.write_tail(vm, writer)
    try:
        ram = vm.ram.snapshot()
    except OSError as error:  # no descriptor is left, for one
        raise StateError(f"the host cannot freeze this machine's memory: {error}") from error
    for cpu in vm.cpus:
        cpu.vcpu.flush_translations()
    return Snapshot(ram, buffer.getvalue(), prepare)
