"""`make test ARGS=--cpu` ends with what took the processor: files, and tests.

Seconds of the processor, unlike those of the clock, are much the same however busy the machine is. Fixtures count for the
test that needed them first. What a server does, PostgreSQL's or that of forked processes, is not in them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator

import pytest

LINES = 25
SPENT = "processor seconds"


def _spent() -> float:
    """The seconds of this process so far, with the children that it waited for."""
    return sum(os.times()[:4])


class ProcessorTime:
    """Measures each phase of each test, and sums up at the end."""

    def __init__(self) -> None:
        self._before = 0.0
        self._tests: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Begin to measure."""
        self._before = _spent()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note what a phase took in its report, which the processes of pytest-xdist send."""
        report = yield
        now = _spent()
        report.user_properties.append((SPENT, now - self._before))
        self._before = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up."""
        for name, seconds in report.user_properties:
            if name == SPENT and isinstance(seconds, float):
                self._tests[report.nodeid] += seconds  # type: ignore[assignment] # counts may be floats

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say it."""
        files: Counter[str] = Counter()
        for test, seconds in self._tests.items():
            files[test.partition("::")[0]] += seconds
        terminalreporter.section(f"{files.total():.0f} seconds of the processor")
        for some in (files, self._tests):
            for name, seconds in some.most_common(LINES):
                terminalreporter.write_line(f"{seconds:8.2f} {name}")
            terminalreporter.write_line("")
