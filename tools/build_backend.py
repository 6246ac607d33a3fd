"""What pip and other front ends call to build the package: maturin, once it is clear that there is a Rust compiler.

Without one maturin would fetch a toolchain, or fail far from where the reason can be seen.
"""

from __future__ import annotations

import shutil
from typing import Any

import maturin
from maturin import (
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def check_cargo() -> None:
    """End with one sentence unless Rust is here."""
    if shutil.which("cargo") is None:
        raise SystemExit(
            "pyspapr is built from Rust source, and cargo is not on PATH: install Rust 1.95 or newer "
            "(https://rustup.rs), then install pyspapr again"
        )


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """The first question that a front end asks."""
    check_cargo()
    return list(maturin.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_editable(config_settings: dict[str, Any] | None = None) -> list[str]:
    """As for a wheel."""
    check_cargo()
    return list(maturin.get_requires_for_build_editable(config_settings))
