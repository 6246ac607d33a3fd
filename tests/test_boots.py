"""Machines that are booted once: their keys, their store on disk, and forks of them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import pytest
from images import write_kernel

from pyspapr import ConfigError, ExpectTimeout, Machine, StateError, Timeout
from pyspapr.harness.boots import BootError, Boots
from pyspapr.harness.recipe import Recipe
from pyspapr.harness.store import Store, default_directory


@pytest.fixture
def recipe(demo_guest: Path) -> Recipe:
    """The guest that ships with the package, at work."""
    return Recipe(kernel=str(demo_guest), append="rounds=48", memory="64M", prompt="round 4")


def test_a_fork_is_the_same_whether_its_parent_was_booted_or_restored(recipe: Recipe, tmp_path: Path) -> None:
    made = Boots(Store(tmp_path)).booted(recipe)
    found = Boots(Store(tmp_path)).booted(recipe)
    assert found.vm is not made.vm and found.console == made.console and b"round 4" in made.console
    hashes = set()
    for booted in (made, found, Boots(None).booted(recipe)):
        with booted.fork() as vm:
            assert vm.console.output == ""
            vm.expect("round 8")
            hashes.add((vm.console.output, vm.instructions, vm.state_hash()))
    assert len(hashes) == 1


def test_a_guests_reboot_loads_its_kernel_again(recipe: Recipe, tmp_path: Path) -> None:
    Boots(Store(tmp_path)).booted(recipe)
    with Boots(Store(tmp_path)).booted(recipe).fork() as vm:
        vm.reboot()
        vm.expect("round 2")


def test_one_process_boots_and_the_others_wait(recipe: Recipe, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    boots = context.Value("i", 0)
    original = Machine.load_kernel

    def counted(self: Machine, *arguments: object, **more: object) -> None:
        with boots:
            boots.value += 1
        original(self, *arguments, **more)  # type: ignore[arg-type]

    def work() -> None:
        Machine.load_kernel = counted  # type: ignore[method-assign,assignment]
        with Boots(Store(tmp_path)).booted(recipe).fork() as vm:
            vm.expect("round 8")

    workers = [context.Process(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert boots.value == 1


def test_threads_share_one_boot(recipe: Recipe) -> None:
    boots = Boots(None)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(boots.booted(recipe))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4 and len(set(map(id, seen))) == 1


def test_a_key_says_everything_that_a_boot_depends_on(recipe: Recipe, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(Path(recipe.kernel).read_bytes())
    key = recipe.key()
    assert recipe.replace(kernel=str(copy)).key() == key  # by its contents
    assert recipe.replace(boot_timeout=7.0).key() == key
    copy.write_bytes(copy.read_bytes() + b"\0")
    others = [
        recipe.replace(kernel=str(copy)),
        recipe.replace(initrd=str(copy)),
        recipe.replace(append="rounds=47"),
        recipe.replace(memory="80M"),
        recipe.replace(cpu="power9"),
        recipe.replace(seed=1),
        recipe.replace(prompt="round 5"),
    ]
    assert len({key, *(one.key() for one in others)}) == 1 + len(others)


def test_the_store_keeps_to_its_limit_and_drops_what_was_used_longest_ago(recipe: Recipe, tmp_path: Path) -> None:
    store = Store(tmp_path)
    keys = []
    for seed in range(3):
        one = recipe.replace(seed=seed)
        Boots(store).booted(one)
        keys.append(one.key())
        os.utime(store.path(one.key()), ns=(seed, seed))
    size = store.path(keys[0]).stat().st_blocks * 512
    small = Store(tmp_path, int(size * 3.5))
    survivor = Boots(small).booted(recipe)  # the oldest is used again
    Boots(small).booted(recipe.replace(seed=3))
    assert [store.path(key).exists() for key in keys] == [True, False, True]
    assert not (tmp_path / f"{keys[1]}.lock").exists() and not store.console(keys[1]).exists()
    Boots(Store(tmp_path, 0)).booted(recipe.replace(seed=4))
    assert [path.stem for path in tmp_path.glob("*.spapr")] == [recipe.replace(seed=4).key()]
    with survivor.fork() as vm:  # lives from a file that was removed
        vm.expect("round 8")


def test_a_machine_that_is_being_made_is_not_dropped(recipe: Recipe, tmp_path: Path) -> None:
    store = Store(tmp_path, 0)
    Boots(store).booted(recipe)
    with store.locked(recipe.key()):
        Boots(store).booted(recipe.replace(seed=1))
        assert store.path(recipe.key()).exists()


def test_a_store_that_others_can_write_to_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match=r"others can write there: choose another, or chmod go-w it"):
        Boots(Store(tmp_path)).booted(recipe)
    with pytest.raises(ConfigError, match=r"cannot be used: .*directory"):
        Boots(Store(Path(recipe.kernel) / "below")).booted(recipe)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_what_is_planted_for_the_console_is_neither_followed_nor_waited_for(
    kind: str, recipe: Recipe, tmp_path: Path
) -> None:
    store, key, other = Store(tmp_path / "boots"), recipe.key(), tmp_path / "other"
    other.write_bytes(b"another file")
    with store.locked(key):
        if kind == "link":
            store.console(key).symlink_to(other)
        else:
            os.mkfifo(store.console(key))
    assert Boots(store).booted(recipe).console  # which is not kept
    assert other.read_bytes() == b"another file" and not store.path(key).exists()
    store.console(key).unlink()
    Boots(store).booted(recipe)
    assert store.path(key).exists()
    if kind == "fifo":
        store.console(key).unlink()
        os.mkfifo(store.console(key))
        assert Boots(store).booted(recipe).console  # and a damaged one is made again
        assert store.console(key).is_file()


def test_a_directory_in_a_machines_place_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "boots")
    with store.locked("key"):
        store.path("key").mkdir()
        with pytest.raises(ConfigError, match="cannot be removed"):
            store.remove("key")


def test_a_users_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "pyspapr" / "boots"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_directory() == Path.home() / ".cache" / "pyspapr" / "boots"


def test_a_guest_that_does_not_come_to_its_prompt(recipe: Recipe, tmp_path: Path) -> None:
    boots = Boots(Store(tmp_path))
    for _ in range(2):
        with pytest.raises(BootError, match="did not boot as far as 'round 99'") as caught:
            boots.booted(recipe.replace(prompt="round 99"))
        assert any("round 48" in text for _, text in caught.value.sections)
    assert not list(tmp_path.glob("*.spapr"))


def test_a_machines_time_limits_whatever_it_does(tmp_path: Path) -> None:
    vm = Machine(memory="32M")
    vm.load_kernel(write_kernel(tmp_path, 0x60000000, 0x4BFFFFFC))
    vm.limit_time(0.01)
    assert vm.run() == Timeout(0.01, guest=True) and vm.nanos == 10_000_000 and vm.time_is_up
    assert vm.run(guest_timeout=5) == Timeout(0.01, guest=True) and vm.nanos == 10_000_000
    with pytest.raises(ExpectTimeout, match=r"limit of 0\.01 s of guest time"):
        vm.expect("x", timeout=1)
    with vm.snapshot().fork() as fork:
        assert fork.run(guest_timeout=0.001) == Timeout(0.001, guest=True) and fork.nanos == 11_000_000
    vm.limit_time(0.02)
    assert not vm.time_is_up and vm.run(guest_timeout=0.001) == Timeout(0.001, guest=True)
    assert vm.run() == Timeout(0.02, guest=True) and vm.nanos == 30_000_000
    vm.limit_time(None)
    assert not vm.time_is_up and vm.run(guest_timeout=0.001) == Timeout(0.001, guest=True)
    for wrong in (-1, float("inf"), "x"):
        with pytest.raises(ConfigError):
            vm.limit_time(wrong)  # type: ignore[arg-type]


def test_a_machines_time_needs_the_virtual_clock() -> None:
    with Machine(memory="32M", clock="host") as vm, pytest.raises(StateError, match="the virtual clock"):
        vm.limit_time(0.05)
