"""Options of `boot` and `restore`, one row each: click shows and checks them, and `read` parses a well-formed line
without click. Only an unambiguous line is parsed here; everything else (help, completion, abbreviations, mistakes of
any kind) is left to click. With click alone `pyspapr restore` takes 142 to 152 ms of processor time instead of 123
(`python benches/libraries.py options`), a delay that anyone who restores a machine for each test would notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyspapr._native import PROCESSORS_MAX
from pyspapr.config import (
    CLOCKS,
    CPU_MODELS,
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    ENGINES,
    MEMORY_GRANULE,
    MEMORY_MAX,
    MEMORY_MIN,
    format_size,
)
from pyspapr.plain import Plain

if TYPE_CHECKING:
    F = TypeVar("F", bound=Callable[..., Any])


class Kind(Enum):
    """What the value of an option may be."""

    FLAG = auto()
    TEXT = auto()
    FILE = auto()
    """An existing file."""
    SECONDS = auto()
    COUNT = auto()
    ENGINE = auto()
    CLOCK = auto()
    SEED = auto()


class Option(Plain):
    """One option."""

    names: tuple[str, ...]
    kind: Kind
    help: str
    metavar: str | None = None
    default: str | None = None
    stands_for: str | None = None
    """What omitting the option means, if that differs from any value of it."""
    many: bool = False
    words: tuple[str, ...] = ()
    """What a shell offers to complete the value with, where `kind` and `metavar` do not say."""

    @property
    def key(self) -> str:
        """The name of the function's parameter."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def nothing(self) -> Any:
        """The value when it is not there."""
        if self.kind is Kind.FLAG:
            return False
        return () if self.many else self.default


CONSOLE: Final = Option(
    names=("--console",),
    kind=Kind.TEXT,
    help="Where the guest's console is.",
    metavar="stdio|unix:PATH",
    default="stdio",
)
LOG: Final = Option(
    names=("--log",),
    kind=Kind.TEXT,
    metavar="FILE",
    help="Write what the guest prints to FILE as well, replacing what was in it.",
)
TIMEOUT: Final = Option(names=("--timeout",), kind=Kind.SECONDS, help="Stop after this time.", metavar="SECONDS")
MAX_INSTRUCTIONS: Final = Option(
    names=("--max-instructions",),
    kind=Kind.COUNT,
    help="Stop after N instructions. A guest that idles on the virtual clock never waits for the host then.",
    metavar="N",
)
ENGINE: Final = Option(
    names=("--engine",),
    kind=Kind.ENGINE,
    help="How instructions are executed; only speed depends on it. jit compiles hot code.",
    default="jit",
)
QMP: Final = Option(
    names=("--qmp",),
    kind=Kind.TEXT,
    help="Open a control socket that speaks QMP; may be given more than once. Nobody is asked for a password: without "
    "HOST only this computer can connect.",
    metavar="unix:PATH|tcp:[HOST:]PORT",
    many=True,
)
GDB: Final = Option(
    names=("--gdb",),
    kind=Kind.TEXT,
    help="Wait for GDB there; the guest stops when it connects. Nobody is asked for a password: without HOST only this "
    "computer can connect.",
    metavar="unix:PATH|tcp:[HOST:]PORT",
)
HISTORY: Final = Option(
    names=("--history",),
    kind=Kind.FLAG,
    help="With --gdb: keep the guest's past, so that reverse-step and reverse-continue work. Needs virtual time, a "
    "machine with one processor, and up to 2 GiB of memory.",
)
PAUSED: Final = Option(
    names=("-S", "--paused"),
    kind=Kind.FLAG,
    help="Wait for `cont` on a control socket, or for a debugger's, before the first instruction.",
)

RESTORE: Final = (
    Option(names=("--base",), kind=Kind.FILE, help="The file that FILE continues.", metavar="FILE"),
    Option(
        names=("--verify",), kind=Kind.FLAG, help="Read all of the file first, pages included, and compare digests."
    ),
    CONSOLE,
    LOG,
    TIMEOUT,
    MAX_INSTRUCTIONS,
    ENGINE,
    QMP,
    GDB,
    HISTORY,
    PAUSED,
)


BOOT: Final = (
    Option(
        names=("--kernel",),
        kind=Kind.TEXT,
        metavar="FILE",
        help="64-bit PowerPC kernel of either byte order: an ELF file (vmlinux), one compressed with gzip, xz, lzma or "
        "zstd (vmlinuz), or a zImage, with or without an initrd attached. Needed, but not for --incoming.",
    ),
    Option(names=("--initrd",), kind=Kind.TEXT, metavar="FILE", help="Initial RAM disk."),
    Option(
        names=("--append",),
        kind=Kind.TEXT,
        metavar="TEXT",
        help='Kernel arguments, e.g. "console=hvc0".',
        default="",
    ),
    Option(
        names=("--memory",),
        kind=Kind.TEXT,
        metavar="SIZE",
        help=f"RAM: a number with K, M, G or T, from {format_size(MEMORY_MIN)} to {format_size(MEMORY_MAX)} in steps "
        f"of {format_size(MEMORY_GRANULE)}. A kernel may need more than the least: the guest that ships with the "
        "package needs 48M.",
        stands_for=DEFAULT_MEMORY,
    ),
    Option(
        names=("--cpu",),
        kind=Kind.TEXT,
        metavar="MODEL",
        words=CPU_MODELS,
        help=f"One of {', '.join(CPU_MODELS)}.",
        stands_for=DEFAULT_CPU,
    ),
    Option(
        names=("--smp",),
        kind=Kind.COUNT,
        metavar="N",
        help=f"Processors, 1 to {PROCESSORS_MAX}. They take turns of exact numbers of instructions on one thread "
        "of the host, so runs with virtual time repeat.",
        stands_for="1",
    ),
    Option(
        names=("--clock",),
        kind=Kind.CLOCK,
        help="Time: instructions executed, or the host's clock. Default: host when a person or a socket is at the "
        "console, virtual otherwise.",
    ),
    CONSOLE,
    LOG,
    TIMEOUT,
    MAX_INSTRUCTIONS,
    Option(
        names=("--seed",),
        kind=Kind.SEED,
        metavar="N",
        help="Seed of everything random. Default: 0 with virtual time, the host's randomness with host time.",
    ),
    ENGINE,
    Option(
        names=("--profile",),
        kind=Kind.FLAG,
        help="At the end, say on standard error where the guest's instructions went, by symbol of the kernel and by "
        "engine tier, and why compiled code was left. The guest cannot tell. For machines with one processor.",
    ),
    Option(
        names=("--symbols",),
        kind=Kind.TEXT,
        metavar="FILE",
        help="With --profile: names of code, from an ELF file, a System.map or /proc/kallsyms. Default: the kernel's "
        "own.",
    ),
    Option(
        names=("--trace",),
        kind=Kind.TEXT,
        metavar="KINDS",
        help="Trace what the guest does, on standard error, one JSON object a line: hcall, rtas, irq, mmu, syscall, "
        "context, console, stack (the call chain every million instructions), with commas. The guest cannot tell.",
    ),
    Option(
        names=("--trace-file",),
        kind=Kind.TEXT,
        metavar="FILE",
        help="With --trace: write FILE at the end instead, a million events at most, the latest: .jsonl has lines, "
        ".folded has stacks for flame graphs, anything else is for Chrome and Perfetto.",
    ),
    Option(names=("--strict",), kind=Kind.FLAG, help="Stop at an instruction that has no semantics here."),
    Option(
        names=("--lockstep",),
        kind=Kind.FLAG,
        help="Run two machines side by side, one on each engine, and stop at the first instruction after which they "
        "differ. With virtual time; input comes from standard input.",
    ),
    Option(
        names=("--record",),
        kind=Kind.TEXT,
        metavar="FILE",
        help="Record what comes from the host in FILE: its clock, input and when it came. --replay repeats the run. "
        "For machines with one processor.",
    ),
    Option(
        names=("--replay",),
        kind=Kind.TEXT,
        metavar="FILE",
        help="Run what --record has written, to the last instruction, on either --engine or with --lockstep on both. "
        "--kernel and --initrd are the recorded run's; everything else comes from FILE.",
    ),
    Option(
        names=("--exec",),
        kind=Kind.TEXT,
        metavar="COMMAND",
        help="Run COMMAND in the shell at the console once the guest has one, write what it prints, and end with its "
        "status (3: the guest panicked, 4: it did not end); may be given more than once, up to the first that fails. "
        "With --exec the console itself is not shown.",
        many=True,
    ),
    Option(names=("--no-reboot",), kind=Kind.FLAG, help="End when the guest asks for a reboot."),
    QMP,
    GDB,
    HISTORY,
    PAUSED,
    Option(
        names=("--incoming",),
        kind=Kind.TEXT,
        metavar="URI|defer",
        help="Wait for a machine that is migrated here, at tcp:[HOST:]PORT, unix:PATH, fd:N or file:PATH, or where "
        "migrate-incoming says on a control socket. --kernel is what it reboots with; a machine that is not what "
        "--memory, --cpu, --smp, --clock, --seed or --strict say is refused.",
    ),
    Option(
        names=("--tls-creds",),
        kind=Kind.TEXT,
        metavar="DIR",
        help="With --incoming tcp: ca-cert.pem, server-cert.pem and server-key.pem are here, and only a source with a "
        "certificate of that CA may come.",
        default="",
    ),
)


class Doubt(Exception):
    """The line is click's to read."""


def existing(path: str) -> str:
    """An existing, readable file, as `click.Path(exists=True, dir_okay=False)` has it. Raises Doubt."""
    if not os.path.exists(path) or os.path.isdir(path) or not os.access(path, os.R_OK):
        raise Doubt
    return path


def value_of(option: Option, text: str) -> Any:
    """Convert `text` to the option's value. Raises Doubt."""
    try:
        match option.kind:
            case Kind.FILE:
                return existing(text)
            case Kind.SECONDS if (seconds := float(text)) > 0:
                return seconds
            case Kind.COUNT if (count := int(text)) >= 1:
                return count
            case Kind.ENGINE if text in ENGINES:
                return text
            case Kind.CLOCK if text in CLOCKS:
                return text
            case Kind.SEED if 0 <= (number := int(text)) < 1 << 64:
                return number
            case Kind.TEXT:
                return text
    except ValueError:
        pass
    raise Doubt


def read(options: Sequence[Option], arguments: Sequence[str], count: int) -> tuple[list[str], dict[str, Any]] | None:
    """The `count` files of a line and its options by name, or None when in doubt."""
    by_name = {name: option for option in options for name in option.names}
    values = {option.key: option.nothing for option in options}
    files: list[str] = []
    rest = list(arguments)
    try:
        while rest:
            word = rest.pop(0)
            if not word.startswith("-"):
                files.append(existing(word))
                continue
            name, equals, text = word.partition("=")
            if (option := by_name.get(name)) is None:
                return None
            if option.kind is Kind.FLAG:
                if equals:
                    return None
                values[option.key] = True
                continue
            if not equals:
                if not rest or rest[0].startswith("-"):
                    return None
                text = rest.pop(0)
            value = value_of(option, text)
            values[option.key] = (*values[option.key], value) if option.many else value
    except Doubt:
        return None
    return (files, values) if len(files) == count else None


def for_click(*options: Option) -> Callable[[F], F]:
    """A decorator that gives a command these options."""
    import click
    from click.shell_completion import CompletionItem

    def completions(option: Option) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
        kind = {"FILE": "file", "DIR": "dir"}.get(option.metavar or "")

        def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
            if kind is not None:
                return [CompletionItem(begun, type=kind)]
            return [CompletionItem(word) for word in option.words if word.startswith(begun)]

        return complete

    types: dict[Kind, Any] = {
        Kind.TEXT: str,
        Kind.FILE: click.Path(exists=True, dir_okay=False),
        Kind.SECONDS: click.FloatRange(min=0, min_open=True),
        Kind.COUNT: click.IntRange(min=1),
        Kind.ENGINE: click.Choice(ENGINES),
        Kind.CLOCK: click.Choice(CLOCKS),
        Kind.SEED: click.IntRange(0, (1 << 64) - 1),
    }

    def decorate(function: F) -> F:
        for one in reversed(options):
            if one.kind is Kind.FLAG:
                more: dict[str, Any] = {"is_flag": True}
            else:
                shown = one.stands_for or bool(one.default)
                more = {"type": types[one.kind], "metavar": one.metavar, "multiple": one.many, "show_default": shown}
                if one.default is not None:
                    more["default"] = one.default
                if one.kind is Kind.TEXT:
                    more["shell_complete"] = completions(one)
            function = click.option(*one.names, help=one.help, **more)(function)
        return function

    return decorate
