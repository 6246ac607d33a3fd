"""Migrations in a row, with everything that can happen to them mixed in: `make soak`, and fewer in the tests.

    python tests/soak.py 1000

The guest churns its hash table and checks itself. Each round it is migrated by a source and a destination in this
process, over a connection that may be cut after any number of bytes in either direction, or cancelled at any time; on
the way the guest may reboot, and another guest resizes its hash table. At the end of each round exactly one side can
run the guest, and that one is the next source. What is random has a seed, printed with each failure.
"""

from __future__ import annotations

import contextlib
import random
import socket
import sys
import threading
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path

from migration import Arrival, counting, resize

from pyspapr import InstructionLimit, Machine, MigrationError, MigrationUnconfirmed, SpaprError, StateError
from pyspapr.migration import frames
from pyspapr.migration.statistics import MigrationStatistics

GUEST = Path(str(files("pyspapr.guests") / "demo.elf"))
ARGUMENTS = "forever churn=100"
STEP = 2_000_000
GO = frames.Go(False).encode()[4:]
KINDS = (
    "plain",
    "plain",
    "reboot",
    "cancel",
    "cut-there",
    "cut-back",
    "cut-go",
    "resize",
    "slow",
    "lz4",
    "zstd",
    "two-cuts",
)


class Fused:
    """An end of a connection that breaks after `fuse` bytes were written to it, or before `word` is."""

    def __init__(self, sock: socket.socket, fuse: int | None, word: bytes | None = None) -> None:
        self.socket = sock
        self.left = fuse
        self.word = word

    def read(self, limit: int) -> bytes:
        return self.socket.recv(limit)

    def write(self, data: bytes) -> int:
        if self.word is not None and self.word in bytes(data):
            self.close()
        if self.left is None:
            return self.socket.send(data)
        piece = bytes(data)[: self.left]
        self.left -= len(piece)
        taken = self.socket.send(piece) if piece else 0
        if self.left == 0:
            self.close()
            if not taken:
                raise BrokenPipeError("the fuse")
        return taken

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


def runs(vm: Machine, instructions: int) -> None:
    """The guest runs on, and its own checks pass."""
    reason = vm.run(max_instructions=instructions)
    assert isinstance(reason, InstructionLimit), f"{reason}: {vm.console.output[-300:]}"
    assert "FAIL" not in vm.console.output


def fresh() -> Machine:
    """A guest that has begun to churn."""
    vm = Machine(memory="64M")
    vm.load_kernel(GUEST, append=ARGUMENTS)
    runs(vm, 5_000_000)
    return vm


class Soak:
    """A chain of migrations."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.vm = fresh()
        self.outcomes: Counter[str] = Counter()
        self.size = 3_000_000
        self.passes = 0

    def round(self) -> None:
        """One migration."""
        left, right = socket.socketpair()
        with left, right:
            self.migrate(left, right)

    def migrate(self, left: socket.socket, right: socket.socket) -> None:
        """The same over a connection whose ends are given."""
        dice, vm = self.random, self.vm
        kind = dice.choice(KINDS)
        if kind == "resize":
            self.resized(left, right)
            return
        there, back = None, None
        if kind in ("cut-there", "two-cuts"):
            there = int(dice.choice((1.0, 0.1, 0.001)) * dice.random() * self.size) + 1
        if kind in ("cut-back", "two-cuts"):
            back = dice.randrange(1, 120)
        here = Fused(left, there, GO if kind == "cut-go" else None)
        arrival = Arrival(Fused(right, back))
        moment = dice.random() * 0.1

        def act(statistics: MigrationStatistics) -> None:
            if statistics.seconds < moment or done.is_set():
                return
            done.set()
            if kind == "reboot" and statistics.phase.live:
                vm.load_kernel(GUEST, append=ARGUMENTS)
            elif kind == "cancel" and vm.migration is not None:
                vm.migration.cancel()

        done = threading.Event()
        bandwidth = dice.choice((2, 8, 32)) << 20 if kind in ("slow", "reboot", "cancel") else None
        try:
            statistics = vm.migrate(
                here,
                bandwidth=bandwidth,
                downtime_limit=dice.choice((0.01, 0.05, 0.3)),
                compression=kind if kind in ("lz4", "zstd") else None,
                on_progress=act,
            )
        except MigrationUnconfirmed:
            self.unconfirmed(arrival)
        except MigrationError:
            arrival.failure()
            self.outcomes["stayed"] += 1
        else:
            self.size = max(statistics.sent_bytes, 100_000)
            self.passes += statistics.pass_number
            self.moved(arrival, "moved")
        runs(self.vm, STEP)

    def resized(self, left: socket.socket, right: socket.socket) -> None:
        """A guest that resizes its table on the way, a few times."""
        dice, vm = self.random, counting()
        arrival = Arrival(Fused(right, None))
        shifts = [dice.choice((18, 19, 20)) for _ in range(3)]

        def act(statistics: MigrationStatistics) -> None:
            if statistics.phase.live and shifts and dice.random() < 0.3:
                assert resize(vm, shifts.pop()) == (0, 0)

        statistics = vm.migrate(Fused(left, None), bandwidth=dice.choice((8, 32)) << 20, on_progress=act)
        machine = arrival.machine()
        assert machine.hpt.valid_entries() == 1000
        assert machine.state_hash() == vm.state_hash(), "the machine that arrived is another one"
        self.passes += statistics.pass_number
        self.outcomes["resized"] += 1

    def moved(self, arrival: Arrival, outcome: str) -> None:
        """The other side runs the guest now, and this one does not."""
        machine = arrival.machine()
        assert machine.state_hash() == self.vm.state_hash(), "the machine that arrived is another one"
        try:
            self.vm.run(max_instructions=1)
        except StateError:
            pass
        else:
            raise AssertionError("both sides can run the guest")
        self.vm = machine
        self.outcomes[outcome] += 1

    def unconfirmed(self, arrival: Arrival) -> None:
        """Ask the other side, as a person would."""
        arrival.join()
        if arrival.vm is not None:
            self.moved(arrival, "moved, unconfirmed")
            return
        self.vm.reclaim()
        self.outcomes["reclaimed"] += 1


def soak(rounds: int, seed: int = 1, *, seconds: float | None = None) -> Soak:
    """Run it. Raises AssertionError with seed and round."""
    chain = Soak(seed)
    end = None if seconds is None else time.monotonic() + seconds
    for number in range(1, rounds + 1):
        try:
            chain.round()
        except (AssertionError, SpaprError) as error:
            raise AssertionError(f"seed {seed}, round {number}: {error}") from error
        if end is not None and time.monotonic() > end:
            break
        if rounds >= 100 and number % 50 == 0:
            print(f"{number} rounds: {dict(chain.outcomes)}, {chain.passes} passes", flush=True)
    return chain


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    result = soak(count, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(f"{sum(result.outcomes.values())} rounds, nothing lost: {dict(result.outcomes)}")
