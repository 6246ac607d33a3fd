"""What a test wants to start from: which kernel is booted how, until when. Its `key` names the saved result.

Enters: plain values from options, markers and files. Leaves: a checked `Recipe`. Two recipes have one key exactly if
their boots leave the same machine: files count by their contents, and so does the package itself.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyspapr.config import DEFAULT_CPU, DEFAULT_MEMORY, MachineConfig, check_timeout, whole
from pyspapr.errors import ConfigError
from pyspapr.host.paths import open_file, shown
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Mapping

BOOT_TIMEOUT: Final = 300.0
APPEND: Final = "console=hvc0"


class Recipe(Plain, kw_only=True):
    """A boot. It ends when `prompt` is on the console; without one, when the shell there answers.

    `boot_timeout` is in seconds of the guest's time. Sizes, models and the seed are those of `MachineConfig`.
    """

    kernel: str
    initrd: str | None = None
    append: str = APPEND
    memory: int | str = DEFAULT_MEMORY
    cpu: str = DEFAULT_CPU
    smp: int = 1
    seed: int = 0
    prompt: str | None = None
    boot_timeout: float = BOOT_TIMEOUT

    @property
    def config(self) -> MachineConfig:
        """The machine. Raises ConfigError."""
        return MachineConfig(memory=self.memory, cpu=self.cpu, vcpus=whole("smp", self.smp), seed=self.seed)

    def check(self) -> None:
        """Raise ConfigError for what cannot be booted."""
        _ = self.config
        check_timeout(self.boot_timeout)
        for what, path in (("kernel", self.kernel), ("initrd", self.initrd)):
            if path is not None:
                try:
                    open_file(path).close()
                except OSError as error:
                    raise ConfigError(f"{what} {shown(path)} cannot be read: {error.strerror or error}") from None

    def key(self) -> str:
        """The name of its saved machine."""
        import hashlib
        import json

        config = self.config
        facts = {
            "version": of_package(),
            "kernel": of_file(self.kernel),
            "initrd": None if self.initrd is None else of_file(self.initrd),
            "append": self.append,
            "config": {name: str(value) for name, value in config.as_dict().items()},
            "prompt": self.prompt,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @classmethod
    def of(cls, values: Mapping[str, Any], directory: str | os.PathLike[str] | None = None) -> Recipe:
        """From values by name, with file names relative to `directory`. Raises ConfigError, also for other names."""
        unknown = [name for name in values if name not in cls._names]
        if unknown:
            raise ConfigError(f"{unknown[0]!r} is unknown here: there are {', '.join(cls._names)}")
        if values.get("kernel") is None:
            raise ConfigError("no kernel is given")
        values = dict(values)
        for name in ("kernel", "initrd"):
            if values.get(name) is not None:
                values[name] = str(Path(directory or ".", values[name]))
        for name in ("append", "cpu", "prompt"):
            if not isinstance(values.get(name, ""), str | None):
                raise ConfigError(f"{name} is {values[name]!r}, expected a text")
        made = cls(**values)
        made.check()
        return made


def _stamp(path: str) -> tuple[str, int, int, int]:
    status = os.stat(path)
    return os.path.realpath(path), status.st_ino, status.st_size, status.st_mtime_ns


@cache
def _digest(stamp: tuple[str, int, int, int]) -> str:
    import hashlib

    with open_file(stamp[0]) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_file(path: str) -> str:
    """The digest of a file's contents, read once as long as the file stays as it is."""
    return _digest(_stamp(path))


@cache
def of_package() -> str:
    """The digest of this package's code: what one version has saved, another might boot differently."""
    import hashlib

    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted([*root.rglob("*.py"), *root.glob("_native*")]):
        digest.update(f"{path.relative_to(root)} {of_file(str(path))}\n".encode())
    return digest.hexdigest()
