"""Running a migration to its end in the calling thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.results import Interrupted, Rebooted

if TYPE_CHECKING:
    from pyspapr.machine import Machine
    from pyspapr.migration.outgoing import Outgoing


def drive(vm: Machine, outgoing: Outgoing) -> MigrationStatistics:
    """Run a migration to its end. Unless another thread runs the guest, run it meanwhile, reboots included. Raises the
    error that ended the migration.
    """
    try:
        while not outgoing.ended.is_set():
            if vm.running:
                outgoing.ended.wait(0.05)
                continue
            if vm.ended is not None and vm.ended.final:
                outgoing.step()
                continue
            reason = vm.run_beside(outgoing)
            if isinstance(reason, Rebooted):
                vm.reboot()
            elif isinstance(reason, Interrupted):
                outgoing.cancel()
    except BaseException:
        outgoing.cancel()
        raise
    return outgoing.result()
