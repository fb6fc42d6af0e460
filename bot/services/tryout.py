"""Trying a topic, or a query that is none yet, on what came in: before anybody subscribes, and without posting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.model import Record, Stored, Topic
from bot.domain.posting.backtest import Backtest, Tally
from bot.domain.stories import story as stories
from bot.domain.stories.story import Story
from bot.domain.topics.query import language as query
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Query
from bot.domain.topics.query.matching import MatchingRecord, keyword_marks
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError
from bot.services.context import Context
from bot.services.evaluation import affordable
from bot.services.server_topics import LOOK_BACK, MOST, lately, understood
from bot.services.story_batches import story_batches
from bot.store import server_topics, subscriptions

DAYS = LOOK_BACK.days
EXAMPLES = 10
SAMPLES = 5
MOST_STORIES = 5_000  # that a backtest tells again


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tried: a topic that there is, or a query that was typed in. A server topic has both."""

    topics: Topics
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
class Tested:
    """The newest matches, and how many records were looked at until then. `cut`: there were more, but no budget for them."""

    request: Asked
    matches: tuple[MatchingRecord, ...]
    looked_at: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Backtested:
    """What a subscription would have posted, out of how many records that matched.

    `cut`: it goes back less than it could, as more would have cost too much.
    """

    request: Asked
    backtest: Backtest
    records: int
    cut: bool = False


async def _asked(context: Context, guild_id: int, text: str) -> Asked:
    """What somebody means: a topic where one goes by that, else a query. QueryRefusedError where that is none."""
    if not text.strip():
        raise InvalidInputError("Enter a topic or a query.")
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
    topic = topics.resolve(text)
    if topic is None:
        return Asked(topics, query=understood(text))
    return Asked(topics, topic, understood(topic.query) if topic.guild_id and topic.query else None)


async def newest(context: Context, guild_id: int, text: str) -> Tested:
    """The newest records that match a topic or a query, with the words that made them match."""
    request = await _asked(context, guild_id, text)
    async with context.evaluations.turn(guild_id):
        matching, looked_at, cut = await _newest(context, request, guild_id)
        explained = await context.evaluations.run(_explained, request, matching)
    return Tested(request, explained, looked_at, cut)


def _explained(request: Asked, matching: Iterable[Stored]) -> tuple[MatchingRecord, ...]:
    documents = ((stored, request.known.matcher.document(stored.record)) for stored in matching)
    return tuple(
        MatchingRecord(stored, document, _marks(request, stored.record, document))
        for stored, document in documents
    )


def _marks(request: Asked, record: Record, document: Document) -> Sequence[query.Mark]:
    if request.query is not None:
        return query.explain(request.query, document)
    names = set(request.about)
    words = [w for match in request.known.matcher.of(record) if match.topic in names for w in match.keywords]
    return keyword_marks(words, document)


async def _newest(context: Context, request: Asked, guild_id: int) -> tuple[list[Stored], int, bool]:
    """The newest records that match, how many were looked at, and whether the budget ended before."""
    if request.topic is not None:
        since = context.now() - LOOK_BACK
        async with context.db.read() as connection:
            stored = await server_topics.of_topics(connection, request.about, guild_id, since, EXAMPLES)
        return stored, len(stored), False
    assert request.query is not None
    hits: list[Stored] = []
    looked_at = 0
    most = min(MOST, affordable(request.query.price))
    async with aclosing(lately(context, guild_id, most)) as parts:
        async for part in parts:
            hits += await context.evaluations.run(_matching, request.query, request.known, part)
            looked_at += len(part)
            if len(hits) >= EXAMPLES:
                break
    return hits[:EXAMPLES], looked_at, len(hits) < EXAMPLES and looked_at >= most


def _matching(parsed: Query, topics: Topics, part: Iterable[Stored]) -> list[Stored]:
    return [stored for stored in part if query.matches(parsed, topics.matcher.document(stored.record))]


@dataclass(slots=True)
class _About:
    """Records that match, by story; the newest story first. `oldest`: how far back was looked, where that is not all."""

    stories: dict[int, set[int]]
    records: int = 0
    oldest: datetime | None = None

    def add(self, record_id: int, story: int | None, first_seen: datetime) -> bool:
        """Count one more; False where there are enough stories."""
        self.records += 1
        if story is not None:
            self.stories.setdefault(story, set()).add(record_id)
            if len(self.stories) >= MOST_STORIES:
                self.oldest = first_seen
                return False
        return True


async def _about(context: Context, request: Asked, guild_id: int) -> _About:
    about = _About({})
    if request.topic is not None:
        since = context.now() - LOOK_BACK
        async with (
            context.db.read() as connection,
            aclosing(server_topics.records_about(connection, request.about, guild_id, since, MOST)) as rows,
        ):
            async for part in rows:
                if not all(about.add(row.id, row.story, row.first_seen) for row in part):
                    break
        return about
    assert request.query is not None
    looked_at = 0
    most = min(MOST, affordable(request.query.price))
    async with aclosing(lately(context, guild_id, most)) as parts:
        async for part in parts:
            looked_at += len(part)
            for stored in await context.evaluations.run(_matching, request.query, request.known, part):
                if not about.add(stored.id, stored.story, stored.first_seen):
                    return about
            if looked_at >= most:
                about.oldest = part[-1].first_seen
    return about


async def backtest(context: Context, guild_id: int, channel_id: int, text: str) -> Backtested:
    """What a subscription of a channel would have posted in the last `DAYS` days, or since the first record came in.

    Where that costs too much it goes back less far.
    """
    request = await _asked(context, guild_id, text)
    now = context.now()
    async with context.evaluations.turn(guild_id):
        about = await _about(context, request, guild_id)
        async with context.db.read() as connection:
            first = await server_topics.first(connection, guild_id)
            muted = stories.muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id))
        since = max([now - timedelta(days=DAYS - 1), first or now, *([about.oldest] if about.oldest else [])])
        tally = Tally(since, now, context.rules.max_age, muted, context.rules.owners, samples=SAMPLES)

        def count(batch: Iterable[Story]) -> None:
            tally.add((story, about.stories[story.number]) for story in batch)

        async with aclosing(story_batches(context, list(about.stories), guild_id, count)) as batches:
            async for _ in batches:
                pass
        result = await context.evaluations.run(tally.result)
    return Backtested(request, result, about.records, about.oldest is not None)
