"""Stories reach all channels by SQL as the pure decision about each channel has it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Calibration, Mode, Stored, StorySize, Subscription, Topic, TopicMatch, Volume
from bot.domain.posting.decisions import Decisions, PostingSettings, Reason, channels_of
from bot.domain.posting.fan_out import fan_outs as fan_outs_of
from bot.domain.posting.plan import IntakePlan, PlanDraft, plan
from bot.domain.posting.recipients import SHARED, StoryChanges, decide_posts
from bot.domain.posting.volume import least_size, posts_from
from bot.domain.stories.ranking import size
from bot.domain.stories.story import Story, story_view
from bot.domain.topics.topics import Topics
from bot.store import decisions, fan_outs, outbox, schema, subscriptions, topics
from bot.store.database import Database
from bot.store.sql import later
from tests.make import at, examples, record
from tests.store.store_helpers import (
    GUILD,
    headlines,
    plan_of,
    statements,
    take,
    two_events_and_their_report,
    withheld,
)

NOW = at(100)
HEALTH = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
RULES = PostingSettings()
SERVERS = (11, 22, 33, 44)
CHANNELS = tuple(server * 10 + n for server in SERVERS for n in range(2))
LEFT_SERVER = 44
MERGED = 9  # goes on as story 1
OUTLETS = ("alpha.example", "beta.example", "gamma.example")
MUTABLE = (*OUTLETS, "flood")
TREE = (
    Topic("AI"),
    Topic("Vision", parent="AI"),
    Topic("Faces", parent="Vision"),
    Topic("Sea"),
    Topic("Vision", parent="Sea", guild_id=11),  # it hides that of everybody
    Topic("Mine", parent="AI", guild_id=22),
)
HOURS = (-60, -47.5, -1, -0.01)  # when something was, from now

o = schema.outbox


@dataclass(frozen=True)
class Scene:
    """What is stored, and what changes."""

    changes: StoryChanges
    subscriptions: tuple[Subscription, ...]
    mutes: tuple[tuple[int, int, str], ...]  # server, channel or 0, what
    posts: tuple[dict[str, Any], ...]
    escalated: tuple[int, ...]  # posts, by their place among these


@st.composite
def members(draw: st.DrawFn, number: int) -> Stored:
    """A report of a story."""
    outlet = draw(st.sampled_from(OUTLETS))
    title = draw(st.sampled_from(("Storm over the bay", "Flood on the coast")))
    made = record(
        title,
        outlet,
        url=f"https://{outlet}/{number}",
        quality=draw(st.sampled_from((20, 60, 90, 160))),
        heat=draw(st.sampled_from((None, None, 10, 75, 200))),
        notable=draw(st.booleans()),
    )
    seen = NOW + timedelta(hours=draw(st.sampled_from((-300, -1, 0))))
    published = seen - timedelta(hours=draw(st.sampled_from((0, 400))))
    return Stored(
        number,
        made,
        published,
        seen,
        partial=draw(st.integers(0, 5)) == 0,
        news=draw(st.integers(0, 3)) > 0,
        guild_id=draw(st.sampled_from((0, 0, 0, 11, 22))),
    )


MATCHES = st.sampled_from([TopicMatch(topic.name, declared=True, guild_id=topic.guild_id) for topic in TREE])


@st.composite
def stories(draw: st.DrawFn, number: int) -> Story:
    """A story of a few reports, or of none any more."""
    inside = tuple(draw(members(10 * number + n)) for n in range(draw(st.integers(0, 3))))
    matches = {m.id: tuple(draw(st.lists(MATCHES, max_size=2, unique=True))) for m in inside}
    return Story(number, inside, {}, matches, draw(st.sampled_from(({}, {0: frozenset({"ai"})}))))


@st.composite
def followers(draw: st.DrawFn) -> Subscription:
    """A subscription of one of the channels."""
    channel = draw(st.sampled_from(CHANNELS))
    guild = channel // 10
    topic = draw(st.sampled_from([topic for topic in TREE if topic.guild_id in (0, guild)]))
    thresholds = (0, size(60, 1, 1, 0), size(70, 1, 1, 0), size(90, 3, 3, 0), least_size(Volume.FEW))
    threshold = draw(st.sampled_from((None, *thresholds)))
    return Subscription(
        topic.guild_id,  # for now: whose topic it is
        guild,
        channel,
        topic.name,
        draw(st.sampled_from((Mode.LIVE, Mode.LIVE, Mode.BOTH, Mode.DIGEST))),
        draw(st.sampled_from((None, *Volume))),
        mention_role_id=draw(st.sampled_from((None, 5))),
        ping_from=draw(st.sampled_from(StorySize)),
        announces_major=draw(st.booleans()),
        calibration=None if threshold is None else Calibration(threshold, 1.0, 1.0),
    )


@st.composite
def messages(draw: st.DrawFn, number: int, channel: int) -> dict[str, Any]:
    """A post of a story in a channel, at some point of its life; it may have been that of a merged story before."""
    sent = draw(st.sampled_from((None, *HOURS)))
    closed = draw(st.integers(0, 3)) == 0
    waits = draw(st.sampled_from((None, -0.5, 0.005, 3)))
    first = draw(st.sampled_from((number, number, number + 70)))
    dedupe = f"story:{first}:{channel}"
    row = outbox.new_row(outbox.STORY, f"{first}:{channel}", channel // 10, channel, at(0), story=number)
    edited = draw(st.sampled_from((None, None, -0.01, -0.5)))
    return row | {
        "dedupe": dedupe,
        "priority": draw(st.sampled_from((0, 60, 120))),
        "closed": closed,
        "sent_at": None if sent is None else NOW + timedelta(hours=sent, microseconds=7),
        "edited_at": NOW + timedelta(hours=edited, microseconds=3) if sent is not None and edited else None,
        "message_id": None if sent is None else channel + number,
        "due_at": None if closed or waits is None else NOW + timedelta(hours=waits),
        "attempts": draw(st.sampled_from((0, 1))),
        "mentioned": draw(st.sampled_from(([], [5]))),
    }


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Some stories that change, and who follows their topics."""
    numbers = range(1, 1 + draw(st.integers(2, 3)))
    changed = {number: draw(stories(number)) for number in numbers}
    merged = {MERGED: 1} if draw(st.booleans()) else {}
    audience = st.sampled_from((SHARED, SHARED, frozenset({0, 11}), frozenset({11}), frozenset({22})))
    every = draw(
        st.lists(followers(), min_size=4, max_size=14, unique_by=lambda s: (s.id, s.channel_id, s.topic))
    )
    muted = st.tuples(st.sampled_from(CHANNELS), st.booleans(), st.sampled_from(MUTABLE))
    mutes = {
        (c // 10, 0 if of_server else c, what) for c, of_server, what in draw(st.lists(muted, max_size=3))
    }
    places = draw(
        st.lists(
            st.tuples(st.sampled_from((*numbers, *merged)), st.sampled_from(CHANNELS)),
            max_size=8,
            unique=True,
        )
    )
    posts = tuple(draw(messages(number, channel)) for number, channel in places)
    return Scene(
        StoryChanges(
            changed,
            {n: story_view(s.visible_to(s.guild_id)) for n, s in changed.items()},
            {n: draw(audience) for n in (*numbers, *merged)},
            merged,
            frozenset(draw(st.lists(st.sampled_from(numbers), max_size=1))),
        ),
        tuple(every),
        tuple(sorted(mutes)),
        posts,
        tuple(draw(st.lists(st.integers(0, 7), max_size=2, unique=True))),
    )


async def store(connection: AsyncConnection, scene: Scene) -> None:
    """Have all that stored, in the transaction of the caller."""
    numbers = {MERGED, *scene.changes.stories}
    rows = [{"number": n, "heat": 0, "first": at(), "last": at(), "last_seen": at()} for n in sorted(numbers)]
    await connection.execute(sa.insert(schema.stories), rows)
    await connection.execute(sa.insert(schema.topics), [topics.row_of(topic) for topic in TREE])
    ids = await topics.ids_of(connection, [topics.key_of(topic.name, topic.guild_id) for topic in TREE])
    await connection.execute(sa.insert(schema.left_servers), [{"guild_id": LEFT_SERVER, "at": at()}])
    for subscription in scene.subscriptions:
        topic_id = ids[topics.key_of(subscription.topic, subscription.id)]
        await subscriptions.subscribe(connection, subscription, topic_id, at())
    stored = await subscriptions.subscriptions(connection, channel_ids=CHANNELS)
    by_place = {(s.channel_id, s.topic): s.calibration for s in scene.subscriptions}
    calibrated = {s: (c, at()) for s in stored if (c := by_place[s.channel_id, s.topic]) is not None}
    await subscriptions.calibrate(connection, calibrated)
    for guild_id, channel_id, value in scene.mutes:
        await subscriptions.mute(connection, guild_id, channel_id or None, value)
    if scene.posts:
        await connection.execute(sa.insert(o), list(scene.posts))
    for place in scene.escalated:
        if place < len(scene.posts) and scene.posts[place]["message_id"]:
            await escalate(connection, scene.posts[place])


async def escalate(connection: AsyncConnection, post: Mapping[str, Any]) -> None:
    """A reply to a post."""
    of = await connection.scalar(sa.select(o.c.id).where(o.c.dedupe == post["dedupe"]))
    place = (post["guild_id"], post["channel_id"], at())
    reply = outbox.new_row(outbox.ESCALATION, str(of), *place, story=post["story"], reply_to=of)
    await connection.execute(sa.insert(o), [reply | {"due_at": None, "message_id": 1}])


async def messages_in(connection: AsyncConnection) -> list[tuple[Any, ...]]:
    """All that matters of the messages that are stored."""
    changed = (o.c.revision > 0).label("changed")
    columns = (o.c.kind, o.c.dedupe, o.c.guild_id, o.c.channel_id, o.c.story, o.c.priority, o.c.due_at)
    rows = await connection.execute(
        sa.select(*columns, o.c.closed, o.c.reply_to, changed).order_by(o.c.dedupe)
    )
    return [tuple(row) for row in rows]


class UndoneError(Exception):
    """Nothing of a scene stays."""


async def one_by_one(connection: AsyncConnection, scene: Scene) -> Decisions:
    """The decision about each channel by itself, stored: what is right by definition."""
    numbers = {*scene.changes.stories, *scene.changes.merged}
    channels = channels_of(
        await subscriptions.subscriptions(connection), await subscriptions.mutes(connection)
    )
    posts = await outbox.posts(connection, numbers)
    decided = decide_posts(scene.changes, posts, channels, Topics(TREE), NOW, RULES)
    since = NOW - RULES.edit_window
    await decisions.apply(connection, decided, scene.changes.audiences, NOW, since)
    return decided


async def at_once(
    connection: AsyncConnection, scene: Scene
) -> tuple[PlanDraft, IntakePlan, fan_outs.FanOutResult]:
    """The same in a few statements, as an intake does it."""
    known = Topics(TREE)
    made = IntakePlan(fan_outs=fan_outs_of(scene.changes, known, NOW, RULES))
    draft = PlanDraft(made, scene.changes, known)
    since = NOW - RULES.edit_window
    apart = await fan_outs.apart(connection, draft.fan_outs, since)
    planned = plan(draft, apart, NOW, RULES)
    batch = await fan_outs.update(connection, draft.fan_outs, planned.muting, NOW, RULES)
    await decisions.apply(connection, planned.decisions, scene.changes.audiences, NOW, since)
    return draft, planned, await fan_outs.send(connection, batch)


@examples(0.4, suppress_health_check=HEALTH)  # which are large: what takes long is to store and to compare
@given(scene=scenes())
async def test_what_is_done_at_once_is_what_is_decided_about_each_channel(
    stores: Database, scene: Scene
) -> None:
    with suppress(UndoneError):
        async with stores.write() as connection:
            await store(connection, scene)
            before = await connection.begin_nested()
            decided = await one_by_one(connection, scene)
            right = await messages_in(connection)
            await before.rollback()
            draft, planned, done = await at_once(connection, scene)
            assert await messages_in(connection) == right
            assert done.sends + len(planned.decisions.sends) == len(decided.sends)
            alike = {f.story: f for f in draft.fan_outs if f.shared is not None}
            channels = channels_of(
                await subscriptions.subscriptions(connection), await subscriptions.mutes(connection)
            )
            apart = {(f, c.id) for f in alike for c in channels if alike[f].is_apart(c)}
            assert {
                (number, reason) for number, reason in done.withheld if reason is not Reason.ALREADY_TOLD
            } == {
                (hold.story, hold.reason)
                for hold in decided.holds
                if hold.story in alike
                and hold.reason is not Reason.ALREADY_TOLD
                and (hold.story, hold.channel_id) not in apart
            }
            raise UndoneError


# How much is read, and how often.


async def follow(db: Database, count: int, topic: str = "Harbours", **more: Any) -> None:
    """Have so many channels follow a topic, ten in each server."""
    async with db.write() as connection:
        ids = await topics.ensure(connection, [topic, "Orchards"])
        for n in range(count):
            channel = 1000 + n
            live = Subscription(0, channel // 10, channel, topic, Mode.LIVE, Volume.EVERYTHING, **more)
            await subscriptions.subscribe(connection, live, ids[topic.lower()], at())


async def sent(db: Database) -> None:
    """Have every post stand in its channel."""
    async with db.write() as connection:
        await connection.execute(sa.update(o).values(message_id=1000 + o.c.id, sent_at=at(), due_at=None))


STAGES = (
    "a new story",
    "another report",
    "a report before the first was sent",
    "a story that nobody follows",
)


@pytest.mark.parametrize("stage", STAGES)
async def test_the_statements_of_a_story_do_not_grow_with_its_channels(stores: Database, stage: str) -> None:
    await follow(stores, 1)
    await take(stores, record("Nothing of the kind", "z.example"))  # topics are read once
    about = ["Orchards"] if stage == STAGES[3] else ["Harbours"]
    counts, rows = [], []
    for size_, name, title in zip((2, 30), "ab", headlines(2), strict=True):
        await follow(stores, size_)
        if stage in STAGES[1:3]:
            await take(stores, record(title, f"{name}1.example", topics=about))
            if stage == STAGES[1]:
                await sent(stores)
        with statements(stores) as seen:
            made = await take(stores, record(title, f"{name}2.example", topics=about), hours=1)
        counts.append(len(seen))
        rows.append(len(made.decisions.sends) + len(made.decisions.edits) + len(made.decisions.grows))
        async with stores.write() as connection:
            await connection.execute(sa.delete(o))
    assert counts[0] == counts[1]
    assert rows == [0, 0], "no channel is looked at by itself"


async def test_only_the_posts_of_stories_that_have_some_are_updated(stores: Database) -> None:
    """Most stories of a batch are new. Each costs a lookup of its posts, and nothing more."""
    await follow(stores, 2)
    standing, *new = headlines(12)
    await take(stores, record(standing, "a.example", topics=["Harbours"]))
    await sent(stores)
    batch = [record(title, "b.example", topics=["Harbours"]) for title in (standing, *new)]
    with statements(stores) as seen:
        await take(stores, *batch, hours=1)
    updates = [parameters for statement, parameters in seen if statement.startswith("UPDATE outbox")]
    assert updates
    assert not any(isinstance(parameters, list) for parameters in updates), "one story each"


async def test_a_story_that_takes_over_a_post_is_not_posted_again(stores: Database) -> None:
    """Nobody followed the first of two events yet when it was reported, so the channel has a post of the second alone."""
    first, second, whole = two_events_and_their_report("Harbours")
    await take(stores, first)
    await follow(stores, 1)
    await take(stores, second)
    await sent(stores)
    made = await take(stores, whole, hours=1)
    assert made.merged == {2: 1}
    async with stores.read() as connection:
        posts = (await connection.execute(sa.select(o.c.story, o.c.channel_id))).all()
    assert [tuple(post) for post in posts] == [(1, 1000)]


async def test_no_subscription_is_read_that_does_not_follow_the_story(stores: Database) -> None:
    await follow(stores, 3)
    await take(stores, record("Quay reopens after the storm", "a.example", topics=["Harbours"]))
    await sent(stores)
    story = Story(1, (Stored(1, record("Quay reopens", topics=["Harbours"]), at(), at(), news=True),), {}, {})
    story = replace(story, topics={1: (TopicMatch("Harbours", declared=True),)})
    changes = StoryChanges({1: story}, {1: story_view(story)})
    made = fan_outs_of(changes, Topics([Topic("Harbours")]), at(1), RULES)

    async def whole(connection: AsyncConnection) -> None:
        await fan_outs.apart(connection, made, at(-47))
        await fan_outs.send(connection, await fan_outs.update(connection, made, frozenset(), at(1), RULES))

    steps = await plan_of(stores, whole)
    scans = ("SCAN subscriptions", "SCAN outbox", "SCAN mutes", "Seq Scan on")
    tables = ("subscriptions", "outbox", "mutes")
    assert [step for step in steps if step.strip().startswith(scans) and any(t in step for t in tables)] == []
    assert any("ix_subscriptions_followers" in step for step in steps)
    if stores.dialect == "sqlite":
        insert = [step for step in steps if "ix_subscriptions_followers" in step]
        assert any(
            "COVERING INDEX ix_subscriptions_followers (topic_id=? AND posts_from<?)" in s for s in insert
        )


async def test_a_follower_who_mutes_something_is_the_only_one_decided_about_by_itself(
    stores: Database,
) -> None:
    await follow(stores, 20)
    async with stores.write() as connection:
        await subscriptions.mute(connection, 100, 1003, "muted.example")
        await subscriptions.mute(connection, 101, None, "muted.example")
    made = await take(stores, record("Quay reopens after the storm", "a.example", topics=["Harbours"]))
    assert {send.channel_id for send in made.decisions.sends} == {1003, *range(1010, 1020)}
    async with stores.read() as connection:
        rows = await connection.execute(sa.select(o.c.channel_id, o.c.nonce))
        nonces = dict(rows.all())
    assert sorted(nonces) == list(range(1000, 1020))
    assert len(set(nonces.values())) == 20
    assert {len(nonce) for nonce in nonces.values()} == {24}
    muted = await take(
        stores, record("Ferry line to the island closes", "muted.example", topics=["Harbours"])
    )
    assert {hold.channel_id for hold in muted.decisions.holds} == {1003, *range(1010, 1020)}


async def test_stories_of_a_batch_stand_in_their_channels_in_reading_order(stores: Database) -> None:
    await follow(stores, 2)
    titles = list(headlines(4))
    batch = [record(title, f"o{n}.example", topics=["Harbours"], hours=-n) for n, title in enumerate(titles)]
    await take(stores, *batch)
    async with stores.read() as connection:
        rows = await connection.execute(
            sa.select(o.c.channel_id, schema.records.c.title)
            .join(schema.records, schema.records.c.story == o.c.story)
            .order_by(o.c.id)
        )
        by_channel: dict[int, list[str]] = {}
        for channel, title in rows:
            by_channel.setdefault(channel, []).append(title)
    assert list(by_channel.values()) == [titles[::-1]] * 2


async def test_why_a_follower_has_no_post_is_known_without_a_row_for_each(stores: Database) -> None:
    async with stores.write() as connection:
        ids = await topics.ensure(connection, ["AI"])
        live = Subscription(0, GUILD, 7, "AI", Mode.LIVE, Volume.NOTABLE)
        await subscriptions.subscribe(connection, live, ids["ai"], at())
    small, old, silent, big, other = headlines(5)
    await take(stores, record(small, "a.example", topics=["AI"]), hours=1)
    await take(stores, record(old, "b.example", topics=["AI"], hours=-1000), hours=2)
    await take(stores, record(silent, "c.example", topics=["AI"], hours=2), hours=3, silent=True)
    await take(stores, record(big, "d.example", topics=["AI"], quality=90), hours=3)
    await take(stores, record(other, "e.example", topics=["Sea"]), hours=3)
    async with stores.write() as connection:
        late = replace(live, channel_id=8)
        await subscriptions.subscribe(connection, late, ids["ai"], at(4))
    reasons = {1: "too small", 2: "too old", 3: "first intake"}
    assert (await withheld(stores, 7), await withheld(stores, 8)) == (reasons, {})
    async with stores.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(schema.withheld_posts)) == 0
        shared, window = Topics([Topic("AI")]), RULES.edit_window
        counted = await fan_outs.withheld_counts(connection, shared, GUILD, at(0), window)
        assert counted == dict.fromkeys(reasons.values(), 1)
        assert await fan_outs.withheld_counts(connection, shared, GUILD, at(5), window) == {}
        assert await fan_outs.withheld_counts(connection, shared, GUILD + 1, at(0), window) == {}
    # What was decided about a channel by itself goes first, and is counted once.
    async with stores.write() as connection:
        row = {"story": 1, "channel_id": 7, "guild_id": GUILD, "reason": "muted", "at": at(4)}
        await connection.execute(sa.insert(schema.withheld_posts).values(row))
    with statements(stores) as seen:
        async with stores.read() as connection:
            counted = await fan_outs.withheld_counts(connection, shared, GUILD, at(0), window)
    assert counted == dict.fromkeys(["muted", reasons[2], reasons[3]], 1)
    of_reasons = [sql for sql, _ in seen if "withheld_posts" in sql]
    assert ["GROUP BY" in sql for sql in of_reasons] == [True] * 3, "no row for each story and channel"


@settings(suppress_health_check=HEALTH)
@given(volume=st.sampled_from((None, *Volume)), mode=st.sampled_from(Mode), threshold=st.none() | st.just(7))
async def test_the_size_from_which_a_subscription_posts_is_stored_with_it(
    stores: Database, volume: Volume | None, mode: Mode, threshold: int | None
) -> None:
    with suppress(UndoneError):
        async with stores.write() as connection:
            ids = await topics.ensure(connection, ["AI"])
            made = Subscription(0, GUILD, 7, "AI", mode, volume)
            await subscriptions.subscribe(connection, made, ids["ai"], at())
            if threshold is not None:
                [stored] = await subscriptions.subscriptions(connection)
                await subscriptions.calibrate(connection, {stored: (Calibration(threshold, 1.0, None), at())})
            [stored] = await subscriptions.subscriptions(connection)
            column = schema.subscriptions.c.posts_from
            assert await connection.scalar(sa.select(column)) == posts_from(stored)
            raise UndoneError


async def test_a_time_of_a_row_is_moved_without_losing_a_microsecond(stores: Database) -> None:
    moments = [at(0), at(0.5) + timedelta(microseconds=999_999), at(11.9999)]
    async with stores.write() as connection:
        rows = [outbox.new_row(outbox.DIGEST, str(moment), GUILD, 7, moment) for moment in moments]
        await connection.execute(sa.insert(o), rows)
        for moment, by in product(moments, (timedelta(seconds=60), timedelta(hours=48), timedelta(0))):
            literal = sa.literal(moment, schema.UtcTime())
            due = later(connection, o.c.due_at, by)
            moved = await connection.scalar(sa.select(due).where(o.c.created_at == literal))
            assert moved == moment + by, (moment, by)
