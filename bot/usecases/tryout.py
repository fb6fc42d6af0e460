"""Trying a topic, or a query that is none yet, on what came in: before anybody subscribes, and without posting."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from bot.domain import backtest as domain
from bot.domain import marks, query, stories
from bot.domain.backtest import Backtest
from bot.domain.document import Document
from bot.domain.model import Record, Stored, Topic
from bot.domain.query import Query
from bot.domain.topics import Topics
from bot.errors import InvalidInputError
from bot.store import server_topics, subscriptions, topics
from bot.store import stories as stored_stories
from bot.usecases.context import Context
from bot.usecases.server_topics import LOOK_BACK, MOST, lately, understood

DAYS = LOOK_BACK.days
EXAMPLES = 10
SAMPLES = 5
STORIES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tried: a topic that there is, or a query that was typed in. A server topic has both."""

    known: Topics
    topic: Topic | None = None
    query: Query | None = None

    @property
    def text(self) -> str:
        """How it is called: a topic's name, or the query as it is written canonically."""
        return self.topic.name if self.topic else str(self.query)

    @property
    def about(self) -> tuple[str, ...]:
        """The names of the topic and of those below it."""
        return self.known.with_descendants(self.topic.name) if self.topic else ()


@dataclass(frozen=True, slots=True)
class Match:
    """A record that matches: its linked title and what stands around the words of its text, these in bold."""

    stored: Stored
    title: str
    snippet: str


@dataclass(frozen=True, slots=True)
class Tested:
    """The newest matches, and how many records were looked at until then."""

    asked: Asked
    matches: tuple[Match, ...]
    looked_at: int


@dataclass(frozen=True, slots=True)
class Backtested:
    """What a subscription would have posted, out of how many records that matched."""

    asked: Asked
    backtest: Backtest
    records: int


async def _asked(context: Context, guild_id: int, text: str) -> Asked:
    """What somebody means: a topic where one goes by that, else a query. QueryRefusedError where that is none."""
    if not text.strip():
        raise InvalidInputError("Enter a topic or a query.")
    async with context.db.read() as connection:
        known = await topics.load(connection, guild_id)
    topic = known.resolve(text)
    if topic is None:
        return Asked(known, query=understood(text))
    return Asked(known, topic, understood(topic.query) if topic.guild_id and topic.query else None)


async def newest(context: Context, guild_id: int, text: str, limit: int) -> Tested:
    """The newest records that match, the words that made them in bold; each title with its link within `limit`."""
    asked = await _asked(context, guild_id, text)
    matching, looked_at = await _matching(context, asked, guild_id, EXAMPLES)
    found = []
    for stored in matching:
        document = asked.known.document(stored.record)
        words = _marks(asked, stored.record, document)
        title = marks.linked(stored.record.title, stored.record.url, words, limit)
        found.append(Match(stored, title, marks.snippet(document, words)))
    return Tested(asked, tuple(found), looked_at)


def _marks(asked: Asked, record: Record, document: Document) -> Sequence[query.Mark]:
    if asked.query is not None:
        return query.explain(asked.query, document)
    names = set(asked.about)
    words = [w for match in asked.known.of(record) if match.topic in names for w in match.keywords]
    return marks.of_keywords(words, document)


async def _matching(context: Context, asked: Asked, guild_id: int, most: int) -> tuple[list[Stored], int]:
    """The newest records that match, `most` of them, and how many were looked at."""
    if asked.topic is not None:
        since = context.now() - LOOK_BACK
        async with context.db.read() as connection:
            found = await server_topics.of_topics(connection, asked.about, guild_id, since, most)
        return found, len(found)
    assert asked.query is not None
    hits: list[Stored] = []
    looked_at = 0
    async with aclosing(lately(context, guild_id, context.db.read)) as parts:
        async for _, part in parts:
            hits += [s for s in part if query.matches(asked.query, asked.known.document(s.record))]
            looked_at += len(part)
            if len(hits) >= most:
                break
    return hits[:most], looked_at


async def backtest(context: Context, guild_id: int, channel_id: int, text: str) -> Backtested:
    """What a subscription of a channel would have posted in the last `DAYS` days, or since the first record came in."""
    asked = await _asked(context, guild_id, text)
    now = context.now()
    matching, _ = await _matching(context, asked, guild_id, MOST)
    about: dict[int, set[int]] = {}
    for stored in matching:
        if stored.story is not None:
            about.setdefault(stored.story, set()).add(stored.id)
    start = now - timedelta(days=DAYS - 1)
    async with context.db.read() as connection:
        first = await server_topics.first(connection, guild_id)
        muted = stories.muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id))
    found = []
    numbers = list(about)
    for position in range(0, len(numbers), STORIES_AT_ONCE):
        part = numbers[position : position + STORIES_AT_ONCE]
        async with context.db.read() as connection:
            loaded = await stored_stories.load(connection, part, guild_id)
        found += [(story, about[number]) for number, story in loaded.items()]
    since = max(start, first) if first else now
    made = domain.backtest(
        found, since, now, context.rules.max_age, muted, context.rules.owners, samples=SAMPLES
    )
    return Backtested(asked, made, len(matching))
