"""Trying a topic or a query on stored records, before anybody subscribes and without posting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.model import Record, Stored, Topic
from bot.domain.posting.backtest import Backtest, Tally
from bot.domain.stories.story import Story, muted_by
from bot.domain.topics.query.document import Document
from bot.domain.topics.query.language import Mark, Query, explain, matches
from bot.domain.topics.query.matching import MatchingRecord, keyword_marks
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError
from bot.i18n import tr
from bot.services.context import Context
from bot.services.evaluation import affordable
from bot.services.server_topics import LOOK_BACK, MOST, parse_query, recent_records
from bot.services.story_batches import story_batches
from bot.store import server_topics, subscriptions

DAYS = LOOK_BACK.days
EXAMPLES = 10
SAMPLES = 5
MOST_STORIES = 5_000  # that a backtest tells again


@dataclass(frozen=True, slots=True)
class TryoutRequest:
    """What is tried: an existing topic, or a query. A server topic has both."""

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
        return self.topics.with_descendants(self.topic.name) if self.topic else ()


@dataclass(frozen=True, slots=True)
class MatchingRecords:
    """The newest matches, and how many records were looked at until then. `cut`: there were more, but no budget for them."""

    request: TryoutRequest
    matches: tuple[MatchingRecord, ...]
    looked_at: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class TopicBacktest:
    """What a subscription would have posted, out of how many records that matched.

    `cut`: it goes back less than it could, as more would have cost too much.
    """

    request: TryoutRequest
    backtest: Backtest
    records: int
    cut: bool = False


async def _request(context: Context, guild_id: int, text: str) -> TryoutRequest:
    """The topic with that name, otherwise the query. QueryRefusedError if the text is neither."""
    if not text.strip():
        raise InvalidInputError(tr("Enter a topic or a query."))
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
    topic = topics.resolve(text)
    if topic is None:
        return TryoutRequest(topics, query=parse_query(text))
    return TryoutRequest(topics, topic, parse_query(topic.query) if topic.guild_id and topic.query else None)


async def newest(context: Context, guild_id: int, text: str) -> MatchingRecords:
    """The newest records that match a topic or a query, with the words that made them match."""
    request = await _request(context, guild_id, text)
    async with context.evaluations.turn(guild_id):
        matching, looked_at, cut = await _newest(context, request, guild_id)
        explained = await context.evaluations.run(_explained, request, matching)
    return MatchingRecords(request, explained, looked_at, cut)


def _explained(request: TryoutRequest, matching: Iterable[Stored]) -> tuple[MatchingRecord, ...]:
    documents = ((stored, request.topics.matcher.document(stored.record)) for stored in matching)
    return tuple(
        MatchingRecord(stored, document, _marks(request, stored.record, document))
        for stored, document in documents
    )


def _marks(request: TryoutRequest, record: Record, document: Document) -> Sequence[Mark]:
    if request.query is not None:
        return explain(request.query, document)
    names = set(request.about)
    words = [w for match in request.topics.matcher.of(record) if match.topic in names for w in match.keywords]
    return keyword_marks(words, document)


async def _newest(context: Context, request: TryoutRequest, guild_id: int) -> tuple[list[Stored], int, bool]:
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
    async with aclosing(recent_records(context, guild_id, most)) as parts:
        async for part in parts:
            hits += await context.evaluations.run(_matching, request.query, request.topics, part)
            looked_at += len(part)
            if len(hits) >= EXAMPLES:
                break
    return hits[:EXAMPLES], looked_at, len(hits) < EXAMPLES and looked_at >= most


def _matching(parsed: Query, topics: Topics, part: Iterable[Stored]) -> list[Stored]:
    return [stored for stored in part if matches(parsed, topics.matcher.document(stored.record))]


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


async def _about(context: Context, request: TryoutRequest, guild_id: int) -> _About:
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
    async with aclosing(recent_records(context, guild_id, most)) as parts:
        async for part in parts:
            looked_at += len(part)
            for stored in await context.evaluations.run(_matching, request.query, request.topics, part):
                if not about.add(stored.id, stored.story, stored.first_seen):
                    return about
            if looked_at >= most:
                about.oldest = part[-1].first_seen
    return about


async def backtest(context: Context, guild_id: int, channel_id: int, text: str) -> TopicBacktest:
    """What a subscription of a channel would have posted in the last `DAYS` days, or since the first record came in.

    Where that costs too much it goes back less far.
    """
    request = await _request(context, guild_id, text)
    now = context.now()
    async with context.evaluations.turn(guild_id):
        about = await _about(context, request, guild_id)
        async with context.db.read() as connection:
            first = await server_topics.first(connection, guild_id)
            muted = muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id))
        since = max([now - timedelta(days=DAYS - 1), first or now, *([about.oldest] if about.oldest else [])])
        tally = Tally(since, now, context.rules.max_age, muted, context.rules.owners, samples=SAMPLES)

        def count(batch: Iterable[Story]) -> None:
            tally.add((story, about.stories[story.number]) for story in batch)

        async with aclosing(story_batches(context, list(about.stories), guild_id, count)) as batches:
            async for _ in batches:
                pass
        result = await context.evaluations.run(tally.result)
    return TopicBacktest(request, result, about.records, about.oldest is not None)
