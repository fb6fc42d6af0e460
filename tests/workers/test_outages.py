"""Outages that end: a disk without space, a clock that jumps, Discord and feeds out of reach. Nothing is lost, nothing is there twice."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.chat.port import Target
from bot.domain.circuit import TRIP
from bot.domain.model import Mode
from bot.domain.outages import OutageKind
from bot.domain.polling import Bounds, FeedOrigin, NewFeed, PollResult, next_schedule
from bot.domain.posting.schedule import Schedule
from bot.domain.retry import MOST_ATTEMPTS, Outcome, SendStatus
from bot.errors import StoreError
from bot.messages.message import Message
from bot.services.digests import follow_clock, set_schedule
from bot.store import delivery, digests, feeds, outbox, schema
from bot.store.feeds import SettledPoll
from tests.make import at, record
from tests.store.store_helpers import CHANNEL, GUILD, ONE, OTHER, THREE, TWO, headlines
from tests.workers.desk import BotHarness

ROOT = Path(__file__).parents[2]
CANNOT = 77
DOWN = Outcome(SendStatus.REFUSED, status=503, detail="HTTP 503")


def standing(desk: BotHarness) -> Mapping[int, str]:
    """What Discord has made of the requests: texts by message. A repeated nonce makes nothing new."""
    return {desk.mailbox.message_id(asked.nonce): asked.text for asked in desk.mailbox.sent}


async def test_a_disk_that_is_full_at_any_commit_loses_nothing_and_sends_nothing_twice(
    desk: BotHarness,
) -> None:
    """On each day at another commit."""
    await desk.follow()
    await desk.follow(channel=OTHER, mode=Mode.DIGEST)
    await set_schedule(desk.context, GUILD, OTHER, Schedule(time(13), "UTC"))
    refused: list[int] = []
    commits = range(1, 9)
    titles = list(headlines(2 * len(commits)))
    for commit in commits:
        today = 24 * (commit - 1)
        one, two = titles[2 * commit - 2 : 2 * commit]

        async def full(commit: int = commit) -> None:
            refused.append(commit)
            raise StoreError("database or disk is full")

        desk.clock.now = at(today + 0.5)
        desk.mailbox.sent.clear()
        desk.db.at_commit(full, commit)
        for step in range(4):
            with contextlib.suppress(StoreError):
                await desk.take_in(
                    record(one, topics=["AI"], hours=today),
                    record(two, "b.example", topics=["AI"], hours=today),
                )
            for work in (desk.deliver, desk.digest):
                with contextlib.suppress(StoreError):
                    await work()
            desk.clock.now = at(today + 1) + (outbox.LEASE + timedelta(minutes=1)) * step
        assert refused == list(range(1, commit + 1))
        assert await desk.queue() == 0, f"commit {commit}"
        texts = list(standing(desk).values())
        in_digests = [text for text in texts if "digest" in text.splitlines()[0]]
        posts = [text for text in texts if text not in in_digests]
        for title in (one, two):
            assert [title in text for text in posts].count(True) == 1, f"commit {commit}"
            assert "".join(in_digests).count(title) == 1, f"commit {commit}"
        assert len(posts) == 2, f"commit {commit}"


SMALL_DISK = f"""
mount -t tmpfs -o size=3m none /mnt || exit {CANNOT}
exec "$@"
"""
FILL = """
import asyncio
from pathlib import Path
import sqlalchemy as sa
from bot.errors import StoreError
from bot.store import schema
from bot.store.database import Database

async def main():
    db = await Database.open("/mnt/x.db", guarded=True)
    seen = []
    db.watch(lambda error: seen.append(error is None))
    hog, stored = Path("/mnt/hog"), 0
    hog.write_bytes(bytes(1_200_000))
    async def store():
        async with db.write() as connection:
            await connection.execute(sa.insert(schema.sources).values(
                name=f"list:{stored}", kind="list" + "x" * 20_000))
    try:
        while True:
            await store()
            stored += 1
    except StoreError as error:
        print(error)
    before = stored
    for _ in range(3):  # a failed commit leaves no transaction open in a connection
        try:
            await store()
            stored += 1
        except StoreError:
            pass
    hog.unlink()
    await store()
    stored += 1
    async with db.read() as connection:
        count = await connection.scalar(sa.select(sa.func.count()).select_from(schema.sources))
        whole = await connection.scalar(sa.text("PRAGMA integrity_check"))
    await db.close()
    print(before > 3, count == stored, whole, seen[-1], False in seen)

asyncio.run(main())
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is not installed")
def test_on_a_small_disk_that_fills_up_writing_goes_on_once_there_is_space(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL]
    run = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", SMALL_DISK, "sh", *command],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == CANNOT or run.stderr.startswith("unshare:"):
        pytest.skip("this system allows no mount namespaces")
    assert run.returncode == 0, run.stderr
    said, figures = run.stdout.splitlines()
    assert said.endswith("database or disk is full. Free some disk space; no stored data is lost.")
    assert figures == "True True ok True True"


async def test_a_clock_that_jumps_ahead_while_messages_are_sent_sends_none_twice(
    desk: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.follow()
    send = desk.mailbox.send

    async def jump(target: Target, message: Message, nonce: str) -> Outcome:
        desk.clock.forward(hours=3)  # all leases are over at once
        assert await desk.deliverer.begin() == 0, "the channel is busy"
        return await send(target, message, nonce)

    monkeypatch.setattr(desk.mailbox, "send", jump)
    titles = (ONE, TWO, THREE)
    await desk.report(*(record(t, f"o{n}.example", topics=["AI"]) for n, t in enumerate(titles)))
    assert sorted(desk.mailbox.titles) == sorted(titles)
    assert await desk.queue() == 0


async def test_after_a_clock_was_a_year_ahead_digests_come_and_feeds_are_polled_as_ever(
    desk: BotHarness,
) -> None:
    await desk.follow(mode=Mode.DIGEST)
    await set_schedule(desk.context, GUILD, CHANNEL, Schedule(time(13), "UTC"))
    today = desk.clock()
    async with desk.db.write() as connection:
        new = NewFeed("https://alpha.example/feed", FeedOrigin.CONFIG)
        await feeds.configure(connection, [new], timedelta(minutes=5), today)
    desk.clock.forward(hours=365 * 24)
    await desk.take_in(record(ONE, topics=["AI"], hours=365 * 24))
    desk.clock.forward(hours=2)
    await desk.digest()
    async with desk.db.write() as connection:
        [feed] = await feeds.due(connection, desk.clock(), (), 9)
        polled = next_schedule(feed.polling, PollResult.FAILED, desk.clock(), Bounds())
        await feeds.settle(connection, [SettledPoll(feed.source_id, polled)], desk.clock())
    desk.clock.now = today
    async with desk.db.read() as connection:
        assert not await feeds.due(connection, today, (), 9)
    async with desk.db.write() as connection:
        await feeds.after_clock_change(connection, today)
        await follow_clock(desk.context, connection)
        [digest] = await digests.stored(connection)
        assert len(await feeds.due(connection, today, (), 9)) == 1
    assert digest.next_at == at(1)
    assert digest.covered_until == today
    desk.clock.now = at(0.5)
    await desk.take_in(record(TWO, topics=["AI"]))
    before = len(desk.mailbox.sent)
    desk.clock.now = at(1)
    await desk.digest()
    assert TWO in "".join(asked.text for asked in desk.mailbox.sent[before:])


async def test_an_outage_of_discord_is_shown_gives_up_nothing_and_ends_at_once_for_all(
    desk: BotHarness,
) -> None:
    await desk.follow()
    desk.mailbox.answers[CHANNEL] = DOWN
    began = desk.clock()
    await desk.take_in(record(ONE, topics=["AI"]), record(TWO, "b.example", topics=["AI"]))
    for _ in range(MOST_ATTEMPTS + MOST_ATTEMPTS // 2):
        await desk.deliver()
        desk.clock.forward(minutes=30)
    assert await desk.given_up() == []
    outage = desk.context.monitor.health.of(OutageKind.SENDING)
    assert outage is not None
    assert outage.reason == "HTTP 503"
    assert outage.lasts(desk.clock()) > timedelta(hours=25)
    async with desk.db.read() as connection:
        assert (await delivery.backlog(connection, desk.clock()))[0] >= 1
        attempts = await connection.scalar(sa.select(sa.func.max(schema.outbox.c.attempts)))
    assert attempts < MOST_ATTEMPTS
    assert desk.clock() - began < timedelta(hours=48)
    desk.mailbox.answers.clear()
    await desk.deliver()  # the probe
    await desk.deliver()
    desk.clock.forward(seconds=30)
    await desk.deliver()  # what was found is brought up to date
    assert {title for title in (ONE, TWO) for text in standing(desk).values() if title in text} == {ONE, TWO}
    assert await desk.queue() == 0
    assert desk.context.monitor.health.outages == ()


async def test_the_end_of_an_outage_wakes_no_message_that_waits_for_its_own_channels_limit(
    desk: BotHarness,
) -> None:
    limited, *down = channels = [CHANNEL + n for n in range(TRIP + 2)]
    for channel in channels:
        await desk.follow(channel=channel)
        desk.mailbox.answers[channel] = DOWN
    desk.mailbox.answers[limited] = Outcome(SendStatus.REFUSED, 429, retry_after=600)
    await desk.take_in(record(ONE, topics=["AI"]))
    await desk.deliver()
    desk.clock.forward(minutes=5)
    await desk.deliver()
    assert desk.context.monitor.health.of(OutageKind.SENDING) is not None
    desk.mailbox.answers.clear()
    desk.clock.forward(minutes=1)
    desk.mailbox.sent.clear()
    for _ in range(3):
        await desk.deliver()
    assert sorted(sent.target.channel_id for sent in desk.mailbox.sent) == down
    desk.clock.forward(minutes=4)
    await desk.deliver()
    assert [sent.target.channel_id for sent in desk.mailbox.sent[len(down) :]] == [limited]
