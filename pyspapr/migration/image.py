"""RAM as one block of a file that a restore maps, page-aligned and with holes for pages of zeroes.

Enters: RAM, all of it at once or in the chunks of a pass while the guest runs. Leaves: the record of an image and its
contents behind it, at the end of what a writer has written. Must hold: the digest in the record is that of the contents
as they are in the file; what the guest has written since they were read follows in other records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from pyspapr.migration.records import ALIGNMENT, CHECK, Image, Kind
from pyspapr.migration.stream import RECORD_HEAD, StreamWriter
from pyspapr.vmstate import cbor

if TYPE_CHECKING:
    from pyspapr.migration.file_transport import FileWriter, PlacedPages
    from pyspapr.migration.link import Link
    from pyspapr.partition import Partition

DIGEST: Final = 32
"""Bytes of the digest."""


def image_record(writer: StreamWriter, size: int, digest: bytes) -> Image:
    """The record of an image whose contents, behind it and their own head, begin on an aligned offset."""
    padding = 0
    for _ in range(3):  # a longer padding can lengthen heads, which changes what is needed
        payload = Image(size, digest, bytes(padding)).encode()
        head = len(RECORD_HEAD) + len(cbor.head(cbor.UNSIGNED, Kind.IMAGE)) + len(cbor.head(cbor.BYTES, len(payload)))
        begin = writer.offset + head + len(payload) + 1 + CHECK + len(cbor.head(cbor.BYTES, size))
        if begin % ALIGNMENT == 0:
            break
        padding = (padding - begin) % ALIGNMENT
    return Image(size, digest, bytes(padding))


def write_image(vm: Partition, writer: StreamWriter, file: BinaryIO) -> None:
    """All of RAM as it is."""
    size = vm.ram.size
    writer.record(image_record(writer, size, vm.ram.digest()))
    writer.raw(cbor.head(cbor.BYTES, size))
    file.flush()
    vm.ram.write_sparse(file.fileno(), writer.offset)
    writer.skip(size)
    file.seek(writer.offset)


class ImageInPasses:
    """The image of a machine whose guest runs, written by the link's sender.

    The record comes before the contents in the file and has their digest, so it is written when they are. Until then
    nothing else may be put on the link.
    """

    def __init__(self, transport: FileWriter, link: Link, writer: StreamWriter, size: int) -> None:
        """`size` is that of RAM."""
        self._transport = transport
        self._link = link
        self._writer = writer
        self._size = size
        self._pages: PlacedPages | None = None
        self._record: Image | None = None

    @property
    def begun(self) -> bool:
        """Whether the link is its alone."""
        return self._pages is not None

    def begin(self) -> None:
        """Keep room for the record. Raises MigrationError."""
        self._record = image_record(self._writer, self._size, bytes(DIGEST))
        self._pages = self._transport.pages(self._writer.offset + self._length, self._size)

    @property
    def _length(self) -> int:
        """Bytes before the contents."""
        assert self._record is not None
        return self._writer.length(self._record) + len(cbor.head(cbor.BYTES, self._size))

    def add(self, index: bytes, data: bytes) -> None:
        """Some pages."""
        pages = self._pages
        assert pages is not None
        self._link.put_placed(len(data), lambda: pages.add(index, data))

    def finish(self) -> None:
        """All pages that were not added are zero."""
        record, pages, transport, size = self._record, self._pages, self._transport, self._size
        assert record is not None and pages is not None
        self._writer.record_later(record, lambda: record.replace(digest=pages.finish()))
        self._writer.raw(cbor.head(cbor.BYTES, size))
        self._link.put_placed(0, lambda: transport.skip(size))
        self._writer.skip(size)
        self._pages = None
