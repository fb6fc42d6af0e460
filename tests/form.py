"""The two forms in which the tests run.

`make test` runs the short form: every behaviour is tested. The long form, `TEST_FORM=long make test`, is what has to pass
before a change lands (`.ci/run`): it has more and larger examples of the same behaviours.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("TEST_FORM") == "long"


def sized(short: T, long: T) -> T:
    """A size, a number of rounds or a list of cases: the value for the form that runs."""
    return long if LONG else short
