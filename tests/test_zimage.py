"""Kernels that are packed: compressed ones, and those inside Linux's boot wrapper."""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from images import BASE, POWER_OFF, assemble, elf, write_kernel, zimage

from pyspapr import ImageError, Machine, PoweredOff
from pyspapr.boot import place
from pyspapr.boot.symbols import read_symbols

RAM = 32 << 20
KERNEL = ".kernel:vmlinux.strip"
INITRD = ".kernel:initrd"
ARGUMENTS = "__builtin_cmdline"
BLOCK = 128 << 10


def zstd(*blocks: tuple[int, bytes], size: int) -> bytes:
    """A Zstandard frame of blocks that are raw (kind 0) or one byte repeated (kind 1): RFC 8878, 3.1.1."""
    frame = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", size)
    for index, (kind, data) in enumerate(blocks):
        length, content = (len(data), data) if kind == 0 else (BLOCK, data[:1])
        frame += ((index == len(blocks) - 1) | kind << 1 | length << 3).to_bytes(3, "little") + content
    return frame


def zstd_raw(data: bytes) -> bytes:
    return zstd(*((0, data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)), size=len(data))


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zstd": zstd_raw,
}
WRAPPERS = {"le": (True, True), "be": (True, False), "be32": (False, False)}
"""64-bit little-endian, as of a little-endian kernel; 64-bit big-endian; 32-bit, as of a big-endian kernel."""


def kernel(*, little: bool = False) -> bytes:
    """One that powers off, large enough to be unpacked in several pieces. A processor starts big-endian."""
    return elf(assemble(*POWER_OFF), little=little) + bytes(range(256)) * 16384


def machine(tmp_path: Path, image: bytes, *, memory: int = RAM, **more: object) -> Machine:
    (tmp_path / "kernel").write_bytes(image)
    vm = Machine(memory=memory)
    vm.load_kernel(tmp_path / "kernel", **more)  # type: ignore[arg-type]
    return vm


def refusal(tmp_path: Path, image: bytes, **more: object) -> str:
    """The one line; and nothing was written."""
    (tmp_path / "kernel").write_bytes(image)
    vm = Machine(memory=RAM)
    before = vm.partition.ram.digest()
    with pytest.raises(ImageError) as caught:
        vm.load_kernel(tmp_path / "kernel", **more)  # type: ignore[arg-type]
    assert vm.partition.ram.digest() == before and "\n" not in str(caught.value)
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize("little", [False, True])
@pytest.mark.parametrize("packing", PACKINGS)
def test_a_compressed_kernel_is_the_kernel(tmp_path: Path, packing: str, little: bool) -> None:
    vm = machine(tmp_path, PACKINGS[packing](kernel(little=little)))
    assert vm.cpus[0].pc == BASE
    assert vm.run(timeout=20) == PoweredOff()
    (tmp_path / "plain").mkdir()
    plain = machine(tmp_path / "plain", kernel(little=little))
    assert plain.run(timeout=20) == PoweredOff()
    assert plain.state_hash() == vm.state_hash()


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_the_kernel_in_a_wrapper_is_the_kernel(tmp_path: Path, packing: str, wrapper: str) -> None:
    wide, little = WRAPPERS[wrapper]
    image = zimage({".text": bytes(64), KERNEL: PACKINGS[packing](kernel()), INITRD: b""}, wide=wide, little=little)
    vm = machine(tmp_path, image)
    assert vm.run(timeout=20) == PoweredOff()
    (tmp_path / "plain").mkdir()
    plain = machine(tmp_path / "plain", kernel())
    assert plain.run(timeout=20) == PoweredOff()
    assert plain.state_hash() == vm.state_hash()


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("outer", PACKINGS)
def test_what_is_attached_to_a_wrapper_is_what_could_have_been_given(tmp_path: Path, outer: str, wrapper: str) -> None:
    wide, little = WRAPPERS[wrapper]
    initrd = b"attached" * 100_000
    sections = {KERNEL: gzip.compress(kernel()), INITRD: initrd, ARGUMENTS: b"built in".ljust(512, b"\0")}
    vm = machine(tmp_path, PACKINGS[outer](zimage(sections, wide=wide, little=little)))
    (tmp_path / "initrd").write_bytes(initrd)
    (tmp_path / "plain").mkdir()
    plain = machine(tmp_path / "plain", kernel(), initrd=tmp_path / "initrd", append="built in")
    assert vm.memory.read(place.align_up(BASE + 4 * len(POWER_OFF) + place.GAP), len(initrd)) == initrd
    assert plain.state_hash() == vm.state_hash()


def test_a_wrapper_without_attachments_takes_what_is_given(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(b"given")
    vm = machine(
        tmp_path,
        zimage({KERNEL: kernel(), ARGUMENTS: bytes(512)}),
        initrd=tmp_path / "initrd",
        append="also given",
    )
    tree = vm.memory.read(vm.cpus[0].r3, place.FDT_MAX)
    assert b"also given\0" in tree
    assert vm.memory.read(place.align_up(BASE + 4 * len(POWER_OFF) + place.GAP), 5) == b"given"


def test_what_is_attached_and_given_as_well_is_refused(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(b"given")
    assert (
        refusal(tmp_path, zimage({KERNEL: kernel(), INITRD: b"attached"}), initrd=tmp_path / "initrd")
        == "initrd initrd: kernel kernel has an initrd attached, and can have no other"
    )
    assert (
        refusal(tmp_path, zimage({KERNEL: kernel(), ARGUMENTS: b"quiet\0"}), append="debug")
        == "kernel kernel: it has arguments built in, 'quiet', and can have no others"
    )


def test_a_wrapped_kernel_is_booted_again(tmp_path: Path) -> None:
    vm = machine(tmp_path, zimage({KERNEL: gzip.compress(kernel())}, wide=False, little=False))
    assert vm.run(timeout=20) == PoweredOff()
    vm.reboot()
    assert vm.run(timeout=20) == PoweredOff()


ZEROS = bytes(64 << 20)
BOMBS = {
    "gzip": lambda: gzip.compress(ZEROS),
    "xz": lambda: lzma.compress(ZEROS, preset=0),
    "zstd": lambda: zstd(*[(1, b"\0")] * 512, size=len(ZEROS)),
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("bomb", BOMBS)
def test_what_unpacks_to_more_than_the_memory_is_refused(tmp_path: Path, bomb: str, wrapped: bool) -> None:
    image = BOMBS[bomb]()
    message = refusal(tmp_path, zimage({KERNEL: image}) if wrapped else image)
    inside = ": the kernel inside" if wrapped else ""
    assert message == f"kernel kernel{inside}: it unpacks to more than 32M, the limit for a machine of this size"


@pytest.mark.parametrize("packing", [name for name in PACKINGS if name != "none"])
def test_a_compressed_kernel_that_is_cut_or_damaged_gets_one_line(tmp_path: Path, packing: str) -> None:
    image = PACKINGS[packing](kernel())
    for length in (8, len(image) // 2, len(image) - 5):
        message = refusal(tmp_path, image[:length])
        assert f"{packing} data" in message or "truncated" in message
    for at in (6, 12, len(image) // 2):
        noise = image[:at] + bytes(byte ^ 0xFF for byte in image[at : at + 16]) + image[at + 16 :]
        try:
            machine(tmp_path, noise)
        except ImageError as error:
            assert "\n" not in str(error)


def test_headers_of_a_wrapper_full_of_noise_are_refused_or_loaded(tmp_path: Path) -> None:
    for wide, little in WRAPPERS.values():
        image = zimage(
            {KERNEL: elf(assemble(*POWER_OFF)), INITRD: b"x" * 64, ARGUMENTS: b"a"}, wide=wide, little=little
        )
        for at in [*range(4, 64), *range(len(image) - 340, len(image), 3)]:
            for value in (0x00, 0x7F, 0xFF):
                try:
                    machine(tmp_path, image[:at] + bytes((value,)) + image[at + 1 :])
                except ImageError as error:
                    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"BZh91AY" + bytes(100), "compressed with bzip2, expected gzip, xz, lzma, zstd"),
        (b"\x04\x22M\x18" + bytes(100), "compressed with lz4, expected gzip, xz, lzma, zstd"),
        (gzip.compress(b"text" * 30, mtime=0), "not an ELF file"),
        (zimage({KERNEL: b"text" * 30}), "the kernel inside: not an ELF file"),
        (zimage({KERNEL: b""}), "the kernel inside: not an ELF file"),
        (zimage({KERNEL: elf(b"", machine=62)}), "the kernel inside: an ELF file for x86-64, expected 64-bit PowerPC"),
        (zimage({".text": bytes(8)}, wide=False), "an ELF file for 32-bit PowerPC, expected 64-bit PowerPC"),
        (zimage({KERNEL: kernel()})[:-1], "the file at"),
        (
            zimage({KERNEL: elf(assemble(*POWER_OFF), address=RAM)}),
            "the kernel inside: a segment at 0x2000000 to",
        ),
    ],
)
def test_a_file_without_a_kernel_gets_one_line(tmp_path: Path, image: bytes, message: str) -> None:
    assert message in refusal(tmp_path, image)


def test_a_file_of_nothing_but_section_headers_takes_no_time(tmp_path: Path) -> None:
    image = bytearray(zimage({KERNEL: kernel()}))
    image[60:64] = struct.pack("<HH", 0, 1)
    image += bytes(64) * 200_000
    table = struct.unpack_from("<Q", image, 40)[0]
    struct.pack_into("<Q", image, table + 32, 200_000)
    assert "ELF" in refusal(tmp_path, bytes(image)) or "segment" in refusal(tmp_path, bytes(image))


def test_names_are_found_in_a_packed_kernel(demo_guest: Path, tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(demo_guest.read_bytes()))
    names = read_symbols(demo_guest)
    assert read_symbols(tmp_path / "packed").starts == names.starts
    assert read_symbols(write_kernel(tmp_path, *POWER_OFF)).starts == []
