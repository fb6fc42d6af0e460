"""The outbox: claimed by one worker, settled once, never forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.model import Mode, Subscription, Volume
from bot.domain.posting.decisions import Decisions, Edit, Hold, Post, Reason, Send
from bot.domain.posting.escalation import PostedState
from bot.domain.posting.recipients import SHARED
from bot.domain.retry import Drop, Outcome, Pause, Retry, SendStatus, Sent, Skip, Verdict
from bot.store import decisions, fan_outs, outbox, queue, schema, subscriptions, topics
from bot.store.database import Database
from bot.store.outbox import Claimed
from tests.databases import opened
from tests.make import Clock, at, record
from tests.store.store_helpers import (
    CHANNEL,
    FOUR,
    GUILD,
    ONE,
    OTHER,
    THREE,
    TWO,
    posts_of,
    take,
    topic_cache,
)

INTERVAL = timedelta(seconds=60)
OK = Outcome(SendStatus.OK, message_id=(1 << 60) + 77, thread_id=(1 << 60) + 78, shown="look")


async def owe(
    db: Database,
    clock: Clock,
    name: str,
    *,
    priority: int = 0,
    kind: str = outbox.DIGEST,
    channel: int = CHANNEL,
) -> None:
    """Owe a channel a message."""
    row = outbox.new_row(
        kind,
        name,
        GUILD,
        channel,
        clock(),
        payload={"text": name},
        priority=priority,
        message_id=5 if kind == outbox.PUBLISH else None,
    )
    async with db.write() as connection:
        await outbox.enqueue(connection, row)


async def claim(db: Database, clock: Clock, limit: int = 50) -> list[Claimed]:
    async with db.write() as connection:
        return await outbox.claim(connection, clock(), limit)


async def claim_publishing(db: Database, clock: Clock, limit: int = 50) -> list[Claimed]:
    async with db.write() as connection:
        return await outbox.claim_publishing(connection, clock(), limit)


async def settle(
    db: Database,
    clock: Clock,
    claimed: Claimed,
    outcome: Outcome = OK,
    verdict: Verdict = Sent(),  # noqa: B008 - a frozen value
) -> bool:
    async with db.write() as connection:
        return await outbox.settle(connection, claimed, outcome, verdict, clock(), INTERVAL)


async def pause(db: Database, clock: Clock, channel: int = CHANNEL) -> None:
    async with db.write() as connection:
        await subscriptions.pause(connection, channel, GUILD, "the channel is gone", clock())


async def next_due(db: Database, clock: Clock) -> datetime | None:
    async with db.read() as connection:
        return await outbox.next_due(connection, clock())


async def row(db: Database, number: int = 1) -> Any:
    """A row of the outbox."""
    async with db.read() as connection:
        return (await connection.execute(sa.select(schema.outbox).where(schema.outbox.c.id == number))).one()


def names(claimed: Iterable[Claimed]) -> list[str]:
    """What `owe` called them."""
    return [c.payload["text"] for c in claimed if c.payload is not None]


async def change(db: Database, clock: Clock, *, story: int = 1) -> None:
    """A story changes, in a way that no plan edits its post for."""
    async with db.write() as connection:
        await decisions.apply(connection, Decisions(), {story: SHARED}, clock())


@pytest.fixture
async def posts(stores: Database) -> Database:
    """Channels that follow Space, and one due post of story 1 in each."""
    await take(stores, record(FOUR, topics=["Space"], hours=-1000), hours=-1000, silent=True)
    async with stores.write() as connection:
        ids = await topics.ids(connection)
        for channel in (CHANNEL, OTHER):
            asked = Subscription(0, GUILD, channel, "Space", Mode.LIVE, Volume.EVERYTHING)
            await subscriptions.subscribe(connection, asked, ids["space"], at())
    await take(stores, record(ONE, topics=["Space"]))
    assert await posts_of(stores) == [2, 2]
    return stores


# What is owed.


async def test_the_same_message_is_owed_once(stores: Database, clock: Clock) -> None:
    await owe(stores, clock, "one")
    clock.forward(hours=1)
    await owe(stores, clock, "one")
    await owe(stores, clock, "one", kind=outbox.PUBLISH)
    assert len(await claim(stores, clock)) == 1


async def test_there_is_one_post_per_story_and_channel(posts: Database, clock: Clock) -> None:
    sends = [Send(2, channel, GUILD, 1) for channel in (CHANNEL, OTHER)]
    async with posts.write() as connection:
        await decisions.apply(connection, Decisions(sends=tuple(sends)), {}, clock())
    claimed = await claim(posts, clock)
    assert sorted((c.story, c.channel_id) for c in claimed) == [(2, CHANNEL), (2, OTHER)]
    async with posts.read() as connection:
        found = await outbox.posts(connection, [1, 2, 3])
    assert found.keys() == {(2, CHANNEL), (2, OTHER)}
    assert found[2, CHANNEL] == Post(
        found[2, CHANNEL].id, 2, CHANNEL, guild_id=GUILD, posted=PostedState(heat=60)
    )


async def test_ids_of_discord_fit(posts: Database, clock: Clock) -> None:
    claimed = (await claim(posts, clock))[0]
    assert await settle(posts, clock, claimed)
    assert (claimed.guild_id, claimed.channel_id) == (GUILD, CHANNEL)
    async with posts.read() as connection:
        post = (await outbox.posts(connection, [2]))[2, CHANNEL]
    assert (post.message_id, post.sent_at, post.closed) == (OK.message_id, clock(), False)


async def test_a_nonce_is_one_messages_own_and_short_enough(stores: Database, clock: Clock) -> None:
    await owe(stores, clock, "one")
    await owe(stores, clock, "two")
    await owe(stores, clock, "one", kind=outbox.PUBLISH)
    nonces = {c.nonce for c in [*await claim(stores, clock), *await claim_publishing(stores, clock)]}
    assert len(nonces) == 3
    assert all(0 < len(nonce) <= 25 and nonce.isascii() for nonce in nonces)
    assert len({outbox.nonce_of(outbox.story_name(n, CHANNEL), at()) for n in range(10_000)}) == 10_000


# Claiming.


async def test_the_biggest_go_first_and_of_equals_the_oldest(stores: Database, clock: Clock) -> None:
    for name, priority in (("small", 1), ("big", 300), ("middle", 70), ("middle too", 70)):
        await owe(stores, clock, name, priority=priority)
        clock.forward(seconds=1)
    assert names(await claim(stores, clock, 3)) == ["big", "middle", "middle too"]
    assert names(await claim(stores, clock, 3)) == ["small"]


@pytest.mark.parametrize(
    "planner", ["", "enable_hashagg enable_hashjoin enable_mergejoin enable_material enable_sort"]
)
async def test_no_more_are_claimed_than_asked_for(stores: Database, clock: Clock, planner: str) -> None:
    """Whatever way PostgreSQL chooses: one of them runs the part with the limit again and again."""
    for number in range(60):
        await owe(stores, clock, str(number), channel=CHANNEL + number % 20)
    async with stores.write() as connection:
        if stores.dialect == "postgresql":
            for setting in planner.split():
                await connection.execute(sa.text(f"SET LOCAL {setting} = off"))
        assert len(await outbox.claim(connection, clock(), 7)) == 7
    assert len(await claim(stores, clock, 60)) == 53


async def test_two_workers_never_hold_the_same_message(
    stores: Database, store_url: str, clock: Clock
) -> None:
    for number in range(40):
        await owe(stores, clock, str(number), channel=CHANNEL + number % 8)
    async with opened(store_url) as other:
        taken = await asyncio.gather(*(claim(worker, clock, 3) for worker in (stores, other) * 8))
    ids = [claimed.id for part in taken for claimed in part]
    assert len(ids) == len(set(ids))
    rest = await claim(stores, clock)
    assert len(ids) + len(rest) == 40


async def test_a_channel_in_which_much_waits_holds_up_no_other(stores: Database, clock: Clock) -> None:
    for number in range(60):
        await owe(stores, clock, f"busy {number}", priority=500 - number)
    for number in range(3):
        await owe(stores, clock, f"quiet {number}", channel=OTHER)
    first = names(await claim(stores, clock))
    assert first == [*(f"busy {n}" for n in range(5)), *(f"quiet {n}" for n in range(3))]
    assert names(await claim(stores, clock)) == [f"busy {n}" for n in range(5, 10)]


async def test_a_worker_that_waits_for_its_commit_holds_up_no_other(postgres_url: str, clock: Clock) -> None:
    async with opened(postgres_url) as db, opened(postgres_url) as other:
        for number in range(6):
            await owe(db, clock, str(number), priority=number, channel=CHANNEL + number)
        async with db.write() as connection:
            mine = await outbox.claim(connection, clock(), 3)
            assert names(mine) == ["5", "4", "3"]
            assert names(await claim(other, clock)) == ["2", "1", "0"]


async def test_a_lease_that_ran_out_is_taken_again_with_the_same_nonce(
    stores: Database, clock: Clock
) -> None:
    await owe(stores, clock, "one")
    (first,) = await claim(stores, clock)
    clock.forward(seconds=outbox.LEASE.total_seconds() - 1)
    assert await claim(stores, clock) == []
    clock.forward(seconds=1)
    (second,) = await claim(stores, clock)
    assert (second.id, second.nonce, second.attempt) == (first.id, first.nonce, 2)
    assert not await settle(stores, clock, first), "the first worker has lost it"
    assert await settle(stores, clock, second)


async def test_what_was_given_back_untried_counts_no_attempt(stores: Database, clock: Clock) -> None:
    await owe(stores, clock, "one")
    claimed = await claim(stores, clock)
    async with stores.write() as connection:
        await outbox.release(connection, [])
        await outbox.release(connection, claimed)
    (again,) = await claim(stores, clock)
    assert again.attempt == 1
    async with stores.write() as connection:
        await outbox.release(connection, claimed)  # which are held by somebody else now
    assert await claim(stores, clock) == []


async def test_only_what_is_alike_in_the_channel_is_postponed(posts: Database, clock: Clock) -> None:
    sent, other = sorted(await claim(posts, clock), key=lambda c: c.channel_id)
    await settle(posts, clock, sent)
    async with posts.write() as connection:
        await outbox.release(connection, [other])
        await decisions.apply(connection, Decisions(edits=(Edit(sent.id, 2, clock()),)), {}, clock())
    await owe(posts, clock, "here")
    await owe(posts, clock, "published", kind=outbox.PUBLISH)
    (like, *_) = [c for c in await claim(posts, clock) if c.payload]
    await owe(posts, clock, "also here")
    later = clock() + timedelta(minutes=3)
    async with posts.write() as connection:
        await outbox.postpone(connection, like, later, clock())
    async with posts.read() as connection:
        o = schema.outbox
        rows = await connection.execute(sa.select(o.c.id).where(o.c.due_at == later))
        late = [(await row(posts, number)).payload for number in rows.scalars()]
    assert late == [{"text": "also here"}], "not what is held, edited, published or another channel's"


async def test_a_paused_channel_waits_and_goes_on(stores: Database, clock: Clock) -> None:
    await owe(stores, clock, "here")
    await owe(stores, clock, "elsewhere", channel=OTHER)
    await pause(stores, clock)
    assert names(await claim(stores, clock)) == ["elsewhere"]
    async with stores.write() as connection:
        assert await subscriptions.resume(connection, [CHANNEL, OTHER]) == 1
    assert names(await claim(stores, clock)) == ["here"]


# Settling.


async def test_what_was_sent_is_due_no_more(stores: Database, clock: Clock) -> None:
    await owe(stores, clock, "one")
    (claimed,) = await claim(stores, clock)
    clock.forward(seconds=1)
    await settle(stores, clock, claimed)
    found = await row(stores)
    assert (found.message_id, found.thread_id, found.shown) == (OK.message_id, OK.thread_id, "look")
    assert (found.sent_at, found.edited_at, found.attempts) == (clock(), None, 0)
    clock.forward(days=1)
    assert await claim(stores, clock) == []
    assert await next_due(stores, clock) is None


async def test_an_edit_keeps_message_and_time_and_is_noted(posts: Database, clock: Clock) -> None:
    first = (await claim(posts, clock))[0]
    await settle(posts, clock, first)
    clock.forward(minutes=1)
    async with posts.write() as connection:
        await decisions.apply(connection, Decisions(edits=(Edit(first.id, 2, clock()),)), {}, clock())
    (edit,) = [c for c in await claim(posts, clock) if c.id == first.id]
    assert (edit.message_id, edit.thread_id, edit.shown, edit.attempt) == (
        OK.message_id,
        OK.thread_id,
        "look",
        1,
    )
    await settle(posts, clock, edit, Outcome(SendStatus.OK, message_id=1, shown="other look"))
    found = await row(posts, first.id)
    assert (found.message_id, found.shown, found.sent_at, found.edited_at) == (
        (OK.message_id, "other look", at(), clock())
    )


async def test_an_edit_that_changed_nothing_is_none(posts: Database, clock: Clock) -> None:
    first = (await claim(posts, clock))[0]
    await settle(posts, clock, first)
    clock.forward(minutes=1)
    async with posts.write() as connection:
        await decisions.apply(connection, Decisions(edits=(Edit(first.id, 2, clock()),)), {}, clock())
    (edit,) = [c for c in await claim(posts, clock) if c.id == first.id]
    await settle(posts, clock, edit, Outcome(SendStatus.UNCHANGED, shown="look"))
    assert (await row(posts, first.id)).edited_at is None


async def test_an_edit_that_was_refused_ends_and_the_message_goes_on(posts: Database, clock: Clock) -> None:
    first = (await claim(posts, clock))[0]
    await settle(posts, clock, first)
    for title in ("one", "two"):
        async with posts.write() as connection:
            await decisions.apply(connection, Decisions(edits=(Edit(first.id, 2, clock()),)), {}, clock())
        (edit,) = [c for c in await claim(posts, clock) if c.id == first.id]
        await settle(posts, clock, edit, Outcome(SendStatus.REFUSED, 400, 50035), Skip(title))
        found = await row(posts, first.id)
        assert (found.closed, found.due_at, found.attempts, found.reason) == (False, None, 0, title)
        assert (found.shown, found.edited_at) == ("look", None)


async def test_what_is_not_all_there_yet_is_due_again(posts: Database, clock: Clock) -> None:
    first = (await claim(posts, clock))[0]
    later = clock() + timedelta(minutes=8)
    partly = Outcome(SendStatus.PARTLY, 429, message_id=1, shown="half a look")
    await settle(posts, clock, first, partly, Sent(later))
    found = await row(posts, first.id)
    assert (found.sent_at, found.due_at, found.attempts, found.shown) == (clock(), later, 0, "half a look")
    # A change of the story does not wait for the rest of it.
    async with posts.write() as connection:
        await decisions.apply(connection, Decisions(edits=(Edit(first.id, 2, clock()),)), {}, clock())
    assert (await row(posts, first.id)).due_at == clock()


async def test_a_retry_waits_for_its_time_and_counts(stores: Database, clock: Clock) -> None:
    await owe(stores, clock, "one")
    (claimed,) = await claim(stores, clock)
    later = clock() + timedelta(minutes=5)
    await settle(stores, clock, claimed, Outcome(SendStatus.UNREACHABLE), Retry(later, "no network"))
    assert await claim(stores, clock) == []
    assert await next_due(stores, clock) == later
    assert (await row(stores)).reason == "no network"
    clock.forward(minutes=5)
    (claimed,) = await claim(stores, clock)
    assert claimed.attempt == 2
    await settle(stores, clock, claimed)
    assert (await row(stores)).reason == ""


async def test_what_was_given_up_stays_so_and_is_told(posts: Database, clock: Clock) -> None:
    claimed = (await claim(posts, clock))[0]
    await settle(posts, clock, claimed, Outcome(SendStatus.REFUSED, 400), Drop("refused"))
    async with posts.write() as connection:
        await decisions.apply(
            connection, Decisions(edits=(Edit(claimed.id, 2, clock()),)), {2: SHARED}, clock()
        )
    clock.forward(days=1)
    assert [c.id for c in await claim(posts, clock)] == [claimed.id + 1]
    async with posts.read() as connection:
        assert await outbox.given_up(connection, GUILD, at()) == [(CHANNEL, "refused")]
        assert await outbox.given_up(connection, GUILD, clock()) == []
        assert await outbox.given_up(connection, GUILD + 1, at()) == []
        found = await outbox.post_in(connection, 2, CHANNEL)
    assert found is not None
    assert found.closed


async def test_a_pause_keeps_the_message_due_with_its_tries_forgotten(stores: Database, clock: Clock) -> None:
    await owe(stores, clock, "one")
    (claimed,) = await claim(stores, clock)
    await settle(stores, clock, claimed, Outcome(SendStatus.REFUSED, 403), Pause("no permission"))
    (again,) = await claim(stores, clock)
    assert again.attempt == 1


async def test_a_settled_message_is_settled_once(stores: Database, store_url: str, clock: Clock) -> None:
    await owe(stores, clock, "one")
    (first,) = await claim(stores, clock)
    clock.forward(minutes=5)
    (second,) = await claim(stores, clock)
    async with opened(store_url) as other:
        done = await asyncio.gather(settle(stores, clock, first), settle(other, clock, second))
    assert list(done) == [False, True]


# What changes while a message is on its way.


async def test_a_change_while_it_was_on_its_way_leads_to_an_edit(posts: Database, clock: Clock) -> None:
    first, second = await claim(posts, clock)
    await change(posts, clock, story=2)
    await settle(posts, clock, first)
    assert await claim(posts, clock) == []
    assert (await row(posts, first.id)).due_at == clock() + INTERVAL
    await settle(posts, clock, second)
    clock.forward(seconds=60)
    edits = await claim(posts, clock)
    assert [(c.id, c.message_id) for c in edits] == [(c.id, OK.message_id) for c in (first, second)]
    for edit in edits:
        await settle(posts, clock, edit)
    assert await next_due(posts, clock) is None


async def test_what_was_not_wanted_is_looked_at_again_if_it_changed(posts: Database, clock: Clock) -> None:
    """A story that is merged between the claim and the look has no post of its own: the row shows the other."""
    first, second = await claim(posts, clock)
    await change(posts, clock, story=2)
    stale = Outcome(SendStatus.STALE, detail="merged into story #1")
    await settle(posts, clock, first, stale, Drop("merged into story #1"))
    (again,) = await claim(posts, clock)
    assert again.id == first.id
    await settle(posts, clock, again, stale, Drop("merged into story #1"))
    assert (await row(posts, first.id)).closed
    await settle(posts, clock, second, Outcome(SendStatus.REFUSED, 400), Drop("refused"))
    assert (await row(posts, second.id)).closed, "what Discord refused is given up all the same"


async def test_a_message_that_goes_out_while_a_plan_is_made_is_edited(
    posts: Database, store_url: str, clock: Clock
) -> None:
    """The plan takes it for one that is still to be rendered, but it went out as the story was before."""
    first, second = await claim(posts, clock)
    async with opened(store_url) as other:
        async with posts.intake() as connection:
            found = await outbox.posts(connection, [2])
            assert [post.sent_at for post in found.values()] == [None, None]
            settling = asyncio.ensure_future(settle(other, clock, first))
            if other.dialect == "postgresql":
                await settling  # SQLite lets nobody write meanwhile
            told = Hold(2, OTHER, GUILD, Reason.ALREADY_TOLD)
            await decisions.apply(connection, Decisions(holds=(told,)), {2: SHARED}, clock())
        assert await settling
    await settle(posts, clock, second)
    clock.forward(minutes=5)
    assert first.id in [c.id for c in await claim(posts, clock)]


async def test_edits_of_a_minute_become_one(posts: Database, clock: Clock) -> None:
    first, _ = await claim(posts, clock)
    await settle(posts, clock, first)
    for seconds in (60, 30, 90):
        due = clock() + timedelta(seconds=seconds)
        async with posts.write() as connection:
            await decisions.apply(connection, Decisions(edits=(Edit(first.id, 2, due),)), {}, clock())
    assert (await row(posts, first.id)).due_at == clock() + timedelta(seconds=30)


async def test_of_two_rows_of_one_story_the_living_one_is_its_post(posts: Database, clock: Clock) -> None:
    """As a merge leaves them, where a channel had a row of each."""
    extra = ("closed", "waits", "sent", "sent later")
    for name in extra:
        await owe(posts, clock, name, kind=outbox.STORY)
    o = schema.outbox
    async with posts.write() as connection:
        await connection.execute(sa.delete(o).where(o.c.story == 2))
        ids = {n: await connection.scalar(sa.select(o.c.id).where(o.c.dedupe == f"story:{n}")) for n in extra}
        await connection.execute(sa.update(o).values(story=2))
        for number, name in enumerate(("closed", "sent", "sent later")):
            await connection.execute(sa.update(o).where(o.c.id == ids[name]).values(message_id=10 + number))
        await connection.execute(sa.update(o).where(o.c.id == ids["closed"]).values(closed=True))
    for expected in ("sent", "sent later", "waits", "closed"):
        async with posts.write() as connection:
            found = await outbox.post_in(connection, 2, CHANNEL)
            assert found is not None
            assert found.id == ids[expected]
            assert (await outbox.posts(connection, [2]))[2, CHANNEL].id == ids[expected]
            await connection.execute(sa.delete(o).where(o.c.id == ids[expected]))


async def test_an_edit_can_move_a_post_to_the_story_that_goes_on(posts: Database, clock: Clock) -> None:
    first, _ = await claim(posts, clock)
    async with posts.write() as connection:
        await decisions.apply(connection, Decisions(edits=(Edit(first.id, 1, clock()),)), {}, clock())
    async with posts.read() as connection:
        found = await outbox.posts(connection, [1, 2])
    assert found.keys() == {(1, CHANNEL), (2, OTHER)}


# Publishing to followers.


async def test_ten_an_hour_are_published_the_biggest_first(stores: Database, clock: Clock) -> None:
    for number in range(13):
        await owe(stores, clock, str(number), priority=number, kind=outbox.PUBLISH)
    await owe(stores, clock, "elsewhere", priority=100, kind=outbox.PUBLISH, channel=OTHER)
    assert await claim(stores, clock) == [], "publishing is a queue of its own"

    async def publish() -> list[str]:
        done: list[str] = []
        while claimed := await claim_publishing(stores, clock):
            assert len(claimed) <= queue.PER_CHANNEL * 2
            for c in claimed:
                await settle(stores, clock, c)
            done += names(claimed)
        return done

    assert await publish() == ["elsewhere", *(str(n) for n in range(12, 2, -1))]
    assert await next_due(stores, clock) == clock() + timedelta(hours=1)
    clock.forward(minutes=59, seconds=59)
    await owe(stores, clock, "huge", priority=500, kind=outbox.PUBLISH)
    assert await publish() == []
    clock.forward(seconds=1)
    assert await next_due(stores, clock) == clock()
    assert await publish() == ["huge", "2", "1", "0"]


async def test_what_is_on_its_way_counts_for_the_hour(stores: Database, store_url: str, clock: Clock) -> None:
    for number in range(13):
        await owe(stores, clock, str(number), priority=number, kind=outbox.PUBLISH)
    mine = [c for _ in range(2) for c in await claim_publishing(stores, clock, 4)]
    async with opened(store_url) as other:
        theirs = await claim_publishing(other, clock)
        assert names(theirs) == ["4", "3"]
    assert await next_due(stores, clock) == clock() + outbox.LEASE
    for claimed in mine[:6]:
        await settle(stores, clock, claimed, Outcome(SendStatus.REFUSED, 400), Drop("no"))
    assert names(await claim_publishing(stores, clock)) == ["2", "1", "0"]


async def test_the_limit_of_a_claim_holds_for_publishing_too(stores: Database, clock: Clock) -> None:
    for number in range(4):
        await owe(stores, clock, str(number), kind=outbox.PUBLISH)
    assert len(await claim_publishing(stores, clock, 3)) == 3


# When there is work.


async def test_work_is_announced_for_when_it_is_there(stores: Database, clock: Clock) -> None:
    assert await next_due(stores, clock) is None
    await owe(stores, clock, "one")
    assert await next_due(stores, clock) == clock()
    await claim(stores, clock)
    assert await next_due(stores, clock) == clock() + outbox.LEASE
    await owe(stores, clock, "two", channel=OTHER)
    await pause(stores, clock, OTHER)
    assert await next_due(stores, clock) == clock() + outbox.LEASE


async def test_whenever_work_is_announced_there_is_some(stores: Database, clock: Clock) -> None:
    """Else the worker would spin. Whoever sleeps until then, and claims, gets something, until all is done."""
    for number in range(25):
        await owe(stores, clock, f"publish {number}", kind=outbox.PUBLISH, priority=number)
    for number in range(5):
        await owe(stores, clock, f"digest {number}")
    await owe(stores, clock, "waits", channel=OTHER)
    await pause(stores, clock, OTHER)
    done: list[str] = []
    steps = 0
    while (due := await next_due(stores, clock)) is not None:
        clock.now = max(clock.now, due)
        claimed = await claim(stores, clock, 2) + await claim_publishing(stores, clock, 4)
        assert claimed, f"nothing to do at {due}"
        for position, c in enumerate(claimed):
            steps += 1
            if steps % 7 == 0:
                continue  # the worker died: its lease runs out
            if steps % 5 == 0:
                later = clock() + timedelta(seconds=5)
                await settle(stores, clock, c, Outcome(SendStatus.UNREACHABLE), Retry(later, "no network"))
            elif position == 5:
                async with stores.write() as connection:
                    await outbox.release(connection, [c])
            else:
                await settle(stores, clock, c)
                done += names([c])
        assert steps < 200
    assert len(done) == len(set(done)) == 30
    assert clock() - at() > timedelta(hours=2)


# What is told of it.


async def test_a_server_is_told_what_waits_and_what_was_held_back(posts: Database, clock: Clock) -> None:
    for title in (TWO, THREE):
        await take(posts, record(title, topics=["Space"]))
    holds = [
        Hold(2, CHANNEL, GUILD, Reason.MUTED),
        Hold(3, CHANNEL, GUILD, Reason.MUTED),
        Hold(4, OTHER, GUILD, Reason.TOO_OLD),
        Hold(4, OTHER + 1, GUILD + 1, Reason.TOO_OLD),
    ]
    async with posts.write() as connection:
        await decisions.apply(connection, Decisions(holds=tuple(holds)), {}, clock())
        await decisions.apply(
            connection, Decisions(holds=(replace(holds[0], reason=Reason.TOO_OLD),)), {}, clock()
        )
    async with posts.read() as connection:
        known = await topic_cache(posts).load(connection, GUILD)

        async def counts(since: datetime) -> dict[str, int]:
            window = timedelta(hours=48)
            return await fan_outs.withheld_counts(connection, known, GUILD, since, window)

        assert await counts(clock()) == {"too old": 2, "muted": 1}
        assert await counts(clock() + timedelta(1)) == {}
        assert await fan_outs.withheld_reason(connection, 2, CHANNEL, ()) == "too old"
        assert await fan_outs.withheld_reason(connection, 2, OTHER, ()) is None
        assert await outbox.queue_length(connection, GUILD) == 6
        assert await outbox.queue_length(connection, GUILD + 1) == 0
        assert await outbox.post_in(connection, 99, CHANNEL) is None
    async with posts.write() as connection:
        await decisions.apply(connection, Decisions(sends=(Send(2, CHANNEL, GUILD, 1),)), {}, clock())
        assert await fan_outs.withheld_reason(connection, 2, CHANNEL, ()) is None
