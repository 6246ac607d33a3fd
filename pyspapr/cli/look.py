"""`pyspapr inspect`, `verify` and `diff`: what is in a saved machine."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from pyspapr._native import describe_hpte
from pyspapr.config import format_size
from pyspapr.machine import Machine
from pyspapr.migration import difference
from pyspapr.migration.contents import Contents, doublewords, header_of, read_contents
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.lazy import Pairs, section_leaves

T = TypeVar("T")

SHORT: Final = 32
"""Bytes of a byte string that the text form shows."""
SHOWN: Final = 100
"""Differing pages and entries that the text form lists."""
DIFFERENT: Final = 1
SEEN: Final = "records and their order, totals, devices, hash table entries"
CHECKED: Final = {
    "image": f"{SEEN}; the contents of RAM were not looked at",
    "chunks": f"{SEEN}; RAM was not unpacked",
}
"""What `inspect` has checked and what not, by the form of RAM."""


def json_pieces(value: object, indent: str = "") -> Iterator[str]:
    """Text of a value whose lists and structures may be iterators; byte strings as hexadecimal text."""
    match value:
        case bytes():
            yield f'"{value.hex()}"'
        case dict() | Pairs():
            pairs = value.items() if isinstance(value, dict) else value
            yield from bracketed("{}", ((f"{json.dumps(name)}: ", item) for name, item in pairs), indent)
        case list() | tuple() | Iterator():
            yield from bracketed("[]", (("", item) for item in value), indent)
        case _:
            yield json.dumps(value)


def bracketed(brackets: str, items: Iterable[tuple[str, object]], indent: str) -> Iterator[str]:
    """Items, each behind what is before it, on lines of their own."""
    inner = f"{indent}  "
    yield brackets[0]
    empty = True
    for before, item in items:
        yield f"{'' if empty else ','}\n{inner}{before}"
        yield from json_pieces(item, inner)
        empty = False
    yield brackets[1] if empty else f"\n{indent}{brackets[1]}"


def print_json(value: object) -> None:
    sys.stdout.writelines(json_pieces(value))
    print()


def show(value: Any) -> str:
    """One value as readable text: numbers in both notations, byte strings shortened."""
    match value:
        case bool() | str() | None:
            return str(value)
        case int():
            return str(value) if abs(value) < 10 else f"{value} ({value:#x})"
        case bytes() if not value.strip(b"\0"):
            return f"{len(value)} bytes, all zero" if value else "nothing"
        case bytes():
            cut = "…" if len(value) > SHORT else ""
            return f"{len(value)} bytes: {value[:SHORT].hex()}{cut}"
        case _:
            return str(value)


def lines_of(contents: Contents, path: str) -> Iterator[str]:
    summary = contents.summary()
    machine = contents.header.machine
    sizes = f"{summary['bytes']:,} bytes ({summary['bytes_on_disk']:,} on disk)"
    yield f"{path}: a saved machine, format {summary['format']}, {sizes}"
    yield f"check    {summary['check']}"
    if summary["base"]:
        yield f"base     {summary['base']}"
    memory = format_size(machine["memory"])
    yield f"machine  {machine['cpu']}, {memory} of RAM, {machine['vcpus']} vCPU, {machine['clock']} time"
    ram = summary["ram"]
    yield (
        "RAM      an image that can be mapped"
        if ram["form"] == "image"
        else (f"RAM      {ram['pages']:,} pages, {ram['zero_pages']:,} of zeroes")
    )
    table = summary["hash_table"]
    size = "the base's" if table["shift"] is None else format_size(1 << table["shift"])
    yield f"HPT      {size}, {table['valid']:,} entries"
    yield f"checked  {CHECKED[ram['form']]}: `pyspapr verify` does"
    for device, layout in contents.devices:
        yield f"{device.name} v{device.version}" + (f" instance {device.instance}" if device.instance else "")
        for name, value in section_leaves(layout, Cursor(device.body, layout.name)):
            yield f"    {name:<28} {show(value)}"


def entry_line(ptex: int, entry: bytes | None) -> str:
    """An entry of the hash table."""
    if entry is None:
        return f"{ptex:#10x}  none"
    v, r = doublewords(entry)
    return f"{ptex:#10x}  {v:016x} {r:016x}  {describe_hpte(v, r)}"


def inspect_command(path: str, base: str | None, as_json: bool, with_entries: bool) -> int:
    contents = read_contents(path, base=base)
    if as_json:
        print_json(contents.summary(with_entries))
        return 0
    for line in lines_of(contents, path):
        print(line)
    if with_entries:
        for ptex, entry in sorted(contents.entries.items()):
            print(entry_line(ptex, entry))
    return 0


def verify_command(path: str, base: str | None) -> int:
    """Read all of `path`, every page included, and build the machine. Raises StreamError."""
    contents = read_contents(path, base=base)
    vm = Machine.restore(path, base=base, verify=True)
    count = sum(contents.records.values())
    print(
        f"{path}: sound, {count} records, {len(contents.devices)} sections, "
        f"{len(contents.entries):,} hash table entries, every page of RAM"
    )
    print(f"state    {vm.state_hash()}")
    return 0


def read_either(path: str, base: str | None) -> Contents:
    """With the base if it is this file's."""
    return read_contents(path, ram=True, base=base if header_of(path).base else None)


def diff_command(left: str, right: str, base: str | None, as_json: bool) -> int:
    """Print how two files differ; the status is 1 when they do."""
    one, other = read_either(left, base), read_either(right, base)
    pages = difference.pages(one.ram, other.ram) if one.ram is not None and other.ram is not None else []
    count = Counter(pages=len(pages))

    def counted(what: str, found: Iterator[T]) -> Iterator[T]:
        for item in found:
            count[what] += 1
            yield item

    fields = counted("fields", difference.fields(one, other))
    entries = counted("entries", difference.entries(one, other))
    if as_json:
        print_json(
            {
                "fields": ({"name": name, "left": a, "right": b} for name, a, b in fields),
                "pages": pages,
                "entries": (
                    {"ptex": ptex, "left": a and doublewords(a), "right": b and doublewords(b)}
                    for ptex, a, b in entries
                ),
            }
        )
        return DIFFERENT if count.total() else 0
    for name, a, b in fields:
        print(f"{name:<32} {show(a)} -> {show(b)}")
    runs = difference.ranges(pages)
    for first, last in runs[:SHOWN]:
        print(f"page {first:#x}" if first == last else f"pages {first:#x} to {last:#x}")
    if len(runs) > SHOWN:
        print(f"… {len(runs) - SHOWN:,} more ranges of pages")
    for ptex, mine, theirs in islice(entries, SHOWN):
        print(f"- {entry_line(ptex, mine)}")
        print(f"+ {entry_line(ptex, theirs)}")
    if (more := sum(1 for _ in entries)) > 0:
        print(f"… {more:,} more entries")
    print(f"{count['fields']:,} fields, {count['pages']:,} pages and {count['entries']:,} hash table entries differ")
    return DIFFERENT if count.total() else 0


def dump_command(path: str, base: str | None, vmcore: str) -> int:
    """Write a memory dump of a saved machine. Raises StreamError and StateError."""
    with Machine.restore(path, base=base) as vm:
        vm.dump(vmcore)
    return 0
