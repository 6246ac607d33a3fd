"""Fetch the real guests and build the test initrd, under `.cache/guests/`.

    python tools/fetch_guests.py

Debian's packages are downloaded with apt, with its own state in the cache directory and the architecture set to
ppc64el, and unpacked with dpkg-deb; nothing is installed. What is there already is not fetched again.

    linux/vmlinux        Debian's kernel (linux-image-powerpc64le)
    newer/vmlinux, newer-64k/vmlinux   kernels of a later suite, with pages of 4 and of 64 KiB
    installer/vmlinux, installer/initrd.gz   the installer's kernel and initrd
    libraries/           glibc and libdfp as static libraries, with their headers, for programs that tests compile
    busybox              a static busybox
    initrd.cpio          busybox and the script `INIT`
    first.cpio           the same with an init that only says that it runs (for benchmarks)
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from packages import Apt, FetchError, suite

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "guests"

KERNEL_PACKAGE = "linux-image-powerpc64le"
NEWER_SUITES = ("bookworm-backports", "trixie")
"""Where there is a newer kernel; the first that gives one is taken."""
NEWER = {"newer": KERNEL_PACKAGE, "newer-64k": f"{KERNEL_PACKAGE}-64k"}
"""Newer kernels: directory, package."""
INSTALLER_PACKAGE = "debian-installer-12-netboot-ppc64el"
BUSYBOX_PACKAGE = "busybox-static"
LIBRARY_PACKAGES = ("libc6-dev", "linux-libc-dev", "libdfp-dev")
"""What programs for the guest are compiled and linked with."""

INIT_MARK = "init: reached"
DATA = hashlib.sha256(b"pyspapr").digest() * 32768
"""A megabyte that the guest hashes and compresses."""

INIT = f"""#!/bin/sh
echo "{INIT_MARK}"
mount -t proc proc /proc
echo "init: cpuinfo"; cat /proc/cpuinfo
echo "init: sha256 $(sha256sum < /data)"
echo "init: gzip $(gzip -c /data | gzip -dc | sha256sum)"
i=0; sum=0
while [ $i -lt 1000 ]; do sum=$((sum + i * i)); i=$((i + 1)); done
echo "init: loop $sum"
i=0; sum=0
while [ $i -lt 300 ]; do sum=$((sum + $(echo $i))); i=$((i + 1)); done
echo "init: forks $sum"
float=$(echo 355 113 | awk '{{ printf "%.9f %.6f", $1 / $2, $1 * 0.1 }}')
echo "init: float $float"
echo "init: date $(date -u +%Y-%m-%d)"
if [ "$1" = shell ] || grep -q pyspapr.shell /proc/cmdline; then echo "init: shell"; exec sh; fi
echo "init: done"
poweroff -f
"""
FIRST_INIT = f"""#!/bin/sh
echo "{INIT_MARK}"
poweroff -f
"""

APPLETS = ("sh", "cat", "mount", "sha256sum", "gzip", "echo", "awk", "grep", "date", "poweroff", "sleep", "ls", "ps")


def fetch_kernel(apt: Apt, package: str, target: Path) -> None:
    """Bring the kernel that a meta-package stands for today."""
    for name in apt.depends(package).get(package, []):
        if name.startswith("linux-image-"):
            with tempfile.TemporaryDirectory(dir=apt.directory) as scratch:
                apt.unpack(Path(scratch), name)
                keep(only(Path(scratch), "vmlinu[xz]-*"), target)
            return
    raise FetchError(f"{package} depends on no kernel")


def fetch_newer(cache: Path) -> None:
    """Bring the newer kernels, all of one suite. Raises FetchError with what each suite said."""
    refusals = []
    for name in NEWER_SUITES:
        apt = Apt(cache / f"apt-{name}", ["ppc64el"], suite(name))
        apt.update()
        try:
            for directory, package in NEWER.items():
                fetch_kernel(apt, package, cache / directory / "vmlinux")
            return
        except FetchError as error:
            refusals.append(str(error))
    raise FetchError("; ".join(refusals))


def keep(source: Path, target: Path) -> None:
    """Move a file to its place in one step, so that a half-written one is never taken for a whole one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target.with_suffix(".part"))
    target.with_suffix(".part").rename(target)


def only(directory: Path, pattern: str) -> Path:
    """The one file that matches."""
    found = [path for path in directory.rglob(pattern) if path.is_file() and not path.is_symlink()]
    if len(found) != 1:
        raise FetchError(f"{len(found)} files match {pattern} in the package, expected 1")
    return found[0]


class Cpio:
    """A writer of the "newc" archive format that Linux unpacks (Linux, Documentation, initramfs buffer format)."""

    def __init__(self) -> None:
        """Empty."""
        self.data = bytearray()
        self.inode = 0

    def add(self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        """Append an entry."""
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        self.data += b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        self.data += bytes(-len(self.data) % 4)
        self.data += content
        self.data += bytes(-len(self.data) % 4)

    def end(self) -> bytes:
        """The finished archive."""
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def initrd(busybox: bytes, init: str, data: bytes = b"", programs: Mapping[str, bytes] | None = None) -> bytes:
    """An initrd with busybox, a console device, an init, and more programs by name."""
    archive = Cpio()
    for directory in ("bin", "dev", "proc", "sys", "tmp"):
        archive.add(directory, 0o040755)
    archive.add("dev/console", 0o020600, device=(5, 1))
    archive.add("dev/null", 0o020666, device=(1, 3))
    archive.add("bin/busybox", 0o100755, busybox)
    for applet in APPLETS:
        archive.add(f"bin/{applet}", 0o120777, b"busybox")
    for name, program in (programs or {}).items():
        archive.add(f"bin/{name}", 0o100755, program)
    archive.add("init", 0o100755, init.encode())
    if data:
        archive.add("data", 0o100644, data)
    return archive.end()


def fetch(cache: Path = CACHE) -> None:
    """Bring `cache` up to date. Raises FetchError."""
    kernel, busybox = cache / "linux" / "vmlinux", cache / "busybox"
    installer, installer_initrd = cache / "installer" / "vmlinux", cache / "installer" / "initrd.gz"
    libraries = cache / "libraries"
    missing = [path for path in (kernel, busybox, installer, installer_initrd, libraries) if not path.exists()]
    if missing:
        apt = Apt(cache / "apt", ["ppc64el"])
        apt.update()
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            if kernel in missing:
                fetch_kernel(apt, KERNEL_PACKAGE, kernel)
            if busybox in missing:
                apt.unpack(Path(scratch) / "busybox", BUSYBOX_PACKAGE)
                keep(Path(scratch) / "busybox" / "bin" / "busybox", busybox)
            if libraries in missing:
                apt.unpack(Path(scratch) / "libraries", *LIBRARY_PACKAGES)
                keep(Path(scratch) / "libraries", libraries)
            if installer in missing or installer_initrd in missing:
                apt.unpack(Path(scratch) / "installer", INSTALLER_PACKAGE)
                text = only(Path(scratch) / "installer", "initrd.gz").parent
                keep(text / "vmlinux", installer)
                keep(text / "initrd.gz", installer_initrd)
    if not all((cache / directory / "vmlinux").exists() for directory in NEWER):
        fetch_newer(cache)
    program = busybox.read_bytes()
    for name, init, data in (("initrd.cpio", INIT, DATA), ("first.cpio", FIRST_INIT, b"")):
        (cache / name).write_bytes(initrd(program, init, data))
    with gzip.open(installer_initrd) as archive:
        if archive.read(6) != b"070701":
            raise FetchError(f"{installer_initrd} holds no cpio archive")


def main() -> int:
    """Fetch, and say what happened."""
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        fetch()
    except FetchError as error:
        print(f"fetch_guests: {error}", file=sys.stderr)
        return 1
    print(f"the real guests are in {CACHE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
