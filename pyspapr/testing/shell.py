"""A shell in the guest, over its console: commands with their output and status, and files both ways.

Enters: a machine with a shell at its console (or one that will be there), commands and files. Leaves: what they print,
to the byte, and their status.

The console carries more than output: what is typed is echoed, the shell prints prompts, an editor of command lines
moves the cursor, and the kernel prints when it likes. So nothing of that is relied upon:

* A command is typed as `printf` escapes, in short lines that have no quotes, tabs or history characters in them. A line
  is far below what a terminal in canonical mode takes (4095 bytes), and a batch of lines waits for its acknowledgement.
* Output stands between two marks that are unlike anything typed, because they are typed in pieces. The terminal turns
  each newline into two bytes, which is undone. Nothing else is changed, so binary output arrives as it is.
* While a command runs the kernel prints emergencies only, if /proc is mounted (`/proc/sys/kernel/printk`); the rest is
  in its log as ever. Where it is not mounted, the kernel's lines stand in the output.
* A command runs in a subshell that reads nothing (`/dev/null`, or a pipe that is empty), so `exit`, `cd` and variables
  stay inside, and no command reads what is typed for the next.

Time limits are in seconds of the guest's time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from pyspapr.errors import ExpectError, ShellError
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from pyspapr.partition.console import Console

TIMEOUT: Final = 60.0
READY_TIMEOUT: Final = 300.0
"""Seconds in which a shell has to answer first: the guest may have to boot."""
LINE: Final = 160
"""Characters of the escapes in a typed line."""
BATCH: Final = 8
"""Lines that are typed without waiting for an acknowledgement."""
COMMAND_MAX: Final = 1 << 16
OUTPUT_MAX: Final = 16 << 20
FILE_MAX: Final = 16 << 20
INTERRUPT: Final = b"\x03"
END_OF_FILE: Final = b"\x04"
PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=+@-")
"""What is typed as it is."""
SHOWN: Final = 60
"""Characters of a command in a message."""
TYPED: Final = 4096
"""More than the echo of what is typed behind a command."""
SUMS: Final = ("sha256sum", "sha1sum", "md5sum")
"""Programs one of which checks what was transferred."""


class ShellResult(Plain):
    """What a command left: its `status`, the bytes it printed (`raw`) and the `seconds` of guest time it took."""

    status: int
    raw: bytes
    seconds: float

    @property
    def output(self) -> str:
        """What it printed, as text, with standard error in it."""
        return self.raw.decode(errors="replace")

    def check(self) -> ShellResult:
        """The same. Raises ShellError if the status is not 0."""
        if self.status:
            raise ShellError(f"the command ended with status {self.status} and printed {self.output!r}")
        return self


def escaped(data: bytes) -> list[str]:
    """Formats with which `printf` prints `data` piece by piece, each at most `LINE` characters."""
    pieces, line = [], ""
    for byte in data:
        one = chr(byte) if byte in PLAIN else f"\\{byte:03o}"
        if len(line) + len(one) > LINE:
            pieces.append(line)
            line = ""
        line += one
    return [*pieces, line] if line else pieces


ANSWER: Final = "an answer of a shell at the console"
VERSION: Final = "1"
FUNCTION: Final = (
    " _spapr() {",
    '_c=$_c$(printf "$2x")',
    "_c=${_c%x}",
    "printf '\\n%s%s%s\\n' '<spapr-' $1 '-begin>'",
    "_k=/proc/sys/kernel/printk",
    # Not by `read`: it reads single bytes, and from there only the first.
    "if [ -w $_k ]; then _r=$(cat $_k); _r=${_r%%[!0-9]*}; [ $_r = 1 ] || _l=$_r; echo 1 >$_k; fi",
    'if [ -c /dev/null ]; then (set --; eval "$_c") </dev/null 2>&1; else :|(set --; eval "$_c") 2>&1; fi',
    "_s=$?",
    'if [ "$_l" ] && [ -w $_k ]; then _r=$(cat $_k); [ ${_r%%[!0-9]*} = 1 ] && echo $_l >$_k; fi',
    "printf '\\n%s%d%s%s\\n' '<spapr-' $_s \"-$1\" '-end>'",
    "}",
    f" _spapr={VERSION}",
)
"""Defines what runs a command in the guest's shell: `$1` is the mark, `$_c` the command, and `$2` the rest of it. The
kernel's messages go to the console again as they did before, unless the command has changed that."""


def encoded(text: str) -> bytes:
    """The bytes of a command or a path. Raises ValueError for what a shell cannot be given."""
    data = text.encode()
    if b"\0" in data:
        raise ValueError("commands and paths have no NUL in them")
    if len(data) > COMMAND_MAX:
        raise ValueError(f"the command has {len(data)} bytes, the limit is {COMMAND_MAX}: put() a script")
    return data


class Guest(Protocol):
    """A machine with a shell at its console."""

    @property
    def console(self) -> Console: ...

    @property
    def nanos(self) -> int: ...

    @property
    def instructions(self) -> int: ...


class Shell:
    """The shell at a machine's console. It keeps nothing between two commands but what the guest's shell does."""

    def __init__(self, machine: Guest) -> None:
        """Of `machine`."""
        self._machine = machine
        self._console = machine.console

    def run(
        self,
        command: str,
        *,
        timeout: float = TIMEOUT,
        ready_timeout: float = READY_TIMEOUT,
        limit: int = OUTPUT_MAX,
    ) -> ShellResult:
        """Run `command` and return what it prints and its status.

        The shell has `ready_timeout` seconds to answer, which is time for the guest to boot, and then the command has
        `timeout`. Raises ExpectError with the end of the console if it does not end (ExpectTimeout after these times;
        Ctrl-C is typed then, to free the shell), and ShellError if it prints more than `limit` bytes.
        """
        __tracebackhide__ = True  # a test's report ends with the test
        mark = self._mark()
        *front, last = escaped(encoded(command)) or [""]
        self._get_ready(mark, ready_timeout)
        self._give("_c", front, mark, timeout)
        with self._heard(limit) as heard:
            self._type(f" _spapr {mark} '{last}'")
            begin = re.compile(rb"\n<spapr-%s-begin>(\r?)\n" % mark.encode())
            end = re.compile(rb"\r?\n<spapr-(\d{1,3})-%s-end>" % mark.encode())
            try:
                self._console.expect(begin, timeout=timeout)
                start = self._machine.nanos
                self._console.expect(end, timeout=timeout)
            except (ExpectError, ShellError) as error:
                if isinstance(error, TimeoutError | ShellError):
                    self._console.write(INTERRUPT + b"\n")
                if isinstance(error, ExpectError):
                    raise error.about(f"the end of {command[:SHOWN]!r}") from None
                raise
            seconds = (self._machine.nanos - start) / 1e9
        printed = bytes(heard)
        first = begin.search(printed)
        final = None if first is None else end.search(printed, first.end())
        assert first is not None and final is not None, "the console found them"
        raw = printed[first.end() : final.start()]
        return ShellResult(int(final[1]), raw.replace(b"\r\n", b"\n") if first[1] else raw, seconds)

    def put(self, path: str, data: str | Buffer, *, timeout: float = TIMEOUT) -> None:
        """Write `data` into the guest's file `path`. Raises ShellError if that fails or its checksum is another."""
        contents = data.encode() if isinstance(data, str) else bytes(memoryview(data))
        if len(contents) > FILE_MAX:
            raise ValueError(f"{len(contents)} bytes are more than the {FILE_MAX} that a console is fit for")
        tools = self._tools(timeout)
        self.run(f": >{quoted(path)}", timeout=timeout).check()
        mark = self._mark()
        self._give("_f", escaped(encoded(path)), mark, timeout)
        if contents and "base64" in tools:
            self._put_base64(contents, mark, tools, timeout)
        else:
            for number, piece in enumerate(escaped(contents)):
                self._type(f" printf '{piece}' >>\"$_f\"")
                if number % BATCH == BATCH - 1:
                    self._acknowledge(f"{mark}-{number}", timeout)
        self._check_sum(path, contents, tools, timeout)

    def get(self, path: str, *, timeout: float = TIMEOUT, limit: int = FILE_MAX) -> bytes:
        """What the guest's file `path` holds. Raises ShellError if it cannot be read, is longer than `limit` bytes or
        its checksum is another.
        """
        tools = self._tools(timeout)
        data = self.run(f"cat {quoted(path)}", timeout=timeout, limit=limit * 2).check().raw
        if len(data) > limit:
            raise ShellError(f"{path} has {len(data)} bytes, the limit is {limit}")
        self._check_sum(path, data, tools, timeout)
        return data

    # How.

    def _mark(self) -> str:
        """A name that no other exchange has: of two that begin at the same instruction, the later finds more typed.
        It follows from the machine's state alone, so that a restored machine types the same as the one that was saved.
        """
        return f"{self._machine.instructions:x}-{self._console.backlog:x}"

    def _type(self, *lines: str) -> None:
        self._console.write("".join(line + "\n" for line in lines))

    def _acknowledge(self, name: str, timeout: float) -> None:
        """Wait until the shell has read everything that was typed."""
        self._type(f" echo '<spapr'-'{name}>'")
        self._console.expect(f"<spapr-{name}>", timeout=timeout)

    def _get_ready(self, mark: str, timeout: float) -> None:
        """Wait for the shell, and define the function that runs commands if it does not have it."""
        self._type(f" echo '<spapr'-'{mark}-'${{_spapr:-none}}'>'")
        try:
            found = self._console.expect([f"<spapr-{mark}-none>", f"<spapr-{mark}-{VERSION}>"], timeout=timeout)
        except ExpectError as error:
            raise error.about(ANSWER) from None
        if not found.which:
            self._type(*FUNCTION)

    def _give(self, variable: str, pieces: list[str], mark: str, timeout: float) -> None:
        """Set a variable of the guest's shell to what `printf` makes of these."""
        self._type(f" {variable}=")
        for number, piece in enumerate(pieces):
            # With an x at the end, because $() drops newlines there.
            self._type(f" {variable}=${variable}$(printf '{piece}x')", f" {variable}=${{{variable}%x}}")
            if number % BATCH == BATCH - 1:
                self._acknowledge(f"{mark}-{variable}{number}", timeout)

    def _put_base64(self, data: bytes, mark: str, tools: dict[str, str], timeout: float) -> None:
        import base64

        stty = tools.get("stty")
        quiet, loud = (f"{stty} -echo;", f"{stty} echo;") if stty else ("", "")
        name = f"{mark}-file"
        # The program reads what is typed: not before it is there, or the shell would.
        self._type(f" {{ {quiet} echo '<spapr'-'{name}>'; {tools['base64']} -d >\"$_f\"; {loud} }}")
        self._console.expect(f"<spapr-{name}>", timeout=timeout)
        self._console.write(base64.encodebytes(data) + END_OF_FILE)
        self._acknowledge(f"{mark}-end", timeout)

    def _tools(self, timeout: float) -> dict[str, str]:
        """How to call the programs that there are, by name."""
        script = (
            "for t in base64 stty " + " ".join(SUMS) + "; do "
            'if command -v $t >/dev/null; then echo "$t $t"; '
            'elif (echo | busybox $t --help) >/dev/null 2>&1; then echo "$t busybox $t"; fi; done'
        )
        lines = self.run(script, timeout=timeout).output.splitlines()
        return {name: call for name, _, call in (line.partition(" ") for line in lines)}

    def _check_sum(self, path: str, data: bytes, tools: dict[str, str], timeout: float) -> None:
        import hashlib

        name = next((name for name in SUMS if name in tools), None)
        if name is None:
            raise ShellError(f"{path} cannot be checked: the guest has none of {', '.join(SUMS)}")
        said = self.run(f"{tools[name]} <{quoted(path)}", timeout=timeout).check().output.split()
        wanted = hashlib.new(name.removesuffix("sum"), data).hexdigest()
        if said[:1] != [wanted]:
            raise ShellError(f"{path} did not arrive whole: its {name} is {' '.join(said)}, expected {wanted}")

    @contextmanager
    def _heard(self, limit: int) -> Iterator[bytearray]:
        """What the guest prints meanwhile, which may be more than the console keeps."""
        heard = bytearray()

        def hear(data: bytes) -> None:
            heard.extend(data)
            if len(heard) > limit + TYPED:
                raise ShellError(f"the command printed more than {limit} bytes")

        self._console.sinks.append(hear)
        try:
            yield heard
        finally:
            self._console.sinks.remove(hear)


def quoted(text: str) -> str:
    """As one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"
