"""The rows of the human monitor that look at a machine, and those that control it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspapr._native import MSR_DR, PAGE, describe_hpte
from pyspapr.debug.virtual import VirtualMemory
from pyspapr.partition.owner import owner
from pyspapr.qmp import examine
from pyspapr.qmp.human import COMMANDS, INFO, Human, human, info, lines
from pyspapr.qmp.line import Format, LineError
from pyspapr.qmp.registry import Where

if TYPE_CHECKING:
    pass

SUM_MAX = 1 << 24
"""Bytes that `sum` adds up."""


def virtual(here: Human) -> VirtualMemory:
    """The guest's memory by effective address."""
    return VirtualMemory(owner(here.monitor.vm.partition, "the monitor"))


# Help.


@human("help|?", "[command:word] [topic:word]", where=Where.ANYWHERE)
def help_(here: Human, command: str | None, topic: str | None) -> str:
    """Show the commands, or one."""
    if command is None:
        return lines(sorted({row.described() for row in COMMANDS.values()}))
    if command == "info":
        rows = INFO.values() if topic is None else [INFO[topic]] if topic in INFO else []
        if rows:
            return lines(sorted({row.described("info ") for row in rows}))
        return f"unknown command: 'info {topic}'\n"
    if (row := COMMANDS.get(command)) is None:
        return f"unknown command: '{command}'\n"
    return row.described() + "\n"


@human("info", where=Where.ANYWHERE)
def info_(here: Human) -> str:
    """Show what `info` can show."""
    return help_(here, "info", None)


# Memory and registers.


@human("xp", "/fmt address:number")
def xp(here: Human, form: Format, address: int) -> str:
    """Dump memory at a real address."""
    vm = here.monitor.vm.partition
    return lines(examine.memory(vm.memory.read, address, form, virtual(here).byte_order))


@human("x", "/fmt address:number")
def x(here: Human, form: Format, address: int) -> str:
    """Dump memory at an effective address, by the guest's translation."""
    found, memory = virtual(here), here.monitor.vm.partition.memory

    def real(at: int, length: int) -> bytes:
        """As the processor does it whose translation is off: without the upper four bits."""
        return memory.read(at & (1 << 60) - 1, length)

    read = found.read if here.cpu["msr"] & MSR_DR else real
    return lines(examine.memory(read, address, form, found.byte_order))


@human("print|p", "/fmt expression:number")
def print_(here: Human, form: Format, expression: int) -> str:
    """Show the value of an expression; $NAME is a register."""
    return examine.printed(expression, form.kind) + "\n"


@human("sum", "address:number size:number")
def sum_(here: Human, address: int, size: int) -> str:
    """Show the checksum of `sum -a` of memory at a real address."""
    if size > SUM_MAX:
        raise LineError(f"{size} bytes are more than {SUM_MAX}")
    total = 0
    for byte in here.monitor.vm.partition.memory.read(address, size):
        total = ((total >> 1 | total << 15) + byte) & 0xFFFF
    return f"{total:05d}\n"


@human("gva2gpa", "address:number")
def gva2gpa(here: Human, address: int) -> str:
    """Show the real address of an effective one."""
    real = virtual(here).real(address)
    return "Unmapped\n" if real is None else f"gpa: {real:#x}\n"


@human("gpa2hva", "address:number", where=Where.ANYWHERE)
def gpa2hva(here: Human, address: int) -> str:
    """Refused: guest memory has no host address that a client may use."""
    return "Guest memory has no host address here that another process could read; use xp or pmemsave.\n"


@human("gpa2hpa", "address:number", where=Where.ANYWHERE)
def gpa2hpa(here: Human, address: int) -> str:
    """Refused: guest memory has no fixed place in the host's."""
    return "Guest memory has no fixed place in the host's memory; use xp or pmemsave.\n"


@human("memsave", "address:number size:number filename:file")
def memsave(here: Human, address: int, size: int, filename: str) -> None:
    """Save memory at an effective address to a file."""
    here.qmp("memsave", val=address, size=size, filename=filename, cpu_index=here.index)


@human("pmemsave", "address:number size:number filename:file")
def pmemsave(here: Human, address: int, size: int, filename: str) -> None:
    """Save memory at a real address to a file."""
    here.qmp("pmemsave", val=address, size=size, filename=filename)


@human("dump-guest-memory", "[-p] [-d] filename:file [begin:number] [length:number]")
def dump_guest_memory(
    here: Human, paging: bool, detach: bool, filename: str, begin: int | None, length: int | None
) -> None:
    """Write a memory dump, an ELF core, to a file."""
    chosen = {name: one for name, one in (("begin", begin), ("length", length)) if one is not None}
    here.qmp("dump-guest-memory", paging=paging, protocol=f"file:{filename}", **chosen)


@human("cpu", "index:number", where=Where.ANYWHERE)
def cpu(here: Human, index: int) -> str | None:
    """Choose the processor that other commands mean."""
    if index >= len(here.cpus):
        return "invalid CPU index\n"
    here.index = index
    return None


@human("nmi")
def nmi(here: Human) -> None:
    """Interrupt the guest as an operator does: with a system reset interrupt."""
    here.qmp("inject-nmi")


# Running, saving and migrating.


@human("stop|s", where=Where.MACHINE)
def stop(here: Human) -> None:
    """Stand still."""
    here.qmp("stop")


@human("cont|c", where=Where.MACHINE)
def cont(here: Human) -> None:
    """Resume after `stop`."""
    here.qmp("cont")


@human("system_reset")
def system_reset(here: Human) -> None:
    """Load the kernel again and start it."""
    here.qmp("system_reset")


@human("system_powerdown", where=Where.ANYWHERE)
def system_powerdown(here: Human) -> None:
    """Refused: the machine has no power button."""
    here.qmp("system_powerdown")


@human("quit|q", where=Where.ANYWHERE)
def quit_(here: Human) -> None:
    """End the machine."""
    here.qmp("quit")


@human("migrate", "[-d] uri:word", where=Where.ASIDE)
def migrate(here: Human, detach: bool, uri: str) -> None:
    """Begin to migrate to an address; `info migrate` shows how it goes."""
    here.qmp("migrate", uri=uri)


@human("migrate_incoming", "uri:word", where=Where.ASIDE)
def migrate_incoming(here: Human, uri: str) -> None:
    """Wait for a machine at an address, after `--incoming defer`."""
    here.qmp("migrate-incoming", uri=uri)


@human("migrate_cancel", where=Where.ASIDE)
def migrate_cancel(here: Human) -> None:
    """Cancel the migration in progress."""
    here.qmp("migrate_cancel")


@human("migrate_set_capability", "capability:word state:word", where=Where.ANYWHERE)
def migrate_set_capability(here: Human, capability: str, state: str) -> None:
    """Switch a capability of migrations on or off."""
    if state not in ("on", "off"):
        raise LineError(f"migrate_set_capability: 'on' or 'off' expected, not '{state}'")
    here.qmp("migrate-set-capabilities", capabilities=[{"capability": capability, "state": state == "on"}])


@human("migrate_set_parameter", "parameter:word value:word", where=Where.ANYWHERE)
def migrate_set_parameter(here: Human, parameter: str, value: str) -> None:
    """Set a parameter of migrations; sizes and times are numbers without units."""
    numeric = value.isdecimal() and len(value) < 20
    here.qmp("migrate-set-parameters", **{parameter: int(value) if numeric else value})


@human("closefd", "name:word", where=Where.ANYWHERE)
def closefd(here: Human, name: str) -> None:
    """Close a file descriptor that `getfd` has named."""
    here.qmp("closefd", fdname=name)


# Info.


@info("status")
def info_status(here: Human) -> str:
    """Whether the guest runs."""
    found = here.qmp("query-status")
    word = "running" if found["running"] else "paused"
    more = "" if found["running"] or found["status"] == "paused" else f" ({found['status']})"
    return f"VM status: {word}{more}\n"


@info("version")
def info_version(here: Human) -> str:
    """Version of pyspapr."""
    found = here.qmp("query-version")
    numbers = ".".join(str(found["qemu"][part]) for part in ("major", "minor", "micro"))
    return f"{numbers}{found['package']}\n"


@info("name")
def info_name(here: Human) -> str | None:
    """The machine's name."""
    name = here.qmp("query-name").get("name")
    return None if name is None else f"{name}\n"


@info("uuid")
def info_uuid(here: Human) -> str:
    """The machine's UUID."""
    return f"{here.qmp('query-uuid')['UUID']}\n"


@info("cpus", where=Where.MACHINE)
def info_cpus(here: Human) -> str:
    """The virtual processors, and the host threads that run them."""
    rows = zip(here.qmp("query-cpus-fast"), here.cpus, strict=True)
    return lines(
        f"{'*' if one['cpu-index'] == here.index else ' '} CPU #{one['cpu-index']}: thread_id={one['thread-id']}"
        + (" (halted)" if cpu.vcpu.halted or cpu.vcpu.stopped else "")
        for one, cpu in rows
    )


@info("registers", "[-a] [vcpu:number]", where=Where.MACHINE)
def info_registers(here: Human, everyone: bool, vcpu: int | None) -> str:
    """Registers of the processor, of another, or of all (-a)."""
    if vcpu is not None and vcpu >= len(here.cpus):
        return f"CPU#{vcpu} not available\n"
    chosen = here.cpus if everyone else [here.cpu if vcpu is None else here.cpus[vcpu]]
    return "".join(f"\nCPU#{one.index}\n" + lines(examine.registers(one)) for one in chosen)


@info("migrate")
def info_migrate(here: Human) -> str:
    """How the migration under way, or the last one, goes."""
    found: dict[str, Any] = here.qmp("query-migrate")
    ram = found.get("ram", {})
    rows = [f"Migration status: {found['status']}"] if "status" in found else []
    if "error-desc" in found:
        rows[0] += f" ({found['error-desc']})"
    for name in ("total-time", "expected-downtime", "downtime", "setup-time"):
        if name in found:
            rows.append(f"{name.replace('-', ' ').replace('setup time', 'setup')}: {found[name]} ms")
    for name, label, unit in (
        ("transferred", "transferred ram", "kbytes"),
        ("mbps", "throughput", "mbps"),
        ("remaining", "remaining ram", "kbytes"),
        ("total", "total ram", "kbytes"),
        ("duplicate", "duplicate", "pages"),
        ("normal", "normal", "pages"),
        ("normal-bytes", "normal bytes", "kbytes"),
        ("dirty-sync-count", "dirty sync count", ""),
        ("page-size", "page size", "kbytes"),
    ):
        if name in ram:
            value = ram[name] >> 10 if unit == "kbytes" else f"{ram[name]:.2f}" if unit == "mbps" else ram[name]
            rows.append(f"{label}: {value} {unit}".rstrip())
    return lines(rows)


@info("migrate_capabilities")
def info_migrate_capabilities(here: Human) -> str:
    """What migrate_set_capability has set."""
    found = here.qmp("query-migrate-capabilities")
    return lines(f"{one['capability']}: {'on' if one['state'] else 'off'}" for one in found)


@info("migrate_parameters")
def info_migrate_parameters(here: Human) -> str:
    """What migrate_set_parameter has set."""
    return lines(f"{name}: {value}" for name, value in here.qmp("query-migrate-parameters").items())


@info("mtree", "[-f]", where=Where.MACHINE)
def info_mtree(here: Human, flat: bool) -> str:
    """What is at which real address: RAM, and windows of devices."""
    vm = here.monitor.vm.partition
    parts = [(0, len(vm.memory), "ram", "ppc_spapr.ram")]
    parts += [(one.address, one.length, "i/o", "device") for one in vm.space]
    ranges = [f"  {at:016x}-{at + size - 1:016x} (prio 0, {kind}): {name}" for at, size, kind, name in sorted(parts)]
    if not flat:
        return lines(["address-space: memory", *ranges, ""])
    heads = ["FlatView #0", ' AS "memory", root: system', " Root memory region: system"]
    return lines([*heads, *ranges, ""])


@info("kvm")
def info_kvm(here: Human) -> str:
    """That there is no KVM in it."""
    return "kvm support: not compiled\n"


@info("block")
def info_block(here: Human) -> None:
    """Block devices: the machine has none."""
    return


@info("network")
def info_network(here: Human) -> None:
    """Network devices: the machine has none."""
    return


@info("chardev")
def info_chardev(here: Human) -> str:
    """The console."""
    return lines(f"{one['label']}: filename={one['filename']}" for one in here.qmp("query-chardev"))


@info("slb", where=Where.MACHINE)
def info_slb(here: Human) -> str:
    """Valid entries of the processor's segment lookaside buffer: number, ESID and VSID doublewords."""
    rows = enumerate(here.cpu.vcpu.slb())
    return lines(f"{number:2d} {esid:016x} {vsid:016x}" for number, (esid, vsid) in rows if esid >> 27 & 1)


@info("hpt", "first:number [count:number]", where=Where.MACHINE)
def info_hpt(here: Human, first: int, count: int | None) -> str:
    """Entries of the hash page table that are in use, from index `first` on."""
    table = here.monitor.vm.partition.hpt
    if first >= table.slots:
        raise LineError(f"the table has {table.slots} entries")
    last = min(first + min(8 if count is None else count, PAGE), table.slots)
    entries = ((index, table.entry(index)) for index in range(first, last))
    return lines(f"{index:#x}: {describe_hpte(*entry)}" for index, entry in entries if any(entry))
