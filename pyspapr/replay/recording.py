"""Recording what comes from the host in a run, and replaying it to the last instruction, with the host's clock as well.

What a guest sees follows from its own instructions, its input and the readings of the host's clock. Enters: a machine
that has not run yet. Leaves: a file (`recording_file.py`) from which the same run is replayed, on either engine or
in lock-step on both. Must hold: whatever the host does to the guest is done between two instructions, at a place that
is in the file, and a replay does nothing anywhere else. Host code that writes memory or registers is not recorded.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final

from pyspapr import _native
from pyspapr.config import Engine, MachineConfig
from pyspapr.errors import ConfigError, ImageError, ReplayError, StateError
from pyspapr.host.paths import Path, as_path, check_regular, open_file, shown
from pyspapr.migration.prepare import Build, M
from pyspapr.partition.owner import owner
from pyspapr.replay import recording_file
from pyspapr.replay.recording_file import CHECK, Event, Kind, Place, Reader, at
from pyspapr.results import Rebooted, Replayed, StopReason

if TYPE_CHECKING:
    from pyspapr.migration.prepare import Whole
    from pyspapr.partition import Partition

HASHED: Final = 1 << 20


def digest(path: Path | None) -> bytes:
    """SHA-256 of a file's contents; nothing for no file. Raises ImageError."""
    if path is None:
        return b""
    try:
        with open_file(path) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise ImageError(f"{shown(path)}: {error.strerror or error}") from error


def processor(vm: Partition) -> bytes:
    """A few bytes that depend on everything of the processor."""
    return vm.cpus[0].vcpu.digest()[:CHECK]


class Recording:
    """Writes a machine's run to a file; a context manager. The file is whole after `close`."""

    replaying: Final = False

    def __init__(self, vm: Partition, path: Path) -> None:
        """Begin. Raises StateError when the machine has run already, or the file cannot be written."""
        from pyspapr.migration.records import Header

        if vm.recording is not None or not vm.life.started or vm.ended is not None:
            raise StateError("a recording begins before a machine's first run, and once")
        if len(vm.cpus) > 1:
            raise StateError(f"a machine with {len(vm.cpus)} processors cannot be recorded, only one with one")
        if not vm.cpus[0].vcpu.start_clock_log(False):
            raise StateError("the guest has read the host's clock already: record before its first run")
        images = vm.images
        self._owner = owner(vm, "the recording")
        self._path = path
        try:
            self._file: BinaryIO | None = open(as_path(path), "wb", opener=private)  # noqa: SIM115
        except BaseException as error:
            vm.cpus[0].vcpu.end_clock_log()
            if isinstance(error, OSError):
                raise StateError(f"recording {shown(path)}: {error.strerror or error}") from error
            raise
        vm.recording = self
        try:
            self._write(
                recording_file.write_header(
                    {
                        "machine": Header.describe(vm.config, vm.config.table_shift, vm.config.epoch),
                        "append": "" if images is None else images.append,
                        "kernel": b"" if images is None else digest(images.kernel),
                        "initrd": b"" if images is None else digest(images.initrd),
                        "hash": vm.state_hash(),
                    }
                )
            )
        except BaseException:
            with suppress(StateError):  # of the file; what came first is raised
                self._end()
            raise

    @property
    def _vm(self) -> Partition:
        return self._owner()

    def _write(self, data: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(data)
        except OSError as error:
            self._end()
            raise StateError(f"recording {shown(self._path)}: {error.strerror or error}") from error

    def _place(self) -> dict[str, int]:
        return at(self._vm.cpus[0].vcpu.place)

    def flush(self) -> None:
        """For the run loop: readings of the clock go to the file."""
        if readings := self._vm.cpus[0].vcpu.take_clock_log():
            self._write(recording_file.write(Kind.CLOCK, readings=readings))

    def _event(self, kind: Kind, **values: object) -> None:
        self.flush()
        self._write(recording_file.write(kind, place=self._place(), **values))

    def take(self, limit: int) -> bytes:
        """For the console: input for the guest."""
        data = self._vm.console.fetch(limit)
        if data:
            self._event(Kind.HEAR if self._vm.serving else Kind.POLL, data=data)
        return data

    def going_on(self) -> bool:
        """For the machine: the stopped guest is about to run. Returns whether the clock may be read."""
        self._event(Kind.GO_ON, launched=self._vm.life.launched)
        return True

    def reset(self) -> None:
        """For the machine: somebody resets it."""
        self._event(Kind.RESET)

    def ready(self) -> None:
        """For the run loop: nothing to do."""

    def budget(self, done: int) -> int | None:
        """For the run loop: no limit."""
        return None

    def check(self) -> None:
        """For the run loop: note what the processor is like."""
        self._event(Kind.CHECK, digest=processor(self._vm))

    def exit(self, code: int) -> None:
        """For the run loop: the processor has written much."""
        self.flush()

    def returned(self, reason: StopReason) -> None:
        """For the machine: a run has ended."""
        self.flush()

    def close(self) -> None:
        """End the recording; the machine can continue. May be called again."""
        if self._file is not None:
            reason = "" if self._vm.ended is None else str(self._vm.ended)
            self._event(Kind.END, hash=self._vm.state_hash(), reason=reason[:2000])
            self._end()

    def _end(self) -> None:
        file, self._file = self._file, None
        self._vm.recording = None
        self._vm.cpus[0].vcpu.end_clock_log()
        if file is not None:
            try:
                file.close()
            except OSError as error:
                raise StateError(f"recording {shown(self._path)}: {error.strerror or error}") from error

    def after_fork(self, vm: Partition) -> None:
        """In a child of fork: `vm` is not recorded here. The parent writes the buffered data."""
        file, self._file = self._file, None
        vm.recording = None
        if isinstance(file, io.BufferedWriter):
            file.raw.close()  # first, so that nothing is left that could be flushed
        with suppress(StateError):  # the processor was in use
            vm.cpus[0].vcpu.end_clock_log()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def private(name: str, flags: int) -> int:
    """An empty regular file for its owner alone, since what is typed is in it; no link is followed. Raises OSError."""
    with suppress(FileNotFoundError):
        check_regular(os.lstat(name).st_mode)
    # Emptied only when it is known what it is.
    fd = os.open(name, flags & ~os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    try:
        check_regular(os.fstat(fd).st_mode)
        os.fchmod(fd, 0o600)
        os.ftruncate(fd, 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


class Replay:
    """Feeds a machine the recorded input and times from a file. Raises StreamError for a damaged one."""

    replaying: Final = True

    def __init__(self, vm: Partition, reader: Reader, hash: str) -> None:
        """Of `vm`, which stands where the recorded machine stood when its state hash was `hash`."""
        if vm.state_hash() != hash:
            raise ReplayError("this is not the machine that was recorded: its state hash at the beginning is another")
        if not vm.cpus[0].vcpu.start_clock_log(True):
            raise StateError("the guest has read the host's clock already")
        self._owner = owner(vm, "the replay")
        self._reader = reader
        self._next: Event | None = None
        self._over = False
        self._polled = False
        """Whether the machine should poll for input, because the recorded one found some."""
        self._passed = 0
        vm.recording = self

    @property
    def _vm(self) -> Partition:
        return self._owner()

    def diverged(self, what: str) -> ReplayError:
        """The error that says where."""
        now = self._vm.cpus[0].vcpu.instructions
        return ReplayError(
            f"the replay differs from its recording: {what}, between instructions {self._passed} and {now}",
            self._passed,
            now,
        )

    def _look(self) -> Event | None:
        """The next event, unless readings of the clock have to be used up first."""
        vcpu = self._vm.cpus[0].vcpu
        while self._next is None and not self._over:
            record = self._reader.next()
            if record is None:
                self._over = True
            elif record.kind is Kind.CLOCK:
                if not vcpu.feed_clock_log(record.values["readings"]):
                    raise self.diverged("a clock record is damaged")
                break
            else:
                self._next = record
                vcpu.stop_at(*record.place)
        return self._next

    def _done(self) -> None:
        assert self._next is not None
        self._passed, self._next = self._next.place[0], None

    def ready(self) -> None:
        """For the run loop: with virtual time this is the only call that makes the next event known."""
        if self._vm.config.clock == "virtual" and self._look() is None:
            self._vm.end(Replayed(self._vm.cpus[0].vcpu.instructions))

    def budget(self, done: int) -> int | None:
        """For the run loop: places are limits in native code."""
        return None

    def take(self, limit: int) -> bytes:
        """For the console: what the guest heard here."""
        if self._vm.serving:
            here: Place = self._vm.cpus[0].vcpu.place
            if (event := self._look()) is None or event.kind is not Kind.HEAR or event.place != here:
                return b""
            self._vm.cpus[0].vcpu.forget_place()
        elif not self._polled or (event := self._next) is None:
            return b""
        data: bytes = event.values["data"]
        if len(data) > limit:
            raise self.diverged("the guest asks for less input")
        self._done()
        return data

    def after_fork(self, vm: Partition) -> None:
        """In a child of fork: it reads on from where it was, as the parent does."""

    def going_on(self) -> bool:
        """For the machine: when the guest went on is in the file."""
        return False

    def reset(self) -> None:
        """For the machine: nothing to do."""

    def check(self) -> None:
        """For the run loop: nothing to do."""

    def exit(self, code: int) -> None:
        """For the run loop: the processor is at a recorded place, out of readings, or has diverged."""
        if code == _native.EXIT_DIVERGED:
            raise self.diverged(f"the processor has diverged ({self._vm.cpus[0].vcpu.astray})")
        if code == _native.EXIT_CLOCK_LOG:
            if self._look() is None and self._over:
                self._vm.end(Replayed(self._vm.cpus[0].vcpu.instructions))
            return
        assert self._next is not None
        event = self._next
        match event.kind:
            case Kind.HEAR:
                raise self.diverged("the guest has not asked for the input that it got")
            case Kind.POLL:
                self._polled = True
                self._vm.poll()
                self._polled = False
                if self._next is event:
                    raise self.diverged("the terminal takes no input")
                return
            case Kind.GO_ON:
                self._done()
                self._look()  # what the clock showed is in the next record
                if self._over:
                    self._vm.end(Replayed(event.place[0]))
                else:
                    self._vm.cpus[0].vcpu.go_on(event.values["launched"])
                    self._vm.life.launch()
                return
            case Kind.RESET:
                self._vm.call(self._vm.reboot)
            case Kind.CHECK:
                if processor(self._vm) != event.values["digest"]:
                    raise self.diverged("the processor's registers differ")
            case Kind.END:
                self._compare(event)
                self._vm.end(Replayed(event.place[0]))
        self._done()

    def _compare(self, event: Event) -> None:
        self._over = True
        if event.place != self._vm.cpus[0].vcpu.place or event.values["hash"] != self._vm.state_hash():
            raise self.diverged("the state hash at the end differs")

    def returned(self, reason: StopReason) -> None:
        """For the machine: a run has ended; when the guest ended it, the recorded one did."""
        if not reason.final or isinstance(reason, Rebooted | Replayed) or self._over:
            return
        while (event := self._look()) is None and not self._over:
            pass
        if event is None:
            return
        if event.kind is not Kind.END:
            raise self.diverged(f"{reason}, and the recorded guest went on")
        self._compare(event)
        self._done()


def attach(vm: Whole, path: Path) -> None:
    """Replay a recording on `vm`, which was restored from the recorded machine's starting state."""
    reader = Reader(recording_file.opened(path))
    Replay(vm.partition, reader, reader.header()["hash"])


def replay(build: Build[M], path: Path, kernel: Path, initrd: Path | None, engine: Engine | None) -> M:
    """A machine that does the recorded run; see `Machine.replay`."""
    from pyspapr import boot

    reader = Reader(recording_file.opened(path))
    header = reader.header()
    for name, image in (("kernel", kernel), ("initrd", initrd)):
        if digest(image) != header[name]:
            got = "none" if image is None else shown(image)
            raise ReplayError(f"the recorded machine booted another {name} (this one: {got})")
    try:
        config = MachineConfig(**header["machine"])
    except ConfigError as error:
        raise ReplayError(f"the recorded machine cannot be built: {error}") from error
    vm = build(config, engine=engine)
    initrd_name = None if initrd is None else os.fsdecode(initrd)
    vm.partition.boot(boot.Images(kernel=os.fsdecode(kernel), initrd=initrd_name, append=header["append"]))
    Replay(vm.partition, reader, header["hash"])
    return vm
