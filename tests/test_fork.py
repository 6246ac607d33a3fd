"""`os.fork()` of a process that has machines, as test runners do it."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import multiprocessing
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from images import assemble

from pyspapr import InstructionLimit, Machine, PoweredOff, StateError
from pyspapr._native import Hpt, Ram, Vcpu
from pyspapr.migration.phases import Phase

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def child(function: Callable[[], bool]) -> int:
    """Fork, and call `function` there; its process. The status is 0 if it was true."""
    with warnings.catch_warnings():
        if pid := os.fork():
            return pid
    try:
        os._exit(0 if function() else 1)
    except BaseException:
        os._exit(2)


def status(pid: int) -> int:
    """What a child ended with."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_runs_a_copy_of_the_machine(demo_guest: Path) -> None:
    vm = Machine(memory="64M")
    vm.load_kernel(demo_guest, append="rounds=3")
    vm.run(max_instructions=3_000_000)
    before = vm.state_hash()
    frozen = vm.snapshot()
    straight = frozen.fork()
    assert straight.run(timeout=60) == PoweredOff()

    def go_on() -> bool:
        return vm.run(timeout=60) == PoweredOff() and vm.state_hash() == straight.state_hash()

    other = Machine(memory="64M")
    other.memory.write(0x5000, b"parent")

    def write() -> bool:
        other.memory.write(0x5000, b"child")
        return bytes(other.memory[0x5000:0x5005]) == b"child"

    assert status(child(go_on)) == 0
    assert status(child(write)) == 0
    assert vm.state_hash() == before
    assert bytes(other.memory[0x5000:0x5006]) == b"parent"
    assert go_on()
    assert frozen.fork().state_hash() == before


def programs(seed: int) -> Iterator[bytes]:
    """Loops that nobody has compiled yet."""
    rng = random.Random(seed)
    while True:
        work = [0x38630000 | rng.randrange(0x8000) for _ in range(60)]  # addi r3,r3,n
        yield assemble(*work, 0x4200FF10, 0x48000000)  # bdnz to the start; b .


def compile_anew(seed: int, times: int, until: threading.Event | None = None) -> bool:
    """Run programs that are compiled."""
    ram = Ram(1 << 20)
    vcpu = Vcpu(ram, Hpt(18), "power8")
    for number, program in zip(range(times), programs(seed), strict=False):
        address = 0x10000 + number % 50 * 0x1000
        ram.write(address, program)
        vcpu.set("pc", address)
        vcpu.set("ctr", 20)
        vcpu.run(1500)
        if until is not None and until.is_set():
            break
    return True


def test_a_child_compiles_whatever_other_threads_were_doing() -> None:
    over = threading.Event()
    thread = threading.Thread(target=compile_anew, args=(1, 1 << 30, over))
    thread.start()
    try:
        assert [status(child(lambda: compile_anew(2, 20))) for _ in range(60)] == [0] * 60
    finally:
        over.set()
        thread.join()


def counting(value: int = 0, **options: str) -> Machine:
    """A machine that adds 1 to r3 for ever."""
    vm = Machine(memory="32M", **options)  # type: ignore[arg-type]
    vm.memory.write(0x1000, assemble(0x38630001, 0x4BFFFFFC))  # addi r3,r3,1; b back
    vm.start(pc=0x1000, r3=value)
    return vm


def refused(function: Callable[[], object]) -> bool:
    """Whether it is a StateError that says that the machine is the parent's."""
    try:
        function()
    except StateError as error:
        return "in the parent only" in str(error)
    return False


def test_a_child_with_its_parents_process_number_fills_memory_for_code_of_its_own(tmp_path: Path) -> None:
    # As in a new PID namespace, where both can be process 1.
    source, library = tmp_path / "getpid.c", tmp_path / "getpid.so"
    source.write_text("int getpid(void) { return 1; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    program = """
import os, sys
sys.path.insert(0, sys.argv[1])
from test_fork import counting, right
vm = counting()
vm.run(max_instructions=1000)
there, back = os.pipe(), os.pipe()
child = os.fork()
assert os.getpid() == 1
# Each makes code at the place where the other has just made some, and runs what it made before once more.
mine = []
for number in range(20):
    os.write((there if child else back)[1], b".")
    os.read((back if child else there)[0], 1)
    mine.append(right(2 * number + (child == 0)))
    assert all(check() for check in mine)
if child == 0:
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1] != 0)
"""
    words = [sys.executable, "-c", program, str(Path(__file__).parent)]
    subprocess.run(words, check=True, timeout=60, env=os.environ | {"LD_PRELOAD": str(library)})


def right(seed: int) -> Callable[[], bool]:
    """A machine with a program that nobody has compiled yet; whether it computes what it should, at each call."""
    rng = random.Random(seed)
    addends = [rng.randrange(0x8000) for _ in range(60)]
    vm = Machine(memory="32M")
    vm.memory.write(0x1000, assemble(*(0x38630000 | n for n in addends), 0x4BFFFFFC - 4 * 59))  # addi r3,r3,n; b back
    vm.start(pc=0x1000)
    rounds = 0

    def check() -> bool:
        nonlocal rounds
        vm.run(max_instructions=61 * 40)
        rounds += 40
        return vm.cpus[0].r3 == rounds * sum(addends)

    check()
    return check


def test_a_child_refuses_a_machine_whose_ram_the_host_could_not_copy() -> None:
    vm, other = counting(), counting()
    other.snapshot()  # such RAM is no longer shared
    vm.run(max_instructions=300)
    vm.memory.write(0x3000, b"parent")

    def in_child() -> bool:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        return (
            refused(lambda: vm.memory.write(0x3000, b"child!"))
            and refused(lambda: vm.memory.read(0x3000, 6))
            and refused(lambda: vm.run(max_instructions=10))
            and refused(vm.snapshot)
            and refused(vm.state_hash)
            and refused(lambda: vm.cpus[0].r3)
            and other.run(max_instructions=10) == InstructionLimit(10)
            and not refused(lambda: counting().run(max_instructions=1000))
            and status(child(lambda: refused(vm.snapshot) and other.memory.read(0x1000, 1) == b"\x38")) == 0
            and forget()
        )

    def forget() -> bool:
        nonlocal vm
        before = bytearray(64 << 20)
        del vm  # and unmaps nothing that is there by now
        return bytes(before) == bytes(64 << 20)

    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, limits[1]))  # nothing can be mapped any more
    try:
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                try:
                    os._exit(0 if in_child() else 1)
                except BaseException:
                    os._exit(2)
            assert status(pid) == 0
            assert vm.memory.read(0x3000, 6) == b"parent"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    vm.run(max_instructions=300)
    assert status(child(lambda: vm.run(max_instructions=300) == InstructionLimit(900))) == 0


def test_a_child_refuses_a_machine_that_another_thread_was_using() -> None:
    vm, frozen = counting(), counting().snapshot()
    started = threading.Event()
    vm.partition.when_run(started.set)
    thread = threading.Thread(target=vm.run)
    thread.start()
    try:
        started.wait()
        for _ in range(20):

            def in_child() -> bool:
                signal.alarm(20)  # a deadlock ends the child
                for use in (
                    lambda: vm.run(max_instructions=1),
                    lambda: vm.save(os.devnull),
                    lambda: vm.snapshot(),
                    lambda: vm.pause(),
                    lambda: vm.start(pc=0),
                ):
                    if not refused(use):
                        return False
                vm.kick()
                vm.stop()
                vm.console.write("typed")
                return frozen.fork().run(max_instructions=100) == InstructionLimit(100) and not vm.running

            assert status(child(in_child)) == 0
    finally:
        vm.stop()
        thread.join()
    assert vm.running is False
    assert status(child(lambda: isinstance(vm.run(max_instructions=10), InstructionLimit))) == 0


def test_a_child_forked_by_a_handler_goes_on_and_answers_it() -> None:
    vm = Machine(memory="32M")
    children = []

    @vm.hypercall(0xF100, "H_FORK")
    def fork(vm: Machine, cpu: object) -> tuple[int, int]:
        children.append(os.fork())
        return 0, int(children[-1] == 0)

    vm.memory.write(0x1000, assemble(0x44000022, 0x48000000))  # sc 1; b .
    vm.start(pc=0x1000, r3=0xF100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vm.run(max_instructions=2)
    if children == [0]:
        os._exit(7 if vm.cpus[0].r4 == 1 else 1)
    assert (vm.cpus[0].r4, status(children[0])) == (0, 7)


def test_processes_of_every_kind_leave_the_machine_as_it_was(tmp_path: Path) -> None:
    vm = counting()
    vm.run(max_instructions=1000)
    then = vm.state_hash()
    path = tmp_path / "machine"
    vm.save(path)
    mapped, frozen = Machine.restore(path), vm.snapshot()
    subprocess.run([sys.executable, "-c", ""], check=True)
    subprocess.run([sys.executable, "-c", ""], check=True, preexec_fn=lambda: None)
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)

    def generation(number: int, before: int) -> bool:
        """Whether this one sees what its parent wrote, and so do its own children."""
        for machine in (vm, mapped):
            if machine.memory[0x3000] != before:
                return False
            machine.memory.write(0x3000, bytes([number]))
            machine.run(max_instructions=1000)
        own = frozen.fork()
        own.memory.write(0x3000, b"own")
        return number == 3 or status(child(lambda: generation(number + 1, number))) == 0

    assert status(child(lambda: generation(1, 0))) == 0
    process = multiprocessing.get_context("fork").Process(target=vm.run, kwargs={"max_instructions": 5000})
    process.start()
    process.join()
    assert process.exitcode == 0
    assert {machine.state_hash() for machine in (vm, mapped, frozen.fork())} == {then}


def test_a_fork_that_python_does_not_know_of_does_not_reach_the_parents_ram() -> None:
    vm = counting()
    vm.memory.write(0x3000, b"parent")
    libc = ctypes.PyDLL(None)
    pid = libc.fork()
    if pid == 0:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        vm.memory.write(0x3000, b"child!")  # there is nothing at that address: the child dies
        os._exit(0)
    assert status(pid) == -signal.SIGSEGV
    assert vm.memory.read(0x3000, 6) == b"parent"


def test_a_child_leaves_the_parents_recording_and_its_replay_alone(demo_guest: Path, tmp_path: Path) -> None:
    path = tmp_path / "recording"
    vm = Machine(memory="64M", clock="host")
    vm.load_kernel(demo_guest)
    recording = vm.record(path)
    vm.run(max_instructions=200_000)

    def go_on() -> bool:
        nonlocal recording, vm
        vm.run(max_instructions=100_000)
        recording.close()
        del recording, vm
        gc.collect()
        return True

    assert status(child(go_on)) == 0
    vm.run(max_instructions=300_000)
    recording.close()
    replayed = Machine.replay(path, kernel=demo_guest)
    replayed.run(max_instructions=100_000)
    assert status(child(lambda: replayed.run() is not None and replayed.state_hash() == vm.state_hash())) == 0
    replayed.run()
    assert replayed.state_hash() == vm.state_hash()


@pytest.mark.parametrize("ends", ["cancel", "forget", "migrate"])
def test_a_child_leaves_the_parents_migration_alone(tmp_path: Path, ends: str) -> None:
    vm = counting()
    vm.run(max_instructions=1000)
    vm.memory.write(0x100000, random.Random(1).randbytes(1 << 20))
    here, there = socket.socketpair()
    incoming = Machine.listen(f"fd:{there.detach()}", timeout=60)
    arrived: list[Machine] = []
    thread = threading.Thread(target=lambda: arrived.append(incoming.receive()))
    thread.start()
    migration = vm.start_migration(f"fd:{here.detach()}", bandwidth=4 << 20)
    vm.run(max_instructions=1000)

    def in_child() -> bool:
        nonlocal migration, vm
        if ends == "cancel":
            return not migration.cancel()
        if ends == "migrate":
            return vm.migrate(f"file:{tmp_path / 'other'}").phase is Phase.COMPLETED
        del migration, vm
        gc.collect()
        return True

    assert status(child(in_child)) == 0
    vm.partition.run_beside(migration)
    thread.join()
    assert migration.phase is Phase.COMPLETED
    assert isinstance(arrived[0].run(max_instructions=10), InstructionLimit)


def test_a_child_does_not_write_into_a_file_that_its_parent_migrates_to(tmp_path: Path) -> None:
    vm = counting()
    vm.run(max_instructions=1000)
    migration = vm.start_migration(f"file:{tmp_path / 'saved'}", bandwidth=1 << 20)
    vm.memory.write(0x100000, random.Random(1).randbytes(1 << 20))
    vm.run(max_instructions=1000)

    def in_child() -> bool:
        nonlocal migration, vm
        del migration, vm
        gc.collect()
        return True

    assert status(child(in_child)) == 0
    vm.partition.run_beside(migration)
    assert Machine.restore(tmp_path / "saved", verify=True).partition.life.started


def test_a_child_leaves_the_parents_control_socket_alone(tmp_path: Path) -> None:
    vm = counting()
    path = tmp_path / "control"
    with vm.serve_qmp(f"unix:{path}") as server, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        answers = client.makefile("rb")
        assert b"QMP" in answers.readline()

        def in_child() -> bool:
            server.close()
            vm.pause()  # an event that nobody hears
            return isinstance(vm.migrate(f"file:{tmp_path / 'moved'}"), object)

        assert status(child(in_child)) == 0
        assert path.exists()
        client.sendall(b'{"execute":"qmp_capabilities"}')
        assert answers.readline() == b'{"return": {}}\r\n'
    assert not path.exists()


def test_a_child_waits_for_no_listener_that_its_parent_was_telling() -> None:
    vm = counting()
    begun, over = threading.Event(), threading.Event()

    def listen(name: str, data: dict[str, object]) -> None:
        if name == "SLOW":
            begun.set()
            over.wait(60)

    vm.events.subscribe(listen)
    thread = threading.Thread(target=vm.events.emit, args=("SLOW",))
    thread.start()
    begun.wait(60)

    def in_child() -> bool:
        signal.alarm(30)
        vm.pause()
        return vm.paused

    try:
        assert status(child(in_child)) == 0
    finally:
        over.set()
        thread.join()


BETWEEN = """
import os, threading

begun, made = threading.Event(), threading.Event()

def between():  # our own hook has been called before this one, since this one was registered first
    thread.start()
    begun.wait()
    made.wait(0.1)  # which another thread must not spend with the GIL, or nobody ever gets on

os.register_at_fork(before=between)

from pyspapr import Machine

def make():
    begun.set()
    Machine(memory="32M")
    made.set()

thread = threading.Thread(target=make)
if not (pid := os.fork()):
    os._exit(0)
os.waitpid(pid, 0)
thread.join()
"""


def test_a_machine_that_is_made_during_a_fork_waits_without_the_gil() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", BETWEEN], check=True, timeout=60)
