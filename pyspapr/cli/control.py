"""`pyspapr save`, `pyspapr migrate` and `pyspapr qmp`: small clients of a running machine's control socket."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Final

from pyspapr.cli.progress import shown, size
from pyspapr.cli.streams import INTERRUPTED, complain
from pyspapr.errors import ConfigError
from pyspapr.host.address import FILE, TCP, UNIX, Service, absolute
from pyspapr.plain import Plain
from pyspapr.qmp.client import CommandFailed, QmpClient

POLL_SECONDS: Final = 0.1
FAILED: Final = 1
TARGET: Final = Service("migration target", (TCP, UNIX, FILE))
"""Descriptors are excluded: they belong to the connection that has passed them, and this client passes none."""
ENDS: Final = frozenset(("completed", "failed", "cancelled"))


def save_command(qmp: str, file: str, base: str | None, compression: str) -> int:
    """Save the machine to `file`; names are relative to our directory, not the machine's."""
    arguments: dict[str, Any] = {"filename": os.path.abspath(file)}
    if base is not None:
        arguments["base"] = os.path.abspath(base)
    if compression != "none":
        arguments["compression"] = compression
    with QmpClient(qmp) as client:
        begin = time.monotonic()
        client.execute("snapshot-save", arguments)
    seconds = time.monotonic() - begin
    try:
        stored = f", {size(os.stat(file).st_blocks * 512)} on disk"
    except OSError:
        stored = ""  # the machine may see another file system
    complain(f"saved to {file} in {seconds:.2f} s{stored}")
    return 0


class MigrateOptions(Plain, kw_only=True):
    """What the command line said."""

    qmp: str
    target: str
    bandwidth: int | None
    downtime_ms: int | None
    compression: str | None
    tls_creds: str | None
    detach: bool
    leave: bool


def migrate_command(options: MigrateOptions) -> int:
    """Migrate, show the progress, and return the exit status: 0 when the guest has arrived, 1 when it stays here.
    Raises SpaprError if the migration was not started.
    """
    target = str(absolute(TARGET.parse(options.target)))
    parameters: dict[str, Any] = {
        "max-bandwidth": options.bandwidth,
        "downtime-limit": options.downtime_ms,
        "compression": options.compression,
        "tls-creds": None if options.tls_creds is None else os.path.abspath(options.tls_creds),
    }
    parameters = {name: value for name, value in parameters.items() if value is not None}
    with QmpClient(options.qmp) as client:
        if parameters:
            client.execute("migrate-set-parameters", parameters)
        try:
            client.execute("migrate", {"uri": target})
        except CommandFailed as error:
            complain(str(error))
            return FAILED
        if options.detach:
            return 0
        try:
            info = watch(client)
        except KeyboardInterrupt:
            client.execute("migrate_cancel")
            complain("cancelled; the guest continues where it was")
            return INTERRUPTED
        if info["status"] != "completed":
            complain(ending(info))
            return FAILED
        if options.leave:
            client.execute("quit")
    return 0


def ending(info: dict[str, Any]) -> str:
    """The message for a migration that failed."""
    if info["status"] == "cancelled":
        return "the migration was cancelled; the guest continues where it was"
    return f"the migration failed: {info.get('error-desc', 'no reason was given')}"


def watch(client: QmpClient) -> dict[str, Any]:
    """Show a migration until it ends, and return the last answer of query-migrate."""
    with shown() as show:
        while True:
            info: dict[str, Any] = client.execute("query-migrate")
            show(info)
            if info.get("status") in ENDS:
                return info
            time.sleep(POLL_SECONDS)


def qmp_command(address: str | None, command: str | None, words: tuple[str, ...]) -> int:
    """Send one command and print its answer; without one, list the commands. Raises ConfigError."""
    if command is None:
        from pyspapr.qmp import TABLE

        for name in sorted(TABLE):
            first = TABLE[name].help.splitlines()[0]
            print(f"{TABLE[name].usage()}\n    {first}")
        return 0
    if address is None:
        raise ConfigError(f"{command} needs a machine's control socket: add --qmp")
    with QmpClient(address) as client:
        answer = client.execute(command, dict(map(argument, words)))
    json.dump(answer, sys.stdout, indent=2)
    print()
    return 0


def argument(word: str) -> tuple[str, Any]:
    """`name=value`, the value as JSON or, if it is not valid JSON, as a string."""
    name, equals, value = word.partition("=")
    if not equals:
        raise ConfigError(f"argument {word!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
