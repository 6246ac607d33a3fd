"""Every example runs as its first lines say."""

import subprocess
import sys
from pathlib import Path

import pytest
from fetch_guests import CACHE

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ARGUMENTS = {"boot_linux.py": [str(CACHE / "linux" / "vmlinux"), str(CACHE / "initrd.cpio")]}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_ends_well(name: str) -> None:
    """Status 0 and something to read."""
    command = [sys.executable, str(EXAMPLES / name), *ARGUMENTS.get(name, [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
