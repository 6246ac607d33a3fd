"""Commands that save, load and migrate the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

from pyspapr.errors import SpaprError, StateError
from pyspapr.host.address import FdAddress, NamedFdAddress
from pyspapr.migration.compression import CompressionWord, from_word
from pyspapr.migration.phases import Phase
from pyspapr.migration.tls import destination_tls, source_tls
from pyspapr.migration.uri import REMOTE_SERVICE
from pyspapr.partition.runstate import Status
from pyspapr.qmp.descriptors import Descriptors
from pyspapr.qmp.errors import QmpError
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.registry import Where, command
from pyspapr.qmp.settings import CapabilityStatus, MigrationParameters
from pyspapr.qmp.statistics import MigrationInfo, arrival_info, migration_info

DOWNTIME_MAX: Final = 2_000_000
"""Milliseconds, as QEMU has it."""


@command("query-migrate", where=Where.ANYWHERE)
def query_migrate(monitor: Monitor) -> MigrationInfo:
    """The migration under way, or the last one, RAM and hash table separately; empty when there was none."""
    memory = monitor.vm.partition.config.ram_size
    if monitor.refused is not None:
        return {"status": "failed", "error-desc": monitor.refused}
    if (outgoing := monitor.vm.migration) is not None:
        return migration_info(outgoing.statistics, memory)
    return {} if monitor.arriving is None else arrival_info(monitor.arriving)


@contextmanager
def placed(uri: str, descriptors: Descriptors) -> Iterator[str]:
    """Translate the NAME in `fd:NAME` to the number that this client's descriptor has here. Only descriptors that the
    client has passed can be named; a number would be one of the process's own.
    """
    address = REMOTE_SERVICE.parse(uri)
    if not isinstance(address, NamedFdAddress):
        yield uri
        return
    name = address.name
    number = descriptors.take(name)
    before = os.fstat(number)
    try:
        yield str(FdAddress(number))
    except StateError:  # nothing was begun, and nobody has taken it over
        descriptors.give_back(name, number)
        raise
    except SpaprError:  # and perhaps it was not even used
        with suppress(OSError):
            if os.path.samestat(before, os.fstat(number)):
                os.close(number)
        raise


@command("migrate", where=Where.ASIDE)
def migrate(monitor: Monitor, descriptors: Descriptors, uri: str, detach: bool = True) -> None:
    """Begin to migrate to `uri` (tcp:[HOST:]PORT, unix:PATH, fd:NAME, file:PATH); answer when the destination agrees.

    `fd:NAME` is a file descriptor that getfd has received. The events MIGRATION and MIGRATION_PASS and query-migrate
    report its progress. `detach` has no effect, as in QEMU.
    """
    settings = monitor.settings
    with monitor.starting:
        try:
            tls = source_tls(uri, settings.tls_creds)
            with placed(uri, descriptors) as place:
                monitor.vm.start_migration(
                    place,
                    bandwidth=settings.max_bandwidth or None,
                    downtime_limit=settings.downtime_limit_ms / 1000,
                    compression=from_word(settings.compression),
                    tls=tls,
                    pause_before_switchover=settings.pause_before_switchover,
                    throttling=settings.auto_converge,
                )
        except (StateError, QmpError):
            raise  # nothing was begun, so the previous migration stays the last one
        except SpaprError as error:
            monitor.refused = str(error)
            raise
        monitor.refused = None


@command("migrate_cancel", where=Where.ASIDE)
def migrate_cancel(monitor: Monitor) -> None:
    """Cancel the migration in progress, if there is one; the guest continues here."""
    if monitor.vm.partition.status is Status.INMIGRATE:
        raise QmpError("an incoming migration is cancelled at its source")
    outgoing = monitor.vm.migrating
    if outgoing is not None and not outgoing.cancel() and outgoing.phase in (Phase.HANDOVER, Phase.COMPLETED):
        raise QmpError("the migration is past the point where it can be cancelled")


@command("migrate-continue", where=Where.ANYWHERE)
def migrate_continue(monitor: Monitor, state: Literal["pre-switchover"]) -> None:
    """Continue after the pause of the capability pause-before-switchover."""
    outgoing = monitor.vm.migrating
    if outgoing is None or outgoing.phase is not Phase.PRE_SWITCHOVER:
        where = "none" if outgoing is None else str(outgoing.phase)
        raise QmpError(f"Migration not in expected state: {where}, expected pre-switchover")
    outgoing.proceed()


@command("migrate-set-parameters", where=Where.ANYWHERE)
def migrate_set_parameters(
    monitor: Monitor,
    max_bandwidth: int | None = None,
    downtime_limit: int | None = None,
    compression: CompressionWord | None = None,
    tls_creds: str | None = None,
) -> None:
    """Set migration parameters; bandwidth and downtime also apply to a migration in progress.

    `max-bandwidth` is in bytes per second (0: without limit), `downtime-limit` in milliseconds, `tls-creds` a
    directory with ca-cert.pem, client-cert.pem and client-key.pem (empty: no TLS). With TLS only tcp: addresses are
    accepted.
    """
    if max_bandwidth is not None and max_bandwidth < 0:
        raise QmpError("Parameter 'max-bandwidth' is below 0")
    if downtime_limit is not None and not 0 <= downtime_limit <= DOWNTIME_MAX:
        raise QmpError(f"Parameter 'downtime-limit' is outside 0 to {DOWNTIME_MAX}")
    settings, outgoing = monitor.settings, monitor.vm.migrating
    if max_bandwidth is not None:
        settings.max_bandwidth = max_bandwidth
        if outgoing is not None:
            outgoing.bandwidth = max_bandwidth or None
    if downtime_limit is not None:
        settings.downtime_limit_ms = downtime_limit
        if outgoing is not None:
            outgoing.downtime_limit = downtime_limit / 1000
    if compression is not None:
        settings.compression = compression
    if tls_creds is not None:
        settings.tls_creds = tls_creds


@command("query-migrate-parameters", where=Where.ANYWHERE)
def query_migrate_parameters(monitor: Monitor) -> MigrationParameters:
    """What migrate-set-parameters has set."""
    return monitor.settings.parameters()


@command("migrate-set-capabilities", where=Where.ANYWHERE)
def migrate_set_capabilities(monitor: Monitor, capabilities: list[CapabilityStatus]) -> None:
    """Switch on or off: events, pause-before-switchover, auto-converge (less time for a guest that is too busy)."""
    if monitor.vm.migrating is not None:
        raise QmpError("There's a migration process in progress")
    for one in capabilities:
        monitor.settings.set_capability(one["capability"], one["state"])


@command("query-migrate-capabilities", where=Where.ANYWHERE)
def query_migrate_capabilities(monitor: Monitor) -> list[CapabilityStatus]:
    """What migrate-set-capabilities has set."""
    return monitor.settings.capabilities()


@command("migrate-incoming", where=Where.ASIDE)
def migrate_incoming(monitor: Monitor, descriptors: Descriptors, uri: str) -> None:
    """Listen at `uri` for a machine, after `boot --incoming defer`; answers when a source can connect.

    `fd:NAME` is a file descriptor that getfd has received.
    """
    destination_tls(uri, monitor.settings.tls_creds)  # so that no descriptor is used up by a command that is rejected
    with placed(uri, descriptors) as place:
        monitor.listen(place)


@command("snapshot-save")
def snapshot_save(
    monitor: Monitor, filename: str, base: str | None = None, compression: CompressionWord | None = None
) -> None:
    """Write the machine to a file, whole or not at all, and continue. Answers when the file is safe.

    With `base`, an earlier file, only the differences are written. Relative names are in the machine's directory.
    """
    monitor.vm.save(filename, base=base, compression=from_word(compression))


@command("snapshot-load", where=Where.ASIDE)
def snapshot_load(monitor: Monitor, filename: str, base: str | None = None) -> None:
    """Replace this machine by the one in a file. A file that cannot be loaded changes nothing."""
    monitor.load(filename, base)
