"""A folder of shell scripts as tests, for those who do not write pytest.

    tests/
        spapr.toml      kernel = "vmlinux", initrd = "initrd.cpio", append = "...": what is booted once
        mount.sh        runs in the shell of a fork: status 0 is a pass, 4 a skip (as with kselftest), others failures
        mount.out       optional: what mount.sh has to print, to the byte

A line `# spapr: timeout=30 allow_warnings` at the top of a script is about this script. KTAP in what a script prints
becomes results of its own. A script fails as well if the kernel panics, oopses, warns or hangs meanwhile.

Enters: the folder. Leaves: one `Outcome` for each script. Scripts run side by side on threads, each in its own fork, so
none sees another, and all end the same however many run at once.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyspapr.errors import ConfigError, ExpectError, GuestFailure, GuestWarning, ShellError, SpaprError
from pyspapr.harness.facts import Section, facts, last, standing
from pyspapr.harness.rows import FILES, ROWS, SWITCHES, Wanted, converted, wanted
from pyspapr.plain import Plain
from pyspapr.testing.ktap import Result, Status, parse
from pyspapr.testing.shell import COMMAND_MAX

if TYPE_CHECKING:
    from pyspapr.harness.boots import Booted, Boots
    from pyspapr.machine import Machine

SETTINGS: Final = "spapr.toml"
SKIP: Final = 4
"""The exit status of a script that cannot run here (kselftest's KSFT_SKIP)."""
HEAD: Final = 20
"""Lines in which a script speaks about itself."""
HEADER: Final = re.compile(r"^#\s*spapr:\s*(.*)$")
LINES: Final = 100
"""Lines of a report about what a script printed."""


class Script(Plain):
    """One test."""

    name: str
    path: Path
    wanted: Wanted
    expected: Path | None = None


class Outcome(Plain):
    """How a test ended: in one line, and, if it failed, with the guest's facts. `seconds` are of the guest's time."""

    name: str
    status: Status
    message: str = ""
    seconds: float = 0.0
    sections: tuple[Section, ...] = ()
    results: tuple[tuple[str, Result], ...] = ()
    """Those that it reported as KTAP, by name."""


def settings(folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `spapr.toml` says, and over it what is given. Raises ConfigError."""
    import tomllib

    path = folder / SETTINGS
    try:
        with open(path, "rb") as file:
            found: dict[str, Any] = tomllib.load(file)
    except FileNotFoundError:
        found = {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    for name in found:
        if name not in ROWS:
            raise ConfigError(f"{path}: {name!r} is unknown; there are {', '.join(ROWS)}")
    found |= {name: str(folder / found[name]) for name in FILES if isinstance(found.get(name), str)}
    values = found | {name: value for name, value in given.items() if value is not None}
    if values.get("kernel") is None:
        raise ConfigError(f'no kernel is given: add --kernel FILE, or a line kernel = "FILE" to {path}')
    return values


def header(path: Path) -> dict[str, Any]:
    """What a script says of itself. Raises ConfigError."""
    values: dict[str, Any] = {}
    with open(path, errors="replace") as file:
        lines = [file.readline(COMMAND_MAX) for _ in range(HEAD)]
    for line in lines:
        if (match := HEADER.match(line)) is None:
            continue
        for word in match[1].split():
            name, sign, text = word.partition("=")
            if sign and name in ROWS and name not in FILES:
                values[name] = converted(name, text, f"{path}: {name}")
            elif name in SWITCHES and text in ("", "true", "false"):
                values[name] = text != "false"
            else:
                known = [f"{name}=" for name in ROWS if name not in FILES]
                raise ConfigError(
                    f"{path}: {word!r} is unknown after '# spapr:'; there are {', '.join([*known, *SWITCHES])}"
                )
    return values


def find(folder: Path, given: Mapping[str, Any]) -> list[Script]:
    """The scripts of a folder and those below it, by name. Raises ConfigError, also if there is none."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder of tests")
    values = settings(folder, given)
    found = []
    for path in sorted(folder.rglob("*.sh")):
        name = str(path.relative_to(folder))
        expected = path.with_suffix(".out")
        try:
            asked = wanted(values | header(path))
        except (OSError, TypeError) as error:
            raise ConfigError(f"{path}: {error}") from None
        found.append(Script(name, path, asked, expected if expected.exists() else None))
    if not found:
        raise ConfigError(f"there is no test in {folder}: tests are files named *.sh")
    return found


class Suite:
    """Runs scripts."""

    def __init__(self, boots: Boots, failures: Path | None = None) -> None:
        """The machines of failed scripts are saved in `failures`."""
        self._boots = boots
        self._failures = failures
        self._running: set[Machine] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, scripts: Sequence[Script], jobs: int) -> Iterator[Outcome]:
        """The outcome of each, as they end. What is left ends soon if nobody asks for more."""
        with ThreadPoolExecutor(jobs) as executor:
            futures: list[Future[Outcome]] = [executor.submit(self.one, script) for script in scripts]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()
                self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for vm in self._running:
                vm.stop()

    def one(self, script: Script) -> Outcome:
        """The outcome of one."""
        from pyspapr.harness.boots import BootError

        try:
            booted = self._boots.booted(script.wanted.recipe, script.wanted.engine)
        except BootError as error:
            return Outcome(script.name, Status.FAILED, str(error).splitlines()[0], sections=tuple(error.sections))
        except SpaprError as error:
            return Outcome(script.name, Status.FAILED, str(error))
        with booted.fork(script.wanted.engine) as vm:
            with self._lock:
                if self._stopped:
                    return Outcome(script.name, Status.SKIPPED, "stopped")
                self._running.add(vm)
            try:
                return self._judged(script, booted, vm)
            finally:
                with self._lock:
                    self._running.discard(vm)

    def _judged(self, script: Script, booted: Booted, vm: Machine) -> Outcome:
        vm.limit_time(script.wanted.timeout)
        begin = vm.nanos
        message, sections, stuck = "", list[Section](), False
        status, results = Status.PASSED, list[tuple[str, Result]]()
        try:
            text = script.path.read_text()
            ended = vm.shell(text, timeout=script.wanted.timeout, ready_timeout=script.wanted.timeout)
        except (ExpectError, ShellError) as error:
            message = f"it did not end: {error.reason}" if isinstance(error, ExpectError) else str(error)
            results, stuck = named(vm.console.output), True
        except (OSError, ValueError) as error:  # too long, or no text
            message = str(error)
        else:
            results = named(ended.output)
            if ended.status == SKIP:
                status, message = Status.SKIPPED, last(ended.output, 1)
            elif ended.status:
                message = f"it ended with status {ended.status}"
                sections.append(("output", last(ended.output, LINES)))
            elif script.expected is not None and (difference := compared(script.expected, ended.raw)):
                message = f"it printed something else than {script.expected.name} has"
                sections.append(("difference", difference))
            elif bad := [name for name, one in results if one.bad]:
                message = f"{len(bad)} of {len(results)} of its tests failed: {', '.join(bad[:5])}"
                sections.append(("output", last(ended.output, LINES)))
        found = [one for one in booted.failures(vm) if not allowed(script.wanted, one)]
        if found:
            message = str(found[0])
        if status is not Status.SKIPPED or found:
            status = Status.FAILED if message else Status.PASSED
        seconds = (vm.nanos - begin) / 1e9
        if status is Status.FAILED:
            if found or stuck:
                booted.names(vm)
                sections += facts(vm, found)
            else:
                sections.append(("guest: machine", standing(vm)))
            if self._failures is not None:
                sections.append(("guest: saved machine", self._save(script, vm, self._failures)))
        return Outcome(script.name, status, message, seconds, tuple(sections), tuple(results))

    def _save(self, script: Script, vm: Machine, folder: Path) -> str:
        path = folder / (re.sub(r"[^\w.-]+", "-", script.name) + ".spapr")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            vm.save(path)
        except (SpaprError, OSError) as error:
            return f"not saved: {error}"
        return f"{path}\npyspapr restore {path}"


def allowed(asked: Wanted, failure: GuestFailure) -> bool:
    """Whether a script may leave a kernel that has reported this."""
    return not asked.check or (asked.allow_warnings and isinstance(failure, GuestWarning))


def named(text: str) -> list[tuple[str, Result]]:
    """The results that were printed as KTAP, by name."""
    return [("/".join(path), one) for result in parse(text) for path, one in result.leaves()]


def compared(expected: Path, printed: bytes) -> str:
    """How what was printed differs from what had to be; empty if it does not."""
    if (wanted := expected.read_bytes()) == printed:
        return ""
    before, after = (data.decode(errors="replace").splitlines() for data in (wanted, printed))
    lines = difflib.unified_diff(before, after, expected.name, "printed", lineterm="")
    return last("\n".join(lines), LINES) or "only the ends of lines differ"
