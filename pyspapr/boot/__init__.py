"""Booting: reading kernels in any packaging, placing them in guest RAM, and building their device tree. Start at
`place`: it loads the files of `Images` into RAM, and returns an `Entry` with the initial registers.
"""

from pyspapr.boot.place import Entry, Images, load

__all__ = ["Entry", "Images", "load"]
