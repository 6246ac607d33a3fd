"""The whole comparison with QEMU, as tables and as one file of JSON.

    python benches/all.py [--runs N] [--json FILE]

Runs `workloads.py`, `boot.py`, `migration.py`, `exits.py`, `decimals.py`, `fork.py` and the passes over the hash table
(`cargo bench -p hpt`), one after the other, so that none disturbs another. A part that misses a figure does not keep
the others from running.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT

BENCHES = ROOT / "benches"


def parts(runs: int) -> dict[str, list[str]]:
    """The command of each; `--json FILE` is added."""
    scripts = {
        name: [sys.executable, str(BENCHES / f"{name}.py"), "--runs", str(runs)]
        for name in ("workloads", "boot", "migration", "exits", "decimals", "fork")
    }
    return {**scripts, "passes": ["cargo", "bench", "--quiet", "-p", "hpt", "--bench", "passes", "--"]}


def main() -> int:
    """Run all. 1 when a part has missed a figure or failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, default=ROOT / ".cache" / "bench.json")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory(prefix="pyspapr-bench-") as directory:
        for name, command in parts(arguments.runs).items():
            path = Path(directory) / f"{name}.json"
            status = subprocess.run([*command, "--json", str(path)], check=False, cwd=ROOT).returncode
            results[name] = {"status": status, "figures": json.loads(path.read_text()) if path.exists() else None}
            print(flush=True)
    arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    missed = [name for name, result in results.items() if result["status"]]
    print(f"{arguments.json}: {', '.join(missed) + ' missed a figure or failed' if missed else 'all is as wanted'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
