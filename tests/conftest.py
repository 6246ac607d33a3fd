"""What the tests share."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import settings

from pyspapr import Machine

# For `make fuzz`; tests that say themselves how many examples they want are not changed.
settings.register_profile("fuzz", max_examples=int(os.environ.get("PYSPAPR_FUZZ_EXAMPLES", "300")), deadline=None)


@pytest.fixture
def vm() -> Machine:
    """A small machine with nothing in it."""
    return Machine(memory="32M")


@pytest.fixture(scope="session")
def demo_guest() -> Path:
    """The guest that ships with the package."""
    return Path(str(files("pyspapr.guests") / "demo.elf"))
