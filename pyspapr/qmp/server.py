"""The control socket: clients, each with a session; answers and events out.

One thread with an asyncio loop serves every client. A client's commands are carried out one after the other, in the
thread that runs the machine (see `registry`). Nothing a client does can hold the machine: it is read from only when
its last command is answered, and dropped when it lets too much output pile up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Final

from pyspapr.qmp import commands as _commands  # noqa: F401 - fills the table
from pyspapr.qmp import migration as _migration  # noqa: F401 - fills the table
from pyspapr.qmp.address import Listener, parse_address
from pyspapr.qmp.monitor import Host, Monitor
from pyspapr.qmp.session import Session, greeting
from pyspapr.qmp.wire import Json, Splitter, encode

if TYPE_CHECKING:
    from pyspapr.machine import Machine

CHUNK: Final = 1 << 16
CLIENTS_LIMIT: Final = 32
OUTPUT_LIMIT: Final = 4 << 20
"""Bytes that may wait for a client which does not read."""
GOODBYE_SECONDS: Final = 2.0
"""How long the end waits for clients to take their last answers."""


def _nothing() -> None:
    """There is no listener to take away any more."""


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session) -> None:
        """Not served yet."""
        self.reader = reader
        self.writer = writer
        self.session = session

    def send(self, message: Json) -> None:
        """Queue a message, or drop the client when it does not take them."""
        transport = self.writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > OUTPUT_LIMIT:
            transport.abort()
            return
        self.writer.write(encode(message))

    async def serve(self, closing: asyncio.Event) -> None:
        """Answer until the client or the server ends."""
        self.send(greeting())
        splitter = Splitter()
        end = asyncio.ensure_future(closing.wait())
        try:
            while not closing.is_set():
                read = asyncio.ensure_future(self.reader.read(CHUNK))
                await asyncio.wait((read, end), return_when=asyncio.FIRST_COMPLETED)
                if not read.done():
                    read.cancel()
                    return
                data = read.result()
                for message in splitter.feed(data) if data else splitter.finish():
                    self.send(await self.session.answer(message))
                    await self.writer.drain()
                if not data:
                    return
        finally:
            end.cancel()

    async def close(self) -> None:
        """Hand over what is queued, and end."""
        with suppress(OSError, TimeoutError):  # the client may be gone, or asleep
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.writer.drain()
                self.writer.close()
                await self.writer.wait_closed()
        self.writer.transport.abort()


class QmpServer:
    """A control socket for `vm` at `address` (`unix:PATH`, `tcp:PORT` or `tcp:HOST:PORT`).

    It serves from its construction to `close`, or to the end of its context. Raises ConfigError when it cannot listen.
    """

    def __init__(self, vm: Machine, address: str, *, name: str | None = None, host: Host | None = None) -> None:
        """Listen and start to serve. `host` is the program around the machine, if it can run another in its place."""
        self._listener = Listener(parse_address(address))
        self.address = self._listener.address
        self._clients: set[Client] = set()
        self._loop = asyncio.new_event_loop()
        self.monitor = Monitor(vm, name, self._loop.call_soon, host)
        self._closing = asyncio.Event()
        self._closed = False
        self._unsubscribe = vm.events.subscribe(self._on_event)
        self._thread = threading.Thread(target=self._run, name="qmp", daemon=True)
        self._thread.start()

    def __enter__(self) -> QmpServer:
        """It serves already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop to serve."""
        self.close()

    def close(self) -> None:
        """Answer what was asked, hand over what is queued, and end every connection."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        self._unsubscribe = _nothing
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        self._listener.forget()
        self.monitor.leave()

    def attach(self, vm: Machine) -> None:
        """Control `vm` from now on. Clients stay connected."""
        if self._closed:
            return
        self._unsubscribe()
        self.monitor.vm = vm
        self._unsubscribe = vm.events.subscribe(self._on_event)

    # In the machine's thread.

    def _on_event(self, name: str, data: dict[str, object]) -> None:
        if name.startswith("MIGRATION") and not self.monitor.settings.events:
            return
        now = time.time_ns()
        event: Json = {
            "timestamp": {"seconds": now // 1_000_000_000, "microseconds": now // 1000 % 1_000_000},
            "event": name,
        }
        if data:
            event["data"] = dict(data)
        if threading.current_thread() is self._thread:
            self._broadcast(event)
            return
        with suppress(RuntimeError):  # the loop has ended, and the clients with it
            self._loop.call_soon_threadsafe(self._broadcast, event)

    # In the server's thread.

    def _broadcast(self, event: Json) -> None:
        for client in tuple(self._clients):
            # The specification has no events before the negotiation is over.
            if client.session.negotiated:
                client.send(event)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await self._converse(Client(reader, writer, Session(self.monitor)))
            finally:
                tasks.discard(task)

        server = await asyncio.start_server(connected, sock=self._listener.socket)
        await self._closing.wait()
        server.close()
        if tasks:
            await asyncio.wait(tasks)

    async def _converse(self, client: Client) -> None:
        if len(self._clients) >= CLIENTS_LIMIT:
            client.send({"error": {"class": "GenericError", "desc": f"there are {CLIENTS_LIMIT} clients already"}})
            await client.close()
            return
        self._clients.add(client)
        try:
            with suppress(OSError):  # the client went away
                await client.serve(self._closing)
        finally:
            await client.close()
            self._clients.discard(client)
