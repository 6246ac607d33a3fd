"""Writing a stopped machine to a stream, part by part. The caller decides where RAM comes from.

Everything here runs while no instruction does (`Machine.call`); nothing here changes the guest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr import vmstate
from pyspapr._native import Start
from pyspapr.errors import StateError
from pyspapr.migration.records import Device, Header, HptChunk, RamChunk, Schemas, Table
from pyspapr.migration.stream import StreamWriter

if TYPE_CHECKING:
    from pyspapr._native import HptPass, RamPass
    from pyspapr.migration.compression import Compression
    from pyspapr.partition import Partition

SAVED_CHUNK: Final = 1 << 20
"""Bytes of contents in one record of RAM or of the hash table."""


def prepare(vm: Partition) -> None:
    """Check before a save that the guest is here and between two instructions. Raises StateError."""
    if vm.serving:
        raise StateError("a machine cannot be saved by a hypercall handler: the hypercall has no result yet")
    if vm.absent is not None:
        raise StateError(f"{vm.absent}: this machine cannot be saved")
    vmstate.check(vm)


def header(vm: Partition, base: bytes = b"") -> Header:
    """The header of `vm`; `base` is the last check of the file that this stream continues."""
    parts = [
        {"name": section.name, "instance": section.instance, "version": section.vmstate.version}
        for section in vmstate.sections(vm)
    ]
    return Header(Header.describe(vm.config, vm.config.table_shift, vm.config.epoch), parts, base)


def write_head(vm: Partition, writer: StreamWriter, base: bytes = b"") -> Schemas:
    writer.record(header(vm, base))
    schemas = Schemas(vmstate.layouts(vm))
    writer.record(schemas)
    return schemas


def write_new_schemas(vm: Partition, writer: StreamWriter, described: Schemas) -> None:
    """Write schemas again if the guest now needs a subsection that they do not describe."""
    schemas = Schemas(vmstate.layouts(vm))
    if schemas != described:
        writer.record(schemas)


def write_devices(vm: Partition, writer: StreamWriter) -> None:
    """Every section, in the order in which it will be loaded."""
    for section in vmstate.sections(vm):
        body = section.vmstate.save(section.target)
        writer.record(Device(section.name, section.instance, section.vmstate.version, body))


def write_tail(vm: Partition, writer: StreamWriter) -> None:
    write_devices(vm, writer)
    writer.end(vm.hpt.digest())


def write_ram(taken: RamPass, writer: StreamWriter, compression: Compression | None) -> None:
    """What is left of a pass over RAM."""
    while (chunk := taken.next(SAVED_CHUNK, compression)) is not None:
        index, data, pages, zero_pages = chunk
        writer.record(RamChunk(pages, zero_pages, compression or "", index, data))


def write_hpt(taken: HptPass, writer: StreamWriter) -> None:
    """What is left of a pass over the hash table."""
    while (chunk := taken.next(SAVED_CHUNK)) is not None:
        data, valid, invalid = chunk
        writer.record(HptChunk(valid, invalid, data))


def write_table(vm: Partition, writer: StreamWriter) -> None:
    """The whole hash table: its size, then its valid entries. Dirty marks belong to migrations and stay."""
    writer.record(Table(vm.hpt.shift))
    write_hpt(vm.hpt.start_pass(Start.Untracked()), writer)
