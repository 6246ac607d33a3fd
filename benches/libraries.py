"""What is won by the parts that we wrote ourselves where a library does the same.

    python benches/libraries.py [cbor] [options] [plain] [--runs N]

| part | instead of | measured |
|---|---|---|
| `vmstate/cbor.py`, decoding | `cbor2.loads` | processor time here and from the shell; memory for hostile bytes |
| `cli/options.py` | click alone | processor time of `pyspapr restore`, from the shell |
| `plain.py` | `dataclasses` | the same |

Figures from the shell are processor time, user and system, of the whole process, the smallest of all runs, both ways in
turns. What a person waits for is a little longer. Each part names its figures in a comment of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import cbor2

from pyspapr import Machine
from pyspapr.migration.records import Device, Kind, Schemas
from pyspapr.migration.stream import StreamReader
from pyspapr.vmstate.cbor import Cursor
from pyspapr.vmstate.types import Array, Boolean, Bytes, List, Signed, Str, Struct, Unsigned, VarBytes

RESTORE = "import sys; from pyspapr.cli import run; run(['restore', sys.argv[1], '--max-instructions', '1'])"
CLICK = "from pyspapr.cli import options; options.read = lambda *_: None; "
DATACLASSES = """
import dataclasses, sys, types
import pyspapr.plain as ours
class Plain:
    def __init_subclass__(cls, *, frozen=True, kw_only=False):
        for name, default in list(vars(cls).items()):
            if name in cls.__annotations__ and type(default).__hash__ is None:
                setattr(cls, name, dataclasses.field(default_factory=lambda default=default: default))
        dataclasses.dataclass(frozen=frozen, kw_only=kw_only)(cls)
        cls._names = tuple(cls.__dataclass_fields__)
    def __post_init__(self): pass
    def as_dict(self): return {name: getattr(self, name) for name in self._names}
    def replace(self, **changes): return dataclasses.replace(self, **changes)
ours.Plain = Plain
"""
BEFORE_THE_PACKAGE = """
import sys, types
package = types.ModuleType("pyspapr"); package.__path__ = [sys.argv[2]]
sys.modules["pyspapr"] = package
"""
INSTRUCTIONS = 3_000_017


def saved(directory: Path) -> tuple[Machine, Path]:
    """The small guest, in the middle of what it does, and the file that it is saved to."""
    vm = Machine(memory="64M")
    with as_file(files("pyspapr.guests") / "demo.elf") as kernel:
        vm.load_kernel(kernel)
    vm.run(max_instructions=INSTRUCTIONS)
    vm.save(directory / "saved", compression="zstd")
    return vm, directory / "saved"


def processor_time(code: str, *arguments: str) -> float:
    """Of a process that runs `code`, in milliseconds."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.execv(sys.executable, [sys.executable, "-c", code, *arguments])
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 4):
        raise RuntimeError(f"exit status {os.waitstatus_to_exitcode(status)} of {code}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def in_turns(runs: int, *ways: Callable[[], float]) -> list[float]:
    """The smallest figure of each way."""
    found = [[way() for way in ways] for _ in range(runs)]
    return [min(row) for row in zip(*found, strict=True)]


def here(function: Callable[[], object]) -> Callable[[], float]:
    """Processor time of a call in this process, in milliseconds, the mean of twenty."""

    def measure() -> float:
        begin = time.process_time()
        for _ in range(20):
            function()
        return (time.process_time() - begin) * 1000 / 20

    return measure


def value_of(type_: Any, value: Any) -> object:
    """A value that cbor2 has decoded, as our types read it: what would be left to do behind cbor2."""
    kind, came = type(type_), type(value)
    if kind is Struct and came is list and len(value) == len(type_.members):
        return {name: value_of(member, item) for (name, member), item in zip(type_.members, value, strict=True)}
    if kind is Array and came is list and len(value) == type_.count:
        return [value_of(type_.of, item) for item in value]
    if kind is List and came is list and len(value) <= type_.limit:
        return [value_of(type_.of, item) for item in value]
    if kind is Unsigned and came is int and 0 <= value < 1 << type_.bits:
        return value
    if kind in (Unsigned, Signed) and came is bytes and len(value) == type_.bits // 8:
        return int.from_bytes(value, "big", signed=kind is Signed)
    if kind is Bytes and came is bytes and len(value) == type_.size:
        return value
    if kind in (VarBytes, Str) and came in (bytes, str) and len(value) <= type_.limit:
        return value
    if kind is Boolean and came is bool:
        return value
    raise ValueError(f"{value!r} is no {type_}")


def cbor(runs: int, directory: Path) -> None:
    """Decoding."""
    vm, path = saved(directory)
    devices, layouts, described = [], {}, b""
    with open(path, "rb") as file:
        reader = StreamReader(file.read)
        while reader.last is not Kind.END:
            record = reader.next()
            if isinstance(record, Device):
                devices.append(record)
            elif isinstance(record, Schemas):
                layouts = {layout.name: layout for layout in record.layouts}
                described = record.encode()

    def ours() -> None:
        for device in devices:
            device.values(layouts[device.name])

    def theirs() -> None:
        for device in devices:
            value = cbor2.loads(device.body)
            if cbor2.dumps(value) != device.body:
                raise ValueError
            value_of(Struct(layouts[device.name].fields), value[0])

    def compared() -> None:
        if cbor2.dumps(cbor2.loads(described)) != described:
            raise ValueError

    snapshot = vm.snapshot()
    whole = here(lambda: snapshot.fork().close())
    figures = in_turns(
        runs, here(ours), here(theirs), here(lambda: Schemas._decode(Cursor(described, ""))), here(compared), whole
    )
    print("decoding, milliseconds of processor time:")
    print(
        f"  sections of a machine: {figures[0]:.3f} with ours, {figures[1]:.3f} with cbor2, encoded again and compared"
    )
    print(f"  their schemas, once a process: {figures[2]:.3f} with ours, {figures[3]:.3f} with cbor2, types unchecked")
    print(f"  of a fork that takes {figures[4]:.3f}")
    plain, imported = in_turns(
        runs, lambda: processor_time(RESTORE, str(path)), lambda: processor_time(f"import cbor2; {RESTORE}", str(path))
    )
    print(f"  `pyspapr restore`: {plain:.1f}, and {imported:.1f} where cbor2 is imported")
    print("memory, bytes that a decoder takes for each byte of a record before a schema can be looked at:")
    for name, item in (("empty arrays", b"\x80"), ("empty maps", b"\xa0"), ("small integers", b"\x00")):
        count = 1 << 20
        encoded = b"\x9a" + count.to_bytes(4, "big") + item * count
        tracemalloc.start()
        value = cbor2.loads(encoded)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del value
        print(f"  {name}: {peak / len(encoded):.0f} with cbor2, 0 with ours, which refuses the first")


def options(runs: int, directory: Path) -> None:
    """Command lines."""
    _, path = saved(directory)
    ours, click = in_turns(
        runs, lambda: processor_time(RESTORE, str(path)), lambda: processor_time(CLICK + RESTORE, str(path))
    )
    print(
        f"`pyspapr restore`, milliseconds of processor time: {ours:.1f} with options.py, {click:.1f} with click alone"
    )


def plain(runs: int, directory: Path) -> None:
    """Classes of values."""
    _, path = saved(directory)
    package = str(files("pyspapr"))
    with_dataclasses = BEFORE_THE_PACKAGE + DATACLASSES + 'del sys.modules["pyspapr"]\n' + RESTORE
    ours, theirs = in_turns(
        runs,
        lambda: processor_time(RESTORE, str(path)),
        lambda: processor_time(with_dataclasses, str(path), package),
    )
    print(f"`pyspapr restore`, milliseconds of processor time: {ours:.1f} with plain.py, {theirs:.1f} with dataclasses")


PARTS = {"cbor": cbor, "options": options, "plain": plain}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them by default")
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    if unknown := [part for part in arguments.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]}: choose of {', '.join(PARTS)}")
    for part in arguments.parts or PARTS:
        with tempfile.TemporaryDirectory() as directory:
            PARTS[part](arguments.runs, Path(directory))


if __name__ == "__main__":
    main()
