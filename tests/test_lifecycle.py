"""How a machine stands: the steps that there are, and that there are no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from images import BASE, POWER_OFF, hypercall, started

from pyspapr import Machine, Migrated, PoweredOff, StateError
from pyspapr.partition.lifecycle import NEXT, Lifecycle, State
from pyspapr.results import Hung


def test_the_table_knows_every_state() -> None:
    assert set(NEXT) == set(State)
    reached = set().union(*NEXT.values()) | {State.EMPTY}
    assert reached == set(State)
    assert NEXT[State.CLOSED] == frozenset()


def test_a_machine_goes_from_state_to_state(vm: Machine, tmp_path: Path) -> None:
    life, seen = vm.partition.life, []

    @vm.hypercall(0xF100, "H_LOOK")
    def look(partition: object, cpu: object) -> int:
        seen.append(life.state)
        return 0

    seen.append(life.state)
    started(vm, *hypercall(0xF100), *POWER_OFF)
    seen.append(life.state)
    vm.run(max_instructions=len(hypercall(0xF100)), timeout=20)
    seen.append(life.state)
    vm.pause()
    vm.migrate(f"file:{tmp_path / 'away'}", on_progress=lambda _: seen.append(life.state))
    seen.append(life.state)
    vm.reclaim()
    seen.append(life.state)
    vm.resume()
    assert vm.run(timeout=20) == PoweredOff()
    seen.append(life.state)
    vm.start(pc=BASE)
    seen.append(life.state)
    vm.close()
    seen.append(life.state)
    names = [state.name for state in dict.fromkeys(seen)]
    assert names == ["EMPTY", "LOADED", "HANDLING", "STANDING", "LEAVING", "LEFT", "ENDED", "CLOSED"]
    assert [state.name for state in seen[-4:]] == ["STANDING", "ENDED", "LOADED", "CLOSED"]


def test_a_step_that_is_not_in_the_table_is_refused() -> None:
    life = Lifecycle()
    with pytest.raises(StateError, match="the machine has nothing to run: it cannot become one that was migrated away"):
        life.leave(Migrated())
    life.expect()
    with pytest.raises(StateError, match="waits for a guest to arrive"):
        life.start()


def test_an_end_within_a_handler_counts_when_it_has_returned_and_one_that_is_not_final_is_forgotten() -> None:
    life = Lifecycle()
    life.start()
    life.launch()
    life.handle()
    life.end(PoweredOff())
    assert life.state is State.HANDLING and life.over
    life.handled()
    assert life.state is State.ENDED
    life.start()
    life.launch()
    life.end(Hung(0, "it does"))
    assert life.state is State.STANDING and not life.over
    life.run()
    assert life.ended is None


def test_a_guest_that_stays_is_what_it_was_before() -> None:
    life = Lifecycle()
    life.start()
    life.hold()
    life.stay()
    assert life.state is State.LOADED and not life.launched
    life.hold()
    life.leave(Migrated())
    assert life.ended == Migrated() and life.started
    life.reclaim()
    assert life.state is State.LOADED and life.ended is None
