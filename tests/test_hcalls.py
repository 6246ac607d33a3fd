"""Hypercalls in Python: what they do, and what they refuse."""

from __future__ import annotations

import itertools
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyspapr import Machine, codes, devices, hcall
from pyspapr.devices import Registered
from pyspapr.handlers import Hypercall, hypercall_row
from pyspapr.hcall import splpar
from pyspapr.hcall.registry import hypercall

ROWS = {**hcall.TABLE, **{row.number: row for row in devices.calls() if isinstance(row, Hypercall)}}

U64 = (1 << 64) - 1
VPA = 0x10000


def call(vm: Machine, number: int, *arguments: int) -> tuple[int, ...]:
    return vm.call_hypercall(vm.cpus[0], number, *arguments)


def registered(vm: Machine) -> Machine:
    """A machine whose processor has a VPA."""
    vm.memory.store(VPA + splpar.VPA_SIZE, splpar.VPA_MIN_SIZE, 2)
    assert call(vm, 0xDC, splpar.REGISTER_VPA, 0, VPA) == (codes.H_SUCCESS,)
    return vm


def test_an_unknown_number_is_answered_with_h_function(vm: Machine) -> None:
    for number in (0, 2, 0x398, 0xF080, 0xFFFC, U64):
        assert call(vm, number) == (codes.H_FUNCTION,)


def test_a_number_cannot_be_taken_twice() -> None:
    with pytest.raises(ValueError, match="H_CEDE already"):
        hypercall(0xE0, "H_MINE")(lambda vm, cpu: 0)


def test_a_handler_with_too_many_arguments_is_refused() -> None:
    with pytest.raises(TypeError, match="at most 9"):
        hypercall_row(1, "H_MANY", lambda vm, cpu, a, b, c, d, e, f, g, h, i, j: 0)


def test_a_user_can_add_a_hypercall_to_one_machine(vm: Machine) -> None:
    @vm.hypercall(0xF100, "H_DOUBLE")
    def double(machine: Machine, cpu: object, value: int) -> tuple[int, int]:
        return codes.H_SUCCESS, 2 * value

    assert call(vm, 0xF100, 21) == (0, 42)
    assert 0xF100 not in hcall.TABLE


def test_a_user_can_replace_a_native_hypercall(vm: Machine) -> None:
    native = vm.cpus[0].vcpu.native_hypercalls()
    assert 0x08 in native

    @vm.hypercall(0x08, "H_ENTER", replace=True)
    def full(machine: Machine, cpu: object) -> int:
        return -6

    assert 0x08 not in vm.cpus[0].vcpu.native_hypercalls()
    assert call(vm, 0x08) == (-6,)


def test_a_hypercall_that_is_there_is_replaced_only_by_who_says_so(vm: Machine) -> None:
    def handler(machine: Machine, cpu: object) -> int:
        return 7

    vm.hypercall(0xF100, "H_NOTE")(handler)
    before = dict(vm.hypercalls), vm.cpus[0].vcpu.native_hypercalls()
    for number, known in ((0xF100, "H_NOTE"), (0x58, "H_PUT_TERM_CHAR"), (0x08, "built in")):
        with pytest.raises(ValueError, match=rf"hypercall {number:#x} is {known} already: H_OTHER .* replace=True"):
            vm.hypercall(number, "H_OTHER")(lambda machine, cpu: 8)
    assert before == (vm.hypercalls, vm.cpus[0].vcpu.native_hypercalls())
    # A handler that cannot be one takes nothing away either.
    with pytest.raises(TypeError):
        vm.hypercall(0x08, "H_OTHER", replace=True)(cast(Any, lambda: 8))
    assert before == (vm.hypercalls, vm.cpus[0].vcpu.native_hypercalls())
    for number in (0xF100, 0x58, 0x08, 0xF104):
        vm.hypercall(number, "H_OTHER", replace=True)(lambda machine, cpu: 9)
        assert call(vm, number) == (9,)


def test_h_put_term_char_prints(vm: Machine) -> None:
    text = b"hello, world 123"
    first, second = int.from_bytes(text[:8], "big"), int.from_bytes(text[8:], "big")
    assert call(vm, 0x58, 0, 16, first, second) == (0,)
    assert call(vm, 0x58, 0x71000000, 5, first, second) == (0,)
    assert vm.console.output == "hello, world 123hello"


@pytest.mark.parametrize("arguments", [(0, 17), (0, U64), (0x71000002, 1), (1, 1)])
def test_h_put_term_char_refuses(vm: Machine, arguments: tuple[int, ...]) -> None:
    assert call(vm, 0x58, *arguments) == (codes.H_PARAMETER,)
    assert vm.console.output == ""


def test_h_get_term_char_gives_what_was_typed_in_pieces_of_16(vm: Machine) -> None:
    vm.console.write("0123456789abcdefXYZ")
    assert call(vm, 0x54, 0) == (0, 16, int.from_bytes(b"01234567", "big"), int.from_bytes(b"89abcdef", "big"))
    assert call(vm, 0x54, 0) == (0, 3, int.from_bytes(b"XYZ".ljust(8, b"\0"), "big"), 0)
    assert call(vm, 0x54, 0) == (0, 0, 0, 0)
    assert call(vm, 0x54, 5) == (codes.H_PARAMETER,)


def test_a_vpa_marks_the_processor_as_shared(vm: Machine) -> None:
    registered(vm)
    assert vm.memory.u8(VPA + splpar.VPA_STATUS) == splpar.VPA_STATUS_SHARED


@pytest.mark.parametrize(
    ("address", "size", "code"),
    [
        (0, 640, codes.H_HARDWARE),
        (VPA + 64, 640, codes.H_PARAMETER),  # not on a cache line
        (VPA, 639, codes.H_PARAMETER),  # too short
        (VPA + 4096 - 128, 640, codes.H_PARAMETER),  # crosses a page
        (32 << 20, 640, codes.H_PARAMETER),  # outside RAM
        (U64 - 127, 640, codes.H_PARAMETER),
    ],
)
def test_a_bad_vpa_is_refused(vm: Machine, address: int, size: int, code: int) -> None:
    if 0 < address < 32 << 20:
        vm.memory.store(address + splpar.VPA_SIZE, size, 2)
    assert call(vm, 0xDC, splpar.REGISTER_VPA, 0, address) == (code,)
    assert vm.device(Registered).vpa == 0


def test_shadow_and_log_need_a_vpa_and_hold_it(vm: Machine) -> None:
    area = 0x20000
    vm.memory.store(area + 4, 4096, 4)
    for register in (splpar.REGISTER_SLB_SHADOW, splpar.REGISTER_DTL):
        assert call(vm, 0xDC, register, 0, area) == (codes.H_RESOURCE,)
    registered(vm)
    for register, deregister in (
        (splpar.REGISTER_SLB_SHADOW, splpar.DEREGISTER_SLB_SHADOW),
        (splpar.REGISTER_DTL, splpar.DEREGISTER_DTL),
    ):
        assert call(vm, 0xDC, register, 0, area) == (0,)
        assert call(vm, 0xDC, splpar.DEREGISTER_VPA, 0, 0) == (codes.H_RESOURCE,)
        assert call(vm, 0xDC, deregister, 0, 0) == (0,)
    assert call(vm, 0xDC, splpar.DEREGISTER_VPA, 0, 0) == (0,)


@pytest.mark.parametrize("size", [0, 7, 4097, U64 >> 32])
def test_a_bad_slb_shadow_is_refused(vm: Machine, size: int) -> None:
    registered(vm)
    vm.memory.store(0x20004, size, 4)
    assert call(vm, 0xDC, splpar.REGISTER_SLB_SHADOW, 0, 0x20000) == (codes.H_PARAMETER,)


def test_h_register_vpa_refuses_other_processors_and_functions(vm: Machine) -> None:
    assert call(vm, 0xDC, splpar.REGISTER_VPA, 1, VPA) == (codes.H_PARAMETER,)
    for function in (0, 4 << 45):
        assert call(vm, 0xDC, function, 0, VPA) == (codes.H_PARAMETER,)


def test_h_cede_enables_interrupts_and_counts_a_dispatch(vm: Machine) -> None:
    registered(vm)
    log = 0x20000
    vm.memory.store(log + 4, 96, 4)
    assert call(vm, 0xDC, splpar.REGISTER_DTL, 0, log) == (0,)
    vm.memory.store(VPA + splpar.VPA_DTL_MASK, splpar.DTL_CEDE, 1)
    for count in (1, 2, 3):
        assert call(vm, 0xE0) == (0,)
        assert vm.cpus[0].vcpu.halted
        assert vm.memory.u32(VPA + splpar.VPA_YIELD_COUNT) == 2 * count
        assert vm.memory.u64(VPA + splpar.VPA_DTL_INDEX) == count
    assert vm.cpus[0]["msr"] & splpar.MSR_EE
    # Two entries fit: the third overwrote the first, and nothing behind the log was touched.
    assert vm.memory.u8(log) == vm.memory.u8(log + 48) == splpar.DISPATCHED_AFTER_CEDE
    assert vm.memory.read(log + 96, 48) == bytes(48)


def test_a_prod_makes_the_next_cede_return_at_once(vm: Machine) -> None:
    assert call(vm, 0xE8, 0) == (0,)
    assert call(vm, 0xE0) == (0,)
    assert not vm.cpus[0].vcpu.halted
    assert call(vm, 0xE0) == (0,)
    assert vm.cpus[0].vcpu.halted
    assert call(vm, 0xE8, 0) == (0,)
    assert not vm.cpus[0].vcpu.halted
    assert call(vm, 0xE8, 1) == (codes.H_PARAMETER,)


def test_h_confer_checks_its_target(vm: Machine) -> None:
    assert call(vm, 0xE4, U64, 0) == call(vm, 0xE4, 0, 0) == (0,)
    assert call(vm, 0xE4, 1, 0) == (codes.H_PARAMETER,)


def test_h_set_mode_sets_endianness_and_location_of_interrupts(vm: Machine) -> None:
    from pyspapr.hcall.set_mode import LPCR_AIL, LPCR_ILE

    cpu = vm.cpus[0]
    assert call(vm, 0x31C, 1, 4, 0, 0) == (0,)
    assert call(vm, 0x31C, 3, 3, 0, 0) == (0,)
    assert cpu["lpcr"] & LPCR_ILE and cpu["lpcr"] & LPCR_AIL == LPCR_AIL
    assert call(vm, 0x31C, 0, 4, 0, 0) == (0,)
    assert not cpu["lpcr"] & LPCR_ILE and cpu["lpcr"] & LPCR_AIL == LPCR_AIL


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((2, 4, 0, 0), codes.H_UNSUPPORTED_FLAG),
        ((1, 3, 0, 0), codes.H_UNSUPPORTED_FLAG),
        ((4, 3, 0, 0), codes.H_UNSUPPORTED_FLAG),
        ((0, 3, 1, 0), codes.H_P3),
        ((0, 4, 0, 1), codes.H_P4),
        ((0, 1, 0, 0), codes.H_P2),
        ((1, 2, 0, 0), codes.H_UNSUPPORTED_FLAG),
        ((0, 2, 0x1000, 0x44), codes.H_P4),
        ((0, 99, 0, 0), codes.H_P2),
    ],
)
def test_h_set_mode_refuses(vm: Machine, arguments: tuple[int, ...], code: int) -> None:
    before = vm.cpus[0].vcpu.digest()
    assert call(vm, 0x31C, *arguments) == (code,)
    assert vm.cpus[0].vcpu.digest() == before


def test_h_page_init_clears_and_copies(vm: Machine) -> None:
    vm.memory.fill(0x1000, 4096, 7)
    assert call(vm, 0x2C, 1 << 14, 0x2000, 0x1000) == (0,)
    assert vm.memory.read(0x2000, 4096) == bytes([7]) * 4096
    assert call(vm, 0x2C, 1 << 15, 0x1000, 0) == (0,)
    assert vm.memory.read(0x1000, 4096) == bytes(4096)
    for arguments in ((1 << 15, 0x1001, 0), (1 << 14, 0x1000, 0x20), (1 << 15, 32 << 20, 0), (1, 0, 0)):
        assert call(vm, 0x2C, *arguments) == (codes.H_PARAMETER,)


def test_logical_loads_and_stores_are_big_endian(vm: Machine) -> None:
    assert call(vm, 0x40, 4, 0x100, 0x1122334455667788) == (0,)
    assert vm.memory.read(0x100, 8) == bytes.fromhex("5566778800000000")
    assert call(vm, 0x3C, 2, 0x102) == (0, 0x7788)
    for size, address in ((3, 0), (0, 0), (16, 0), (8, (32 << 20) - 4), (1, U64)):
        assert call(vm, 0x3C, size, address) == (codes.H_PARAMETER,)
        assert call(vm, 0x40, size, address, 0) == (codes.H_PARAMETER,)


def test_h_random_follows_the_seed() -> None:
    draws = [[call(vm, 0x300)[1] for _ in range(4)] for vm in (Machine(memory="32M", seed=s) for s in (1, 1, 2))]
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 4


def test_h_signal_sys_reset_checks_its_target(vm: Machine) -> None:
    assert call(vm, 0x380, U64 - 1) == (0,)
    assert call(vm, 0x380, 3) == (codes.H_PARAMETER,)


def test_a_hash_guest_may_say_that_it_has_no_process_table(vm: Machine) -> None:
    assert call(vm, 0x37C, 0x18, 0, 0, 0) == (0,)
    for flags in (0x1C, 0x1A, 0x20):
        assert call(vm, 0x37C, flags, 0, 0, 0) == (codes.H_PARAMETER,)


SAFE_MEMORY = "32M"


@settings(max_examples=300)
@given(
    number=st.sampled_from(sorted(ROWS)),
    arguments=st.lists(
        st.one_of(
            st.integers(0, U64),
            st.integers(0, 64 << 20),
            st.sampled_from([n << 45 for n in range(8)]),
            st.sampled_from([U64, U64 - 1, 1 << 63, 0]),
        ),
        max_size=9,
    ),
)
def test_no_arguments_harm_the_host(number: int, arguments: list[int]) -> None:
    result = call(SHARED, number, *arguments)
    assert all(isinstance(value, int) for value in result)
    assert len(result) <= 10


SHARED = Machine(memory=SAFE_MEMORY)


def test_every_row_has_a_name_and_a_docstring() -> None:
    for number, entry in ROWS.items():
        assert entry.number == number and entry.name.startswith("H_") and entry.handler.__doc__
    assert len({entry.name for entry in ROWS.values()}) == len(ROWS)
    assert all(a != b for a, b in itertools.pairwise(sorted(ROWS)))


def test_no_python_row_hides_behind_a_native_one(vm: Machine) -> None:
    assert not vm.cpus[0].vcpu.native_hypercalls() & set(ROWS)
