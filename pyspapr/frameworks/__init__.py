"""Drivers for test frameworks that have a plugin interface: kirk (the runner of the Linux Test Project) and labgrid.

Neither framework is a dependency of this package. Frameworks that start QEMU need none of this: see `pyspapr qemu`.
"""
