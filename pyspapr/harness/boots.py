"""Machines that are booted once and forked for each test.

Enters: recipes. Leaves: booted machines, of which each test gets a fork: made here, taken from the store of an earlier
run, or of another process that booted the same at the same time. Must hold: a fork is the same machine to the last
bit whichever way its parent came.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pyspapr import Hung, Machine, Panicked
from pyspapr.errors import GuestFailure, ImageError, SpaprError, StateError, StreamError
from pyspapr.harness.facts import Section, facts
from pyspapr.log import logger

if TYPE_CHECKING:
    from pyspapr.config import Engine
    from pyspapr.harness.recipe import Recipe
    from pyspapr.harness.store import Store
    from pyspapr.migration.snapshot import Snapshot

CONSOLE_MAX: Final = 1 << 20
"""Bytes of what a machine printed while it booted."""


class BootError(SpaprError):
    """A machine did not boot; `sections` describe it as it stood then."""

    def __init__(self, message: str, sections: list[Section] | None = None) -> None:
        """Keep the description beside the message."""
        super().__init__(message)
        self.sections = sections or []

    def __reduce__(self) -> tuple[type[BootError], tuple[object, ...]]:
        """For copies and pickles."""
        return type(self), (str(self), self.sections)


class Booted:
    """A machine that stands where its tests begin."""

    def __init__(self, recipe: Recipe, vm: Machine, console: bytes) -> None:
        """`console` is what it printed."""
        self.recipe = recipe
        self.vm = vm
        self.console = console
        self.snapshot: Snapshot[Machine] = vm.snapshot(lambda fork: prepare(fork, recipe))
        self.last_record = -1
        """The last record in the kernel's log: what comes later is a test's."""
        with suppress(SpaprError):
            self.last_record = max((record.sequence for record in vm.log.records), default=-1)
            _ = vm.debug.facts
        self._lock = threading.Lock()

    def fork(self, engine: Engine | None = None) -> Machine:
        """A machine for one test. What is known of the kernel's names is not read again."""
        fork = self.snapshot.fork(engine)
        fork.debug.adopt(self.vm.debug)
        return fork

    def names(self, fork: Machine) -> None:
        """Read the kernel's names, once for all forks, before they are needed for one."""
        with self._lock, suppress(ImageError):
            _ = self.vm.debug.symbols
        fork.debug.adopt(self.vm.debug)

    def failures(self, fork: Machine) -> list[GuestFailure]:
        """What went wrong in a fork: how its guest ended, or what its kernel has reported since it was forked."""
        from pyspapr.debug.failures import ending, failures

        if isinstance(fork.ended, Panicked | Hung):
            self.names(fork)
        found = [] if (end := ending(fork.debug)) is None else [end]
        try:
            records = fork.log.records
        except StateError:  # no Linux
            return found
        reported = failures(record for record in records if record.sequence > self.last_record)
        return found + [one for one in reported if all(one.text != other.text for other in found)]


def prepare(vm: Machine, recipe: Recipe) -> None:
    """What no stream says of a machine: what its guest's `reboot` loads."""
    vm.reboot_with(recipe.kernel, initrd=recipe.initrd, append=recipe.append)


def boot(recipe: Recipe, engine: Engine | None) -> Machine:
    """Boot. Raises BootError with the facts if the guest does not come to its prompt or its shell."""
    vm = Machine(recipe.config, engine=engine)
    vm.load_kernel(recipe.kernel, initrd=recipe.initrd, append=recipe.append)
    try:
        if recipe.prompt is None:
            vm.shell("true", ready_timeout=recipe.boot_timeout)
        else:
            vm.expect(recipe.prompt, timeout=recipe.boot_timeout)
    except SpaprError as error:
        waited = "a shell" if recipe.prompt is None else repr(recipe.prompt)
        sections = facts(vm)
        raise BootError(f"the guest did not boot as far as {waited}: {error}", sections) from error
    return vm


class Boots:
    """All boots of a run. For any thread."""

    def __init__(self, store: Store | None) -> None:
        """`store` keeps them for later runs."""
        self._store = store
        self._lock = threading.Lock()
        self._made: dict[str, Booted | BootError] = {}

    def booted(self, recipe: Recipe, engine: Engine | None = None) -> Booted:
        """The machine of a recipe. Raises BootError, also each time it is asked for again."""
        with self._lock:
            key = recipe.key()
            if (found := self._made.get(key)) is None:
                try:
                    found = self._stored(key, recipe, engine)
                except BootError as error:
                    found = error.fresh()
                self._made[key] = found
        if isinstance(found, BootError):
            raise found.fresh()
        return found

    def _stored(self, key: str, recipe: Recipe, engine: Engine | None) -> Booted:
        if (store := self._store) is None:
            vm = boot(recipe, engine)
            return Booted(recipe, vm, vm.console.raw)
        with store.locked(key):
            if (found := self._found(store, key, recipe)) is not None:
                return found
            vm = boot(recipe, engine)
            console = vm.console.raw[-CONSOLE_MAX:]
            try:
                store.add(key, console, vm.save)
            except (SpaprError, OSError) as error:
                logger("pyspapr.harness").warning("the booted machine is not kept for later runs: %s", error)
        return Booted(recipe, vm, console)

    def _found(self, store: Store, key: str, recipe: Recipe) -> Booted | None:
        """What an earlier run has left; None, and nothing, if that is damaged."""
        path = store.path(key)
        if not path.exists():
            return None
        try:
            console = store.printed(key)
            vm = Machine.restore(path, prepare=lambda vm: prepare(vm, recipe))
        except (ImageError, StreamError, OSError) as error:
            logger("pyspapr.harness").warning("%s is damaged, so the guest is booted again: %s", path, error)
            store.remove(key)
            return None
        store.used(key)
        return Booted(recipe, vm, console)
