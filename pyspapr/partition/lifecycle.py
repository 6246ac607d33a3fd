"""How a machine stands: one state, and in one place which state may follow which.

    EMPTY ──start──▶ LOADED ──launch──▶ STANDING ◀──▶ HANDLING     a handler has the machine, and returns
                       ▲                 │  ▲ │
                       └─start─ ENDED ◀──┘  │ └──hold──▶ LEAVING ──leave──▶ LEFT
                                            └──────stay─────┘       reclaim ──┘

    EMPTY also follows when a machine that nobody runs is put back to a snapshot.
    EXPECTED    instead of a guest of its own, which may be loaded for reboots
    CLOSED      from everywhere but a handler and a last pass

Whether a thread is in `run` is not part of it (`calls.Calls` knows), nor whether somebody has paused the guest: a
machine in each of these states can be paused.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from pyspapr.errors import StateError
from pyspapr.results import StopReason


class State(Enum):
    """The states; the value completes the sentence "the machine ...", for errors."""

    EMPTY = "has nothing to run"
    LOADED = "has a guest that has executed nothing yet"
    STANDING = "has a guest that can run on"
    HANDLING = "answers its guest's hypercall"
    ENDED = "has a guest that only a start brings back"
    LEAVING = "stands still for the last pass of a migration"
    LEFT = "was migrated away"
    EXPECTED = "waits for a guest to arrive"
    CLOSED = "is closed"


NEXT: Final[dict[State, frozenset[State]]] = {
    State.EMPTY: frozenset((State.EMPTY, State.LOADED, State.STANDING, State.EXPECTED, State.CLOSED)),
    State.LOADED: frozenset(
        (
            State.EMPTY,
            State.LOADED,
            State.STANDING,
            State.HANDLING,
            State.ENDED,
            State.LEAVING,
            State.EXPECTED,
            State.CLOSED,
        )
    ),
    State.STANDING: frozenset((State.EMPTY, State.LOADED, State.HANDLING, State.ENDED, State.LEAVING, State.CLOSED)),
    State.HANDLING: frozenset((State.LOADED, State.STANDING, State.ENDED, State.LEAVING, State.LEFT)),
    State.ENDED: frozenset((State.EMPTY, State.LOADED, State.ENDED, State.HANDLING, State.LEAVING, State.CLOSED)),
    State.LEAVING: frozenset((State.LOADED, State.STANDING, State.HANDLING, State.ENDED, State.LEFT)),
    State.LEFT: frozenset((State.LOADED, State.STANDING, State.HANDLING, State.ENDED, State.CLOSED)),
    State.EXPECTED: frozenset((State.CLOSED,)),
    State.CLOSED: frozenset(),
}
"""What may follow each state. From HANDLING, LEAVING and LEFT a machine goes back to where it was, or to an end that
came meanwhile."""

STANDING: Final = State.STANDING
HANDLING: Final = State.HANDLING


class Lifecycle:
    """Where one machine is. Raises StateError for a step that the table does not have."""

    def __init__(self) -> None:
        """Nothing to run."""
        self.state = State.EMPTY
        self.ended: StopReason | None = None
        """Why the last run ended, if the guest or a migration ended it."""
        self.paused = False
        self.starts = 0
        """How often a guest was started here, or another one put in its place by `reset`."""
        self._frozen_starts = 0  # what it was when the machine was as a snapshot
        self._before: list[State] = []  # where to go back to
        self._kept: StopReason | None = None  # what `ended` was before the guest left

    def _to(self, state: State) -> None:
        if state not in NEXT[self.state]:
            raise StateError(f"the machine {self.state.value}: it cannot become one that {state.value}")
        self.state = state

    def _back(self) -> None:
        before = self._before.pop()
        self._to(State.ENDED if self.over and before is not State.LEFT else before)

    @property
    def started(self) -> bool:
        """Whether there is a guest, or was one that has left."""
        return self.state not in (State.EMPTY, State.EXPECTED)

    @property
    def launched(self) -> bool:
        """Whether the guest has executed anything since its start."""
        state = self._before[0] if self._before else self.state
        return state not in (State.EMPTY, State.LOADED, State.EXPECTED)

    @property
    def over(self) -> bool:
        """Whether the guest cannot run on as it is."""
        return self.ended is not None and self.ended.final

    def start(self) -> None:
        """A guest is at its first instruction."""
        self._to(State.LOADED)
        self.starts += 1
        self._before.clear()
        self.ended = None

    def load(self, started: bool) -> None:
        """The state came from a stream."""
        if started:
            self._to(State.STANDING)

    def freeze(self) -> None:
        """The machine is as a snapshot."""
        self._frozen_starts = self.starts

    def reset(self, *, same: bool) -> None:
        """The machine goes back to a snapshot, whose state follows. `same`: of this guest, unless started since."""
        self._to(State.EMPTY)
        self._before.clear()
        self.ended = None
        self.paused = False
        if not same or self.starts != self._frozen_starts:
            self.starts += 1
            self.freeze()

    def launch(self) -> None:
        """The guest executes instructions."""
        if self.state is State.LOADED:
            self._to(State.STANDING)

    def run(self) -> None:
        """A run begins: an end that was not final is forgotten."""
        self.ended = None

    def end(self, reason: StopReason) -> None:
        """The guest has stopped by itself. While a handler has the machine the state follows when it returns."""
        self.ended = reason
        if reason.final and self.started and not self._before:
            self._to(State.ENDED)

    def handle(self) -> None:
        """A handler or a sink has the machine, in the middle of an instruction of its guest."""
        before = self.state
        if before is not STANDING:  # nearly every hypercall's
            self._to(HANDLING)
        self._before.append(before)
        self.state = HANDLING

    def handled(self) -> None:
        """It has returned."""
        if self.ended is None:  # likewise
            self.state = self._before.pop()
        else:
            self._back()

    def hold(self) -> None:
        """For a migration: the guest executes nothing more before it has left or stays."""
        before = self.state
        self._to(State.LEAVING)
        self._before.append(before)

    def stay(self) -> None:
        """For a migration that failed: the guest is ours to run on."""
        if self.state is State.LEAVING:
            self._back()

    def leave(self, reason: StopReason) -> None:
        """The guest may run elsewhere from now on."""
        self._to(State.LEFT)
        self._kept, self.ended = self.ended, reason

    def reclaim(self) -> None:
        """It does not, and is ours again."""
        self.ended = self._kept
        self._back()

    def expect(self) -> None:
        """A guest is to arrive."""
        self._to(State.EXPECTED)

    def close(self) -> None:
        """Memory and processors are given back."""
        self._to(State.CLOSED)
