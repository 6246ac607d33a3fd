"""QEMU's options, one function each: what it reads goes into the plan.

A value that the machine does not have is an error that names the option, and the property if it is one of several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from pyspapr._native import __version__, models
from pyspapr.cli.door.plan import NOWHERE, TERMINAL, Channel, Chardev, Plan
from pyspapr.cli.streams import complain
from pyspapr.config import DEFAULT_CPU, DEFAULT_MEMORY
from pyspapr.errors import ConfigError
from pyspapr.plain import Plain

Take = Callable[[Plan, str, str], None]
"""Gets the plan, the option's name as it was given, and its value, or an empty text."""


class Option(Plain):
    """One option: its names, its value's form or nothing, its line in `-help`, and what reads it."""

    names: tuple[str, ...]
    metavar: str
    help: str
    take: Take


OPTIONS: Final[list[Option]] = []


class Answer(Exception):
    """What an option prints instead of running a machine."""


def option(*names: str, value: str = "", says: str) -> Callable[[Take], Take]:
    """A row of the table."""

    def add(take: Take) -> Take:
        OPTIONS.append(Option(names, value, says, take))
        return take

    return add


# Values.


def properties(text: str, first: str | None = None) -> dict[str, str]:
    """`KEY=VALUE,...` with `,,` for a comma in a value. The first may stand without a key, if it is `first`; any other
    word alone means `on`, and `no` before it `off`."""
    found: dict[str, str] = {}
    for position, piece in enumerate(text.replace(",,", "\0").split(",")):
        word = piece.replace("\0", ",")
        key, equals, value = word.partition("=")
        if position == 0 and first is not None and not equals:
            found[first] = word
        elif equals:
            found[key] = value
        elif key.startswith("no"):
            found[key[2:]] = "off"
        elif key:
            found[key] = "on"
    return found


def nothing_left(name: str, left: dict[str, str]) -> None:
    """Raise ConfigError for a property that nobody has taken."""
    for key, value in left.items():
        raise ConfigError(f"{name}: {key}={value} is not to be had here")


def switch(name: str, key: str, text: str) -> bool:
    """`on` or `off`."""
    if text not in ("on", "off", "yes", "no", "true", "false"):
        raise ConfigError(f"{name}: {key} is {text!r}, expected on or off")
    return text in ("on", "yes", "true")


def number(name: str, text: str) -> int:
    """A whole number, 0 or more."""
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ConfigError(f"{name}: {text!r} is not a whole number")
    return int(text)


def socket_of(name: str, channel: Channel, left: dict[str, str], where: dict[str, str]) -> Chardev:
    """A socket's chardev, with what all sockets may say."""
    server = switch(name, "server", left.pop("server", "off"))
    # QEMU waits for the first client unless it is told not to.
    wait = switch(name, "wait", left.pop("wait", "on" if server else "off"))
    return Chardev(channel=channel, server=server, wait=wait and server, log=logfile(name, left), **where)


def logfile(name: str, left: dict[str, str]) -> str | None:
    """Where a chardev's output is written too."""
    if switch(name, "logappend", left.pop("logappend", "off")):
        raise ConfigError(f"{name}: logappend=on is not to be had here: a log begins empty")
    return left.pop("logfile", None)


def place(name: str, text: str) -> Chardev | str:
    """The short form of a character device: `stdio`, `unix:PATH,server=on`, `chardev:ID` and so on."""
    kind, _, rest = text.partition(":")
    if text in ("none", "null"):
        return NOWHERE
    if text in ("stdio", "mon:stdio"):  # there is no monitor for people to share it with
        return TERMINAL
    if kind == "chardev" and rest:
        return rest
    if kind == "file" and rest:
        return Chardev(channel=Channel.FILE, path=rest)
    if kind == "unix" and rest:
        left = properties(rest, "path")
        found = socket_of(name, Channel.UNIX, left, {"path": left.pop("path")})
    elif kind == "tcp" and rest:
        left = properties(rest, "address")
        host, _, port = left.pop("address").rpartition(":")
        found = socket_of(name, Channel.TCP, left, {"host": host, "port": port})
    else:
        forms = "none, stdio, file:PATH, unix:PATH[,server=on][,wait=off], tcp:HOST:PORT[,...] or chardev:ID"
        raise ConfigError(f"{name}: {text!r} is none of {forms}")
    nothing_left(name, left)
    return found


# The machine.

MACHINE_HELP: Final = (
    "Supported machines are:\npseries              pSeries Logical Partition (PAPR compliant) (default)"
)
ONLY: Final = {
    "usb": "off",
    "graphics": "off",
    "ic-mode": "xics",
    "cap-htm": "off",
    "cap-nested-hv": "off",
    "kernel-irqchip": "off",
    "dump-guest-core": "on",
    "mem-merge": "off",
}
"""Properties of the machine with the one value that each has here."""


@option("-M", "-machine", value="pseries[,PROPERTY=VALUE...]", says="The machine; `help` lists it.")
def machine(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "type")
    kind = left.pop("type", "pseries")
    if kind in ("help", "?"):
        raise Answer(MACHINE_HELP)
    if kind != "pseries":
        raise ConfigError(f"{name}: there is no machine {kind!r}: every machine is a pseries")
    if (accelerators := left.pop("accel", None)) is not None:
        plan.accelerators += tuple(accelerators.split(":"))
    for key, value in ONLY.items():
        if key in left and (given := left.pop(key)) != value:
            raise ConfigError(f"{name}: {key}={given} is not to be had here, only {key}={value}")
    nothing_left(name, left)


def cpu_names() -> dict[str, str]:
    """The name of each model by each name that QEMU has for it: `power8` and `power8_v2.0`."""
    names = {}
    for model, facts in models().items():
        names[model] = names[f"{model}_v{int(facts['pvr']) >> 8 & 0xF}.{int(facts['pvr']) & 0xFF}"] = model
    return names


@option("-cpu", value="MODEL", says=f"The processor; `help` lists the models. Default: {DEFAULT_CPU}.")
def cpu(plan: Plan, name: str, text: str) -> None:
    if text in ("help", "?"):
        rows = []
        for full, model in cpu_names().items():
            if full != model:
                rows.append(f"PowerPC {full:<16} PVR {models()[model]['pvr']:08x}")
                rows.append(f"PowerPC {model:<16} (alias for {full})")
        raise Answer("\n".join(rows))
    model, _, features = text.partition(",")
    if features:
        raise ConfigError(f"{name}: {features} is not to be had here: a model has no features to choose")
    if (found := cpu_names().get(model.lower())) is None:
        raise ConfigError(f"{name}: there is no model {model!r}: choose one of {', '.join(models())}")
    plan.cpu = found


@option("-m", value="[size=]SIZE", says=f"RAM: MiB, or with a unit K, M, G or T. Default: {DEFAULT_MEMORY}.")
def memory(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "size")
    size = left.pop("size", DEFAULT_MEMORY)
    for key in ("slots", "maxmem"):
        if key in left:
            raise ConfigError(f"{name}: {key}={left[key]} is not to be had here: RAM cannot be added while it runs")
    nothing_left(name, left)
    plan.memory = f"{size}M" if size.isdigit() else size


@option("-smp", value="[cpus=]N", says="Processors.")
def smp(plan: Plan, name: str, text: str) -> None:
    from pyspapr.config import MachineConfig

    left = properties(text, "cpus")
    parts = {key: number(name, left.pop(key)) for key in ("sockets", "dies", "cores", "threads") if key in left}
    product = 1
    for one in parts.values():
        product *= one
    count = number(name, left.pop("cpus")) if "cpus" in left else product
    if "maxcpus" in left and number(name, left.pop("maxcpus")) != count:
        raise ConfigError(f"{name}: maxcpus is not to be had here: processors cannot be added while it runs")
    nothing_left(name, left)
    if parts and product != count:
        raise ConfigError(f"{name}: {count} processors were asked for, and sockets, cores and threads make {product}")
    if parts.get("threads", 1) != 1:
        raise ConfigError(f"{name}: threads={parts['threads']} is not to be had here: a core has one thread")
    try:
        MachineConfig(vcpus=count)
    except ConfigError as error:
        raise ConfigError(f"{name} {text}: {error}") from None
    plan.vcpus = count


@option("-accel", value="NAME", says="tcg stands for this package's compiler; another name is tried and not found.")
def accel(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "accel")
    kind = left.pop("accel", "")
    if kind in ("help", "?"):
        raise Answer("Accelerators supported in QEMU binary:\ntcg")
    if kind == "tcg" and left.get("thread") in ("single", "multi"):
        del left["thread"]  # nobody can tell
    if kind == "tcg":
        nothing_left(f"{name} {kind}", left)
    plan.accelerators += (kind,)


@option("-enable-kvm", says="Says on standard error that there is no KVM here, and goes on without.")
def enable_kvm(plan: Plan, name: str, text: str) -> None:
    complain(f"{name}: there is no KVM here; the guest runs on this package's own compiler")


@option("-icount", value="shift=0", says="Time is counted in instructions, one a nanosecond, whatever the console is.")
def icount(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "shift")
    if (shift := left.pop("shift", "0")) != "0":
        raise ConfigError(f"{name}: shift={shift} is not to be had here: an instruction takes one nanosecond, shift=0")
    if left.get("sleep") == "off":
        del left["sleep"]  # virtual time skips idle time
    nothing_left(name, left)
    plan.clock = "virtual"


@option("-rtc", value="[base=utc|DATE][,clock=host|vm]", says="What the guest's clock shows at first and follows.")
def rtc(plan: Plan, name: str, text: str) -> None:
    from datetime import UTC, datetime

    left = properties(text, "base")
    base = left.pop("base", "utc")
    if base != "utc":
        try:
            plan.rtc_base = int(datetime.fromisoformat(base).replace(tzinfo=UTC).timestamp())
        except ValueError:
            raise ConfigError(f"{name}: base={base} is not to be had here, only utc or a date (YYYY-MM-DD)") from None
    clock = left.pop("clock", "host")
    if clock not in ("host", "vm"):
        raise ConfigError(f"{name}: clock={clock} is not to be had here, only host or vm")
    if clock == "vm":
        plan.clock = "virtual"
    nothing_left(name, left)


@option("-seed", value="N", says="Seed of everything random.")
def seed(plan: Plan, name: str, text: str) -> None:
    plan.seed = number(name, text)


@option("-name", value="NAME", says="What query-name says.")
def name_(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "guest")
    plan.name = left.pop("guest", None)
    nothing_left(name, left)


# What it starts with.


@option("-kernel", value="FILE", says="The kernel, of either byte order: vmlinux, vmlinuz or zImage.")
def kernel(plan: Plan, name: str, text: str) -> None:
    plan.kernel = text


@option("-initrd", value="FILE", says="Initial RAM disk.")
def initrd(plan: Plan, name: str, text: str) -> None:
    plan.initrd = text


@option("-append", value="TEXT", says="Kernel arguments.")
def append(plan: Plan, name: str, text: str) -> None:
    plan.append = text


@option("-incoming", value="URI|defer", says="Wait for a machine that is migrated here.")
def incoming(plan: Plan, name: str, text: str) -> None:
    plan.incoming = text


@option("-S", says="Wait for `cont` on a control socket.")
def stopped(plan: Plan, name: str, text: str) -> None:
    plan.paused = True


@option("-no-reboot", says="End when the guest asks for a reboot.")
def no_reboot(plan: Plan, name: str, text: str) -> None:
    plan.reboots = False


@option("-no-shutdown", says="Wait for `quit` on a control socket when the guest has ended.")
def no_shutdown(plan: Plan, name: str, text: str) -> None:
    plan.stays = True


@option(
    "-action",
    value="EVENT=ACTION,...",
    says="reboot=reset|shutdown, shutdown=poweroff|pause, panic=shutdown|exit-failure.",
)
def action(plan: Plan, name: str, text: str) -> None:
    for event, what in properties(text).items():
        match event, what:
            case "reboot", "reset" | "shutdown":
                plan.reboots = what == "reset"
            case "shutdown", "poweroff" | "pause":
                plan.stays = what == "pause"
            case "panic", "shutdown" | "exit-failure":
                plan.panic_status = int(what == "exit-failure")
            case _:
                raise ConfigError(f"{name}: {event}={what} is not to be had here")


@option("-pidfile", value="FILE", says="Write the number of this process to FILE.")
def pidfile(plan: Plan, name: str, text: str) -> None:
    plan.pidfile = text


@option("-gdb", value="tcp:[HOST]:PORT|unix:PATH", says="A server for GDB; with -S the guest waits for it.")
def gdb(plan: Plan, name: str, text: str) -> None:
    found = place(name, text)
    if found == NOWHERE:
        return
    if not isinstance(found, Chardev) or found.channel not in (Channel.UNIX, Channel.TCP):
        raise ConfigError(f"{name} {text}: GDB is waited for at tcp:[HOST]:PORT or unix:PATH")
    plan.gdb = found.address


@option("-s", says="As -gdb tcp::1234.")
def gdb_here(plan: Plan, name: str, text: str) -> None:
    gdb(plan, name, "tcp::1234")


# Console and control sockets.


@option("-serial", value="PLACE", says="The console: stdio, mon:stdio, none, file:PATH, unix:PATH[,...] or chardev:ID.")
def serial(plan: Plan, name: str, text: str) -> None:
    plan.serials += (place(name, text),)


@option("-chardev", value="KIND,id=ID[,...]", says="A place for -serial and -mon: stdio, null, file or socket.")
def chardev(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "backend")
    kind = left.pop("backend", "")
    if kind in ("help", "?"):
        raise Answer("Available chardev backend types:\n  file\n  null\n  socket\n  stdio")
    if (called := left.pop("id", None)) is None:
        raise ConfigError(f"{name}: {kind} has no id=")
    if any(called == known for known, _ in plan.chardevs):
        raise ConfigError(f"{name}: there are two with id={called}")
    switch(name, "mux", left.pop("mux", "off"))  # there is no monitor for people to share it with
    match kind:
        case "stdio":
            if not switch(name, "signal", left.pop("signal", "on")):
                raise ConfigError(f"{name}: signal=off is not to be had here: on a terminal Ctrl-C is the guest's")
            made = Chardev(channel=Channel.STDIO, log=logfile(name, left))
        case "null":
            made = Chardev(channel=Channel.NOTHING, log=logfile(name, left))
        case "file" if "path" in left:
            if switch(name, "append", left.pop("append", "off")):
                raise ConfigError(f"{name}: append=on is not to be had here: a file begins empty")
            made = Chardev(channel=Channel.FILE, path=left.pop("path"), log=logfile(name, left))
        case "socket" if "path" in left:
            made = socket_of(name, Channel.UNIX, left, {"path": left.pop("path")})
        case "socket" if "port" in left:
            where = {"host": left.pop("host", ""), "port": left.pop("port")}
            made = socket_of(name, Channel.TCP, left, where)
        case "file" | "socket":
            raise ConfigError(f"{name}: {kind} {called} has no path=")
        case _:
            raise ConfigError(f"{name}: there is no {kind!r} here, only stdio, null, file and socket")
    nothing_left(name, left)
    plan.chardevs += ((called, made),)


@option("-mon", value="[chardev=]ID,mode=control", says="A control socket (QMP) at a chardev.")
def mon(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "chardev")
    where = left.pop("chardev", "")
    if (mode := left.pop("mode", "readline")) != "control":
        raise ConfigError(f"{name}: mode={mode} is not to be had here, only mode=control")
    if switch(name, "pretty", left.pop("pretty", "off")):
        raise ConfigError(f"{name}: pretty=on is not to be had here: every answer is one line")
    nothing_left(name, left)
    plan.monitors += (where,)


@option(
    "-qmp", value="PLACE", says="A control socket (QMP): unix:PATH[,...], tcp:HOST:PORT[,...], stdio or chardev:ID."
)
def qmp(plan: Plan, name: str, text: str) -> None:
    plan.monitors += (place(name, text),)


@option("-monitor", value="none", says="There is no monitor for people.")
def monitor(plan: Plan, name: str, text: str) -> None:
    if text not in ("none", "null"):
        raise ConfigError(f"{name} {text}: there is no monitor for people here: use -qmp, and `pyspapr qmp` to send")


@option("-nographic", says="Without -serial the console is on standard input and output.")
def nographic(plan: Plan, name: str, text: str) -> None:
    plan.display = "nographic"


@option("-nodefaults", says="There is no console unless -serial or -device asks for it.")
def nodefaults(plan: Plan, name: str, text: str) -> None:
    plan.defaults = False


@option("-display", value="none", says="There is no display; without -serial there is no console either.")
def display(plan: Plan, name: str, text: str) -> None:
    if text != "none":
        raise ConfigError(f"{name} {text}: the machine has no display, only -display none")
    if plan.display != "nographic":
        plan.display = "none"


@option(
    "-device", value="spapr-vty,chardev=ID", says="The console at a chardev; the machine has no other devices to add."
)
def device(plan: Plan, name: str, text: str) -> None:
    left = properties(text, "driver")
    driver = left.pop("driver", "")
    if driver in ("help", "?"):
        raise Answer('name "spapr-vty", bus spapr-vio-bus')
    if driver != "spapr-vty":
        raise ConfigError(f"{name} {driver}: the machine has no PCI and no disks, so only spapr-vty can be asked for")
    where = left.pop("chardev", "")
    left.pop("id", None)
    if (reg := left.pop("reg", "")) not in ("", "0x71000000", "1895825408"):
        raise ConfigError(f"{name} {driver}: reg={reg} is not to be had here: the console is at 0x71000000")
    nothing_left(f"{name} {driver}", left)
    plan.serials += (where,)


def only_none(*names: str, what: str) -> None:
    """An option whose only value here is `none`."""

    @option(*names, value="none", says=f"The machine has no {what}.")
    def take(plan: Plan, name: str, text: str) -> None:
        if text != "none":
            raise ConfigError(f"{name} {text}: the machine has no {what}, only {name} none")


only_none("-vga", what="display")
only_none("-parallel", what="parallel port")
only_none("-net", "-nic", what="network")
only_none("-audio", what="sound")


@option("-no-user-config", says="Accepted: there is no configuration file.")
def no_user_config(plan: Plan, name: str, text: str) -> None:
    pass


@option("-version", "--version", says="Print the version.")
def version(plan: Plan, name: str, text: str) -> None:
    raise Answer(f"QEMU emulator version {__version__} (pyspapr {__version__}, which takes QEMU's options)")


@option("-h", "-help", says="Print this.")
def help_(plan: Plan, name: str, text: str) -> None:
    lines = ["usage: pyspapr qemu [OPTION...]", "       pyspapr qemu --install DIR", ""]
    for one in OPTIONS:
        head = " or ".join(one.names) + (f" {one.metavar}" if one.metavar else "")
        lines.append(f"  {head}\n        {one.help}")
    lines += [
        "",
        "Any other option is refused. Exit status: 0 when the guest has ended, 1 for a mistake in the options.",
    ]
    raise Answer("\n".join(lines))


REASONS: Final = {
    "the machine has no disks": "-drive -blockdev -hda -hdb -hdc -hdd -cdrom -snapshot -sd -pflash -mtdblock -fda -fdb "
    "-virtfs -fsdev -boot",
    "the machine has no network": "-netdev",
    "the machine has no display, keyboard or sound": "-vnc -spice -usb -usbdevice -k -full-screen -audiodev -g",
    "there is no firmware: kernels are entered directly": "-bios -prom-env -L -option-rom -fw_cfg",
    "the device tree is made here; -machine and -append change what is in it": "-dtb",
    "use `pyspapr restore FILE`": "-loadvm",
    "use a shell's `&`, and -pidfile": "-daemonize",
    "use `pyspapr boot --profile`, `--strict` or `--lockstep`": "-d -D -dfilter -trace -singlestep "
    "-perfmap -one-insn-per-tb",
    "use `pyspapr boot --record` and `--replay`": "-record -replay",
    "every answer on a control socket is one line: use -qmp": "-qmp-pretty",
    "RAM is one piece": "-numa -mem-path -mem-prealloc -overcommit",
    "there are no objects to make": "-object -global -set -readconfig -writeconfig -plugin",
    "the process keeps its rights": "-sandbox -runas -run-with -chroot",
    "start it with -incoming instead": "-only-migratable",
    "the machine has no such identity": "-uuid -smbios -acpitable",
    "there is nobody to run it in the guest": "-semihosting -semihosting-config",
}
REFUSED: Final = {name: why for why, names in REASONS.items() for name in names.split()}


def read(arguments: Sequence[str]) -> Plan:
    """The plan of a command line. Raises ConfigError, and Answer for an option that only prints."""
    table = {name: one for one in OPTIONS for name in one.names}
    plan = Plan()
    words = list(arguments)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            raise ConfigError(f"{word!r}: the machine has no disks, and a kernel needs -kernel before it")
        name = word[1:] if word.startswith("--") else word  # QEMU takes either
        if (one := table.get(name)) is None:
            raise ConfigError(
                f"{word}: {REFUSED.get(name, 'there is no such option here; -help lists those there are')}"
            )
        if one.metavar and not words:
            raise ConfigError(f"{word} needs a value: {one.metavar}")
        one.take(plan, name, words.pop(0) if one.metavar else "")
    plan.check()
    return plan
