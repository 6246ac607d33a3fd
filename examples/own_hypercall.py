"""Add a hypercall, replace one, and watch a guest use it.

python examples/own_hypercall.py
"""

import collections
import sys
from importlib.resources import as_file, files

import pyspapr
from pyspapr.partition import Partition
from pyspapr.partition.cpu import Cpu

H_PUT_TERM_CHAR = 0x58


def main() -> int:
    """Count what the guest prints, by length of each call, and pass it on."""
    vm = pyspapr.Machine(memory="256M")
    with as_file(files("pyspapr.guests") / "demo.elf") as kernel:
        vm.load_kernel(kernel, append="rounds=16")
    lengths: collections.Counter[int] = collections.Counter()
    original = vm.hypercalls[H_PUT_TERM_CHAR]

    @vm.hypercall(H_PUT_TERM_CHAR, "H_PUT_TERM_CHAR", replace=True)
    def counted(vm: Partition, cpu: Cpu, termno: int, length: int, first: int, second: int) -> tuple[int, ...]:
        """Count, then do what the table did before."""
        lengths[length] += 1
        return original(vm, cpu, (termno, length, first, second))

    reason = vm.run(timeout=60)
    print(reason)
    for length, count in sorted(lengths.items()):
        print(f"{count:5} calls with {length:2} characters")
    return 0 if lengths and isinstance(reason, pyspapr.PoweredOff) else 1


if __name__ == "__main__":
    sys.exit(main())
