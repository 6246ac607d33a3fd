"""Names of files: what no file is called is a complaint of the package's own at every door; any other name is taken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from pyspapr import Machine, SpaprError
from pyspapr.cli.unix import SocketConsole
from pyspapr.migration.contents import read_contents
from pyspapr.migration.tls import source_context
from pyspapr.paths import as_path, shown
from pyspapr.symbols import read_symbols

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
    "console": lambda vm, guest, name: SocketConsole(vm, name),
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
