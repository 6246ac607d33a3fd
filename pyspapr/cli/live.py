"""The display of a migration on a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.live import Live

from pyspapr.cli.progress import Info, table


class LiveProgress:
    """A table that is redrawn with each answer."""

    def __init__(self) -> None:
        self._live = Live(console=Console(stderr=True), auto_refresh=False)

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, info: Info) -> None:
        self._live.update(table(info), refresh=True)
