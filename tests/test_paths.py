"""Names of files: what no file is called is a complaint of the package's own at every door; any other name is taken."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from pyspapr import ImageError, InstructionLimit, Machine, SpaprError, StreamError
from pyspapr.boot.symbols import read_symbols
from pyspapr.cli.unix import SocketConsole
from pyspapr.host.address import UnixAddress
from pyspapr.host.paths import as_path, shown
from pyspapr.migration.contents import read_contents
from pyspapr.migration.tls import source_context

DOORS: dict[str, Callable[[Machine, Path, str], object]] = {
    "kernel": lambda vm, guest, name: vm.load_kernel(name),
    "initrd": lambda vm, guest, name: vm.load_kernel(guest, initrd=name),
    "save": lambda vm, guest, name: vm.save(name),
    "base": lambda vm, guest, name: vm.save("new", base=name),
    "restore": lambda vm, guest, name: Machine.restore(name),
    "inspect": lambda vm, guest, name: read_contents(name),
    "symbols": lambda vm, guest, name: read_symbols(name),
    "migrate": lambda vm, guest, name: vm.migrate(f"file:{name}"),
    "connect": lambda vm, guest, name: vm.migrate(f"unix:{name}"),
    "incoming": lambda vm, guest, name: Machine.incoming(f"file:{name}"),
    "listen": lambda vm, guest, name: Machine.incoming(f"unix:{name}", timeout=0),
    "control": lambda vm, guest, name: vm.serve_qmp(f"unix:{name}"),
    "console": lambda vm, guest, name: SocketConsole(UnixAddress(name)),
    "credentials": lambda vm, guest, name: source_context(name),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"], ids=["nul", "surrogate"])
def test_what_no_file_is_called_is_refused_in_one_line(
    vm: Machine, demo_guest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    vm.start(pc=0)
    with pytest.raises(SpaprError) as caught:
        DOORS[door](vm, demo_guest, name)
    assert str(caught.value).isprintable() and ascii(name)[1:-1] in str(caught.value)
    assert os.listdir(tmp_path) == []


READ = [door for door in DOORS if door not in ("save", "migrate", "connect", "listen", "control", "console")]


@pytest.mark.parametrize("door", [*READ, "save", "migrate"])
@pytest.mark.parametrize("kind", ["FIFO", "socket", "character device", "directory", "loop"])
def test_what_is_no_regular_file_is_refused_at_once(
    vm: Machine, demo_guest: Path, tmp_path: Path, door: str, kind: str
) -> None:
    place = tmp_path / "ca-cert.pem"
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "FIFO":
                os.mkfifo(place)
            case "socket":
                listener.bind(str(place))
            case "character device":
                place = Path("/dev/zero")
            case "directory":
                place.mkdir()
            case "loop":
                place.symlink_to(place)
        vm.start(pc=0)
        name = str(place.parent if door == "credentials" else place)
        with pytest.raises(SpaprError) as caught:
            DOORS[door](vm, demo_guest, name)
    if door in READ and kind not in ("loop", "character device"):
        assert f"a {kind}, not a regular file" in str(caught.value)
    assert isinstance(vm.run(max_instructions=1), InstructionLimit)


def test_a_file_that_the_host_does_not_open_is_an_os_error_as_well(vm: Machine, tmp_path: Path) -> None:
    for door in (Machine.restore, vm.load_kernel, read_contents, read_symbols):
        with pytest.raises(ImageError) as caught:
            door(tmp_path / "absent")  # type: ignore[operator]
        assert isinstance(caught.value, OSError) and caught.value.errno == errno.ENOENT
        assert caught.value.filename == str(tmp_path / "absent")


def test_a_machine_is_saved_under_any_name_that_a_file_can_have(vm: Machine, tmp_path: Path) -> None:
    for name in ("new\nline", os.fsdecode(b"\xff"), b"bytes"):
        path = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
        vm.save(as_path(path))
        assert os.path.exists(path)
        assert Machine.restore(as_path(path)).state_hash() == vm.state_hash()
    assert len(os.listdir(tmp_path)) == 3


def test_a_name_is_shown_on_one_line() -> None:
    assert shown(Path("/a b/é")) == "/a b/é"
    assert shown(b"new\nline") == r"'new\nline'"
    for wrong in (7, None):
        with pytest.raises(TypeError, match="expected str, bytes or"):
            as_path(cast(Any, wrong))


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        (b"QEVM" + bytes(60), "a QEMU migration stream"),
        (b"QFI\xfb\x00\x00\x00\x03", "a qcow2 disk image"),
        (b"\x7fELF" + bytes(60), "an ELF file"),
        (b"\x1f\x8b\x08\x00", "gzip data"),
        ("Größe: 7\n".encode() * 100, "text"),
        (b"Q", "text"),
        (b"", "an empty file"),
        (bytes(4096), "a file of zeroes"),
        (b"\x83\xff\x00" * 400, "wanted a definite length"),
        (b"\x01\x02\xfe", "a file that begins with 01 02 fe"),
    ],
)
def test_a_file_that_is_something_else_is_called_what_it_is(
    vm: Machine, tmp_path: Path, contents: bytes, kind: str
) -> None:
    place = tmp_path / "disk.img"
    place.write_bytes(contents)
    for door in (Machine.restore, read_contents, lambda name: Machine.incoming(f"file:{name}")):
        with pytest.raises(StreamError) as caught:
            door(place)  # type: ignore[operator]
        assert kind in str(caught.value)
        if kind != "wanted a definite length":
            assert f"{place}: {kind}, not a saved machine" in str(caught.value)


def test_a_kernel_that_is_something_else_is_called_what_it_is(vm: Machine, tmp_path: Path) -> None:
    vm.save(tmp_path / "saved")
    (tmp_path / "notes").write_text("remember the milk\n")
    for name, kind in (("saved", "a saved machine"), ("notes", "text")):
        with pytest.raises(ImageError, match=f"{name}: not an ELF file, but {kind}"):
            vm.load_kernel(tmp_path / name)
