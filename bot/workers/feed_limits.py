"""How many articles the feeds of a server may bring: in a day, and altogether. Shared feeds have no limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.polling import Polls
from bot.domain.records.intake import Arrival, all_keys, keys_of
from bot.domain.text.cleaning import plural
from bot.sources.model import Item, Rejected
from bot.store import feeds, quotas, records
from bot.workers.batches import SourceBatch, Summary


def of_servers(parts: Sequence[SourceBatch]) -> Counter[int]:
    """How many items come from the feeds of each server."""
    coming: Counter[int] = Counter()
    for part in parts:
        if part.guild_id and part.batch.items and part.state.kind == feeds.KIND:
            coming[part.guild_id] += len(part.batch.items)
    return coming


async def limited(
    connection: AsyncConnection, parts: Sequence[SourceBatch], polls: Polls, today: date
) -> list[SourceBatch]:
    """The batches without the new items for which their servers have no room; these are rejected."""
    coming = of_servers(parts)
    used = await quotas.usage(connection, coming)
    day = {guild_id: polls.per_day - used[guild_id].records_on(today) for guild_id in coming}
    ever = {guild_id: polls.most_stored - used[guild_id].records for guild_id in coming}
    full = {guild_id for guild_id in coming if ever[guild_id] < day[guild_id]}
    room = {guild_id: min(day[guild_id], ever[guild_id]) for guild_id in coming}
    crowded = {guild_id for guild_id in coming if coming[guild_id] > room[guild_id]}
    return [
        await _cut(connection, part, room, full, polls) if part.guild_id in crowded else part
        for part in parts
    ]


async def _cut(
    connection: AsyncConnection,
    part: SourceBatch,
    room: dict[int, int],
    full: Collection[int],
    polls: Polls,
) -> SourceBatch:
    """Reject new records beyond the limits of their server. Stored records take no room.

    Of the servers in `full` it is the database in which there is no room.
    """
    scoped_records = [
        Arrival(item.record, part.state.id, part.guild_id, polled=True).scoped() for item in part.batch.items
    ]
    stored_ids = await records.ids_by_key(connection, all_keys(scoped_records))
    accepted: list[Item] = []
    refused: list[Item] = []
    for item, record in zip(part.batch.items, scoped_records, strict=True):
        new = stored_ids.keys().isdisjoint(keys_of(record))
        (refused if new and room[part.guild_id] <= 0 else accepted).append(item)
        room[part.guild_id] -= new
    if not refused:
        return part
    limit = (
        f"the limit for stored articles (feeds.most_stored: {polls.most_stored})"
        if part.guild_id in full
        else f"today's limit for new articles (feeds.per_day: {polls.per_day})"
    )
    reason = (
        f"{plural(len(refused), 'new article')} rejected because the feeds of server "
        f"{part.guild_id} have reached {limit}"
    )
    rejected = (*part.batch.rejected, Rejected(refused[0].path, refused[0].item, reason))
    batch = replace(part.batch, items=tuple(accepted), rejected=rejected)
    return replace(part, batch=batch, refused=part.refused + len(refused))


def new_by_server(parts: Sequence[SourceBatch], summaries: Sequence[Summary]) -> Mapping[int, int]:
    """How many new records the feeds of each server brought."""
    servers = of_servers(parts)
    new: Counter[int] = Counter()
    for part, summary in zip(parts, summaries, strict=True):
        if part.guild_id in servers:
            new[part.guild_id] += summary.new
    return new
