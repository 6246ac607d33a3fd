"""Errors: they survive the way to another process."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from pyspapr import PoweredOff, errors

EXAMPLES = [
    errors.EngineDifference("they differ", 7, 0x10000, ["r3: 1 / 2"]),
    errors.ExpectError.of("login:", PoweredOff(), 1.5, "one\ntwo"),
    errors.GuestFailure("bad", "text", {"r1": 2}, ["a+0x1/0x2"], ["line"]),
    errors.GuestAddressError("outside", 1 << 64, 4),
    errors.ImageFileError.of("a cannot be read: No such file or directory", FileNotFoundError(2, "No such file"), "a"),
    errors.ReplayError("the replay is not what was recorded", 5, 9),
    errors.StreamError.of("field count", "spapr_vty", 0x1F40, 16, 15),
]


def test_every_error_that_keeps_details_is_tried() -> None:
    classes = [value for _, value in inspect.getmembers(errors, inspect.isclass) if value.__module__ == errors.__name__]
    assert {type(error) for error in EXAMPLES} == {one for one in classes if "__init__" in vars(one)}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_in_another_process_is_the_same(error: errors.SpaprError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))
        if isinstance(error, OSError) and isinstance(again, OSError):
            assert (again.errno, again.strerror, again.filename) == (error.errno, error.strerror, error.filename)
