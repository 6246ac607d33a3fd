"""Names of code, from ELF files and maps, and the report of a profile."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from fetch_guests import CACHE

from pyspapr.boot.sections import SHN_LORESERVE
from pyspapr.boot.symbols import LINE_MAX, NAME_MAX, SHN_ABS, Symbols, read_symbols
from pyspapr.cli.profile import ELSEWHERE, Profile, by_symbol, lines_of, place, symbols_of
from pyspapr.errors import ImageError

KERNEL = 0xC << 60
TEXT = KERNEL | 0x8000
FUNC, NOTYPE, OBJECT = 2, 0, 1
LOCAL, GLOBAL, WEAK = 0, 1, 2

Row = tuple[str, int, int, int, int, int]
"""Name, type, binding, section, address, size."""

ROWS: list[Row] = [
    ("sized", FUNC, GLOBAL, 1, TEXT, 0x20),
    ("label_inside", NOTYPE, LOCAL, 1, TEXT + 0x10, 0),
    ("entry_local", NOTYPE, LOCAL, 1, TEXT + 0x100, 0),
    ("entry_weak", FUNC, WEAK, 1, TEXT + 0x100, 0),
    ("entry", FUNC, GLOBAL, 1, TEXT + 0x100, 0),
    ("last", NOTYPE, LOCAL, 1, TEXT + 0x200, 0),
    ("table", OBJECT, GLOBAL, 1, TEXT + 0x40, 0x10),
    ("data_label", NOTYPE, GLOBAL, 2, TEXT + 0x50, 0),
    ("exc_virt_0x4c00_system_call_start", NOTYPE, LOCAL, SHN_ABS, 0x4C00, 0),
    ("exc_virt_0x4c00_system_call_end", NOTYPE, LOCAL, SHN_ABS, 0x4D00, 0),
    ("__crc_something", NOTYPE, LOCAL, SHN_ABS, 0x8010, 0),
]


def elf(
    rows: list[Row] = ROWS, *, order: str = "<", link: int = 4, section_size: int = 64, empty_sections: int = 0
) -> bytes:
    """An executable with .text (0x400 bytes), .data, a symbol table and its names, and empty sections of code."""
    names, table = b"\0", bytes(24)
    for name, kind, binding, section, address, size in rows:
        table += struct.pack(order + "IBBHQQ", len(names), binding << 4 | kind, 0, section, address, size)
        names += name.encode() + b"\0"
    at = 64 + len(table)
    sections = [
        (0, 0, 0, 0, 0, 0),
        (8, 6, TEXT, 0, 0x400, 0),  # SHT_NOBITS: no test needs the code itself
        (1, 3, TEXT, 64, 0, 0),
        (2, 0, 0, 64, len(table), link),
        (3, 0, 0, at, len(names), 0),
    ]
    sections += [(1, 6, TEXT, 0, 0, 0)] * empty_sections
    count = len(sections)
    if count >= SHN_LORESERVE:  # It is in section header 0 then.
        sections[0], count = (0, 0, 0, 0, count, 0), 0
    headers = b"".join(
        struct.pack(order + "IIQQQQIIQQ", 0, kind, flags, address, offset, size, to, 0, 0, 0)
        for kind, flags, address, offset, size, to in sections
    )
    ident = b"\x7fELF" + bytes((2, 1 if order == "<" else 2, 1)) + bytes(9)
    fields = (2, 21, 1, TEXT, 0, at + len(names), 0, 64, 56, 0, section_size, count, 0)
    return ident + struct.pack(order + "HHIQQQIHHHHHH", *fields) + table + names + headers


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "names"
    path.write_bytes(data)
    return path


@pytest.fixture(params=["<", ">"])
def symbols(tmp_path: Path, request: pytest.FixtureRequest) -> Symbols:
    return read_symbols(written(tmp_path, elf(order=request.param)))


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (TEXT - 4, "exc_virt_0x4c00_system_call"),
        (TEXT, "sized"),
        (TEXT + 0x1C, "sized"),
        (TEXT + 0x20, None),
        (TEXT + 0x50, None),
        (TEXT + 0x100, "entry"),
        (TEXT + 0x1FC, "entry"),
        (TEXT + 0x200, "last"),
        (TEXT + 0x3FC, "last"),
        (TEXT + 0x400, None),
        (KERNEL | 0x4C00, "exc_virt_0x4c00_system_call"),
        (KERNEL | 0x4BFC, None),
        (0x4C04, "exc_virt_0x4c00_system_call"),
        (TEXT & ~KERNEL, "sized"),
        (0x1000_0000, None),
    ],
)
def test_an_address_has_the_name_of_the_code_around_it(symbols: Symbols, address: int, name: str | None) -> None:
    assert symbols.find(address) == name


def test_a_kernel_that_is_linked_for_real_mode_has_names_in_its_linear_mapping(tmp_path: Path) -> None:
    symbols = read_symbols(written(tmp_path, b"0000000000408000 T first\n0000000000408020 T second\n"))
    assert symbols.find(KERNEL | 0x408004) == symbols.find(0x408004) == "first"
    assert symbols.find(0xD << 60 | 0x408004) is None


def test_more_sections_than_the_header_can_count_change_no_name(tmp_path: Path, symbols: Symbols) -> None:
    # SHN_ABS would be one of them, if numbers that mean something else were taken for sections.
    many = read_symbols(written(tmp_path, elf(empty_sections=66_000)))
    assert many.starts == symbols.starts and many.find(TEXT) == "sized"


def test_a_stripped_kernel_has_no_names(tmp_path: Path) -> None:
    stripped = bytearray(elf())
    struct.pack_into("<H", stripped, 60, 0)
    symbols = read_symbols(written(tmp_path, bytes(stripped)))
    assert len(symbols) == 0
    assert symbols.find(TEXT) is None


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (elf()[:-1], "truncated: section headers end at"),
        (elf(link=9), "the symbol table's names are in section 9 of 5"),
        (elf(section_size=40), "section headers of 40 bytes, expected 64"),
        (elf()[:32], "truncated: 32 bytes"),
        (b"c000000000008000 T start\nnonsense\n", "line 2 is b'nonsense"),
    ],
)
def test_a_damaged_file_gets_one_line(tmp_path: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(ImageError, match=complaint):
        read_symbols(written(tmp_path, data))


def test_no_cut_of_a_file_does_more_than_complain(tmp_path: Path) -> None:
    whole = elf()
    for length in range(len(whole)):
        with pytest.raises(ImageError):
            read_symbols(written(tmp_path, b"\x7fELF" + whole[4:length]))


def test_a_symbol_whose_name_is_outside_the_names_has_none(tmp_path: Path) -> None:
    data = bytearray(elf([("only", FUNC, GLOBAL, 1, TEXT, 16)]))
    struct.pack_into("<I", data, 64 + 24, 1 << 20)
    assert len(read_symbols(written(tmp_path, bytes(data)))) == 0


def test_names_without_an_end_cost_what_a_name_may_cost(tmp_path: Path) -> None:
    endless = b"a" * 300_000
    rows: list[Row] = [("x", FUNC, GLOBAL, 1, TEXT + 4 * number, 4) for number in range(2000)]
    data = elf(rows).replace(b"\0" + b"x\0" * len(rows), b"\0" + (b"a" * 2 * len(rows)), 1)
    tracemalloc.start()
    symbols = read_symbols(written(tmp_path, data + endless))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert symbols.find(TEXT) == "a" * NAME_MAX
    assert peak < 2000 * (NAME_MAX + 1024) + 8 * len(data + endless)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"%016x T name\n" % TEXT * 9, "more than 8 lines"),
        (b"%016x T " % TEXT + b"a" * LINE_MAX, "line 2 is"),
        (elf([*ROWS, *ROWS]), r"\d+ symbols, the limit is 8"),
    ],
)
def test_more_names_than_any_kernel_has_are_refused(
    tmp_path: Path, data: bytes, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyspapr.boot.symbols.SYMBOLS_MAX", 8)
    with pytest.raises(ImageError, match=complaint):
        read_symbols(written(tmp_path, data))


def test_a_map_gives_each_name_the_code_up_to_the_next_symbol(tmp_path: Path) -> None:
    text = (
        "c000000000008100 D a_variable\nc000000000008000 T first\nc000000000008080 t second\n"
        "c008000000000000 t in_module\t[ext4]\n"
    )
    symbols = read_symbols(written(tmp_path, text.encode()))
    assert symbols.find(TEXT + 0x7C) == "first"
    assert symbols.find(TEXT + 0x80) == "second"
    assert symbols.find(TEXT + 0x100) is None
    assert symbols.find(0xC008000000000FFC) == "in_module [ext4]"
    assert symbols.find(0xC008000000001000) is None


def test_names_of_linux_are_those_that_another_reader_finds() -> None:
    path = CACHE / "linux" / "vmlinux"
    symbols = read_symbols(path)
    with path.open("rb") as file:
        image = ELFFile(file)
        code = {index for index, section in enumerate(image.iter_sections()) if section["sh_flags"] & 4}
        found: dict[int, set[str]] = {}
        for symbol in image.get_section_by_name(".symtab").iter_symbols():
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] in code and symbol["st_size"]:
                found.setdefault(symbol["st_value"], set()).add(symbol.name)
    assert len(found) > 10_000
    wrong = {address: names for address, names in found.items() if symbols.find(address) not in names}
    assert not wrong


def test_the_given_names_come_before_those_of_the_kernel(tmp_path: Path) -> None:
    kernel, given = tmp_path / "vmlinux", tmp_path / "System.map"
    kernel.write_bytes(elf())
    given.write_text("c000000000008000 T from_the_map\n")
    assert symbols_of(str(kernel), None).find(TEXT) == "sized"
    assert symbols_of(str(kernel), str(given)).find(TEXT) == "from_the_map"
    assert symbols_of(None, None).find(TEXT) is None


def test_code_without_a_name_belongs_to_its_page(symbols: Symbols) -> None:
    assert place(0x1000_0ABC, symbols) == "[program page 0x10000000]"
    assert place(0xC008_0000_0000_1004, symbols) == "[kernel page 0xc008000000001000]"


def test_instructions_of_a_symbol_are_added_up_in_both_modes(symbols: Symbols) -> None:
    samples = [(TEXT, 5), (TEXT + 8, 7), (0x8004, 100), (0x1000_0000, 1), (0x1000_0FFC, 2)]
    assert by_symbol(samples, symbols) == {"sized": 112, "[program page 0x10000000]": 3}


def test_the_report_says_where_instructions_went_in_which_tier_and_why_the_guest_was_left(symbols: Symbols) -> None:
    counters = {
        "samples": [(TEXT, 750), (TEXT + 0x100, 200), (TEXT + 0x200, 25), (0x1000_0000, 25)],
        "tiers": {"interp": 400, "jit": 600},
        "exits": {"interrupt": 3},
        "hypercalls": {0xEC: 9},
    }
    assert list(lines_of(Profile.of(counters, {0xEC: "H_EOI"}), symbols, shown=2)) == [
        "    instructions   share     sum  symbol",
        "             750  75.00%  75.00%  sized",
        "             200  20.00%  95.00%  entry",
        "              50   5.00% 100.00%  2 others",
        "           1,000 100.00%          all",
        "",
        "    instructions   share  engine tier",
        "             600  60.00%  jit",
        "             400  40.00%  interp",
        "",
        "           exits   share  kind",
        "               9  75.00%  hypercall H_EOI",
        "               3  25.00%  interrupt",
        "              12 100.00%  all",
    ]


def test_time_stands_beside_a_tier_where_it_is_known() -> None:
    counters = {
        "samples": [],
        "tiers": {"interp": 1_000_000, "jit": 3_000_000},
        "exits": {},
        "seconds": {"interp": 0.02, "compiling": 0.5},
    }
    lines = list(lines_of(Profile.of(counters), Symbols()))
    assert lines[3:8] == [
        "    instructions   share   seconds  ns each  engine tier",
        "       3,000,000  75.00%                     jit",
        "       1,000,000  25.00%     0.020    20.00  interp",
        "               0   0.00%     0.500           compiling",
        "",
    ]


def test_what_was_too_much_to_be_told_apart_and_what_has_no_name_is_said_so(symbols: Symbols) -> None:
    counters = {"samples": [(ELSEWHERE, 5)], "tiers": {}, "exits": {}, "hypercalls": {ELSEWHERE: 1, 0x7F00: 2}}
    profile = Profile.of(counters)
    assert by_symbol(profile.samples, symbols) == {"[elsewhere]": 5}
    assert profile.exits == {"hypercall with another number": 1, "hypercall 0x7f00": 2}


def test_a_profile_of_nothing_divides_by_nothing() -> None:
    lines = list(lines_of(Profile.of({"samples": [], "tiers": {}, "exits": {}}), Symbols()))
    assert lines[1] == "               0       -          all"
