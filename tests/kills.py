"""The process is killed at random moments while Discord misbehaves; then every story is told once, as it is now.

Two servers follow the topic: in channels (one of them may have a name and a face), in a forum, and in digests. Discord limits
what it limits, and remembers nonces for as long as it does, or for no time, as after a long downtime.
"""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import sqlalchemy as sa

from bot.domain.model import Mode, Subscription
from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.posting.schedule import Schedule
from bot.store import digests, schema, subscriptions, topics
from bot.store.database import Database
from bot.store.outbox import STORY
from tests.databases import opened
from tests.kill_helpers import FAULTS, kill, miscounted, start, write
from tests.loopback import (
    CHANNEL,
    DISCORD,
    FORUM,
    GUILD,
    GuildLayout,
    Loopback,
    first_intake,
    give_face,
)
from tests.loopback.limits import BUCKETS, Limit, Limits
from tests.loopback.objects import FORUM_CHANNEL, TEXT
from tests.shown import shown
from tests.store.store_helpers import headlines

A_ROUND = 4  # stories that come in before each kill
DIGEST_SIZE = 25  # stories, the most that a digest shows; of more it says their number alone
WAITS = (
    DIGEST_SIZE // A_ROUND - 1
)  # rounds after which the bot lives until a digest is out, so that no digest has more to tell
PATIENCE = 200.0  # seconds for what is due at the end, beside what Discord's limits take
FORUM_POSTS, FORUM_SECONDS = 50, 300.0  # that Discord takes in so many seconds
RENAMES_SECONDS = 600.0  # in which a forum post is renamed twice at most
SECOND, ELSEWHERE, DIGESTED = 1001, 2100, 2101  # another server, and two channels in it
GUILDS = (
    GuildLayout(GUILD, {CHANNEL: TEXT, FORUM: FORUM_CHANNEL}),
    GuildLayout(SECOND, {ELSEWHERE: TEXT, DIGESTED: TEXT}),
)
POSTED = {CHANNEL: GUILD, FORUM: GUILD, ELSEWHERE: SECOND}  # with live posts
# Discord's limits with windows of half a second instead of five and more, and none for connections: with Discord's own, nearly
# all of the time is spent on waiting for the next connection, and at the end for everything that was not sent before a kill.
QUICK = tuple(replace(b, limit=Limit(b.limit.requests, min(b.limit.seconds, 5) / 10)) for b in BUCKETS)
QUICKLY = replace(DISCORD, buckets=QUICK, sublimits=(), identify=None)
CONFIG = """\
database: {{url: {folder}/x.db}}
feeds: {{catalogue: false}}
topics: {{inline: [{{name: Trains, keywords: [train]}}]}}
posts: {{edit_interval: 5s, per_hour: 1000, most_per_hour: 1000}}
sources: [{{kind: folder, path: {folder}/records}}]
"""


async def _follow(db: Database) -> None:
    async with db.write() as connection:
        ids = await topics.ensure(connection, ["Trains"])
        now = datetime.now(UTC)
        for where, server in POSTED.items():
            wish = Subscription(0, server, where, "Trains", Mode.LIVE)
            await subscriptions.subscribe(connection, wish, ids["trains"], now)
        wish = Subscription(0, SECOND, DIGESTED, "Trains", Mode.DIGEST)
        await subscriptions.subscribe(connection, wish, ids["trains"], now)
        daily = ChannelDigest(0, SECOND, DIGESTED, schedule=Schedule(time(9), "UTC", size=DIGEST_SIZE))
        await digests.add(connection, daily, None, now)


async def _digest_is_due(db: Database) -> None:
    """Have the digest come as soon as the bot runs, unless it is late already."""
    async with db.write() as connection:
        for digest in await digests.stored(connection):
            await digests.plan_next(connection, digest.id, datetime.now(UTC))


def _patience(stories: int, limits: Limits) -> float:
    """Seconds for so many stories: all of them are posts of a forum, and some of those are renamed."""
    if limits is QUICKLY:
        return PATIENCE + stories
    return PATIENCE + stories // FORUM_POSTS * FORUM_SECONDS + RENAMES_SECONDS


async def _until_told(db: Database, stories: int) -> None:
    """Wait until digests have told so many stories."""
    told = sa.select(sa.func.count()).select_from(schema.digest_history)
    async with asyncio.timeout(PATIENCE):
        while True:
            async with db.read() as connection:
                if (await connection.scalar(told) or 0) >= stories:
                    return
            await asyncio.sleep(0.05)


async def _until_settled(db: Database, stories: int, patience: float) -> None:
    """Wait until nothing is due any more, and no digest either."""
    waiting = sa.select(sa.func.count()).where(schema.outbox.c.due_at.is_not(None))
    known = sa.select(sa.func.count()).select_from(schema.outbox).where(schema.outbox.c.kind == STORY)
    async with asyncio.timeout(patience):
        while True:
            async with db.read() as connection:
                posts, left = await connection.scalar(known), await connection.scalar(waiting)
                late = await digests.due(connection, datetime.now(UTC))
            if posts == len(POSTED) * stories and not left and not late:
                return
            await asyncio.sleep(0.2)


async def _settle(discord: Loopback, folder: Path, db: Database, stories: int) -> int | None:
    """Run the bot until nothing is due any more; the exit code of its stop."""
    process = await start(discord, folder)
    try:
        await _until_settled(db, stories, _patience(stories, discord.limiter.limits))
        process.send_signal(signal.SIGTERM)
        return await process.wait()
    finally:
        await kill(process)


def _wrong_in_digests(discord: Loopback, names: Iterable[str]) -> list[str]:
    """The stories that no digest told, or more than one place did. A digest stays as it was, so they go by their addresses."""
    addresses = Counter(address for message in discord.shown(DIGESTED) for _, address in shown(message).links)
    told = {name: addresses[f"https://{name}.example/{name}"] for name in names}
    return [f"{DIGESTED}: {count} times in digests: {name}" for name, count in told.items() if count != 1]


async def run(
    kills: int,
    seed: int,
    folder: Path,
    *,
    nonce_life: float,
    by_webhook: bool = False,
    limits: Limits = DISCORD,
) -> list[str]:
    """Kill that often; what is wrong afterwards, nothing where all is right. `by_webhook`: a webhook posts in the channel."""
    chance = random.Random(seed)  # noqa: S311 # nothing secret
    (folder / "records").mkdir()
    (folder / "config.yaml").write_text(CONFIG.format(folder=folder))
    write(folder, "old", "An old engine is sold")
    titles = list(headlines(A_ROUND * kills))
    discord = Loopback(GUILDS, limits)
    discord.nonce_life = nonce_life
    final: dict[str, str] = {}
    async with opened(str(folder / "x.db")) as db, discord.serving():
        await _follow(db)
        if by_webhook:
            await give_face(str(folder / "x.db"))
        for number in range(kills):
            process = await start(discord, folder)
            discord.faults = [chance.choice(FAULTS) for _ in range(chance.randint(0, 2))]
            if not number:  # what comes in before is not posted
                await first_intake(str(folder / "x.db"))
            for name, title in enumerate(titles[number * A_ROUND : (number + 1) * A_ROUND]):
                final[f"n{number}s{name}"] = title
                write(folder, f"n{number}s{name}", title)
            aim = len(discord.accepted) + chance.randint(1, A_ROUND)
            async with asyncio.timeout(PATIENCE):
                while len(discord.accepted) < aim:
                    await discord.arrived.wait()
                    discord.arrived.clear()
            if (
                number % WAITS == 0
            ):  # those of the rounds before this one: the digest was due when the bot started
                await _until_told(db, len(final) - A_ROUND)
            await asyncio.sleep(chance.random() * 0.05)
            await kill(process)
            changed = chance.choice(list(final))
            final[changed] += f" {final[changed].split()[0][::-1].lower()}"  # a word of its own alone
            write(folder, changed, final[changed])
            await _digest_is_due(db)
        discord.faults = []
        codes = [await _settle(discord, folder, db, len(final))]
        await _digest_is_due(db)  # of the last stories
        codes.append(await _settle(discord, folder, db, len(final)))
    wrong = [f"a stop ended with exit code {code}" for code in codes if code != 0]
    return wrong + _wrong_in_digests(discord, final) + miscounted(discord, POSTED, final.values())


def soak(kills: int, seed: int) -> int:
    """The long form: that many kills of each kind, and a tenth of them with Discord's own limits. Returns how many kinds went wrong."""
    bad = 0
    kinds = (
        ("the bot", 180.0, False, QUICKLY, kills),
        ("the bot, nonces are forgotten", 0.0, False, QUICKLY, kills),
        ("a webhook", 0.0, True, QUICKLY, kills),
        ("the bot, with Discord's own limits", 0.0, False, DISCORD, max(1, kills // 10)),
    )
    for sender, nonce_life, by_webhook, limits, count in kinds:
        with tempfile.TemporaryDirectory() as folder:
            way = run(count, seed, Path(folder), nonce_life=nonce_life, by_webhook=by_webhook, limits=limits)
            wrong = asyncio.run(way)
        print(f"{count} kills, {sender}: {len(wrong)} wrong", *wrong, sep="\n  ", flush=True)  # noqa: T201 # its output
        bad += bool(wrong)
    return bad
