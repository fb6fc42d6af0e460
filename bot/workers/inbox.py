"""The way from pollers to the intake when they are different processes: a table in the database.

A poller puts what its polls brought into the inbox, its texts analysed, in the transaction that moves the feeds on: from
then on nothing is lost, and the feeds need not be asked again. The intake takes the oldest rows in, and removes them
in the transaction that stores what follows from them. So whichever process dies at whichever moment, each poll is
taken in once.

What is stored already word for word, or was deleted because of its age, is left out by the poller, which can see that
by itself. Whether an article is new, and what becomes of it, is decided by the intake alone, one poll after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Record
from bot.domain.records.analysis import analyse_all, texts_of
from bot.domain.records.intake import Arrival, all_keys, content_hash, keys_of
from bot.domain.text.addresses import host_of
from bot.services.context import Context
from bot.sources.model import ItemBatch
from bot.store import feeds, inbox, records, retention, sources
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
    """What is stored of the records that polls name: their ids by key, and the hashes of their contents by id.

    `forgotten`: keys of records that were deleted because of their age, with the times when those were published.
    `waiting`: sources of which something is in the inbox, so that what is stored of them is out of date.
    """

    ids: Mapping[str, int]
    hashes: Mapping[int, str]
    forgotten: Mapping[str, datetime]
    waiting: Collection[int]

    def has(self, arrival: Arrival, record: Record) -> bool:
        """Whether a record, given with its stored keys, is or was there."""
        is_there = any(key in self.ids for key in keys_of(record))
        return is_there or any(key in self.forgotten for key in arrival.identity)

    def concerns_nobody(self, arrival: Arrival, record: Record) -> bool:
        """Whether the intake would do nothing with a record: it is stored word for word, or was deleted."""
        if any(key in self.ids for key in keys_of(record)):
            return _is_unchanged(record, self)
        return arrival.was_deleted(self.forgotten)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A batch whose items have their languages; how they come in, and under which keys they would be stored."""

    part: SourceBatch
    arrivals: tuple[Arrival, ...]
    scoped: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch for the inbox: `payload` has the `item_count` items that are not stored word for word.

    Without a payload the intake has nothing to do with it.
    """

    part: SourceBatch
    summary: Summary
    item_count: int = 0
    payload: bytes = b""


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
        drafts = await asyncio.to_thread(_drafts, parts)
        stored = await self._stored(drafts)
        prepared = await asyncio.to_thread(_prepared, drafts, stored, semantic=self._context.semantic)
        async with self._context.db.write() as connection:
            await also(
                connection, [each.summary for each in prepared]
            )  # first: it locks the rows of all feeds
            now = self._context.now()
            await sources.advance(connection, [_step(each, now) for each in prepared])
            await retention.note_seen(connection, stored.forgotten, now)
            rows = [(each.part.state.id, each.item_count, each.payload) for each in prepared if each.payload]
            await inbox.put(connection, rows)
        if rows:
            self._context.wake()
        return []

    async def _stored(self, drafts: Sequence[_Draft]) -> _StoredContent:
        async with self._context.db.read() as connection:
            ids = await records.ids_by_key(
                connection, all_keys(chain.from_iterable(d.scoped for d in drafts))
            )
            hashes = await records.content_hashes_of(connection, set(ids.values()))
            arrivals = chain.from_iterable(draft.arrivals for draft in drafts)
            gone = (key for arrival in arrivals for key in arrival.identity if key not in ids)
            forgotten = await retention.forgotten(connection, gone)
            waiting = await inbox.waiting_of(connection, {draft.part.state.id for draft in drafts})
        return _StoredContent(ids, hashes, forgotten, waiting)


def _drafts(parts: Iterable[SourceBatch]) -> list[_Draft]:
    drafts: list[_Draft] = []
    for part in parts:
        arrivals = tuple(arrivals_of(part))
        pairs = zip(part.batch.items, arrivals, strict=True)
        items = tuple([replace(item, record=arrival.record) for item, arrival in pairs])
        drafts.append(
            _Draft(
                replace(part, batch=replace(part.batch, items=items)),
                arrivals,
                tuple([arrival.scoped() for arrival in arrivals]),
            )
        )
    return drafts


def _prepared(drafts: Iterable[_Draft], stored: _StoredContent, *, semantic: bool) -> list[_Prepared]:
    return [_prepare(draft, stored, semantic=semantic) for draft in drafts]


def _prepare(draft: _Draft, stored: _StoredContent, *, semantic: bool) -> _Prepared:
    """A batch without what is stored word for word, and with the analyses of the rest."""
    part, batch = draft.part, draft.part.batch
    summary = Summary.of(batch)
    pairs = zip(draft.arrivals, draft.scoped, strict=True)
    summary.new = sum(not stored.has(arrival, record) for arrival, record in pairs)
    is_current = part.state.id not in stored.waiting
    items = batch.items
    if is_current:
        whole = zip(items, draft.arrivals, draft.scoped, strict=True)
        items = tuple(
            [item for item, arrival, record in whole if not stored.concerns_nobody(arrival, record)]
        )
        if not items and not batch.rejected and part.state.intake_done:
            return _Prepared(part, summary)
    analyses = analyse_all((item.record for item in items), semantic=semantic)
    unchanged = batch.unchanged + len(batch.items) - len(items)
    waiting = WaitingBatch(items, batch.rejected, unchanged, tuple(analyses.values()))
    return _Prepared(part, summary, len(items), encode(waiting))


def _is_unchanged(record: Record, stored: _StoredContent) -> bool:
    """Whether all that a record says is stored already, under all its keys: `identify` would do nothing with it."""
    ids = {stored.ids.get(key) for key in keys_of(record)}
    is_same = len(ids) == 1 and stored.hashes.get(ids.pop() or 0) == content_hash(record)
    return is_same and all_keys([record]) <= stored.ids.keys()


def _step(prepared: _Prepared, now: datetime) -> SourceStep:
    """How far a poll moves its source on, before the intake has seen it."""
    part = prepared.part
    if not prepared.payload:
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
