"""A server's stories for readers outside of Discord: the feed of a topic, and pages of stories.

Of a server there is one at a time, from the first statement on: however many its programs ask for, they keep one connection to the
database from others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.briefs.entry import StoryEntry, story_entry
from bot.domain.model import Mute, Topic
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Story, muted_by, story_view
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.services.context import Context
from bot.services.evaluation import Evaluations
from bot.store import stories, story_pages, subscriptions
from bot.store.story_pages import PageRequest, Position

FEED_SIZE = 50
FEED_CANDIDATES = 100  # stories of which some may be muted


@dataclass(frozen=True, slots=True)
class TopicFeed:
    """The newest stories of a topic, newest arrival first, as a server sees them."""

    topic: Topic
    entries: tuple[StoryEntry, ...]


@dataclass(frozen=True, slots=True)
class StoriesRequest:
    """What a program asks for; `topic`: by any of its names, empty: all stories."""

    guild_id: int
    topic: str
    limit: int
    since: datetime | None = None
    until: datetime | None = None
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Stories in order; `next`: where the next page begins, None: this is the last one."""

    entries: tuple[StoryEntry, ...]
    next: Position | None


async def topic_feed(
    context: Context, evaluations: Evaluations, guild_id: int, name: str
) -> TopicFeed | None:
    """The feed of a topic as a server sees it; None where it sees no topic of that name."""
    async with evaluations.turn(guild_id):
        async with context.db.read() as connection:
            topics = await context.topics.load(connection, guild_id)
            topic = topics.resolve(name)
            if topic is None:
                return None
            names = topics.with_descendants(topic.name)
            numbers = await stories.latest(connection, names, FEED_CANDIDATES, guild_id)
            loaded, mutes = await _load(connection, numbers, guild_id)
        entries = await evaluations.run(_entries, loaded, topic, topics, mutes, context.rules.owners)
    return TopicFeed(topic, entries[:FEED_SIZE])


async def stories_page(
    context: Context, evaluations: Evaluations, request: StoriesRequest
) -> EntryPage | None:
    """A page of stories as a server sees them; None where it sees no topic of that name."""
    topic: Topic | None = None
    names: Sequence[str] | None = None
    async with evaluations.turn(request.guild_id):
        async with context.db.read() as connection:
            topics = await context.topics.load(connection, request.guild_id)
            if request.topic:
                topic = topics.resolve(request.topic)
                if topic is None:
                    return None
                names = topics.with_descendants(topic.name)
            asked = PageRequest(
                request.guild_id, names, request.limit, request.since, request.until, request.after
            )
            page = await story_pages.page(connection, asked)
            loaded, mutes = await _load(connection, page.numbers, request.guild_id)
        entries = await evaluations.run(_entries, loaded, topic, topics, mutes, context.rules.owners)
    return EntryPage(entries, page.next)


async def _load(
    connection: AsyncConnection, numbers: Sequence[int], guild_id: int
) -> tuple[list[Story], tuple[Mute, ...]]:
    """Stories in this order, as a server sees them, and what the whole server has muted."""
    loaded = await stories.load(connection, numbers, guild_id)
    mutes = await subscriptions.mutes(connection, guild_id)
    return [loaded[number] for number in numbers], tuple(mute for mute in mutes if mute.channel_id is None)


def _entries(
    loaded: Iterable[Story],
    topic: Topic | None,
    topics: Topics,
    mutes: Sequence[Mute],
    owners: MediaOwners,
) -> tuple[StoryEntry, ...]:
    """What a server sees of these stories, without those that it has muted or that are not about the topic for it."""
    muted = muted_by(mutes)
    entries = []
    for story in loaded:
        view = story_view(story, muted, owners)
        if view is None:
            continue
        if topic is not None and name_key(topic.name) not in topics.with_ancestors(view.topics):
            continue
        entries.append(story_entry(view, owners))
    return tuple(entries)
