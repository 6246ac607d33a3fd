"""A machine frozen in memory: RAM copy-on-write, the rest as a stream without RAM.

Taking one costs a copy of the hash table's entries and the devices; each fork shares RAM with its snapshot and with
the other forks until it writes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Generic

from pyspapr._native import Ram, RamSnapshot
from pyspapr.config import Engine, check_function
from pyspapr.errors import StateError
from pyspapr.host.limits import host_limits
from pyspapr.migration import save
from pyspapr.migration.load import Loader
from pyspapr.migration.prepare import Build, M, unchanged
from pyspapr.migration.stream import StreamReader, StreamWriter
from pyspapr.partition import Partition


class Snapshot(Generic[M]):
    """A frozen machine, from which any number of machines can be made."""

    def __init__(self, ram: RamSnapshot, records: bytes, build: Build[M], prepare: Callable[[M], None]) -> None:
        """`build` makes the forks."""
        self._ram = ram
        self._records = records
        self._build = build
        self._prepare = prepare

    @host_limits("fork a machine")
    def fork(self, engine: Engine | None = None) -> M:
        """A machine in the state of the snapshot, run by `engine`."""
        reader = StreamReader(io.BytesIO(self._records).read)
        try:
            ram = Ram.from_snapshot(self._ram)
        except OSError as error:
            raise StateError(f"the host cannot provide a fork's memory: {error}") from error
        loader = Loader(reader, self._build, prepare=self._prepare, ram=ram, engine=engine)
        while loader.end is None:
            loader.feed(reader.next())
        return loader.finish()

    def __len__(self) -> int:
        """Bytes of everything but RAM."""
        return len(self._records)


def take(build: Build[M], vm: Partition, prepare: Callable[[M], None] = unchanged) -> Snapshot[M]:
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
    vm.flush_translations()
    return Snapshot(ram, buffer.getvalue(), build, prepare)
