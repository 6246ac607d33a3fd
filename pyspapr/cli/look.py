"""`pyspapr inspect`, `verify` and `diff`: what is in a saved machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pyspapr.config import format_size
from pyspapr.errors import StreamError
from pyspapr.migration import difference, hpte
from pyspapr.migration.contents import Contents, read_contents
from pyspapr.migration.files import restore_file

SHORT: Final = 32
"""Bytes of a byte string that the text form shows."""
SHOWN: Final = 100
"""Differing pages and entries that the text form lists."""
DIFFERENT: Final = 1


def plain(value: Any) -> Any:
    """For JSON: byte strings as hexadecimal text."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def show(value: Any) -> str:
    """One value for a person: numbers in both notations, byte strings cut short."""
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
    """The text form."""
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
    for device, values in contents.devices:
        yield f"{device.name} v{device.version}" + (f" instance {device.instance}" if device.instance else "")
        yield from (f"    {name:<28} {show(value)}" for name, value in difference.flat(values["fields"]))
        for name, value in difference.flat_sections(values["subsections"]):
            yield f"    {name:<28} {show(value)}"


def entry_line(ptex: int, entry: tuple[int, int] | None) -> str:
    """An entry of the hash table."""
    if entry is None:
        return f"{ptex:#10x}  none"
    v, r = entry
    return f"{ptex:#10x}  {v:016x} {r:016x}  {hpte.describe(v, r)}"


def inspect_command(path: str, base: str | None, as_json: bool, with_entries: bool) -> int:
    """Print what is in `path`."""
    contents = read_contents(path, base=base)
    if as_json:
        found = contents.summary()
        if with_entries:
            found["hash_table"]["entries"] = [
                {"ptex": ptex, "v": v, "r": r} for ptex, (v, r) in sorted(contents.entries.items())
            ]
        print(json.dumps(plain(found), indent=2))
        return 0
    for line in lines_of(contents, path):
        print(line)
    if with_entries:
        for ptex, entry in sorted(contents.entries.items()):
            print(entry_line(ptex, entry))
    return 0


def verify_command(path: str, base: str | None) -> int:
    """Read all of `path`, every page included, and build the machine. Raises StreamError."""
    contents = read_contents(path, ram=True, base=base)
    vm = restore_file(path, base=base, verify=True)
    count = sum(contents.records.values())
    print(
        f"{path}: sound, {count} records, {len(contents.devices)} sections, "
        f"{len(contents.entries):,} hash table entries"
    )
    print(f"state    {vm.state_hash()}")
    return 0


def read_either(path: str, base: str | None) -> Contents:
    """With the base if it is this file's."""
    try:
        return read_contents(path, ram=True)
    except StreamError as error:
        if base is None or not str(error).startswith("Base"):
            raise
    return read_contents(path, ram=True, base=base)


def diff_command(left: str, right: str, base: str | None, as_json: bool) -> int:
    """Print how two files differ; the status is 1 when they do."""
    one, other = read_either(left, base), read_either(right, base)
    fields = difference.fields(one, other)
    pages = difference.pages(one.ram, other.ram) if one.ram is not None and other.ram is not None else []
    entries = difference.entries(one, other)
    different = DIFFERENT if fields or pages or entries else 0
    if as_json:
        found = {
            "fields": [{"name": name, "left": a, "right": b} for name, a, b in fields],
            "pages": pages,
            "entries": [{"ptex": ptex, "left": a, "right": b} for ptex, a, b in entries],
        }
        print(json.dumps(plain(found), indent=2))
        return different
    for name, a, b in fields:
        print(f"{name:<32} {show(a)} -> {show(b)}")
    runs = difference.ranges(pages)
    for first, last in runs[:SHOWN]:
        print(f"page {first:#x}" if first == last else f"pages {first:#x} to {last:#x}")
    if len(runs) > SHOWN:
        print(f"… {len(runs) - SHOWN:,} more ranges of pages")
    for ptex, a, b in entries[:SHOWN]:
        print(f"- {entry_line(ptex, a)}")
        print(f"+ {entry_line(ptex, b)}")
    if len(entries) > SHOWN:
        print(f"… {len(entries) - SHOWN:,} more entries")
    print(f"{len(fields):,} fields, {len(pages):,} pages and {len(entries):,} hash table entries differ")
    return different
