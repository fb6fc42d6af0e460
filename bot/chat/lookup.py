"""Finds out whether the bot has already sent a message to a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import discord

from bot.chat.permissions import allowed
from bot.chat.port import MessageTraits
from bot.domain.retry import MessageForm, Outcome, SendStatus
from bot.i18n import in_every_language
from bot.messages.message import heading, small
from bot.messages.story import RELATED_ACTION, story_label

CLOCK_SKEW = timedelta(minutes=15)  # between this machine and Discord
MOST_MESSAGES = 2000  # of everybody in the channel, from the first try on
MOST_POSTS = 100  # of the bot in a forum, from the first try on


async def find(channel: Any, traits: MessageTraits) -> Outcome:
    """EXISTS with the message's ids, MISSING, or HIDDEN if the bot may not read the channel's history."""
    me = channel.guild.me
    # Without the permission Discord answers with an empty list.
    if me is not None and not allowed(channel, me).read_message_history:
        return Outcome(SendStatus.HIDDEN)
    candidates = (
        _posts(channel, traits) if isinstance(channel, discord.ForumChannel) else _messages(channel, traits)
    )
    async for message in candidates:
        if message.id not in traits.excluded and _has_traits(message, traits):
            in_thread = isinstance(channel, discord.ForumChannel) or traits.reply_to is not None
            of_thread = in_thread and isinstance(message.channel, discord.Thread)
            return Outcome(
                SendStatus.EXISTS,
                message_id=message.id,
                thread_id=message.channel.id if of_thread else None,
                form=MessageForm.COMPONENTS if message.flags.components_v2 else MessageForm.EMBEDS,
                roles=tuple(role.id for role in message.role_mentions),
            )
    return Outcome(SendStatus.MISSING)


async def _messages(channel: Any, traits: MessageTraits) -> AsyncIterator[discord.Message]:
    after = traits.since - CLOCK_SKEW
    async for message in channel.history(limit=MOST_MESSAGES, after=after, oldest_first=True):
        if message.author.id == channel.guild.me.id:
            yield message


async def _posts(forum: discord.ForumChannel, traits: MessageTraits) -> AsyncIterator[discord.Message]:
    """The first messages of the bot's own posts."""
    oldest = discord.utils.time_snowflake(traits.since - CLOCK_SKEW)
    remaining = MOST_POSTS
    async for thread in _threads(forum):
        if thread.id < oldest or thread.owner_id != forum.guild.me.id or thread.id in traits.excluded:
            continue
        if remaining == 0:
            return
        remaining -= 1
        try:
            yield await thread.fetch_message(thread.id)
        except discord.NotFound:  # somebody deleted it
            continue


async def _threads(forum: discord.ForumChannel) -> AsyncIterator[discord.Thread]:
    for thread in await forum.guild.active_threads():
        if thread.parent_id == forum.id:
            yield thread
    async for thread in forum.archived_threads(limit=MOST_POSTS):
        yield thread


def _has_traits(message: discord.Message, traits: MessageTraits) -> bool:
    """Compare what it replies to, or the story of the button, the last line (if Discord refused the button), or the first line."""
    replied = message.reference.message_id if message.reference is not None else None
    if replied is not None or traits.reply_to is not None:
        return replied == traits.reply_to
    for component in _components(message.components):
        action = getattr(component, "custom_id", None) or ""
        if action.startswith(RELATED_ACTION):
            return action.removeprefix(RELATED_ACTION) in map(str, traits.stories)
    shown = list(_lines(message))
    labels = [small(label) for n in traits.stories for label in in_every_language(partial(story_label, n))]
    if any(f"{line} ".replace("\\#", "#").startswith(f"{label} ") for line in shown for label in labels):
        return True
    return shown[:1] != [] and shown[0] in {title.strip() for title in traits.titles}


def _components(components: Iterable[Any]) -> Iterator[Any]:
    """The components in order, nested ones too."""
    for component in components:
        yield component
        yield from _components(getattr(component, "children", ()))
        if (accessory := getattr(component, "accessory", None)) is not None:
            yield accessory


def _lines(message: discord.Message) -> Iterator[str]:
    """The lines of a message's texts; of an earlier version's message its content, and title and footer of its embed."""
    yield from (line.strip() for line in message.content.splitlines())
    for component in _components(message.components):
        if isinstance(component, discord.TextDisplay):
            yield from (line.strip() for line in component.content.splitlines())
    for embed in message.embeds[:1]:
        yield heading((embed.title or "").strip())
        yield small(embed.footer.text or "")
