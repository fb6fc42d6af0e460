"""A channel's digest: set, switched off, looked at, and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.briefs.model_brief import NO_MODEL, ModelBriefs
from bot.domain.model import Subscription
from bot.domain.posting import zones
from bot.domain.posting.digest import Digest, compose, half_life_of, served_by_digest
from bot.domain.posting.schedule import DEFAULT_SIZE, EVERY_DAY, DigestStyle, Schedule, parse_days, parse_time
from bot.domain.posting.zones import Reading, Zones
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Story, muted_by
from bot.domain.text.cleaning import clip
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError, NotFoundError, UnknownNameError
from bot.i18n import comma_list, mark, speaking, tr
from bot.services.context import Context
from bot.services.topics import NEAR, resolve, spikes
from bot.store import digests, outbox, rephrasings, servers, stories, subscriptions, votes
from bot.store.subscriptions import ChannelState

FIRST = timedelta(days=1)  # a channel's first digest looks back so far, or to its first subscription,
FIRST_MOST = timedelta(days=7)  # but no further than this: it may have had live posts for years
GAP_MOST = timedelta(days=35)  # nor does any look back further: after half a year of silence that is no news
MOST_CANDIDATES = 5_000  # stories that a digest is chosen from, the hottest
SOON = timedelta(microseconds=1)  # the least difference of two times
LONGEST_ZONE = 100  # characters of a zone's name that are looked at
FORGET = timedelta(days=30)  # a story told longer ago than this is told anew


@lru_cache(maxsize=1)
def _zones() -> Zones:
    """All time zones; reading them takes long."""
    return zones.index(available_timezones())


def zone(name: str) -> Reading:
    """The time zone that somebody typed, as a name, a city, an abbreviation or an offset; UnknownNameError has near ones."""
    if reading := zones.read(name[:LONGEST_ZONE], _zones()):
        return reading
    near = tuple(suggest_zones(name[:LONGEST_ZONE], NEAR))
    message = (
        mark("“{name}” is not a time zone. Did you mean: {near}?")
        if near
        else mark("“{name}” is not a time zone. Write it like Europe/Berlin, Berlin or UTC+2.")
    )
    raise UnknownNameError(tr(message, name=clip(name, 60), near=comma_list(near)), name, near)


def suggest_zones(text: str, limit: int = 25) -> list[str]:
    """Time zones for what somebody has typed so far, those of cities before the rest."""
    return zones.suggest(text, _zones(), limit)


def schedule(
    at: str, zone_name: str, days: str | None, size: int | None, style: DigestStyle = DigestStyle.BRIEF
) -> Schedule:
    """A schedule of what a user typed, `zone_name` a proper one; InvalidInputError says what is allowed."""
    try:
        return Schedule(
            parse_time(at),
            zone_name,
            parse_days(days) if days else EVERY_DAY,
            DEFAULT_SIZE if size is None else size,
            style,
        )
    except ValueError as error:
        raise InvalidInputError(tr("{problem}.", problem=error)) from error


async def replan(context: Context) -> int:
    """Have channels without a time of their own get their next digest at the default one, which may have changed.

    It stays on the day on which it was to come, unless that time is over by then. Returns how many were moved.
    """
    default, now = context.digest_default, context.now()
    zone_of_day = ZoneInfo(default.zone)
    moved = 0
    async with context.db.write() as connection:
        for state in await subscriptions.channels(connection):
            planned = state.next_digest
            if planned is None or state.schedule is not None or default.after(planned - SOON) == planned:
                continue
            day = datetime.combine(planned.astimezone(zone_of_day), time(0), tzinfo=zone_of_day)
            await digests.plan_next(connection, state.channel_id, default.after(max(now, day - SOON)))
            moved += 1
    return moved


@dataclass(frozen=True, slots=True)
class DigestSet:
    """A schedule that was set; `topics` are those that the channel's digest serves."""

    schedule: Schedule
    next_digest: datetime
    topics: tuple[str, ...]


async def set_schedule(context: Context, guild_id: int, channel_id: int, schedule: Schedule) -> DigestSet:
    """Set when a channel's digest comes. After a time without any, it does not tell of all that time."""
    now = context.now()
    next_digest = schedule.after(now)
    async with context.db.write() as connection:
        await subscriptions.ensure_channel(connection, channel_id, guild_id)
        await digests.begin_again(connection, channel_id, now - FIRST)
        await subscriptions.set_schedule(connection, channel_id, schedule, next_digest)
        subscribed = served_by_digest(await subscriptions.subscriptions(connection, channel_ids=[channel_id]))
    context.wake()
    return DigestSet(schedule, next_digest, tuple(s.topic for s in subscribed))


async def switch_off(context: Context, channel_id: int) -> None:
    """No more scheduled digests in a channel."""
    async with context.db.write() as connection:
        state = await subscriptions.channel(connection, channel_id)
        if state is None or (state.schedule is None and state.next_digest is None):
            raise NotFoundError(tr("This channel has no digest to turn off."))
        await subscriptions.set_digest_off(connection, channel_id)


@dataclass(frozen=True, slots=True)
class ComposedDigest:
    """A channel's digest, with the topics that its server knows, its schedule, who owns which outlets, and what the
    channel shows of a model's answers.
    """

    digest: Digest
    topics: Topics
    schedule: Schedule
    owners: MediaOwners
    model_briefs: ModelBriefs = NO_MODEL


# What the outbox keeps of a digest that has entries: its message. Services do not know how a message looks.
Write = Callable[[Digest, Topics, Schedule, MediaOwners, ModelBriefs], Mapping[str, Any]]


async def compose_for_channel(
    connection: AsyncConnection,
    context: Context,
    subscribed: tuple[Subscription, ...],
    state: ChannelState,
    now: datetime,
) -> ComposedDigest:
    """A channel's digest of everything since its last one, until now."""
    known = await context.topics.load(connection, state.guild_id)
    plan = state.schedule or context.digest_default
    begun = [s.created_at for s in subscribed if s.created_at is not None]
    first = max(min(now - FIRST, *begun), now - FIRST_MOST)
    since = first if state.last_digest is None else max(state.last_digest, now - GAP_MOST)
    names = {name for s in subscribed for name in known.with_descendants(s.topic)}
    candidates = await _candidates(connection, sorted(names), since, now, state.guild_id)
    # In a thread: of thousands of stories it takes seconds.
    made = await asyncio.to_thread(
        compose,
        candidates,
        subscribed,
        known,
        await digests.mentions(connection, state.channel_id),
        since,
        now,
        muted=muted_by(await subscriptions.mutes_in(connection, state.guild_id, state.channel_id)),
        owners=context.rules.owners,
        size=plan.size,
        votes=await _votes(connection, state.guild_id, now),
    )
    told = [section.topic for section in made.sections]
    above = await spikes(connection, known, told, now, state.guild_id)
    sections = tuple(replace(section, spike=above.get(section.topic)) for section in made.sections)
    model_briefs = await rephrasings.of_channel(
        connection,
        context.model,
        state.guild_id,
        state.channel_id,
        [entry.view.number for entry in made.entries],
    )
    digest = replace(made, sections=sections)
    return ComposedDigest(digest, known, plan, context.rules.owners, model_briefs)


async def _votes(connection: AsyncConnection, guild_id: int, now: datetime) -> dict[int, int]:
    """The votes of a server's members for each story, less those against it; none where votes are switched off."""
    if not await votes.voting(connection, [guild_id]):
        return {}
    tallies = await votes.tallies(connection, guild_id, now - GAP_MOST, most=MOST_CANDIDATES)
    return {number: tally.up - tally.down for number, tally in tallies.items()}


async def _candidates(
    connection: AsyncConnection,
    names: Sequence[str],
    since: datetime,
    until: datetime,
    guild_id: int | None = None,
) -> list[Story]:
    """The stories of these topics that a digest of this period is chosen from."""
    numbers = await stories.arrived(connection, names, since, until, guild_id)
    if len(numbers) > MOST_CANDIDATES:
        half_life = half_life_of(since, until)
        numbers = await stories.hottest_of(connection, numbers, MOST_CANDIDATES, until, half_life)
    return list((await stories.load(connection, numbers, guild_id)).values())


async def preview(context: Context, guild_id: int, channel_id: int) -> ComposedDigest:
    """The digest that would be sent now."""
    now = context.now()
    async with context.evaluations.turn(guild_id), context.db.read() as connection:
        subscribed, state = await _channel(connection, guild_id, channel_id)
        return await compose_for_channel(connection, context, subscribed, state, now)


async def send_now(context: Context, guild_id: int, channel_id: int, write: Write) -> int:
    """Send a channel's digest now; the next one starts from here. Returns its number of stories."""
    async with context.db.intake() as connection:
        now = context.now()
        await digests.replace_waiting(connection, channel_id, now)
        subscribed, state = await _channel(connection, guild_id, channel_id)
        composed = await compose_for_channel(connection, context, subscribed, state, now)
        if not composed.digest.entries:
            return 0
        await subscriptions.ensure_channel(connection, channel_id, guild_id)
        if not await digests.turn(connection, channel_id, state.next_digest, state.next_digest, now):
            raise InvalidInputError(tr("This channel's digest is already being sent."))
        await enqueue(connection, composed, state, write, demanded=True)
    context.wake()
    return len(composed.digest.entries)


async def _channel(
    connection: AsyncConnection, guild_id: int, channel_id: int
) -> tuple[tuple[Subscription, ...], ChannelState]:
    """What a digest on demand serves: the digest subscriptions, or all where there are none."""
    own = await subscriptions.subscriptions(connection, channel_ids=[channel_id])
    if not own:
        raise NotFoundError(tr("This channel has no subscriptions yet. Start with `/subscribe`."))
    state = await subscriptions.channel(connection, channel_id)
    return served_by_digest(own) or own, state or ChannelState(channel_id, guild_id)


async def enqueue(
    connection: AsyncConnection,
    composed: ComposedDigest,
    state: ChannelState,
    write: Write,
    *,
    demanded: bool = False,
) -> None:
    """Have a digest sent, in the transaction that composed it. `demanded`: somebody asked for it."""
    digest = composed.digest
    covers = {"demanded": demanded, "since": digest.since.isoformat(), "until": digest.until.isoformat()}
    spoken = await servers.language(connection, state.guild_id)
    with speaking(spoken.code):  # not that of the member who asked for it
        payload = await asyncio.to_thread(
            write, digest, composed.topics, composed.schedule, composed.owners, composed.model_briefs
        )
    row = outbox.new_row(
        outbox.DIGEST,
        f"{state.channel_id}:{digest.until.isoformat()}",
        state.guild_id,
        state.channel_id,
        digest.until,
        payload=dict(payload) | covers,
        priority=1_000_000,
    )
    await outbox.enqueue(connection, row)
    await digests.remember(connection, state.channel_id, digest, payload["stories"], digest.until - FORGET)


async def between(context: Context, topic_name: str, since: datetime, until: datetime, size: int) -> Digest:
    """The digest of one topic over any time, as the command line asks for it."""
    async with context.db.read() as connection:
        topics = await context.topics.load(connection)
        topic = resolve(topics, topic_name)
        candidates = await _candidates(connection, topics.with_descendants(topic.name), since, until)
    asked = Subscription(0, 0, 0, topic.name)
    owners = context.rules.owners
    return await asyncio.to_thread(
        compose, candidates, [asked], topics, {}, since, until, owners=owners, size=size
    )
