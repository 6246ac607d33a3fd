"""Commands that look at the machine and start, stop, reset or end it."""

from __future__ import annotations

import os
from typing import Final, TypedDict, cast

from pyspapr.partition.runstate import Status
from pyspapr.qmp.descriptors import Descriptors
from pyspapr.qmp.errors import QmpError
from pyspapr.qmp.monitor import Monitor
from pyspapr.qmp.registry import TABLE, Where, command
from pyspapr.qmp.session import NEGOTIATE, version_info

TARGET: Final = "ppc64"


class VersionTriple(TypedDict):
    """Three numbers."""

    major: int
    minor: int
    micro: int


class VersionInfo(TypedDict):
    """A version."""

    qemu: VersionTriple
    package: str


class StatusInfo(TypedDict):
    """How the machine stands."""

    running: bool
    status: str


class NameInfo(TypedDict, total=False):
    """A name, if it has one."""

    name: str


class TargetInfo(TypedDict):
    """The guest's architecture."""

    arch: str


class CommandInfo(TypedDict):
    """A command."""

    name: str


CpuProperties = TypedDict("CpuProperties", {"core-id": int})
CpuInfo = TypedDict(
    "CpuInfo", {"cpu-index": int, "qom-path": str, "thread-id": int, "target": str, "props": CpuProperties}
)


@command(NEGOTIATE, where=Where.ANYWHERE)
def qmp_capabilities(monitor: Monitor, enable: list[str] | None = None) -> None:
    """End the negotiation. No capabilities are offered, so `enable` may only be empty."""
    for capability in enable or []:
        raise QmpError(f"capability {capability!r} is not offered")


@command("getfd", where=Where.ANYWHERE)
def getfd(monitor: Monitor, descriptors: Descriptors, fdname: str) -> None:
    """Name the file descriptor that came with this message (SCM_RIGHTS, Unix sockets only), for `fd:NAME`.

    It replaces one of the same name. Unused descriptors are closed when the connection ends.
    """
    descriptors.name(fdname)


@command("closefd", where=Where.ANYWHERE)
def closefd(monitor: Monitor, descriptors: Descriptors, fdname: str) -> None:
    """Close a file descriptor that getfd has named."""
    descriptors.forget(fdname)


@command("query-version", where=Where.ANYWHERE)
def query_version(monitor: Monitor) -> VersionInfo:
    """Version of pyspapr."""
    return cast(VersionInfo, version_info())


@command("query-commands", where=Where.ANYWHERE)
def query_commands(monitor: Monitor) -> list[CommandInfo]:
    """Names of all commands."""
    return [{"name": name} for name in sorted(TABLE)]


@command("query-name", where=Where.ANYWHERE)
def query_name(monitor: Monitor) -> NameInfo:
    """The name that the machine was given."""
    return {} if monitor.name is None else {"name": monitor.name}


@command("query-target", where=Where.ANYWHERE)
def query_target(monitor: Monitor) -> TargetInfo:
    """The guest's architecture in QEMU's word."""
    return {"arch": TARGET}


@command("query-block", where=Where.ANYWHERE)
def query_block(monitor: Monitor) -> list[str]:
    """Block devices; always empty, as the machine has none."""
    return []


@command("query-status", where=Where.ANYWHERE)
def query_status(monitor: Monitor) -> StatusInfo:
    """Whether the guest runs, and its state in QEMU's words."""
    status = monitor.vm.partition.status
    return {"running": status == Status.RUNNING, "status": str(status)}


@command("query-cpus-fast", where=Where.ANYWHERE)
def query_cpus_fast(monitor: Monitor) -> list[CpuInfo]:
    """The virtual processors, and the host thread that runs them (the process while none does)."""
    thread = monitor.vm.partition.thread or os.getpid()
    return [
        {
            "cpu-index": cpu.index,
            "qom-path": f"/machine/cpu[{cpu.index}]",
            "thread-id": thread,
            "target": TARGET,
            "props": {"core-id": cpu.index},
        }
        for cpu in monitor.vm.partition.cpus
    ]


@command("stop")
def stop(monitor: Monitor) -> None:
    """Stand still. The event STOP says that it does."""
    monitor.vm.pause()


@command("cont")
def cont(monitor: Monitor) -> None:
    """Resume after `stop`, or start a machine that was started paused. The event RESUME confirms it."""
    monitor.vm.resume()


@command("system_reset")
def system_reset(monitor: Monitor) -> None:
    """Load the kernel again and start it, as after power-on. The event RESET confirms it."""
    monitor.vm.reboot()


@command("system_powerdown", where=Where.ANYWHERE)
def system_powerdown(monitor: Monitor) -> None:
    """Refused: the machine has no power button, as it offers the guest no EPOW events."""
    raise QmpError("the machine offers its guest no EPOW events; power off inside the guest, or use quit")


@command("quit", where=Where.ANYWHERE)
def quit_(monitor: Monitor) -> None:
    """End the machine. The event SHUTDOWN says that it does."""
    monitor.schedule(monitor.quit)
