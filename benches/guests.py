"""Two virtual machines that speak QMP, one here and one in QEMU, driven by the same commands.

Enters: command lines. Leaves: running processes with a console that can be waited on, their control sockets and what
they use. A process is killed when its `with` ends.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from common import ours, qemu

from pyspapr.errors import SpaprError
from pyspapr.qmp.client import QmpClient

CONNECT_SECONDS = 30.0
ENDS = ("completed", "failed", "cancelled")


class Guest:
    """A process with a guest in it."""

    def __init__(self, command: list[str], socket: Path) -> None:
        """Start it; `socket` is where its control socket will be."""
        self.begin = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._console = b""
        self._came = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.qmp = self._connect(f"unix:{socket}")
        except BaseException:
            self.process.kill()
            raise

    def _connect(self, address: str) -> QmpClient:
        while True:
            try:
                return QmpClient(address)
            except SpaprError:
                if self.process.poll() is not None or time.perf_counter() - self.begin > CONNECT_SECONDS:
                    raise
                time.sleep(0.002)

    def __enter__(self) -> Guest:
        """It runs."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        while data := os.read(self.process.stdout.fileno(), 4096):
            with self._came:
                self._console += data
                self._came.notify_all()

    def says(self, text: str, seconds: float) -> bool:
        """Whether `text` comes on the console after the last match."""
        wanted = text.encode()
        with self._came:
            if not self._came.wait_for(lambda: wanted in self._console, seconds):
                return False
            self._console = self._console.split(wanted, 1)[1]
            return True

    def expect(self, text: str, seconds: float = 600.0) -> None:
        """Wait until `text` comes on the console after the last match. Raises RuntimeError when it does not."""
        if not self.says(text, seconds):
            raise RuntimeError(f"{text!r} did not come: {self._console[-500:]!r}")

    def execute(self, command: str, **arguments: Any) -> Any:
        """A QMP command; `_` in the names of arguments stands for `-`."""
        return self.qmp.execute(command, {name.replace("_", "-"): value for name, value in arguments.items()})

    def arrived(self) -> float:
        """Let the guest run on that comes in; seconds since the start of the process. (QEMU's is stopped as it was.)"""
        while self.execute("query-status")["status"] not in ("paused", "running"):
            if time.perf_counter() - self.begin > CONNECT_SECONDS:
                raise RuntimeError(f"nothing comes in: {self.execute('query-status')}")
            time.sleep(0.001)
        self.execute("cont")
        return time.perf_counter() - self.begin

    def migrated(self) -> dict[str, Any]:
        """Wait for the end of a migration; its figures. Raises RuntimeError when it failed."""
        while (info := self.execute("query-migrate")).get("status") not in ENDS:
            time.sleep(0.001)
        if info["status"] != "completed":
            raise RuntimeError(f"the migration has {info['status']}: {info.get('error-desc')}")
        return dict(info)

    def memory(self) -> dict[str, float]:
        """MiB now (`VmRSS`) and at most since `forget_peak` (`VmHWM`)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        rows = (line.split() for line in status.splitlines())
        return {row[0].rstrip(":"): int(row[1]) / 1024 for row in rows if row[0] in ("VmRSS:", "VmHWM:")}

    def forget_peak(self) -> None:
        """Let `VmHWM` begin anew (proc(5), `clear_refs`)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


def start_ours(directory: Path, name: str, initrd: Path, *more: str) -> Guest:
    """A machine here, in the time of the host."""
    socket = directory / name
    return Guest(ours("power8", initrd, "--clock", "host", "--qmp", f"unix:{socket}", *more), socket)


def start_qemu(directory: Path, name: str, initrd: Path, *more: str) -> Guest:
    """QEMU with the same guest."""
    socket = directory / name
    return Guest(qemu("power8", initrd, "-qmp", f"unix:{socket},server=on,wait=off", *more), socket)
