"""Retention: old stories are deleted with their articles and messages, in batches, and what was deleted is recognised for as long as a source has it.

A source may list an article for years. If its keys went with it, the next poll would bring it as a new one. So they
stay, as hashes, until no source has shown them for as long as articles are kept.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import quotas, schema, search
from bot.store.sql import among, chunks, upsert

SEEN_EVERY = timedelta(days=1)  # how exactly it is known when a source last showed a key

_f = schema.forgotten_keys
_s = schema.stories
_r = schema.records
_o = schema.outbox
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Pass:
    """How far a pass over old rows has come: the time and the number of the last one that was looked at, and how many rows went."""

    at: datetime
    number: int
    deleted: int


def _hash(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=_KEY_BYTES).digest()


async def forgotten(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, datetime]:
    """Which of these keys belonged to articles that were deleted, and when those were published."""
    by_hash = {_hash(key): key for key in keys}
    published: dict[str, datetime] = {}
    for part in chunks(by_hash):
        rows = await connection.execute(
            sa.select(_f.c.hash, _f.c.published).where(among(connection, _f.c.hash, part))
        )
        published |= {by_hash[hashed]: at for hashed, at in rows}
    return published


async def note_seen(connection: AsyncConnection, keys: Iterable[str], now: datetime) -> None:
    """Note that a source still has these articles."""
    for part in chunks(sorted(map(_hash, keys))):
        stale = sa.and_(_f.c.hash.in_(part), _f.c.seen_at < now - SEEN_EVERY)
        # Several pollers note them at once: what somebody else is about to note is left to them.
        unlocked = sa.select(_f.c.hash).where(stale).with_for_update(skip_locked=True)
        await connection.execute(sa.update(_f).where(_f.c.hash.in_(unlocked)).values(seen_at=now))


async def forget_keys(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete keys that no source has shown since then, at most `limit`. Returns how many went."""
    old = sa.select(_f.c.hash).where(_f.c.seen_at < before).order_by(_f.c.seen_at).limit(limit)
    return (await connection.execute(sa.delete(_f).where(_f.c.hash.in_(old)))).rowcount


async def forget_stories(
    connection: AsyncConnection, before: datetime, now: datetime, limit: int, after: Pass | None = None
) -> Pass | None:
    """Delete old stories with all that belongs to them. Looks at no more than `limit`, those `after` an earlier call's.

    A story is old if none of its articles was published or read since `before`. It stays if one of its messages was sent,
    edited or made since then or is due, a member follows it, or somebody has merged or separated it since then. Returns
    None if there are no more.
    """
    batch = sa.and_(_s.c.last_seen < before, _s.c.last < before, _s.c.merged_into.is_(None))
    # The newest story stays: numbers go on from it, and none may be given out twice.
    batch = sa.and_(batch, _s.c.number < sa.select(sa.func.max(_s.c.number)).scalar_subquery())
    if after is not None:
        batch = sa.and_(batch, sa.tuple_(_s.c.last_seen, _s.c.number) > sa.tuple_(
            sa.literal(after.at, schema.UtcTime()), sa.literal(after.number)
        ))  # fmt: skip
    looked_at = (
        await connection.execute(
            sa.select(_s.c.number, _s.c.last_seen)
            .where(batch)
            .order_by(_s.c.last_seen, _s.c.number)
            .limit(limit)
        )
    ).all()
    if not looked_at:
        return None
    roots = {row.number: row.number for row in looked_at}
    merged = sa.select(_s.c.number, _s.c.merged_into).where(_s.c.merged_into.in_(list(roots)))
    roots |= dict((await connection.execute(merged)).all())
    kept = {roots[number] for number in await _needed(connection, list(roots), before)}
    deleted = await _delete_stories(connection, [n for n, root in roots.items() if root not in kept], now)
    return Pass(looked_at[-1].last_seen, looked_at[-1].number, deleted)


async def _needed(connection: AsyncConnection, numbers: Collection[int], before: datetime) -> set[int]:
    """The stories that a post or a person still needs.

    A story lists what its articles name as background, so that stays as long as the story would. What that names in turn does not.
    """
    overrides, follows, declarations = schema.story_overrides, schema.follows, schema.declarations
    naming, story = _r.alias(), _s.alias()
    is_recent = sa.or_(story.c.last_seen >= before, story.c.last >= before)
    is_followed = sa.exists().where(follows.c.story == story.c.number)
    recent = sa.or_(*(at >= before for at in (_o.c.created_at, _o.c.sent_at, _o.c.edited_at, _o.c.due_at)))
    decided = sa.or_(overrides.c.one == _r.c.id, overrides.c.other == _r.c.id)
    statements = (
        sa.select(_o.c.story).where(_o.c.story.in_(numbers), recent),
        sa.select(follows.c.story).where(follows.c.story.in_(numbers)),
        sa.select(_r.c.story)
        .join(overrides, decided)
        .where(_r.c.story.in_(numbers), overrides.c.at >= before),
        sa.select(_r.c.story)
        .join(declarations, declarations.c.declared_id == _r.c.id)
        .join(naming, naming.c.id == declarations.c.record_id)
        .join(story, story.c.number == naming.c.story)
        .where(_r.c.story.in_(numbers), naming.c.story != _r.c.story)
        .where(sa.or_(is_recent, is_followed, sa.exists().where(_o.c.story == story.c.number, recent))),
    )
    needed: set[int] = set()
    for statement in statements:
        needed.update((await connection.execute(statement)).scalars())
    return needed


async def _delete_stories(connection: AsyncConnection, numbers: list[int], now: datetime) -> int:
    if not numbers:
        return 0
    posts = sa.select(_o.c.id).where(_o.c.story.in_(numbers))
    threads = schema.story_threads
    await connection.execute(sa.delete(threads).where(threads.c.post.in_(posts)))
    messages = await connection.execute(sa.delete(_o).where(_o.c.story.in_(numbers)))
    ids = (await connection.execute(sa.select(_r.c.id).where(_r.c.story.in_(numbers)))).scalars().all()
    records = await _forget_records(connection, ids, now)
    stories = await connection.execute(sa.delete(_s).where(_s.c.number.in_(numbers)))
    return messages.rowcount + records + stories.rowcount


async def forget_strays(
    connection: AsyncConnection, before: datetime, now: datetime, limit: int, after: Pass | None = None
) -> Pass | None:
    """Delete old articles that are in no story, and that no other article names. Returns None if there are no more."""
    named = schema.declarations
    batch = sa.and_(_r.c.first_seen < before, _r.c.published < before, _r.c.story.is_(None))
    batch = sa.and_(batch, _r.c.id < sa.select(sa.func.max(_r.c.id)).scalar_subquery())  # as of stories
    batch = sa.and_(batch, ~sa.exists().where(named.c.declared_id == _r.c.id))
    if after is not None:
        batch = sa.and_(batch, sa.tuple_(_r.c.first_seen, _r.c.id) > sa.tuple_(
            sa.literal(after.at, schema.UtcTime()), sa.literal(after.number)
        ))  # fmt: skip
    rows = (
        await connection.execute(
            sa.select(_r.c.id, _r.c.first_seen).where(batch).order_by(_r.c.first_seen, _r.c.id).limit(limit)
        )
    ).all()
    if not rows:
        return None
    deleted = await _forget_records(connection, [row.id for row in rows], now)
    return Pass(rows[-1].first_seen, rows[-1].id, deleted)


async def _forget_records(connection: AsyncConnection, ids: Collection[int], now: datetime) -> int:
    """Delete records with all that refers to them, and keep the hashes of their keys."""
    for part in chunks(ids):
        await _keep_keys(connection, part, now)
    return await delete_records(connection, ids)


async def delete_records(connection: AsyncConnection, ids: Collection[int]) -> int:
    """Delete records with all that refers to them. Returns how many there were."""
    count = 0
    for part in chunks(ids):
        owners = await connection.execute(sa.select(_r.c.guild_id).where(_r.c.id.in_(part)))
        await quotas.add(connection, "records", {of: -n for of, n in Counter(owners.scalars()).items()})
        await search.index(connection, [{"rowid": record_id} for record_id in part])
        count += (await connection.execute(sa.delete(_r).where(_r.c.id.in_(part)))).rowcount
    return count


async def _keep_keys(connection: AsyncConnection, ids: Collection[int], now: datetime) -> None:
    """Keep the keys of records that came in themselves: a source may show them again."""
    keys = schema.record_keys
    rows = await connection.execute(
        sa.select(keys.c.key, _r.c.published)
        .join(_r, _r.c.id == keys.c.record_id)
        .where(_r.c.id.in_(ids), ~_r.c.partial)
    )
    hashed: Mapping[bytes, datetime] = {_hash(key): published for key, published in rows}
    await upsert(
        connection,
        _f,
        [{"hash": key, "published": published, "seen_at": now} for key, published in hashed.items()],
        on=["hash"],
    )
