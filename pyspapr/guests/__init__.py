"""Guests that ship with the package. Their sources are under ``guests/`` of the project."""

from pathlib import Path

#: The demo guest: an ELF64 little-endian PAPR kernel. ``guests/README.md`` lists its boot arguments.
DEMO: Path = Path(__file__).with_name("demo.elf")
