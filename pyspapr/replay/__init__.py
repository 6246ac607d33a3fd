"""Runs that are made again: recording what the host decides, replaying it, both engines in lock-step, differences."""
