"""Hash page table entries for people (Power ISA 3.0B, Book III, "Page Table Entry"; PAPR for the software bits).

V:  | B 0:1 | AVPN 2:56 | SW 57:60 | L 61 | H 62 | V 63 |
R:  | pp0 0 | key 2:3 | ARPN, LP 4:51 | key 52:54 | R 55 | C 56 | WIMG 57:60 | N 61 | pp 62:63 |
"""

from __future__ import annotations

from typing import Final

V_FLAGS: Final = ((0x10, "bolted"), (0x4, "L"), (0x2, "secondary"), (0x1, "V"))
R_FLAGS: Final = ((0x100, "R"), (0x80, "C"), (0x40, "W"), (0x20, "I"), (0x10, "M"), (0x8, "G"), (0x4, "N"))
B_1T: Final = 1
AVPN: Final = (1 << 62) - (1 << 7)
RPN: Final = 0x0FFF_FFFF_FFFF_F000
PP0: Final = 1 << 63


def describe(v: int, r: int) -> str:
    """The fields of an entry by name."""
    flags = [name for bit, name in V_FLAGS if v & bit] + [name for bit, name in R_FLAGS if r & bit]
    segment = "1T" if v >> 62 == B_1T else "256M"
    key = (r >> 60 & 3) << 3 | r >> 9 & 7
    pp = (r >> 63) << 2 | r & 3
    return f"{segment} avpn {(v & AVPN) >> 7:#x} rpn {r & RPN:#x} key {key} pp {pp} {' '.join(flags)}"
