"""What a caller can ask of a migration: said once, for every function that begins one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from pyspapr.errors import MigrationError
from pyspapr.plain import Plain

if TYPE_CHECKING:
    import ssl

    from pyspapr.machine import Machine
    from pyspapr.migration.statistics import MigrationStatistics

P = ParamSpec("P")
R = TypeVar("R")


class MigrationOptions(Plain, kw_only=True):
    """The keywords of `Machine.migrate` and `Machine.start_migration`. Raises MigrationError for what cannot be."""

    bandwidth: int | None = None
    """Bytes per second; None is without limit."""
    downtime_limit: float = 0.3
    """Seconds that the guest may stand still, as far as can be foreseen."""
    compress: str | None = None
    """Of RAM's contents: `"lz4"`, `"zstd"` or nothing."""
    tls: ssl.SSLContext | None = None
    """A client's context, for tcp and unix."""
    on_progress: Callable[[MigrationStatistics], None] | None = None
    """Called at every phase and pass, and in between."""
    pause_before_switchover: bool = False
    """Wait for `proceed` before the guest stops."""
    throttling: bool = True
    """Give the guest less time when passes do not help."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.bandwidth is not None and self.bandwidth <= 0:
            raise MigrationError(f"a bandwidth of {self.bandwidth} bytes per second cannot move anything")
        if self.downtime_limit < 0:
            raise MigrationError(f"a downtime limit of {self.downtime_limit:g} s is below 0")
        if self.compress not in (None, "zstd", "lz4"):
            raise MigrationError(f"unknown compression {self.compress!r}: choose zstd or lz4")


def takes(
    options: Callable[P, object],
) -> Callable[[Callable[..., R]], Callable[Concatenate[Machine, object, P], R]]:
    """For type checkers: the decorated method's keywords, after the place, are those of `options`."""

    def as_it_is(method: Callable[..., Any]) -> Callable[..., Any]:
        return method

    return as_it_is
