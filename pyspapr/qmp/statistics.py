"""Statistics of a migration in the shape that query-migrate has (QMP Reference Manual, `MigrationInfo`).

Times are milliseconds and rates megabits per second there. The hash table, which QEMU does not count, has a member of
its own, and so have the passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from pyspapr._native import PAGE
from pyspapr.host import address
from pyspapr.migration.phases import QEMU_ARRIVAL_STATUS, QEMU_STATUS, Phase
from pyspapr.migration.statistics import MigrationStatistics, PassStatistics

if TYPE_CHECKING:
    from pyspapr.migration.destination import Incoming

RamInfo = TypedDict(
    "RamInfo",
    {
        "transferred": int,
        "remaining": int,
        "total": int,
        "duplicate": int,
        "normal": int,
        "normal-bytes": int,
        "mbps": float,
        "dirty-sync-count": int,
        "page-size": int,
    },
)


class HptInfo(TypedDict):
    """The hash table: bytes sent, entries left, entries sent with a value and as empty."""

    transferred: int
    remaining: int
    valid: int
    invalid: int


PassInfo = TypedDict(
    "PassInfo",
    {
        "number": int,
        "count": int,
        "final": bool,
        "time": int,
        "ram-pages": int,
        "ram-zero-pages": int,
        "ram-transferred": int,
        "hpt-valid": int,
        "hpt-invalid": int,
        "hpt-transferred": int,
    },
)


class SocketAddress(TypedDict, total=False):
    """Where a source can connect, in QEMU's form."""

    type: str
    host: str
    port: str
    path: str


MigrationInfo = TypedDict(
    "MigrationInfo",
    {
        "status": str,
        "phase": str,
        "total-time": int,
        "setup-time": int,
        "downtime": int,
        "expected-downtime": int,
        "error-desc": str,
        "cpu-throttle-percentage": int,
        "ram": RamInfo,
        "hpt": HptInfo,
        "passes": list[PassInfo],
        "socket-address": list[SocketAddress],
    },
    total=False,
)


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def pass_info(one: PassStatistics) -> PassInfo:
    return {
        "number": one.number,
        "count": one.count,
        "final": one.final,
        "time": milliseconds(one.seconds),
        "ram-pages": one.ram_pages,
        "ram-zero-pages": one.ram_zero_pages,
        "ram-transferred": one.ram_bytes,
        "hpt-valid": one.hpt_valid,
        "hpt-invalid": one.hpt_invalid,
        "hpt-transferred": one.hpt_bytes,
    }


def migration_info(statistics: MigrationStatistics, memory: int) -> MigrationInfo:
    """A migration of a machine with `memory` bytes of RAM."""
    passes = statistics.passes
    pages = sum(one.ram_pages for one in passes)
    info: MigrationInfo = {
        "status": QEMU_STATUS[statistics.phase],
        "phase": str(statistics.phase),
        "total-time": milliseconds(statistics.seconds),
        "setup-time": milliseconds(statistics.phase_seconds.get(Phase.SETUP, 0.0)),
        "cpu-throttle-percentage": round(statistics.throttle * 100),
        "ram": {
            "transferred": statistics.ram_bytes,
            "remaining": statistics.ram_remaining,
            "total": memory,
            "duplicate": statistics.zero_pages,
            "normal": pages,
            "normal-bytes": pages * PAGE,
            "mbps": statistics.rate * 8 / 1e6,
            "dirty-sync-count": statistics.pass_number,
            "page-size": PAGE,
        },
        "hpt": {
            "transferred": statistics.hpt_bytes,
            "remaining": statistics.hpt_remaining,
            "valid": sum(one.hpt_valid for one in passes),
            "invalid": sum(one.hpt_invalid for one in passes),
        },
        "passes": [pass_info(one) for one in passes],
    }
    if not statistics.phase.ended:
        info["expected-downtime"] = milliseconds(statistics.expected_downtime)
    if statistics.downtime is not None:
        info["downtime"] = milliseconds(statistics.downtime)
    if statistics.error is not None:
        info["error-desc"] = statistics.error
    return info


def arrival_info(incoming: Incoming[Any]) -> MigrationInfo:
    """An arriving machine: what has arrived so far, all passes together."""
    statistics = incoming.statistics
    info = migration_info(statistics, incoming.memory)
    info["status"] = QEMU_ARRIVAL_STATUS[statistics.phase]
    if statistics.phase is Phase.SETUP and incoming.where is not None:
        info["socket-address"] = [socket_address(incoming.where)]
    for name in ("expected-downtime", "cpu-throttle-percentage"):  # which only the source knows
        info.pop(name, None)  # type: ignore[misc]
    return info


def socket_address(where: address.SocketAddress) -> SocketAddress:
    """The address in QEMU's form."""
    if isinstance(where, address.TcpAddress):
        return {"type": "inet", "host": where.host, "port": str(where.port)}
    return {"type": "unix", "path": where.path}
