"""Debian's packages without installing them: apt with its own state in a directory, and dpkg-deb."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


class FetchError(Exception):
    """Something could not be fetched; the message says which and why."""


def run(*command: str, cwd: Path | None = None) -> str:
    """Output of a command. Raises FetchError with its last words."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        raise FetchError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise FetchError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def suite(name: str) -> str:
    """A suite of Debian as a line of sources.list, from where this system has its packages."""
    for where in run("apt-get", "indextargets", "--format", "$(REPO_URI)").split():
        if where.rstrip("/").endswith("/debian"):
            return f"deb [signed-by={KEYS}] {where} {name} main"
    raise FetchError("apt knows no archive of Debian's; run apt-get update")


class Apt:
    """apt with its state under `directory`, for some architectures, the first being what a plain package name means."""

    def __init__(self, directory: Path, architectures: Sequence[str], source: str | None = None) -> None:
        """Make the directories apt insists on. `source` is a line of sources.list, the system's if there is none."""
        directory = directory.absolute()
        for part in ("lists/partial", "cache/archives/partial"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        (directory / "status").touch()
        self.directory = directory
        settings = [
            f"APT::Architecture={architectures[0]}",
            "APT::Architectures=" + ",".join(architectures),
            f"Dir::State::Lists={directory}/lists",
            f"Dir::State::status={directory}/status",
            f"Dir::Cache={directory}/cache",
            "APT::Sandbox::User=root",
            "Acquire::Retries=3",
        ]
        if source is not None:
            (directory / "sources.list").write_text(source + "\n")
            settings += [f"Dir::Etc::sourcelist={directory}/sources.list", "Dir::Etc::sourceparts=/dev/null"]
        self.options = [option for setting in settings for option in ("-o", setting)]

    def update(self) -> None:
        """Fetch the package lists. One archive of several may be out of order; a package that is missing will tell."""
        try:
            run("apt-get", *self.options, "update", "-q")
        except FetchError as error:
            print(f"going on without some package lists: {error}", file=sys.stderr)

    def depends(self, package: str) -> dict[str, list[str]]:
        """What `package` needs, and what that needs, and so on: names by name; of alternatives all."""
        output = run("apt-cache", *self.options, "depends", "--recurse", "--important", package)
        needs: dict[str, list[str]] = {}
        latest: list[str] = []
        for line in output.splitlines():
            words = line.replace("|", " ").split()
            if not line.startswith(" "):
                latest = needs.setdefault(words[0], [])
            elif words[0] in ("Depends:", "PreDepends:"):
                latest.append(words[1])
        return needs

    def unpack(self, target: Path, *packages: str) -> None:
        """Download packages and unpack them to `target`."""
        with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
            run("apt-get", *self.options, "download", *packages, cwd=Path(scratch))
            debs = sorted(Path(scratch).glob("*.deb"))
            if len(debs) != len(packages):
                raise FetchError(f"apt-get download {packages} left {len(debs)} packages, expected {len(packages)}")
            for deb in debs:
                run("dpkg-deb", "-x", str(deb), str(target))
