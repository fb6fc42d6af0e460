"""Muting outlets and words, in a channel or in a whole server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.model import Mute, StoryView
from bot.domain.stories import mutes
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Story, muted_by, story_view
from bot.domain.text.cleaning import clip
from bot.domain.text.words import name_key, nearest, words
from bot.errors import InvalidInputError, NotFoundError, UnknownNameError
from bot.i18n import comma_list, mark, tr
from bot.services.context import Context
from bot.services.story_batches import story_batches
from bot.services.topics import NEAR
from bot.store import stories, subscriptions

LONGEST = mutes.LONGEST
MOST = 200
LOOK_BACK = timedelta(days=7)
MOST_STORIES = 2_000  # that are looked at, the newest
FEW = 2  # hidden stories from which on a share of them counts


def parse_mute(text: str) -> str:
    """The mute that a text means. InvalidInputError if it could never match anything."""
    try:
        return mutes.parse(text)
    except ValueError as error:
        raise InvalidInputError(tr("{problem}.", problem=error)) from error


def phrase(value: str) -> str:
    """The words in a row that a mute looks for in titles; one without words is looked for as it is."""
    return " ".join(words(value)) or value


@dataclass(frozen=True, slots=True)
class MuteEffect:
    """The stories of the last `LOOK_BACK` that a mute would have hidden, the newest first, of how many in all."""

    hidden: tuple[StoryView, ...]
    total: int

    @property
    def is_large(self) -> bool:
        """Whether it hides more than one story in ten: of very few stories that says nothing."""
        return len(self.hidden) >= FEW and len(self.hidden) * 10 > self.total


async def effect(context: Context, guild_id: int, channel_id: int | None, value: str) -> MuteEffect:
    """What a mute would have hidden of what the channel, or (None) the server, follows; of everything where that is none."""
    now = context.now()
    async with context.db.read() as connection:
        before = await subscriptions.mutes_in(connection, guild_id, channel_id or 0)
        topics = await context.topics.load(connection, guild_id)
        followed = await subscriptions.subscriptions(
            connection, guild_id=guild_id, channel_ids=None if channel_id is None else [channel_id]
        )
        names = sorted({name for s in followed for name in topics.with_descendants(s.topic)})
        since, most = now - LOOK_BACK, MOST_STORIES
        newest = await stories.newest_arrived(connection, names, since, now, guild_id, most) if names else []
        newest = newest or await stories.newest_arrived(connection, None, since, now, guild_id, most)
    hiding = _Hiding(before, Mute(0, guild_id, channel_id, value), context.rules.owners)
    hidden: list[StoryView] = []
    total = 0
    async with (
        context.evaluations.turn(guild_id),
        aclosing(story_batches(context, newest, guild_id, hiding.of)) as batches,
    ):
        async for hidden_there, count in batches:
            hidden += hidden_there
            total += count
    return MuteEffect(tuple(hidden), total)


class _Hiding:
    """What one more mute would hide, besides those that there are."""

    def __init__(self, before: Sequence[Mute], one_more: Mute, owners: MediaOwners) -> None:
        self._muted = muted_by(before)
        self._also_muted = muted_by((*before, one_more))
        self._owners = owners

    def of(self, batch: Iterable[Story]) -> tuple[list[StoryView], int]:
        """The stories that it would hide, and how many can be seen without it."""
        views = [view for story in batch if (view := story_view(story, self._muted, self._owners))]
        hidden = [view for view in views if all(self._also_muted(m.record) for m in view.members)]
        return hidden, len(views)


async def mute(context: Context, guild_id: int, channel_id: int | None, value: str) -> bool:
    """Mute what `parse_mute` returned. False where it was muted there already."""
    async with context.db.write() as connection:
        before = await subscriptions.mutes(connection, guild_id)
        if any((m.channel_id, name_key(m.value)) == (channel_id, name_key(value)) for m in before):
            return False
        if len(before) >= MOST:
            raise InvalidInputError(
                tr(
                    "This server has reached the limit of {most} mutes. Remove some with `/unmute`.",
                    most=MOST,
                )
            )
        await subscriptions.mute(connection, guild_id, channel_id, value)
    return True


async def listing(context: Context, guild_id: int) -> tuple[Mute, ...]:
    """What is muted in a server and its channels, in the order in which it was muted."""
    async with context.db.read() as connection:
        return await subscriptions.mutes(connection, guild_id)


def _values(text: str) -> set[str]:
    """What a mute that is to be undone may be stored as: earlier versions stored what was typed."""
    normalised = " ".join(text.split())
    try:
        return {name_key(normalised), name_key(mutes.parse(text))}
    except ValueError:
        return {name_key(normalised)}


async def unmute(context: Context, guild_id: int, channel_id: int | None, text: str) -> str:
    """Remove a mute. Returns its value."""
    values = _values(text)
    async with context.db.write() as connection:
        muted = await subscriptions.mutes(connection, guild_id)
        matching = [m for m in muted if {name_key(m.value), name_key(clip(m.value, LONGEST))} & values]
        if in_channel := [m for m in matching if m.channel_id == channel_id]:
            for match in in_channel:
                await subscriptions.unmute(connection, guild_id, channel_id, match.value)
            return in_channel[0].value
    value = " ".join(text.split())
    if matching:
        place = matching[0].channel_id
        message = (
            mark("“{name}” is muted in the whole server. To unmute it, leave the channel option empty.")
            if place is None
            else mark(
                "“{name}” is muted in {channel}. To unmute it, choose that channel in the channel option."
            )
        )
        raise NotFoundError(tr(message, name=value, channel=f"<#{place}>"))
    values_in_force = list(dict.fromkeys(m.value for m in muted))
    message = (
        mark("“{name}” is not muted. Muted: {muted}.")
        if values_in_force
        else mark("“{name}” is not muted. Nothing is muted.")
    )
    near = tuple(nearest(value, values_in_force, NEAR))
    raise UnknownNameError(tr(message, name=value, muted=comma_list(values_in_force[:20])), text, near)


async def suggest(context: Context, guild_id: int, text: str, limit: int = 25) -> list[str]:
    """What is muted in a server, for autocomplete."""
    async with context.db.read() as connection:
        values = dict.fromkeys(m.value for m in await subscriptions.mutes(connection, guild_id))
    return [value for value in values if name_key(text) in name_key(value)][:limit]
