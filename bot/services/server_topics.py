"""Topics of a server: a name, and a query that selects the articles."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.model import Stored, Topic, TopicMatch
from bot.domain.text.cleaning import clip, repair
from bot.domain.text.words import name_key, words
from bot.domain.topics.query import language
from bot.domain.topics.query.language import Query, QueryError
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError, NotFoundError, QueryRefusedError
from bot.i18n import comma_list, mark, tr, tr_plural
from bot.services.context import Context
from bot.services.evaluation import AT_ONCE, affordable
from bot.services.topics import resolve
from bot.store import feeds, forwards, quotas, server_topics, stories

log = logging.getLogger(__name__)

MAX_NAME = 80
MAX_ALIASES = 10
NOTHING = "-"  # takes back what was set before

LOOK_BACK = timedelta(days=30)
MOST = 50_000  # records that are looked back at
# A look-back that still runs is mostly younger. To look back twice changes nothing.
UNFINISHED_AFTER = timedelta(minutes=10)
UNFINISHED_AT_ONCE = 100  # topics whose look-back is done again in a step

EXAMPLE = '(offshore OR sea) "wind farm" -golf'


@dataclass(frozen=True, slots=True)
class Draft:
    """The options of a command, as typed. None keeps the setting of an existing topic, `NOTHING` clears it."""

    name: str | None = None
    query: str | None = None
    aliases: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class SavedTopic:
    """A topic that was made or changed.

    `records`: how many of the last `LOOK_BACK` belong to it; None where its query is what it was. `looked_at`: how
    many of the newest were looked at, where not all could be.
    """

    topic: Topic
    records: int | None = None
    looked_at: int | None = None


@dataclass(frozen=True, slots=True)
class TopicDetails:
    """A topic, those below it, how many stories they have, and which channels of the server follow it itself.

    `feeds`: how many of the server's own are about it. `forwards`: to how many addresses the server sends it.
    """

    topic: Topic
    below: tuple[str, ...]
    stories: int
    channels: tuple[int, ...]
    feeds: int
    forwards: int = 0


def parse_query(text: str) -> Query:
    """The parsed query. QueryRefusedError shows the position of a mistake."""
    try:
        return language.parse(text)
    except QueryError as error:
        raise QueryRefusedError(
            tr(
                "The query has a mistake at character {position}: {problem}.",
                position=error.position + 1,
                problem=error.message,
            ),
            error.drawn(),
            EXAMPLE,
        ) from None


def topic_name(text: str) -> str:
    """The cleaned name of a topic. InvalidInputError says what is allowed."""
    name = repair(text, 4 * MAX_NAME)
    if len(name) > MAX_NAME:
        raise InvalidInputError(
            tr(
                "A topic's name can have at most {most} characters; “{name}” has {length}.",
                most=MAX_NAME,
                name=clip(name, 20),
                length=len(name),
            )
        )
    if not words(name):
        raise InvalidInputError(tr("A topic's name needs at least one letter or digit."))
    return name


def drafted(before: Topic, draft: Draft, topics: Topics) -> Topic:
    """The topic that comes of a draft. Raises InvalidInputError and NotFoundError."""
    topic = before
    if draft.name is not None:
        topic = replace(topic, name=topic_name(draft.name))
    if draft.query is not None:
        topic = replace(topic, query=str(parse_query(draft.query)))
    if draft.aliases is not None:
        names = [] if draft.aliases.strip() == NOTHING else draft.aliases.split(",")
        aliases = {name_key(name): name for name in map(topic_name, filter(str.strip, names))}
        aliases.pop(name_key(topic.name), None)
        if len(aliases) > MAX_ALIASES:
            raise InvalidInputError(tr("A topic can have at most {most} other names.", most=MAX_ALIASES))
        topic = replace(topic, aliases=tuple(aliases.values()))
    if draft.parent is not None:
        none = draft.parent.strip() in ("", NOTHING)
        topic = replace(topic, parent="" if none else resolve(topics.visible_to(0), draft.parent).name)
    return topic


def check_names_free(topics: Topics, topic: Topic, before: Topic | None) -> None:
    """InvalidInputError where another topic goes by one of these names."""
    for name in (topic.name, *topic.aliases):
        for other in (topics.visible_to(0).resolve(name), topics.resolve(name)):
            if other is None or other == before:
                continue
            if other.guild_id:
                raise InvalidInputError(
                    tr(
                        "This server already has a topic “{name}”. Change it with `/topic edit`, or choose another name.",
                        name=other.name,
                    )
                )
            message = (
                mark(
                    "“{name}” is already a built-in topic. Subscribe to it with `/subscribe`, or choose another name."
                )
                if name_key(name) == name_key(other.name)
                else mark(
                    "“{name}” is already a name of the built-in topic “{topic}”. Subscribe to it with `/subscribe`, "
                    "or choose another name."
                )
            )
            raise InvalidInputError(tr(message, name=name, topic=other.name))


def _server_topic(topics: Topics, name: str, guild_id: int) -> Topic:
    """A server's own topic. NotFoundError names what there is, or says whose it is."""
    match = topics.resolve(name)
    if match is not None and match.guild_id == guild_id:
        return match
    names = [topic.name for topic in topics if topic.guild_id]
    hint = (
        tr("This server's topics: {topics}.", topics=comma_list(names[:10]))
        if names
        else tr("Create one with `/topic create`.")
    )
    problem = (
        tr("“{name}” is a built-in topic and cannot be changed.", name=match.name)
        if match is not None
        else tr("This server has no topic “{name}”.", name=clip(name, 80))
    )
    raise NotFoundError(f"{problem} {hint}")


async def listing(context: Context, guild_id: int) -> list[Topic]:
    """The topics of a server, by name."""
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
    own = (topic for topic in topics if topic.guild_id == guild_id)
    return sorted(own, key=lambda topic: name_key(topic.name))


async def create(context: Context, guild_id: int, draft: Draft) -> SavedTopic:
    """Make a topic for a server alone: it counts for what comes in from now on, and what came in lately.

    InvalidInputError for what cannot be, for a name that is taken, and at the server's limit.
    """
    async with context.db.intake() as connection:
        topics = await context.topics.load(connection, guild_id)
        topic = drafted(Topic("", guild_id=guild_id), draft, topics)
        check_names_free(topics, topic, None)
        if (await quotas.usage_of(connection, guild_id)).topics >= context.topics_per_server:
            raise InvalidInputError(
                tr_plural(
                    "This server has reached the limit of {count} topic. Delete one with `/topic delete`.",
                    "This server has reached the limit of {count} topics. Delete one with `/topic delete`.",
                    context.topics_per_server,
                )
            )
        await server_topics.add(connection, topic)
        await server_topics.request_look_back(connection, [topic], context.now())
    return await look_back(context, topic)


async def edit(context: Context, guild_id: int, name: str, draft: Draft) -> SavedTopic:
    """Change a topic of a server's own. Its subscriptions stay; what was posted stays. Raises as `create`.

    A topic that is suspended matches again, even where it stays as it is: it is suspended anew if it costs too much.
    """
    async with context.db.intake() as connection:
        topics = await context.topics.load(connection, guild_id)
        before = _server_topic(topics, name, guild_id)
        after = drafted(replace(before, suspended=""), draft, topics)
        if after == before:
            raise InvalidInputError(
                tr(
                    "“{name}” already has these settings. Enter another name, query, aliases or parent.",
                    name=before.name,
                )
            )
        check_names_free(topics, after, before)
        await server_topics.change(connection, before, after)
        matches_anew = after.query != before.query or before.suspended
        if matches_anew:
            await server_topics.request_look_back(connection, [after], context.now())
    return await look_back(context, after) if matches_anew else SavedTopic(after)


async def look_back(context: Context, topic: Topic) -> SavedTopic:
    """Match a topic against recent records, newest first, as far as its price allows.

    Only this topic's query is evaluated, outside of any transaction; what matches is written in short ones. It ends
    where somebody changes the topic meanwhile: that looks back too. If it does not come to its end, because the process
    is killed or the database fails, `finish_look_backs` does it again.
    """
    count = looked_at = 0
    async with context.db.read() as connection:
        topics = await context.topics.load(connection)
        requested = await server_topics.look_back_requested(connection, topic)
    try:
        most = min(MOST, affordable(language.parse(topic.query).price))
    except QueryError:  # the language was wider when it was stored: it matches nothing
        most = 0
    async with (
        context.evaluations.turn(topic.guild_id),
        aclosing(recent_records(context, topic.guild_id, most)) as parts,
    ):
        async for part in parts:
            matches = await context.evaluations.run(_matches, topics, topic, part)
            looked_at += len(part)
            if not matches:
                continue
            async with context.db.intake() as connection:
                current_topics = await context.topics.load(connection, topic.guild_id)
                if current_topics.resolve(topic.name) != topic:
                    break
                count += await server_topics.tag(connection, topic, matches)
                numbers = {stored.story for stored, _ in matches if stored.story is not None}
                await stories.decide_topics(connection, numbers, context.rules.owners)
        else:
            await _end_look_back(context, topic, requested)
    return SavedTopic(topic, count, looked_at if looked_at >= most else None)


async def _end_look_back(context: Context, topic: Topic, requested: datetime | None) -> None:
    if requested is not None:
        async with context.db.write() as connection:
            await server_topics.end_look_back(connection, topic, requested)


async def finish_look_backs(context: Context) -> None:
    """Look back again for topics whose look-back was requested a while ago and has not ended. Raises StoreError."""
    before = context.now() - UNFINISHED_AFTER
    async with context.db.read() as connection:
        unfinished = await server_topics.open_look_backs(connection, before, UNFINISHED_AT_ONCE)
    for topic in unfinished:
        log.info("looking back again for the topic %r of server %s", topic.name, topic.guild_id)
        await look_back(context, topic)


def _matches(topics: Topics, topic: Topic, part: Iterable[Stored]) -> list[tuple[Stored, TopicMatch]]:
    every = ((stored, topics.matcher.match_one(topic, stored.record, stored.guild_id)) for stored in part)
    return [(stored, match) for stored, match in every if match is not None]


async def recent_records(context: Context, guild_id: int, most: int = MOST) -> AsyncGenerator[list[Stored]]:
    """What came in lately and a server sees, newest first, `AT_ONCE` at a time and `most` in all.

    No transaction is open while somebody works on them.
    """
    since, below = context.now() - LOOK_BACK, None
    while most > 0:
        limit = min(AT_ONCE, most)
        async with context.db.read() as connection:
            part = await server_topics.recent(connection, guild_id, since, below, limit)
        if part:
            yield part
        if len(part) < limit:
            break
        below, most = part[-1].id, most - limit


async def show(context: Context, guild_id: int, name: str, *, server_only: bool = False) -> TopicDetails:
    """A topic that a server knows, a shared one or its own (`server_only`: only such a one). NotFoundError has near names."""
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
        topic = _server_topic(topics, name, guild_id) if server_only else resolve(topics, name)
        every = topics.with_descendants(topic.name)
        counts = await stories.recent_counts(connection, {topic.name: every}, context.now(), guild_id)
        channels = await server_topics.channels(connection, topic, guild_id)
        own_feeds = await feeds.all_feeds(connection, guild_id)
        sent_to = [f for f in await forwards.of_server(connection, guild_id) if f.topic == topic.name]
    about = sum(topic.name in feed.topics for feed in own_feeds)
    return TopicDetails(topic, every[1:], counts[topic.name], channels, about, len(sent_to))


async def delete(context: Context, guild_id: int, name: str) -> TopicDetails:
    """Delete a server topic and its subscriptions. Returns its details."""
    details = await show(context, guild_id, name, server_only=True)
    async with context.db.intake() as connection:
        topic = _server_topic(await context.topics.load(connection, guild_id), details.topic.name, guild_id)
        channels = await server_topics.channels(connection, topic, guild_id)
        await server_topics.remove(connection, topic)
    return replace(details, topic=topic, channels=channels)


async def suggest(context: Context, guild_id: int, text: str) -> list[str]:
    """Names of a server's own topics, for autocomplete."""
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
    server_tree = Topics(replace(topic, guild_id=0, query="") for topic in topics if topic.guild_id)
    return [topic.name for topic in server_tree.suggest(text)]
