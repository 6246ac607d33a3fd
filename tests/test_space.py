"""Windows of devices: what a device in Python sees of a guest's accesses, and what the guest gets."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from images import POWER_OFF, hypercall, li, started

from pyspapr import ConfigError, InstructionLimit, Machine, PoweredOff, StateError
from pyspapr.codes import H_PARAMETER, H_SUCCESS
from pyspapr.partition.space import Window

BASE = 0x2000_0000
LD = 0xE88A0008  # ld r4,8(r10)
STW = 0x908A0000  # stw r4,0(r10)
LMW = 0xBBCA0004  # lmw r30,4(r10)
BACK = 0x4BFFFFF8  # b .-8


class Device:
    """Counts: each read is one more than the one before."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []
        self.count = 0
        self.when: Callable[[], object] = lambda: None

    def read(self, offset: int, size: int) -> int:
        self.when()
        self.count += 1
        self.seen.append((offset, size))
        return self.count

    def write(self, offset: int, size: int, value: int) -> None:
        self.when()
        self.seen.append((offset, size, value))


@pytest.fixture
def device(vm: Machine) -> Device:
    device = Device()
    vm.space.add(Window(BASE, 0x1000, device.read, device.write))
    return device


def test_a_guest_reads_and_writes_a_device(vm: Machine, device: Device) -> None:
    assert started(vm, *li(10, BASE), LD, STW, LMW, *POWER_OFF).run(timeout=20) == PoweredOff()
    assert device.seen == [(8, 8), (0, 4, 1), (4, 4), (8, 4)]
    assert (vm.cpus[0].r4 & 0xFF, vm.cpus[0].r30, vm.cpus[0].r31) != (1, 0, 0)


def test_an_access_counts_once_and_leaves_a_budget_exact(vm: Machine, device: Device) -> None:
    started(vm, *li(10, BASE), LD, STW, BACK)
    for _ in range(40):
        before = vm.cpus[0].vcpu.instructions
        assert isinstance(vm.run(max_instructions=1), InstructionLimit)
        assert vm.cpus[0].vcpu.instructions == before + 1
    assert device.seen[:4] == [(8, 8), (0, 4, 1), (8, 8), (0, 4, 2)]
    # 2 to load the address, and then 3 of which 2 are accesses; the branch goes to the load.
    assert len(device.seen) == 26


def test_hypercalls_reach_a_device_as_well(vm: Machine, device: Device) -> None:
    def call(number: int, *arguments: int) -> tuple[int, ...]:
        return vm.call_hypercall(vm.cpus[0], number, *arguments)

    assert call(0x3C, 4, BASE + 0x10) == (H_SUCCESS, 1)
    assert call(0x40, 2, BASE + 0x12, 0x12345) == (H_SUCCESS,)
    assert device.seen == [(0x10, 4), (0x12, 2, 0x2345)]
    # Not aligned, not a size, cached, behind the window.
    for number, *arguments in (
        (0x3C, 4, BASE + 2),
        (0x3C, 3, BASE),
        (0x44, 4, BASE),
        (0x48, 4, BASE, 1),
        (0x3C, 8, BASE + 0x1000),
    ):
        assert call(number, *arguments) == (H_PARAMETER,)
    assert len(device.seen) == 2
    assert started(vm, *hypercall(0x3C, 1, BASE), *POWER_OFF).run(timeout=20) == PoweredOff()
    assert device.seen[2:] == [(0, 1)]


def test_a_device_that_fails_is_asked_again(vm: Machine, device: Device) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    started(vm, *li(10, BASE), LD, *POWER_OFF)
    device.when = fail
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            vm.run(timeout=20)
        assert (vm.cpus[0].vcpu.instructions, device.seen) == (2, [])
    device.when = lambda: None
    assert vm.run(timeout=20) == PoweredOff()
    assert device.seen == [(8, 8)]


def test_a_device_cannot_save_the_machine_in_the_middle_of_an_access(vm: Machine, device: Device) -> None:
    started(vm, *li(10, BASE), LD, *POWER_OFF)
    device.when = vm.snapshot
    with pytest.raises(StateError):
        vm.run(timeout=20)
    # After the run has ended it can: the fork makes the access again.
    fork = vm.snapshot().fork()
    fork.space.add(*vm.space)
    device.when = lambda: None
    assert fork.run(timeout=20) == PoweredOff()
    assert device.seen == [(8, 8)]


def test_a_value_that_does_not_fit_is_the_devices_mistake(vm: Machine, device: Device) -> None:
    device.count = 1 << 64
    with pytest.raises(
        ValueError, match=r"the device at 0x20000000 read 0x10000000000000001, which 8 bytes do not hold"
    ):
        started(vm, *li(10, BASE), LD).run(timeout=20)


def test_windows_are_whole_pages_apart_from_ram_and_each_other(vm: Machine, device: Device) -> None:
    def window(address: int, length: int) -> Window:
        return Window(address, length, device.read, device.write)

    for address, length in (
        (BASE, 0x1000),
        (0, 0x1000),
        (len(vm.memory) - 0x1000, 0x2000),
        (BASE + 0x1000, 4),
        (1 << 60, 0x1000),
    ):
        with pytest.raises(ConfigError, match="window"):
            vm.space.add(window(address, length))
    one = window(BASE + 0x1000, 0x2000)
    vm.space.add(one)
    assert [window.address for window in vm.space] == [BASE, BASE + 0x1000]
    assert vm.space.covers(BASE + 0x2FFF) and not vm.space.covers(BASE + 0x3000)
    vm.space.remove(one)
    with pytest.raises(ValueError):
        vm.space.remove(one)
    # Nothing is there any more: a machine check, and nothing at its vector.
    started(vm, *li(10, BASE + 0x1000), LD).run(max_instructions=3)
    assert vm.cpus[0].pc == 0x200


def test_an_access_costs_at_most_five_microseconds(vm: Machine, device: Device) -> None:
    started(vm, *li(10, BASE), LD, STW, BACK)
    vm.run(max_instructions=1000)

    def cost() -> float:
        device.seen.clear()
        begun = time.process_time()
        vm.run(max_instructions=15_000)
        return (time.process_time() - begun) / len(device.seen)

    assert min(cost() for _ in range(5)) < 5e-6
