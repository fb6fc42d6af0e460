"""The digests of channels: set, removed, turned off, looked at, and sent."""

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
from bot.domain.posting.channel_digests import (
    NAME_MOST,
    ChannelDigest,
    PlannedDigest,
    changed,
    digest_to_set,
    named,
    with_same_title,
)
from bot.domain.posting.digest import Digest, compose, half_life_of
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
from bot.store import digests, outbox, rephrasings, servers, stories, subscriptions, topics, votes

FIRST_MOST = timedelta(days=7)  # a first digest that is late covers no more than this, or its period
GAP_MOST = timedelta(days=35)  # nor does any look back further: after half a year of silence that is no news
MOST_CANDIDATES = 5_000  # stories that a digest is chosen from, the hottest
LONGEST_AHEAD = timedelta(
    days=8
)  # that a digest is planned: a weekly one, and a change of daylight saving time
SOON = timedelta(microseconds=1)  # the least difference of two times
LONGEST_ZONE = 100  # characters of a zone's name that are looked at
FORGET = timedelta(days=30)  # a story told longer ago than this is told anew
MOST_IN_CHANNEL = 10  # digests; a menu has room for them, and one more is hardly read
MOST_IN_SERVER = 100  # of all its channels, but for those at the default time, which come with subscriptions


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
    """Have digests without a time of their own come next at the default one, which may have changed.

    Each stays on the day on which it was to come, unless that time is over by then. Returns how many were moved.
    """
    default, now = context.digest_default, context.now()
    zone_of_day = ZoneInfo(default.zone)
    moved = 0
    async with context.db.write() as connection:
        for digest in await digests.stored(connection):
            planned = digest.next_at
            if planned is None or digest.schedule is not None or default.after(planned - SOON) == planned:
                continue
            day = datetime.combine(planned.astimezone(zone_of_day), time(0), tzinfo=zone_of_day)
            await digests.plan_next(connection, digest.id, default.after(max(now, day - SOON)))
            moved += 1
    return moved


async def follow_clock(context: Context, connection: AsyncConnection) -> None:
    """Have digests come at their next time that were made in what is the future now that the clock was set back."""
    now = context.now()
    for digest in await digests.stored(connection):
        at = digest.next_at
        is_ahead = digest.covered_until is not None and digest.covered_until > now
        if at is not None and (is_ahead or at > now + LONGEST_AHEAD):
            plan = digest.schedule or context.digest_default
            await digests.plan_next(connection, digest.id, min(at, plan.after(now)), covered_until=now)


def digest_name(text: str) -> str:
    """The name that somebody typed for a digest, in one line; empty if none was typed. InvalidInputError if it is too long."""
    name = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(name) > NAME_MOST:
        raise InvalidInputError(tr("The name of a digest has at most {most} characters.", most=NAME_MOST))
    return name


@dataclass(frozen=True, slots=True)
class DigestSet:
    """A digest that was set, and when it comes.

    `topics` are those that it serves, `others` the channel's other digests. `is_new`: it was not changed but added;
    `was_default`: before, it came at the default time.
    """

    digest: ChannelDigest
    schedule: Schedule
    next_digest: datetime
    topics: tuple[str, ...]
    others: tuple[ChannelDigest, ...] = ()
    is_new: bool = False
    was_default: bool = False


async def set_schedule(
    context: Context,
    guild_id: int,
    channel_id: int,
    schedule: Schedule,
    *,
    topic: str = "",
    name: str = "",
    digest_id: int = 0,
) -> DigestSet:
    """Set when a digest of a channel comes, and of what it tells: of a topic, or of all that are in the channel's digests.

    The digest is the one with `digest_id`, or the one that `digest_to_set` finds by name, topic and schedule; otherwise a new one is added.
    After a time without any, a digest does not tell of all that time.
    """
    now = context.now()
    next_at = schedule.after(now)
    async with context.db.write() as connection:
        await subscriptions.ensure_channel(connection, channel_id, guild_id)
        await digests.lock(connection, channel_id)
        state = await subscriptions.channel(connection, channel_id)
        present = await digests.stored(connection, channel_ids=[channel_id], guild_id=guild_id)
        loaded = await context.topics.load(connection, guild_id)
        chosen = resolve(loaded, topic).name if topic else None
        requested = ChannelDigest(0, guild_id, channel_id, digest_name(name), chosen, schedule)
        before = _by_id(present, digest_id) if digest_id else digest_to_set(present, requested)
        digest = replace(changed(before, requested), next_at=next_at)
        if state is not None and state.off:  # whoever sets one wants this one, not all that there were
            await digests.remove(connection, [other.id for other in present if other.id != digest.id])
            present = tuple(other for other in present if other.id == digest.id)
        if (other := with_same_title(present, digest)) is not None:
            raise InvalidInputError(
                tr(
                    "<#{channel}> already has a digest called “{title}”. Choose another name.",
                    channel=channel_id,
                    title=other.title,
                )
            )
        if before is None:
            await require_room(connection, guild_id, channel_id, len(present))
        topic_id = None
        if digest.topic:
            topic_id = await topics.id_of(connection, resolve(loaded, digest.topic))
        if before is None:
            digest = await digests.add(connection, digest, topic_id, now)
        else:
            await digests.begin_again(connection, digest.id, now - schedule.period)
            await digests.change(connection, digest, topic_id)
        await digests.set_off(connection, channel_id, off=False)
        subscribed = await subscriptions.subscriptions(connection, channel_ids=[channel_id])
    context.wake()
    return DigestSet(
        digest,
        schedule,
        next_at,
        tuple(s.topic for s in digest.served(subscribed)),
        tuple(other for other in present if other.id != digest.id and other.next_at is not None),
        before is None,
        before is not None and before.is_default,
    )


def _by_id(present: Sequence[ChannelDigest], digest_id: int) -> ChannelDigest:
    digest = next((digest for digest in present if digest.id == digest_id), None)
    if digest is None:
        raise NotFoundError(tr("That digest is not there any more."))
    return digest


async def require_room(connection: AsyncConnection, guild_id: int, channel_id: int, in_channel: int) -> None:
    """Raise InvalidInputError if there may not be one more digest."""
    check_room(channel_id, in_channel, await digests.count(connection, guild_id))


def check_room(channel_id: int, in_channel: int, in_server: int) -> None:
    """Raise InvalidInputError if there may not be one more digest beside so many in its channel, and set in its server."""
    if in_channel >= MOST_IN_CHANNEL:
        raise InvalidInputError(
            tr(
                "<#{channel}> has {most} digests, which is the limit. Remove one with `/digest remove`.",
                channel=channel_id,
                most=MOST_IN_CHANNEL,
            )
        )
    if in_server >= MOST_IN_SERVER:
        raise InvalidInputError(
            tr(
                "This server has {most} digests, which is the limit. Remove one with `/digest remove`.",
                most=MOST_IN_SERVER,
            )
        )


async def plan_default(context: Context, connection: AsyncConnection, guild_id: int, channel_id: int) -> None:
    """Have a channel, whose first topic has just been put in its digests, get one: those it has, or one at the default time."""
    now = context.now()
    await digests.lock(connection, channel_id)
    present = await digests.stored(connection, channel_ids=[channel_id], guild_id=guild_id)
    general = [digest for digest in present if digest.topic is None]
    for digest in general:
        if digest.next_at is None:
            schedule = digest.schedule or context.digest_default
            await digests.begin_again(connection, digest.id, now - schedule.period)
            await digests.plan_next(connection, digest.id, schedule.after(now))
    if not general:
        new = ChannelDigest(0, guild_id, channel_id, next_at=context.digest_default.after(now))
        await digests.add(connection, new, None, now)


async def switch_off(context: Context, channel_id: int) -> None:
    """No more scheduled digests in a channel."""
    async with context.db.write() as connection:
        state = await subscriptions.channel(connection, channel_id)
        if state is None or state.off or not await _planned(connection, channel_id):
            raise NotFoundError(tr("This channel has no digest to turn off."))
        await digests.set_off(connection, channel_id, off=True)


async def _planned(connection: AsyncConnection, channel_id: int) -> list[ChannelDigest]:
    """The digests of a channel that come by themselves."""
    present = await digests.stored(connection, channel_ids=[channel_id])
    return [digest for digest in present if digest.schedule is not None or digest.next_at is not None]


async def remove(
    context: Context, guild_id: int, channel_id: int, *, name: str = "", digest_id: int = 0
) -> ChannelDigest:
    """Remove a digest of a channel by its title or id, or the only one. Subscriptions bring none back when it was the last.

    Returns it. UnknownNameError has the titles to choose from.
    """
    async with context.db.write() as connection:
        present = await _planned(connection, channel_id)
        if not present:
            raise NotFoundError(tr("This channel has no digest to remove."))
        digest = _by_id(present, digest_id) if digest_id else _chosen(present, name)
        await digests.remove(connection, [digest.id])
        if len(present) == 1:
            await digests.set_off(connection, channel_id, off=True)
    return digest


def _chosen(present: Sequence[ChannelDigest], name: str) -> ChannelDigest:
    """The digest with this title, or the only one."""
    if not name and len(present) == 1:
        return present[0]
    if name and (digest := named(present, name)) is not None:
        return digest
    titles = tuple(digest.title for digest in present)
    listed = comma_list(f"“{title}”" for title in titles)
    if name:
        text = tr(
            "This channel has no digest called “{title}”. Choose one: {titles}.",
            title=clip(name, 80),
            titles=listed,
        )
    else:
        text = tr(
            "This channel has several digests. Choose one with the option `name`: {titles}.", titles=listed
        )
    raise UnknownNameError(text, name, titles)


async def planned_digests(
    context: Context, guild_id: int, channel_id: int | None = None
) -> tuple[PlannedDigest, ...]:
    """The digests of a server, or of one of its channels, that come by themselves, those of a channel together."""
    async with context.db.read() as connection:
        scope = None if channel_id is None else [channel_id]
        present = await digests.stored(connection, channel_ids=scope, guild_id=guild_id)
        off = {s.channel_id for s in await subscriptions.channels(connection, guild_id) if s.off}
        subscribed = await subscriptions.subscriptions(connection, guild_id=guild_id, channel_ids=scope)
    by_channel: dict[int, list[Subscription]] = {}
    for subscription in subscribed:
        by_channel.setdefault(subscription.channel_id, []).append(subscription)
    channel_ids = dict.fromkeys((*by_channel, *(digest.channel_id for digest in present)))
    places = {channel: place for place, channel in enumerate(channel_ids)}
    planned = [digest for digest in present if digest.next_at is not None and digest.channel_id not in off]
    return tuple(
        PlannedDigest(
            digest,
            digest.schedule or context.digest_default,
            tuple(s.topic for s in digest.served(by_channel.get(digest.channel_id, ()))),
        )
        for digest in sorted(planned, key=lambda digest: places[digest.channel_id])
    )


async def suggest(context: Context, guild_id: int, channel_id: int, text: str) -> list[str]:
    """Titles of a channel's digests for what somebody has typed so far."""
    listed = await planned_digests(context, guild_id, channel_id)
    titles = (entry.digest.title for entry in listed)
    return [title for title in titles if text.casefold() in title.casefold()]


async def schedule_of(context: Context, guild_id: int, channel_id: int, name: str) -> Schedule | None:
    """The schedule of the channel's digest with this title; None if there is none, or if nobody has set it."""
    async with context.db.read() as connection:
        present = await digests.stored(connection, channel_ids=[channel_id], guild_id=guild_id)
    digest = named(present, name) if name else None
    return digest.schedule if digest else None


@dataclass(frozen=True, slots=True)
class ComposedDigest:
    """One issue of a channel's digest, with the topics that its server knows, its schedule and title, who owns which outlets,
    and what the channel shows of a model's answers.
    """

    digest: Digest
    topics: Topics
    schedule: Schedule
    owners: MediaOwners
    model_briefs: ModelBriefs = NO_MODEL
    title: str = ""


# What the outbox keeps of a digest that has entries: its message. Services do not know how a message looks.
Write = Callable[[Digest, Topics, Schedule, MediaOwners, ModelBriefs, str], Mapping[str, Any]]


async def compose_for_channel(
    connection: AsyncConnection,
    context: Context,
    subscribed: tuple[Subscription, ...],
    channel_digest: ChannelDigest,
    now: datetime,
) -> ComposedDigest:
    """A channel's digest of everything since its last one, until now."""
    guild_id, channel_id = channel_digest.guild_id, channel_digest.channel_id
    known = await context.topics.load(connection, guild_id)
    plan = channel_digest.schedule or context.digest_default
    names = {name for s in subscribed for name in known.with_descendants(s.topic)}
    since = _since(channel_digest, plan, now)
    candidates = await _candidates(connection, sorted(names), since, now, guild_id)
    # In a thread: of thousands of stories it takes seconds.
    made = await asyncio.to_thread(
        compose,
        candidates,
        subscribed,
        known,
        await digests.mentions(connection, channel_digest.id),
        since,
        now,
        muted=muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id)),
        owners=context.rules.owners,
        size=plan.size,
        votes=await _votes(connection, guild_id, now),
    )
    told = [section.topic for section in made.sections]
    above = await spikes(connection, known, told, now, guild_id)
    sections = tuple(replace(section, spike=above.get(section.topic)) for section in made.sections)
    model_briefs = await rephrasings.of_channel(
        connection,
        context.model,
        guild_id,
        channel_id,
        [entry.view.number for entry in made.entries],
    )
    digest = replace(made, sections=sections)
    title = channel_digest.title_on(plan.days)
    return ComposedDigest(digest, known, plan, context.rules.owners, model_briefs, title)


def _since(digest: ChannelDigest, plan: Schedule, now: datetime) -> datetime:
    """From when on a digest covers what came: its last one, or for a first one its period, and more where it is late."""
    if digest.covered_until is not None:
        return max(digest.covered_until, now - GAP_MOST)
    begun = min(digest.created_at or now, now - plan.period)
    return max(begun, now - max(plan.period, FIRST_MOST))


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


async def preview(context: Context, guild_id: int, channel_id: int, name: str = "") -> ComposedDigest:
    """The digest that would be sent now: the one with this title, or the one that comes next."""
    now = context.now()
    async with context.evaluations.turn(guild_id), context.db.read() as connection:
        present = await digests.stored(connection, channel_ids=[channel_id], guild_id=guild_id)
        soonest = min(
            present, key=lambda digest: (digest.next_at is None, digest.next_at or now), default=None
        )
        digest = _chosen(present, name) if name else soonest or ChannelDigest(0, guild_id, channel_id)
        served = await _served(connection, digest)
        return await compose_for_channel(connection, context, served, digest, now)


async def send_now(
    context: Context, guild_id: int, channel_id: int, write: Write, *, name: str = "", digest_id: int = 0
) -> int:
    """Send a digest of a channel now, by its title or id, or the only one; the next one starts from here.

    Returns its number of stories. UnknownNameError has the titles to choose from.
    """
    async with context.db.intake() as connection:
        now = context.now()
        present = await digests.stored(connection, channel_ids=[channel_id], guild_id=guild_id)
        if digest_id:
            digest = _by_id(present, digest_id)
        elif present:
            digest = _chosen(present, name)
        else:
            digest = ChannelDigest(0, guild_id, channel_id)
        served = await _served(connection, digest)
        if not digest.id:
            await subscriptions.ensure_channel(connection, channel_id, guild_id)
            digest = await digests.add(connection, digest, None, now)
        await digests.replace_waiting(connection, digest, now)
        [digest] = await digests.stored(connection, ids=[digest.id], guild_id=guild_id)
        composed = await compose_for_channel(connection, context, served, digest, now)
        if not composed.digest.entries:
            return 0
        if not await digests.turn(connection, digest, digest.next_at, now):
            raise InvalidInputError(tr("This digest is already being sent."))
        await enqueue(connection, composed, digest, write, demanded=True)
    context.wake()
    return len(composed.digest.entries)


async def _served(connection: AsyncConnection, digest: ChannelDigest) -> tuple[Subscription, ...]:
    """What a digest on demand serves: what it would by itself, or all of the channel's subscriptions if that is nothing."""
    subscribed = await subscriptions.subscriptions(connection, channel_ids=[digest.channel_id])
    if not (served := digest.served(subscribed) or subscribed):
        raise NotFoundError(tr("This channel has no subscriptions yet. Start with `/subscribe`."))
    return served


async def enqueue(
    connection: AsyncConnection,
    composed: ComposedDigest,
    channel_digest: ChannelDigest,
    write: Write,
    *,
    demanded: bool = False,
) -> None:
    """Have a digest sent, in the transaction that composed it. `demanded`: somebody asked for it."""
    digest = composed.digest
    covers = {"demanded": demanded, "since": digest.since.isoformat(), "until": digest.until.isoformat()}
    spoken = await servers.language(connection, channel_digest.guild_id)
    with speaking(spoken.code):  # not that of the member who asked for it
        payload = await asyncio.to_thread(
            write,
            digest,
            composed.topics,
            composed.schedule,
            composed.owners,
            composed.model_briefs,
            channel_digest.title_on(composed.schedule.days),
        )
    row = outbox.new_row(
        outbox.DIGEST,
        f"{channel_digest.channel_id}:{channel_digest.id}:{digest.until.isoformat()}",
        channel_digest.guild_id,
        channel_digest.channel_id,
        digest.until,
        payload=dict(payload) | covers,
        priority=1_000_000,
        digest_id=channel_digest.id,
    )
    await outbox.enqueue(connection, row)
    await digests.remember(connection, channel_digest.id, digest, payload["stories"], digest.until - FORGET)


async def between(context: Context, topic_name: str, since: datetime, until: datetime, size: int) -> Digest:
    """The digest of one topic over any time, as the command line asks for it."""
    async with context.db.read() as connection:
        known = await context.topics.load(connection)
        topic = resolve(known, topic_name)
        candidates = await _candidates(connection, known.with_descendants(topic.name), since, until)
    asked = Subscription(0, 0, 0, topic.name)
    owners = context.rules.owners
    return await asyncio.to_thread(
        compose, candidates, [asked], known, {}, since, until, owners=owners, size=size
    )
