"""The sanitizer of the hash page table: what it finds, and that it finds nothing in a kernel that does well."""

from __future__ import annotations

import pytest
from images import POWER_OFF, hypercall, li, started

from pyspapr import Machine, PoweredOff
from pyspapr.config import ENGINES
from pyspapr.hooks.sanitizer import H_AVPN, Finding

V, R = 0x1001, 0x5190
BOLTED = 0x10


def enter(group: int = 0, v: int = V, r: int = R) -> list[int]:
    return [*hypercall(0x08, 0, group)[:-1], *li(6, v), *li(7, r), 0x44000022]


def remove(ptex: int, flags: list[int], avpn: int = 0) -> list[int]:
    return [*li(3, 0x04), *flags, *li(5, ptex), *li(6, avpn), 0x44000022]


BY_PLACE = li(4, 0)
BY_PAGE = [*li(4, H_AVPN >> 1), 0x7C842214]  # add r4,r4,r4
UNLESS_BOLTED = li(4, 1 << 30)


def kinds(vm: Machine, *words: int) -> list[str]:
    with vm.sanitize() as sanitizer:
        assert started(vm, *words, *POWER_OFF).run(timeout=20) == PoweredOff()
    assert len(vm.hooks) == 0
    return [finding.kind for finding in sanitizer.findings]


def test_two_entries_of_a_page_are_found_in_either_group(vm: Machine) -> None:
    other = (~0 % (vm.hpt.slots // 8)) * 8
    assert kinds(vm, *enter()) == []
    assert kinds(vm, *enter(), *enter()) == ["duplicate"]
    assert kinds(vm, *enter(), *enter(other, V | 2)) == ["duplicate"]
    assert kinds(vm, *enter(), *enter(v=V | 0x80)) == []
    assert kinds(vm, *enter(), *remove(0, BY_PLACE), *enter()) == []


def test_a_bolted_entry_is_not_evicted_and_not_overwritten(vm: Machine) -> None:
    assert kinds(vm, *enter(v=V | BOLTED), *remove(0, UNLESS_BOLTED, BOLTED)) == []
    assert kinds(vm, *enter(v=V | BOLTED), *remove(0, BY_PAGE, V & ~0x7F)) == []
    assert kinds(vm, *enter(v=V | BOLTED), *remove(0, BY_PLACE)) == ["bolted"]
    assert kinds(vm, *enter(v=V | BOLTED), *hypercall(0x124, 0x4000, 0)[:-1], 0x788407C6, 0x44000022) == []
    bulk = [*li(3, 0x124), *li(4, 0x40000000), 0x788407C6, *li(6, 0xC000 << 15), 0x78C60FC6, 0x44000022]
    with vm.sanitize() as sanitizer:
        started(vm, *enter(v=V | BOLTED), *bulk, *POWER_OFF).run(timeout=20)
    assert [finding.kind for finding in sanitizer.findings] == ["bolted"]
    with vm.sanitize() as sanitizer:
        started(vm, *enter(v=V | BOLTED), *POWER_OFF).run(timeout=20)
        vm.hpt[0] = 0, 0
    assert [finding.kind for finding in sanitizer.findings] == ["lost"]
    assert "the bolted entry 0x0 was (0x1011, 0x5190) and is (0x0, 0x0)" in str(sanitizer.findings[0])


def test_a_real_page_outside_ram_is_found(vm: Machine) -> None:
    assert kinds(vm, *enter(r=0x7FFFF190)) == ["outside"]


def test_a_finding_can_end_the_run_and_is_the_same_on_both_engines() -> None:
    def run(engine: object) -> tuple[list[Finding], str]:
        vm = Machine(memory="32M", engine=engine)  # type: ignore[arg-type]

        def fail(finding: Finding) -> None:
            raise LookupError(finding.kind)

        sanitizer = vm.sanitize(fail)
        started(vm, *enter(), *enter(), *POWER_OFF)
        with pytest.raises(LookupError, match="duplicate"):
            vm.run(timeout=20)
        assert vm.hpt.valid_entries() == 2 and vm.run(timeout=20) == PoweredOff()
        return sanitizer.findings, vm.state_hash()

    first, second = map(run, ENGINES)
    assert first == second and first[0][0].instructions == 2 * len(enter())
