"""Files that saves leave: whole, private, in the place that was named and nowhere else, whoever prepared that place."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pyspapr import Machine, StateError
from pyspapr.migration import replacement
from pyspapr.migration.phases import Phase
from pyspapr.migration.replacement import Replacement


@pytest.fixture(params=["unnamed", "named"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """As file systems have it that know unnamed files, and as others have it."""
    if request.param == "named":
        monkeypatch.setattr(replacement, "_open_unnamed", lambda directory: None)
    return str(request.param)


def killed_while_it_writes(path: Path, form: str) -> None:
    code = f"""
import sys
from pyspapr.migration import replacement
if {form!r} == "named":
    replacement._open_unnamed = lambda directory: None
begun = replacement.Replacement({str(path)!r})
begun.file.write(bytes(1 << 21))
print("written", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"written\n"
        process.kill()


def test_nothing_of_a_killed_save_is_left_after_the_next(vm: Machine, tmp_path: Path, form: str) -> None:
    path = tmp_path / "machine"
    path.write_bytes(b"older")
    killed_while_it_writes(path, form)
    assert path.read_bytes() == b"older"
    assert len(os.listdir(tmp_path)) == (1 if form == "unnamed" else 2)
    vm.save(path)
    assert os.listdir(tmp_path) == ["machine"]
    assert Machine.restore(path).state_hash() == vm.state_hash()


def test_two_saves_to_one_place_leave_each_other_alone(tmp_path: Path, form: str) -> None:
    path = tmp_path / "place"
    one, other = Replacement(path), Replacement(path)
    one.file.write(b"one")
    other.file.write(b"other")
    one.commit()
    assert path.read_bytes() == b"one"
    other.commit()
    assert path.read_bytes() == b"other"
    assert os.listdir(tmp_path) == ["place"]


def test_a_discarded_file_is_nowhere_and_cannot_be_committed(tmp_path: Path, form: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    begun = Replacement(tmp_path / "place")
    begun.file.write(b"x")
    begun.discard()
    begun.discard()
    with pytest.raises(ValueError, match="closed file"):
        begun.commit()
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_planted_file_gives_neither_mode_nor_owner(vm: Machine, tmp_path: Path, form: str) -> None:
    path = tmp_path / "machine"
    path.touch()
    path.chmod(0o4666)
    held = path.open("rb")
    before = os.umask(0)
    try:
        vm.save(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_uid == os.geteuid()
    with held:
        assert held.read() == b""


def test_a_umask_that_allows_nothing_leaves_a_file_that_its_owner_can_use(tmp_path: Path, form: str) -> None:
    before = os.umask(0o777)
    try:
        Replacement(tmp_path / "a").commit()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.parametrize("where", ["home/rc", "home/absent"])
def test_a_planted_link_is_refused_by_the_name_it_leads_to(vm: Machine, tmp_path: Path, where: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/rc").write_text("my settings\n")
    (tmp_path / "b").symlink_to(where)
    with pytest.raises(StateError, match=f"a symbolic link to {where}, which is not followed: name the file itself"):
        vm.save(tmp_path / "b")
    assert os.listdir(tmp_path / "home") == ["rc"] and (tmp_path / "home/rc").read_text() == "my settings\n"


def test_a_link_that_is_planted_during_a_save_is_replaced_and_not_followed(tmp_path: Path, form: str) -> None:
    begun = Replacement(tmp_path / "b")
    begun.file.write(b"machine")
    (tmp_path / "rc").write_text("my settings\n")
    (tmp_path / "b").symlink_to("rc")
    begun.commit()
    assert (tmp_path / "rc").read_text() == "my settings\n"
    assert not (tmp_path / "b").is_symlink() and (tmp_path / "b").read_bytes() == b"machine"


def test_leftovers_are_only_what_has_the_name_of_one(tmp_path: Path) -> None:
    others = [".a.1.0000000", ".ab.1.00000000", "a.1.00000000", ".a.x.00000000"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".a.2.00000000").mkdir()
    (tmp_path / ".a.3.00000000").symlink_to(others[0])
    (tmp_path / ".a.4.00000000").touch()
    Replacement(tmp_path / "a").commit()
    assert sorted(os.listdir(tmp_path)) == sorted([*others, ".a.2.00000000", ".a.3.00000000", "a"])


def test_the_longest_name_that_a_file_can_have_is_taken(tmp_path: Path, form: str) -> None:
    for name in ("a" * 255, "é" * 127):
        Replacement(tmp_path / name).commit()
        assert (tmp_path / name).exists()


def test_a_directory_that_cannot_be_listed_is_refused_before_anything_is_written() -> None:
    """Its new entry could not be synced: the save would fail when the file is there already."""
    code = """
import os, sys
import pyspapr

vm = pyspapr.Machine(memory="32M")
vm.start(pc=0)

def moves(path):
    for move in (lambda: vm.save(path), lambda: vm.migrate("file:" + path)):
        try:
            move()
        except pyspapr.SpaprError as error:
            print(error)

moves("/absent/c")  # imports what others may not be able to read
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
moves(sys.argv[1])
vm.run(max_instructions=1)
"""
    place = tempfile.mkdtemp()
    try:
        if os.geteuid() == 0:
            os.chown(place, 65534, 65534)
        os.chmod(place, 0o300)
        command = [sys.executable, "-c", code, f"{place}/c"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
        assert done.stdout.splitlines()[2:] == [f"{place}/c cannot be written: Permission denied"] * 2
        os.chmod(place, 0o700)
        assert os.listdir(place) == []
    finally:
        shutil.rmtree(place)


def test_a_file_whose_directory_cannot_be_synced_is_in_its_place_all_the_same(
    vm: Machine, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Were that a failure, the source of a migration would go on though the file can be started as well."""
    path, original = tmp_path / "machine", os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        original(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    before = set(os.listdir("/proc/self/fd"))
    vm.start(pc=0)
    path.write_bytes(b"older")
    vm.migrate(f"file:{path}")
    assert vm.migration is not None and vm.migration.phase is Phase.COMPLETED
    assert os.listdir(tmp_path) == ["machine"] and set(os.listdir("/proc/self/fd")) <= before
    (said,) = caplog.messages
    assert said.startswith(
        f"{path} is written and in its place, but its directory cannot be synced: Input/output error"
    )
    monkeypatch.undo()
    assert Machine.restore(path).state_hash() == vm.state_hash()


def test_a_file_that_cannot_be_synced_is_nowhere(
    vm: Machine, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(StateError, match="cannot be written: Input/output error"):
        vm.save(tmp_path / "machine")
    assert os.listdir(tmp_path) == [] and set(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize("where", ["fdopen", "fchmod"])
@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EIO, "Input/output error")])
def test_a_file_that_fails_before_it_is_begun_leaves_neither_descriptor_nor_name(
    tmp_path: Path, form: str, where: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, where, fail)
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises((MemoryError, StateError)):
        Replacement(tmp_path / "machine")
    assert set(os.listdir("/proc/self/fd")) <= before
    assert os.listdir(tmp_path) == []
