"""What the tests share."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from pyspapr import Machine


@pytest.fixture
def vm() -> Machine:
    """A small machine with nothing in it."""
    return Machine(memory="32M")


@pytest.fixture(scope="session")
def demo_guest() -> Path:
    """The guest that ships with the package."""
    return Path(str(files("pyspapr.guests") / "demo.elf"))
