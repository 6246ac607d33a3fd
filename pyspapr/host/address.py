"""Addresses of consoles, control sockets and migrations, as people write them.

| address | what it names |
|---|---|
| `tcp:PORT`, `tcp:HOST:PORT` | a TCP port; without HOST on the loopback interface, where 0 lets the host choose one |
| `tcp:[ADDRESS]:PORT` | the same with an IPv6 address |
| `unix:PATH` | a socket in the file system |
| `fd:N` | a file descriptor of this process |
| `fd:NAME` | a file descriptor that a client of the control socket has passed with `getfd` |
| `file:PATH` | a file |

Enters: untrusted text. Leaves: an address, or an AddressError that names the service and the kinds it accepts. Using
an address is done elsewhere: sockets in `sockets`, files and descriptors in `migration.uri`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Final, Self

from pyspapr.errors import AddressError
from pyspapr.host.paths import is_path
from pyspapr.plain import Plain

LOOPBACK: Final = "127.0.0.1"
PORTS: Final = 1 << 16
DESCRIPTORS: Final = 1 << 31
HOST_LIMIT: Final = 255
"""Characters of a host's name, as in the domain name system."""

_HOST: Final = re.compile(
    r"\[(?P<bracketed>[\w.:%-]+)\]|(?P<v6>[0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*)|[^\s:\[\]]*"
)
_PORT: Final = re.compile(r"0*([0-9]{1,5})")
_NUMBER: Final = re.compile(r"0*([0-9]{1,10})")


class TcpAddress(Plain):
    """A TCP port; 0 lets the host choose one to listen at."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp:[{self.host}]:{self.port}" if ":" in self.host else f"tcp:{self.host}:{self.port}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """`HOST:PORT` or `PORT`. An IPv6 address may also stand without its brackets."""
        host, _, port = text.rpartition(":")
        name, number = _HOST.fullmatch(host), _PORT.fullmatch(port)
        if name is None or len(host) > HOST_LIMIT or not host.isprintable():
            return None
        if number is None or int(number[1]) >= PORTS:
            return None
        return cls(name["bracketed"] or host or LOOPBACK, int(number[1]))


class UnixAddress(Plain):
    """A socket in the file system."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        return cls(text) if is_path(text) else None


class FileAddress(Plain):
    """A file."""

    path: str

    def __str__(self) -> str:
        return f"file:{self.path}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        return cls(text) if is_path(text) else None


class FdAddress(Plain):
    """A file descriptor of this process."""

    number: int

    def __str__(self) -> str:
        return f"fd:{self.number}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        match = _NUMBER.fullmatch(text)
        return cls(int(match[1])) if match is not None and int(match[1]) < DESCRIPTORS else None


class NamedFdAddress(Plain):
    """A file descriptor that a client has passed and named with `getfd`."""

    name: str

    def __str__(self) -> str:
        return f"fd:{self.name}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """`NAME`: the owner of the client's descriptors knows whether it exists."""
        return cls(text)


SocketAddress = TcpAddress | UnixAddress
Address = TcpAddress | UnixAddress | FileAddress | FdAddress | NamedFdAddress


class Kind(Plain):
    """One kind of address: its prefix, how it is shown in messages, and what reads the text behind the prefix."""

    prefix: str
    form: str
    read: Callable[[str], Address | None]


TCP: Final = Kind("tcp", "tcp:[HOST:]PORT", TcpAddress.read)
UNIX: Final = Kind("unix", "unix:PATH", UnixAddress.read)
FD: Final = Kind("fd", "fd:N", FdAddress.read)
NAMED_FD: Final = Kind("fd", "fd:NAME", NamedFdAddress.read)
FILE: Final = Kind("file", "file:PATH", FileAddress.read)


class Service(Plain):
    """A service with an address: its `name` for messages, the kinds it accepts, and other words that it accepts."""

    name: str
    kinds: tuple[Kind, ...]
    words: tuple[str, ...] = ()

    @property
    def forms(self) -> str:
        """The kinds for a help text: `unix:PATH|tcp:[HOST:]PORT`."""
        return "|".join((*self.words, *(kind.form for kind in self.kinds)))

    def parse(self, text: str) -> Address:
        """Parse `text`. Raises AddressError."""
        prefix, colon, rest = text.partition(":")
        kind = next((kind for kind in self.kinds if colon and kind.prefix == prefix), None)
        if kind is not None:
            if (address := kind.read(rest)) is not None:
                return address
            raise AddressError(f"{text!r} is no address of a {self.name}: wanted {kind.form}")
        *others, last = *self.words, *(kind.form for kind in self.kinds)
        wanted = f"{', '.join(others)} or {last}" if others else last
        raise AddressError(f"{text!r} is no address of a {self.name}: wanted {wanted}")

    def parse_socket(self, text: str) -> SocketAddress:
        """The same, for a service whose kinds are sockets."""
        address = self.parse(text)
        assert isinstance(address, SocketAddress)
        return address


def absolute(address: Address) -> Address:
    """The same address for a process in another directory."""
    if isinstance(address, UnixAddress | FileAddress):
        return address.replace(path=os.path.abspath(address.path))
    return address
