"""The two forms in which the tests run.

`make test` runs the short form: every behaviour is tested. The long form, `TEST_FORM=long make test`, is what has to pass
before a change lands (`.ci/run`): it has more and larger examples of the same behaviours.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
Test = TypeVar("Test", bound=Callable[..., Any])

LONG = os.environ.get("TEST_FORM") == "long"


def sized(short: T, long: T) -> T:
    """A size, a number of rounds or a list of cases: the value for the form that runs."""
    return long if LONG else short


def long_form_of(short: Callable[..., Any]) -> Callable[[Test], Test]:
    """A test that only the long form runs, because `short` tests the same behaviour for less.

    Naming the test keeps it there: without it this one does not import.
    """
    assert short.__name__.startswith("test_"), f"{short.__name__} is not a test"
    return pytest.mark.skipif(not LONG, reason=f"the long form of {short.__name__} (TEST_FORM=long)")
