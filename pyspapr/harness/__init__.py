"""Tests on machines that are booted once: the boots and their cache, pytest's plugin, and folders of scripts."""
