"""Running: why runs end, that they repeat, and that no guest can harm the host."""

from __future__ import annotations

import _thread
import copy
import pickle
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from images import BASE, BRANCH_TO_SELF, POWER_OFF, assemble, hypercall, li, rtas, started

from pyspapr import (
    ConfigError,
    ExpectError,
    GuestAddressError,
    Hung,
    InstructionLimit,
    Interrupted,
    Machine,
    MachineConfig,
    Matched,
    Panicked,
    PoweredOff,
    Rebooted,
    StateError,
    Timeout,
    Unimplemented,
)
from pyspapr.config import Description
from pyspapr.devices import Ics, Nvram, Vty
from pyspapr.replay.lockstep import Lockstep

FOREVER = [0x38630001, 0x4BFFFFFC]  # addi r3,r3,1; b .-4


def put(text: str) -> list[int]:
    """Print up to 4 characters."""
    word = int.from_bytes(text.encode().ljust(4, b"\0"), "big")
    return [*li(3, 0x58), *li(4, 0), *li(5, len(text)), *li(6, word), 0x78C607C6, 0x44000022]  # sldi r6,r6,32; sc 1


def demo(guest: Path, append: str = "rounds=2", **more: object) -> Machine:
    vm = Machine(memory="64M", **more)  # type: ignore[arg-type]
    vm.load_kernel(guest, append=append)
    return vm


def test_every_way_to_end(vm: Machine, demo_guest: Path) -> None:
    assert started(vm, *POWER_OFF).run(timeout=20) == PoweredOff()
    assert started(vm, *rtas(0x2004)).run(timeout=20) == Rebooted()
    vm.memory.write(0x7000, b"last words\0")
    assert started(vm, *rtas(0x201F, 0x7000)).run(timeout=20) == Panicked("last words")
    assert started(vm, *FOREVER).run(max_instructions=1000) == InstructionLimit(vm.instructions)
    assert started(vm, *FOREVER).run(timeout=0.05) == Timeout(0.05)
    assert isinstance(started(vm, BRANCH_TO_SELF).run(timeout=20), Hung)
    assert isinstance(started(vm, *rtas(0x2007)).run(timeout=20), Hung)
    assert demo(demo_guest, "panic").run(timeout=60).exit_status == 3
    assert isinstance(demo(demo_guest, "hang").run(timeout=60), Hung)


def test_the_demo_guest_passes_on_every_processor(demo_guest: Path) -> None:
    for cpu in ("power8", "power9"):
        vm = demo(demo_guest, "rounds=4", cpu=cpu)
        assert vm.run(timeout=60) == PoweredOff(), vm.console.output
        assert "every check passed" in vm.console.output


def test_two_runs_agree_to_the_last_byte(demo_guest: Path) -> None:
    machines = [demo(demo_guest) for _ in range(2)]
    for limit in (10_000, 1_234_567):
        assert len({str(vm.run(max_instructions=limit)) for vm in machines}) == 1
        assert len({vm.state_hash() for vm in machines}) == 1
    assert [vm.run(timeout=60) for vm in machines] == [PoweredOff()] * 2
    assert len({(vm.state_hash(), vm.console.output, vm.instructions) for vm in machines}) == 1


def test_a_run_in_pieces_is_the_same_run(demo_guest: Path) -> None:
    whole, pieces = demo(demo_guest), demo(demo_guest)
    assert whole.run(max_instructions=700_000) == InstructionLimit(700_000)
    for step in (1, 99_999, 7, 599_993):
        pieces.run(max_instructions=step)
    assert pieces.cpus[0].vcpu.instructions == 700_000
    assert whole.state_hash() == pieces.state_hash()


def test_the_hash_sees_one_byte_one_register_and_one_device() -> None:
    def fresh() -> Machine:
        return started(Machine(memory="32M"), *FOREVER)

    hashes = {fresh().state_hash()}
    one, two, three, four = (fresh() for _ in range(4))
    one.memory[0x1F00000] = 1
    two.cpus[0].r20 = 1
    three.device(Nvram).store(5, b"x")
    four.device(Ics).set_xive(0x1100, 0, 3)
    hashes |= {vm.state_hash() for vm in (one, two, three, four)}
    assert len(hashes) == 5


def test_instruction_limits_are_exact(vm: Machine) -> None:
    started(vm, *FOREVER)
    for limit in (0, 1, 2, 3, 1000, 16_777_216 + 5):
        before, r3 = vm.instructions, vm.cpus[0].r3
        assert vm.run(max_instructions=limit) == InstructionLimit(before + limit)
        assert vm.cpus[0].r3 - r3 in (limit // 2, (limit + 1) // 2)
    with pytest.raises(ConfigError, match="max_instructions"):
        vm.run(max_instructions=-1)


@pytest.mark.parametrize("limit", [1.0, 2e7, float("nan"), float("inf"), "5"])
def test_a_limit_that_is_no_whole_number_is_refused_before_anything_runs(vm: Machine, limit: Any) -> None:
    def pair(engine: Any) -> Machine:
        return started(Machine(memory="32M", engine=engine), *FOREVER)

    started(vm, *FOREVER)
    for run in (vm.run, Lockstep(pair).run):
        with pytest.raises(ConfigError, match=f"max_instructions is {limit!r}, expected a whole number"):
            run(max_instructions=limit, timeout=1)
    assert vm.instructions == 0


def test_what_is_no_description_of_a_machine_is_refused() -> None:
    with pytest.raises(TypeError, match="a MachineConfig describes a machine, or keywords do, but not '32M'"):
        Machine(cast(Any, "32M"))
    with pytest.raises(TypeError, match="memori"):
        Machine(**cast(Any, {"memori": "32M"}))


def test_a_machine_is_described_once() -> None:
    config = MachineConfig(memory="32M", seed=5)
    assert Machine(config).config == Machine(memory="32M", seed=5).config == config
    with pytest.raises(TypeError, match="is described by a MachineConfig or by memory, seed, not by both"):
        Machine(config, memory="64M", seed=5)


def test_a_machine_takes_every_word_of_a_description() -> None:
    config = MachineConfig(memory="32M", max_memory="64M", cpu="power9", console_history=4096, rtc_base=0)
    assert Description.__annotations__.keys() == config.as_dict().keys()
    assert Machine(**cast(Any, config.as_dict())).config == config


def test_a_time_limit_may_be_longer_than_a_thread_can_wait(vm: Machine) -> None:
    for seconds in (1e10, 1e308, 10**400):
        assert isinstance(started(vm, *FOREVER).run(max_instructions=10, timeout=seconds), InstructionLimit)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_longest_time_limit_is_one_and_ends_nothing_early(vm: Machine) -> None:
    started(vm, *FOREVER)
    threading.Timer(0.2, vm.stop).start()
    assert vm.run(timeout=1e308) == Interrupted()


def test_a_time_limit_that_is_none_is_refused(vm: Machine) -> None:
    started(vm, *FOREVER)
    for seconds in (-1, float("inf"), float("nan"), cast(Any, "1")):
        with pytest.raises(ConfigError, match="timeout"):
            vm.run(timeout=seconds)
        with pytest.raises(ConfigError, match="timeout"):
            vm.console.expect("x", timeout=seconds)
        with pytest.raises(ConfigError, match="timeout"):
            Lockstep(lambda engine: started(Machine(memory="32M", engine=engine), *FOREVER)).run(timeout=seconds)
        with pytest.raises(ConfigError, match="timeout"):
            Machine.incoming("tcp:0", timeout=seconds)


def test_expect_runs_until_the_text_appears(vm: Machine) -> None:
    started(vm, *put("one\n"), *put("two\n"), *put("end\n"), *POWER_OFF)
    assert vm.console.expect("two") == "one\ntwo"
    assert vm.run(until=re.compile("e.d")) == Matched("\nend")
    with pytest.raises(ExpectError, match="'three' did not appear: the guest powered off"):
        vm.console.expect("three", timeout=20)
    assert vm.console.read() == vm.console.output == "one\ntwo\nend\n"
    assert vm.console.read() == ""


def test_what_was_not_found_is_said_with_why_and_the_last_lines(vm: Machine) -> None:
    def failure(*words: int, timeout: float = 20, before: Callable[[], object] = lambda: None) -> ExpectError:
        started(vm, *put("one\n"), *put("two\n"), *put("end"), *words)
        before()
        with pytest.raises(ExpectError) as caught:
            vm.console.expect(re.compile("th.ee"), timeout=timeout)
        error = caught.value
        assert error.wanted == "th.ee"
        assert str(error).startswith(
            f"'th.ee' did not appear: {error.reason}, after {error.seconds:.3g} s of guest time"
        )
        assert isinstance(error, TimeoutError) is isinstance(error.reason, Timeout)
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.reason, again.lines) == (str(error), error.reason, error.lines)
        return error

    stopped = failure(*FOREVER, before=vm.stop)
    assert stopped.reason == Interrupted() and stopped.lines == []
    assert str(stopped).endswith("the console's end: empty")
    ended = failure(*POWER_OFF)
    assert ended.reason == PoweredOff() and 0 <= ended.seconds < 20
    assert ended.lines == ["one", "two", "end"] and str(ended).endswith("the console's end:\n  | one\n  | two\n  | end")
    hung = failure(BRANCH_TO_SELF)
    assert isinstance(hung.reason, Hung) and hung.lines == ["one", "two", "endone", "two", "end"]
    late = failure(*FOREVER, timeout=0.002)
    assert late.reason == Timeout(0.002, guest=True) and late.seconds == 0.002
    for _ in range(4):
        late = failure(*FOREVER, timeout=0.002)
    assert len(late.lines) == ExpectError.LINES


def test_what_a_guest_said_before_its_end_can_still_be_expected(vm: Machine) -> None:
    started(vm, *put("one\n"), *put("two\n"), *put("end\n"), *POWER_OFF)
    assert vm.run(timeout=20) == PoweredOff()
    assert vm.console.expect("one") == "one"
    assert vm.run(until="two") == Matched("\ntwo")
    for _ in range(2):
        with pytest.raises(StateError, match="the guest powered off"):
            vm.console.expect("two")
    assert vm.console.expect("end") == "\nend"
    assert vm.ended == PoweredOff()


def test_text_that_comes_together_with_the_end_is_found(vm: Machine) -> None:
    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object) -> int:
        machine.console.emit(b"solved")
        machine.end(PoweredOff())
        return 0

    assert started(vm, *hypercall(0xF100)).console.expect("solved", timeout=20) == "solved"
    assert vm.ended == PoweredOff()


def test_text_bytes_and_patterns_over_both_are_waited_for(vm: Machine) -> None:
    started(vm, *put("one\n"), *put("two\n"), *put("six\n"), *put("end\n"), *POWER_OFF)
    assert vm.console.expect(b"on") == "on"
    assert vm.console.expect(re.compile(b"t.o")) == "e\ntwo"
    assert vm.console.expect(re.compile("S.X", re.IGNORECASE)) == "\nsix"
    for pattern in (b"three", re.compile(b"three")):
        with pytest.raises(ExpectError, match="b'three' did not appear: the guest powered off"):
            vm.console.expect(pattern, timeout=20)
        started(vm, *POWER_OFF)
    with pytest.raises(TypeError, match="text, bytes or a compiled pattern is waited for, not int"):
        vm.console.expect(cast(Any, 3))
    assert vm.run(timeout=20) == PoweredOff()


def test_a_console_flood_is_bounded_and_still_matched() -> None:
    vm = Machine(memory="32M", console_history=4096)
    loop = put("abcd")
    started(vm, *loop, 0x48000000 | (-4 * len(loop) & 0x3FFFFFC))
    assert isinstance(vm.run(max_instructions=len(loop) * 20_000), InstructionLimit)
    assert vm.console.total > 60_000
    assert len(vm.console.raw) <= 4096 * 5 // 4
    assert vm.run(until="dabc", timeout=20).exit_status == 0


def test_a_flood_does_not_slow_down_as_it_grows(vm: Machine) -> None:
    for _ in range(200_000):
        vm.console.emit(b"sixteen bytes...")
    assert vm.console.total == 3_200_000 and len(vm.console.raw) <= 5 << 18


GUEST_MISCHIEF = {
    "jump to nowhere": [*li(9, 0x7FFFFFF0), 0x7D2903A6, 0x4E800420],
    "jump above all memory": [0x3920FFFF, 0x7D2903A6, 0x4E800420],
    "store above memory": [*li(9, 0x70000000), 0x91290000],
    "load far above memory": [0x3D207FFF, 0x792907C6, 0xE9290000],
    "a word of zeroes": [0x00000000],
    "a word of ones": [0xFFFFFFFF],
    "translation without a segment": [0x38600030, 0x7C600124],
    "rfid to nowhere": [0x3860FFFF, 0x7C7A03A6, 0x4C000024],
    "cede for ever": [*hypercall(0xE0), 0x4BFFFFF0],
}


@pytest.mark.parametrize("what", GUEST_MISCHIEF)
@pytest.mark.parametrize("cpu", ["power8", "power9", "power10"])
def test_guest_mischief_ends_in_the_guest(what: str, cpu: str) -> None:
    vm = started(Machine(memory="32M", cpu=cpu), *GUEST_MISCHIEF[what])
    reason = vm.run(max_instructions=200_000, timeout=30)
    assert isinstance(reason, InstructionLimit | Hung), reason
    assert re.fullmatch("[0-9a-f]{64}", vm.state_hash())


def test_ram_full_of_noise_never_harms_the_host() -> None:
    import random

    for seed in range(8):
        vm = Machine(memory="32M", cpu=("power8", "power9", "power10")[seed % 3])
        vm.memory.write(0, random.Random(seed).randbytes(1 << 20))
        vm.start(pc=BASE)
        vm.run(max_instructions=300_000, timeout=30)


def test_strict_stops_with_address_word_and_disassembly() -> None:
    vm = started(Machine(memory="32M", strict=True), 0x60000000, 0x00000001)
    reason = vm.run(timeout=20)
    assert isinstance(reason, Unimplemented)
    assert (reason.address, reason.word) == (BASE + 4, 1)
    assert "0x10004: 00000001" in str(reason)


def test_a_stop_from_another_thread_ends_the_run(vm: Machine) -> None:
    started(vm, *FOREVER)
    threading.Timer(0.05, vm.stop).start()
    assert vm.run(timeout=30) == Interrupted()
    assert vm.run(max_instructions=10) == InstructionLimit(vm.instructions)


def test_a_second_thread_may_not_run_the_same_machine(vm: Machine) -> None:
    started(vm, *FOREVER)
    inside = threading.Event()
    thread = threading.Thread(target=lambda: (inside.set(), vm.run(timeout=30)))
    thread.start()
    inside.wait()
    time.sleep(0.1)
    with pytest.raises(StateError, match="running already"):
        vm.run()
    vm.stop()
    thread.join()


def test_ctrl_c_raises_and_the_machine_can_go_on(vm: Machine) -> None:
    started(vm, *FOREVER)
    threading.Timer(0.1, _thread.interrupt_main, (signal.SIGINT,)).start()
    with pytest.raises(KeyboardInterrupt):
        vm.run(timeout=30)
    r3 = vm.cpus[0].r3
    vm.run(max_instructions=100)
    assert vm.cpus[0].r3 == r3 + 50


def test_machines_in_threads_do_not_disturb_each_other(demo_guest: Path) -> None:
    hashes: list[str] = []

    def boot() -> None:
        vm = demo(demo_guest)
        assert vm.run(timeout=120) == PoweredOff()
        hashes.append(vm.state_hash())

    threads = [threading.Thread(target=boot) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hashes) == 4 and len(set(hashes)) == 1


def test_the_gil_is_free_while_a_guest_runs(vm: Machine) -> None:
    started(vm, *FOREVER)
    ticks = 0
    thread = threading.Thread(target=vm.run, kwargs={"timeout": 0.5})
    thread.start()
    while thread.is_alive():
        ticks += 1
        time.sleep(0.001)
    assert ticks > 50


def test_virtual_time_jumps_over_sleep_and_host_time_does_not() -> None:
    # Decrementer of 2**28 ticks (half a second), cede; the interrupt at 0x900 powers off.
    code = [*li(5, 1 << 28), 0x7CB603A6, *hypercall(0xE0), BRANCH_TO_SELF]
    for clock, least, most in (("virtual", 0.0, 0.3), ("host", 0.45, 5.0)):
        vm = Machine(memory="32M", clock=clock)  # type: ignore[arg-type]
        vm.memory.write(0x900, assemble(*POWER_OFF))
        started(vm, *code)
        begin, cpu = time.perf_counter(), time.process_time()
        assert vm.run(timeout=20) == PoweredOff()
        assert least <= time.perf_counter() - begin < most
        assert time.process_time() - cpu < 0.3


def test_typing_wakes_a_guest_that_sleeps_in_host_time() -> None:
    # Route the terminal's interrupt, open the presenter, cede; the interrupt at 0x500 powers off.
    vm = Machine(memory="32M", clock="host")
    vm.memory.write(0x500, assemble(*POWER_OFF))
    started(vm, *rtas(0x200A, 0x1100, 0, 5), *hypercall(0x68, 0xFF), *hypercall(0xE0), BRANCH_TO_SELF)
    threading.Timer(0.2, vm.console.write, ("x",)).start()
    begin = time.perf_counter()
    assert vm.run(timeout=20) == PoweredOff()
    assert 0.1 < time.perf_counter() - begin < 2
    assert vm.device(Vty).get() == b"x"


def test_a_guest_that_nothing_can_wake_is_hung(vm: Machine) -> None:
    # RTAS stop-self is one way; a branch to self with interrupts off the other.
    reason = started(vm, BRANCH_TO_SELF).run()
    assert isinstance(reason, Hung) and reason.exit_status == 4 and reason.pc == BASE


def test_memory_is_read_and_written_by_slices(vm: Machine) -> None:
    vm.memory[0x100:0x108] = bytes(range(8))
    vm.memory[0x108] = 9
    assert vm.memory[0x100:0x109] == bytes([*range(8), 9])
    assert vm.memory[0x103] == 3
    assert vm.memory.u64(0x100) == 0x0001020304050607
    assert vm.memory.u32(0x100, "little") == 0x03020100
    size = len(vm.memory)
    for bad in (lambda: vm.memory[size], lambda: vm.memory[size - 1 : size + 1], lambda: vm.memory.u64(size - 4)):
        with pytest.raises(GuestAddressError, match=r"outside"):
            bad()
    with pytest.raises(ValueError, match="do not fill"):
        vm.memory[0:4] = b"x"
    with pytest.raises(ValueError, match="upwards"):
        vm.memory[4:0]
    with pytest.raises(TypeError):
        vm.memory[:4]


def test_addresses_and_bytes_are_whole_numbers(vm: Machine) -> None:
    memory = cast(Any, vm.memory)
    for bad in (slice(0.5, 3.7), slice("0", "3"), slice(0, 3.0)):
        with pytest.raises(TypeError):
            memory[bad]
    for byte in (-1, 256):
        with pytest.raises(ValueError, match=f"a byte is 0 to 255, not {byte}"):
            memory.fill(0, 4, byte)


def test_a_machine_is_no_thing_to_copy_or_to_pickle(vm: Machine) -> None:
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"copied with snapshot\(\)\.fork\(\)"):
            attempt(vm)


@pytest.mark.parametrize("address", [-1, -(1 << 64), (32 << 20) - 3, 1 << 63, (1 << 64) - 1, 1 << 64, 1 << 200])
def test_whatever_is_outside_ram_is_named_in_one_kind_of_error(vm: Machine, address: int) -> None:
    memory = vm.memory

    def store() -> None:
        memory[address : address + 4] = b"four"

    accesses = [
        lambda: memory[address : address + 4],
        store,
        lambda: memory.read(address, 4),
        lambda: memory.write(address, b"four"),
        lambda: memory.fill(address, 4),
        lambda: memory.copy(address, 0, 4),
        lambda: memory.copy(0, address, 4),
        lambda: memory.u32(address),
        lambda: memory.store(address, 1, 4),
    ]
    for access in accesses:
        with pytest.raises(GuestAddressError, match=f"4 bytes at {address:#x} are outside") as caught:
            access()
        assert (caught.value.address, caught.value.length) == (address, 4)
    assert memory[0:4] == bytes(4)


def test_ranges_longer_than_ram_are_outside_and_negative_ones_are_none(vm: Machine) -> None:
    for length in ((32 << 20) + 1, 1 << 64, 1 << 200):
        with pytest.raises(GuestAddressError, match="outside"):
            vm.memory.read(0, length)
    for bad in (lambda: vm.memory[-1], lambda: vm.memory[1 << 64], lambda: vm.memory.cstring(-1)):
        with pytest.raises(GuestAddressError, match="outside"):
            bad()
    with pytest.raises(ValueError, match="0 or more, not -1"):
        vm.memory.read(0, -1)
    assert vm.memory[32 << 20 : 32 << 20] == b""


def test_registers_have_names(vm: Machine) -> None:
    cpu = vm.cpus[0]
    cpu.r7 = (1 << 64) - 1
    cpu["ctr"] = 5
    assert cpu["r7"] == (1 << 64) - 1 and cpu.ctr == 5
    assert {"r0", "r31", "pc", "msr", "lr", "cr", "xer", "fpscr", "srr0", "sprg0", "dar", "lpcr"} <= set(cpu)
    assert len(dict(cpu)) == len(cpu.names)
    for name in ("r32", "nonsense"):
        with pytest.raises(AttributeError, match=name):
            getattr(cpu, name)
        with pytest.raises(KeyError):
            cpu[name] = 1


@pytest.mark.parametrize(
    ("name", "width"),
    [("r3", 64), ("pc", 64), ("f1", 64), ("lr", 64), ("cr", 32), ("vscr", 32), ("vs7", 128), ("vr7", 128)],
)
def test_a_register_takes_what_fits_and_refuses_the_rest(vm: Machine, name: str, width: int) -> None:
    cpu = vm.cpus[0]
    cpu[name] = (1 << width) - 1
    cpu[name] = before = 0x10000
    for value in (-1, 1 << width, (1 << width) + 7, 1 << 200):
        text = f"register {name} has {width} bits and cannot hold {value:#x}"
        with pytest.raises(ValueError, match=text):
            cpu[name] = value
        with pytest.raises(ValueError, match=text):
            setattr(cpu, name, value)
    assert cpu[name] == before
    with pytest.raises(KeyError):
        cpu["r32"] = -1


def test_registers_of_a_machine_that_another_thread_runs_are_refused(vm: Machine) -> None:
    started(vm, *FOREVER)
    cpu = vm.cpus[0]
    accesses = [lambda: cpu.pc, lambda: cpu["r3"], lambda: cpu.__setitem__("r3", 1), lambda: setattr(cpu, "r3", 1)]
    thread = threading.Thread(target=vm.run, kwargs={"timeout": 30})
    thread.start()
    try:
        for access in accesses:
            end = time.monotonic() + 10
            with pytest.raises(StateError, match="another thread"):
                while time.monotonic() < end:  # the run loop lets go of the processor now and then
                    access()
        assert vm.call(lambda: cpu.pc) in (BASE, BASE + 4)
    finally:
        vm.stop()
        thread.join()


def test_a_user_hypercall_is_called_by_the_guest(vm: Machine) -> None:
    seen = []

    @vm.hypercall(0xF100, "H_NOTE")
    def note(machine: Machine, cpu: object, a: int, b: int) -> int:
        seen.append((a, b))
        return 0

    assert started(vm, *hypercall(0xF100, 7, 8), *POWER_OFF).run(timeout=20) == PoweredOff()
    assert seen == [(7, 8)]


@pytest.mark.parametrize(
    ("registers", "text"),
    [
        ({"pc": BASE + 2}, "pc is 0x10002, expected a multiple of 4"),
        ({"pc": -4}, "register pc has 64 bits and cannot hold -0x4"),
        ({"pc": BASE, "r5": 1 << 64}, "register r5 has 64 bits and cannot hold 0x10000000000000000"),
    ],
)
def test_a_machine_starts_at_an_instruction_with_what_registers_hold(
    vm: Machine, registers: dict[str, int], text: str
) -> None:
    started(vm, *FOREVER)
    before = vm.state_hash()
    with pytest.raises(ValueError, match=text):
        vm.start(**cast(Any, registers))
    assert vm.state_hash() == before


def test_only_a_reason_ends_a_run(vm: Machine) -> None:
    for reason in ("enough", PoweredOff, None):
        with pytest.raises(TypeError, match="a run ends with a StopReason, not"):
            vm.end(cast(Any, reason))
    assert vm.ended is None


def test_what_is_no_function_is_refused_before_it_is_needed(vm: Machine) -> None:
    wrong = cast(Any, 3)
    for name, attempt in {
        "prepare": lambda: vm.snapshot(wrong),
        "a listener": lambda: vm.events.subscribe(wrong),
        "on_progress": lambda: Machine.incoming("tcp:0", on_progress=wrong),
        "on_rejected": lambda: Machine.incoming("tcp:0", on_rejected=wrong),
    }.items():
        with pytest.raises(TypeError, match=f"{name} is 3, expected a function"):
            attempt()
    with pytest.raises(TypeError, match="prepare is 3, expected a function"):
        Machine.incoming("tcp:0", prepare=wrong)
    with pytest.raises(TypeError, match="a MachineConfig says what the machine must be, not 3"):
        Machine.incoming("tcp:0", config=wrong)


def test_a_handler_cannot_reboot_the_machine_it_answers(vm: Machine) -> None:
    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object) -> int:
        machine.reboot()
        return 0

    with pytest.raises(StateError, match="a hypercall handler is running"):
        started(vm, *hypercall(0xF100), *POWER_OFF).run(timeout=20)


def test_a_handler_can_neither_start_the_machine_it_answers_anew_nor_wait_for_it_to_migrate(
    vm: Machine, demo_guest: Path, tmp_path: Path
) -> None:
    refused: list[str] = []

    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object) -> int:
        for attempt in (
            lambda: vm.load_kernel(demo_guest),
            lambda: vm.start(pc=0),
            lambda: vm.migrate(f"file:{tmp_path / 'away'}"),
        ):
            with pytest.raises(StateError) as caught:
                attempt()
            refused.append(str(caught.value))
        return 0

    assert started(vm, *hypercall(0xF100), *POWER_OFF).run(timeout=20) == PoweredOff()
    assert ["hypercall handler is running" in text for text in refused] == [True, True, False]
    assert "start_migration" in refused[2]


def test_no_kernel_is_loaded_over_a_guest_that_another_thread_runs(vm: Machine, demo_guest: Path) -> None:
    inside = threading.Event()

    @vm.hypercall(0xF100, "H_NOTE")
    def handler(machine: Machine, cpu: object) -> int:
        inside.set()
        return 0

    started(vm, *hypercall(0xF100), *FOREVER)
    before = vm.partition.ram.digest()
    thread = threading.Thread(target=vm.run, kwargs={"timeout": 30})
    thread.start()
    try:
        assert inside.wait(30)
        with pytest.raises(StateError, match="another thread runs the machine"):
            vm.load_kernel(demo_guest)
        with pytest.raises(StateError, match="another thread runs the machine"):
            vm.start(pc=0)
    finally:
        vm.stop()
        thread.join()
    assert vm.partition.ram.digest() == before


def test_an_entry_of_the_hash_table_is_cleared_by_writing_zeros(vm: Machine) -> None:
    vm.hpt[8] = 0, 0
    vm.hpt[9] = 1 << 63 | 1, 2
    vm.hpt[9] = 0, 0
    assert vm.hpt[8] == vm.hpt[9] == (0, 0)
