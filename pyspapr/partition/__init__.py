"""The running machine: processors, memory, the run loop, calls from other threads, status."""
