"""The guest's console on standard input and output.

A terminal is put in raw mode, so that every key reaches the guest, and put back whatever happens. Ctrl-A is the way
to speak to pyspapr itself. With virtual time a pipe or file is read when the guest asks for input (see
`console.FileInput`); everything else is read by a thread that wakes the machine.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pyspapr.cli import streams
from pyspapr.machine import Machine
from pyspapr.partition.console import FileInput

ESCAPE: Final = 0x01  # Ctrl-A
HELP: Final = (
    "\r\nCtrl-A h   this help"
    "\r\nCtrl-A x   leave: the machine ends (exit status 130)"
    "\r\nCtrl-A c   where the processor is"
    "\r\nCtrl-A Ctrl-A   send Ctrl-A to the guest\r\n"
)
READ_SIZE: Final = 4096
BACKLOG: Final = 64 << 10
"""Bytes that may wait for the guest before reading stops."""

STDIN: Final = 0
STDOUT: Final = 1


def is_terminal() -> bool:
    """Whether a person is at standard input."""
    try:
        return os.isatty(STDIN)
    except OSError:
        return False


def write_all(fd: int, data: bytes) -> None:
    """Write everything, also to a descriptor that is in non-blocking mode."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])


class Left(Exception):
    """The person at the terminal typed Ctrl-A x."""


class Keyboard:
    """Splits what a person types into the guest's input and commands for us."""

    def __init__(self, vm: Machine) -> None:
        self.vm = vm
        self.left = False
        self._escaped = False

    def feed(self, data: bytes) -> bytes:
        """The part of `data` that is the guest's; commands are carried out."""
        guest = bytearray()
        for byte in data:
            if self._escaped:
                self._escaped = False
                if byte == ESCAPE:
                    guest.append(byte)
                else:
                    self._command(chr(byte).lower())
            elif byte == ESCAPE:
                self._escaped = True
            else:
                guest.append(byte)
        return bytes(guest)

    def _command(self, key: str) -> None:
        match key:
            case "x":
                self.left = True
                self.vm.stop()
            case "h" | "?":
                write_all(STDOUT, HELP.encode())
            case "c":
                self.vm.post(self._where)

    def _where(self) -> None:
        cpu = self.vm.cpus[0]
        line = (
            f"\r\npc {cpu['pc']:#x}  lr {cpu['lr']:#x}  msr {cpu['msr']:#x}  {cpu.vcpu.instructions} instructions\r\n"
        )
        write_all(STDOUT, line.encode())


@contextmanager
def raw_mode(fd: int) -> Iterator[None]:
    saved = termios.tcgetattr(fd)
    try:
        tty.setraw(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, saved)


@contextmanager
def reader(vm: Machine, keyboard: Keyboard | None, fd: int = STDIN) -> Iterator[None]:
    """A thread that types what standard input, or another descriptor, says."""
    wake, wake_writer = os.pipe()
    console = vm.console

    def loop() -> None:
        try:
            while True:
                if console.backlog >= BACKLOG:
                    if select.select([wake], [], [], 0.05)[0]:
                        return
                    continue
                ready, _, _ = select.select([fd, wake], [], [])
                if wake in ready:
                    return
                data = os.read(fd, READ_SIZE)
                if not data:
                    return
                if keyboard is not None:
                    data = keyboard.feed(data)
                if data:
                    console.write(data)
        except OSError:
            return  # it went away: the guest goes on without
        finally:
            console.keeps_open -= 1
            vm.kick()

    thread = threading.Thread(target=loop, name="console input", daemon=True)
    console.keeps_open += 1
    thread.start()
    try:
        yield
    finally:
        os.write(wake_writer, b"x")
        thread.join()
        os.close(wake)
        os.close(wake_writer)


@contextmanager
def attach_stdio(vm: Machine) -> Iterator[None]:
    """Connect the console while the context lasts. Raises Left at its end when a person has left meanwhile."""
    sys.stdout.flush()

    def show(data: bytes) -> None:
        write_all(STDOUT, data)
        streams.console_line_open = not data.endswith(b"\n")

    vm.console.sinks.append(show)
    keyboard = Keyboard(vm)
    try:
        if is_terminal():
            with raw_mode(STDIN), reader(vm, keyboard):
                yield
        elif vm.config.clock == "host":
            with reader(vm, None):
                yield
        else:
            vm.console.source = FileInput(STDIN)
            yield
    finally:
        vm.console.source = None
        vm.console.sinks.remove(show)
    if keyboard.left:
        raise Left
