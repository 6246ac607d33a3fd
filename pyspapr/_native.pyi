"""Types of the compiled half of pyspapr; held to the truth by mypy's stubtest.

Addresses are guest real addresses and registers are unsigned 64-bit integers unless said otherwise.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, final

from typing_extensions import Buffer

__version__: Final[str]

# Numbers that the machine's two halves share.
PAGE: Final[int]  # bytes of a page of RAM: the unit of dirty marks and of chunks
CACHE_BLOCK: Final[int]  # bytes
HPT_SHIFT_MIN: Final[int]
HPT_SHIFT_MAX: Final[int]
PROCESSORS_MAX: Final[int]  # of a machine
THREADS_MAX: Final[int]  # of a core
TIMEBASE_HZ: Final[int]  # ticks of the timebase per second (Power ISA, Book II, "Time Base")
CLOCK_END: Final[int]  # no instruction count and no virtual time goes further
MSR_EE: Final[int]
MSR_PR: Final[int]
MSR_IR: Final[int]
MSR_DR: Final[int]
LPCR_ILE: Final[int]
LPCR_AIL: Final[int]
LPCR_AIL_SHIFT: Final[int]
DAWRX_DW: Final[int]
DAWRX_DR: Final[int]
DAWRX_HYP: Final[int]
H_SUCCESS: Final[int]
H_HARDWARE: Final[int]
H_FUNCTION: Final[int]
H_PARAMETER: Final[int]
H_PTEG_FULL: Final[int]
H_AVPN: Final[int]  # flag: only if the entry is of this page
BULK_TYPE: Final[int]  # of the first doubleword of a request of H_BULK_REMOVE
BULK_REQUEST: Final[int]
BULK_END: Final[int]
BULK_FLAGS: Final[int]
BULK_AVPN: Final[int]
BULK_PTEX: Final[int]
HPTE_PAGE: Final[int]  # in V: segment size and abbreviated virtual page number
HPTE_BOLTED: Final[int]
HPTE_LARGE: Final[int]
HPTE_VALID: Final[int]
HPTE_HYPERVISOR: Final[int]
HPTE_RPN: Final[int]  # in R
HPTE_RC: Final[int]
GROUP_SLOTS: Final[int]  # entries of a group

EXIT_LIMIT: Final[int]  # the instruction budget is used up
EXIT_HYPERCALL: Final[int]  # `sc 1` that has no native handler: see Vcpu.hypercall()
EXIT_HALTED: Final[int]  # ceded or stopped; with virtual time, and its idle limit has been reached
EXIT_KICKED: Final[int]  # kick() was called
EXIT_UNIMPLEMENTED: Final[int]  # strict mode only: an instruction without semantics, see Vcpu.unimplemented
EXIT_OUTPUT: Final[int]  # output has been buffered for some milliseconds
OUTPUT: Final[int]  # a bit beside each of them: see Vcpu.take_output()
EXIT_HUNG: Final[int]  # branches to itself with every interrupt masked: it can never wake
EXIT_PLACE: Final[int]  # the place of Vcpu.stop_at() is reached
EXIT_CLOCK_LOG: Final[int]  # the clock log is used up, or is full
EXIT_DIVERGED: Final[int]  # a replay differs from its recording
EXIT_MMIO: Final[int]  # an access to a window, without any effect yet: see Vcpu.mmio and complete_mmio()
EXIT_WATCHED: Final[int]  # before an access to a watched range, see Vcpu.watched; run() continues over it
WATCH_READ: Final[int]
WATCH_WRITE: Final[int]
WATCH_EXECUTE: Final[int]

def models() -> dict[str, dict[str, int | str]]: ...

# Base page shift, L || LP of a segment, and (actual page shift, LP of an entry) pairs.
def segment_page_sizes() -> list[tuple[int, int, list[tuple[int, int]]]]: ...
def describe_hpte(v: int, r: int) -> str: ...  # the fields of a hash page table entry by name
def code_share(ram: int) -> int: ...  # bytes that decoded code of a machine may take, and compiled code, each
def disassemble(word: int, address: int = 0) -> str: ...

# The contents of a stream's chunks, for inspecting files. StreamError when a chunk is bad.
# (index, doubleword 0, doubleword 1), zeroes for a removed entry; first (None, 0, 0) if the chunk erases the table
def hpt_chunk_entries(chunk: bytes, shift: int) -> list[tuple[int | None, int, int]]: ...
def ram_chunk_pages(index: bytes, size: int) -> list[tuple[int, bool]]: ...  # (page, all zero)
def ram_chunk_data(data: bytes, length: int, compression: str | None = None) -> bytes: ...  # decompressed

@final
class ZstdDecompressor:
    """Unpacks one frame, with the interface of `lzma.LZMADecompressor`; ValueError when it is damaged."""

    def __new__(cls) -> ZstdDecompressor: ...
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...

@final
class Ram:
    """Guest RAM of `size` bytes from real address 0. Out of range accesses raise GuestAddressError (an IndexError)."""

    def __new__(cls, size: int) -> Ram: ...
    @property
    def size(self) -> int: ...
    def read(self, address: int, length: int) -> bytes: ...
    def write(self, address: int, data: Buffer) -> None: ...
    def fill(self, address: int, length: int, byte: int = 0) -> None: ...
    # 32 bytes that depend on contents and size only. `watch` is called now and then; its exceptions end the work.
    def digest(self, watch: Callable[[], object] | None = None) -> bytes: ...
    def touched_pages(self) -> int: ...  # written, or held by the mapped file; all others are zero
    def unlike(self, other: Ram) -> list[int]: ...  # numbers of 4 KiB pages that differ; zero behind the end of either
    # Copy-on-write from `size` bytes of a file at `offset`, multiples of 4096; the file must keep its contents.
    # ValueError when the region is not inside the file. The contents are a base and nothing is dirty.
    @staticmethod
    def map_file(fd: int, offset: int, size: int) -> Ram: ...
    # Page-aligned and with holes for zeroes; returns the bytes that are not holes. OSError as from the host.
    def write_sparse(self, fd: int, offset: int) -> int: ...
    def snapshot(self) -> RamSnapshot: ...  # no vCPU may be running
    @staticmethod
    def from_snapshot(snapshot: RamSnapshot) -> Ram: ...
    # The pages that had been written, None if all of RAM was mapped; no vCPU may be running, and each needs `thaw()`.
    def reset_to(self, snapshot: RamSnapshot) -> int | None: ...
    def is_still(self, snapshot: RamSnapshot) -> bool: ...  # no page was written since then
    # Takes marks, all at once; no vCPU may be running, and each needs `protect_writes()` before it runs again.
    # ConfigError for changes since a base when there is none.
    def start_pass(self, start: Start) -> RamPass: ...
    # Returns the number of pages. StreamError, with nothing written, for an invalid chunk.
    def load_chunk(self, index: bytes, data: bytes, compression: str | None = None) -> int: ...
    def dirty_pages(self) -> int: ...  # pages of 4 KiB written since a live pass took them
    def set_base(self) -> None: ...  # the contents are a base; vCPUs as for start_pass
    @property
    def has_base(self) -> bool: ...

@final
class Marks:
    """A set of marks; the two do not disturb each other. LIVE: changed since a live pass took it. BASE: since the base,
    which is what the last pass of this kind sent."""

    LIVE: ClassVar[Marks]
    BASE: ClassVar[Marks]

class Start:
    """What a pass sends, and which marks it takes."""

    @final
    class Untracked(Start):
        """Everything; no mark is taken."""

        __match_args__: Final = ()
        def __new__(cls) -> Start.Untracked: ...

    @final
    class Full(Start):
        """Everything; takes these marks."""

        __match_args__: Final = ("marks",)
        @property
        def marks(self) -> Marks: ...
        def __new__(cls, marks: Marks) -> Start.Full: ...

    @final
    class Changes(Start):
        """What has one of these marks; takes them."""

        __match_args__: Final = ("marks",)
        @property
        def marks(self) -> Marks: ...
        def __new__(cls, marks: Marks) -> Start.Changes: ...

@final
class RamPass:
    """One pass over RAM. Threads may call `next` side by side; vCPUs may run."""

    # (index, data, pages, zero pages); None when the pass is over. `compression`: None, "zstd" or "lz4". At least one
    # page, otherwise at most `max_bytes` before compression, never more than 64 MiB.
    def next(self, max_bytes: int, compression: str | None = None) -> tuple[bytes, bytes, int, int] | None: ...
    @property
    def remaining(self) -> int: ...  # pages not yet given out
    def put_back(self) -> None: ...  # all it took is marked again, sent or not; the pass is over

@final
class RamImage:
    """RAM on its way into a file, from the chunks of a pass without compression: with holes for zeroes, as
    `Ram.write_sparse` leaves it."""

    # The file must end at or before `offset`. The descriptor may be closed. OSError as from the host.
    def __new__(cls, fd: int, offset: int, size: int) -> RamImage: ...
    # Chunks must come in order. OSError as from the host; StateError after `finish`.
    def add(self, index: bytes, data: bytes) -> None: ...
    def finish(self) -> bytes: ...  # `Ram.digest` of RAM with these pages; once

@final
class RamSnapshot:
    """RAM as it was at some moment, shared by its forks."""

    @property
    def size(self) -> int: ...

@final
class HptSnapshot:
    """A hash page table as it was at some moment, shared by its copies."""

    @property
    def shift(self) -> int: ...

@final
class Hpt:
    """A hash page table of 2**shift bytes (18..46)."""

    def __new__(cls, shift: int) -> Hpt: ...
    @property
    def shift(self) -> int: ...
    @property
    def slots(self) -> int: ...
    def entry(self, ptex: int) -> tuple[int, int]: ...
    def valid_entries(self) -> int: ...
    def clear(self) -> None: ...
    # Places the bolted entries in `to`, which is empty; returns their number, or None if they do not fit.
    def rehash_bolted(self, to: Hpt) -> int | None: ...
    def digest(self) -> bytes: ...
    # As of Ram, but vCPUs may run at any time. A live pass takes marks as it proceeds.
    def start_pass(self, start: Start) -> HptPass: ...
    # Returns the entries set and removed. vCPUs need `flush_translations()`. StreamError as of Ram.
    def load_chunk(self, chunk: bytes) -> tuple[int, int]: ...
    # what a live pass would send now: entries changed since one took them, or those in use after a reset
    def dirty_entries(self) -> int: ...
    def set_base(self) -> None: ...
    def snapshot(self) -> HptSnapshot: ...  # no vCPU may be running
    @staticmethod
    def from_snapshot(snapshot: HptSnapshot) -> Hpt: ...
    # The groups of entries that had changed; None, with nothing done, if this table was never as the snapshot.
    def reset_to(self, snapshot: HptSnapshot) -> int | None: ...
    def is_still(self, snapshot: HptSnapshot) -> bool: ...  # no entry has changed since then
    @property
    def has_base(self) -> bool: ...

@final
class HptPass:
    """One pass over the hash page table. A table that was reset meanwhile is sent from the beginning again."""

    # (chunk, entries with a value, removed entries); None when the pass is over
    def next(self, max_bytes: int) -> tuple[bytes, int, int] | None: ...
    @property
    def remaining(self) -> int: ...  # entries expected to come
    def put_back(self) -> None: ...  # all it took is marked again, sent or not; the pass is over

@final
class VcpuState:
    """The state of a processor at some moment."""

@final
class GdbSession:
    """One debugger that speaks GDB's remote protocol; `target` is asked and told as crate `gdb` says in `Machine`."""

    def __new__(cls, target: object, *, little_endian: bool) -> GdbSession: ...
    def receive(self, data: bytes) -> int: ...  # how many bytes were looked at; ValueError for what is no packet
    # why: "step", "break", "watch", "interrupt", "begin", "end", "exited" (`address` is the status)
    def stopped(self, why: str, cpu: int = 0, kind: int = 0, address: int = 0) -> None: ...
    def take_answers(self) -> bytes: ...
    @property
    def state(self) -> str: ...  # "idle", "running", "interrupting", "detached", "killed" or "over"
    little_endian: bool  # the byte order in which registers are sent

@final
class Vcpu:
    """One processor. `run` runs the whole machine and releases the GIL; `kick` may be called from any thread."""

    def __new__(
        cls,
        ram: Ram,
        hpt: Hpt,
        model: str,
        *,
        index: int = 0,
        clock: str = "virtual",  # or "host"
        strict: bool = False,
        seed: int = 0,
        engine: str = "jit",  # or "interp"; always an interpreter if the host has no compiler, see `engine`
    ) -> Vcpu: ...
    # The processors of one machine. They share a clock and take turns of exact numbers of instructions.
    @staticmethod
    def group(
        ram: Ram,
        hpt: Hpt,
        model: str,
        count: int,
        *,
        threads: int = 1,
        clock: str = "virtual",
        strict: bool = False,
        seed: int = 0,
        engine: str = "jit",
    ) -> list[Vcpu]: ...
    # The first processor enters an operating system, all others are stopped.
    def reset(
        self, *, pc: int, r3: int = 0, r4: int = 0, r5: int = 0, r6: int = 0, r7: int = 0, msr: int = ...
    ) -> None: ...
    def start(self, pc: int, r3: int, lpcr: int) -> None: ...  # this processor, which was stopped
    def run(self, max_instructions: int | None = None) -> int: ...  # raises KeyboardInterrupt on Ctrl-C
    def kick(self) -> None: ...
    # The terminal's hypercalls are answered natively: output waits for `take_output`, except for a hypercall that
    # completes one of `endings`, rows of sets of bytes (bit b % 8 of byte b // 8). `tail` is the output before.
    def open_terminal(self, endings: Sequence[Sequence[bytes]], tail: bytes) -> None: ...
    def close_terminal(self) -> None: ...  # and ends its silence
    def silence_terminal(self) -> None: ...  # there is no input until kick() is called
    def take_output(self) -> bytes: ...
    def set_profiling(self, on: bool) -> None: ...  # begins or ends a profile; the guest cannot tell
    # The profile since then, None if there is none. "samples": [(address, instructions)], which add up to all
    # instructions, in steps of about 100,000; "tiers": instructions by engine tier; "seconds": host time by tier;
    # "exits": exits from the guest's code, by kind; "hypercalls": those not handled natively, by number.
    def profile(self) -> dict[str, Any] | None: ...
    @property
    def engine(self) -> str: ...  # "interp" or "jit"
    @property
    def code_bytes(self) -> tuple[int, int, int]: ...  # of decoded code, of compiled code, and the limit of each
    @property
    def current(self) -> int: ...  # the processor that has the turn: the one that `run` ended for
    @property
    def turn(self) -> tuple[int, int]: ...  # that processor, and its instruction count at which the turn ends
    @turn.setter
    def turn(self, value: tuple[int, int]) -> None: ...
    def confer(self, target: int | None = None) -> None: ...
    @property
    def machine_instructions(self) -> int: ...  # of all processors
    @property
    def machine_nanos(self) -> int: ...  # of the machine's clock
    @property
    def machine_idle_nanos(self) -> int: ...  # of virtual time, in which no processor executed anything
    @property
    def instructions(self) -> int: ...  # of this processor, since construction
    @property
    def timebase(self) -> int: ...  # as the guest saw it last
    @timebase.setter
    def timebase(self, value: int) -> None: ...
    @property
    def nanos(self) -> int: ...  # nanoseconds of the processor's clock since it was made, as the guest saw it last
    # The stopped guest is about to run: the host time that passed counts in TB, and in VTB only if the guest was not
    # launched before. No effect with virtual time.
    def go_on(self, launched: bool) -> None: ...
    @property
    def clock(self) -> str: ...  # "virtual" or "host"
    @property
    def clock_age(self) -> int: ...  # nanoseconds since the guest's clock was read last; 0 with virtual time
    @clock_age.setter
    def clock_age(self, nanos: int) -> None: ...
    @property
    def nanos_to_deadline(self) -> int: ...  # until the decrementer interrupts; 0 if it is due
    # From now on readings of the host's clock are written, or come from a log; nothing with virtual time. False if the
    # clock was read already.
    def start_clock_log(self, replay: bool) -> bool: ...
    def end_clock_log(self) -> None: ...
    def take_clock_log(self) -> bytes: ...  # entries written since the last call
    def feed_clock_log(self, data: bytes) -> bool: ...  # False if it is damaged
    @property
    def place(
        self,
    ) -> tuple[int, int, int]: ...  # instructions, entries of the clock log, PC
    @property
    def astray(self) -> str: ...  # how it differs from the recording, after EXIT_DIVERGED
    def stop_at(self, instructions: int, entries: int, pc: int) -> None: ...  # run() ends there with EXIT_PLACE, once
    def forget_place(self) -> None: ...  # undoes stop_at()
    # The most idle nanoseconds that virtual time skips, None for no limit: beyond it an idle processor is halted.
    def set_idle_limit(self, nanos: int | None) -> None: ...
    # Nanoseconds of virtual time at which run() ends with EXIT_LIMIT; a processor that waits skips no further.
    def set_time_limit(self, nanos: int | None) -> None: ...
    def skip_to_deadline(self) -> None: ...  # of virtual time, whatever the limit
    @property
    def stopped(self) -> bool: ...  # it waits to be started
    @stopped.setter
    def stopped(self, value: bool) -> None: ...
    # The registered virtual processor area, and dispatch trace log with its length; 0: none.
    def set_areas(self, vpa: int, log: int, log_len: int) -> None: ...
    @property
    def halted(self) -> bool: ...
    @halted.setter
    def halted(self, value: bool) -> None: ...  # True: H_CEDE (external and decrementer interrupts wake it)
    @property
    def external(self) -> bool: ...
    @external.setter
    def external(self, level: bool) -> None: ...  # the external interrupt line from the interrupt presenter
    def system_reset(self) -> None: ...  # makes a system reset interrupt pending
    @property
    def unimplemented(self) -> tuple[int, int]: ...  # (address, word) of EXIT_UNIMPLEMENTED
    @property
    def mmio(self) -> tuple[int, int, int | None]: ...  # (address, size, value written or None) of EXIT_MMIO
    # Executes the waiting instruction, with `value` as the result of a load; its lowest `size` bytes count, the most
    # significant one is the byte at `address`. Returns another EXIT_ number if something else needs the caller, such as
    # the next access of the same instruction, and else None.
    def complete_mmio(self, value: int = 0) -> int | None: ...
    # All that is watched: (owner, address, length, sum of WATCH_ numbers, whether the address is real). Owners of the
    # same bytes are told in this order. The guest cannot tell.
    def set_watches(self, ranges: Sequence[tuple[int, int, int, int, bool]]) -> None: ...
    @property
    # (owner, kind, effective address, real address, size, bytes that a store is about to put there; None for zeros)
    def watched(self) -> tuple[int, int, int, int, int, bytes | None]: ...
    def set_windows(self, ranges: Sequence[tuple[int, int]]) -> None: ...  # all of them: (address, length)
    def hypercall(self) -> tuple[int, ...]: ...  # (R3, R4, ..., R12): number and nine arguments
    # R3, R4, ...: return code (two's complement) and results
    def hypercall_return(self, results: Sequence[int]) -> None: ...
    def hypercall_again(self) -> None: ...  # the next run repeats a hypercall without a result; otherwise no effect
    def native_hypercalls(self) -> set[int]: ...  # numbers handled without Python
    def set_native_hypercall(self, number: int, enabled: bool) -> None: ...
    def hypercall_names(self) -> dict[int, str]: ...  # of those that can be handled without Python
    # Return code and results of such a hypercall, enabled or not; None if there is no such one. Registers stay.
    def make_native_hypercall(self, number: int, arguments: Sequence[int]) -> tuple[int, ...] | None: ...
    def skip_nanos(self, nanos: int) -> bool: ...  # virtual time is later; False with the host's clock
    def machine_check(self, dar: int, dsisr: int, srr1: int) -> None: ...  # the interrupt, between two instructions
    # "r0".."r31", "pc", "msr", "lr", "ctr", "cr", "xer", "fpscr", "vscr", "vr0".., "vs0".., "f0".., "lpcr", SPR names
    def get(self, register: str) -> int: ...
    def set(self, register: str, value: int) -> None: ...
    def register_names(self) -> list[str]: ...
    def internal_state(self) -> dict[str, int]: ...  # its state beside its registers, by name
    def set_internal_state(self, state: dict[str, int]) -> None: ...
    def slb(self) -> list[tuple[int, int]]: ...  # (ESID, VSID) doublewords
    def set_slb(self, index: int, esid: int, vsid: int) -> None: ...
    # effective to real, without side effects
    def translate(self, address: int, *, fetch: bool = False) -> int | None: ...
    def protect_writes(self) -> None: ...  # after dirty marks of RAM were taken
    def set_hpt(self, hpt: Hpt) -> None: ...  # translations come from this table from now on
    def flush_translations(self) -> None: ...  # after the hash table was changed from outside
    def freeze(self) -> VcpuState: ...
    def thaw(self, state: VcpuState) -> None: ...  # of a processor of the same model; windows and code stay
    def digest(self) -> bytes: ...
