"""The call chain of a kernel that stands still, by its stack.

Enters: registers and memory. Leaves: frames, innermost first. A frame's first doubleword is the address of its
caller's (the back chain), and the caller's has at 16 the address to which the callee returns (64-Bit ELF V2 ABI
Specification, "The Stack Frame"; the same in V1). An interrupt leaves a mark and behind it the registers
it came with (Linux, arch/powerpc/include/asm/ptrace.h, for the fact), where the chain goes on with the code that was
interrupted. The stack is the guest's: the chain has to go upwards, and is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspapr._native import MSR_PR
from pyspapr.errors import GuestAddressError
from pyspapr.plain import Plain

if TYPE_CHECKING:
    from pyspapr.debug.debugger import Debugger

FRAMES_MAX: Final = 256
STACK_MAX: Final = 1 << 20
"""Bytes of the chain, from stack to stack. A step from one stack to another may go anywhere."""
LR_SAVE: Final = 16
MARKS: Final = frozenset((0x53474552, 0x52454753, 0x7265677368657265))
"""What an interrupt leaves, by byte order, and in older kernels."""
MARK_PLACES: Final = (96, 32)
REGISTERS: Final = 16
"""From the mark to the registers."""
NIP, MSR, LINK, TRAP = (8 * (32 + number) for number in (0, 1, 4, 8))
REGION: Final = 0xF << 60


class Frame(Plain):
    """One step: the address at which it stands, as `name+0x10/0x40` if that is known, and its stack pointer.

    `trap` is the interrupt that came there, or 0.
    """

    address: int
    symbol: str
    stack: int
    trap: int = 0

    def __str__(self) -> str:
        """One line for a person."""
        return f"[{self.stack:016x}] [{self.address:016x}] {self.symbol}" + (
            f" --- interrupt: {self.trap:x}" if self.trap else ""
        )


def backtrace(debug: Debugger) -> list[Frame]:
    """The chain of the first processor. Where memory cannot be read, or a program was interrupted, it ends."""
    cpu = debug.vm.current
    pc, stack, link = cpu["pc"], cpu["r1"], cpu["lr"]
    frames: list[Frame] = []

    def step(address: int, trap: int = 0) -> None:
        frames.append(Frame(address, debug.symbolize(address), stack, trap))

    step(pc)
    if cpu["msr"] & MSR_PR:
        return frames
    read = debug.virtual.u64
    first = True
    try:
        while len(frames) < FRAMES_MAX:
            above = read(stack)
            size = above - stack if above > stack else STACK_MAX  # the back chain may lead to a program's stack
            mark = next((place for place in MARK_PLACES if place < size and read(stack + place) in MARKS), None)
            if mark is not None:
                at = stack + mark + REGISTERS
                stack, link, first = read(at + 8), read(at + LINK), True
                step(read(at + NIP), read(at + TRAP) & 0xFFF0)
                if read(at + MSR) & MSR_PR:
                    break
                above = read(stack)
            if above & REGION != stack & REGION or above == stack or above % 8:
                break
            returned = read(above + LR_SAVE)
            if first and link != returned and debug.symbols.find(link) is not None:
                step(link)  # of a function that has not saved it yet
            stack = above
            first = False
            if not returned:
                break
            step(returned)
    except GuestAddressError:
        pass
    return frames
