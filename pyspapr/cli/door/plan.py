"""What a command line of QEMU's asks for, in the words of this machine."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from pyspapr.errors import ConfigError
from pyspapr.plain import Plain

STDIO: Final = "stdio"


class Channel(Enum):
    """What a character device is at its host's end."""

    NOTHING = auto()
    STDIO = auto()
    FILE = auto()
    UNIX = auto()
    TCP = auto()


class Chardev(Plain, kw_only=True):
    """A character device's host side."""

    channel: Channel
    path: str = ""
    host: str = ""
    port: str = ""
    server: bool = False
    """Whether it listens; otherwise it connects to who listens."""
    wait: bool = False
    """Whether the guest waits for the first client."""
    log: str | None = None

    @property
    def address(self) -> str:
        """As this package writes addresses."""
        return f"unix:{self.path}" if self.channel is Channel.UNIX else f"tcp:{self.host}:{self.port}"


NOWHERE: Final = Chardev(channel=Channel.NOTHING)
TERMINAL: Final = Chardev(channel=Channel.STDIO)


class Plan(Plain, kw_only=True, frozen=False):
    """What the options read so far have said."""

    kernel: str | None = None
    initrd: str | None = None
    append: str = ""
    memory: str | None = None
    cpu: str | None = None
    vcpus: int = 1
    clock: str | None = None
    rtc_base: int | None = None
    seed: int | None = None
    name: str | None = None
    accelerators: tuple[str, ...] = ()
    incoming: str | None = None
    paused: bool = False
    reboots: bool = True
    stays: bool = False
    """Whether the process waits for `quit` when the guest has ended."""
    panic_status: int = 0
    pidfile: str | None = None
    gdb: str | None = None
    defaults: bool = True
    """Whether there is a console that nobody has asked for."""
    display: str = ""
    chardevs: tuple[tuple[str, Chardev], ...] = ()
    serials: tuple[Chardev | str, ...] = ()
    """Consoles, in this order; a text is the name of a chardev."""
    monitors: tuple[Chardev | str, ...] = ()
    """Control sockets, likewise."""

    def _resolve(self, option: str, place: Chardev | str) -> Chardev:
        if isinstance(place, Chardev):
            return place
        for name, chardev in self.chardevs:
            if name == place:
                return chardev
        raise ConfigError(f"{option}: there is no chardev {place!r}")

    @property
    def console(self) -> Chardev:
        """Where the guest's console is. Raises ConfigError when the options ask for several."""
        places = [self._resolve("-serial", place) for place in self.serials]
        wanted = [place for place in places if place.channel is not Channel.NOTHING]
        if len(wanted) > 1:
            raise ConfigError("-serial: the machine has one console, and this is the second")
        if wanted:
            return wanted[0]
        if places or not self.defaults or (self.display == "none"):
            return NOWHERE
        return TERMINAL

    @property
    def controls(self) -> list[Chardev]:
        """Where control sockets are."""
        places = [self._resolve("-mon", place) for place in self.monitors]
        return [place for place in places if place.channel is not Channel.NOTHING]

    def check(self) -> None:
        """Raise ConfigError for options that do not go together."""
        console, controls = self.console, self.controls
        if console.channel is Channel.TCP:
            raise ConfigError(
                "-serial: a console asks nobody who he is, and web pages can send to a TCP port: use unix:PATH"
            )
        for place in controls:
            if place.channel is Channel.FILE:
                raise ConfigError("-qmp: a file cannot send commands: use unix:PATH, tcp:HOST:PORT or stdio")
        used = [place.channel for place in (console, *controls)]
        if used.count(Channel.STDIO) > 1:
            raise ConfigError("stdio is asked for twice, by -serial, -qmp or -mon: give one of them a socket")
        names = [place for place in (*self.serials, *self.monitors) if isinstance(place, str)]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"-chardev: {name} can be in one place only, and -serial or -mon have it twice")
        if self.kernel is None:
            if self.incoming is None:
                raise ConfigError("-kernel is missing: the machine has no firmware that could find one")
            if self.initrd is not None or self.append:
                raise ConfigError("-initrd and -append need -kernel")
        for option, there in (
            ("-S", self.paused and self.gdb is None),
            ("-no-shutdown", self.stays),
            ("-incoming defer", self.incoming == "defer"),
        ):
            if there and not controls:
                raise ConfigError(f"{option}: nobody could go on from there: add -qmp unix:PATH,server=on,wait=off")
        if self.accelerators and not {"tcg"}.intersection(self.accelerators):
            raise ConfigError(
                f"-accel {self.accelerators[-1]}: guests run on this package's own compiler; add -accel tcg, which "
                "stands for it"
            )
