"""What tests of a kernel need: a shell in the guest, files in and out, results."""

from pyspapr.testing.ktap import KUNIT_RESULTS, Ktap, Result, Status, parse

__all__ = ["KUNIT_RESULTS", "Ktap", "Result", "Status", "parse"]
