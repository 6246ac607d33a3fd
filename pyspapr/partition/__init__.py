"""What a machine consists of and how it runs: processors, memory, the run loop, work of other threads, its status.

`Partition` is all of it; handlers and devices get one as `vm`.
"""

from pyspapr.partition.partition import Partition

__all__ = ["Partition"]
