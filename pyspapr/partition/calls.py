"""Calls from other threads to the thread that runs the machine.

Enters: functions, from any thread. Leaves: their results, as futures. While a machine runs, functions are queued and
the run loop executes them in order between two instructions; otherwise the calling thread executes them itself, under
the lock that also keeps a run from starting. So guest and device state is never touched by two threads at once.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from pyspapr.errors import StateError
from pyspapr.log import logger
from pyspapr.partition.owner import CLOSED

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
C = TypeVar("C", contravariant=True)

ABANDONED: Final = "another thread was using the machine when this process was forked: it exists in the parent only"


class Taker(Protocol[C]):
    """What gets a function's result: a future, or `Answered`."""

    def set_running_or_notify_cancel(self) -> bool:
        """The function is about to be called; False if its result is no longer wanted."""
        ...

    def set_result(self, result: C) -> None: ...

    def set_exception(self, exception: BaseException | None) -> None: ...


class Answered(Generic[T]):
    """Calls a function with the result or the error. Futures do that too, but importing them takes long."""

    def __init__(self, answer: Callable[[T | None, BaseException | None], object]) -> None:
        self._answer = answer

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, result: T) -> None:
        self._call(result, None)

    def set_exception(self, exception: BaseException | None) -> None:
        self._call(None, exception)

    def _call(self, result: T | None, error: BaseException | None) -> None:
        try:
            self._answer(result, error)
        except Exception:  # a bug of who wanted the answer, which must not end the guest's run
            logger(__name__).exception("the result of a function that was handed over could not be delivered")


def _nobody(result: object, error: BaseException | None) -> None:
    """Takes the result of a function that nobody waits for."""


def _carry_out(future: Taker[T] | None, function: Callable[[], T]) -> None:
    """Nobody waits for the result when `future` is None."""
    if future is None:
        future = Answered(_nobody)
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except Exception as error:  # whoever waits for the result gets it
        future.set_exception(error)
        # Its traceback has this frame and those of the callers. With the future in a variable of one of them that
        # would be a cycle, with the machine in it.
        del future, function
    except BaseException as error:  # Ctrl-C and the like belong to the thread they came to
        future.set_exception(interrupted(error))
        raise
    else:
        future.set_result(result)


def interrupted(error: BaseException | None) -> StateError:
    """The error of a function that was not called, or not to its end, because of `error`."""
    return StateError(f"the machine's thread was interrupted ({type(error).__name__})")


class Calls:
    """The queue of one machine."""

    def __init__(self, kick: Callable[[], None]) -> None:
        """`kick` makes the run loop call `serve` soon."""
        self._kick = kick
        self._lock = threading.RLock()
        # Without a future: work for the next run, in whatever thread.
        self._queue: deque[tuple[Taker[Any] | None, Callable[[], Any]]] = deque()
        self._runner: int | None = None
        self._acting = 0
        self.closed = False
        """Whether `close` was called."""
        self.abandoned = False
        """Whether this process is a child of fork and the thread that was using the machine is not in it."""

    @property
    def running(self) -> bool:
        """Whether a thread runs the machine now."""
        return self._runner is not None

    @property
    def inside(self) -> bool:
        """Whether the calling thread runs the machine now, and called from within its run."""
        return self._runner == threading.get_ident()

    @property
    def elsewhere(self) -> bool:
        """Whether another thread runs the machine now."""
        return self._runner not in (None, threading.get_ident())

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Have `function` called as the header says: in the machine's own thread, immediately."""
        # Imported here: it loads all of `logging`, and `import pyspapr` should be quick.
        from concurrent.futures import Future

        self._check()
        future: Future[T] = Future()
        try:
            with self._lock:
                if self.elsewhere:
                    self._queue.append((future, function))
                    self._kick()
                    return future
                self._acting += 1
                try:
                    _carry_out(future, function)
                finally:
                    self._acting -= 1
            return future
        finally:
            del future  # see `_carry_out`

    def hand_over(
        self, function: Callable[[], T], answer: Callable[[T | None, BaseException | None], object] = _nobody
    ) -> bool:
        """As `submit`, but never blocks: False if no other thread runs the machine, or that may change.

        The machine's thread calls `answer` with the result and None, or None and the error.
        """
        if not self.elsewhere or not self._lock.acquire(blocking=False):
            return False
        try:
            if not self.elsewhere:
                return False
            self._queue.append((Answered(answer), function))
            self._kick()
            return True
        finally:
            self._lock.release()

    @property
    def thread(self) -> int | None:
        """The host's number of the thread that runs the machine now, or None."""
        runner = self._runner
        return next((one.native_id for one in threading.enumerate() if one.ident == runner), None)

    def leave(self, function: Callable[[], object]) -> None:
        """Have the next run call `function` when it begins. Without a run it is not called."""
        with self._lock:
            self._queue.append((None, function))

    def begin(self) -> None:
        """The calling thread runs the machine from now on."""
        self._check()
        with self._lock:
            if self._runner is not None:
                raise StateError("the machine is running already")
            if self._acting:
                raise StateError("the machine cannot be run by a function that was submitted to it")
            self._runner = threading.get_ident()

    def end(self) -> None:
        """The run has ended; execute what was queued in the meantime, unless a signal ended the run."""
        with self._lock:
            try:
                error = sys.exception()
                if isinstance(error, Exception | None):
                    self.serve()
                while self._queue:
                    future, _ = self._queue.popleft()
                    if future is not None:
                        future.set_exception(interrupted(error))
            finally:
                self._runner = None

    def serve(self) -> None:
        """For the run loop: carry out what was queued."""
        while self._queue:
            _carry_out(*self._queue.popleft())

    def close(self) -> None:
        """Execute nothing from now on. Raises StateError while the machine runs or a call is executed."""
        with self._lock:
            if self.elsewhere:
                raise StateError("another thread runs the machine: it cannot be closed before stop()")
            if self._runner is not None or self._acting:
                raise StateError("the machine cannot be closed by its own handlers or by a function submitted to it")
            self.closed = True
            self._queue.clear()

    def after_fork(self) -> None:
        """In the child: drop the calls that other threads queued; the parent executes them."""
        me = threading.get_ident()
        if self._lock.acquire(blocking=False):
            self._lock.release()
            busy = False
        else:
            self._lock = threading.RLock()
            busy = True
        if busy or self._runner not in (None, me):
            self.abandoned = True
            self._runner = None
        self._queue = deque(entry for entry in self._queue if entry[0] is None)

    def _check(self) -> None:
        if self.closed:
            raise StateError(CLOSED)
        if self.abandoned:
            raise StateError(ABANDONED)
