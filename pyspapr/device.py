"""The contract of a device: one class that brings everything of it, so that nothing else has to name it.

    class Lamp(Device):
        VMSTATE = VMState("lamp", version=1, fields=(Field("lit", Bool),))

        def __init__(self) -> None:
            self.lit = False

        def reset(self) -> None:
            self.lit = False

        def nodes(self, root: Node) -> None:
            root.add("lamp", {"compatible": "example,lamp"})

        @hypercall(0xF200, "H_LAMP")
        def h_lamp(self, vm: Partition, cpu: Cpu, lit: int) -> int:
            self.lit = bool(lit)
            return H_SUCCESS

    vm.add_device(Lamp())

The machine loops over its devices when it starts, reboots, saves, loads, compares itself with a machine that is to
arrive, computes its state hash and builds the device tree. What each of these does with a device follows from its
class:

| it brings | for |
|---|---|
| `VMSTATE` | files, snapshots, migrations, `state_hash` and `inspect`: the table says what its state is |
| `reset` | a start and a reboot |
| `attach` | being added: interrupts, the clock, a line to a processor |
| `nodes` | the device tree |
| `poll` | input of the host's, when the run loop looks for it |
| methods marked with `hypercall` and `rtas_call` | the guest's calls |
| `windows` | loads and stores of the guest, at real addresses outside RAM |

Must hold: a device reads no host clock and no host randomness, and keeps no reference to its machine
(`partition.owner`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from pyspapr.handlers import ROW, Handler, Hypercall, RtasCall, hypercall_row, rows_of, rtas_row
from pyspapr.partition.space import Window
from pyspapr.vmstate.schema import VMState

if TYPE_CHECKING:
    from pyspapr.fdt import Node
    from pyspapr.partition import Partition

__all__ = ["Device", "Window", "hypercall", "rtas_call"]

H = TypeVar("H", bound=Handler)


class Device:
    """Base of devices. A class needs a table `VMSTATE` and a method `reset`; there is no default for either."""

    VMSTATE: ClassVar[VMState]
    rows: ClassVar[Mapping[str, Hypercall | RtasCall]]
    """The hypercalls and RTAS calls of its methods, by the method's name."""

    windows: Sequence[Window] = ()
    """Real addresses that this device answers for. Read once, when it is added."""

    def __init_subclass__(cls) -> None:
        """Raise TypeError for a class that does not say what its state is or what a reboot does to it."""
        super().__init_subclass__()
        cls.rows = rows_of(cls)
        if not isinstance(getattr(cls, "VMSTATE", None), VMState):
            raise TypeError(f"device {cls.__name__} has no table VMSTATE, so its state could not be saved")
        if cls.reset is Device.reset:
            raise TypeError(f"device {cls.__name__} has no method reset: what does a reboot do to it?")

    @classmethod
    def of(cls, vm: Partition) -> Iterable[Self]:
        """The devices of this kind that a new machine has; one for each processor, for example."""
        return (cls(),)

    def attach(self, vm: Partition) -> None:
        """It is a device of `vm` from now on."""

    def reset(self) -> None:
        """What a start and a reboot do."""
        raise NotImplementedError

    def nodes(self, root: Node) -> None:
        """Add this device to the device tree. `/chosen`, `/rtas` and `/vdevice` are there."""

    def poll(self) -> None:
        """The run loop looks for input, at the same instruction counts in every run with virtual time."""


def hypercall(number: int, name: str) -> Callable[[H], H]:
    """Mark a method as the handler of a hypercall: `def method(self, vm, cpu, ...)`; see `handlers`."""

    def enter(method: H) -> H:
        setattr(method, ROW, hypercall_row(number, name, method, method=True))
        return method

    return enter


def rtas_call(number: int, name: str, *, results: int = 1) -> Callable[[H], H]:
    """Mark a method as the handler of an RTAS call, likewise. Its token is `handlers.TOKEN_BASE + number`."""

    def enter(method: H) -> H:
        setattr(method, ROW, rtas_row(number, name, method, results, method=True))
        return method

    return enter
