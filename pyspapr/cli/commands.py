"""Commands and their options; the work is in the module of each command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from pyspapr._native import __version__
from pyspapr.cli.options import BOOT, ENGINE, HISTORY, RESTORE, for_click
from pyspapr.config import CPU_MODELS, Engine
from pyspapr.migration.compression import COMPRESSION_WORDS


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="pyspapr")
def cli() -> None:
    """A POWER pseries (PAPR) machine that boots real ppc64 Linux kernels."""


@cli.command()
@for_click(*BOOT)
def boot(**values: Any) -> int:
    """Boot a kernel, with its console here.

    On a terminal, Ctrl-A x leaves and Ctrl-A h shows the other keys. Exit status: 0 the guest powered off, 2 an
    input error, 3 the guest panicked, 4 a limit was reached or the guest can never wake, 5 the engines
    differ (--lockstep), or a replay differs from its recording.
    """
    from pyspapr.cli.boot import boot_line

    return boot_line(**values)


class QemuCommand(click.Command):
    """Its line is never click's to read, only to list and to complete."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """QEMU's options."""
        from pyspapr.cli.door.options import OPTIONS

        names = ["--install", *(name for option in OPTIONS for name in option.names)]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@cli.command(cls=QemuCommand, add_help_option=False)
@click.argument("words", nargs=-1, metavar="[-kernel FILE] [-append TEXT] [-nographic] ...")
def qemu(words: tuple[str, ...]) -> int:
    """Run a machine with QEMU's command line, for frameworks that start `qemu-system-ppc64`.

    `qemu -help` lists the options; any other is refused. `qemu --install DIR` puts qemu-system-ppc64 and
    qemu-system-ppc64le into DIR, for PATH.
    """
    from pyspapr.cli.door import door_command

    return door_command(words)


@cli.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> int:
    """Print what makes SHELL complete commands, options and values.

    bash: eval "$(pyspapr completion bash)" in ~/.bashrc; zsh: the same in ~/.zshrc; fish: pyspapr completion fish >
    ~/.config/fish/completions/pyspapr.fish
    """
    from pyspapr.cli.completion import script

    click.echo(script(shell))
    return 0


QMP_OPTION = click.option(
    "--qmp", required=True, metavar="unix:PATH|tcp:[HOST:]PORT", help="The machine's control socket, see boot --qmp."
)


@cli.command()
@QMP_OPTION
@click.option("--base", metavar="FILE", help="Write only what differs from this file, saved before.")
@click.option("--compression", type=click.Choice(COMPRESSION_WORDS), default="none", show_default=True)
@click.argument("file", metavar="FILE")
def save(qmp: str, base: str | None, compression: str, file: str) -> int:
    """Save a running machine to FILE; it continues afterwards. An older FILE is replaced only on success."""
    from pyspapr.cli.control import save_command

    return save_command(qmp, file, base, compression)


@cli.command()
@QMP_OPTION
@click.option(
    "--bandwidth", metavar="SIZE", help="Bytes per second with K, M or G; 0 for no limit. Default: as it was set."
)
@click.option("--downtime", type=click.IntRange(min=0), metavar="MS", help="Longest time the guest may stand still.")
@click.option("--compression", type=click.Choice(COMPRESSION_WORDS), help="Of RAM's contents.")
@click.option(
    "--tls-creds",
    metavar="DIR",
    help="For tcp, and only tcp: ca-cert.pem, client-cert.pem and client-key.pem are here ('' for none).",
)
@click.option("--detach", is_flag=True, help="Leave when it has begun; query-migrate tells the rest.")
@click.option("--quit", "leave", is_flag=True, help="End the source's process when the guest has arrived.")
@click.argument("target", metavar="TARGET")
def migrate(
    qmp: str,
    bandwidth: str | None,
    downtime: int | None,
    compression: str | None,
    tls_creds: str | None,
    detach: bool,
    leave: bool,
    target: str,
) -> int:
    """Migrate a running machine to TARGET: tcp:[HOST:]PORT, unix:PATH or file:PATH.

    The other side waits there with boot --incoming. Shows passes, RAM, hash table, rate and expected downtime; Ctrl-C
    cancels. Exit status: 0 the guest has arrived (with --detach: the migration has begun), 1 it stays where it was, 2
    a usage error, or the control socket does not answer.
    """
    from pyspapr.cli.control import MigrateOptions, migrate_command
    from pyspapr.config import parse_size

    return migrate_command(
        MigrateOptions(
            qmp=qmp,
            target=target,
            bandwidth=None if bandwidth is None else parse_size(bandwidth, "bandwidth"),
            downtime_ms=downtime,
            compression=compression,
            tls_creds=tls_creds,
            detach=detach,
            leave=leave,
        )
    )


@cli.command()
@click.option("--qmp", metavar="unix:PATH|tcp:[HOST:]PORT", help="The machine's control socket, see boot --qmp.")
@click.argument("command", required=False)
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
def qmp(qmp: str | None, command: str | None, arguments: tuple[str, ...]) -> int:
    """Send COMMAND to the control socket --qmp and print its answer; without COMMAND, list the commands.

    A VALUE is JSON, or a string if it is not valid JSON.
    """
    from pyspapr.cli.control import qmp_command

    return qmp_command(qmp, command, arguments)


@cli.command()
@click.option("--cpu", default="power8", show_default=True, metavar="MODEL", help=f"One of {', '.join(CPU_MODELS)}.")
@for_click(ENGINE)
def demo(cpu: str, engine: Engine) -> int:
    """Boot, save, restore, fork and migrate the small guest that ships with the package, and say what happens."""
    from pyspapr.cli.demo import demo_command

    return demo_command(cpu, engine)


@cli.command()
@click.argument("file", metavar="FILE|-")
@click.option("--address", default="0", metavar="ADDR", help="Address of the first word of a raw or hex file.")
@click.option("--little", is_flag=True, help="Words of a raw file are little-endian.")
def disas(file: str, address: str, little: bool) -> int:
    """Disassemble an ELF file (its executable sections, or segments where there are no section headers), raw machine
    code, or a text of hexadecimal words.

    An invalid word ends it with an error that says where, and exit status 2.
    """
    from pyspapr.cli.disas import disas_command

    return disas_command(file, address, little)


def harness_options(command: Callable[..., int]) -> Callable[..., int]:
    """An option for each row of what can be said about the machine of tests."""
    from pyspapr.harness.rows import ROWS, help_of

    for name, (kind, _, _) in reversed(ROWS.items()):
        add = click.option("--" + name.replace("_", "-"), name, type=kind, metavar=name.upper(), help=help_of(name))
        command = add(command)
    return command


@cli.command("test")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@harness_options
@click.option("-j", "--jobs", type=int, metavar="N", help="Machines that run at once. Default: one a processor.")
@click.option(
    "--junit-xml", "junit", type=click.Path(dir_okay=False), help="Write the results to FILE.", metavar="FILE"
)
@click.option("--cache", metavar="DIR", help="Where the booted machine is kept for later runs; none: nowhere.")
@click.option("--failures", metavar="DIR", help="Save the machines of failed scripts here, for `pyspapr restore`.")
def test_(
    folder: str, jobs: int | None, junit: str | None, cache: str | None, failures: str | None, **values: Any
) -> int:
    """Run the shell scripts (*.sh) in FOLDER, each in a fork of a machine that is booted once.

    Status 0 of a script is a pass and 4 a skip. What NAME.sh prints must be what NAME.out has, if that exists; KTAP
    in it becomes results. A script also fails if its kernel panics, oopses, warns or hangs. FOLDER/spapr.toml may
    have the options (`kernel = "vmlinux"`), and a script a line `# spapr: timeout=30 allow_warnings`. Exit status: 0
    none failed, 1 some did, 2 a usage error.
    """
    from pyspapr.cli.suite import suite_command

    return suite_command(folder, jobs, junit, cache, failures, values)


@cli.command()
def info() -> int:
    """Show processor models, limits and build features."""
    from pyspapr.cli.info import info_command

    return info_command()


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@for_click(*RESTORE)
def restore(file: str, **values: Any) -> int:
    """Continue a saved machine, with its console here. Exit status as for boot."""
    from pyspapr.cli.boot import restore_command

    return restore_command(file, **values)


@cli.command("gdb")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.argument("address", default="tcp:1234", metavar="[ADDRESS]")
@click.option(
    "--base", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The file that FILE continues."
)
@for_click(ENGINE, HISTORY)
def gdb_(file: str, address: str, base: str | None, engine: Engine, history: bool) -> int:
    """Let GDB look into a saved machine, and run it from there: as restore --paused --gdb ADDRESS.

    ADDRESS is unix:PATH or tcp:[HOST:]PORT, by default tcp:1234 on this computer. FILE is not changed.
    """
    from pyspapr.cli.boot import restore_command

    return restore_command(
        file,
        base=base,
        verify=False,
        console="stdio",
        timeout=None,
        max_instructions=None,
        engine=engine,
        qmp=(),
        gdb=address,
        history=history,
        paused=True,
        log=None,
    )


@cli.command("inspect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--base", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The file that FILE continues."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--hpt", is_flag=True, help="List the entries of the hash page table, too.")
def inspect_(file: str, base: str | None, as_json: bool, hpt: bool) -> int:
    """Show what is in a saved machine: every device and every field by name."""
    from pyspapr.cli.look import inspect_command

    return inspect_command(file, base, as_json, hpt)


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--base", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The file that FILE continues."
)
def verify(file: str, base: str | None) -> int:
    """Check a saved machine: every record, every page, and that it can be restored."""
    from pyspapr.cli.look import verify_command

    return verify_command(file, base)


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--base", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The file that FILE continues."
)
@click.argument("vmcore", metavar="VMCORE")
def dump(file: str, base: str | None, vmcore: str) -> int:
    """Write the memory dump VMCORE, an ELF core for drgn, gdb and crash, of a saved machine."""
    from pyspapr.cli.look import dump_command

    return dump_command(file, base, vmcore)


@cli.command("diff")
@click.argument("left", type=click.Path(exists=True, dir_okay=False))
@click.argument("right", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--base", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The file that they continue."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def diff_(left: str, right: str, base: str | None, as_json: bool) -> int:
    """Show how two saved machines differ: fields, pages, hash table entries. The exit status is 1 when they do."""
    from pyspapr.cli.look import diff_command

    return diff_command(left, right, base, as_json)
