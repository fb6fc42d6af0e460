"""The state of the bot for one server, and resuming paused channels."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import version

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.outages import Outage, OutageKind
from bot.domain.processes import ProcessState
from bot.domain.text.addresses import hosts_only
from bot.i18n import tr_plural
from bot.services.context import Context
from bot.store import (
    alerts,
    delivery,
    digests,
    faces,
    fan_outs,
    follows,
    leases,
    outbox,
    quotas,
    server_topics,
    sources,
    stories,
    story_threads,
    subscriptions,
    templates,
)
from bot.store.database import hint_of
from bot.store.sources import SourceState, SourceTotals
from bot.store.templates import StoredTemplate

RECENT = timedelta(days=1)
MOST_TROUBLES = 10

# Paths, bare or in quotes; and where a sentence ends.
_PATH = re.compile(r"""(['"])[^'"]*[/\\][^'"]*\1|(?<![\w<])(?:~|[A-Za-z]:)?[/\\][^\s'",;]*[^\s'",;:.]""")
_SENTENCE = re.compile(r"(?<=[.!?])\s|\n")
_SLASH = re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A source in trouble, or how many together; without what is only for whoever runs the bot."""

    name: str
    taken: int
    rejected: int
    last_success: datetime | None
    last_error_at: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What `/status` shows. `stalled` messages wait although nothing stands in their way. `paused` are channel and reason; `withheld` counts the last day by reason.
    `suspended` are the server topics whose queries cost too much, each with the reason.

    `threads` of posts that are missing or not written in since yesterday: channel, reason, how many.
    `alerts` and `follows` are how many its members have. `outages` are those of the whole bot. `processes` are those that share its work, if there are several.

    `template` is that of the server's posts, which tells when a post had no room with it. `kept_embeds` are messages of an earlier version that Discord refused to turn into the present form.

    `lost_webhooks` are the channels whose posts have the bot's name again because somebody deleted its webhook.
    `digests` are planned, and the next one comes at `next_digest`.

    `own_stored` are the articles of the server's own feeds, of `most_stored` that there may be.
    `sources` are those in order as one, then each in trouble, then the rest of these as one.
    """

    version: str
    records: int
    stories: int
    sources: tuple[SourceHealth, ...]
    queue: int
    paused: tuple[tuple[int, str], ...]
    withheld: dict[str, int]
    given_up: tuple[tuple[int, str], ...]
    subscriptions: int
    stalled: int = 0
    own_stored: int = 0
    most_stored: int = 0
    suspended: Mapping[str, str] = field(default_factory=dict)
    kept_embeds: int = 0
    lost_webhooks: tuple[int, ...] = ()
    alerts: int = 0
    follows: int = 0
    digests: int = 0
    next_digest: datetime | None = None
    template: StoredTemplate | None = None
    threads: tuple[tuple[int, str, int], ...] = ()
    outages: tuple[Outage, ...] = ()
    processes: tuple[ProcessState, ...] = ()


async def status(context: Context, guild_id: int) -> Status:
    """The state of the bot as it concerns one server."""
    since = context.now() - RECENT
    async with context.db.read() as connection:
        record_count, story_count = await stories.recent_totals(connection, context.now(), guild_id)
        states = await subscriptions.channels(connection, guild_id)
        resting = {state.channel_id for state in states if state.paused_reason or state.off}
        planned = [
            digest.next_at
            for digest in await digests.stored(connection, guild_id=guild_id)
            if digest.next_at is not None and digest.channel_id not in resting
        ]
        return Status(
            version("topicwire"),
            record_count,
            story_count,
            _summary(*await sources.health(connection, guild_id, MOST_TROUBLES)),
            await outbox.queue_length(connection, guild_id),
            tuple((s.channel_id, s.paused_reason) for s in states if s.paused_reason),
            await fan_outs.withheld_counts(
                connection,
                await context.topics.load(connection, guild_id),
                guild_id,
                since,
                context.rules.edit_window,
            ),
            tuple(await outbox.given_up(connection, guild_id, since)),
            await subscriptions.count(connection, guild_id),
            await delivery.stalled(connection, context.now(), guild_id),
            (await quotas.usage_of(connection, guild_id)).records,
            context.polls.most_stored,
            await server_topics.suspended(connection, guild_id),
            await outbox.kept_embeds(connection, guild_id),
            tuple(await faces.lost_in(connection, guild_id)),
            await alerts.count(connection, guild_id),
            await follows.count(connection, guild_id),
            len(planned),
            min(planned, default=None),
            await templates.template(connection, guild_id),
            tuple(await story_threads.problems(connection, guild_id, since)),
            present_outages(context),
            await _processes(connection),
        )


async def _processes(connection: AsyncConnection) -> tuple[ProcessState, ...]:
    """The processes of the bot, where there are several."""
    processes = await leases.processes(connection)
    return tuple(processes) if len(processes) > 1 else ()


def present_outages(context: Context) -> tuple[Outage, ...]:
    """The present outages of the bot, without what is only for whoever runs it. Needs no database."""
    return tuple(replace(outage, reason=shown_reason(outage)) for outage in context.monitor.health.outages)


def shown_reason(outage: Outage) -> str:
    """Why there is an outage, for anybody: errors of PostgreSQL name its host and user, so of the database it is what to do about it."""
    if outage.kind is OutageKind.DATABASE:
        return hint_of(outage.reason)
    return shown_error(outage.reason)


def _summary(
    working: SourceTotals, failing: Sequence[SourceState], others: SourceTotals
) -> tuple[SourceHealth, ...]:
    summary = []
    if working.count:
        name = tr_plural("{count} source working", "{count} sources working", working.count)
        summary.append(_together(working, name))
    summary += [
        SourceHealth(
            shown_name(state.name),
            state.taken,
            state.rejected,
            state.last_success,
            state.last_error_at,
            shown_error(state.last_error),
        )
        for state in failing
    ]
    if others.count:
        name = tr_plural("{count} more failing source", "{count} more failing sources", others.count)
        summary.append(_together(others, name))
    return tuple(summary)


def _together(totals: SourceTotals, name: str) -> SourceHealth:
    return SourceHealth(name, totals.taken, totals.rejected, totals.last_success)


def shown_name(name: str) -> str:
    """A source's kind, and of its place the host or the last part of the path."""
    kind, _, place = name.partition(":")
    if "://" in place:
        return f"{kind}: {hosts_only(place.partition(':')[2] if place[:1].isdigit() else place)}"
    return f"{kind}: {_SLASH.split(place.rstrip('/'))[-1]}" if place else kind


def shown_error(error: str) -> str:
    """The first sentence of an error, hosts in place of addresses, and no paths."""
    first = _SENTENCE.split(error.strip(), maxsplit=1)[0]
    return _PATH.sub("…", hosts_only(first))


async def resume_mended(context: Context, problem: Callable[[int, int], Awaitable[str]]) -> list[int]:
    """Resume the paused channels in which nothing stands against posting any more.

    `problem` says of a server and its channel why nothing can be posted there, empty where it can.
    """
    async with context.db.read() as connection:
        paused = await subscriptions.paused(connection)
    mended = [
        channel_id for channel_id, guild_id in paused.items() if not await problem(guild_id, channel_id)
    ]
    if mended:
        async with context.db.write() as connection:
            await subscriptions.resume(connection, mended)
        context.wake()
    return mended
