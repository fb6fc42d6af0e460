"""Topics as users meet them: found by any name, listed with their stories."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Topic
from bot.domain.stories.ranking import LEAST_STORIES, USUAL_DAYS, Spike, spike
from bot.domain.stories.topic_row import TopicRow
from bot.domain.text.cleaning import clip
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.errors import UnknownNameError
from bot.i18n import comma_list, mark, tr
from bot.services.context import Context
from bot.store import feeds, stories, subscriptions, volumes

NEAR = 3  # names that may have been meant


def resolve(topics: Topics, name: str) -> Topic:
    """The topic of that name; UnknownNameError with the nearest names where there is none."""
    match = topics.resolve(name)
    if match is not None:
        return match
    near = tuple(topic.name for topic in topics.suggest(name, NEAR))
    message = (
        mark("There is no topic “{name}”. Did you mean: {near}?")
        if near
        else mark("There is no topic “{name}”. See the list of topics.")
    )
    raise UnknownNameError(tr(message, name=clip(name, 80), near=comma_list(near)), name, near)


async def suggest(context: Context, text: str, guild_id: int = 0, limit: int = 25) -> list[str]:
    """Names for autocomplete, those of the server's own topics among them (0: shared ones alone).

    For an empty field: topics that something is read on, those that most channels follow first, then those
    that most feeds are about.
    """
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
        if text.strip():
            return [topic.name for topic in topics.suggest(text, limit)]
        followers = await subscriptions.followers(connection)
        about = await feeds.about(connection, guild_id)

    return await asyncio.to_thread(_most_followed, topics, followers, about, limit)


def _most_followed(
    topics: Topics, followers: Mapping[tuple[int, str], int], about: Mapping[str, int], limit: int
) -> list[str]:
    def rank(topic: Topic) -> tuple[bool, int, int, str]:
        name = name_key(topic.name)
        read = sum(about.get(name_key(each), 0) for each in topics.with_descendants(topic.name))
        channels = followers.get((topic.guild_id, name), 0)
        return not (read or channels or topic.guild_id), -channels, -read, name

    return [topic.name for topic in sorted(topics, key=rank)[:limit]]


async def subscribed(context: Context, guild_id: int, text: str, limit: int = 25) -> list[str]:
    """Names of the topics that a server subscribed to, for autocomplete."""
    async with context.db.read() as connection:
        server_subscriptions = await subscriptions.subscriptions(connection, guild_id=guild_id)
    names = dict.fromkeys(s.topic for s in server_subscriptions)
    return [name for name in names if name_key(text) in name_key(name)][:limit]


async def spikes(
    connection: AsyncConnection, topics: Topics, names: Iterable[str], now: datetime, guild_id: int
) -> dict[str, Spike]:
    """Those of these topics that are, with all below them, far above their usual volume now."""
    below = {name: [name_key(each) for each in topics.with_descendants(name)] for name in names}

    async def volumes_of(days: int) -> dict[str, list[int]]:
        every = sorted({each for those in below.values() for each in those})
        by_topic = await volumes.by_day(connection, every, now, days, guild_id)
        return await asyncio.to_thread(_volumes, by_topic, below, days)

    today = await volumes_of(1)
    # Months are read of the few alone that have enough of today.
    below = {name: those for name, those in below.items() if today[name][0] >= LEAST_STORIES}
    days = await volumes.watched(connection, now, USUAL_DAYS + 1) if below else 0
    counted = await volumes_of(days) if days else {}
    return {name: detected for name, counts in counted.items() if (detected := spike(counts)) is not None}


def _volumes(
    by_topic: Mapping[str, Sequence[set[int]]], below: Mapping[str, Iterable[str]], days: int
) -> dict[str, list[int]]:
    """Of each topic how many stories a day it has with all below it, today's first."""
    volumes_below = {
        name: [by_topic[each] for each in those if each in by_topic] for name, those in below.items()
    }
    return {
        name: [len(set().union(*(of_topic[ago] for of_topic in volumes))) for ago in range(days)]
        for name, volumes in volumes_below.items()
    }


async def listing(context: Context, search: str, guild_id: int) -> list[TopicRow]:
    """The topics with the number of their stories, children below their parents; `search` narrows it, to no tree."""
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
        below = {topic.name: topics.with_descendants(topic.name) for topic in topics}
        counts = await stories.recent_counts(connection, below, context.now(), guild_id)
        above = await spikes(connection, topics, [topic.name for topic in topics], context.now(), guild_id)
        subscribed = {
            name_key(s.topic) for s in await subscriptions.subscriptions(connection, guild_id=guild_id)
        }
    return await context.evaluations.in_turn(guild_id, _rows, topics, search, counts, above, subscribed)


def _rows(
    topics: Topics,
    search: str,
    counts: Mapping[str, int],
    spikes: Mapping[str, Spike],
    subscribed: Collection[str],
) -> list[TopicRow]:
    searched = bool(search.strip())
    return [
        TopicRow(
            topic,
            counts[topic.name],
            depth=0 if searched else len(topics.ancestors(topic.name)),
            parent=topic.parent if searched else "",
            spike=spikes.get(topic.name),
            is_subscribed=name_key(topic.name) in subscribed,
        )
        for topic in (topics.suggest(search, 200) if searched else _tree(topics))
    ]


def _tree(topics: Topics) -> Iterable[Topic]:
    """Roots by name, each followed by what stands below it."""
    children: dict[str, list[Topic]] = {}
    names = {name_key(topic.name) for topic in topics}
    for topic in sorted(topics, key=lambda t: name_key(t.name)):
        parent = name_key(topic.parent)
        children.setdefault(parent if parent in names else "", []).append(topic)
    queue = list(reversed(children.get("", [])))
    while queue:
        topic = queue.pop()
        yield topic
        queue.extend(reversed(children.pop(name_key(topic.name), [])))
