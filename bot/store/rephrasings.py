"""What a model made of briefs, and the servers and channels that want it.

A row stands for one call of the model. It is stored before the call, so that neither a crash nor a failure makes a second
call for the same sentences, and it is what the daily budget counts. Without lines, the brief stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.briefs.answers import ModelSentence
from bot.domain.briefs.model_brief import BriefChoice, ModelBriefs
from bot.store import schema
from bot.store.servers import LEFT
from bot.store.sql import chunks, insert_new, listed

MOST = 10_000  # rows: the newest; no less than the largest daily budget

_r = schema.rephrasings
_s = schema.rephrasing_servers
_t = schema.translation_channels

# Those that want rephrased briefs, and those that want translated ones, of servers that the bot is in.
SERVERS = sa.select(_s.c.guild_id).where(_s.c.guild_id.not_in(LEFT))
CHANNELS = sa.select(_t.c.channel_id).where(_t.c.guild_id.not_in(LEFT))


async def wanting(connection: AsyncConnection, guild_ids: Collection[int]) -> frozenset[int]:
    """Those of these servers that have rephrased briefs switched on and that the bot is in."""
    rows = await connection.execute(SERVERS.where(_s.c.guild_id.in_(list(guild_ids))))
    return frozenset(rows.scalars())


async def want(connection: AsyncConnection, guild_id: int, user_id: int, now: datetime) -> None:
    """Switch rephrased briefs on in a server. `user_id` is who did so."""
    await insert_new(connection, _s, [{"guild_id": guild_id, "user_id": user_id, "at": now}], on=["guild_id"])


async def want_no_more(connection: AsyncConnection, guild_id: int) -> None:
    """Switch rephrased briefs off in a server."""
    await connection.execute(sa.delete(_s).where(_s.c.guild_id == guild_id))


async def languages(connection: AsyncConnection, guild_ids: Collection[int]) -> dict[int, str]:
    """The channels of these servers that have a language for their briefs, where the bot is in the server."""
    statement = CHANNELS.add_columns(_t.c.language).where(_t.c.guild_id.in_(list(guild_ids)))
    rows = await connection.execute(statement.order_by(_t.c.channel_id))
    return {row.channel_id: row.language for row in rows}


async def translate(
    connection: AsyncConnection, channel_id: int, guild_id: int, language: str, user_id: int, now: datetime
) -> None:
    """Have the briefs of a channel in this language (ISO 639-1; empty: as they are). `user_id` is who decided it."""
    await translate_all(connection, {channel_id: language}, guild_id, user_id, now)


async def translate_all(
    connection: AsyncConnection, languages: Mapping[int, str], guild_id: int, user_id: int, now: datetime
) -> None:
    """Have the briefs of channels in these languages, as `translate`."""
    if languages:
        await connection.execute(sa.delete(_t).where(_t.c.channel_id.in_(listed(connection, languages))))
    values = {"guild_id": guild_id, "user_id": user_id, "at": now}
    rows = [
        {"channel_id": of, "language": language, **values} for of, language in languages.items() if language
    ]
    if rows:
        await connection.execute(sa.insert(_t), rows)


async def choices(
    connection: AsyncConnection, channels: Iterable[tuple[int, int]]
) -> Mapping[int, BriefChoice]:
    """What these channels, each after its server, want of a model; those that want nothing are left out."""
    pairs = set(channels)
    guild_ids = {guild_id for guild_id, _ in pairs}
    servers = await wanting(connection, guild_ids)
    translated = await languages(connection, guild_ids)
    return {
        channel_id: BriefChoice(guild_id in servers, translated.get(channel_id, ""))
        for guild_id, channel_id in pairs
        if guild_id in servers or channel_id in translated
    }


async def of_channel(
    connection: AsyncConnection, model: str, guild_id: int, channel_id: int, numbers: Iterable[int]
) -> ModelBriefs:
    """What a channel shows of a model's answers on these stories. `model`: its name; empty where there is none."""
    chosen = await choices(connection, [(guild_id, channel_id)]) if model else {}
    if channel_id not in chosen:
        return ModelBriefs()
    return ModelBriefs(model, await of_stories(connection, numbers), chosen[channel_id])


async def of_stories(
    connection: AsyncConnection, stories: Iterable[int]
) -> dict[str, tuple[ModelSentence, ...]]:
    """The rephrased briefs of these stories, by `content_key`; without lines where the brief stays as it is."""
    found: dict[str, tuple[ModelSentence, ...]] = {}
    for part in chunks(stories):
        for row in await connection.execute(sa.select(_r.c.key, _r.c.lines).where(_r.c.story.in_(part))):
            found[row.key] = tuple(ModelSentence(text, tuple(cites)) for text, cites in row.lines)
    return found


async def begin(connection: AsyncConnection, key: str, story: int, now: datetime, per_day: int) -> bool:
    """Note a call of the model that is about to be made; False where the day (UTC) has no more, or it was made before."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    counts = sa.select(sa.func.count()).select_from(_r)
    spent = await connection.scalar(counts.where(_r.c.at >= midnight)) or 0
    if spent >= per_day or await connection.scalar(counts.where(_r.c.key == key)):
        return False
    await connection.execute(sa.insert(_r).values(key=key, story=story, lines=[], at=now))
    newest = sa.select(_r.c.key).order_by(_r.c.at.desc(), _r.c.key).limit(MOST)
    if (await connection.scalar(counts) or 0) > MOST:
        await connection.execute(sa.delete(_r).where(_r.c.key.not_in(newest)))
    return True


async def accept(connection: AsyncConnection, key: str, lines: Sequence[ModelSentence]) -> None:
    """Store an answer that passed every check."""
    await connection.execute(
        sa.update(_r).where(_r.c.key == key).values(lines=[list(line) for line in lines])
    )
