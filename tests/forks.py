"""Processes of the bot that begin with everything imported: forked from one that has done so, once for all tests.

A new interpreter takes a second of the processor to import what the bot needs, which is longer than most of these processes live.
They are processes all the same: with memory, signals, open files and an end of their own.
"""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import sys
import uuid
from collections.abc import Mapping
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from bot.runtime import process

ROOT = Path(__file__).parents[1]
IMPORTED = [
    "pytest", "anyio._backends._asyncio", "apscheduler.executors.asyncio", "watchfiles", "cogs", "bot.cli.main", "bot.cli.run",
    "bot.runtime.app", "bot.runtime.logs", "bot.http.server", "bot.sources.feeds.elements", "bot.sources.feeds.records",
    "tests.loopback.hurry", "tests.workers.child", "tests.preloaded",
]  # fmt: skip
PIPE = asyncio.subprocess.PIPE

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(IMPORTED)


class _Streams(dict[int, Any]):
    """Descriptors, by the number that they have in the new process; they travel with it."""

    def __reduce__(self) -> Any:
        return dict, ({number: reduction.DupFd(descriptor) for number, descriptor in self.items()},)


def _enter(
    target: str, arguments: list[str], environment: dict[str, str], streams: Mapping[int, Any], cwd: Path
) -> None:
    """In the new process: take over what a program is started with, and call the target."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for number, stream in streams.items():
        descriptor = stream.detach()
        os.dup2(descriptor, number)
        os.close(descriptor)
    if 0 in streams:
        os.setsid()  # the terminal that the tests were started from is not its own
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 # it stays open
    process.RUN = uuid.uuid4().hex  # as in a new interpreter: names of processes end with it
    sys.argv = ["topicwire", *arguments]
    module, _, name = target.partition(":")
    getattr(importlib.import_module(module), name)()


class Forked:
    """A process, used as one of `asyncio.create_subprocess_exec` is."""

    def __init__(
        self, process: Any, stdout: asyncio.StreamReader | None, stderr: asyncio.StreamReader | None
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None  # below zero if a signal ended it
        self._process = process
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(process.sentinel, self._note_end)

    def _note_end(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._process.join()
        self.returncode = self._process.exitcode
        self._ended.set()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return int(self._process.pid)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.exitcode is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait for its end. Returns the exit code."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """What it has still to say, once it has ended."""
        out, err = await asyncio.gather(*(_rest(stream) for stream in (self.stdout, self.stderr)))
        await self.wait()
        return out, err


async def fork(
    target: str,
    *arguments: str,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    env: Mapping[str, str] = os.environ,
    cwd: Path = ROOT,
) -> Forked:
    """Start a process that calls `module:function` with these arguments in `sys.argv`, in the directory `cwd`.

    `stdout` and `stderr` are open files, or `PIPE`; `stdin` is an open file. With one, the process has a session of its own.
    """
    readers: list[asyncio.StreamReader | None] = []
    passed = _Streams()
    ours: list[int] = []
    for number, stream in ((1, stdout), (2, stderr)):
        readers.append(None)
        if stream == PIPE:
            reading, passed[number] = os.pipe()
            ours.append(passed[number])
            readers[-1] = await _reader(reading)
        elif stream is not None:
            passed[number] = stream.fileno()
    if stdin is not None:
        passed[0] = stdin.fileno()
    process = _forks.Process(target=_enter, args=(target, list(arguments), dict(env), passed, cwd))
    process.start()
    for descriptor in ours:
        os.close(descriptor)
    return Forked(process, *readers)


async def _rest(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb"))
    return reader
