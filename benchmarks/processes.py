"""`topicwire` as processes, started as people start it, and what they take."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

READY = "ready as"
TICKS = os.sysconf("SC_CLK_TCK")
KILOBYTES = 1024
PATIENCE = 120.0  # seconds until a text is in the log


def resident(pid: int) -> float:
    """MB of resident memory of a process."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> float:
    """MB of resident memory of a process, at most."""
    return _status(pid, "VmHWM")


def _status(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith(field)) / KILOBYTES


def processor_time(pid: int, *, with_children: bool = False) -> float:
    """Seconds of processor time of a process; with that of its children, those that have ended included."""
    fields = _stat(pid)
    ticks = sum(map(int, fields[11 : 15 if with_children else 13]))
    if not with_children:
        return ticks / TICKS
    living = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return ticks / TICKS + sum(processor_time(child) for child in living if _parent(child) == pid)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name of the program, which may contain spaces."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except OSError:  # it has ended meanwhile
        return 0


class Running:
    """A process that runs, and its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.started = time.perf_counter()
        self.log = ""
        self._process = process
        self._more = asyncio.Event()
        self._over = False

    async def read(self) -> None:
        """Read the log until the process ends."""
        assert self._process.stderr is not None
        async for text in self._process.stderr:
            self.log += text.decode()
            self._more.set()
        self._over = True
        self._more.set()

    async def says(self, text: str) -> float:
        """Wait until a text is in the log; seconds from the start of the process until then."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.log:
                if self._over:
                    sys.exit(f"topicwire ended early:\n{self.log}")
                self._more.clear()
                await self._more.wait()
        return time.perf_counter() - self.started


@asynccontextmanager
async def running(config: Path, environment: Mapping[str, str], *arguments: str) -> AsyncIterator[Running]:
    """`topicwire run` with these settings and arguments, stopped at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", "--config", str(config), *arguments,
        stderr=asyncio.subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip
    run = Running(process)
    reading = asyncio.create_task(run.read())
    try:
        yield run
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await reading
