"""The demo guest that ships is the one its sources make."""

import shutil
import subprocess
from pathlib import Path

from pyspapr.guests import DEMO

SOURCES = Path(__file__).parent.parent / "guests"
COMPILER = "powerpc64le-linux-gnu-gcc"


def compiler_of(elf: bytes) -> str:
    """Text of the note that names the compiler."""
    start = elf.index(b"demo\0\0\0\0") + 8
    return elf[start : elf.index(b"\0", start)].decode()


def test_rebuilding_the_demo_guest_gives_the_same_bytes(tmp_path: Path) -> None:
    """Byte for byte with the same compiler, in another directory; any compiler must at least build it."""
    assert shutil.which(COMPILER), f"{COMPILER} is missing: apt-get install gcc-powerpc64le-linux-gnu"
    shutil.copytree(SOURCES, tmp_path / "guests", ignore=shutil.ignore_patterns("build"))
    built = subprocess.run(["make", "-C", tmp_path / "guests"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    rebuilt = (tmp_path / "guests/build/demo.elf").read_bytes()
    shipped = DEMO.read_bytes()
    if compiler_of(rebuilt) == compiler_of(shipped):
        assert rebuilt == shipped, "sources and shipped file differ: run `make guest`"


def test_the_demo_guest_is_small() -> None:
    """It is package data, so it has a budget."""
    assert DEMO.stat().st_size < 64 * 1024
