"""What the bot asks of the system."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.runtime import process

CODE = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
from bot.runtime.process import raise_open_files
raise_open_files()
soft, after = resource.getrlimit(resource.RLIMIT_NOFILE)
print(soft > 256 or soft == hard, after == hard)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_of_open_files_is_raised_as_far_as_it_goes() -> None:
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", CODE], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "True"]


def test_the_program_looks_for_garbage_less_often_than_python_by_itself() -> None:
    thresholds = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        process.collect_garbage_less_often()
        assert gc.get_threshold() == process.GC_THRESHOLDS
        assert process.GC_THRESHOLDS[0] > 700
    finally:
        gc.set_threshold(*thresholds)


def test_what_a_start_leaves_is_not_looked_through_for_garbage_again() -> None:
    try:
        process.freeze_startup_objects()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_count()[2] == 0
    finally:
        gc.unfreeze()


def test_a_process_has_ended_only_if_it_ran_in_this_machine_among_the_same_process_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_machine", lambda: "boot-1/pid:[1]")
    gone = f"{socket.gethostname()} {2**22 + 1} {'0' * 32}"  # above every id of Linux
    assert process.is_gone(gone)
    assert process.has_ended(f"boot-1/pid:[1] {gone}")
    assert not process.has_ended(f"boot-1/pid:[2] {gone}")  # another container with the same host name
    assert not process.has_ended(f"boot-2/pid:[1] {gone}")
    assert not process.has_ended(process.identity())
    assert not process.has_ended("")
    monkeypatch.setattr(process, "_machine", lambda: "")
    assert not process.has_ended(f"- {gone}")
