"""kirk, the runner of the Linux Test Project, with a channel to a machine.

    python -m pyspapr.frameworks.kirk --com pyspapr:kernel=vmlinux:initrd=initrd.cpio:append=console=hvc0 \\
        --sut default:com=pyspapr --run-suite syscalls

This is kirk's own program, which takes its own options; only `pyspapr` is one more of its channels. (`kirk --plugins
FOLDER` finds the channel too late: kirk 4.2 checks the names behind --com before it looks there.)
"""

import os
from typing import Final

FOLDER: Final = os.path.dirname(os.path.abspath(__file__))
"""Where kirk finds the channel."""
