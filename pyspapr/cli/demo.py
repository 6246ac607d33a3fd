"""`pyspapr demo`: the guest that ships with the package boots, is saved, restored, forked and moved to another process.

It explains each step, and compares the final states, which are all the same, to the last bit.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, TypeVar

from pyspapr import config
from pyspapr.cli.streams import complain
from pyspapr.config import Engine
from pyspapr.errors import SpaprError
from pyspapr.machine import Machine
from pyspapr.migration.statistics import MigrationStatistics
from pyspapr.results import PoweredOff, StopReason

MEMORY: Final = "256M"
TIMEOUT: Final = 60.0
"""Seconds; the demo needs a few."""
ROUNDS: Final = "rounds=480"
MIDDLE: Final = re.compile(r"round 240: .*\n")
"""The round at which the machine is saved: the other half is several times what the guest executes while it
migrates."""
BANDWIDTH: Final = 64 << 20
"""Bytes per second: slow enough to see the passes."""
DOWNTIME_LIMIT: Final = 0.01
ENOUGH: Final = 4
"""Passes after which the demo accepts a longer downtime, so that the guest arrives before its work ends."""


T = TypeVar("T")


def say(text: str = "") -> None:
    """A line for the person who watches."""
    print(text, flush=True)


class Indented:
    """Prints the guest's console with a margin, to tell it from the demo's text."""

    def __init__(self, who: str) -> None:
        self._margin = f"{who:>9} | ".encode()
        self._fresh = True

    def __call__(self, data: bytes) -> None:
        out = bytearray()
        for byte in data:
            if byte == 0x0D:
                continue
            if self._fresh:
                out += self._margin
            out.append(byte)
            self._fresh = byte == 0x0A
        sys.stdout.buffer.write(out)
        sys.stdout.buffer.flush()


class DemoFailed(SpaprError):
    """Something did not come out as it must."""


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """The result of `action`, and its time in milliseconds."""
    begin = time.perf_counter()
    return action(), (time.perf_counter() - begin) * 1000


def finish(vm: Machine) -> str:
    """Run to the end and return the state hash. Raises DemoFailed."""
    reason: StopReason = vm.run(timeout=TIMEOUT)
    if not isinstance(reason, PoweredOff):
        raise DemoFailed(f"the demo failed: {reason}")
    return vm.state_hash()


def agree(what: str, state: str, wanted: str) -> None:
    """Report that the final states are the same. Raises DemoFailed if they differ."""
    if state != wanted:
        raise DemoFailed(f"the demo failed: {what} ended as {state[:16]}, not as {wanted[:16]}")
    say(f"Its end is the same: {state[:16]}")


def boot(cpu: str, path: Path) -> tuple[Machine, str]:
    """Boot, save in the middle, run on to the end."""
    vm = Machine(memory=MEMORY, cpu=cpu)
    say(f"This is a {vm.config.cpu.upper()} pseries machine with {MEMORY} of RAM, in this Python process.")
    say(f"Its hash page table has {vm.hpt.slots:,} slots and lives outside the guest's memory.")
    with as_file(files("pyspapr.guests") / "demo.elf") as kernel:
        vm.load_kernel(kernel, append=ROUNDS)
    say("A small 64-bit guest starts in real mode, makes its own page table entries by hypercall,")
    say("turns address translation on, and then maps, protects and unmaps pages while it checks its memory:")
    say()
    vm.console.sinks.append(Indented("guest"))
    begin = time.perf_counter()
    vm.console.expect(MIDDLE, timeout=TIMEOUT)
    _, milliseconds = timed(lambda: vm.save(path))
    stat = os.stat(path)
    say()
    say(f"Here it was saved, in {milliseconds:.0f} ms and {stat.st_blocks // 2:,} KiB of disk, and goes on:")
    say()
    state = finish(vm)
    say()
    instructions = vm.instructions
    say(
        f"In the end the guest powered off, after {instructions:,} instructions in {time.perf_counter() - begin:.1f} s."
    )
    say(f"Everything a guest can observe, in one number: {state[:16]}")
    say("It is the same at every run: time is counted in instructions and randomness has a seed.")
    say()
    return vm, state


def restore_and_fork(path: Path, wanted: str) -> Machine:
    """Restore, and fork; run the restored one to its end and return the fork."""
    vm, milliseconds = timed(lambda: Machine.restore(path))
    say(f"The saved machine is restored in {milliseconds:.0f} ms. Its file is mapped, and read when touched.")
    fork, milliseconds = timed(lambda: vm.snapshot().fork())
    say(f"A second machine is forked from it in {milliseconds:.0f} ms; both share memory until one writes.")
    say("The first one runs from the middle to the end once more.")
    agree("the restored machine", finish(vm), wanted)
    say()
    return fork


def tell(vm: Machine) -> Callable[[MigrationStatistics], None]:
    """Prints each finished pass, and raises the downtime limit after `ENOUGH` of them."""
    told: list[int] = [0]

    def progress(statistics: MigrationStatistics) -> None:
        if statistics.pass_number >= ENOUGH and vm.migration is not None:
            vm.migration.downtime_limit = 1.0
        over = statistics.passes if statistics.phase.ended else statistics.passes[:-1]
        for one in over[told[0] :]:
            told[0] += 1
            doing = "the guest stood still" if one.final else f"the guest ran {one.instructions:,} instructions"
            say(
                f"  pass {one.number:2}: {one.ram_pages + one.ram_zero_pages:5,} pages, {one.hpt_entries:4,} hash "
                f"table entries, {one.bytes / 1024:6,.0f} KiB in {one.seconds * 1000:3.0f} ms; {doing}"
            )

    return progress


ARRIVAL: Final = "from pyspapr.cli.demo import arrive; import sys; arrive(*sys.argv[1:])"


def arrive(place: str, engine: Engine) -> None:
    """The other process: receive the machine, run it to its end, and print its state hash on standard error."""
    config.DEFAULT_ENGINE = engine
    vm = Machine.incoming(place, timeout=TIMEOUT)
    vm.console.sinks.append(Indented("there"))
    print(finish(vm), file=sys.stderr)


def travel(fork: Machine, place: str, wanted: str) -> None:
    """Move the fork to another process while its guest is busy."""
    say("The fork, its guest busy with the hash table, now moves to another process while it runs:")
    words = [sys.executable, "-c", ARRIVAL, place, fork.engine]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as other:
        deadline = time.monotonic() + TIMEOUT
        while not os.path.exists(place.removeprefix("unix:")):
            if other.poll() is not None or time.monotonic() > deadline:
                raise DemoFailed("the demo failed: the other process did not come up")
            time.sleep(0.01)
        try:
            statistics = fork.migrate(place, bandwidth=BANDWIDTH, downtime_limit=DOWNTIME_LIMIT, on_progress=tell(fork))
        except SpaprError:
            other.kill()
            raise
        downtime = (statistics.downtime or 0) * 1000
        say(f"The guest stood still for {downtime:.0f} ms of {statistics.seconds:.1f} s and runs on there:")
        error = other.communicate(timeout=TIMEOUT)[1].strip()
    say()
    if other.returncode:
        raise DemoFailed(f"the demo failed: the other process ended with {error[-200:]}")
    agree("the machine that moved", error, wanted)


def demo_command(cpu: str, engine: Engine) -> int:
    """Run the demo and return the exit status."""
    config.DEFAULT_ENGINE = engine
    with tempfile.TemporaryDirectory(prefix="pyspapr-demo-") as directory:
        path = Path(directory) / "middle.spapr"
        try:
            _, state = boot(cpu, path)
            fork = restore_and_fork(path, state)
            travel(fork, f"unix:{directory}/socket", state)
        except DemoFailed as error:
            complain(str(error))
            return 4
    return 0
