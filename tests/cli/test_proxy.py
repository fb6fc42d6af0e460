"""The bot behind a proxy for Discord's API, as several bots of one token share it.

It runs where `DISCORD_PROXY_MODULES` names the folder `node_modules` that `npm install @discordjs/proxy` has made.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.cli.test_run import TIMEOUT, prepare, running_here
from tests.kill_helpers import write
from tests.loopback import DISCORD, Loopback, give_face
from tests.shown import shown
from tests.store.store_helpers import headlines

NODE = shutil.which("node")
MODULES = Path(os.environ.get("DISCORD_PROXY_MODULES", ""))
SCRIPT = Path(__file__).parents[1] / "loopback" / "proxy.cjs"
STORIES = 8  # more than Discord takes in five seconds in one channel

needs_proxy = pytest.mark.skipif(
    NODE is None or not (MODULES / "@discordjs" / "proxy").is_dir(),
    reason="needs node, and DISCORD_PROXY_MODULES: the node_modules of `npm install @discordjs/proxy`",
)


@asynccontextmanager
async def proxy(discord: Loopback) -> AsyncIterator[str]:
    """The proxy in front of a Discord; its address."""
    assert NODE is not None
    process = await asyncio.create_subprocess_exec(
        NODE, str(SCRIPT), f"http://127.0.0.1:{discord.port}/api",
        env=os.environ | {"NODE_PATH": str(MODULES)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(TIMEOUT):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.kill()
        await process.wait()


@needs_proxy
@pytest.mark.parametrize("by_webhook", [False, True])
async def test_behind_a_proxy_nothing_is_lost_and_no_limit_is_broken(
    tmp_path: Path, by_webhook: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = await prepare(tmp_path)
    config.write_text(
        config.read_text() + "posts: {edit_interval: 5s, per_hour: 1000, most_per_hour: 1000}\n"
    )
    if by_webhook:
        await give_face(str(tmp_path / "x.db"))
    titles = list(headlines(STORIES))
    final = {f"s{number}": title for number, title in enumerate(titles)}
    discord = Loopback(limits=DISCORD)
    async with discord.serving(), proxy(discord) as address:
        discord.api_url = address
        async with running_here(discord, config, monkeypatch, caplog):
            for name, title in final.items():
                write(tmp_path, name, title)
            async with asyncio.timeout(TIMEOUT):
                while len(discord.messages) < STORIES:
                    discord.arrived.clear()
                    await discord.arrived.wait()
            final["s0"] += " after all"
            write(tmp_path, "s0", final["s0"])
            async with asyncio.timeout(TIMEOUT):
                while not any(accepted.method == "PATCH" for accepted in discord.accepted):
                    discord.arrived.clear()
                    await discord.arrived.wait()
            answered = await discord.use("help")
    standing = sorted(shown(message).title for message in discord.shown())
    assert standing == sorted(final.values())
    assert answered["components"]
    assert discord.limited == {}
    assert "rate limit" not in caplog.text
    assert {request for request in discord.requests if "webhooks/3001" in request[1]} or not by_webhook
