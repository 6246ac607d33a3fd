"""A machine in a file.

A file replaces an older one once it is complete and synced (see `replacement`). Without
compression RAM is an image: page-aligned, with holes for pages of zeroes, and a restore maps it copy-on-write, so it
costs only the pages that the guest touches. The file must not be changed while a machine runs from it.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from pyspapr._native import Marks, Ram, Start
from pyspapr.errors import ConfigError, ImageFileError, StateError, StreamError
from pyspapr.host import paths
from pyspapr.host.foreign import HEAD, kind_of
from pyspapr.host.paths import shown
from pyspapr.migration import save
from pyspapr.migration.compression import Compression, unknown
from pyspapr.migration.file_transport import READ_BUFFER
from pyspapr.migration.image import write_image
from pyspapr.migration.load import Loader, refuse
from pyspapr.migration.prepare import Build, M, unchanged
from pyspapr.migration.records import ALIGNMENT, Header, Image, Kind, Record
from pyspapr.migration.replacement import replacing
from pyspapr.migration.stream import RECORD_HEAD, StreamReader, StreamWriter
from pyspapr.vmstate import cbor

if TYPE_CHECKING:
    from pyspapr.partition import Partition

Path = str | os.PathLike[str]
PIECE: Final = 1 << 20
"""Bytes of an image that are read at once where it cannot be mapped."""


# Saving.


def save_file(vm: Partition, path: Path, base: Path | None, compression: Compression | None) -> None:
    """Write `vm`; see `Machine.save`."""
    if (wrong := unknown(compression)) is not None:
        raise ConfigError(wrong)
    save.prepare(vm)
    with replacing(path) as replacement:
        file = replacement.file
        writer = StreamWriter(file.write)
        if base is not None:
            write_after(vm, writer, base, compression)
        else:
            save.write_head(vm, writer)
            save.write_table(vm, writer)
            if compression is None:
                write_image(vm, writer, file)
            else:
                save.write_ram(vm.ram.start_pass(Start.Untracked()), writer, compression)
        save.write_tail(vm, writer)
    if base is None:
        set_base(vm, writer.check)


def set_base(vm: Partition, check: bytes) -> None:
    """Track changes from now on against the file whose last check is `check`."""
    vm.ram.set_base()
    vm.hpt.set_base()
    for cpu in vm.cpus:
        cpu.vcpu.protect_writes()
    vm.base = check


def write_after(vm: Partition, writer: StreamWriter, base: Path, compression: Compression | None) -> None:
    """What was written since the machine was saved to `base` or restored from it. The marks stay for the next time."""
    with open_file(base) as file, named(base):
        check = check_of_file(file)
    if vm.base != check:
        raise StateError(f"{shown(base)} is not the file that this machine was last saved to or restored from")
    save.write_head(vm, writer, check)
    table = None
    if vm.hpt.has_base:
        table = vm.hpt.start_pass(Start.Changes(Marks.BASE))
    pages = vm.ram.start_pass(Start.Changes(Marks.BASE))
    try:
        if table is None:  # a resized table shares nothing with the base's
            save.write_table(vm, writer)
        else:
            save.write_hpt(table, writer)
        save.write_ram(pages, writer, compression)
    finally:
        pages.put_back()
        if table is not None:
            table.put_back()
        for cpu in vm.cpus:
            cpu.vcpu.protect_writes()


# Restoring.


def open_file(path: Path) -> io.BufferedReader[io.FileIO]:
    """Open a saved machine for reading. Raises ImageError, and StreamError for a file of another kind."""
    try:
        file = paths.open_file(path, READ_BUFFER)
        try:
            head = file.peek(HEAD)[:HEAD]
            if head.startswith(RECORD_HEAD):
                return file
        except BaseException:
            file.close()
            raise
        file.close()
    except OSError as error:
        message = f"{shown(path)} cannot be read: {error.strerror or error}"
        raise ImageFileError.of(message, error, shown(path)) from error
    kind = kind_of(head)
    raise StreamError(f"{shown(path)}: {kind}, not a saved machine", "header", 0, "a saved machine", kind)


class FileLoader(Loader[M]):
    """A loader for images: it maps them if the file allows it and reads them otherwise."""

    def __init__(
        self,
        reader: StreamReader,
        file: BinaryIO | None,
        build: Build[M] | None,
        *,
        prepare: Callable[[M], None] = unchanged,
        verify: bool = False,
        vm: M | None = None,
        watch: Callable[[], object] | None = None,
        largest_table: int | None = None,
    ) -> None:
        """`verify` compares the image with its digest, which reads all of it; what `watch` raises ends that."""
        super().__init__(reader, build, prepare=prepare, vm=vm, largest_table=largest_table)
        self.file = file
        self.verify = verify
        self.watch = watch

    def feed(self, record: Record) -> None:
        if isinstance(record, Image):
            self.on_image(record)
        else:
            super().feed(record)

    def on_image(self, image: Image) -> None:
        assert self.config is not None
        reader = self.reader
        if self.ram is not None:
            raise refuse("RAM image", "image", reader.start, "one image, before any page", "another")
        wanted = cbor.head(cbor.BYTES, self.config.ram_size)
        offset = reader.offset
        got = reader.exactly(len(wanted), "image")
        if image.size != self.config.ram_size or got != wanted:
            raise refuse("RAM image", "image", offset, f"{self.config.ram_size} bytes", image.size)
        if reader.offset % ALIGNMENT:
            raise refuse("RAM image", "image", reader.offset, f"a multiple of {ALIGNMENT:#x}", reader.offset)
        if self.mappable():
            self._map(image.size)
        else:
            self._copy(image.size)
        if self.verify and image.digest and (digest := self.memory().digest(self.watch)) != image.digest:
            raise refuse("RAM image", "image", reader.start, image.digest.hex(), digest.hex())

    def mappable(self) -> bool:
        """Whether the file can be mapped at the current offset."""
        if self.file is None:
            return False
        try:
            return stat.S_ISREG(os.fstat(self.file.fileno()).st_mode) and self.file.tell() == self.reader.offset
        except (OSError, ValueError, io.UnsupportedOperation):
            return False

    def _map(self, size: int) -> None:
        reader, file = self.reader, self.file
        assert file is not None
        length = os.fstat(file.fileno()).st_size
        if length < reader.offset + size:
            raise refuse("RAM image", "image", reader.offset, f"{size} bytes", f"{length - reader.offset}")
        offset = reader.offset
        self.ram = self.allocate(lambda: Ram.map_file(file.fileno(), offset, size))
        reader.skip(size)
        file.seek(reader.offset)

    def _copy(self, size: int) -> None:
        ram = self.memory()
        zeroes = bytes(PIECE)
        for address in range(0, size, PIECE):
            piece = self.reader.exactly(min(PIECE, size - address), "image")
            if piece != zeroes:
                ram.write(address, piece)
            if self.watch is not None:
                self.watch()


def records_of(reader: StreamReader, file: BinaryIO) -> Iterator[Record]:
    """Every record of a file, checked; the contents of an image are skipped. Raises StreamError."""
    while reader.last is not Kind.END:
        record = reader.next()
        yield record
        if isinstance(record, Image):
            _, size, _ = reader.head("image")
            if size > os.fstat(file.fileno()).st_size - reader.offset:
                raise refuse("RAM image", "image", reader.offset, f"{size} bytes", "the end of the file")
            reader.skip(size)
            file.seek(reader.offset)
    reader.finish()


def check_of_file(file: BinaryIO) -> bytes:
    """The last check of a file that stands alone."""
    reader = StreamReader(file.read)
    for record in records_of(reader, file):
        if isinstance(record, Header) and record.base:
            raise StateError("a base must stand alone, and this file has a base itself")
    return reader.check


def read_all(reader: StreamReader, loader: Loader[Any]) -> None:
    """Every record of a stream that holds nothing else. Raises StreamError."""
    while loader.end is None:
        loader.feed(reader.next())
    reader.finish()


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Errors say which file they are about."""
    try:
        yield
    except StreamError as error:
        raise error.within(shown(path)) from error


def load_file(
    file: BinaryIO,
    build: Build[M],
    *,
    prepare: Callable[[M], None] = unchanged,
    base: BinaryIO | None = None,
    verify: bool = False,
) -> M:
    """A machine from an open file, which holds nothing else. Raises StreamError."""
    below = None if base is None else load_base(base, verify)
    return load_above(file, build, prepare, below, verify)


def load_base(file: BinaryIO, verify: bool) -> FileLoader[Any]:
    """RAM and hash table of an open file, for another that continues it. Raises StreamError."""
    below: FileLoader[Any] = FileLoader(StreamReader(file.read), file, None, verify=verify)
    read_all(below.reader, below)
    return below


def load_above(
    file: BinaryIO, build: Build[M], prepare: Callable[[M], None], below: FileLoader[Any] | None, verify: bool
) -> M:
    """A machine from an open file that continues `below`, if that is there. Raises StreamError."""
    reader = StreamReader(file.read)
    loader = FileLoader(reader, file, build, prepare=prepare, verify=verify)
    if below is not None:
        loader.continue_from(below.reader.check, below.memory(), below.hpt)
    read_all(reader, loader)
    vm = loader.finish()
    if below is None:
        set_base(vm.partition, reader.check)
    return vm


def restore_file(
    build: Build[M],
    path: Path,
    *,
    base: Path | None = None,
    prepare: Callable[[M], None] = unchanged,
    verify: bool = False,
) -> M:
    """A machine from `path`; see `Machine.restore`."""
    with open_file(path) as file:
        below = None
        if base is not None:
            with open_file(base) as base_file, named(base):
                below = load_base(base_file, verify)
        with named(path):
            return load_above(file, build, prepare, below, verify)
