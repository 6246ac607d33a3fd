"""The verbs that move a machine: into files, snapshots and recordings, to other processes, and back out of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from pyspapr.errors import StateError
from pyspapr.host.limits import host_limits
from pyspapr.migration.options import MigrationOptions, keywords_of
from pyspapr.migration.prepare import unchanged
from pyspapr.results import Migrated

if TYPE_CHECKING:  # and imported by the methods that need them: most machines never move
    import ssl

    from pyspapr.config import Engine, MachineConfig
    from pyspapr.host.paths import Path
    from pyspapr.migration.compatibility import Requirements
    from pyspapr.migration.compression import Compression
    from pyspapr.migration.destination import Incoming
    from pyspapr.migration.outgoing import Outgoing
    from pyspapr.migration.snapshot import Snapshot
    from pyspapr.migration.statistics import MigrationStatistics
    from pyspapr.partition import Partition
    from pyspapr.replay.history import History
    from pyspapr.replay.recording import Recording
    from pyspapr.results import StopReason


class Moves:
    """Half of `Machine`."""

    partition: Partition

    # Saving.

    @host_limits("save a machine")
    def save(
        self,
        path: str | os.PathLike[str],
        *,
        base: str | os.PathLike[str] | None = None,
        compression: Compression | None = None,
    ) -> None:
        """Write the machine to a file, whole or not at all. For any thread, also while the guest runs.

        With `base`, a file saved before, only pages that differ from it are written, and a restore needs both.
        `compression` (`"zstd"`, `"lz4"`) makes a smaller file that has to be read, not mapped. Raises StateError when
        the file cannot be written (an older one stays as it was) or the guest was migrated away.
        """
        from pyspapr.migration import files

        self.partition.call(lambda: files.save_file(self.partition, path, base, compression))

    @classmethod
    @host_limits("restore a machine")
    def restore(
        cls,
        path: str | os.PathLike[str],
        *,
        base: str | os.PathLike[str] | None = None,
        verify: bool = False,
        prepare: Callable[[Self], None] = unchanged,
    ) -> Self:
        """Restore the machine of a file. Raises StreamError, and ImageError when the file cannot be read.

        An uncompressed file is mapped, so the machine starts at once, and must not change while the machine lives;
        `verify` reads all of it first and compares its digest. `prepare` gets the new machine, once, before its state
        is loaded, to add devices and hypercalls of your own: none comes from the file.
        """
        from pyspapr.migration import files

        return files.restore_file(cls, path, base=base, verify=verify, prepare=prepare)

    @host_limits("freeze a machine")
    def snapshot(self, prepare: Callable[[Self], None] = unchanged) -> Snapshot[Self]:
        """The machine as it stands, in memory; `snapshot.fork()` makes machines from it. For any thread.

        `prepare` gives each its devices and hypercalls of your own, as in `restore`: this machine's are its alone.
        Raises StateError when the guest was migrated away.
        """
        from pyspapr.migration.snapshot import take

        return self.partition.call(lambda: take(type(self), self.partition, prepare))

    @classmethod
    def from_snapshot(cls, taken: Snapshot[Self]) -> Self:
        """As `taken.fork()`."""
        return taken.fork()

    def fork(self, prepare: Callable[[Self], None] = unchanged, *, engine: Engine | None = None) -> Self:
        """A copy of this machine, as `snapshot(prepare).fork(engine)`. For any thread.

        Forks of a machine that does not run meanwhile cost one snapshot together.
        """
        return self.snapshot(prepare).fork(engine)

    @host_limits("put a machine back")
    def reset_to(self, snapshot: Snapshot[Any]) -> None:
        """Put this machine back to the state of `snapshot`, by undoing what has changed since then.

        It costs what has changed, if the machine is a fork of that snapshot or was frozen as it last, and otherwise the
        mapping of the snapshot's memory. What belongs to this machine stays: handlers, devices, watched ranges, console
        sinks and source, the kernel that `reboot` loads; the console's history begins anew. Raises ConfigError for a
        snapshot of a machine of another configuration, and StateError in a handler, while another thread runs the
        machine, and while it is migrated or recorded.
        """
        from pyspapr.migration.snapshot import Snapshot

        if not isinstance(snapshot, Snapshot):
            raise TypeError(f"a machine is put back to a Snapshot, not to {snapshot!r:.80}")
        self.partition.call(lambda: snapshot.reset(self.partition))

    @host_limits("dump a machine")
    def dump(self, path: str | os.PathLike[str]) -> None:
        """Write a memory dump for kernel debuggers (drgn, gdb, crash): an ELF core, whole or not at all.

        It has RAM, with holes for pages of zeroes, the registers of every processor, the kernel's VMCOREINFO, and the
        addresses at which the kernel has mapped RAM. For any thread, also while the guest runs. Raises StateError when
        the file cannot be written; an older one stays as it was then.
        """
        from pyspapr.debug import core
        from pyspapr.debug.debugger import Debugger
        from pyspapr.migration.replacement import replacing

        def write() -> None:
            with replacing(path) as replacement:
                core.write(Debugger(self.partition), replacement.file)

        self.partition.call(write)

    # Migrating.

    @property
    def migration(self) -> Outgoing | None:
        """The outgoing migration in progress, or the last one."""
        from pyspapr.migration.outgoing import Outgoing

        found = self.partition.migration
        assert found is None or isinstance(found, Outgoing)
        return found

    @property
    def migrating(self) -> Outgoing | None:
        """The outgoing migration in progress."""
        return self.migration if self.partition.migrating is not None else None

    @keywords_of(MigrationOptions)
    @host_limits("migrate a machine", threads=True)
    def start_migration(self, place: object, **options: Any) -> Outgoing:
        """Begin to migrate; the thread that is in `run`, or the next that is, carries it out beside the guest.

        `place` is an address (`migration.uri` lists the kinds) or an object with `read` and `write`; the keywords are
        `MigrationOptions`. Returns once the destination has agreed to take such a machine. Raises MigrationError when
        it does not, and StateError when there is nothing to migrate.
        """
        from pyspapr.migration import drive

        return drive.begin(self.partition, place, MigrationOptions(**options))

    @keywords_of(MigrationOptions)
    @host_limits("migrate a machine", threads=True)
    def migrate(self, place: object, **options: Any) -> MigrationStatistics:
        """Migrate, with the guest running meanwhile: here, or in the thread that is in `run`. See `start_migration`.

        Raises MigrationError when it did not happen (the guest can be run on), MigrationCancelled, and
        MigrationUnconfirmed when it is not known where the guest runs.
        """
        from pyspapr.migration import drive

        if self.partition.inside:
            raise StateError("this thread runs the machine and cannot wait for it to migrate: call start_migration()")
        return drive.drive(self.partition, self.start_migration(place, **options))

    @classmethod
    @host_limits("take in a machine", threads=True)
    def listen(
        cls,
        place: object,
        *,
        config: MachineConfig | Requirements | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float | None = None,
        on_progress: Callable[[MigrationStatistics], None] | None = None,
        on_rejected: Callable[[str], None] | None = None,
        prepare: Callable[[Self], None] = unchanged,
    ) -> Incoming[Self]:
        """Begin to wait for a machine at `place`: `address` of what is returned is where its source connects to, and
        `receive()` returns the machine. The keywords are those of `incoming`."""
        from pyspapr.migration import destination

        return destination.Incoming(
            cls,
            place,
            config=config,
            tls=tls,
            timeout=timeout,
            on_progress=on_progress,
            on_rejected=on_rejected,
            prepare=prepare,
        )

    @classmethod
    @host_limits("take in a machine", threads=True)
    def incoming(
        cls,
        place: object,
        *,
        config: MachineConfig | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float | None = None,
        on_progress: Callable[[MigrationStatistics], None] | None = None,
        on_rejected: Callable[[str], None] | None = None,
        prepare: Callable[[Self], None] = unchanged,
    ) -> Self:
        """Wait for a machine to come to `place`, and return it; `run` goes on where its source stopped.

        `config` is what the machine must be, by default any is welcome. `timeout` bounds everything until the machine
        is here, in seconds; `on_rejected` is called with the reason when a peer is rejected. Raises MigrationError or
        StreamError, with nothing left behind, and ConfigError for an invalid timeout. (`listen` does the same
        in two steps, for those who want to know the port before.)
        """
        return cls.listen(
            place,
            config=config,
            tls=tls,
            timeout=timeout,
            on_progress=on_progress,
            on_rejected=on_rejected,
            prepare=prepare,
        ).receive()

    def reclaim(self) -> None:
        """Take back the right to run a guest that was migrated away.

        Call this only if certainly no other side runs it: after MigrationUnconfirmed, when the destination has said
        so, or after a migration into a file. Raises StateError when the guest was not migrated.
        """
        if not isinstance(self.partition.ended, Migrated):
            raise StateError("the guest was not migrated away")
        self.partition.life.reclaim()
        if (last := self.partition.migration) is not None and not last.was_paused:
            self.partition.call(self.partition.resume)

    # Going back.

    def keep_history(self, *, every: int | None = None, memory: str | int | None = None) -> History:
        """Keep the past from now on, so that `goto` can go back to any instruction in it.

        `every` is the number of instructions between two checkpoints, by default 2**24; they take at most `memory`, by
        default 2G, and where that is not enough the recent past keeps the most of them. It needs virtual time. Raises
        StateError.
        """
        from pyspapr.replay.history import EVERY, MEMORY, History

        def begin() -> History:
            return History(
                self.partition, every=EVERY if every is None else every, memory=MEMORY if memory is None else memory
            )

        return self.partition.call(begin)

    @property
    def history(self) -> History:
        """The past that is kept. Raises StateError if none is."""
        from pyspapr.replay.history import History

        if not isinstance(found := self.partition.recording, History):
            raise StateError("this machine keeps no history: call keep_history() first")
        return found

    def goto(self, instructions: int) -> StopReason:
        """Be the machine that it was after so many instructions, or execute up to there; needs `keep_history`.

        From the past the machine runs forward as it did, with the input that it got, until it is where it came from;
        then it goes on. Whoever changes registers or memory in the past says so by `history.changed()`, which drops the
        future. The console's history goes back as well, but sinks get nothing twice, and what waits to be read waits.
        Returns why it stopped, as `run`. Raises StateError for an instruction that the history does not have.
        """
        history = self.history
        return self.partition.call(lambda: history.goto(instructions))

    def rewind_to_last_write(self, address: int, length: int = 1, *, real: bool = False) -> int | None:
        """Go back to the last instruction that wrote one of `length` bytes at `address`: the machine stands before it.

        It is an effective address, or a `real` one. What devices and hypercalls write does not count. Returns the
        instruction count, or None if there was no write since the history began; then the machine stays where it is.
        """
        history = self.history
        return self.partition.call(lambda: history.last_write(address, length, real=real))

    # Recording.

    def record(self, path: Path) -> Recording:
        """Record what the host decides from now on: its clock, input, resets. A context manager.

        The machine must not have run yet. `Machine.replay` makes the same run again. Raises StateError.
        """
        from pyspapr.replay.recording import Recording

        return Recording(self.partition, path)

    @classmethod
    def replay(
        cls,
        path: Path,
        *,
        kernel: Path,
        initrd: Path | None = None,
        engine: Engine | None = None,
    ) -> Self:
        """A machine whose `run` does the recorded run again, on either engine, and ends with `Replayed`.

        `kernel` and `initrd` are the files that were booted. Raises ReplayError for others, and from `run` when the
        guest does anything else, saying where; StreamError for a damaged file. For a machine that was restored
        before it was recorded, restore it again and call `recording.attach`.
        """
        from pyspapr.replay.recording import replay

        return replay(cls, path, kernel, initrd, engine)
