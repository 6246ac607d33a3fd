"""`pip install` where Rust is not: one sentence that says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("isolated", ["get_requires_for_build_wheel({})", "prepare_metadata_for_build_wheel('.', {})"])
def test_a_missing_cargo_is_named_at_the_first_step(tmp_path: Path, isolated: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import build_backend; build_backend.{isolated}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("pyspapr is built from Rust source, and cargo is not on PATH: install Rust ")
    assert done.stderr.count("\n") == 1


def test_front_ends_find_every_hook() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import build_backend as b; print(*b.HOOKS)"
    hooks = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"build_wheel", "build_sdist", "get_requires_for_build_wheel"} <= set(hooks)
