"""A device of a user, in one file: it lives through everything that a machine goes through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import own_device
import pytest
from images import BASE, POWER_OFF, hypercall, started, write_kernel
from migration import Arrival
from own_device import FIRST, H_THROW, IRQ, REGISTERS, Dice

from pyspapr import ConfigError, Machine, PoweredOff, StreamError
from pyspapr.device import Device, Window
from pyspapr.device import hypercall as handles
from pyspapr.devices import Icp, Ics
from pyspapr.fdt import Node
from pyspapr.vmstate import VMState

THROW = hypercall(H_THROW, 6)


@pytest.fixture
def thrown(vm: Machine) -> Machine:
    """A machine with dice that its guest has thrown once; it goes on to throw once more and powers off."""
    vm.add_device(Dice())
    started(vm, *THROW, *THROW, *POWER_OFF).run(max_instructions=len(THROW), timeout=20)
    assert vm.cpus[0].r3 == 0 and 1 <= vm.cpus[0].r4 <= 6 and vm.device(Dice).last != FIRST
    return vm


def prepared(seen: list[Machine]) -> Callable[[Machine], None]:
    """Adds dice, and notes to which machines."""

    def prepare(vm: Machine) -> None:
        seen.append(vm)
        vm.add_device(Dice())

    return prepare


def same(vm: Machine, other: Machine) -> None:
    """Both stand at the same place and go on alike."""
    assert other.device(Dice).last == vm.device(Dice).last and other.state_hash() == vm.state_hash()
    kept = vm.snapshot(lambda forked: forked.add_device(Dice())).fork()
    assert other.run(timeout=20) == kept.run(timeout=20) == PoweredOff()
    assert other.device(Dice).last == kept.device(Dice).last != vm.device(Dice).last


def test_the_example_is_one_short_file() -> None:
    assert len(Path(own_device.__file__).read_text().splitlines()) <= 80


def test_it_is_saved_and_restored_and_prepare_is_called_once(thrown: Machine, tmp_path: Path) -> None:
    thrown.save(tmp_path / "base")
    thrown.memory.write(0x4000, b"changed")
    thrown.save(tmp_path / "above", base=tmp_path / "base")
    for name, base in (("base", None), ("above", tmp_path / "base")):
        seen: list[Machine] = []
        back = Machine.restore(tmp_path / name, base=base, prepare=prepared(seen))
        assert seen == [back]
        same(thrown, back) if base is not None else back.close()
    with pytest.raises(StreamError, match=r"got example/dice instance 0, wanted no more"):
        Machine.restore(tmp_path / "base")


def test_it_is_forked_and_prepare_is_called_once_for_each_fork(thrown: Machine) -> None:
    seen: list[Machine] = []
    forks = [snapshot.fork() for snapshot in [thrown.snapshot(prepared(seen))] * 2]
    assert seen == forks
    same(thrown, forks[0])


def test_it_migrates_and_prepare_is_called_once(thrown: Machine, tmp_path: Path) -> None:
    seen: list[Machine] = []
    before = thrown.state_hash()
    arrival = Arrival(f"unix:{tmp_path / 'way'}", prepare=prepared(seen))
    thrown.pause()
    thrown.migrate(arrival.address)
    there = arrival.machine()
    assert seen == [there] and there.state_hash() == before
    assert there.run(timeout=20) == PoweredOff() and there.device(Dice).last != thrown.device(Dice).last


def test_what_is_a_devices_own_is_in_the_machine_that_arrives_with_another_seed(tmp_path: Path) -> None:
    """`hello` does not say everything of a machine; the one that was built for it is told the rest by the header."""
    vm = Machine(memory="32M", seed=7, strict=True, rtc_base=1)
    vm.hypercall(0x08, "H_ENTER", replace=True)(lambda machine, cpu: 5)
    started(vm, *hypercall(0x08), *POWER_OFF)

    def prepare(other: Machine) -> None:
        other.hypercall(0x08, "H_ENTER", replace=True)(lambda machine, cpu: 5)

    arrival = Arrival(f"unix:{tmp_path / 'way'}", prepare=prepare)
    vm.pause()
    vm.migrate(arrival.address)
    there = arrival.machine()
    assert (there.config.seed, there.config.strict, there.config.epoch) == (7, True, 1)
    assert there.state_hash() == vm.state_hash()
    there.run(max_instructions=len(hypercall(0x08)), timeout=20)
    assert there.cpus[0].r3 == 5


def test_it_is_reset_by_a_start_and_a_reboot(vm: Machine, tmp_path: Path) -> None:
    dice = Dice()
    vm.add_device(dice)
    vm.load_kernel(write_kernel(tmp_path, *THROW, *POWER_OFF))
    dice.throw()
    vm.reboot()
    assert dice.last == FIRST
    dice.throw()
    vm.start(pc=BASE)
    assert dice.last == FIRST


def test_it_is_in_the_device_tree_and_in_the_state_and_interrupts(vm: Machine, tmp_path: Path) -> None:
    vm.add_device(Dice())
    vm.load_kernel(write_kernel(tmp_path, *POWER_OFF))
    fdt = vm.cpus[0].r3
    tree = vm.memory.read(fdt, vm.memory.u32(fdt + 4))
    assert b"dice@%x\0" % REGISTERS in tree and b"example,dice\0" in tree
    assert vm.state()["example/dice"] == {"last": FIRST}
    vm.device(Ics).set_xive(IRQ, 0, 5)
    vm.device(Icp).set_cppr(0xFF)
    before = vm.state_hash()
    vm.call_hypercall(vm.cpus[0], H_THROW, 6)
    assert vm.device(Ics).sources[IRQ].sent and vm.state_hash() != before


LD, LBZ, STD = 0xE88A0000, 0x88AA0008, 0xF8CA0008  # ld r4,0(r10); lbz r5,8(r10); std r6,8(r10)


def window(*words: int) -> list[int]:
    """Code that has the address of the registers in r10, and makes these accesses."""
    return [0x39400001, 0x794A45C6, *words]  # li r10,1; sldi r10,r10,40


def test_the_guest_loads_and_stores_in_its_registers_and_in_a_fork_too(vm: Machine) -> None:
    vm.add_device(Dice())
    started(vm, *window(LD, LBZ, STD, LD), *POWER_OFF)
    vm.cpus[0].r6 = FIRST
    vm.run(max_instructions=4)
    first = vm.cpus[0].r4
    assert (first == vm.device(Dice).last and vm.cpus[0].r5 == first & 0xFF) or vm.cpus[0].r5 == first >> 56
    forked = vm.snapshot(lambda other: other.add_device(Dice())).fork()
    for machine in (vm, forked):
        machine.run(max_instructions=2)
        assert machine.cpus[0].r4 == first
        assert machine.run(timeout=20) == PoweredOff()
    assert forked.state_hash() == vm.state_hash()


def test_no_window_may_overlap_another_or_ram_and_a_refused_device_is_not_there(vm: Machine) -> None:
    vm.add_device(Dice())

    class Other(Device):
        VMSTATE = VMState("other", version=1, fields=())

        def __init__(self, address: int, length: int) -> None:
            self.windows = [Window(address, length, lambda offset, size: 0, lambda offset, size, value: None)]

        def reset(self) -> None:
            pass

    for address, length in ((REGISTERS, 0x1000), (REGISTERS - 0x1000, 0x2000), (0x1000, 0x1000), (REGISTERS + 8, 8)):
        with pytest.raises(ConfigError, match="window"):
            vm.add_device(Other(address, length))
    assert not [device for device in vm.devices if isinstance(device, Other)]
    vm.add_device(Other(REGISTERS + 0x1000, 0x1000))


def test_a_call_that_the_machine_has_already_is_refused(vm: Machine) -> None:
    class Greedy(Device):
        VMSTATE = VMState("greedy", version=1, fields=())

        def reset(self) -> None:
            pass

        def nodes(self, root: Node) -> None:
            pass

    for number, text in ((0xE0, "which is H_CEDE's already"), (0x08, "which is built in already")):
        kind = type("Kind", (Greedy,), {"h_mine": handles(number, "H_MINE")(lambda self, vm, cpu: 0)})
        with pytest.raises(ValueError, match=text):
            vm.add_device(kind())
