"""The options of a migration, declared once for every function that begins one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from pyspapr.config import check_function
from pyspapr.errors import MigrationError
from pyspapr.migration.compression import Compression, unknown
from pyspapr.plain import Plain

if TYPE_CHECKING:
    import ssl

    from pyspapr.migration.statistics import MigrationStatistics

P = ParamSpec("P")
R = TypeVar("R")


def check_bandwidth(value: int | None) -> None:
    """Raise MigrationError for an invalid bandwidth."""
    if value is not None and not (isinstance(value, int) and value > 0):
        raise MigrationError(f"bandwidth is {value!r}, expected a whole number of bytes per second, 1 or more")


def check_downtime_limit(value: float) -> None:
    """Raise MigrationError for an invalid downtime limit."""
    if not (isinstance(value, int | float) and value >= 0):
        raise MigrationError(f"downtime_limit is {value!r}, expected a number of seconds, 0 or more")


class MigrationOptions(Plain, kw_only=True):
    """The keywords of `Machine.migrate` and `Machine.start_migration`.

    Raises MigrationError for invalid values, and TypeError if a callback is not callable.
    """

    bandwidth: int | None = None
    """Bytes per second; None is without limit."""
    downtime_limit: float = 0.3
    """Seconds that the guest may be stopped; a target, not a guarantee."""
    compression: Compression | None = None
    """Of RAM's contents: `"zstd"`, `"lz4"` or None."""
    tls: ssl.SSLContext | None = None
    """A client's context, for tcp and unix."""
    on_progress: Callable[[MigrationStatistics], None] | None = None
    """Called at every phase and pass, and between them."""
    pause_before_switchover: bool = False
    """Wait for `proceed` before the guest stops."""
    throttling: bool = True
    """Slow the guest down when passes do not converge."""

    def __post_init__(self) -> None:
        check_bandwidth(self.bandwidth)
        check_downtime_limit(self.downtime_limit)
        for name in ("pause_before_switchover", "throttling"):
            if not isinstance(value := getattr(self, name), bool):
                raise MigrationError(f"{name} is {value!r}, expected True or False")
        if self.on_progress is not None:
            check_function("on_progress", self.on_progress)
        if (wrong := unknown(self.compression)) is not None:
            raise MigrationError(wrong)


def keywords_of(
    options: Callable[P, object],
) -> Callable[[Callable[..., R]], Callable[Concatenate[Any, object, P], R]]:
    """For type checkers: the decorated method's keywords, after the address, are those of `options`."""

    def same(method: Callable[..., Any]) -> Callable[..., Any]:
        return method

    return same
