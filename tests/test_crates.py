"""Crates know each other in one direction only, and Python only at the top."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CRATES = Path(__file__).parent.parent / "crates"
MAY_KNOW = {
    "track": set[str](),
    "hpt": {"track"},
    "ppc-core": {"track", "hpt"},
    "partition": {"track", "hpt", "ppc-core"},
    "gdb": set(),
    "native": {"track", "hpt", "ppc-core", "partition", "gdb"},
}


def dependencies(manifest: dict[str, Any]) -> Iterator[str]:
    """The packages that a manifest names: for the crate, its tests, its build, and single targets."""
    for key, value in manifest.items():
        if key.endswith("dependencies"):
            for name, wanted in value.items():
                table = wanted if isinstance(wanted, dict) else {}
                yield table.get("package", name)
                if "path" in table:
                    yield Path(table["path"]).name
        elif isinstance(value, dict):
            yield from dependencies(value)


def faults(crate: str, manifest: str) -> list[str]:
    """What a crate names and must not know."""
    named = set(dependencies(tomllib.loads(manifest)))
    python = {name for name in named if name.startswith("pyo3") and crate != "native"}
    return sorted((named & MAY_KNOW.keys()) - MAY_KNOW[crate] | python)


def test_a_crate_names_only_those_below_it() -> None:
    assert {path.parent.name for path in CRATES.glob("*/Cargo.toml")} == MAY_KNOW.keys()
    for crate in MAY_KNOW:
        assert not faults(crate, (CRATES / crate / "Cargo.toml").read_text()), crate


def test_a_name_that_a_crate_must_not_know_is_found_wherever_it_stands() -> None:
    assert faults("hpt", '[dev-dependencies]\nppc-core = { path = "../ppc-core" }') == ["ppc-core"]
    assert faults("hpt", '[dependencies]\ncore = { package = "ppc-core", version = "1" }') == ["ppc-core"]
    assert faults("track", '[dependencies]\ntable = { path = "../hpt" }') == ["hpt"]
    assert faults("partition", '[target."cfg(unix)".dependencies]\npyo3-ffi = "1"') == ["pyo3-ffi"]
    assert not faults("native", '[dependencies]\npyo3 = "1"\npartition = { path = "../partition" }')
