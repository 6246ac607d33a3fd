"""Loading: what is placed where, and one clear line for every image that cannot be."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, cast

import pytest
from images import BASE, POWER_OFF, assemble, elf, write_kernel

from pyspapr import ImageError, Machine, PoweredOff, StateError
from pyspapr.boot import place
from pyspapr.rtas import BLOB

RAM = 32 << 20
NOP = assemble(0x60000000)


def load(tmp_path: Path, image: bytes, **more: object) -> Machine:
    path = tmp_path / "kernel"
    path.write_bytes(image)
    vm = Machine(memory=RAM)
    vm.load_kernel(path, **more)  # type: ignore[arg-type]
    return vm


def without_segments() -> bytes:
    image = bytearray(elf(NOP))
    image[64:68] = bytes(4)
    return bytes(image)


def misplaced(image: bytes, address: int) -> bytes:
    """The same with its segment at another real address."""
    return image[:88] + address.to_bytes(8, "big") + image[96:]


BAD_KERNELS = {
    "not an ELF file, but a file that begins with 4d 5a 00 00 00 00 00 00 00 00 00 00 00 00 00 00": b"MZ" + bytes(200),
    "an ELF file for x86-64, expected 64-bit PowerPC": elf(NOP, machine=62, little=True),
    "an ELF file for 32-bit PowerPC, expected 64-bit PowerPC": elf(NOP, machine=20),
    "truncated: 40 bytes, expected a header of 64": elf(NOP)[:40],
    "truncated: program headers end at 0x78, the file at 0x50": elf(NOP)[:80],
    "truncated: segment 0 ends at 0x1400, the file at 0x1200": elf(bytes(1024))[:0x1200],
    "a segment at 0x2000000 to 0x2000004 is outside 32M of memory": elf(NOP, address=RAM),
    "is outside 32M of memory": elf(NOP, memory_size=1 << 40),
    "runs into the device tree at 0x1fe0000": elf(NOP, address=RAM - 65536),
    "no segment to load": without_segments(),
    "entry 0x4 is in no segment": elf(NOP, entry=4),
    "entry 0x10002 is at 0x10002, expected a multiple of 4": elf(NOP, entry=BASE + 2),
    "entry 0x10000 is at 0x10001, expected a multiple of 4": misplaced(elf(NOP), BASE + 1),
    "segment 0 has 4 bytes for 2 bytes of memory": elf(NOP, memory_size=2),
}


@pytest.mark.parametrize("message", BAD_KERNELS)
def test_a_bad_kernel_gets_one_line_and_changes_nothing(tmp_path: Path, message: str) -> None:
    (tmp_path / "kernel").write_bytes(BAD_KERNELS[message])
    vm = Machine(memory=RAM)
    before = vm.partition.ram.digest()
    with pytest.raises(ImageError) as caught:
        vm.load_kernel(tmp_path / "kernel")
    assert str(caught.value).endswith(message) and "\n" not in str(caught.value)
    assert vm.partition.ram.digest() == before
    with pytest.raises(StateError, match="load_kernel"):
        vm.run()


def test_headers_full_of_noise_are_refused_or_loaded(tmp_path: Path) -> None:
    image = elf(NOP)
    for at in range(4, 120):
        for value in (0x00, 0x7F, 0xFF):
            try:
                load(tmp_path, image[:at] + bytes((value,)) + image[at + 1 :])
            except ImageError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["missing", ".", "/dev/zero", "nul\0name"])
def test_a_kernel_that_cannot_be_read_gets_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match="kernel"):
        Machine(memory=RAM).load_kernel(tmp_path / name if not name.startswith("/") else name)


def test_overlapping_segments_are_refused(tmp_path: Path) -> None:
    image = bytearray(elf(bytes(64)))
    image[54 + 2 : 54 + 4] = struct.pack(">H", 2)
    image[120:176] = image[64:120]
    with pytest.raises(ImageError, match="segments overlap"):
        load(tmp_path, bytes(image))


@pytest.mark.parametrize("little", [False, True])
def test_either_byte_order_is_loaded(tmp_path: Path, little: bool) -> None:
    vm = load(tmp_path, elf(NOP, little=little, entry=BASE, memory_size=8192))
    assert vm.memory.read(BASE, 4) == NOP
    assert vm.cpus[0].pc == BASE


def test_kernels_linked_at_virtual_addresses_go_to_their_real_ones(tmp_path: Path) -> None:
    vm = load(tmp_path, elf(NOP, address=0xC000000000000000 + BASE))
    assert vm.cpus[0].pc == BASE and vm.memory.read(BASE, 4) == NOP


def test_memory_behind_the_file_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "kernel"
    path.write_bytes(elf(NOP, memory_size=64))
    vm = Machine(memory=RAM)
    vm.memory.fill(BASE, 128, 0xFF)
    vm.load_kernel(path)
    assert vm.memory.read(BASE, 65) == NOP + bytes(60) + b"\xff"


def test_the_kernel_gets_the_registers_it_expects(tmp_path: Path) -> None:
    vm = load(tmp_path, elf(NOP))
    cpu = vm.cpus[0]
    assert vm.memory.u32(cpu.r3) == 0xD00DFEED
    assert (cpu.r4, cpu.r5, cpu.r6) == (BASE, 0, place.EPAPR_MAGIC)
    assert cpu.msr == 1 << 63 | 1 << 12
    assert vm.memory.read(RAM - place.RTAS_AREA, len(BLOB)) == BLOB


def test_the_initrd_is_behind_the_kernel_and_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(b"initial" * 1000)
    vm = load(tmp_path, elf(NOP), initrd=tmp_path / "initrd")
    at = place.align_up(BASE + 4 + place.GAP)
    assert vm.memory.read(at, 7000) == b"initial" * 1000
    assert at.to_bytes(8, "big") in vm.memory.read(vm.cpus[0].r3, place.FDT_MAX)


@pytest.mark.parametrize(
    ("size", "message"), [(RAM, "do not fit, there is room for"), (31 << 20, "do not fit"), (0, "empty")]
)
def test_an_initrd_that_does_not_fit_is_refused(tmp_path: Path, size: int, message: str) -> None:
    with open(tmp_path / "initrd", "wb") as file:
        file.truncate(size)
    with pytest.raises(ImageError, match=message):
        load(tmp_path, elf(NOP), initrd=tmp_path / "initrd")


def test_a_large_initrd_may_go_above_the_device_tree() -> None:
    mib = 1 << 20
    assert place.place_initrd(100 * mib, mib, 700 * mib, 768 * mib, 1024 * mib, "x") == 2 * mib
    assert place.place_initrd(800 * mib, mib, 700 * mib, 768 * mib, 2048 * mib, "x") == 768 * mib


def test_a_device_tree_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"the device tree is too large: .* the limit is 65536"):
        load(tmp_path, elf(NOP), append="x" * 70000)
    with pytest.raises(ImageError, match="NUL"):
        load(tmp_path, elf(NOP), append="a\0b")


def test_arguments_may_be_any_bytes_of_a_command_line(tmp_path: Path) -> None:
    # As Python hands over what is no UTF-8 (PEP 383).
    vm = load(tmp_path, elf(NOP), append=b"caf\xe9 \xc3\xa9".decode(errors="surrogateescape"))
    tree = vm.memory.read(vm.cpus[0].r3, 8192)
    assert b"caf\xe9 \xc3\xa9\0" in tree
    with pytest.raises(ImageError, match=r"no bytes: 'a\\ud800'"):
        load(tmp_path, elf(NOP), append="a\ud800")
    with pytest.raises(TypeError, match="text, not bytes"):
        load(tmp_path, elf(NOP), append=b"quiet")


def test_what_can_never_be_rebooted_with_is_refused_at_once(vm: Machine) -> None:
    for images in ({"kernel": 7}, {"kernel": "k", "initrd": 7}, {"kernel": "k", "append": b"quiet"}):
        with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike|arguments are text"):
            vm.reboot_with(**cast(Any, images))
    with pytest.raises(ImageError, match="NUL"):
        vm.reboot_with("k", append="a\0b")
    assert vm.partition.images is None
    vm.reboot_with("not there yet")
    with pytest.raises(ImageError, match="not there yet: No such file"):
        vm.reboot()


def test_a_machine_can_be_rebooted(tmp_path: Path) -> None:
    vm = Machine(memory=RAM)
    vm.load_kernel(write_kernel(tmp_path, *POWER_OFF))
    assert vm.run(timeout=20) == PoweredOff()
    with pytest.raises(StateError, match="powered off"):
        vm.run()
    vm.reboot()
    assert vm.run(timeout=20) == PoweredOff()
    with pytest.raises(StateError, match="no kernel"):
        Machine(memory=RAM).reboot()
