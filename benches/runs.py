"""One process with a guest in it, measured from outside at lines of its console.

Leaves: for each marked line the host's time and the CPU time of the whole process until then, all its threads and the
ones that ended included, and the largest resident set of the process.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common import Usage
from turns import Turn

LIMIT_SECONDS = 1800.0
"""After which a run is ended and counts as failed."""
_libc = ctypes.CDLL(None, use_errno=True)


class RunFailed(Exception):
    """A guest did not do what it was to do; the message says how far it came."""


@dataclass(frozen=True)
class Moment:
    """Seconds of the host's clock and of the CPU, of all threads of a process."""

    seconds: float
    cpu_seconds: float

    def __sub__(self, other: Moment) -> Moment:
        """What lies between."""
        return Moment(self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds)

    def __truediv__(self, other: Moment) -> Moment:
        """Ratios."""
        return Moment(self.seconds / other.seconds, self.cpu_seconds / other.cpu_seconds)

    def __str__(self) -> str:
        """As in the tables."""
        return f"{self.seconds:.2f} / {self.cpu_seconds:.2f}"


@dataclass
class Run:
    """What was seen of one process."""

    moments: dict[str, Moment] = field(default_factory=dict)
    """When each marked line came, since the start, by line."""
    lines: list[str] = field(default_factory=list)
    """The marked lines, in order."""
    whole: Moment = field(default_factory=lambda: Moment(0.0, 0.0))
    """The process from its start to its end."""
    peak_mib: float = 0.0


def cpu_clock(pid: int) -> int:
    """The clock of the CPU time of a process (clock_getcpuclockid(3)); /proc has it in hundredths only."""
    clock = ctypes.c_int()
    if error := _libc.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, os.strerror(error))
    return clock.value


@contextmanager
def limited(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill it when it takes too long, or when we leave early."""
    timer = threading.Timer(LIMIT_SECONDS, process.kill)
    timer.start()
    try:
        yield
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()


def measure(turn: Turn, prefixes: tuple[str, ...], last: str) -> Run:
    """Run to the end. A line that starts as one of `prefixes` is marked; `last` must come. Raises RunFailed."""
    run, tail = Run(), b""
    starts = tuple(prefix.encode() for prefix in prefixes)
    begin = time.perf_counter()
    process = subprocess.Popen(
        turn.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=turn.environment
    )
    clock = cpu_clock(process.pid)
    assert process.stdout is not None
    with limited(process):
        for line in process.stdout:
            tail = (tail + line)[-1000:]
            if line.startswith(starts):
                text = line.decode(errors="replace").strip()
                run.lines.append(text)
                run.moments[text] = Moment(time.perf_counter() - begin, time.clock_gettime(clock))
        process.stdout.close()
        usage = Usage.of(process)
    run.whole, run.peak_mib = Moment(time.perf_counter() - begin, usage.cpu_seconds), usage.peak_mib
    if last not in run.moments:
        raise RunFailed(f"{turn.command[0]} did not reach {last!r} (status {process.returncode}): {tail!r}")
    return run
