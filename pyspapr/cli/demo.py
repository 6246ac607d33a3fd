"""`pyspapr demo`: boot the guest that ships with the package and say in plain words what happens."""

from __future__ import annotations

import sys
import time
from importlib.resources import as_file, files
from typing import Final

from pyspapr.cli import complain
from pyspapr.machine import Machine
from pyspapr.results import PoweredOff

MEMORY: Final = "256M"
TIMEOUT: Final = 60.0
"""Seconds; the demo needs a few."""


def say(text: str = "") -> None:
    """A line for the person who watches."""
    print(text, flush=True)


class Indented:
    """Prints the guest's console with a margin, so that one sees who speaks."""

    MARGIN: Final = b"    guest | "

    def __init__(self) -> None:
        """At the start of a line."""
        self._fresh = True

    def __call__(self, data: bytes) -> None:
        """Print a piece of output."""
        out = bytearray()
        for byte in data:
            if byte == 0x0D:
                continue
            if self._fresh:
                out += self.MARGIN
            out.append(byte)
            self._fresh = byte == 0x0A
        sys.stdout.buffer.write(out)
        sys.stdout.buffer.flush()


def demo_command(cpu: str) -> int:
    """Run the demo and return the exit status."""
    say(f"This is a {cpu.upper()} pseries machine with {MEMORY} of RAM, in this Python process.")
    vm = Machine(memory=MEMORY, cpu=cpu)
    say(f"Its hash page table has {vm.hpt.slots:,} slots and lives outside the guest's memory.")
    with as_file(files("pyspapr.guests") / "demo.elf") as kernel:
        vm.load_kernel(kernel)
    say("A small 64-bit guest starts in real mode, makes its own page table entries by hypercall,")
    say("turns address translation on, and then maps, protects and unmaps pages while it checks its memory:")
    say()
    vm.console.sinks.append(Indented())
    begin = time.perf_counter()
    reason = vm.run(timeout=TIMEOUT)
    seconds = time.perf_counter() - begin
    say()
    instructions = vm.cpus[0].vcpu.instructions
    say(f"In the end {reason}, after {instructions:,} instructions in {seconds:.1f} s.")
    say(f"{vm.hpt.valid_entries():,} page table entries are valid now.")
    say(f"Everything a guest can observe, in one number: {vm.state_hash()[:16]}")
    say("It is the same at every run: time is counted in instructions and randomness has a seed.")
    if not isinstance(reason, PoweredOff):
        complain(f"the demo failed: {reason}")
    return reason.exit_status
