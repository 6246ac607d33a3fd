"""What pip and other front ends call to build the package: maturin, once it is clear that there is a Rust compiler.

Without one maturin would fetch a toolchain, or fail far from where the reason can be seen.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import wraps
from typing import Any

import maturin

HOOKS = (
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
)


def with_cargo(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook, which ends with one sentence unless Rust is here."""

    @wraps(hook)
    def checked(*arguments: Any, **keywords: Any) -> Any:
        if shutil.which("cargo") is None:
            raise SystemExit(
                "pyspapr is built from Rust source, and cargo is not on PATH: install Rust 1.95 or newer "
                "(https://rustup.rs), then install pyspapr again"
            )
        return hook(*arguments, **keywords)

    return checked


globals().update({name: with_cargo(getattr(maturin, name)) for name in HOOKS})
