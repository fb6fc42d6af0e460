"""The process is killed at random moments while Discord misbehaves; then every story is told once, as it is now.

Two servers follow the topic: in channels (one of them may have a name and a face), in a forum, and in digests. Discord limits
what it limits, and remembers nonces for as long as it does, or for no time, as after a long downtime.

python -m tests.kills [KILLS [SEED]]        # `make soak`
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.domain.model import Mode, Subscription
from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.schedule import Schedule
from bot.store import digests, schema, subscriptions, topics
from bot.store.database import Database
from bot.store.outbox import STORY
from tests.forks import Forked, fork
from tests.loopback import (
    CHANNEL,
    DISCORD,
    FORUM,
    GUILD,
    Fault,
    GuildLayout,
    Loopback,
    first_intake,
    give_face,
)
from tests.loopback.objects import FORUM_CHANNEL, TEXT
from tests.shown import shown
from tests.store.store_helpers import headlines

A_ROUND = 4  # stories that come in before each kill
PATIENCE = 200.0  # seconds for what is due at the end, beside what Discord's limits take
FORUM_POSTS, FORUM_SECONDS = 50, 300.0  # that Discord takes in so many seconds
RENAMES_SECONDS = 600.0  # in which a forum post is renamed twice at most
FAULTS = [fault for fault in Fault if fault.startswith("accepted") and fault is not Fault.ACCEPTED_HANG]
SECOND, ELSEWHERE, DIGESTED = 1001, 2100, 2101  # another server, and two channels in it
GUILDS = (
    GuildLayout(GUILD, {CHANNEL: TEXT, FORUM: FORUM_CHANNEL}),
    GuildLayout(SECOND, {ELSEWHERE: TEXT, DIGESTED: TEXT}),
)
POSTED = {CHANNEL: GUILD, FORUM: GUILD, ELSEWHERE: SECOND}  # with live posts
CONFIG = """\
database: {{url: {folder}/x.db}}
feeds: {{catalogue: false}}
topics: {{inline: [{{name: Trains, keywords: [train]}}]}}
posts: {{edit_interval: 5s, per_hour: 1000, most_per_hour: 1000}}
sources: [{{kind: folder, path: {folder}/records}}]
"""


def write(folder: Path, name: str, title: str) -> None:
    """A record file of a story that is seen now; written again, its title has changed."""
    published = datetime.now(UTC) - timedelta(minutes=1)
    text = (
        f'---\ntitle: "{title}"\nwebUrl: "https://{name}.example/{name}"\nquality: 80\ntopics: [Trains]\n'
        f"publishedDateTime: {published:%Y-%m-%dT%H:%M:%SZ}\nprovider: {{name: {name}, domain: {name}.example}}\n---\n"
    )
    (folder / "records" / f"{name}.md").write_text(text)


async def _follow(database: str) -> None:
    db = await Database.open(database)
    async with db.write() as connection:
        ids = await topics.ensure(connection, ["Trains"])
        now = datetime.now(UTC)
        for where, server in POSTED.items():
            wish = Subscription(0, server, where, "Trains", Mode.LIVE)
            await subscriptions.subscribe(connection, wish, ids["trains"], now)
        wish = Subscription(0, SECOND, DIGESTED, "Trains", Mode.DIGEST)
        await subscriptions.subscribe(connection, wish, ids["trains"], now)
        daily = ChannelDigest(0, SECOND, DIGESTED, schedule=Schedule(time(9), "UTC", size=25))
        await digests.add(connection, daily, None, now)
    await db.close()


async def _digest_is_due(database: str) -> None:
    """Have the digest come as soon as the bot runs, unless it is late already."""
    db = await Database.open(database)
    async with db.write() as connection:
        for digest in await digests.stored(connection):
            await digests.plan_next(connection, digest.id, datetime.now(UTC))
    await db.close()


async def _start(discord: Loopback, folder: Path) -> Forked:
    with (folder / "log").open("ab") as log:  # the process has a descriptor of its own
        return await fork(
            "tests.loopback.hurry:main", "run", "--config", str(folder / "config.yaml"),
            stderr=log, env=os.environ | discord.environment(),
        )  # fmt: skip


def _patience(stories: int) -> float:
    """Seconds for so many stories: all of them are posts of a forum, and some of those are renamed."""
    return PATIENCE + stories // FORUM_POSTS * FORUM_SECONDS + RENAMES_SECONDS


async def _until_settled(folder: Path, stories: int) -> None:
    """Wait until nothing is due any more, and no digest either."""
    db = await Database.open(str(folder / "x.db"))
    waiting = sa.select(sa.func.count()).where(schema.outbox.c.due_at.is_not(None))
    known = sa.select(sa.func.count()).select_from(schema.outbox).where(schema.outbox.c.kind == STORY)
    try:
        async with asyncio.timeout(_patience(stories)):
            while True:
                async with db.read() as connection:
                    posts, left = await connection.scalar(known), await connection.scalar(waiting)
                    late = await digests.due(connection, datetime.now(UTC))
                if posts == len(POSTED) * stories and not left and not late:
                    return
                await asyncio.sleep(0.2)
    finally:
        await db.close()


async def _settle(discord: Loopback, folder: Path, stories: int) -> int | None:
    """Run the bot until nothing is due any more; the exit code of its stop."""
    process = await _start(discord, folder)
    try:
        await _until_settled(folder, stories)
        process.send_signal(signal.SIGTERM)
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _wrong_in_digests(discord: Loopback, names: Iterable[str]) -> list[str]:
    """The stories that no digest told, or more than one place did. A digest stays as it was, so they go by their addresses."""
    addresses = Counter(address for message in discord.shown(DIGESTED) for _, address in shown(message).links)
    told = {name: addresses[f"https://{name}.example/{name}"] for name in names}
    return [f"{DIGESTED}: {count} times in digests: {name}" for name, count in told.items() if count != 1]


async def run(
    kills: int, seed: int, folder: Path, *, nonce_life: float, by_webhook: bool = False
) -> list[str]:
    """Kill that often; what is wrong afterwards, nothing where all is right. `by_webhook`: a webhook posts in the channel."""
    chance = random.Random(seed)  # noqa: S311 # nothing secret
    (folder / "records").mkdir()
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder))
    write(folder, "old", "An old engine is sold")
    await _follow(str(folder / "x.db"))
    if by_webhook:
        await give_face(str(folder / "x.db"))
    titles = list(headlines(A_ROUND * kills))
    discord = Loopback(GUILDS, DISCORD)
    discord.nonce_life = nonce_life
    final: dict[str, str] = {}
    async with discord.serving():
        for number in range(kills):
            process = await _start(discord, folder)
            discord.faults = [chance.choice(FAULTS) for _ in range(chance.randint(0, 2))]
            await first_intake(str(folder / "x.db"))
            for name, title in enumerate(titles[number * A_ROUND : (number + 1) * A_ROUND]):
                final[f"n{number}s{name}"] = title
                write(folder, f"n{number}s{name}", title)
            aim = len(discord.accepted) + chance.randint(1, A_ROUND)
            async with asyncio.timeout(PATIENCE):
                while len(discord.accepted) < aim:
                    await discord.arrived.wait()
                    discord.arrived.clear()
            await asyncio.sleep(chance.random() * 0.05)
            process.kill()
            await process.wait()
            changed = chance.choice(list(final))
            final[changed] += f" {final[changed].split()[0][::-1].lower()}"  # a word of its own alone
            write(folder, changed, final[changed])
            await _digest_is_due(str(folder / "x.db"))
        discord.faults = []
        codes = [await _settle(discord, folder, len(final))]
        await _digest_is_due(str(folder / "x.db"))  # of the last stories
        codes.append(await _settle(discord, folder, len(final)))
    wrong = [f"a stop ended with exit code {code}" for code in codes if code != 0]
    wrong += _wrong_in_digests(discord, final)
    for where in POSTED:
        standing = Counter(shown(message).title for message in discord.shown(where))
        expected = Counter(final.values())
        wrong += [f"{where}: missing or out of date: {title}" for title in expected - standing]
        wrong += [f"{where}: twice, or out of date: {title}" for title in standing - expected]
    return wrong


def main(kills: str = "100", seed: str = "1") -> int:
    """The long form."""
    bad = 0
    for nonce_life, by_webhook in ((180.0, False), (0.0, False), (0.0, True)):
        with tempfile.TemporaryDirectory() as folder:
            way = run(int(kills), int(seed), Path(folder), nonce_life=nonce_life, by_webhook=by_webhook)
            wrong = asyncio.run(way)
        sender = "a webhook" if by_webhook else f"the bot, nonces of {nonce_life:.0f} s"
        print(f"{kills} kills, {sender}: {len(wrong)} wrong", *wrong, sep="\n  ")  # noqa: T201 # its output
        bad += len(wrong)
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
