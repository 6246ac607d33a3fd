"""Debian's kernel under load moves between two processes, and its load goes on with right results.

The guests are those of test_linux.py.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest
from fetch_guests import CACHE
from migration import MIB, OtherProcess

from pyspapr import Machine
from pyspapr.migration.phases import Phase

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("PYSPAPR_NO_REAL_GUESTS") == "1" and not os.environ.get("CI"),
        reason="PYSPAPR_NO_REAL_GUESTS=1",
    ),
]

# However quick the host is: the guest works until a line on its console tells it to end.
LOAD = (
    "exec 3<&0; (read x <&3; touch /stop) & "
    "w=$(sha256sum < /data); n=0; while [ ! -e /stop ]; do n=$((n+1)); gzip -c /data > /z; gzip -dc /z > /y$((n%3)); "
    'k=0; while [ $k -lt 20 ]; do k=$((k+1)); x=$(echo $k); [ "$x" = $k ] || echo "BA""D fork"; done; '
    '[ "$(sha256sum < /y$((n%3)))" = "$w" ] || echo "BA""D data"; echo "roun""d $n ok"; done; '
    'echo "al""l done"; poweroff -f'
)


def shell() -> Machine:
    """Linux at its shell."""
    vm = Machine(memory="512M")
    for name in ("linux/vmlinux", "initrd.cpio"):
        assert (CACHE / name).exists(), f"{CACHE / name} is missing: run `make guests`"
    vm.load_kernel(CACHE / "linux/vmlinux", initrd=CACHE / "initrd.cpio", append="console=hvc0 quiet pyspapr.shell")
    vm.console.expect("init: shell", timeout=400)
    return vm


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_linux_under_load_moves_to_another_process_and_its_load_goes_on(kind: str, tmp_path: Path) -> None:
    vm = shell()
    vm.console.send(LOAD)
    vm.console.expect("round 2 ok", timeout=400)
    place = f"unix:{tmp_path / 'socket'}" if kind == "unix" else "tcp:127.0.0.1:0"
    begin = time.perf_counter()
    with OtherProcess(place, 1 << 62, answer=(r"round \d+ ok", "stop")) as there:
        statistics = vm.migrate(there.address, bandwidth=200 * MIB)
        arrived = there.line()
        assert arrived["hash"] == vm.state_hash()
        end = there.line()
    print(
        f"{kind}: {time.perf_counter() - begin:.1f} s, {statistics.pass_number} passes, downtime "
        f"{1000 * (statistics.downtime or 0):.0f} ms, {statistics.sent_bytes >> 20} MiB",
        file=sys.stderr,
    )
    assert statistics.phase is Phase.COMPLETED
    assert statistics.passes[0].hpt_valid >= 32  # the linear mapping in pages of 16 MiB, and what runs just now
    assert all(one.instructions > 0 for one in statistics.passes[:-1])
    assert end["reason"] == "PoweredOff"
    console = vm.console.output + end["console"]
    rounds = re.findall(r"round (\d+) ok", console)
    assert rounds == [str(number) for number in range(1, len(rounds) + 1)]
    assert "all done" in end["console"]
    for trouble in ("BAD", "Oops", "Call Trace", "segfault", "panic"):
        assert trouble not in console
