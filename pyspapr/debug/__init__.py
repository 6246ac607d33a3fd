"""Looking into a guest's kernel: names, memory by virtual address, the call chain, the kernel's log."""
