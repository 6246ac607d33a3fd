"""Several processors: what a guest, its hypercalls and RTAS calls, a save and a fork see of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fetch_guests import CACHE

from pyspapr import ConfigError, Hung, InstructionLimit, Machine
from pyspapr._native import MSR_EE
from pyspapr.codes import H_BAD_MODE, H_CONTINUE, H_PARAMETER, H_SUCCESS, HARDWARE_ERROR, PARAMETER_ERROR, SUCCESS
from pyspapr.devices import Icp, Registered
from pyspapr.rtas.registry import answer

TURN = 10_000
CODE = 0x1_0000
VPA = 0x2_0000
QUERY, START, STOP = 0x2005, 0x2006, 0x2007
H_CEDE, H_CONFER, H_PROD, H_JOIN, H_REGISTER_VPA, H_IPI = 0xE0, 0xE4, 0xE8, 0x298, 0xDC, 0x6C
REGISTER = 1 << 45


def code(vm: Machine, *words: int, at: int = CODE) -> None:
    vm.memory.write(at, b"".join(word.to_bytes(4, "big") for word in words))


def machine(count: int = 3, **more: object) -> Machine:
    """Processors that add to R3 for ever, and a handler of the decrementer that does nothing."""
    vm = Machine(memory="64M", vcpus=count, **more)  # type: ignore[arg-type]
    code(vm, 0x38630001, 0x4BFFFFFC)
    code(vm, 0x4C000024, at=0x900)
    code(vm, 0x4C000024, at=0x500)
    vm.start(pc=CODE)
    return vm


def started(count: int = 3, **more: object) -> Machine:
    vm = machine(count, **more)
    for index in range(1, count):
        assert rtas(vm, START, index, CODE, 1000 * index) == (SUCCESS,)
    return vm


def rtas(vm: Machine, token: int, *arguments: int, cpu: int = 0) -> tuple[int, ...]:
    return answer(vm.partition, vm.cpus[cpu], token, arguments, 2)


def executed(vm: Machine) -> list[int]:
    return [cpu.vcpu.instructions for cpu in vm.cpus]


def test_the_number_of_processors_is_checked() -> None:
    for wrong in (0, 65, -1):
        with pytest.raises(ConfigError, match="expected 1 to 64"):
            Machine(memory="64M", vcpus=wrong)
    assert len(Machine(memory="64M", vcpus=64).cpus) == 64


def test_processors_take_turns_once_they_are_started() -> None:
    vm = machine()
    assert [rtas(vm, QUERY, index) for index in range(3)] == [(SUCCESS, 2), (SUCCESS, 0), (SUCCESS, 0)]
    assert isinstance(vm.run(max_instructions=TURN + 1), InstructionLimit)
    assert executed(vm) == [TURN + 1, 0, 0]
    assert rtas(vm, START, 2, CODE, 7) == (SUCCESS,)
    assert rtas(vm, START, 2, CODE, 7) == (HARDWARE_ERROR,)
    assert rtas(vm, START, 3, CODE, 7) == (PARAMETER_ERROR,)
    assert rtas(vm, START, 1, CODE + 2, 7) == (PARAMETER_ERROR,)
    vm.run(max_instructions=2 * TURN)
    assert executed(vm) == [2 * TURN + 1, 0, TURN]
    assert vm.cpus[2].r3 == 7 + TURN // 2
    assert vm.partition.instructions == vm.partition.nanos == 3 * TURN + 1
    assert rtas(vm, QUERY, 2) == (SUCCESS, 2)
    assert rtas(vm, STOP, cpu=2) == (SUCCESS,)
    vm.run(max_instructions=3 * TURN)
    assert executed(vm) == [5 * TURN + 1, 0, TURN]


def test_the_last_processor_cannot_stop() -> None:
    vm = started(2)
    rtas(vm, STOP, cpu=0)
    vm.run(max_instructions=5)
    assert executed(vm) == [0, 5]
    rtas(vm, STOP, cpu=1)
    assert isinstance(vm.partition.ended, Hung)


def test_a_processor_that_is_started_has_the_interrupt_modes_of_the_one_that_starts_it() -> None:
    vm = machine(2)
    assert vm.call_hypercall(vm.cpus[0], 0x31C, 1, 4, 0, 0) == (H_SUCCESS,)
    assert vm.call_hypercall(vm.cpus[0], 0x31C, 3, 3, 0, 0) == (H_SUCCESS,)
    rtas(vm, START, 1, CODE, 0)
    assert vm.cpus[1].lpcr == vm.cpus[0].lpcr


def test_a_reset_stops_all_but_the_first() -> None:
    vm = started()
    vm.run(max_instructions=TURN + 5)
    assert vm.partition.current is vm.cpus[1]
    nanos = vm.partition.nanos
    vm.start(pc=CODE)
    assert [cpu.vcpu.stopped for cpu in vm.cpus] == [False, True, True]
    vm.run(max_instructions=3)
    assert (vm.partition.current, vm.partition.nanos) == (vm.cpus[0], nanos + 3)


def test_an_interrupt_between_processors_wakes_one_that_ceded() -> None:
    vm = started(2)
    for cpu in vm.cpus:
        vm.partition.device(Icp, cpu.index).set_cppr(0xFF)
    assert vm.call_hypercall(vm.cpus[1], H_CEDE) == (H_SUCCESS,)
    vm.run(max_instructions=3 * TURN)
    assert executed(vm) == [3 * TURN, 0]
    assert vm.call_hypercall(vm.cpus[0], H_IPI, 2, 4) == (H_PARAMETER,)
    assert vm.call_hypercall(vm.cpus[0], H_IPI, 1, 4) == (H_SUCCESS,)
    vm.run(max_instructions=3)
    assert executed(vm) == [3 * TURN, 3]
    assert vm.cpus[1].srr0 == CODE


def test_a_prod_wakes_or_is_kept() -> None:
    vm = started(2)
    vm.call_hypercall(vm.cpus[0], H_PROD, 1)
    vm.call_hypercall(vm.cpus[1], H_CEDE)
    assert not vm.cpus[1].vcpu.halted
    vm.call_hypercall(vm.cpus[1], H_CEDE)
    assert vm.cpus[1].vcpu.halted
    vm.call_hypercall(vm.cpus[0], H_PROD, 1)
    assert not vm.cpus[1].vcpu.halted


def test_all_but_the_last_processor_join() -> None:
    vm = started()
    vm.cpus[0].msr |= MSR_EE
    assert vm.call_hypercall(vm.cpus[0], H_JOIN) == (H_BAD_MODE,)
    vm.cpus[0].msr &= ~MSR_EE
    assert vm.call_hypercall(vm.cpus[0], H_JOIN) == (H_SUCCESS,)
    assert vm.call_hypercall(vm.cpus[1], H_JOIN) == (H_SUCCESS,)
    assert vm.call_hypercall(vm.cpus[2], H_JOIN) == (H_CONTINUE,)
    for cpu in vm.cpus[:2]:
        cpu.dec = 5
    vm.run(max_instructions=3 * TURN)
    assert executed(vm) == [0, 0, 3 * TURN]
    vm.call_hypercall(vm.cpus[2], H_PROD, 1)
    vm.run(max_instructions=TURN)
    assert executed(vm)[1] == TURN


def test_a_turn_is_conferred_to_a_processor_that_has_not_run_since() -> None:
    vm = started(4)
    for cpu in vm.cpus:
        vm.memory.store(VPA + 0x1000 * cpu.index + 4, 640, 2)
        assert vm.call_hypercall(cpu, H_REGISTER_VPA, REGISTER, cpu.index, VPA + 0x1000 * cpu.index) == (H_SUCCESS,)
    counts = [vm.memory.u32(VPA + 0x1000 * index + 0x100) for index in range(4)]
    assert [count & 1 for count in counts] == [0, 1, 1, 1]
    vm.run(max_instructions=10)
    vm.call_hypercall(vm.cpus[0], H_CONFER, 2, counts[2] + 2)
    assert vm.partition.current is vm.cpus[0]
    vm.call_hypercall(vm.cpus[0], H_CONFER, 2, counts[2])
    assert vm.partition.current is vm.cpus[2]
    assert [vm.memory.u32(VPA + 0x1000 * index + 0x100) & 1 for index in range(4)] == [1, 1, 0, 1]
    vm.call_hypercall(vm.cpus[2], H_CONFER, (1 << 64) - 1, 0)
    vm.run(max_instructions=10)
    assert executed(vm) == [10, 0, 0, 10]
    assert vm.call_hypercall(vm.cpus[3], H_CONFER, 4, 0) == (H_PARAMETER,)


def test_processors_that_all_wait_for_a_prod_are_hung() -> None:
    vm = started(2)
    for cpu in vm.cpus:
        cpu.msr &= ~MSR_EE
        vm.call_hypercall(cpu, H_CONFER, cpu.index, 0)
    assert isinstance(vm.run(timeout=20), Hung)


def busy(**more: object) -> Machine:
    """In the middle of a turn, with one processor stopped and one that ceded."""
    vm = started(4, **more)
    vm.memory.store(VPA + 4, 640, 2)
    vm.call_hypercall(vm.cpus[1], H_REGISTER_VPA, REGISTER, 1, VPA)
    rtas(vm, STOP, cpu=2)
    vm.cpus[3].dec = 40_000
    vm.call_hypercall(vm.cpus[3], H_CEDE)
    vm.run(max_instructions=3 * TURN + 77)
    return vm


@pytest.mark.parametrize("way", ["file", "fork", "reset"])
def test_whose_turn_it_is_and_who_is_stopped_is_saved(way: str, tmp_path: Path) -> None:
    """QEMU lost which processors were stopped, for two years."""
    vm = busy()
    assert vm.partition.current is vm.cpus[1]
    if way == "file":
        vm.save(tmp_path / "saved")
        other = Machine.restore(tmp_path / "saved")
    elif way == "fork":
        other = vm.snapshot().fork()
    else:
        snapshot = vm.snapshot()
        other = snapshot.fork()
        rtas(other, START, 2, CODE, 5)
        other.run(max_instructions=9 * TURN + 5)
        other.reset_to(snapshot)
    assert [cpu.vcpu.stopped for cpu in other.cpus] == [False, False, True, False]
    assert other.cpus[0].vcpu.turn == vm.cpus[0].vcpu.turn
    assert other.partition.device(Registered, 1).vpa == VPA
    assert other.state_hash() == vm.state_hash()
    for one in (vm, other):
        one.run(max_instructions=12 * TURN + 5)
    assert other.state_hash() == vm.state_hash()
    assert executed(other) == executed(vm) and executed(vm)[3] > 0


def test_a_run_in_pieces_is_the_same_run() -> None:
    whole, pieces = busy(), busy(engine="interp")
    whole.run(max_instructions=20 * TURN)
    for piece in (1, TURN - 1, TURN, 7, 3 * TURN - 7, 15 * TURN):
        pieces.run(max_instructions=piece)
    assert whole.state_hash() == pieces.state_hash()


def test_a_stream_that_names_a_processor_that_is_not_there_is_refused() -> None:
    vm = busy()
    with pytest.raises(ValueError, match="there is no such one"):
        vm.cpus[0].vcpu.turn = 4, 0
    with pytest.raises(ValueError, match="there is no such one"):
        vm.cpus[0].vcpu.turn = 0, (1 << 62) + 1


def test_a_stream_whose_turn_is_longer_than_turns_are_is_refused() -> None:
    """The other processors would never run."""
    vm = busy()
    longest = vm.cpus[0].vcpu.instructions + TURN
    vm.cpus[0].vcpu.turn = 0, longest
    for ends in (longest + 1, 1 << 62):
        with pytest.raises(ValueError, match="there is no such one"):
            vm.cpus[0].vcpu.turn = 0, ends
    assert vm.cpus[0].vcpu.turn == (0, longest)


def test_a_machines_only_processor_is_not_stopped() -> None:
    """A stream that says so would load, and the processor would run."""
    vcpu = Machine(memory="32M").cpus[0].vcpu
    with pytest.raises(ValueError, match="only processor"):
        vcpu.stopped = True
    vcpu.stopped = False
    assert not vcpu.stopped


SECONDS = 300.0


def debian(count: int, cpu: str, **more: object) -> Machine:
    vm = Machine(memory="512M", cpu=cpu, vcpus=count, **more)  # type: ignore[arg-type]
    vm.load_kernel(CACHE / "linux/vmlinux", initrd=CACHE / "initrd.cpio", append="console=hvc0 quiet pyspapr.shell")
    return vm


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("count", "cpu"), [(2, "power8"), (4, "power9")])
def test_debian_boots_on_several_processors_and_switches_them_off_and_on(count: int, cpu: str, tmp_path: Path) -> None:
    vm = debian(count, cpu)
    vm.console.expect("# ", timeout=SECONDS)
    assert vm.shell("mkdir -p /sys; mount -t sysfs sysfs /sys; nproc", timeout=10).output == f"{count}\n"
    last = f"/sys/devices/system/cpu/cpu{count - 1}/online"
    loop = (
        f"for n in 1 2 3; do echo 0 >{last}; nproc; echo 1 >{last}; nproc; done; dmesg | grep -ciE 'lockup|stall|warn'"
    )
    assert vm.shell(loop, timeout=60).output.split() == [str(count - 1), str(count)] * 3 + ["0"]
    vm.shell(f"echo 0 >{last}", timeout=10)
    assert [one.vcpu.stopped for one in vm.cpus] == [False] * (count - 1) + [True]
    vm.save(tmp_path / "saved")
    work = f"for n in 1 2 3 4; do (seq 1 2000 | md5sum) & done; wait; echo 1 >{last}; nproc"
    ended = set()
    for one in (vm.snapshot().fork(), vm.snapshot().fork(engine="interp"), Machine.restore(tmp_path / "saved")):
        output = one.shell(work, timeout=60).output
        assert output.endswith(f"\n{count}\n")
        ended.add((output, one.partition.instructions, one.state_hash()))
    assert len(ended) == 1
    vm.check()


@pytest.mark.timeout(600)
def test_a_boot_on_two_processors_repeats_on_both_engines_and_across_a_save(tmp_path: Path) -> None:
    limit = 700_000_000
    hashes = set()
    for engine in ("jit", "interp"):
        vm = debian(2, "power8", engine=engine)
        vm.run(max_instructions=limit)
        hashes.add(vm.state_hash())
    vm = debian(2, "power8")
    vm.run(max_instructions=limit // 3 * 2 + 1)
    vm.save(tmp_path / "saved")
    other = Machine.restore(tmp_path / "saved")
    other.run(max_instructions=limit - (limit // 3 * 2 + 1))
    hashes.add(other.state_hash())
    assert len(hashes) == 1
