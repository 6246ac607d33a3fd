"""What the tests of migrations share: guests, and a destination in another process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from pyspapr import Machine, config

CHURNING = "self-test passed, interrupts at their relocated addresses"
MIB = 1 << 20


def ballast(vm: Machine, pages: int, entries: int) -> None:
    """Pages with contents, and hash table entries, that the guest never touches."""
    if pages:
        vm.memory.write(40 * MIB, random.Random(1).randbytes(pages * 4096))
    chunk = bytearray()
    for index in range(entries):
        delta = 8  # the last slot of each group, from the first on
        head = delta << 1 | 1
        entry = (0x7F_0000_0000 + index) << 12 | 0x11
        chunk += bytes((head,)) + entry.to_bytes(8, "big") + (index << 16).to_bytes(8, "big")
    vm.hpt.load_chunk(bytes(chunk))


def counting() -> Machine:
    """A machine whose guest writes to memory without end, in real mode: its hash table is the test's to fill."""
    vm = Machine(memory="64M")
    vm.memory.write(0x2000, bytes.fromhex("386300017c60212a4bfffff8"))  # addi r3,r3,1; stdx r3,0,r4; b .-8
    vm.start(pc=0x2000)
    vm.cpus[0].vcpu.set("r4", 0x3000)
    ballast(vm, pages=500, entries=1000)
    return vm


def resize(vm: Machine, shift: int) -> tuple[int, int]:
    """What the two hypercalls for a hash table of 2**shift bytes answer."""
    codes = [vm.call_hypercall(vm.cpus[0], number, 0, shift)[0] for number in (0x36C, 0x370)]
    return codes[0], codes[1]


def churning(guest: Path, *, memory: str = "64M", arguments: str = "forever churn=200", **options: Any) -> Machine:
    """A machine whose guest churns its hash table and checks itself, for ever unless told otherwise."""
    vm = Machine(memory=memory, **options)
    vm.load_kernel(guest, append=arguments)
    vm.console.expect(CHURNING)
    vm.run(max_instructions=20_000_000)
    return vm


class Arrival:
    """A destination in a thread of this process."""

    def __init__(self, place: object, **options: Any) -> None:
        """Listen."""
        self.incoming = Machine.listen(place, **options)
        self.address = self.incoming.address
        self.vm: Machine | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        try:
            self.vm = self.incoming.receive()
        except BaseException as error:
            self.error = error
            del self  # the traceback has this frame: it would be a cycle with what was loaded in it

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(60)
        assert not self._thread.is_alive(), "the destination still waits"

    def machine(self) -> Machine:
        """What arrived."""
        self.join()
        if self.error is not None:
            raise self.error
        assert self.vm is not None
        return self.vm

    def failure(self) -> str:
        """Why nothing arrived."""
        self.join()
        assert self.vm is None and self.error is not None
        return str(self.error)


DESTINATION = """
import json, re, sys
from pyspapr import Machine, config
config.DEFAULT_ENGINE = sys.argv[3]
incoming = Machine.listen(sys.argv[1], timeout=60)
print(json.dumps({"address": incoming.address}), flush=True)
vm = incoming.receive()
arrived = {"instructions": vm.instructions, "hash": vm.state_hash()}
print(json.dumps(arrived), flush=True)
if sys.argv[4]:
    vm.console.expect(re.compile(sys.argv[4]), timeout=400)
    vm.console.send(sys.argv[5])
reason = vm.run(max_instructions=int(sys.argv[2]))
print(json.dumps({"reason": type(reason).__name__, "console": vm.console.output}), flush=True)
"""


class OtherProcess:
    """A destination in another process; it runs what arrives for `instructions`.

    With `answer`, a pattern and a line, it waits for the one on the guest's console and sends the other before that.
    """

    def __init__(self, place: str, instructions: int, answer: tuple[str, str] = ("", "")) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", DESTINATION, place, str(instructions), config.DEFAULT_ENGINE, *answer],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        self.address: str = self.line()["address"]

    def line(self) -> dict[str, Any]:
        """The next thing it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the destination ended with {self._process.wait(10)}"
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> OtherProcess:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def running(vm: Machine) -> Iterator[list[object]]:
    """Run `vm` in another thread; the list gets what `run` returned, or the exception."""
    result: list[object] = []

    def run() -> None:
        try:
            result.append(vm.run())
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield result
    finally:
        if thread.is_alive():
            vm.stop()
        thread.join(60)
        assert not thread.is_alive()


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that another thread brings about."""
    limit = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        limit.wait(0.01)
    raise AssertionError("it did not happen in time")
