"""Parameters and capabilities of migrations, as a control socket keeps them between commands."""

from __future__ import annotations

from typing import Final, Literal, TypedDict

from pyspapr.migration.compression import CompressionWord
from pyspapr.plain import Plain

Capability = Literal["events", "pause-before-switchover", "auto-converge"]
CAPABILITIES: Final[tuple[Capability, ...]] = ("events", "pause-before-switchover", "auto-converge")

MigrationParameters = TypedDict(
    "MigrationParameters",
    {"max-bandwidth": int, "downtime-limit": int, "compression": CompressionWord, "tls-creds": str},
)


class CapabilityStatus(TypedDict):
    """A capability, and whether it is on."""

    capability: Capability
    state: bool


class Settings(Plain, frozen=False):
    """What the next migration will be like."""

    max_bandwidth: int = 0
    """Bytes per second; 0 is without limit."""
    downtime_limit_ms: int = 300
    compression: CompressionWord = "none"
    tls_creds: str = ""
    """A directory, see `migration.tls`; empty for none."""
    events: bool = True
    pause_before_switchover: bool = False
    auto_converge: bool = True

    def parameters(self) -> MigrationParameters:
        return {
            "max-bandwidth": self.max_bandwidth,
            "downtime-limit": self.downtime_limit_ms,
            "compression": self.compression,
            "tls-creds": self.tls_creds,
        }

    def capabilities(self) -> list[CapabilityStatus]:
        return [{"capability": name, "state": getattr(self, name.replace("-", "_"))} for name in CAPABILITIES]

    def set_capability(self, name: Capability, state: bool) -> None:
        setattr(self, name.replace("-", "_"), state)
