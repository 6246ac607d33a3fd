"""Hooks, injected faults and the sanitizer of the hash table: what a test does to a guest while it runs.

Nothing here costs anything while it is not used, and nothing changes what the guest does or when, unless a function of
the user's does. All of it belongs to one machine: a fork and a restored machine have none but what `prepare` gives
them.
"""
