"""What other threads ask of a machine, and what its run loop makes of that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pyspapr.partition.calls import Calls

if TYPE_CHECKING:
    from concurrent.futures import Future

    from pyspapr.partition.cpu import Cpu

T = TypeVar("T")


class Control:
    """The part of a partition that any thread may use."""

    cpus: list[Cpu]

    def __init__(self, kick: Callable[[], None]) -> None:
        """`kick` is this object's own, without a reference to it."""
        self._kicked = threading.Event()
        self._stop_requested = False
        self.awaited = False
        """Whether a thread is about to run it, as the command line's is from the moment its control socket is open."""
        self._calls = Calls(kick)

    @property
    def running(self) -> bool:
        """Whether a thread is in `run`, paused or not."""
        return self._calls.running

    @property
    def inside(self) -> bool:
        """Whether the calling thread is in `run`."""
        return self._calls.inside

    def stop(self) -> None:
        """End the current run, or the next one at its start, with `Interrupted`."""
        self._stop_requested = True
        self.kick()

    def kick(self) -> None:
        """Make the run loop look at its inputs."""
        self._kicked.set()
        if self.running:
            for cpu in self.cpus:
                cpu.vcpu.kick()

    def call(self, function: Callable[[], T]) -> T:
        """The result of `function`, called while no instruction runs, by the thread that runs the machine if any."""
        return self.post(function).result()

    def post(self, function: Callable[[], T]) -> Future[T]:
        """As `call`, without waiting for the result."""
        return self._calls.submit(function)

    def post_to_run(
        self, function: Callable[[], T], *answer: Callable[[T | None, BaseException | None], object]
    ) -> bool:
        """As `post`, but only to another thread that runs the machine; False when there is none. Never blocks.

        That thread calls `answer`, if given, with the result and None, or None and the error.
        """
        return self._calls.hand_over(function, *answer)

    def when_run(self, function: Callable[[], object]) -> None:
        """Have the next run call `function` when it has begun."""
        self._calls.leave(function)

    def run_posted(self) -> None:
        """For the run loop: carry out what was posted."""
        self._calls.serve()

    @property
    def thread(self) -> int | None:
        """The host's number of the thread that runs the machine, or None when none does."""
        return self._calls.thread

    def take_stop_request(self) -> bool:
        """Whether `stop` was called; the request is consumed."""
        requested, self._stop_requested = self._stop_requested, False
        return requested

    def wait_for_kick(self, seconds: float) -> None:
        """Sleep until `kick`, at most `seconds`."""
        self._kicked.wait(seconds)
        self._kicked.clear()
