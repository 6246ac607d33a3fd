"""What a machine consists of and how it runs: processors, memory, the run loop, work of other threads, its status."""
