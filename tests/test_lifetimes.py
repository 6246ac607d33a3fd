"""What belongs to a machine goes with its last reference; the collector of cycles is off."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pyspapr import (
    ConfigError,
    ExpectError,
    Machine,
    MachineConfig,
    MigrationError,
    SpaprError,
    StateError,
    StreamError,
)
from pyspapr.devices import Rtc
from pyspapr.qmp.client import CommandFailed, QmpClient

ROUNDS = os.environ.get("PYSPAPR_LIFETIMES", "30")


def booted(guest: Path) -> Machine:
    vm = Machine(memory="64M")
    vm.load_kernel(guest, append="forever churn=50")
    vm.run(max_instructions=2_000_000)
    return vm


def life_of_one(guest: Path, directory: Path) -> None:
    booted(guest)


def life_with_a_time_limit(guest: Path, directory: Path) -> None:
    booted(guest).run(timeout=0.01)


def life_of_a_fork(guest: Path, directory: Path) -> None:
    booted(guest).snapshot().fork().run(max_instructions=100_000)


def life_in_files(guest: Path, directory: Path) -> None:
    vm = booted(guest)
    vm.save(directory / "base")
    vm = Machine.restore(directory / "base")
    vm.run(max_instructions=1000)
    vm.save(directory / "rest", base=directory / "base", compression="zstd")
    Machine.restore(directory / "rest", base=directory / "base")


def damaged(guest: Path, directory: Path) -> Path:
    path = directory / "damaged"
    booted(guest).save(path)
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    return path


def life_that_cannot_be_restored(guest: Path, directory: Path) -> None:
    with pytest.raises(StreamError):
        Machine.restore(damaged(guest, directory))
    with pytest.raises(StreamError):
        Machine.incoming(f"file:{directory / 'damaged'}")


def life_with_a_handler_that_raises(guest: Path, directory: Path) -> None:
    vm = booted(guest)

    @vm.hypercall(0xF100, "H_NOTE")
    def note(vm: Machine, cpu: object) -> int:
        raise LookupError(vm)

    vm.memory.write(0x1000, bytes.fromhex("44000022"))
    vm.start(pc=0x1000, r3=0xF100)
    with pytest.raises(LookupError):
        vm.run(max_instructions=100)


def life_of_one_that_is_waited_for_in_vain(guest: Path, directory: Path) -> None:
    vm = booted(guest)
    with pytest.raises(ExpectError):
        vm.console.expect("never printed", timeout=0.01)


def life_that_is_paused_and_rebooted(guest: Path, directory: Path) -> None:
    vm = booted(guest)
    vm.pause()
    vm.resume()
    vm.reboot()
    vm.run(max_instructions=1000)


def life_with_work_that_fails(guest: Path, directory: Path) -> None:
    def fail() -> None:
        raise LookupError

    vm = booted(guest)
    vm.post(fail)
    with pytest.raises(LookupError):
        vm.call(fail)
    with pytest.raises(StateError):
        vm.reclaim()


def life_in_another_thread(guest: Path, directory: Path) -> None:
    vm = booted(guest)
    thread = threading.Thread(target=vm.run)
    thread.start()
    vm.call(lambda: None)
    vm.stop()
    thread.join()


def life_with_a_control_socket(guest: Path, directory: Path) -> None:
    vm = booted(guest)
    with vm.serve_qmp(f"unix:{directory / 'qmp'}"):
        thread = threading.Thread(target=vm.run)
        thread.start()
        with QmpClient(f"unix:{directory / 'qmp'}") as client:
            client.execute("query-status")
            with pytest.raises(CommandFailed):
                client.execute("snapshot-save", {"filename": "/"})
            client.execute("quit")
        thread.join()


def received(incoming: Any) -> threading.Thread:
    def receive() -> None:
        with suppress(SpaprError):
            incoming.receive().run(max_instructions=1000)

    thread = threading.Thread(target=receive)
    thread.start()
    return thread


def life_that_moves(guest: Path, directory: Path) -> None:
    incoming = Machine.listen(f"unix:{directory / 'way'}")
    arrival = received(incoming)
    booted(guest).migrate(incoming.address)
    arrival.join()


def life_that_moves_through_a_file(guest: Path, directory: Path) -> None:
    booted(guest).migrate(f"file:{directory / 'moved'}")
    Machine.incoming(f"file:{directory / 'moved'}")


def life_that_is_refused(guest: Path, directory: Path) -> None:
    incoming = Machine.listen(f"unix:{directory / 'way'}", config=MachineConfig(memory="32M"))
    arrival = received(incoming)
    with pytest.raises(MigrationError):
        booted(guest).migrate(incoming.address)
    arrival.join()


def life_whose_move_is_cancelled(guest: Path, directory: Path) -> None:
    incoming = Machine.listen(f"unix:{directory / 'way'}")
    arrival = received(incoming)
    vm = booted(guest)
    migration = vm.start_migration(incoming.address, bandwidth=100_000)
    vm.run(max_instructions=1000)
    migration.cancel()
    with pytest.raises(MigrationError):
        migration.result()
    arrival.join()


def life_whose_moves_reports_fail(guest: Path, directory: Path) -> None:
    vm = booted(guest)

    def report(statistics: object) -> None:
        raise LookupError(vm)

    with pytest.raises(LookupError):
        vm.migrate(f"file:{directory / 'moved'}", on_progress=report)


def life_that_is_dropped_while_it_moves(guest: Path, directory: Path) -> None:
    incoming = Machine.listen(f"unix:{directory / 'way'}")
    arrival = received(incoming)
    vm = booted(guest)
    migration = vm.start_migration(incoming.address, bandwidth=100_000)
    vm.run(max_instructions=1000)
    del vm
    arrival.join()  # nobody is left who could send the rest
    with pytest.raises(MigrationError, match="closed or dropped"):
        migration.result()
    with pytest.raises(StateError, match="its last reference was dropped"):
        _ = migration.vm


def life_that_never_began(guest: Path, directory: Path) -> None:
    with pytest.raises(ConfigError):
        Machine(memory="64M", engine="none")  # type: ignore[arg-type]
    with pytest.raises(SpaprError):
        Machine(memory="64M").load_kernel(directory / "none")
    with pytest.raises(MigrationError):
        Machine.incoming(f"unix:{directory / 'way'}", timeout=0.01)


LIVES = [life for name, life in list(globals().items()) if name.startswith("life_")]


@pytest.mark.parametrize("life", LIVES)
def test_nothing_of_a_machine_waits_for_the_collector(
    life: Callable[[Path, Path], None], demo_guest: Path, tmp_path: Path
) -> None:
    life(demo_guest, tmp_path)  # imports, and what is made once
    gc.collect()
    gc.disable()
    try:
        life(demo_guest, tmp_path)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = Counter(type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("pyspapr"))
        # asyncio keeps the errors of clients that have gone. They lead to the control socket, but no further: it has
        # let go of its machine.
        if life is life_with_a_control_socket and "Machine" not in left:
            left = Counter({name: left[name] for name in left if name in ("Ram", "Hpt", "Vcpu")})
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not left


def test_resident_memory_stays_what_it_was() -> None:
    """In a process of its own: others' memory would count."""
    command = [sys.executable, str(Path(__file__).with_name("lifetimes.py")), ROUNDS]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def shared_memory() -> int:
    """KiB of memory files and of shared memory that are resident here."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssShmem"))


def test_close_gives_memory_back_whoever_has_references(demo_guest: Path) -> None:
    vm = Machine(memory="64M")
    before = shared_memory()
    vm.load_kernel(demo_guest)
    vm.memory.fill(32 << 20, 16 << 20, 1)
    vm.console.expect("self-test")
    memory, cpu, console, printed = vm.memory, vm.cpus[0], vm.console, vm.console.output
    assert shared_memory() > before + (16 << 10)
    vm.close()
    assert vm.closed and shared_memory() <= before + 1024
    vm.close()
    assert console.output == printed and repr(vm) == "<Machine power8, closed>"
    assert repr(cpu) == "<Cpu 0 of a closed machine>"
    uses: list[Callable[[], object]] = [
        vm.run,
        vm.reboot,
        vm.pause,
        vm.snapshot,
        vm.state_hash,
        lambda: vm.start(pc=0),
        lambda: vm.load_kernel(demo_guest),
        lambda: vm.save("nowhere"),
        lambda: vm.migrate("unix:nowhere"),
        lambda: vm.call(lambda: None),
        lambda: memory[0],
        lambda: memory.write(0, b"0"),
        lambda: cpu.pc,
        lambda: cpu.vcpu.run(),
        lambda: console.expect("never"),
        vm.device(Rtc).get,
    ]
    for use in uses:
        with pytest.raises(StateError, match="this machine is closed"):
            use()


def test_a_machine_closes_with_its_block(demo_guest: Path) -> None:
    with Machine(memory="64M") as vm, pytest.raises(LookupError):
        vm.load_kernel(demo_guest)
        vm.run(max_instructions=1000)
        raise LookupError
    assert vm.closed


def test_nobody_closes_a_machine_that_runs(demo_guest: Path) -> None:
    vm = booted(demo_guest)

    @vm.hypercall(0xF100, "H_NOTE")
    def note(vm: Machine, cpu: object) -> int:
        with pytest.raises(StateError, match="cannot be closed by its own handlers"):
            vm.close()
        vm.stop()
        return 0

    thread = threading.Thread(target=vm.run)
    thread.start()
    vm.call(lambda: None)
    while not vm.running:
        pass
    with pytest.raises(StateError, match="another thread runs the machine"):
        vm.close()
    vm.stop()
    thread.join()
    vm.memory.write(0x1000, bytes.fromhex("44000022"))
    vm.start(pc=0x1000, r3=0xF100)
    vm.run(max_instructions=100)
    with pytest.raises(StateError, match="a function submitted"):
        vm.call(vm.close)
    vm.close()


def test_closing_cancels_a_migration(demo_guest: Path, tmp_path: Path) -> None:
    incoming = Machine.listen(f"unix:{tmp_path / 'way'}")
    arrival = received(incoming)
    vm = booted(demo_guest)
    migration = vm.start_migration(incoming.address, bandwidth=100_000)
    vm.close()
    arrival.join()
    with pytest.raises(MigrationError, match="cancelled"):
        migration.result()
    assert migration.statistics.error is not None
