"""Records: reads what a batch needs, and writes what was decided about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clustering import embeddings
from bot.domain.clustering.batch import DECLARERS
from bot.domain.clustering.story_cluster import Report, Terms
from bot.domain.model import Image, Outlet, Record, RecordType, Stored, StoryView, TopicMatch
from bot.domain.posting.decisions import PostingSettings, Reason
from bot.domain.posting.fan_out import SharedDecision
from bot.domain.posting.plan import Affected, IntakePlan
from bot.domain.posting.recipients import concerns
from bot.domain.records.analysis import TextAnalysis
from bot.domain.records.intake import Arrival, StoredContext, all_keys, keys_of
from bot.domain.stories.ranking import last_report, size_of
from bot.domain.text.words import search_key
from bot.store import (
    alerts,
    decisions,
    fan_outs,
    forwards,
    member_messages,
    pointers,
    quotas,
    retention,
    revisions,
    rollups,
    schema,
    search,
    story_topics,
    topics,
)
from bot.store.conditions import is_full_record, is_live_story
from bot.store.member_messages import StoryNews
from bot.store.sql import among, append, chunks, upsert_numbered, visible_to

LABELLED_AT_ONCE = 200  # records that are read in one go, so that the event loop has its turn in between

_r = schema.records
_s = schema.stories
_d = schema.declarations
_k = schema.record_keys
_rt = schema.record_topics
_t = schema.topics


def _stored(row: sa.Row[Any], declares: tuple[int, ...]) -> Stored:
    record = Record(
        key=row.key,
        url=row.url,
        title=row.title,
        outlet=Outlet(row.outlet_name, row.outlet_domain),
        excerpt=row.excerpt,
        published=row.published,
        type="podcast" if row.podcast else cast(RecordType, row.type),
        quality=row.quality,
        heat=row.heat,
        notable=row.notable,
        topics=tuple(row.declared_topics),
        image=Image(**row.image) if row.image else None,
        language=row.language,
        removed=row.removed,
    )
    return Stored(
        row.id,
        record,
        row.published,
        row.first_seen,
        row.partial,
        row.news,
        row.story,
        declares,
        row.guild_id,
        row.source_id,
        row.meaning or b"",
    )


def row_of(stored: Stored, hashed: str, analysis: TextAnalysis, why: str = "") -> dict[str, Any]:
    """A record as it is stored. `why`: what put it into its story."""
    record = stored.record
    return {
        "id": stored.id,
        "key": record.key,
        "url": record.url,
        "title": record.title,
        "excerpt": record.excerpt,
        "outlet_name": record.outlet.name,
        "outlet_domain": record.outlet.domain,
        "published": stored.published,
        "first_seen": stored.first_seen,
        "type": "article" if record.type == "podcast" else record.type,
        "podcast": record.type == "podcast",
        "quality": record.quality,
        "heat": record.heat,
        "notable": record.notable,
        "declared_topics": list(record.topics),
        "image": asdict(record.image) if record.image else None,
        "language": record.language,
        "removed": record.removed,
        "partial": stored.partial,
        "news": stored.news,
        "story": stored.story,
        "source_id": stored.source,
        "guild_id": stored.guild_id,
        "content_hash": hashed,
        "terms": "" if stored.partial else analysis.terms.kept(),
        "meaning": stored.meaning or None,
        "why": why,
    }


async def _select(
    connection: AsyncConnection, column: sa.Column[Any], values: Iterable[Any], guild_id: int | None = None
) -> tuple[dict[int, Stored], dict[int, str]]:
    """Records with these values in a column, and their content hashes. With a `guild_id`, only those that this server sees."""
    seen = visible_to(_r.c.guild_id, guild_id)
    rows: dict[int, sa.Row[Any]] = {}
    declares: dict[int, list[int]] = {}
    for part in chunks(values):
        rows |= {
            row.id: row
            for row in await connection.execute(sa.select(_r).where(among(connection, column, part), seen))
        }
        declared = (
            sa.select(_d.c.record_id, _d.c.declared_id)
            .join(_r, _r.c.id == _d.c.record_id)
            .where(among(connection, column, part), seen)
            .order_by(_d.c.record_id, _d.c.position)
        )
        for record_id, declared_id in await connection.execute(declared):
            declares.setdefault(record_id, []).append(declared_id)
    stored = {i: _stored(row, tuple(declares.get(i, ()))) for i, row in sorted(rows.items())}
    return stored, {i: row.content_hash for i, row in rows.items()}


async def by_id(
    connection: AsyncConnection, ids: Iterable[int], guild_id: int | None = None
) -> dict[int, Stored]:
    """Records by id. With a `guild_id` those that it sees."""
    return (await _select(connection, _r.c.id, ids, guild_id))[0]


async def members(
    connection: AsyncConnection, numbers: Iterable[int], guild_id: int | None = None
) -> dict[int, Stored]:
    """The same-event records of these stories, removed ones included, by id. With a `guild_id` those that it sees."""
    return (await _select(connection, _r.c.story, numbers, guild_id))[0]


async def topics_of(
    connection: AsyncConnection, numbers: Iterable[int], guild_id: int | None = None
) -> dict[int, tuple[TopicMatch, ...]]:
    """Record id -> its topics, for the records of these stories. With a `guild_id` what that server sees of both."""
    return await _matches(connection, _r.c.story, numbers, guild_id)


async def _matches(
    connection: AsyncConnection, column: sa.Column[Any], values: Iterable[Any], guild_id: int | None
) -> dict[int, tuple[TopicMatch, ...]]:
    """Record id -> its topics, for records by a column's values."""
    by_record: dict[int, list[TopicMatch]] = {}
    for part in chunks(values):
        rows = await connection.execute(
            sa.select(
                _rt.c.record_id, _t.c.name, _rt.c.declared, _rt.c.keywords, _t.c.guild_id, _rt.c.learned
            )
            .join(_t, _t.c.id == _rt.c.topic_id)
            .join(_r, _r.c.id == _rt.c.record_id)
            .where(among(connection, column, part))
            .where(visible_to(_r.c.guild_id, guild_id), visible_to(_t.c.guild_id, guild_id))
            .order_by(_rt.c.record_id, _rt.c.declared.desc(), _rt.c.topic_id)
        )
        for record_id, name, declared, keywords, of, learned in rows:
            match = TopicMatch(name, declared, tuple(keywords), of, learned)
            by_record.setdefault(record_id, []).append(match)
    return {record_id: tuple(matches) for record_id, matches in by_record.items()}


async def labelled(connection: AsyncConnection, limit: int) -> list[tuple[Record, tuple[TopicMatch, ...]]]:
    """The newest shared records with shared topics that are not learned, and these topics."""
    has_topic = sa.exists().where(
        _rt.c.record_id == _r.c.id, _rt.c.topic_id == _t.c.id, _t.c.guild_id == 0, ~_rt.c.learned
    )
    eligible = sa.and_(_r.c.guild_id == 0, is_full_record(), has_topic)
    newest = sa.select(_r.c.id).where(eligible).order_by(_r.c.id.desc()).limit(limit)
    ids = sorted((await connection.execute(newest)).scalars())
    labelled_records: list[tuple[Record, tuple[TopicMatch, ...]]] = []
    for part in chunks(ids, LABELLED_AT_ONCE):
        matches = await _matches(connection, _r.c.id, part, 0)
        for i, stored in (await by_id(connection, part)).items():
            labelled_records.append(
                (stored.record, tuple(match for match in matches.get(i, ()) if not match.learned))
            )
    return labelled_records


async def ids_by_key(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, int]:
    """Canonical URL -> record id, for those that are known."""
    ids: dict[str, int] = {}
    for part in chunks(keys):
        rows = await connection.execute(
            sa.select(_k.c.key, _k.c.record_id).where(among(connection, _k.c.key, part))
        )
        ids |= dict(rows.all())
    return ids


async def content_hashes(connection: AsyncConnection, keys: Iterable[str]) -> frozenset[str]:
    """The hashes of the content of the records with these keys."""
    hashes: set[str] = set()
    of_records = sa.select(_r.c.content_hash).join(_k, _k.c.record_id == _r.c.id)
    for part in chunks(keys):
        hashes.update(
            (await connection.execute(of_records.where(among(connection, _k.c.key, part)))).scalars()
        )
    return frozenset(hashes)


async def content_hashes_of(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, str]:
    """The hashes of the contents of records by id, without partial ones."""
    hashes: dict[int, str] = {}
    for part in chunks(ids):
        whole = sa.select(_r.c.id, _r.c.content_hash).where(among(connection, _r.c.id, part), ~_r.c.partial)
        hashes |= dict((await connection.execute(whole)).all())
    return hashes


async def stored_context(connection: AsyncConnection, batch: Sequence[Arrival]) -> StoredContext:
    """What is stored of the records that a batch names."""
    scoped_records = [arrival.scoped() for arrival in batch]
    by_key = await ids_by_key(connection, all_keys(scoped_records))
    records, content_hashes = await _select(connection, _r.c.id, set(by_key.values()))
    themselves = {by_key[key] for record in scoped_records for key in keys_of(record) if key in by_key}
    declarers = await _declarers(connection, themselves)
    of = {stored.source for stored in records.values() if stored.source is not None}
    polled = sa.select(schema.sources.c.id).where(schema.sources.c.kind == "feed")
    # Those of the batch as well: an earlier item of it may be a record that a later one takes over.
    polled_ids = {arrival.source for arrival in batch if arrival.polled and arrival.source is not None}
    for part in chunks(of - polled_ids):
        rows = await connection.execute(polled.where(among(connection, schema.sources.c.id, part)))
        polled_ids.update(rows.scalars())
    return StoredContext(
        by_key,
        records | await by_id(connection, declarers - set(records)),
        content_hashes,
        await revisions.next_number(connection, _r.c.id, revisions.LAST_RECORD),
        await next_story(connection),
        polled_ids,
        await retention.forgotten(
            connection, (key for arrival in batch for key in arrival.identity if key not in by_key)
        ),
    )


async def _declarers(connection: AsyncConnection, ids: Iterable[int]) -> set[int]:
    """The records that declare these: of each the newest, as many as clustering looks at."""
    declarers: set[int] = set()
    for part in chunks(ids):
        place = sa.func.row_number().over(partition_by=_d.c.declared_id, order_by=_d.c.record_id.desc())
        placed = (
            sa.select(_d.c.record_id, place.label("place"))
            .where(among(connection, _d.c.declared_id, part))
            .subquery()
        )
        newest = sa.select(placed.c.record_id).where(placed.c.place <= DECLARERS)
        declarers.update((await connection.execute(newest)).scalars())
    return declarers


async def next_story(connection: AsyncConnection) -> int:
    """The number for the next new story."""
    return await revisions.next_number(connection, _s.c.number, revisions.LAST_STORY)


async def affected(connection: AsyncConnection, numbers: Collection[int]) -> Affected:
    """What is stored of these stories."""
    inside = await members(connection, numbers)
    declared = {i for stored in inside.values() for i in stored.declares} - set(inside)
    return Affected(
        inside | await by_id(connection, declared),
        await topics_of(connection, numbers),
        await story_topics.assigned(connection, numbers),
    )


async def reports_of(
    connection: AsyncConnection,
    numbers: Iterable[int],
    since: datetime,
    until: datetime | None = None,
    *,
    semantic: bool = False,
) -> list[Report]:
    """As `reports`, of these stories alone."""
    every: list[Report] = []
    for part in chunks(numbers):
        of_stories = among(connection, _s.c.number, part)
        every += await reports(connection, since, until, among=of_stories, semantic=semantic)
    return every


async def reports(
    connection: AsyncConnection,
    since: datetime,
    until: datetime | None = None,
    *,
    among: sa.ColumnElement[bool] | None = None,
    semantic: bool = False,
) -> list[Report]:
    """The reports of all stories with a record published from a time on (and up to a time), as clustering compares them.

    `among`: a condition that the stories fulfil besides. `semantic`: with what they mean, as far as the model that is
    installed computed it.
    """
    near = sa.and_(_s.c.last >= since, is_live_story())
    if until is not None:
        near = sa.and_(near, _s.c.first <= until)
    if among is not None:
        near = sa.and_(near, among)
    meaning = _r.c.meaning if semantic else sa.null()
    columns = (_r.c.id, _r.c.terms, _day(connection), _r.c.outlet_domain, _r.c.guild_id, _r.c.story, meaning)
    rows = await connection.execute(
        sa.select(*columns)
        .join(_s, _s.c.number == _r.c.story)
        .where(near, is_full_record())
        .order_by(_r.c.id)
    )
    # In a thread: of a large window it takes seconds.
    return await asyncio.to_thread(_reports, rows.all())


def _reports(rows: Iterable[Sequence[Any]]) -> list[Report]:
    return [
        Report(
            record_id,
            Terms.read(terms),
            day,
            outlet,
            guild_id,
            story=story,
            meaning=embeddings.current(meaning) if meaning else b"",
        )
        for record_id, terms, day, outlet, guild_id, story, meaning in rows
    ]


def _day(connection: AsyncConnection) -> sa.ColumnElement[float]:
    """When a record was published, in days since 1970, computed by the database: a window has many records."""
    if connection.dialect.name == "sqlite":
        return sa.func.julianday(_r.c.published, type_=sa.Float) - 2_440_587.5
    return sa.cast(sa.extract("epoch", _r.c.published) / 86_400, sa.Float)


def _story_row(number: int, view: StoryView, shared: SharedDecision | None, now: datetime) -> dict[str, Any]:
    return {
        "number": number,
        "lead_id": view.lead.id,
        "heat": view.heat,
        "size": size_of(view),
        "notable": view.notable,
        "outlets": view.outlets,
        "first": view.first,
        "last": view.last,
        "last_seen": last_report(view),
        "removed": False,
        "merged_into": None,
        "search": search_key(view.lead.record.title),
        "guild_id": min(member.guild_id for member in view.members),
        "decided_at": now if shared else None,
        "withheld": (shared and shared.withheld) or "",
    }


class _Rows(NamedTuple):
    """What is written of a plan's records and stories. `emptied`: stories of which nothing is left."""

    stories: list[dict[str, Any]]
    emptied: list[int]
    records: list[dict[str, Any]]
    moved: list[dict[str, Any]]
    search: list[dict[str, Any]]

    @classmethod
    def of(cls, plan: IntakePlan, dialect: str, now: datetime) -> _Rows:
        """The rows of a plan, for a database of that dialect."""
        shared = {fan_out.story: fan_out.shared for fan_out in plan.fan_outs}
        # Where nothing but guests changed, what everybody sees is as it was.
        views = {
            story: view
            for story, view in plan.stories.items()
            if view is not None and concerns(plan.audience(story), view.lead.guild_id)
        }
        whole = [(plan.records[i], hashed, plan.analyses[i]) for i, hashed in plan.content_hashes.items()]
        return cls(
            [_story_row(story, view, shared.get(story), now) for story, view in views.items()],
            [story for story, view in plan.stories.items() if view is None],
            [
                row_of(stored, hashed, analysis, plan.why.get(stored.id, ""))
                for stored, hashed, analysis in whole
            ],
            [
                {
                    "of": stored.id,
                    "in_story": stored.story,
                    "is_news": stored.news,
                    "since": stored.first_seen,
                }
                for stored in plan.records.values()
                if stored.id not in plan.content_hashes
            ],
            [search.row_of(dialect, stored, analysis) for stored, _, analysis in whole],
        )


class PostingResult(NamedTuple):
    """How many posts are to be sent, and how many stories some channel does not get, by reason."""

    sends: int = 0
    withheld: Mapping[Reason, int] = {}


async def apply(
    connection: AsyncConnection, plan: IntakePlan, now: datetime, rules: PostingSettings
) -> PostingResult:
    """Write a plan, in the transaction of the caller."""
    # In a thread: titles are folded, and words put together.
    rows = await asyncio.to_thread(_Rows.of, plan, connection.dialect.name, now)
    await upsert_numbered(connection, _s, rows.stories, by="number")
    for part in chunks(rows.emptied):
        await connection.execute(
            sa.update(_s).where(among(connection, _s.c.number, part)).values(removed=True)
        )
    new_ids = await _write_records(connection, rows)
    await _write_reasons(connection, {i: reason for i, reason in plan.why.items() if i not in new_ids})
    await _write_keys(connection, plan.keys)
    await _write_declarations(connection, plan.declares)
    topic_ids = await _topic_ids(connection, plan.topics)
    await _write_topics(connection, plan.topics, topic_ids)
    await story_topics.forget(connection, (*rows.emptied, *plan.merged))
    await story_topics.write(connection, plan.story_topics)
    await _forward(connection, plan.merged)
    changed = {story: plan.audience(story) for story in plan.stories}
    batch = await fan_outs.update(connection, plan.fan_outs, plan.muting, now, rules)
    await decisions.apply(connection, plan.decisions, changed, now, now - rules.edit_window)
    survivors = {story: plan.audience(story) for story in plan.merged.values()}
    await pointers.follow(connection, survivors, now)
    await rollups.look_again(connection, plan.stories, now)
    await member_messages.tell(connection, _story_news(plan), now)
    await forwards.queue(connection, {*plan.stories, *plan.merged})
    new_content = (plan.records[i] for i in plan.content_hashes)
    await alerts.queue(
        connection, [r.id for r in new_content if r.news and not (r.partial or r.record.removed)]
    )
    fanned_out = await fan_outs.send(connection, batch)
    withheld = {(hold.story, hold.reason) for hold in plan.decisions.holds} | fanned_out.withheld
    sends = len(plan.decisions.sends) + fanned_out.sends
    return PostingResult(sends, Counter(reason for _, reason in withheld))


def _story_news(plan: IntakePlan) -> StoryNews:
    """What a plan changes for those who follow stories: a story grows by the reports that it gets."""
    grown: dict[int, set[int]] = {}
    for i in plan.why:
        stored = plan.records[i]
        if stored.story is not None and not stored.partial and not stored.record.removed:
            grown.setdefault(stored.story, set()).add(stored.guild_id)
    return StoryNews(
        changed={story: plan.audience(story) for story in plan.stories},
        grown=grown,
        emptied=[story for story, view in plan.stories.items() if view is None],
        merged=plan.merged,
    )


async def _write_records(connection: AsyncConnection, rows: _Rows) -> frozenset[int]:
    """Returns the ids of the new records, which are written with their reasons. Others keep theirs."""
    await quotas.count_records(connection, {row["id"]: row["guild_id"] for row in rows.records})
    new_ids = await upsert_numbered(connection, _r, rows.records, by="id", keep=["why"])
    await search.index(connection, rows.search)
    if rows.moved:
        p = sa.bindparam
        since = p("since", type_=schema.UtcTime())
        moved = sa.update(_r).where(_r.c.id == p("of"))
        await connection.execute(
            moved.values(story=p("in_story"), news=p("is_news"), first_seen=since), rows.moved
        )
    return new_ids


async def _write_reasons(connection: AsyncConnection, why: Mapping[int, str]) -> None:
    if why:
        statement = sa.update(_r).where(_r.c.id == sa.bindparam("of")).values(why=sa.bindparam("reason"))
        await connection.execute(statement, [{"of": i, "reason": reason} for i, reason in why.items()])


async def _write_keys(connection: AsyncConnection, keys: Mapping[str, int]) -> None:
    await append(connection, _k, [{"key": key, "record_id": record_id} for key, record_id in keys.items()])


async def _write_declarations(connection: AsyncConnection, declares: Mapping[int, Sequence[int]]) -> None:
    for part in chunks(declares):
        await connection.execute(sa.delete(_d).where(among(connection, _d.c.record_id, part)))
    rows = [
        {"record_id": record_id, "position": position, "declared_id": declared_id}
        for record_id, ids in declares.items()
        for position, declared_id in enumerate(ids)
    ]
    await append(connection, _d, rows)


async def _topic_ids(
    connection: AsyncConnection, matches: Mapping[int, Sequence[TopicMatch]]
) -> dict[str, int]:
    """The ids of all topics; those that records declare and nobody knew are known from now on."""
    every = [match for of_record in matches.values() for match in of_record]
    topic_ids = await topics.ensure(connection, [match.topic for match in every if not match.guild_id])
    servers = {topics.key_of(match.topic, match.guild_id) for match in every if match.guild_id}
    return topic_ids | await topics.ids_of(connection, servers)


async def _write_topics(
    connection: AsyncConnection, matches: Mapping[int, Sequence[TopicMatch]], ids: Mapping[str, int]
) -> None:
    """Store the topics of records; `ids` by what `topics.key_of` gives."""
    for part in chunks(matches):
        await connection.execute(sa.delete(_rt).where(among(connection, _rt.c.record_id, part)))
    rows = [
        {
            "record_id": record_id,
            "topic_id": ids[topics.key_of(match.topic, match.guild_id)],
            "declared": match.declared,
            "keywords": list(match.keywords),
            "learned": match.learned,
        }
        for record_id, of_record in matches.items()
        for match in of_record
    ]
    await append(connection, _rt, rows)


async def _forward(connection: AsyncConnection, merged: Mapping[int, int]) -> None:
    if not merged:
        return
    history, withheld = schema.digest_history, schema.withheld_posts
    old, new = sa.bindparam("old", type_=schema.ID), sa.bindparam("new", type_=schema.ID)
    in_both = sa.select(history.c.digest_id).where(history.c.story == new)
    pairs = [{"old": story, "new": survivor} for story, survivor in merged.items()]
    for statement in (
        sa.update(_s).where(sa.or_(_s.c.number == old, _s.c.merged_into == old)).values(merged_into=new),
        sa.update(history)
        .where(history.c.story == old, history.c.digest_id.not_in(in_both))
        .values(story=new),
    ):
        await connection.execute(statement, pairs)
    for part in chunks(merged):
        await connection.execute(sa.delete(withheld).where(withheld.c.story.in_(part)))


async def reasons(connection: AsyncConnection, ids: Iterable[int]) -> dict[int, str]:
    """The reason why each of these records is in its story. Records of versions that did not store reasons are left out."""
    reasons_by_id: dict[int, str] = {}
    for part in chunks(ids):
        rows = await connection.execute(
            sa.select(_r.c.id, _r.c.why).where(among(connection, _r.c.id, part), _r.c.why != "")
        )
        reasons_by_id |= dict(rows.all())
    return reasons_by_id


async def arrived_after(connection: AsyncConnection, after: int, limit: int) -> dict[int, Stored]:
    """The records that came in themselves, by id, the first `limit` of those above `after`."""
    rows = await connection.execute(
        sa.select(_r.c.id).where(_r.c.id > after, ~_r.c.partial).order_by(_r.c.id).limit(limit)
    )
    return await by_id(connection, rows.scalars())


async def forget_guesses(connection: AsyncConnection) -> list[int]:
    """Remove all learned topics of records. Returns the stories that had one, to decide their topics anew."""
    guessed = sa.select(_rt.c.record_id).where(_rt.c.learned)
    numbers = sa.select(_r.c.story).where(_r.c.id.in_(guessed), _r.c.story.is_not(None)).distinct()
    of_guesses = sorted((await connection.execute(numbers)).scalars())
    await connection.execute(sa.delete(_rt).where(_rt.c.learned))
    return of_guesses


async def rematch(connection: AsyncConnection, matches: Mapping[int, Sequence[TopicMatch]]) -> None:
    """Replace the topics of these records. Those of their stories have to be decided anew."""
    await _write_topics(connection, matches, await _topic_ids(connection, matches))
