"""Search of all stored records with the query language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from bot.domain.model import Stored
from bot.domain.stories.hit import Hit, LeftOut
from bot.domain.stories.order import Order
from bot.domain.stories.story import Muted, Story, muted_by, story_view
from bot.domain.topics.query import language
from bot.domain.topics.query.language import Query
from bot.domain.topics.query.matching import MatchingRecord
from bot.domain.topics.topics import Topics
from bot.services.context import Context
from bot.services.evaluation import AT_ONCE
from bot.services.server_topics import parse_query
from bot.store import records, search, stories, subscriptions

MOST = 50  # stories of an answer
CANDIDATES = 2_000  # records that are looked at


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The matching stories in the requested order, and what was left out, if anything."""

    query: Query
    hits: tuple[Hit, ...]
    left_out: LeftOut | None = None


async def find(
    context: Context,
    text: str,
    guild_id: int | None = None,
    channel_id: int = 0,
    order: Order = Order.NEWEST,
    limit: int = MOST,
) -> SearchResult:
    """The stories with a record that a topic of this query would match, as the server and the channel that ask see them.

    None: whoever runs the bot. A record that is muted there is not found. QueryRefusedError draws where a query is wrong.
    """
    query = parse_query(text)
    async with context.evaluations.turn(guild_id or 0):
        return await _find(context, query, guild_id, channel_id, order, limit)


async def _find(
    context: Context, query: Query, guild_id: int | None, channel_id: int, order: Order, limit: int
) -> SearchResult:
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id or 0)
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id or 0, channel_id))
        ids = await search.candidates(connection, query, guild_id, order, CANDIDATES)
    matching: dict[int, list[Stored]] = {}
    looked_at = 0
    while looked_at < len(ids) and len(matching) <= limit:
        part = ids[looked_at : looked_at + AT_ONCE]
        looked_at += len(part)
        async with context.db.read() as connection:
            stored_part = await records.by_id(connection, part)
        in_order = [stored_part[record_id] for record_id in part if record_id in stored_part]
        for stored in await context.evaluations.run(_matching, query, topics, muted, in_order):
            matching.setdefault(cast(int, stored.story), []).append(stored)
    numbers = list(matching)[:limit]
    async with context.db.read() as connection:
        loaded = await stories.load(connection, numbers, guild_id)
    hits = await context.evaluations.run(_hits, context, query, topics, muted, matching, loaded)
    left_out = None
    if len(matching) > limit:
        left_out = LeftOut(stories=limit)
    elif len(ids) == CANDIDATES:
        left_out = LeftOut(checked=CANDIDATES)
    return SearchResult(query, tuple(hits), left_out)


def _matching(query: Query, topics: Topics, muted: Muted, part: Iterable[Stored]) -> list[Stored]:
    return [
        stored
        for stored in part
        if stored.story is not None
        and not muted(stored.record)
        and language.matches(query, topics.matcher.document(stored.record))
    ]


def _hits(
    context: Context,
    query: Query,
    topics: Topics,
    muted: Muted,
    matching: Mapping[int, Sequence[Stored]],
    loaded: Mapping[int, Story],
) -> list[Hit]:
    hits = []
    for number, story in loaded.items():
        view = story_view(story, muted, context.rules.owners)
        if view is None:
            continue
        shown = next(
            (record for record in matching[number] if record.id == view.lead.id), matching[number][0]
        )
        document = topics.matcher.document(shown.record)
        match = MatchingRecord(shown, document, language.explain(query, document))
        hits.append(Hit(view, match))
    return hits
