"""Booting: reading kernels in all their wrappings, placing them in guest RAM, and the device tree they are given.

`place` is the way in: the files named by `Images` go into RAM, and an `Entry` says what the registers start with.
"""

from pyspapr.boot.place import Entry, Images, load

__all__ = ["Entry", "Images", "load"]
