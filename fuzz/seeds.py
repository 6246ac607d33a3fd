"""Make the seed corpora in `fuzz/corpus` from what the package itself produces. Small, and the same every time.

    python fuzz/seeds.py

The built-in guest runs for a while in a machine with the smallest hash page table; its passes are the chunks, its
text the instructions.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from itertools import islice
from pathlib import Path

from pyspapr import Machine
from pyspapr._native import Hpt, Ram, Start

CORPUS = Path(__file__).resolve().parent / "corpus"
GUEST = Path(str(files("pyspapr.guests") / "demo.elf"))
SEEDS = 40
"""Of each kind, at most."""
RAM_SIZE = 1 << 18
"""What fuzz_targets/ram_chunk.rs has."""


def write(target: str, seeds: Iterable[bytes]) -> int:
    """Store the first seeds of a target by number."""
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, seed in enumerate(islice(seeds, SEEDS), 1):
        (directory / f"seed-{count:03}").write_bytes(seed)
    return count


def hpt_chunks(hpt: Hpt) -> Iterable[bytes]:
    """An empty chunk, and a table in chunks of several sizes."""
    yield b""
    for size in (1, 64, 512, 4096):
        chunks = hpt.start_pass(Start.Untracked())
        for _ in range(SEEDS // 5):
            if (chunk := chunks.next(size)) is None:
                break
            yield chunk[0]


def ram_inputs() -> Iterable[bytes]:
    """Pieces of the guest in RAM, with zero pages between, in the target's form: fit, length of the index, both."""
    data = GUEST.read_bytes()
    ram = Ram(RAM_SIZE)
    for page in (0, 3, 4, 17, 40, 63):
        ram.write(page << 12, data[page << 8 :][:64])
    ram.write(5 << 12, bytes(64))
    for size in (1, 8192, 65536):
        chunks = ram.start_pass(Start.Untracked())
        while (chunk := chunks.next(size, None)) is not None:
            index, pages = chunk[0], chunk[1]
            for fit, contents in ((0, pages), (1, pages[:64])):
                if len(contents) <= 8192:
                    yield bytes((fit,)) + len(index).to_bytes(2, "big") + index + contents


def instructions() -> Iterable[bytes]:
    """The guest's text, and the primary opcodes."""
    yield b"".join((opcode << 26).to_bytes(4, "big") for opcode in range(64))
    data = GUEST.read_bytes()
    for offset in range(0x1000, len(data) - 256, 256):
        piece = data[offset : offset + 256]
        if any(piece):
            yield piece


def main() -> None:
    """Write all of them."""
    vm = Machine(memory="64M", hpt_shift=18)
    vm.load_kernel(GUEST)
    vm.run(max_instructions=3_000_000)
    for target, seeds in (
        ("hpt_chunk", hpt_chunks(vm.partition.hpt)),
        ("ram_chunk", ram_inputs()),
        ("instruction", instructions()),
    ):
        print(f"{target}: {write(target, seeds)} seeds")


if __name__ == "__main__":
    main()
