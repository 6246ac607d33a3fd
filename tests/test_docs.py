"""The documentation: the site is built without a warning, and every Python block of its pages and of README is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_linux import guest
from test_linux import pytestmark as pytestmark

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def program(page: Path) -> str:
    """The blocks of a page as one program, with each line where the page has it."""
    text = page.read_text()
    lines = [""] * text.count("\n")
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block[1].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_one_after_the_other(page: Path, tmp_path: Path) -> None:
    for name, where in (("vmlinux", "linux/vmlinux"), ("initrd.cpio", "initrd.cpio")):
        (tmp_path / name).symlink_to(guest(where))
    (tmp_path / page.name).write_text(program(page))
    done = subprocess.run([sys.executable, page.name], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_a_block_of_another_kind_is_not_python() -> None:
    kinds = {kind for page in PAGES for kind in re.findall(r"^ *(?:```|:::)(\S+)$", page.read_text(), re.MULTILINE)}
    assert kinds <= {"python", "console", "ini", "yaml", "{toctree}", "{eval-rst}"}, kinds


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", ROOT / "docs", tmp_path / "site"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "site" / "reference" / "machine.html").read_text()
    for name in ("snapshot", "shell", "migrate", "load_kernel", "check"):
        assert f'id="pyspapr.Machine.{name}"' in page, f"{name} has no entry in the reference"
