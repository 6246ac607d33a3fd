"""TLS contexts from a directory of PEM files, named as QEMU's `tls-creds-x509` names them.

| file | who needs it |
|---|---|
| `ca-cert.pem` | both: who signed the other side's certificate |
| `server-cert.pem`, `server-key.pem` | the destination |
| `client-cert.pem`, `client-key.pem` | the source |

Both sides demand a certificate, so neither talks to an unknown peer. The source also compares the destination's name
with the one it connects to.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspapr.errors import ConfigError, MigrationError
from pyspapr.host.address import TcpAddress
from pyspapr.host.paths import as_path, check_regular, shown
from pyspapr.migration.uri import REMOTE_SERVICE

if TYPE_CHECKING:
    import ssl


def _load(directory: str, role: str) -> ssl.SSLContext:
    import ssl  # imported here: importing ssl takes as long as restoring a machine

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if role == "client" else ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        as_path(directory)
        authority, certificate, key = (
            os.path.join(directory, name) for name in ("ca-cert.pem", f"{role}-cert.pem", f"{role}-key.pem")
        )
        for name in (authority, certificate, key):
            check_regular(os.stat(name).st_mode)  # OpenSSL would block on a FIFO
        context.load_verify_locations(authority)
        context.load_cert_chain(
            certificate,
            key,
            # Otherwise OpenSSL would ask for a key's passphrase at the terminal.
            password=lambda: "",
        )
    except (OSError, ssl.SSLError) as error:
        text = error.reason if isinstance(error, ssl.SSLError) and error.reason else error.strerror or str(error)
        raise ConfigError(f"TLS credentials of a {role} in {shown(directory)}: {text}") from error
    return context


def _for_place(place: str, directory: str, make: Callable[[str], ssl.SSLContext]) -> ssl.SSLContext | None:
    if not directory:
        return None
    # Raises AddressError for an invalid address.
    if not isinstance(REMOTE_SERVICE.parse(place), TcpAddress):
        raise MigrationError(
            f"tls-creds is {shown(directory)}, but {shown(place)} would not be encrypted: TLS is for tcp:[HOST:]PORT"
        )
    return make(directory)


def source_tls(place: str, directory: str) -> ssl.SSLContext | None:
    """The context of a source that migrates to `place`; None without a directory. Raises MigrationError where TLS is
    not possible."""
    return _for_place(place, directory, source_context)


def destination_tls(place: str, directory: str) -> ssl.SSLContext | None:
    """The context of a destination at `place`, likewise."""
    return _for_place(place, directory, destination_context)


def source_context(directory: str) -> ssl.SSLContext:
    """A client's context. Raises ConfigError."""
    return _load(directory, "client")


def destination_context(directory: str) -> ssl.SSLContext:
    """A server's context. Raises ConfigError."""
    return _load(directory, "server")
