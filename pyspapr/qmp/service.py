"""Where control sockets are."""

from __future__ import annotations

from typing import Final

from pyspapr.host.address import TCP, UNIX, Service

SERVICE: Final = Service("control socket", (TCP, UNIX))
