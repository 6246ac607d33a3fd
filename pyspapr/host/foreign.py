"""Identifies a file of an unexpected kind by its first bytes, for error messages."""

from __future__ import annotations

from typing import Final

HEAD: Final = 512
"""Bytes that are enough to tell."""

MAGICS: Final = (
    (0, b"QEVM", "a QEMU migration stream"),
    (0, b"LibvirtQemud", "a machine that libvirt saved from QEMU"),
    (0, b"QFI\xfb", "a qcow2 disk image"),
    (0, b"KDMV", "a VMDK disk image"),
    (0, b"conectix", "a VHD disk image"),
    (0, b"vhdxfile", "a VHDX disk image"),
    (0, b"\x7fELF", "an ELF file"),
    (0, b"KDUMP   ", "a kernel dump"),
    (0, b"\xd0\x0d\xfe\xed", "a device tree"),
    (0, b"070701", "a cpio archive"),
    (0, b"070702", "a cpio archive"),
    (0, b"\xc7\x71", "a cpio archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "gzip data"),
    (0, b"\xfd7zXZ\x00", "xz data"),
    (0, b"(\xb5/\xfd", "zstd data"),
    (0, b"\x04\x22\x4d\x18", "lz4 data"),
    (0, b"BZh", "bzip2 data"),
    (510, b"\x55\xaa", "a disk image"),
)
SAVED: Final = b"pyspapr machine"
"""In the first record of a machine that was saved or migrated."""
SHOWN: Final = 16


def kind_of(head: bytes) -> str:
    """The kind of a file whose first bytes, at most `HEAD`, are `head`."""
    if not head:
        return "an empty file"
    if SAVED in head[:32]:
        return "a saved machine"
    for offset, magic, kind in MAGICS:
        if head.startswith(magic, offset):
            return kind
    if not head.strip(b"\0"):
        return "a file of zeroes"
    if is_text(head):
        return "text"
    return f"a file that begins with {head[:SHOWN].hex(' ')}"


def is_text(head: bytes) -> bool:
    """Whether it looks like text: UTF-8, perhaps cut in a character, without control characters."""
    try:
        text = head[: HEAD - 4].decode() if len(head) == HEAD else head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head[: HEAD - 4]) - 4 or len(head) < HEAD:
            return False
        text = head[: error.start].decode()
    return all(character.isprintable() or character in "\t\n\r\f" for character in text)
