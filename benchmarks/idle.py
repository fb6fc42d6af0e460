"""`topicwire run` against a Discord on the loopback: time to ready, and memory when idle."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import line
from bot.demo.main import NEWS, TOPICS
from tests.loopback import Loopback

SETTLE = 5.0  # seconds after ready until memory is read
READY = "ready as"

CONFIG = """\
database: {{url: {folder}/bench.db}}
topics: {{directories: [{topics}]}}
sources: [{{kind: folder, path: {news}}}]
"""


def _resident(pid: int) -> float:
    """MB of resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS")) / 1024


async def _start(discord: Loopback, config: Path) -> tuple[float, float]:
    """Seconds from the start of the process to ready, and MB of resident memory when idle."""
    environment = os.environ | discord.environment()
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.loopback", "run", "--config", str(config),
        stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert process.stderr is not None
    log = ""
    async for text in process.stderr:
        log += text.decode()
        if READY in log:
            break
    else:
        sys.exit(f"topicwire run ended before it was ready:\n{log}")
    ready = time.perf_counter() - started
    await asyncio.sleep(SETTLE)
    resident = _resident(process.pid)
    process.terminate()
    await process.wait()
    return ready, resident


async def measure(runs: int) -> None:
    """The first start makes the database; the others find it."""
    discord = Loopback()
    async with discord.serving():
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "config.yaml"
            config.write_text(CONFIG.format(folder=folder, topics=TOPICS, news=NEWS), encoding="utf-8")
            first = await _start(discord, config)
            later = [await _start(discord, config) for _ in range(runs)]
    print("\ntopicwire run, the sample as its source, one server, no traffic")
    line("time to ready, first start (creates the database)", [first[0]], "s")
    line("time to ready", [ready for ready, _ in later], "s")
    line("resident memory when idle, first start", [first[1]], "MB")
    line("resident memory when idle", [memory for _, memory in later], "MB")
