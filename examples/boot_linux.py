"""Boot a Linux kernel to a shell and talk to it.

    python examples/boot_linux.py VMLINUX INITRD

`make guests` fetches a kernel and builds an initrd: .cache/guests/linux/vmlinux and .cache/guests/initrd.cpio.
"""

import sys

import pyspapr


def main(kernel: str, initrd: str) -> int:
    """Boot, run two commands, power off."""
    vm = pyspapr.Machine(memory="1G", cpu="power9")
    vm.load_kernel(kernel, initrd=initrd, append="console=hvc0 quiet pyspapr.shell")
    vm.console.expect("# ", timeout=120)
    for command in ("uname -m", "grep MMU /proc/cpuinfo"):
        vm.console.send(command)
        print(vm.console.expect("# ", timeout=60).strip())
    vm.console.send("poweroff -f")
    reason = vm.run(timeout=60)
    print(f"{reason}; {vm.instructions:,} instructions, hash {vm.state_hash()[:16]}")
    return 0 if isinstance(reason, pyspapr.PoweredOff) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
