"""Print what pyproject.toml asks for: the dependencies and those of the extras that are named.

python tools/requirements.py test
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main(extras: list[str]) -> None:
    """One requirement a line."""
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
    for requirement in [*project["dependencies"], *(r for e in extras for r in project["optional-dependencies"][e])]:
        print(requirement.replace(" ", ""))


if __name__ == "__main__":
    main(sys.argv[1:])
