"""The machine's console, host side: what the guest printed, what it will read, and the listeners. Output is buffered
in native code while the guest runs (`crates/partition/src/terminal.rs`) and comes here in pieces of at most 4 KiB, at
the latest when the run loop polls its inputs. A run that waits for a text still ends at the hypercall that completes
it.

Input comes from `write` (any thread) and from at most one `InputSource` that is asked without blocking whenever the
guest asks. Output goes to a bounded history and to sinks. An invalid source or sink is rejected when it is set.
Neither side can make the other grow without bound: the history drops its oldest bytes, and a source is read 16 bytes
at a time as the guest consumes them.
"""

from __future__ import annotations

import codecs
import os
import re
import select
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self, SupportsIndex

from pyspapr.config import check_function
from pyspapr.errors import ExpectError, StateError
from pyspapr.partition.owner import owner
from pyspapr.results import Matched, StopReason
from pyspapr.vmstate.schema import Field, VMState
from pyspapr.vmstate.types import VarBytes

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from pyspapr.partition.wanted import Wanted

    class Reader(Protocol):
        """The machine, as far as its console uses it."""

        @property
        def recording(self) -> Any:
            """The recording or replay that hears or says what is typed, or None."""
            ...

        @property
        def nanos(self) -> int:
            """The guest's time."""
            ...

        def kick(self) -> None:
            """Look at the input soon."""
            ...

        def run(
            self,
            *,
            timeout: float | None = None,
            guest_timeout: float | None = None,
            until: Wanted | Sequence[Wanted] | None = None,
        ) -> StopReason:
            """Run until one of several texts is there."""
            ...


H_GET_TERM_CHAR: Final = 0x54
H_PUT_TERM_CHAR: Final = 0x58
"""Numbers of the terminal's hypercalls, which native code answers too: `crates/partition/src/terminal.rs`."""

LONGEST_MATCH: Final = 4096
"""Longest text that a pattern may match, in bytes."""
BACKLOG_LIMIT: Final = 16 << 20
"""Typed bytes that a saved machine may hold."""

LAST_TEXT: Final = 4096
"""Bytes at the end of the console from which an `ExpectError` takes its lines."""

Sink = Callable[[bytes], None]


class InputSource(Protocol):
    """Bytes for the guest."""

    def take(self, limit: int) -> bytes:
        """Up to `limit` available bytes; empty when there are none."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether no byte will ever come again."""
        ...


class Sinks(list[Sink]):
    """Functions that are called with the guest's output, in order."""

    def append(self, sink: Sink) -> None:
        """Add a sink. Raises TypeError if it is not callable, and ValueError if it was added before."""
        self.insert(len(self), sink)

    def insert(self, index: SupportsIndex, sink: Sink) -> None:
        """As `append`, before the one at `index`."""
        check_function("a sink", sink)
        if sink in self:
            raise ValueError(f"{sink!r} is a sink of this console already: it would get everything twice")
        super().insert(index, sink)

    def extend(self, sinks: Iterable[Sink]) -> None:
        """Append each."""
        for sink in sinks:
            self.append(sink)

    def __iadd__(self, sinks: Iterable[Sink]) -> Self:  # type: ignore[override,misc]
        """As `extend`."""
        self.extend(sinks)
        return self


class FileInput:
    """Input from a file descriptor: a regular file, a pipe or a terminal.

    A regular file is always ready, so a guest that reads it runs the same way every time. A pipe gives what its writer
    has written by the time the guest asks.
    """

    def __init__(self, fd: int) -> None:
        """Read from `fd`, which stays the caller's."""
        self._fd = fd
        self._end = False
        try:
            self.repeatable = stat.S_ISREG(os.fstat(fd).st_mode)
            """Whether every run reads the same bytes at the same position."""
        except OSError:  # there is no input
            self.repeatable = True

    @property
    def exhausted(self) -> bool:
        """Whether the end of the file was seen."""
        return self._end

    def take(self, limit: int) -> bytes:
        """What is there now."""
        if self._end or not select.select([self._fd], [], [], 0)[0]:
            return b""
        try:
            data = os.read(self._fd, limit)
        except OSError:
            data = b""
        self._end = not data
        return data


def typed(text: str | Buffer) -> bytes:
    """Input as bytes. Raises TypeError unless it is text or bytes."""
    if isinstance(text, str):
        return text.encode()
    try:
        return bytes(memoryview(text))
    except TypeError:
        raise TypeError(f"text or bytes are typed, not {type(text).__name__}") from None


def _end_of_match(pattern: re.Pattern[Any], data: bytes) -> tuple[int, re.Match[Any]] | None:
    """Where in `data` the first match of `pattern` ends. A pattern over text sees whole characters."""
    found: re.Match[Any] | None
    if isinstance(pattern.pattern, bytes):
        found = pattern.search(data)
        return None if found is None else (found.end(), found)
    text, _ = codecs.utf_8_decode(data, "surrogateescape", False)  # which can be undone, so that bytes can be counted
    found = pattern.search(text)
    return None if found is None else (len(text[: found.end()].encode(errors="surrogateescape")), found)


class Found(str):
    """What `expect` found: the console's text from the last match up to its end.

    `which` is the number of the alternative that it was, and `groups` what the groups of its pattern have.
    """

    which: int
    groups: tuple[str | bytes | None, ...]

    @classmethod
    def of(cls, matched: Matched) -> Found:
        """The same as a text."""
        found = cls(matched.text)
        found.which, found.groups = matched.index, matched.groups
        return found


class Console:
    """One console. Text is decoded as UTF-8, with replacement characters for what is not.

    Only the typed bytes that the guest has not read are saved with the machine, because they affect its future.
    """

    rows: ClassVar[dict[str, Any]] = {}
    """No hypercalls: those of the terminal are its device's."""

    VMSTATE: ClassVar[VMState] = VMState(
        "console",
        version=1,
        hashed=False,  # the guest has not seen it
        fields=(
            Field(
                "input",
                VarBytes(BACKLOG_LIMIT),
                get=lambda console: bytes(console._input),
                set=lambda console, data: console._input.__setitem__(slice(None), data),
            ),
        ),
    )

    def __init__(self, machine: Reader, history: int) -> None:
        """Keep at most `history` bytes of output."""
        self._owner = owner(machine, "the console")
        self.limit = history
        """Bytes of output that are kept, at most."""
        self._history = bytearray()
        self._start = 0  # bytes forgotten so far
        self._read = 0  # position of read()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # of read()
        self._matched = 0  # position after the last match
        self._sought: tuple[re.Pattern[Any], ...] = ()  # what match() was last asked for
        self._scanned = 0  # position up to which it has looked for that
        self._lock = threading.Lock()
        self._input = bytearray()
        self.heard = 0
        """Bytes that the guest has taken."""
        self.drained = threading.Event()
        """Set when the guest has read typed input."""
        self._source: InputSource | None = None
        self.keeps_open = 0
        self.shown = 0
        """Bytes of output that sinks have had already, if the machine has gone back in time."""
        self._known: tuple[bytes, int] | None = None  # the history up to there, and where it begins
        self.sinks = Sinks()

    def after_fork(self) -> None:
        """In a child of fork: a lock that another thread held would never be released."""
        drained = self.drained.is_set()
        self._lock = threading.Lock()
        self.drained = threading.Event()
        if drained:
            self.drained.set()

    def forget(self) -> None:
        """For a machine that goes back to a snapshot: forget what was printed and typed. Source and sinks stay."""
        with self._lock:
            self._history.clear()
            self._start = self._read = self._matched = self._scanned = 0
            self._decoder.reset()
            self._sought = ()
            self._input.clear()
            self.heard = 0

    def rewind(self, total: int, heard: int, put_back: Callable[[], object]) -> None:
        """For a machine that goes back in time by `put_back`, to where it had printed `total` bytes and heard `heard`.

        Sinks do not get again what they have had, nor do `read` and matches, and what waits to be read goes on waiting.
        """
        with self._lock:
            history, start, typed = bytes(self._history), self._start, bytes(self._input)
            read, matched = self._read, self._matched
        put_back()
        with self._lock:
            if self._known is None or start + len(history) > self.shown:
                self._known, self.shown = (history, start), start + len(history)
            history, start = self._known
            self._history[:] = history[: max(total - start, 0)]
            self._start = min(start, total)
            self._read, self._matched = read, matched
            self._sought = ()
            self._input[:] = typed
            self.heard = heard

    def branch(self) -> None:
        """For a machine that has gone back in time: what it prints from now on is new."""
        with self._lock:
            self.shown, self._known, self._sought = 0, None, ()
            self._read, self._matched = min(self._read, self.total), min(self._matched, self.total)

    # Output.

    def emit(self, data: bytes) -> None:
        """Bytes from the guest."""
        with self._lock:
            seen = min(max(self.shown - self.total, 0), len(data))
            self._history += data
            excess = len(self._history) - self.limit
            # Dropping old output in large steps keeps the cost of a flood linear.
            if excess > self.limit // 4:
                del self._history[:excess]
                self._start += excess
        if seen and not (data := data[seen:]):
            return
        for sink in self.sinks:
            sink(data)

    def _since(self, position: int) -> bytes:
        with self._lock:
            return bytes(self._history[max(position - self._start, 0) :])

    def since(self, position: int, limit: int) -> tuple[bytes, int]:
        """At most `limit` bytes from `position`, or from the oldest byte of the history; and the position behind
        them."""
        with self._lock:
            begin = max(position - self._start, 0)
            data = bytes(self._history[begin : begin + limit])
            return data, self._start + begin + len(data)

    def before(self, length: int) -> bytes:
        """At most the last `length` bytes since the last match."""
        return self._since(max(self._matched, self.total - length))

    @property
    def total(self) -> int:
        """Bytes that the guest has printed, dropped ones included."""
        return self._start + len(self._history)

    @property
    def raw(self) -> bytes:
        """The history as bytes."""
        return self._since(self._start)

    @property
    def output(self) -> str:
        """The history as text."""
        return self.raw.decode(errors="replace")

    def read(self) -> str:
        """The output since the last `read`. An incomplete character is returned with its remaining bytes later."""
        with self._lock:
            data = bytes(self._history[max(self._read - self._start, 0) :])
            self._read = self._start + len(self._history)
        return self._decoder.decode(data)

    def match(self, pattern: re.Pattern[Any]) -> str | None:
        """The text from the last match through the first match of `pattern`, or None; the match is consumed."""
        matched = self.match_any((pattern,))
        return None if matched is None else matched.text

    def match_any(self, patterns: tuple[re.Pattern[Any], ...]) -> Matched | None:
        """As `match`, with several patterns: the match that ends first, and of these that of the first pattern.

        If the patterns are the same as before, only new output is searched, with an overlap of `LONGEST_MATCH` bytes.
        """
        if patterns != self._sought:
            self._sought, self._scanned = patterns, 0
        first = max(self._matched, self._scanned - LONGEST_MATCH, self._start)
        new = self._since(first)
        best: tuple[int, int, re.Match[Any]] | None = None
        for index, pattern in enumerate(patterns):
            if (found := _end_of_match(pattern, new)) is not None and (best is None or found[0] < best[0]):
                best = (found[0], index, found[1])
        self._scanned = first + len(new)
        if best is None:
            return None
        length, index, match = best
        data, _ = self.since(self._matched, first + length - max(self._matched, self._start))
        self._matched = first + length
        return Matched(data.decode(errors="replace"), index, match.groups())

    # Input.

    @property
    def source(self) -> InputSource | None:
        """The source of input beside typed bytes, or None. Raises TypeError unless it is an `InputSource`."""
        return self._source

    @source.setter
    def source(self, source: InputSource | None) -> None:
        if source is not None and not (callable(getattr(source, "take", None)) and hasattr(source, "exhausted")):
            raise TypeError(f"a source of input has take() and exhausted, and {source!r} has not")
        self._source = source
        with suppress(StateError):  # the machine is gone
            self._owner().kick()  # its processor may count on there being no input

    def write(self, text: str | Buffer) -> None:
        """Type `text`, or bytes as they are. May be called from any thread, also while the guest runs."""
        machine = self._owner()
        data = typed(text)
        with self._lock:
            self._input += data
            self.drained.clear()
        machine.kick()

    def take(self, limit: int) -> bytes:
        """Up to `limit` bytes of input for the guest. A recording stores them, a replay supplies them."""
        recording = self._owner().recording
        data = self.fetch(limit) if recording is None else recording.take(limit)
        self.heard += len(data)
        return data

    def fetch(self, limit: int) -> bytes:
        """Up to `limit` bytes of input: typed ones first, then the source's.

        Raises TypeError when the source gives anything else.
        """
        with self._lock:
            data = bytes(self._input[:limit])
            del self._input[:limit]
        if data:
            self.drained.set()
        if not data and self._source is not None:
            data = self._source.take(limit)
            if not (isinstance(data, bytes) and len(data) <= limit):
                raise TypeError(f"{self._source!r} gave {data!r}, expected at most {limit} bytes")
        return data

    @property
    def backlog(self) -> int:
        """Typed bytes that the guest has not read yet."""
        return len(self._input)

    @property
    def silent(self) -> bool:
        """Whether there will be no input until `write` is called or the source changes."""
        if (recording := self._owner().recording) is not None and recording.replaying:
            return False
        return not self._input and (self._source is None or self._source.exhausted)

    @property
    def may_wake(self) -> bool:
        """Whether the source can still deliver input while the guest sleeps."""
        return bool(self._input) or self.keeps_open > 0 or (self._source is not None and not self._source.exhausted)

    @property
    def polled(self) -> bool:
        """Whether input may arrive without notice, and not at the same point of each run."""
        return self._source is not None and not (self._source.exhausted or getattr(self._source, "repeatable", False))

    def expect(
        self, wanted: Wanted | Sequence[Wanted], *, timeout: float | None = None, host_timeout: float | None = None
    ) -> Found:
        """Run the guest until `wanted` appears and return the text up to its end, from the last match on.

        `wanted` is plain text or bytes, or a compiled regular expression over either, or a list of several; `which` of
        what is returned is the number of the one that appeared. `timeout` is in seconds of the guest's time, so with
        virtual time a run ends the same way on every host; `host_timeout` is in seconds of the host's.

        Output that is there already is matched before anything runs, also when the guest has ended. Raises
        ExpectError, which says why, when the run ends otherwise (ExpectTimeout, a TimeoutError, after either time),
        and StateError when there is nothing to run.
        """
        from pyspapr.partition.wanted import alternatives

        __tracebackhide__ = True  # a test's report ends with the test
        if wanted is None:
            raise TypeError("text, bytes or a compiled pattern is waited for, not None")
        machine = self._owner()
        start = machine.nanos
        reason = machine.run(until=wanted, guest_timeout=timeout, timeout=host_timeout)
        if isinstance(reason, Matched):
            return Found.of(reason)
        several = alternatives(wanted)
        names = tuple(one.pattern if isinstance(one, re.Pattern) else one for one in several)
        text = self._since(self.total - LAST_TEXT).decode(errors="replace")
        seconds = (machine.nanos - start) / 1e9
        raise ExpectError.of(names if len(names) > 1 else names[0], reason, seconds, text)

    def send(self, line: str | Buffer) -> None:
        """As `write`, with a newline behind it."""
        self.write(typed(line) + b"\n")
