"""The command line as people and programs call it: in this process, or as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot.cli.main import main
from tests.forks import PIPE, fork

ROOT = Path(__file__).parents[2]
COLUMNS = "200"


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[Any]:
        """Every line of standard output as JSON."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def _environment(more: dict[str, str]) -> dict[str, str]:
    """The environment without settings of Topicwire's but these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOPICWIRE_")}
    return {**clean, "COLUMNS": COLUMNS, **more}


def topicwire(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Done:
    """Run a command in this process, which saves the second that a new one needs to start.

    It goes through the real entry point, with an environment, a directory and output streams of its own.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        patch.dict(os.environ, _environment(environment), clear=True),
        patch.object(sys, "argv", ["topicwire", *map(str, arguments)]),
        contextlib.chdir(cwd or ROOT),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(code, _text(out), _text(err))


async def topicwire_aside(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Done:
    """The same in a thread, while the loop of the test goes on serving."""
    return await asyncio.to_thread(topicwire, *arguments, cwd=cwd, **environment)


async def topicwire_process(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> Done:
    """Run a command as a process of its own. A traceback is never what a user sees."""
    process = await fork(
        "bot.cli.main:main", *map(str, arguments),
        stdout=PIPE, stderr=PIPE, env=_environment(environment), cwd=cwd,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    done = Done(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in done.stderr, done.stderr
    return done


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
