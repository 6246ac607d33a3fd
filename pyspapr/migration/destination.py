"""The destination of a migration: the phases of `phases.py`, top to bottom. Enters: a connection from an untrusted
source. Leaves: a machine that was built aside, checked completely, and handed over by the source's `go`; or an error,
and no machine. One thread does everything, blocking, but never longer than `patience.SILENCE` for a source that has
fallen silent, nor than `timeout`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic

from pyspapr._native import HPT_SHIFT_MIN, PAGE, Hpt, __version__
from pyspapr.config import MachineConfig, check_function, check_timeout
from pyspapr.errors import ConfigError, MigrationCancelled, MigrationError, SpaprError, StreamError
from pyspapr.host import forked
from pyspapr.log import logger
from pyspapr.migration import compatibility, frames
from pyspapr.migration.compatibility import Requirements
from pyspapr.migration.counters import Counters
from pyspapr.migration.file_transport import FileReader
from pyspapr.migration.listener import listen
from pyspapr.migration.load import Loader
from pyspapr.migration.patience import SILENCE, Patience
from pyspapr.migration.phases import Phase
from pyspapr.migration.prepare import Build, M, unchanged
from pyspapr.migration.records import Header, HptChunk, Image, RamChunk, Totals
from pyspapr.migration.statistics import MigrationStatistics, PassStatistics
from pyspapr.migration.stream import StreamEnded, StreamReader
from pyspapr.migration.transport import Transport
from pyspapr.migration.uri import Place

if TYPE_CHECKING:
    import ssl

PROGRESS_EVERY: Final = 0.1
"""Seconds between two progress frames while bytes keep coming."""
CAUGHT_UP_EVERY: Final = 0.01
"""Seconds between two of them once everything was read; the first is sent at once."""
READ_AT_ONCE: Final = 256 << 10
GO_TIMEOUT: Final = 2 * SILENCE
"""Seconds to receive all of `go`, even byte by byte."""
FAREWELL: Final = 1.0
"""Seconds that a source gets to read the reason of a failure."""

Progress = Callable[[MigrationStatistics], None]


def log_rejected(why: str) -> None:
    logger(__name__).warning("rejected a peer that is not a migration source: %s", why)


class Incoming(Generic[M]):
    """One arriving machine. `address` is where the source connects, valid once this object exists."""

    def __init__(
        self,
        build: Build[M],
        place: Place,
        *,
        config: MachineConfig | Requirements | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float | None = None,
        on_progress: Progress | None = None,
        on_rejected: Callable[[str], None] | None = None,
        prepare: Callable[[M], None] = unchanged,
    ) -> None:
        """Begin to listen. `build` makes the machine; `config` is what it must be, all of it or in part. By default any
        is accepted.

        `timeout` limits everything until the machine has arrived, in seconds from now. `prepare` gets the new machine
        before its state is loaded, to add devices and hypercalls of your own. A peer that is no source or has the
        wrong certificate is rejected and `on_rejected` is called with the reason. Raises MigrationError, and
        ConfigError for an invalid timeout.
        """
        check_timeout(timeout)
        for name, function in (("on_progress", on_progress), ("on_rejected", on_rejected), ("prepare", prepare)):
            if function is not None:
                check_function(name, function)
        if not isinstance(config, MachineConfig | Requirements | None):
            raise TypeError(f"a MachineConfig says what the machine must be, not {config!r}")
        self._wanted = Requirements.of(config) if isinstance(config, MachineConfig) else config or Requirements()
        self._build = build
        self._prepare = prepare
        self._vm: M | None = None  # built for what `hello` says
        self._progress = on_progress
        self._on_rejected = on_rejected or log_rejected
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._counters = Counters(lambda: 0)
        self._transport: Transport | None = None
        self._cancelled = threading.Event()
        self._reader: StreamReader | None = None
        self._ahead = memoryview(b"")  # read, and not yet asked for
        self._total = 0
        self._memory = 0
        self._totals = Totals()
        self._ram_bytes = 0
        self._hpt_bytes = 0
        self._image_pages = 0
        self._holes = 0  # bytes of an image that are not in the file
        self._said = 0.0
        self._told = 0
        self._error: SpaprError | None = None
        self.paused = False
        """Whether the guest was paused at the source and should stay paused."""
        self._listener = listen(place, tls=tls, deadline=self._deadline)
        self.address = self._listener.address
        self.where = self._listener.where
        forked.copied.add(self)

    def receive(self) -> M:
        """Go through the phases and return the machine. Raises MigrationError or StreamError, leaving nothing
        behind."""
        try:
            transport, hello = self._meet()
        except SpaprError as error:
            raise self._ended(error) from None
        finally:
            self._listener.close()
        try:
            self._watch_cancel()  # `cancel` may have looked for the transport just before it was there
            if hello is not None:
                self._compare(transport, hello)
            try:
                machine = self._load(transport, hello)
            except StreamEnded as error:
                raise self._left_alone(transport, error) from error
            if transport.two_way:
                self._confirm(transport)
                self._handover(transport)
            self._enter(Phase.COMPLETED)
            return machine
        except SpaprError as error:
            self._farewell(transport, error)
            raise self._ended(error) from error.__cause__
        finally:
            transport.close()
            self._total, self._reader = self._received, None  # which would call back here
            self._vm = None

    # The phases.

    def _meet(self) -> tuple[Transport, frames.Hello | None]:
        """Wait for a source; return its `hello` unless the transport is one-way."""
        transport, hello = self._listener.meet(self._on_rejected)
        self._transport = transport
        transport.patience = Patience(
            read=SILENCE if transport.two_way else None,
            write=SILENCE,
            deadline=self._deadline,
        )
        return transport, hello

    def _compare(self, transport: Transport, hello: frames.Hello) -> None:
        """Before anything of the machine is sent."""
        found = compatibility.general_differences(hello)
        if not found:
            found = compatibility.wanted_differences(hello.as_dict(), self._wanted)
        if not found:
            found = compatibility.device_differences(hello, self._built(hello).partition)
        if found:
            text = "; ".join(found)
            transport.write(frames.Refusal.of(text).encode())
            raise MigrationError(f"rejected the machine: {text}")
        transport.write(frames.Welcome(frames.agreed(hello), __version__).encode())

    def _built(self, hello: frames.Hello) -> M:
        """Build the machine that the stream fills. The header tells what `hello` does not say of it."""
        try:
            vm = self._vm = self._build(compatibility.config_of(hello), hpt=Hpt(HPT_SHIFT_MIN))
        except ConfigError as error:
            raise MigrationError(f"cannot build the machine that is to come: {error}") from error
        self._prepare(vm)
        return vm

    def _load(self, transport: Transport, hello: frames.Hello | None) -> M:
        """From the first pass to the devices: load the stream into a machine that is not visible yet."""
        self._enter(Phase.FIRST_PASS)
        reader = self._reader = StreamReader(lambda limit: self._read(transport, limit))
        loader = self._loader(transport, reader)
        self._totals = reader.totals
        while loader.end is None:
            record = reader.next()
            if isinstance(record, RamChunk):
                self._ram_bytes += reader.offset - reader.start
            elif isinstance(record, HptChunk):
                self._hpt_bytes += reader.offset - reader.start
            elif isinstance(record, Header):
                self._compare_header(record, hello)
            loader.feed(record)
            if isinstance(record, Header):
                self._memory = record.config().ram_size
            elif isinstance(record, Image):
                self._image_pages = loader.memory().touched_pages()
                self._ram_bytes += self._image_pages * PAGE
                self._holes = record.size - self._image_pages * PAGE
            self._watch_cancel()
            self._tell(transport)
        self.paused = loader.end.paused
        return loader.finish()

    def _loader(self, transport: Transport, reader: StreamReader) -> Loader[M]:
        """A file may have RAM as an image, which is mapped. Its digest is compared, as the checks of pages are."""
        if transport.two_way:
            return Loader(
                reader, self._build, prepare=self._prepare, vm=self._vm, largest_table=self._wanted.largest_table
            )
        from pyspapr.migration.files import FileLoader

        return FileLoader(
            reader,
            transport.file if isinstance(transport, FileReader) else None,
            self._build,
            vm=self._vm,
            prepare=self._prepare,
            verify=True,
            watch=lambda: self._watch_all(transport),
            largest_table=self._wanted.largest_table,
        )

    def _watch_all(self, transport: Transport) -> None:
        """While an image is read."""
        self._watch_cancel()
        transport.patience.check()

    def _read(self, transport: Transport, limit: int) -> bytes | memoryview:
        """Return received bytes, acknowledging all of them before waiting for more. Heads and checks of records are a
        few bytes each, so more than was asked for is read from the transport.
        """
        if isinstance(transport, FileReader):
            return transport.read(limit)
        if not self._ahead:
            transport.patience.check()  # never waiting for a source that sends without a pause
            if transport.two_way and transport.quiet():
                self._catch_up(transport)
            self._ahead = memoryview(transport.read(READ_AT_ONCE))
        data, self._ahead = self._ahead[:limit], self._ahead[limit:]
        return data

    def _catch_up(self, transport: Transport) -> None:
        """Acknowledge that everything was read; if that was just done, only after a moment without more data."""
        early = self._said + CAUGHT_UP_EVERY - time.monotonic()
        if early <= 0 or transport.quiet(early):
            self._tell(transport, now=True)

    def _compare_header(self, header: Header, hello: frames.Hello | None) -> None:
        """Check before anything is allocated: a source may send another machine than its `hello` described."""
        found = compatibility.wanted_differences(header.machine, self._wanted)
        if not found and hello is not None:
            found = compatibility.header_differences(header.machine, hello)
        if found:
            raise MigrationError(f"rejected the machine: {'; '.join(found)}")

    def _confirm(self, transport: Transport) -> None:
        """Every record, total and digest has been checked. The machine must not run yet."""
        if self._ahead:
            raise StreamError.of("Stream", "end", self._received, "nothing more", "more bytes")
        self._counters.enter(Phase.CONFIRM)
        transport.write(frames.Complete(self._received).encode())
        self._report()  # after it was sent: while the guest is stopped no other thread should be woken first

    def _handover(self, transport: Transport) -> None:
        """Only `go` makes the machine ours; `running` is a courtesy."""
        self._enter(Phase.HANDOVER)
        patience = transport.patience
        transport.patience = patience.replace(deadline=patience.within(GO_TIMEOUT))
        try:
            go = frames.expect(frames.read_frame(transport, "go"), frames.Go, "source")
        except SpaprError as error:
            raise MigrationError(
                f"the whole machine has arrived, but the source did not tell it to go, so it does not run here: {error}"
            ) from error
        self.paused = go.paused
        with contextlib.suppress(SpaprError):
            transport.write(frames.Running().encode())

    # Ends.

    def after_fork(self) -> None:
        """In a child of fork: the machine arrives in the parent, and the source must notice when that has gone."""
        self._cancelled = threading.Event()
        self._cancelled.set()
        self._listener.after_fork()
        if self._transport is not None:
            self._transport.after_fork()

    def cancel(self) -> None:
        """Stop listening or receiving. Any thread may call this; after the source's `go` it has no effect."""
        self._cancelled.set()
        self._listener.close()
        if (transport := self._transport) is not None:
            transport.close()

    def _watch_cancel(self) -> None:
        if self._cancelled.is_set():
            raise MigrationCancelled("the migration was cancelled on this side")

    def _ended(self, error: SpaprError) -> SpaprError:
        if self._cancelled.is_set() and not isinstance(error, MigrationCancelled):
            error = MigrationCancelled("the migration was cancelled on this side")
        self._error = error.fresh()
        self._enter(Phase.CANCELLED if isinstance(error, MigrationCancelled) else Phase.FAILED)
        if isinstance(error, MigrationError):
            error.statistics = self.statistics
        return error

    def _left_alone(self, transport: Transport, error: StreamEnded) -> SpaprError:
        """A connection that ends early is reported as a lost source, not as a damaged file."""
        if not transport.two_way:
            return error
        return MigrationError(
            f"the source went away (it ended, failed or cancelled) before its whole machine was here: {self._received} "
            f"bytes had come, and {error.wanted} of section {error.section} did not"
        )

    def _farewell(self, transport: Transport, error: SpaprError) -> None:
        """Send the reason, then keep reading for a moment: closing with unread data would discard the message."""
        if not transport.two_way or (self._counters.phase is Phase.SETUP and not isinstance(error, StreamError)):
            return
        deadline = time.monotonic() + FAREWELL
        transport.patience = Patience(deadline=deadline)
        with contextlib.suppress(SpaprError):
            transport.write(frames.Failure.of(str(error)).encode())
            while transport.read(1 << 18) and time.monotonic() < deadline:
                pass

    # Telling.

    def _enter(self, phase: Phase) -> None:
        self._counters.enter(phase)
        self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self.statistics)

    def _tell(self, transport: Transport, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._said < PROGRESS_EVERY:
            return
        self._said = time.monotonic()
        if transport.two_way and self._received != self._told:
            self._told = self._received
            transport.write(frames.Progress(self._told).encode())
        self._report()

    @property
    def _received(self) -> int:
        return self._total if self._reader is None else self._reader.offset

    @property
    def statistics(self) -> MigrationStatistics:
        """Statistics so far. Everything counts as one pass, because the stream does not mark the source's passes."""
        seconds = self._counters.statistics(phase=self._counters.phase).seconds
        sent = self._received - self._holes
        arrived = PassStatistics(
            number=1,
            ram_pages=self._totals.pages + self._image_pages,
            ram_zero_pages=self._totals.zero_pages,
            ram_bytes=self._ram_bytes,
            hpt_valid=self._totals.entries,
            hpt_invalid=self._totals.invalid_entries,
            hpt_bytes=self._hpt_bytes,
            seconds=seconds,
        )
        return self._counters.statistics(
            phase=self._counters.phase,
            sent_bytes=sent,
            rate=sent / seconds if seconds else 0.0,
            error=None if self._error is None else str(self._error),
        ).replace(passes=(arrived,) if self._totals.records else ())

    @property
    def memory(self) -> int:
        """Bytes of RAM of the arriving machine, 0 while unknown."""
        return self._memory
