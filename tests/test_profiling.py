"""Profiles of running machines: all instructions are in them, and the guest cannot tell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from images import BASE, POWER_OFF, hypercall, started

from pyspapr import InstructionLimit, Machine, PoweredOff
from pyspapr.config import Engine

SOURCES = Path(__file__).parent.parent / "guests"
PERIOD = 99_991
SPIN = [0x38630001, 0x4BFFFFFC]  # addi r3,r3,1; b .-4
BOTH = pytest.mark.parametrize("engine", ["interp", "jit"])


def profile(vm: Machine) -> dict[str, Any]:
    counters = vm.cpus[0].vcpu.profile()
    assert counters is not None
    return counters


def demo(guest: Path, engine: Engine, *, profiling: bool) -> Machine:
    vm = Machine(memory="64M", engine=engine)
    vm.load_kernel(guest, append="rounds=4")
    vm.cpus[0].vcpu.set_profiling(profiling)
    return vm


@BOTH
def test_the_guest_cannot_tell_that_it_is_profiled(demo_guest: Path, engine: Engine) -> None:
    profiled, plain = (demo(demo_guest, engine, profiling=on) for on in (True, False))
    # Ends of budgets at samples, beside them and in the middle between.
    for budget in (PERIOD - 1, 1, 1, PERIOD - 2, 1_000_000, 777_777):
        for vm in (profiled, plain):
            assert vm.run(max_instructions=budget) == InstructionLimit(vm.instructions)
        assert profiled.state_hash() == plain.state_hash()
    assert profiled.run() == plain.run() == PoweredOff()
    assert profiled.state_hash() == plain.state_hash()
    assert profiled.console.output == plain.console.output
    assert plain.cpus[0].vcpu.profile() is None


@BOTH
def test_all_instructions_are_in_the_profile(demo_guest: Path, engine: Engine) -> None:
    vm = demo(demo_guest, engine, profiling=True)
    for budget in (12_345, 5 * PERIOD, 1_000_000):
        vm.run(max_instructions=budget)
        counters, done = profile(vm), vm.instructions
        assert sum(count for _, count in counters["samples"]) == sum(counters["tiers"].values()) == done
        assert all(a < b for (a, _), (b, _) in pairwise(counters["samples"]))
    assert (counters["tiers"]["compiled code"] > 0) == (engine == "jit")
    assert counters["tiers"]["interpreter"] > 0
    seconds = counters["seconds"]
    assert seconds["interpreter"] > 0 and seconds["native hypercalls"] > 0
    assert (seconds["compiled code"] > 0) == (seconds["compiling"] > 0) == (engine == "jit")


def test_both_engines_take_the_same_samples_and_interrupts(demo_guest: Path) -> None:
    machines = [demo(demo_guest, engine, profiling=True) for engine in ("interp", "jit")]
    for vm in machines:
        assert vm.run() == PoweredOff()
    interp, jit = map(profile, machines)
    assert interp["samples"] == jit["samples"]
    assert interp["hypercalls"] == jit["hypercalls"]

    def from_the_guest(exits: dict[str, int]) -> dict[str, int]:
        return {name: count for name, count in exits.items() if name.startswith(("interrupt", "hypercall"))}

    assert from_the_guest(interp["exits"]) == from_the_guest(jit["exits"])
    assert interp["exits"]["interrupt 0x900 decrementer"] == 7  # the guest counts them as well
    assert jit["exits"]["branch without a link"] > 0


def test_exits_are_counted_by_kind(vm: Machine) -> None:
    vm.hypercall(0xF100, "H_NOTE")(lambda vm, cpu: 0)
    vm.cpus[0].vcpu.set_profiling(True)
    vm.memory.write(0xC00, 0x4C000024.to_bytes(4, "big"))  # rfid
    words = [*hypercall(0xF100), *hypercall(0xF100), *hypercall(0x7FF0), *hypercall(0x0C, 0, 0), 0x44000002]
    assert started(vm, *words, *POWER_OFF).run() == PoweredOff()
    counters = profile(vm)
    assert counters["hypercalls"] == {0xF000: 1, 0xF100: 2, 0x7FF0: 1}
    assert counters["exits"] == {"hypercall H_READ, native": 1, "interrupt 0xc00 system call": 1}


def test_a_profile_begins_when_it_is_turned_on_and_is_forgotten_when_off(vm: Machine) -> None:
    started(vm, *SPIN).run(max_instructions=1_000_003)
    vcpu = vm.cpus[0].vcpu
    vcpu.set_profiling(True)
    vm.run(max_instructions=PERIOD + 10)
    assert sum(count for _, count in profile(vm)["samples"]) == PERIOD + 10
    assert {address for address, _ in profile(vm)["samples"]} <= {BASE, BASE + 4}
    vcpu.set_profiling(False)
    assert vcpu.profile() is None


def test_a_state_that_is_loaded_is_no_instruction(vm: Machine) -> None:
    started(vm, *SPIN)
    vcpu = vm.cpus[0].vcpu
    vcpu.set_profiling(True)
    vm.run(max_instructions=1000)
    before = vcpu.internal_state()
    vcpu.set_internal_state({"icount": 10**12})
    vm.run(max_instructions=2000)
    vcpu.set_internal_state(before)
    vm.run(max_instructions=3000)
    assert sum(count for _, count in profile(vm)["samples"]) <= 6000


def boot(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyspapr", "boot", "--memory", "64M", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)


def table(report: str, head: str) -> dict[str, int]:
    """The rows of one of the report's tables, by name."""
    (lines,) = (part.splitlines()[1:] for part in report.split("\n\n") if part.splitlines()[0].endswith(head))
    names = {"engine tier": 46, "symbol": 34, "kind": 26}[head]
    return {line[names:].strip(): int(line[:16].replace(",", "")) for line in lines}


def test_boot_says_which_functions_of_the_guest_are_hot(tmp_path: Path) -> None:
    shutil.copytree(SOURCES, tmp_path / "guests", ignore=shutil.ignore_patterns("build"))
    subprocess.run(["make", "-s", "-C", tmp_path / "guests", "STRIP=true"], check=True)
    done = boot("--kernel", tmp_path / "guests/build/demo.elf", "--append", "rounds=4", "--profile")
    assert done.returncode == 0, done.stderr
    symbols = table(done.stderr, "symbol")
    whole = symbols.pop("all")
    assert sum(symbols.values()) == whole == sum(table(done.stderr, "engine tier").values())
    exits = table(done.stderr, "kind")
    assert exits.pop("all") == sum(exits.values())
    assert exits["hypercall H_PUT_TERM_CHAR, native"] > 0 and exits["interrupt 0x900 decrementer"] == 7
    # A round changes pages and then looks whether every one reads back as it should.
    assert list(symbols)[:2] == ["verify", "churn_round"]
    assert symbols["verify"] > whole // 2


def test_boot_takes_names_from_a_map(tmp_path: Path, demo_guest: Path) -> None:
    names = tmp_path / "System.map"
    names.write_text("0000000000400000 T first_half\n0000000000404000 T second_half\n0000000000406000 T data\n")
    done = boot("--kernel", demo_guest, "--append", "rounds=2", "--profile", "--symbols", names)
    assert done.returncode == 0, done.stderr
    symbols = table(done.stderr, "symbol")
    assert symbols["second_half"] > symbols["first_half"] > 0


def test_a_run_that_is_cut_short_has_its_profile_as_well(demo_guest: Path) -> None:
    done = boot("--kernel", demo_guest, "--profile", "--max-instructions", 1_000_000)
    assert done.returncode == 4
    assert table(done.stderr.rpartition("pyspapr: ")[0], "symbol")["all"] == 1_000_000


def test_names_need_a_profile_and_a_file_that_has_them(tmp_path: Path, demo_guest: Path) -> None:
    for options, complaint in (
        (["--symbols", demo_guest], "--symbols needs --profile"),
        (["--profile", "--symbols", tmp_path / "nowhere"], "No such file or directory"),
    ):
        done = boot("--kernel", demo_guest, *options)
        assert done.returncode == 2 and done.stdout == ""
        assert complaint in done.stderr and done.stderr.count("\n") == 1
