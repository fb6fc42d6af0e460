"""A claim takes what it should, at the same cost however many messages wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.posting.decisions import PostingSettings
from bot.domain.retry import Outcome, Pause, SendStatus, Sent
from bot.store import outbox, queue, rollups, schema, servers, subscriptions
from bot.store.database import Database
from bot.store.outbox import Claimed, Paced, Settlement
from bot.store.queue import Lane
from bot.workers.settling import Settler
from tests.databases import opened
from tests.form import sized
from tests.make import Clock, at
from tests.store.store_helpers import CHANNEL, GUILD, statements

o = schema.outbox
INTERVAL = timedelta(minutes=1)
NOW = at()
Row = dict[str, Any]


def owed(name: object, channel: int, *, kind: str = outbox.DIGEST, now: datetime = NOW, **more: Any) -> Row:
    """A message that is owed to a channel of a server of its own."""
    columns = {"message_id": None, "begun_at": None, "lease_until": None, "sent_at": None}
    return outbox.new_row(kind, str(name), GUILD + channel % 3, CHANNEL + channel, now, **columns) | more


async def fill(db: Database, rows: Collection[Row]) -> None:
    async with db.write() as connection:
        await connection.execute(sa.insert(o), list(rows))


def sent(claimed: Claimed) -> Settlement:
    """The message was sent or edited."""
    return Settlement(claimed, Outcome(SendStatus.OK, message_id=900_000 + claimed.id, shown="x"), Sent())


# What is claimed.


def lane_of(row: Any) -> Lane:
    """The lane of a row, in the words of the documentation."""
    if row.kind == outbox.PUBLISH:
        return Lane.PUBLISH
    if row.begun_at is not None and row.message_id is None:
        return Lane.DOUBT
    if row.user_id is not None:
        return Lane.MEMBER
    if row.kind in (outbox.DIGEST, outbox.NOTICE):
        return Lane.DIGEST
    return Lane.POST if row.message_id is None else Lane.EDIT


async def naive_claim(
    connection: AsyncConnection, now: datetime, limit: int, busy: Collection[int]
) -> list[int]:
    """What a claim takes by definition: all rows are read, sorted, and counted by channel."""
    c = schema.channels
    paused = set(
        (await connection.execute(sa.select(c.c.channel_id).where(c.c.paused_reason != ""))).scalars()
    )
    left = set((await connection.execute(servers.LEFT)).scalars())
    unreachable = paused | set(busy)
    ready = [
        row
        for row in await connection.execute(sa.select(o).where(o.c.due_at <= now, ~o.c.closed))
        if row.kind != outbox.PUBLISH
        and (row.lease_until is None or row.lease_until <= now)
        and row.channel_id not in unreachable
        and row.guild_id not in left
    ]
    taken: list[int] = []
    count = Counter[int]()
    for row in sorted(ready, key=lambda row: (lane_of(row), -row.priority, row.due_at, row.id)):
        count[row.channel_id] += 1
        if count[row.channel_id] <= queue.PER_CHANNEL and len(taken) < limit:
            taken.append(row.id)
    return taken


def random_row(random: Random, name: object, now: datetime) -> Row:
    kind = random.choice([outbox.STORY, outbox.DIGEST, outbox.THREAD, outbox.MEMBER, outbox.PUBLISH])
    is_sent = kind == outbox.PUBLISH or random.random() < 0.5
    due_at = now + timedelta(minutes=random.choice([-90, -1, 0, 0, 0, 1, 5]))
    begun = None if is_sent or random.random() < 0.8 else due_at - timedelta(minutes=3)
    return owed(
        name,
        random.randrange(7),
        kind=kind,
        now=random.choice([due_at, due_at - timedelta(hours=1)]),
        due_at=due_at if random.random() < 0.95 else None,
        priority=random.randrange(5),
        message_id=500 + len(str(name)) if is_sent else None,
        begun_at=begun,
        user_id=7 if kind == outbox.MEMBER else None,
        closed=random.random() < 0.05,
    )


async def something_happens(random: Random, db: Database, clock: Clock, claimed: list[Claimed]) -> None:
    """What claims meet: results, channels that pause and resume, servers that are left, time, and more messages."""
    channel = CHANNEL + random.randrange(7)
    guild = GUILD + random.randrange(3)
    async with db.write() as connection:
        for claim in claimed:
            await outbox.settle_all(connection, [sent(claim)], clock(), INTERVAL)
        match random.randrange(6):
            case 0:
                await subscriptions.pause(connection, channel, GUILD, "the channel is gone", clock())
            case 1:
                await subscriptions.resume(connection, [channel, channel + 1])
            case 2:
                await servers.leave(connection, [guild], clock())
            case 3:
                await servers.come_back(connection, guild)
            case 4:
                clock.forward(minutes=random.choice([1, 3]))
            case _:
                pass


@pytest.mark.parametrize("seed", range(2))
async def test_a_claim_takes_what_sorting_all_messages_would(
    stores: Database, clock: Clock, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - a sequence to repeat, not a secret
    await fill(stores, [random_row(random, f"{seed}:{n}", clock()) for n in range(150)])
    waiting: list[Claimed] = []
    total = 0
    for step in range(sized(20, long=30)):
        busy = {claim.channel_id for claim in waiting}
        limit = random.choice([1, 4, 12, 50])
        async with stores.write() as connection:
            expected = await naive_claim(connection, clock(), limit, busy)
            claimed = await outbox.claim(connection, clock(), limit, busy)
            publishing = await outbox.claim_publishing(connection, clock(), 3, busy)
        assert [claim.id for claim in claimed] == expected, f"step {step}"
        total += len(claimed)
        waiting += [*claimed, *publishing]
        random.shuffle(waiting)
        done = [waiting.pop() for _ in range(random.randrange(len(waiting) + 1))]
        await something_happens(random, stores, clock, done)
        if random.random() < 0.3:
            await fill(stores, [random_row(random, f"{seed}:{step}:{n}", clock()) for n in range(20)])
    assert total > 50


async def test_posts_come_before_edits_and_edits_before_digests(stores: Database) -> None:
    rows = [
        owed("member", 1, kind=outbox.MEMBER, user_id=5, priority=9),
        owed("digest", 2, priority=8),
        owed("edit", 3, kind=outbox.STORY, message_id=5, priority=7),
        owed("small", 4, kind=outbox.STORY, priority=1),
        owed("reply", 5, kind=outbox.ESCALATION, priority=2),
        owed("doubt", 6, begun_at=NOW - timedelta(minutes=5)),
    ]
    await fill(stores, rows)
    async with stores.write() as connection:
        claimed = await outbox.claim(connection, NOW, 10)
        await outbox.release(connection, claimed)
        names = {row.id: row.dedupe.split(":")[1] for row in await connection.execute(sa.select(o))}
    assert [names[claim.id] for claim in claimed] == ["doubt", "reply", "small", "edit", "digest", "member"]


async def test_posts_without_end_starve_no_other_message(stores: Database) -> None:
    """A worker with room for one message at a time, and more posts than it ever gets done."""
    others = [owed("edit", 1, kind=outbox.STORY, message_id=5), owed("digest", 2)]
    others += [owed("member", 3, kind=outbox.MEMBER, user_id=5, priority=-1)]
    posts = [owed(n, 10 + n, kind=outbox.STORY, priority=5) for n in range(40)]
    await fill(stores, [*others, *posts])
    kinds: list[tuple[str, bool]] = []
    async with stores.write() as connection:
        for turn in range(24):
            (claim,) = await outbox.claim(connection, NOW, 1, turn=turn)
            kinds.append((claim.kind, claim.message_id is None))
            await outbox.settle_all(connection, [sent(claim)], NOW, INTERVAL)
    assert kinds.count((outbox.STORY, True)) == 21
    assert set(kinds) == {
        (outbox.STORY, True),
        (outbox.STORY, False),
        (outbox.DIGEST, True),
        (outbox.MEMBER, True),
    }


# What it costs.

BESIDE: dict[str, Callable[[int], list[Row]]] = {
    "due now": lambda n: [owed(f"b{k}", 100 + k, kind=outbox.STORY, message_id=9) for k in range(n)],
    "due later": lambda n: [
        owed(f"b{k}", 100 + k, priority=99, due_at=NOW + timedelta(hours=1 + k % 50)) for k in range(n)
    ],
    "made for later": lambda n: [
        owed(f"b{k}", 100 + k % 900, kind=outbox.STORY, due_at=NOW + timedelta(hours=1), priority=k % 90)
        for k in range(n)
    ],
    "sent long ago": lambda n: [
        owed(f"b{k}", k % 50, kind=outbox.STORY, message_id=9, due_at=None, sent_at=NOW - timedelta(days=3))
        for k in range(n)
    ],
    "sent lately": lambda n: [
        owed(
            f"b{k}", 100 + k, kind=outbox.STORY, message_id=9, due_at=None, sent_at=NOW - timedelta(minutes=9)
        )
        for k in range(n)
    ],
    "edits of one channel": lambda n: [
        owed(f"b{k}", 100, kind=outbox.STORY, message_id=9, priority=99) for k in range(n)
    ],
    "messages to publish": lambda n: [
        owed(f"b{k}", 100, kind=outbox.PUBLISH, message_id=9, priority=99) for k in range(n)
    ],
    "a paused channel": lambda n: [owed(f"b{k}", 99_000, kind=outbox.STORY, priority=99) for k in range(n)],
    "a left server": lambda n: [
        owed(f"b{k}", 100 + k, kind=outbox.STORY, priority=99) | {"guild_id": GUILD + 77} for k in range(n)
    ],
}
MANY = sized(400, long=1_500)  # rows: to read 400 takes a statement 100 units
UNIT = 20  # steps
FEW = 55  # units: some rows are read where an empty queue has none


async def steps(db: Database, work: Callable[[AsyncConnection], Awaitable[Any]]) -> tuple[int, Any]:
    """How many units of steps SQLite takes for some work, whatever the machine does besides; and what came of it."""
    async with db.write() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        await driver.set_progress_handler(step, UNIT)
        try:
            result = await work(connection)
        finally:
            await driver.set_progress_handler(None, 0)
    return count, result


async def put_away(db: Database) -> None:
    """Have claims put out of the way what cannot be sent: once for each message."""
    shelved, before = 0, -1
    counted = sa.select(sa.func.count()).select_from(o).where(queue.IS_SHELVED)
    async with db.write() as connection:
        while shelved > before:
            for claims in (outbox.claim, outbox.claim_publishing):
                await outbox.release(connection, await claims(connection, NOW, 500))
            before, shelved = shelved, await connection.scalar(counted) or 0


async def cost(path: str, beside: list[Row]) -> dict[str, int]:
    """The units of steps of all that a worker does with fifty posts, where other messages wait beside them."""
    async with opened(path) as db:
        posts = [owed(n, n, kind=outbox.STORY, priority=100) for n in range(50)]
        announced = [owed(n, n, kind=outbox.PUBLISH, message_id=8, priority=100) for n in range(10)]
        async with db.write() as connection:
            await subscriptions.pause(connection, CHANNEL + 99_000, GUILD, "the channel is gone", NOW)
            await servers.leave(connection, [GUILD + 77], NOW)
            if beside:
                await connection.execute(sa.insert(o), beside)
        await put_away(db)
        await fill(db, [*posts, *announced])
        taken: dict[str, int] = {}
        keep_pace = partial(rollups.keep_pace, settings=PostingSettings())
        busy = {CHANNEL + 100}
        claim = partial(outbox.claim, now=NOW, limit=50, busy=busy, keep_pace=keep_pace)
        taken["claim"], claimed = await steps(db, lambda c: claim(c))
        assert {claim.priority for claim in claimed} == {100}
        assert len(claimed) == 50
        taken["release"], _ = await steps(db, lambda c: outbox.release(c, claimed))
        _, claimed = await steps(db, lambda c: claim(c))
        some = [replace(claimed[0], message_id=message_id) for message_id in (None, 5)]
        for name, like in zip(("posts", "edits"), some, strict=True):
            postpone = partial(outbox.postpone, like=like, until=NOW + INTERVAL, now=NOW)
            taken[f"postpone {name}"], _ = await steps(db, postpone)
        taken["publish"], published = await steps(db, lambda c: outbox.claim_publishing(c, NOW, 10, busy))
        assert {claim.priority for claim in published} == {100}
        taken["next due"], _ = await steps(db, lambda c: outbox.next_due(c, NOW, busy))
        channels = sorted({claim.channel_id for claim in claimed})
        taken["pace"], _ = await steps(db, lambda c: keep_pace(c, channels, NOW))
        results = [sent(claim) for claim in claimed]
        taken["settle"], _ = await steps(db, lambda c: outbox.settle_all(c, results, NOW, INTERVAL))
    return taken


async def test_a_long_queue_costs_no_more_than_an_empty_one(tmp_path: Any) -> None:
    empty = await cost(str(tmp_path / "empty.db"), [])
    for kind, beside in BESIDE.items():
        full = await cost(str(tmp_path / f"{kind}.db"), beside(MANY))
        assert sum(full.values()) <= 1.1 * sum(empty.values()), (kind, empty, full)
        more = {name: (empty[name], full[name]) for name in full if full[name] > 1.03 * empty[name] + FEW}
        assert not more, kind


async def test_statements_are_the_same_however_many_channels_are_left_out(stores: Database) -> None:
    """A database prepares each of them once, and takes fewer than 40,000 parameters."""
    await fill(stores, [owed(1, 1, kind=outbox.STORY), owed(2, 1, kind=outbox.PUBLISH, message_id=5)])
    texts: list[list[str]] = []
    for count in (2, 40_000):
        busy, resting = ({CHANNEL + start + n for n in range(count)} for start in (10, 500_000))
        with statements(stores) as seen:
            async with stores.write() as connection:
                assert await outbox.next_due(connection, NOW, busy, resting) is not None
                claimed = await outbox.claim(connection, NOW, 5, busy, resting=resting)
                claimed += await outbox.claim_publishing(connection, NOW, 5, busy, resting=resting)
                await outbox.release(connection, claimed)
        assert len(claimed) == 2
        texts.append([statement for statement, _ in seen])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("publishes", [False, True])
async def test_channels_that_rest_are_left_out_and_others_give_as_many_as_they_may(
    stores: Database, publishes: bool
) -> None:
    kind = outbox.PUBLISH if publishes else outbox.STORY
    await fill(stores, [owed(f"{c}:{n}", c, kind=kind, message_id=5) for c in (1, 2) for n in range(3)])
    claims = outbox.claim_publishing if publishes else outbox.claim
    async with stores.write() as connection:
        claimed = await claims(connection, NOW, 10, resting={CHANNEL + 1}, per_channel=1)
    assert [claim.channel_id for claim in claimed] == [CHANNEL + 2]


async def test_one_message_at_a_time_of_a_backlog_puts_none_back_on_the_shelf(stores: Database) -> None:
    await fill(stores, [owed(n, 1, kind=outbox.STORY) for n in range(20)])
    claimed: list[int] = []
    async with stores.write() as connection:
        with statements(stores) as seen:
            for _ in range(20):
                (claim,) = await outbox.claim(connection, NOW, 10, per_channel=1)
                claimed.append(claim.id)
                await outbox.settle_all(connection, [sent(claim)], NOW, INTERVAL)
    shelving = [statement for statement, _ in seen if "SET shelved_for=outbox.due_at" in statement]
    assert len(shelving) == 1, "at the first claim"
    assert claimed == sorted(claimed)


# Results are written together.


async def test_results_that_come_at_once_are_one_transaction(stores: Database, clock: Clock) -> None:
    await fill(stores, [owed(n, n, kind=outbox.STORY) for n in range(20)])
    settler = Settler(stores, clock, INTERVAL)
    async with stores.write() as connection:
        claimed = await outbox.claim(connection, clock(), 20)
    with statements(stores) as seen:
        assert await asyncio.gather(*(settler.settle(sent(claim)) for claim in claimed)) == [True] * 20
    assert sum("UPDATE outbox" in statement for statement, _ in seen) == 1
    assert len(seen) <= 3
    assert await settler.settle(sent(replace(claimed[0], claim=7))) is False, "another worker has it"
    await settler.close()


async def test_a_result_that_cannot_be_stored_loses_no_other(stores: Database, clock: Clock) -> None:
    await fill(stores, [owed(n, n, kind=outbox.STORY) for n in range(5)])
    settler = Settler(stores, clock, INTERVAL)
    async with stores.write() as connection:
        claimed = await outbox.claim(connection, clock(), 5)
    results = [sent(claim) for claim in claimed]
    results[2] = replace(results[2], outcome=replace(results[2].outcome, message_id=1 << 70))
    done = await asyncio.gather(*map(settler.settle, results), return_exceptions=True)
    assert [isinstance(result, Exception) for result in done] == [False, False, True, False, False]
    async with stores.read() as connection:
        stored = await connection.scalar(sa.select(sa.func.count()).where(o.c.message_id.is_not(None)))
    assert stored == 4


async def test_direct_messages_of_a_server_do_not_wait_for_another_one_that_the_bot_has_left(
    stores: Database,
) -> None:
    member = CHANNEL + 5
    direct = partial(owed, kind=outbox.MEMBER, user_id=member)
    await fill(stores, [direct(n, 5) | {"guild_id": GUILD} for n in range(8)])
    async with stores.write() as connection:
        await servers.leave(connection, [GUILD + 77], NOW)
        first = await outbox.claim(connection, NOW, 50)
    await fill(stores, [direct("late", 5) | {"guild_id": GUILD + 77}])
    async with stores.write() as connection:
        assert await outbox.claim(connection, NOW, 50, busy=[member]) == []
        await outbox.settle_all(connection, list(map(sent, first)), NOW, INTERVAL)
        assert len(first) + len(await outbox.claim(connection, NOW, 50)) == 8
        await servers.come_back(connection, GUILD + 77)
        assert len(await outbox.claim(connection, NOW, 50)) == 1


async def waits_for_a_lock(db: Database, change: asyncio.Future[None] | None = None) -> None:
    """Wait until another connection to this PostgreSQL database waits for a lock, or the change is done."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(30), db.read() as connection:
        await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"))
        while not await connection.scalar(waiting) and not (change is not None and change.done()):
            await connection.execute(sa.text("SELECT pg_stat_clear_snapshot()"))


async def test_results_wait_for_no_lock_while_others_wait_for_theirs(postgres_url: str, clock: Clock) -> None:
    """A batch of results meets rows that the intake has locked, in another order."""
    async with opened(postgres_url) as db, opened(postgres_url) as other:
        await fill(db, [owed(n, n, kind=outbox.STORY) for n in range(3)])
        async with db.write() as connection:
            claimed = await outbox.claim(connection, clock(), 3)
        settler = Settler(db, clock, INTERVAL)
        async with other.write() as connection:
            revised = sa.update(o).values(revision=o.c.revision + 1)
            await connection.execute(revised.where(o.c.id == claimed[1].id))
            settling = [asyncio.ensure_future(settler.settle(sent(claim))) for claim in claimed]
            assert list(await asyncio.gather(settling[0], settling[2])) == [True, True]
            for claim in (claimed[2], claimed[0]):  # whoever held these now would wait for ever
                await connection.execute(revised.where(o.c.id == claim.id))
        assert await settling[1]


@dataclass(frozen=True)
class Change:
    """What a transaction does to a channel with a roll-up that waits, a statement or a few at a time."""

    first: Callable[[AsyncConnection, Claimed], Awaitable[object]]
    then: Callable[[AsyncConnection, Claimed], Awaitable[object]]


async def _lock_channel(connection: AsyncConnection, _claim: Claimed) -> None:
    rows = sa.select(schema.channels).where(schema.channels.c.channel_id == CHANNEL)
    await connection.execute(rows.with_for_update())


async def _refuse(connection: AsyncConnection, claim: Claimed) -> None:
    outcome = Outcome(SendStatus.REFUSED, 403)
    assert await outbox.settle(connection, claim, outcome, Pause("no"), NOW, INTERVAL)


async def _revise(connection: AsyncConnection, claim: Claimed) -> None:
    await connection.execute(sa.update(o).where(o.c.id == claim.id).values(revision=o.c.revision + 1))


async def _revise_all(connection: AsyncConnection, claim: Claimed) -> None:
    same = o.c.channel_id == claim.channel_id
    await connection.execute(sa.update(o).where(same).values(revision=o.c.revision + 1))


CHANGES: dict[str, Change] = {
    "the channel is deleted": Change(_lock_channel, lambda c, _: subscriptions.remove_channel(c, CHANNEL)),
    "it is paused": Change(_refuse, lambda c, _: subscriptions.pause(c, CHANNEL, GUILD, "no", NOW)),
    "the intake edits its roll-up and other messages": Change(_revise, _revise_all),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("has_begun", [True, False], ids=["before the claim", "during the claim"])
async def test_a_claim_waits_for_no_lock_of_others_so_none_of_them_waits_for_ever(
    postgres_url: str, clock: Clock, name: str, *, has_begun: bool
) -> None:
    change, settings = CHANGES[name], PostingSettings(per_hour=1)
    async with opened(postgres_url) as db, opened(postgres_url) as other:
        async with db.write() as connection:
            await subscriptions.ensure_channel(connection, CHANNEL, GUILD)
        listing = owed("list", 0, kind=outbox.ROLLUP, payload={"quiet": False})
        posts = [owed(n, 0, kind=outbox.STORY, now=NOW - INTERVAL) for n in range(3)]
        await fill(db, [listing, *posts, owed("cold", 1, kind=outbox.STORY)])
        async with db.write() as connection:
            claimed = await outbox.claim(connection, clock(), 9)
            rollup = next(claim for claim in claimed if claim.kind == outbox.ROLLUP)
            await outbox.release(connection, [claim for claim in claimed if claim is not rollup])
            # Made due anew, so that a claim has rows of the channel before it knows what is to be decided there.
            await connection.execute(sa.update(o).where(o.c.channel_id == CHANNEL).values(due_at=NOW))
        keep_pace = partial(rollups.keep_pace, settings=settings)

        async def interleaved(connection: AsyncConnection, channels: Collection[int], now: datetime) -> Paced:
            """The change begins while the claim has locked rows, and has not decided about their channels."""
            if not changes:
                changes.append(asyncio.ensure_future(in_one_transaction(other, change, rollup)))
                await waits_for_a_lock(db, changes[0])
            return await keep_pace(connection, channels, now)

        changes: list[asyncio.Future[None]] = []
        async with asyncio.timeout(30):
            if has_begun:
                async with other.write() as changing:
                    await change.first(changing, rollup)
                    async with db.write() as claiming:
                        taken = await outbox.claim(claiming, clock(), 9, keep_pace=keep_pace)
                    await change.then(changing, rollup)
            else:
                async with db.write() as claiming:
                    taken = await outbox.claim(claiming, clock(), 9, keep_pace=interleaved)
            await asyncio.gather(*changes)
        assert CHANNEL + 1 in {claim.channel_id for claim in taken}, "it goes on with other channels"


async def in_one_transaction(db: Database, change: Change, claim: Claimed) -> None:
    """Both parts of a change."""
    async with db.write() as connection:
        await change.first(connection, claim)
        await change.then(connection, claim)
