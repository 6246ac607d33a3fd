"""Starting a migration, and running it to its end in the calling thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.errors import StateError
from pyspapr.migration.options import MigrationOptions
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.results import Interrupted, Rebooted

if TYPE_CHECKING:
    from pyspapr.migration.outgoing import Outgoing
    from pyspapr.partition import Partition


def begin(vm: Partition, place: object, options: MigrationOptions) -> Outgoing:
    """Start a migration of `vm`; see `Machine.start_migration`."""
    if not vm.life.started or vm.absent is not None or vm.life.over:
        why = vm.absent or vm.ended or "load_kernel() was not called"
        raise StateError(f"there is nothing to migrate: {why}")
    if vm.migrating is not None:
        raise StateError("a migration is under way already")
    from pyspapr.migration.outgoing import Outgoing

    migration = vm.migration = Outgoing(vm, place, options)
    vm.kick()
    return migration


def drive(vm: Partition, outgoing: Outgoing) -> MigrationStatistics:
    """Run a migration to its end. Unless another thread runs the guest, run it meanwhile, reboots included. Raises the
    error that ended the migration.
    """
    try:
        while not outgoing.ended.is_set():
            if vm.running:
                outgoing.ended.wait(0.05)
                continue
            if vm.life.over:
                outgoing.step()
                continue
            reason = vm.run_beside(outgoing)
            if isinstance(reason, Rebooted):
                vm.call(vm.reboot)
            elif isinstance(reason, Interrupted):
                outgoing.cancel()
    except BaseException:
        outgoing.cancel()
        raise
    return outgoing.result()
