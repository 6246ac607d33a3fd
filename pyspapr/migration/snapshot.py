"""A machine frozen in memory, the forks that are made from it, and the way back to it.

Nothing is encoded: native code copies processors, RAM and the hash table, the latter two page by page as forks write
them, and every other section is copied by the fields of its table. Taking a snapshot costs a copy of the hash table's
entries, and of RAM if that is a fork's or was frozen before.

A machine that was frozen, or made from a snapshot, goes back to it by undoing what has changed since. Must hold: no
instruction runs meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from pyspapr import vmstate
from pyspapr._native import Hpt, HptSnapshot, Ram, RamSnapshot
from pyspapr.config import Engine, MachineConfig, check_function
from pyspapr.errors import ConfigError, StateError
from pyspapr.host.limits import host_limits
from pyspapr.migration import save
from pyspapr.migration.load import check_parts, refuse
from pyspapr.migration.prepare import Build, M, unchanged
from pyspapr.partition import Partition
from pyspapr.partition.idleness import Idleness
from pyspapr.vmstate import Frozen, Section


class State:
    """What a machine was at some moment, without who makes machines of it."""

    def __init__(self, vm: Partition) -> None:
        """Freeze `vm`. Raises StateError."""
        sections = vmstate.sections(vm)
        self.config: MachineConfig = vm.config.replace(rtc_base=vm.config.epoch, hpt_shift=vm.config.table_shift)
        self.parts = [(section.name, section.instance) for section in sections]
        self.sections: list[Frozen] = [section.vmstate.freeze(section.target) for section in sections]
        try:
            self.hpt: HptSnapshot = vm.hpt.snapshot()
            self.ram: RamSnapshot = vm.ram.snapshot()
        except OSError as error:  # no descriptor is left, for one
            raise StateError(f"the host cannot freeze this machine's memory: {error}") from error
        self._digests = digests(vm)
        self._proven = False
        self.is_of(vm)

    def is_of(self, vm: Partition) -> None:
        """`vm` is in this state now."""
        vm.life.freeze()
        vm.frozen = self

    def is_still(self, vm: Partition) -> bool:
        """Whether nothing of `vm`, which was in this state before, has changed since."""
        if not (vm.hpt.is_still(self.hpt) and vm.ram.is_still(self.ram) and digests(vm) == self._digests):
            return False
        sections = vmstate.sections(vm)
        return [(section.name, section.instance) for section in sections] == self.parts and not any(
            section.vmstate.difference(section.target, frozen) or section.vmstate.exceeds(section.target, frozen)
            for section, frozen in zip(sections, self.sections, strict=True)
        )

    def memory(self) -> tuple[Ram, Hpt]:
        """RAM and a hash table for a fork. Raises StateError."""
        try:
            return Ram.from_snapshot(self.ram), Hpt.from_snapshot(self.hpt)
        except (OSError, MemoryError) as error:
            raise StateError(f"the host cannot provide a fork's memory: {error}") from error

    def load(self, vm: Partition, sections: list[Section]) -> None:
        """Put everything but RAM and hash table into `vm`. Raises StreamError when its parts cannot hold the state."""
        for section, frozen in zip(sections, self.sections, strict=True):
            section.vmstate.thaw(section.target, frozen)
        if not self._proven:  # once: what holds for one machine of this configuration holds for all
            self._prove(sections)
        self.is_of(vm)

    def put_back(self, vm: Partition) -> None:
        """Put `vm` back to this state. Raises ConfigError for a machine of another configuration, and StateError."""
        if (wanted := kind_of(self.config)) != (got := kind_of(vm.config)):
            raise ConfigError(f"a snapshot of another machine: its configuration is {wanted}, and this one's is {got}")
        sections = vmstate.sections(vm)
        check_parts(sections, self.parts, 0)
        try:
            undone = vm.ram.reset_to(self.ram)
            if vm.hpt.reset_to(self.hpt) is None:
                vm.use_table(Hpt.from_snapshot(self.hpt))
        except (OSError, MemoryError) as error:
            raise StateError(f"the host cannot provide the snapshot's memory: {error}") from error
        vm.life.reset(same=undone is not None)
        vm.prepared_hpt = None
        vm.idleness = Idleness()
        vm.console.forget()
        for section, frozen in zip(sections, self.sections, strict=True):
            if section.vmstate.exceeds(section.target, frozen) and section.target is not vm:
                section.target.reset()
        self.load(vm, sections)

    def _prove(self, sections: list[Section]) -> None:
        """Raise StreamError unless what was loaded is what was frozen."""
        for section, frozen in zip(sections, self.sections, strict=True):
            if (name := section.vmstate.difference(section.target, frozen)) is not None:
                raise refuse(f"State ({name})", section.name, 0, "values this machine can hold", "others")
        self._proven = True


class Snapshot(Generic[M]):
    """A frozen machine, from which any number of machines can be made."""

    def __init__(self, state: State, build: Build[M], prepare: Callable[[M], None]) -> None:
        """`build` makes the forks."""
        self._state = state
        self._build = build
        self._prepare = prepare

    @host_limits("fork a machine")
    def fork(self, engine: Engine | None = None) -> M:
        """A machine in the state of the snapshot, run by `engine`."""
        state = self._state
        ram, hpt = state.memory()
        made = self._build(state.config, engine=engine, ram=ram, hpt=hpt)
        self._prepare(made)
        vm = made.partition
        if vm.hpt is not hpt or not hpt.is_still(state.hpt):  # `prepare` may have started a guest
            vm.use_table(Hpt.from_snapshot(state.hpt))
        sections = vmstate.sections(vm)
        check_parts(sections, state.parts, 0)
        state.load(vm, sections)
        return made

    def reset(self, vm: Partition) -> None:
        """Put `vm` back to this state; see `Machine.reset_to`."""
        vm.check_standing("go back to a snapshot")
        if vm.migrating is not None:
            raise StateError("the machine is being migrated: it cannot go back to a snapshot before that has ended")
        if vm.recording is not None:
            raise StateError("the machine is being recorded or replayed: it cannot go back to a snapshot")
        self._state.put_back(vm)


def digests(vm: Partition) -> list[tuple[bytes, bool, bool]]:
    """The state of the processors in short."""
    return [(cpu.vcpu.digest(), cpu.vcpu.halted, cpu.vcpu.stopped) for cpu in vm.cpus]


def kind_of(config: MachineConfig) -> dict[str, object]:
    """Of a configuration, what a machine that goes back to a snapshot must have in common with it."""
    return {name: getattr(config, name) for name in ("memory", "max_memory", "cpu", "vcpus", "clock")}


def take(build: Build[M], vm: Partition, prepare: Callable[[M], None] = unchanged) -> Snapshot[M]:
    """Freeze `vm`; see `Machine.snapshot`."""
    check_function("prepare", prepare)
    save.prepare(vm)
    state = vm.frozen
    if not isinstance(state, State) or not state.is_still(vm):
        state = State(vm)
    return Snapshot(state, build, prepare)
