"""A device of your own, with everything that a device can bring: dice, which interrupt when they have been thrown.

python examples/own_device.py
"""

import sys
from collections.abc import Callable

import pyspapr
from pyspapr.codes import H_PARAMETER, H_SUCCESS
from pyspapr.device import Device, Window, hypercall
from pyspapr.fdt import Node
from pyspapr.handlers import Result
from pyspapr.partition import Partition
from pyspapr.partition.cpu import Cpu
from pyspapr.vmstate import U64, Field, VMState
from pyspapr.vmstate.schema import anything

IRQ = 0x1200
REGISTERS = 0x100_0000_0000
H_THROW = 0xF200
FIRST = 88172645463325252


class Dice(Device):
    """A repeatable row of numbers (xorshift64). Register 0 throws, register 8 is the last throw or begins anew."""

    VMSTATE = VMState("example/dice", version=1, fields=(Field("last", U64, valid=anything),))

    def __init__(self) -> None:
        """At the beginning of the row."""
        self.last = FIRST
        self.interrupt: Callable[[], None] = lambda: None
        self.windows = [Window(REGISTERS, 0x1000, self.load, self.store)]

    def attach(self, vm: Partition) -> None:
        """Claim an interrupt."""
        self.interrupt = vm.interrupt(IRQ)

    def reset(self) -> None:
        """Back to the beginning."""
        self.last = FIRST

    def nodes(self, root: Node) -> None:
        """A node with the registers and the interrupt."""
        where = REGISTERS.to_bytes(8, "big") + (0x1000).to_bytes(8, "big")
        root.add(f"dice@{REGISTERS:x}", {"compatible": "example,dice", "reg": where, "interrupts": [IRQ, 0]})

    def throw(self) -> int:
        """The next number."""
        x = self.last ^ self.last << 13 & (1 << 64) - 1
        x ^= x >> 7
        self.last = x ^ x << 17 & (1 << 64) - 1
        self.interrupt()
        return self.last

    def load(self, offset: int, size: int) -> int:
        """The guest reads a register."""
        number = self.throw() if offset == 0 else self.last if offset == 8 else 0
        return number & (1 << 8 * size) - 1

    def store(self, offset: int, size: int, value: int) -> None:
        """The guest writes one."""
        if offset == 8 and value:
            self.last = value

    @hypercall(H_THROW, "H_THROW")
    def h_throw(self, vm: Partition, cpu: Cpu, sides: int) -> Result:
        """R4: a number from 1 to `sides`."""
        return (H_SUCCESS, 1 + self.throw() % sides) if 0 < sides < 1 << 32 else H_PARAMETER


if __name__ == "__main__":
    machine = pyspapr.Machine(memory="32M")
    machine.add_device(Dice())
    machine.start(pc=0x100)
    forked = machine.snapshot(lambda other: other.add_device(Dice())).fork()
    throws = [[vm.call_hypercall(vm.cpus[0], H_THROW, 6)[1] for _ in range(8)] for vm in (machine, forked)]
    print(*throws, sep="\n")
    sys.exit(throws[0] != throws[1])
