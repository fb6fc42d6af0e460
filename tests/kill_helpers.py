"""What `kills.py` and `role_kills.py` share: processes that are started and killed, stories that come in, and counting them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.forks import Forked, fork
from tests.loopback import Fault, Loopback
from tests.shown import shown

FAULTS = [fault for fault in Fault if fault.startswith("accepted") and fault is not Fault.ACCEPTED_HANG]


def write(folder: Path, name: str, title: str) -> None:
    """A record file of a story that is seen now; written again, its title has changed."""
    published = datetime.now(UTC) - timedelta(minutes=1)
    text = (
        f'---\ntitle: "{title}"\nwebUrl: "https://{name}.example/{name}"\nquality: 80\ntopics: [Trains]\n'
        f"publishedDateTime: {published:%Y-%m-%dT%H:%M:%SZ}\nprovider: {{name: {name}, domain: {name}.example}}\n---\n"
    )
    (folder / "records" / f"{name}.md").write_text(text)


async def start(
    discord: Loopback,
    folder: Path,
    *arguments: str,
    log: str = "log",
    environment: Mapping[str, str] | None = None,
) -> Forked:
    """`topicwire run` with short waits, the settings of the folder, and its log there."""
    with (folder / log).open("ab") as file:  # the process has a descriptor of its own
        return await fork(
            "tests.loopback.hurry:main", "run", "--config", str(folder / "config.yaml"), *arguments,
            stderr=file, env={**os.environ, **discord.environment(), **(environment or {})},
        )  # fmt: skip


async def kill(process: Forked) -> None:
    """Kill a process, if it still runs, and wait for its end."""
    if process.returncode is None:
        process.kill()
        await process.wait()


def miscounted(discord: Loopback, channels: Iterable[int], titles: Iterable[str]) -> list[str]:
    """The stories that do not stand in a channel as they are now, and what stands there besides, or more than once."""
    wrong, expected = [], Counter(titles)
    for channel_id in channels:
        standing = Counter(shown(message).title for message in discord.shown(channel_id))
        wrong += [f"{channel_id}: missing, or out of date: {title}" for title in expected - standing]
        wrong += [f"{channel_id}: twice, or out of date: {title}" for title in standing - expected]
    return wrong
