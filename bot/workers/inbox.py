"""The way from pollers to the intake when they are different processes: a table in the database.

A poller puts what its polls brought into the inbox, its texts analysed, in the transaction that moves the feeds on: from
then on nothing is lost, and the feeds need not be asked again. The intake takes the oldest rows in, and removes them
in the transaction that stores what follows from them. So whichever process dies at whichever moment, each poll is
taken in once.

What is stored already word for word is left out by the poller, which can see that by itself. Whether an article is new,
and what becomes of it, is decided by the intake alone, one poll after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Record
from bot.domain.records.analysis import analyse_all, texts_of
from bot.domain.records.intake import all_keys, content_hash, keys_of
from bot.domain.text.addresses import host_of
from bot.services.context import Context
from bot.sources.model import Item, ItemBatch
from bot.store import feeds, inbox, records, sources
from bot.store.inbox import TakenElsewhereError, WaitingRow
from bot.store.sources import SourceState, SourceStep
from bot.workers.batches import Also, SourceBatch, Summary, nothing_else
from bot.workers.inbox_format import UnreadableBatchError, WaitingBatch, decode, encode
from bot.workers.ingest import Ingest, arrivals_of, report

log = logging.getLogger(__name__)

MOST_WAITING = 20_000  # items from which pollers rest
ITEMS_AT_ONCE = 2000  # that are taken in by one transaction


@dataclass(frozen=True, slots=True)
class _StoredContent:
    """What is stored of the records that polls name: their ids by key, and the hashes of their contents by id."""

    ids: Mapping[str, int]
    hashes: Mapping[int, str]
    waiting: frozenset[
        int
    ]  # sources of which something is in the inbox: what is stored of them is out of date


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch for the inbox. `news`: its items that are not stored word for word."""

    part: SourceBatch
    summary: Summary
    news: tuple[Item, ...]
    payload: bytes

    @property
    def is_settled(self) -> bool:
        """Whether the intake has nothing to do with it."""
        return not self.payload


class Inbox:
    """Where a poller stores what it polled, if the intake is another process."""

    def __init__(self, context: Context, most_waiting: int = MOST_WAITING) -> None:
        self._context = context
        self._most_waiting = most_waiting

    async def has_room(self, connection: AsyncConnection) -> bool:
        """Whether the intake keeps up."""
        return not await inbox.is_full(connection, self._most_waiting)

    async def store(self, parts: Sequence[SourceBatch], also: Also = nothing_else) -> Sequence[Summary]:
        """Put batches into the inbox, with their sources' progress and what `also` writes then.

        Returns no summaries: nothing is taken in here. Those that `also` gets count as new what is not stored yet.
        """
        arrivals = await asyncio.to_thread(_with_languages, parts)
        stored = await self._stored(arrivals)
        prepared = await asyncio.to_thread(self._prepared, arrivals, stored)
        async with self._context.db.write() as connection:
            await also(
                connection, [each.summary for each in prepared]
            )  # first: it locks the rows of all feeds
            now = self._context.now()
            await sources.advance(connection, [_step(each, now) for each in prepared])
            rows = [(p.part.state.id, len(p.news), p.payload) for p in prepared if not p.is_settled]
            await inbox.put(connection, rows)
        if rows:
            self._context.wake()
        return []

    async def _stored(self, parts: Sequence[SourceBatch]) -> _StoredContent:
        scoped = [arrival.scoped() for part in parts for arrival in arrivals_of(part)]
        async with self._context.db.read() as connection:
            ids = await records.ids_by_key(connection, all_keys(scoped))
            hashes = await records.content_hashes_of(connection, set(ids.values()))
            waiting = await inbox.waiting_of(connection, {part.state.id for part in parts})
        return _StoredContent(ids, hashes, frozenset(waiting))

    def _prepared(self, parts: Sequence[SourceBatch], stored: _StoredContent) -> list[_Prepared]:
        return [self._prepare(part, stored) for part in parts]

    def _prepare(self, part: SourceBatch, stored: _StoredContent) -> _Prepared:
        scoped = [arrival.scoped() for arrival in arrivals_of(part)]
        summary = Summary.of(part.batch)
        summary.new = sum(stored.ids.keys().isdisjoint(keys_of(record)) for record in scoped)
        news = part.batch.items
        if part.state.id not in stored.waiting:
            pairs = zip(part.batch.items, scoped, strict=True)
            news = tuple(item for item, record in pairs if not _is_unchanged(record, stored))
        if (
            not news
            and not part.batch.rejected
            and part.state.intake_done
            and part.state.id not in stored.waiting
        ):
            return _Prepared(part, summary, news, b"")
        analyses = analyse_all((item.record for item in news), semantic=self._context.semantic)
        unchanged = part.batch.unchanged + len(part.batch.items) - len(news)
        waiting = WaitingBatch(news, part.batch.rejected, unchanged, tuple(analyses.values()))
        return _Prepared(part, summary, news, encode(waiting))


def _with_languages(parts: Iterable[SourceBatch]) -> list[SourceBatch]:
    """The batches, the language of each item set where it can be told."""
    return [
        replace(part, batch=replace(part.batch, items=_spoken(part)), analyses=part.analyses or {})
        for part in parts
    ]


def _spoken(part: SourceBatch) -> tuple[Item, ...]:
    pairs = zip(part.batch.items, arrivals_of(part), strict=True)
    return tuple(replace(item, record=arrival.record) for item, arrival in pairs)


def _is_unchanged(record: Record, stored: _StoredContent) -> bool:
    """Whether all that a record says is stored already, under all its keys: `identify` would do nothing with it."""
    ids = {stored.ids.get(key) for key in keys_of(record)}
    known = len(ids) == 1 and stored.hashes.get(ids.pop() or 0) == content_hash(record)
    return known and all_keys([record]) <= stored.ids.keys()


def _step(prepared: _Prepared, now: datetime) -> SourceStep:
    """How far a poll moves its source on, before the intake has seen it."""
    part = prepared.part
    if prepared.is_settled:
        return SourceStep(
            part.state.id, part.batch.progress, 0, now if part.batch.last else None, part.refused
        )
    return SourceStep(part.state.id, part.batch.progress, taken=0, finished=None, rejected=0)


class InboxReader:
    """Takes in what waits in the inbox. Of several at a time, each row is taken in by one."""

    def __init__(self, context: Context, ingest: Ingest, at_once: int = ITEMS_AT_ONCE) -> None:
        self._context = context
        self._ingest = ingest
        self._at_once = at_once

    async def step(self) -> datetime | None:
        """Take in the oldest polls, in one transaction. Returns when to go on: now, or None if nothing waits."""
        async with self._context.db.read() as connection:
            rows = await inbox.oldest(connection, self._at_once)
            states = await feeds.states(connection, list({row.source_id for row in rows}))
        if not rows:
            return None
        parts, unreadable = await asyncio.to_thread(_parts, rows, states)

        async def remove(connection: AsyncConnection, _summaries: Sequence[Summary]) -> None:
            await inbox.remove(connection, [row.id for row in rows])
            await sources.forget_progress(connection, [row.source_id for row in unreadable])

        try:
            summaries = await self._ingest.store([part for _, part in parts], remove)
        except TakenElsewhereError:
            return self._context.now()
        for (row, _), summary in zip(parts, summaries, strict=True):
            report(f"feed {host_of(row.url)}", summary)
        return self._context.now()

    async def drain(self) -> None:
        """Take in all that waits."""
        while await self.step() is not None:
            pass


def _parts(
    rows: Iterable[WaitingRow], states: Mapping[int, SourceState]
) -> tuple[list[tuple[WaitingRow, SourceBatch]], list[WaitingRow]]:
    """What is in the rows, and those that cannot be read: their feeds have to be fetched anew."""
    parts: list[tuple[WaitingRow, SourceBatch]] = []
    unreadable: list[WaitingRow] = []
    seen: set[int] = set()
    for row in rows:
        try:
            waiting = decode(row.payload)
        except UnreadableBatchError as error:
            log.error("feed %s: what waits in the inbox cannot be read: %s", host_of(row.url), error)
            unreadable.append(row)
            continue
        state = states[row.source_id]
        if row.source_id in seen:  # what came first was its first intake
            state = replace(state, intake_done=True)
        seen.add(row.source_id)
        batch = ItemBatch(waiting.items, waiting.rejected, waiting.unchanged, last=True)
        texts = texts_of(item.record for item in waiting.items)
        analyses = dict(zip(texts, waiting.analyses, strict=True))
        parts.append((row, SourceBatch(state, batch, len(waiting.rejected), row.guild_id, analyses=analyses)))
    return parts, unreadable
