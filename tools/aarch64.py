"""Run Rust tests as aarch64 programs, under QEMU's user-mode emulation where the host is another.

    python tools/aarch64.py lockstep engine

Each name is a test of crates/ppc-core or crates/partition. Where rustc has no standard library for aarch64
(`rustup target add aarch64-unknown-linux-gnu` installs one), a whole compiler of Debian's unstable suite, which has one
for each of its architectures, is unpacked under `.cache/aarch64/`; nothing is installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from packages import Apt, FetchError, run, suite

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "aarch64"
TARGET = "aarch64-unknown-linux-gnu"

COMPILER = """#!/bin/sh
# Debian's compiler with the libraries it was built with.
exec {root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {root}/usr/lib/x86_64-linux-gnu \\
	{root}/usr/bin/rustc --sysroot {root}/usr "$@"
"""


def has_library() -> bool:
    """Whether the usual rustc can make aarch64 programs."""
    return any(Path(run("rustc", "--print", "target-libdir", "--target", TARGET).strip()).glob("libstd-*"))


def fetch_compiler() -> Path:
    """Debian's rustc, under the cache directory."""
    root, compiler = CACHE / "root", CACHE / "rustc"
    if compiler.exists():
        return compiler
    apt = Apt(CACHE / "apt", ["amd64", "arm64"], suite("sid"))
    apt.update()
    needs = apt.depends("rustc")
    # The compiler, its shared libraries with theirs, and the standard libraries of both sides.
    packages, todo = set[str](), ["rustc", "libstd-rust-dev"]
    while todo:
        package = todo.pop()
        packages.add(package)
        libraries = (name for name in needs.get(package, []) if name.startswith(("lib", "zlib")))
        todo += [name for name in libraries if not name.endswith("-dev") and name not in packages]
    apt.unpack(root, "libstd-rust-dev:arm64", *sorted(packages))
    part = CACHE / "rustc.part"
    part.write_text(COMPILER.format(root=root))
    part.chmod(0o755)
    part.rename(compiler)
    return compiler


def main() -> int:
    """Build and run."""
    prefix = f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_"
    environment = {prefix + "LINKER": "aarch64-linux-gnu-gcc"} | os.environ
    if os.uname().machine != "aarch64":
        environment.setdefault(prefix + "RUNNER", "qemu-aarch64-static -L /usr/aarch64-linux-gnu")
    try:
        if not has_library():
            environment["RUSTC"] = str(fetch_compiler())
    except FetchError as error:
        print(f"aarch64: {error}", file=sys.stderr)
        return 1
    # Another compiler's files would push out those of the usual one.
    command = ["cargo", "test", "-p", "ppc-core", "-p", "partition", "--release", "--target", TARGET]
    command += ["--target-dir", "target/aarch64"]
    for name in sys.argv[1:]:
        command += ["--test", name]
    return subprocess.run([*command, "--", "--nocapture"], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
