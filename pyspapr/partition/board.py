"""The devices of a machine, and the hypercalls and RTAS calls that its guest can make.

No device is named here: whatever is done with one follows from its class (`pyspapr.device`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pyspapr import vmstate
from pyspapr.codes import H_FUNCTION
from pyspapr.errors import ConfigError, StateError
from pyspapr.handlers import (
    MAX_RESULTS,
    REGISTER,
    Handler,
    Hypercall,
    RtasCall,
    hypercall_row,
    rows_of,
    values_of,
)
from pyspapr.partition import interception
from pyspapr.partition.interception import Call, Interceptor

if TYPE_CHECKING:
    from pyspapr.partition.cpu import Cpu
    from pyspapr.partition.lifecycle import Lifecycle
    from pyspapr.partition.roles import InterruptController
    from pyspapr.partition.space import Space

D = TypeVar("D")


class Board:
    """The part of a partition that devices and handlers are added to."""

    cpus: list[Cpu]
    life: Lifecycle
    space: Space

    def __init__(
        self,
        hypercalls: Mapping[int, Hypercall],
        external_line: Callable[[int, bool], None],
        registered: Callable[[int, int, int, int], None],
    ) -> None:
        """With hypercalls that are no device's. `external_line` drives an external interrupt input, `registered`
        tells a processor what its guest has registered.
        """
        self._external_line = external_line
        self._registered = registered
        self.interrupts: InterruptController | None = None
        self.hypercalls = dict(hypercalls)
        self.rtas_calls: dict[int, RtasCall] = {}
        """Those that devices bring; `rtas.registry` has the others."""
        self._replaced: set[int] = set()
        self.intercepted = interception.hypercalls()
        """Who hears of hypercalls."""
        self.intercepted_rtas = interception.rtas_calls()
        """Who hears of RTAS calls."""
        self.devices: list[Any] = []
        self._by_kind: dict[type, list[Any]] = {}
        self._pollers: list[Callable[[], None]] = []

    def add_device(self, device: Any) -> None:
        """Add a device of a user. Raises ConfigError without a table, ValueError for a call that is there already."""
        vmstate.table_of(device)
        if any(device is part for part in self.parts()):
            raise ConfigError(f"{device!r} is part of this machine already")
        native = self.cpus[0].vcpu.native_hypercalls()
        for row in rows_of(type(device)).values():
            if isinstance(row, Hypercall) and row.number in native:
                raise ValueError(f"{row.name} has the number {row.number:#x}, which is built in already")
        self._add(device)

    def _add(self, device: Any) -> None:
        kind = type(device)
        rows = getattr(kind, "rows", None)
        for row in (rows_of(kind) if rows is None else rows).values():
            table: dict[int, Any] = self.hypercalls if isinstance(row, Hypercall) else self.rtas_calls
            number = row.number if isinstance(row, Hypercall) else row.token
            if (known := table.get(number)) is None:
                table[number] = row.bound_to(device)
            elif getattr(known.handler, "__func__", None) is not row.handler:  # of several devices the first answers
                raise ValueError(f"{row.name} has the number {number:#x}, which is {known.name}'s already")
        if (attach := getattr(device, "attach", None)) is not None:
            attach(self)
        if windows := getattr(device, "windows", ()):
            self.space.add(*windows)
        if (poll := getattr(device, "poll", None)) is not None:
            self._pollers.append(poll)
        self.devices.append(device)
        self._by_kind.setdefault(kind, []).append(device)

    def device(self, kind: type[D], index: int = 0) -> D:
        """The machine's device of a class, or the one of processor `index`. Raises StateError if there is none."""
        found = self._by_kind.get(kind, ())
        if index >= len(found):
            raise StateError(f"this machine has no {kind.__name__} number {index}")
        return cast(D, found[index])

    def interrupt(self, number: int) -> Callable[[], None]:
        """Claim an interrupt source for a device; the function that is returned is an edge on it."""
        controller = self.interrupts
        if controller is None:
            raise StateError("this machine has no interrupt controller")
        controller.claim(number)
        return lambda: controller.pulse(number)

    def external_line(self, index: int) -> Callable[[bool], None]:
        """For an interrupt presenter: the external interrupt input of a processor."""
        drive = self._external_line
        return lambda level: drive(index, level)

    def registered(self, index: int) -> Callable[[int, int, int], None]:
        """Tells processor `index` what its guest has registered: see `Vcpu.set_areas`."""
        tell = self._registered
        return lambda vpa, log, log_len: tell(index, vpa, log, log_len)

    def poll(self) -> None:
        """Every device looks for input of the host's."""
        for poll in self._pollers:
            poll()

    def parts(self) -> list[Any]:
        """Everything that has state, RAM and the hash table excepted, in the order of its sections."""
        return [self, *self.cpus, *self.devices]

    def add_hypercall(self, number: int, name: str, handler: Handler, *, replace: bool) -> None:
        """Add a hypercall to this machine, or replace one; see `Machine.hypercall`."""
        added = hypercall_row(number, name, handler)
        native = [cpu.vcpu for cpu in self.cpus if number in cpu.vcpu.native_hypercalls()]
        if not replace and (number in self.hypercalls or native):
            known = "built in" if native else self.hypercalls[number].name
            raise ValueError(f"hypercall {number:#x} is {known} already: {name} replaces it only with replace=True")
        self.hypercalls[number] = added
        self._replaced.add(number)
        for cpu in self.cpus:
            cpu.vcpu.close_terminal()
        for vcpu in native:
            vcpu.set_native_hypercall(number, False)

    def has_own(self, number: int) -> bool:
        """Whether this machine's hypercall `number` is the one of the package and nobody's replacement."""
        return number not in self._replaced and number not in self.intercepted

    def hypercall_names(self) -> dict[int, str]:
        """The names of all that a guest can make, by number."""
        return self.cpus[0].vcpu.hypercall_names() | {number: row.name for number, row in self.hypercalls.items()}

    def intercept(self, number: int, row: Interceptor) -> None:
        """Have the functions of `row` called at hypercall `number`."""
        self.intercepted.add(number, row)
        for cpu in self.cpus:
            cpu.vcpu.close_terminal()
            if number in cpu.vcpu.native_hypercalls():
                cpu.vcpu.set_native_hypercall(number, False)

    def stop_intercepting(self, number: int, row: Interceptor) -> None:
        """Undo `intercept`."""
        self.intercepted.remove(number, row)
        if number in self.intercepted or number in self.hypercalls:
            return
        for cpu in self.cpus:
            if number in cpu.vcpu.hypercall_names():
                cpu.vcpu.set_native_hypercall(number, True)

    @property
    def not_native(self) -> set[int]:
        """Numbers of the hypercalls that native code must leave to us."""
        return self._replaced | set(self.intercepted)

    def call_hypercall(self, cpu: Cpu, number: int, *arguments: int) -> tuple[int, ...]:
        """Return code and results of a hypercall from the table."""
        row = self.hypercalls.get(number)
        if row is None:
            return (H_FUNCTION,)
        return row(self, cpu, tuple(arguments) + (0,) * (9 - len(arguments)))

    def serve_hypercall(self, cpu: Cpu) -> None:
        """For the run loop: answer the hypercall that `cpu` has made."""
        vcpu = cpu.vcpu
        registers = vcpu.hypercall()
        row = self.hypercalls.get(registers[0])
        if self.intercepted and registers[0] in self.intercepted:
            self._serve_intercepted(cpu, row, registers)
            return
        if row is None:
            vcpu.hypercall_return((H_FUNCTION,))
            return
        self.life.handle()
        try:
            vcpu.hypercall_return(row(self, cpu, registers[1:]))
        finally:
            self.life.handled()
        self._raise_late()

    def _serve_intercepted(self, cpu: Cpu, row: Hypercall | None, registers: tuple[int, ...]) -> None:
        """Answer a hypercall that somebody hears of."""
        number = registers[0]

        def make(arguments: tuple[int, ...]) -> tuple[int, ...]:
            if row is not None:
                return row(self, cpu, arguments)
            native = cpu.vcpu.make_native_hypercall(number, arguments)
            return (H_FUNCTION,) if native is None else native

        name = self.hypercall_names().get(number, f"hypercall {number:#x}")
        self.life.handle()
        try:
            results = self.intercepted.answer(Call(cpu, number, name, registers[1:]), make)
            cpu.vcpu.hypercall_return(values_of(name, results, MAX_RESULTS, REGISTER))
        finally:
            self.life.handled()
        self._raise_late()

    def _raise_late(self) -> None:
        """The call is done: raise what a function raised after it."""
        error = self.intercepted.take_error() or self.intercepted_rtas.take_error()
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback has this frame
