"""Write this version's golden streams and schema dump to tests/data. Once written they stay: they must load for ever.

    python tools/golden.py 1

Run it when a schema changes, with the next number, and commit the files with the change and its CHANGELOG line.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import as_file, files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from streams import small_stream

from pyspapr import Machine, devices, vmstate
from pyspapr.handlers import RtasCall
from pyspapr.rtas import tokens

DATA = Path(__file__).parent.parent / "tests" / "data"
INSTRUCTIONS = 3_000_017
"""Where the guest stands: in the middle of its page operations."""


def main(number: str) -> None:
    """Write the files of `number`."""
    DATA.mkdir(exist_ok=True)
    (DATA / f"schemas-{number}.json").write_text(json.dumps(vmstate.dump(devices.tables()), indent=1) + "\n")
    found = tokens(row for row in devices.calls() if isinstance(row, RtasCall))
    (DATA / f"rtas-tokens-{number}.json").write_text(
        json.dumps(dict(sorted(found.items(), key=lambda pair: pair[1])), indent=1) + "\n"
    )
    (DATA / f"small-{number}.stream").write_bytes(small_stream())
    vm = Machine(memory="64M")
    with as_file(files("pyspapr.guests") / "demo.elf") as kernel:
        vm.load_kernel(kernel)
    vm.run(max_instructions=INSTRUCTIONS)
    vm.save(DATA / f"golden-{number}.spapr", compression="zstd")


if __name__ == "__main__":
    main(sys.argv[1])
