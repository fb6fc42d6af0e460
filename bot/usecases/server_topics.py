"""The topics that a server makes for itself: a name, and a query that says what belongs to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import query as language
from bot.domain.model import Stored, Topic
from bot.domain.query import Query, QueryError
from bot.domain.text import clip, repair
from bot.domain.topics import Topics
from bot.domain.words import name_key, words
from bot.errors import InvalidInputError, NotFoundError, QueryRefusedError
from bot.store import feeds, server_topics, stories, topics
from bot.usecases.context import Context
from bot.usecases.topics import resolve

MAX_NAME = 80
MAX_ALIASES = 10
NOTHING = "-"  # takes back what was set before

LOOK_BACK = timedelta(days=30)
AT_ONCE = 500  # records in one transaction, so that an intake never waits long
MOST = 50_000  # records that are looked back at

EXAMPLE = '(offshore OR sea) "wind farm" -golf'


@dataclass(frozen=True, slots=True)
class Draft:
    """What a user asks for, as it was typed. None leaves what an earlier topic has, `NOTHING` takes it back."""

    name: str | None = None
    query: str | None = None
    aliases: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A topic that was made or changed.

    `records`: how many of the last `LOOK_BACK` belong to it; None where its query is what it was.
    """

    topic: Topic
    records: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A topic, those below it, how many stories they have, and which channels of the server follow it itself.

    `feeds`: how many of the server's own are about it.
    """

    topic: Topic
    below: tuple[str, ...]
    stories: int
    channels: tuple[int, ...]
    feeds: int


def understood(text: str) -> Query:
    """The query that somebody typed. QueryRefusedError draws where it is wrong."""
    try:
        return language.parse(text)
    except QueryError as error:
        raise QueryRefusedError(
            f"The query has a mistake at character {error.position + 1}: {error.message}.",
            error.drawn(),
            EXAMPLE,
        ) from None


def _name(text: str) -> str:
    """A name that can be one. InvalidInputError says what is allowed."""
    name = repair(text, 4 * MAX_NAME)
    if len(name) > MAX_NAME:
        raise InvalidInputError(
            f"A topic's name can have at most {MAX_NAME} characters; “{clip(name, 20)}” has {len(name)}."
        )
    if not words(name):
        raise InvalidInputError("A topic's name needs at least one letter or digit.")
    return name


def _drafted(before: Topic, draft: Draft, known: Topics) -> Topic:
    """The topic that comes of a draft. Raises InvalidInputError and NotFoundError."""
    made = before
    if draft.name is not None:
        made = replace(made, name=_name(draft.name))
    if draft.query is not None:
        made = replace(made, query=str(understood(draft.query)))
    if draft.aliases is not None:
        typed = [] if draft.aliases.strip() == NOTHING else draft.aliases.split(",")
        aliases = {name_key(name): name for name in map(_name, filter(str.strip, typed))}
        aliases.pop(name_key(made.name), None)
        if len(aliases) > MAX_ALIASES:
            raise InvalidInputError(f"A topic can have at most {MAX_ALIASES} other names.")
        made = replace(made, aliases=tuple(aliases.values()))
    if draft.parent is not None:
        none = draft.parent.strip() in ("", NOTHING)
        made = replace(made, parent="" if none else resolve(known.seen_by(0), draft.parent).name)
    return made


def _free(known: Topics, wanted: Topic, before: Topic | None) -> None:
    """InvalidInputError where another topic goes by one of these names."""
    for name in (wanted.name, *wanted.aliases):
        for other in (known.seen_by(0).resolve(name), known.resolve(name)):
            if other is None or other == before:
                continue
            if other.guild_id:
                raise InvalidInputError(
                    f"This server already has a topic “{other.name}”. Change it with /topic edit, or choose another name."
                )
            same = name_key(name) == name_key(other.name)
            what = "a built-in topic" if same else f"a name of the built-in topic “{other.name}”"
            raise InvalidInputError(
                f"“{name}” is already {what}. Subscribe to it with /subscribe, or choose another name."
            )


def _own(known: Topics, name: str, guild_id: int) -> Topic:
    """A server's own topic. NotFoundError names what there is, or says whose it is."""
    found = known.resolve(name)
    if found is not None and found.guild_id == guild_id:
        return found
    own = [topic.name for topic in known if topic.guild_id]
    hint = f"This server's topics: {', '.join(own[:10])}." if own else "Create one with /topic create."
    if found is not None:
        raise NotFoundError(f"“{found.name}” is a built-in topic and cannot be changed. {hint}")
    raise NotFoundError(f"This server has no topic “{clip(name, 80)}”. {hint}")


async def create(context: Context, guild_id: int, draft: Draft) -> Made:
    """Make a topic for a server alone: it counts for what comes in from now on, and what came in lately.

    InvalidInputError for what cannot be, for a name that is taken, and at the server's limit.
    """
    async with context.db.intake() as connection:
        known = await topics.load(connection, guild_id)
        wanted = _drafted(Topic("", guild_id=guild_id), draft, known)
        _free(known, wanted, None)
        if await server_topics.count(connection, guild_id) >= context.topics_per_server:
            raise InvalidInputError(
                f"This server has reached the limit of {context.topics_per_server} topics. "
                "Delete one with /topic delete."
            )
        await server_topics.add(connection, wanted)
    return Made(wanted, await _look_back(context, wanted))


async def edit(context: Context, guild_id: int, name: str, draft: Draft) -> Made:
    """Change a topic of a server's own. Its subscriptions stay; what was posted stays. Raises as `create`."""
    async with context.db.intake() as connection:
        known = await topics.load(connection, guild_id)
        before = _own(known, name, guild_id)
        wanted = _drafted(before, draft, known)
        if wanted == before:
            raise InvalidInputError(
                f"“{before.name}” already has these settings. Enter another name, query, aliases or parent."
            )
        _free(known, wanted, before)
        await server_topics.change(connection, before, wanted)
    return Made(wanted, await _look_back(context, wanted) if wanted.query != before.query else None)


async def _look_back(context: Context, topic: Topic) -> int:
    """Have a topic hold for what came in lately, newest first; returns for how many records it does.

    It ends where somebody changes the topic meanwhile: that looks back too.
    """
    found = 0
    async with aclosing(lately(context, topic.guild_id, context.db.intake)) as parts:
        async for connection, part in parts:
            known = await topics.load(connection, topic.guild_id)
            if known.resolve(topic.name) != topic:
                break
            matches = {
                stored.id: match
                for stored in part
                for match in known.of(stored.record, stored.guild_id)
                if (match.topic, match.guild_id) == (topic.name, topic.guild_id)
            }
            await server_topics.tag(connection, topic, (stored.id for stored in part), matches)
            found += len(matches)
    return found


async def lately(
    context: Context, guild_id: int, begin: Callable[[], AbstractAsyncContextManager[AsyncConnection]]
) -> AsyncGenerator[tuple[AsyncConnection, list[Stored]]]:
    """What came in lately and a server sees, newest first: `AT_ONCE` in a transaction of their own, `MOST` in all."""
    since, below = context.now() - LOOK_BACK, None
    for _ in range(MOST // AT_ONCE):
        async with begin() as connection:
            part = await server_topics.recent(connection, guild_id, since, below, AT_ONCE)
            yield connection, part
        if len(part) < AT_ONCE:
            break
        below = part[-1].id


async def show(context: Context, guild_id: int, name: str, *, own: bool = False) -> Shown:
    """A topic that a server knows, everybody's or its own (`own`: only such a one). NotFoundError has near names."""
    async with context.db.read() as connection:
        known = await topics.load(connection, guild_id)
        topic = _own(known, name, guild_id) if own else resolve(known, name)
        every = known.with_descendants(topic.name)
        counts = await stories.counts(connection, {topic.name: every}, guild_id)
        channels = await server_topics.channels(connection, topic, guild_id)
        own_feeds = await feeds.all_feeds(connection, guild_id)
    about = sum(topic.name in feed.topics for feed in own_feeds)
    return Shown(topic, every[1:], counts[topic.name], channels, about)


async def delete(context: Context, guild_id: int, name: str) -> Shown:
    """Forget a topic of a server's own, and end its subscriptions. Returns what it was, and who followed it."""
    gone = await show(context, guild_id, name, own=True)
    async with context.db.intake() as connection:
        topic = _own(await topics.load(connection, guild_id), gone.topic.name, guild_id)
        channels = await server_topics.channels(connection, topic, guild_id)
        await server_topics.remove(connection, topic)
    return replace(gone, topic=topic, channels=channels)


async def suggest(context: Context, guild_id: int, text: str) -> list[str]:
    """Names of a server's own topics, for autocomplete."""
    async with context.db.read() as connection:
        known = await topics.load(connection, guild_id)
    own = Topics(replace(topic, guild_id=0, query="") for topic in known if topic.guild_id)
    return [topic.name for topic in own.suggest(text)]
