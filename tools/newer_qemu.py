"""Fetch the newest user-mode QEMU of Debian's later suites, under `.cache/qemu/`, beside the installed one.

    python tools/newer_qemu.py

The first suite of `fetch_guests.NEWER_SUITES` that has the package is taken; nothing is installed. The programs have
the names of the installed ones: with the printed folder at the start of PATH, tests and benchmarks run them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from fetch_guests import NEWER_SUITES
from packages import Apt, FetchError, run, suite

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "qemu"
PACKAGE = "qemu-user"
PROGRAMS = ("qemu-ppc64", "qemu-ppc64le")


def fetch(cache: Path = CACHE) -> Path:
    """The folder with the programs. Raises FetchError with what each suite said."""
    target = cache / "bin"
    if target.exists():
        return target
    refusals = []
    for name in NEWER_SUITES:
        apt = Apt(cache / f"apt-{name}", [run("dpkg", "--print-architecture").strip()], suite(name))
        apt.update()
        try:
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                apt.unpack(Path(scratch), PACKAGE)
                part = Path(scratch) / "bin"
                part.mkdir()
                for program in PROGRAMS:
                    shutil.move(Path(scratch) / "usr" / "bin" / program, part / f"{program}-static")
                part.rename(target)
            return target
        except (FetchError, OSError) as error:
            refusals.append(f"{name}: {error}")
    raise FetchError("; ".join(refusals))


def main() -> int:
    """Fetch, and print where the programs are and what they are."""
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        target = fetch()
        print(run(str(target / f"{PROGRAMS[0]}-static"), "--version").splitlines()[0], file=sys.stderr)
    except FetchError as error:
        print(f"newer_qemu: {error}", file=sys.stderr)
        return 1
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
