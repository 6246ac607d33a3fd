"""What the tests share."""

from __future__ import annotations

import os
import signal
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pyspapr import Machine
from pyspapr import config as spapr_config

# How quick the host is does not say whether a test holds; a test that never ends has pytest's limit.
settings.register_profile("any-host", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-host")
# For `make fuzz`; tests that say themselves how many examples they want are not changed.
settings.register_profile("fuzz", max_examples=int(os.environ.get("PYSPAPR_FUZZ_EXAMPLES", "300")))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", choices=spapr_config.ENGINES, help="run every guest on this engine")


def pytest_configure(config: pytest.Config) -> None:
    # Started in the background by a shell, this process ignores Ctrl-C, and its children would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if (engine := config.getoption("--engine")) is not None:
        spapr_config.DEFAULT_ENGINE = engine


def pytest_report_header() -> str:
    return f"engine: {spapr_config.DEFAULT_ENGINE}"


@pytest.fixture
def vm() -> Machine:
    """A small machine with nothing in it."""
    return Machine(memory="32M")


@pytest.fixture(scope="session")
def demo_guest() -> Path:
    """The guest that ships with the package."""
    return Path(str(files("pyspapr.guests") / "demo.elf"))
