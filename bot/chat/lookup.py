"""Finds out whether the bot has already sent a message to a channel."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import discord

from bot.chat import webhooks
from bot.chat.permissions import allowed
from bot.chat.port import MessageTraits
from bot.domain.posting.face import WebhookKey
from bot.domain.retry import UNKNOWN_MESSAGE, MessageForm, Outcome, SendStatus, loses_webhook
from bot.i18n import in_every_language
from bot.messages.alerts import MEMBER_ACTION
from bot.messages.message import heading, small
from bot.messages.story import RELATED_ACTION, story_label

CLOCK_SKEW = timedelta(minutes=15)  # between this machine and Discord
MOST_MESSAGES = 2000  # of everybody in the channel, from the first try on
_MENTIONS = re.compile(r"^<@&?\d+>(?: <@&?\d+>)*$")  # the line that names whom a message is for
MOST_ARCHIVED = 1000  # threads of everybody in a forum, archived since then
MOST_POSTS = 100  # of the bot in a forum, from the first try on


def _me(channel: Any) -> Any:
    """The bot in a channel, or in a conversation with a member."""
    return channel.me if isinstance(channel, discord.DMChannel) else channel.guild.me


async def find(
    client: discord.Client, channel: Any, traits: MessageTraits, webhook: WebhookKey | None = None
) -> Outcome:
    """EXISTS with the message's ids, MISSING, or HIDDEN if the bot may not read the channel's history.

    UNSURE, if there are more messages since then than are read: to send another one might be to send it twice. Messages count that the bot sent, or webhooks of its application. `webhook` is the bot's in the channel, if it has one.
    """
    me = _me(channel)
    # Without the permission Discord answers with an empty list.
    if isinstance(me, discord.Member) and not allowed(channel, me).read_message_history:
        return Outcome(SendStatus.HIDDEN)
    candidates = (
        _posts(channel, traits)
        if isinstance(channel, discord.ForumChannel)
        else _messages(channel, traits, client.application_id, webhook)
    )
    async for message in candidates:
        if message is None:
            return Outcome(SendStatus.UNSURE)
        if message.id in traits.excluded:
            continue
        if await _is_sought(client, message, traits, webhook):
            in_thread = isinstance(channel, discord.ForumChannel) or traits.reply_to is not None
            of_thread = in_thread and isinstance(message.channel, discord.Thread)
            return Outcome(
                SendStatus.EXISTS,
                message_id=message.id,
                thread_id=message.channel.id if of_thread else None,
                form=MessageForm.COMPONENTS if message.flags.components_v2 else MessageForm.EMBEDS,
                roles=tuple(role.id for role in message.role_mentions),
                webhook_id=None if message.author.id == _me(channel).id else message.webhook_id,
            )
    return Outcome(SendStatus.MISSING)


async def _is_sought(
    client: discord.Client, message: discord.Message, traits: MessageTraits, webhook: WebhookKey | None
) -> bool:
    """Whether it is the message with these traits.

    Discord shows the bot no components of its webhooks' messages without a privileged intent; the webhook itself reads them
    (https://github.com/discord/discord-api-docs/issues/5411). If it is gone, nobody does: then a message of the bot's
    webhooks that belongs to nothing else counts as the one, because it must not be sent twice.
    """
    if traits.reply_to is not None:  # replies are the bot's: webhooks cannot reply
        return _has_traits(message, traits)
    if message.components or message.embeds or message.content:
        return _has_traits(message, traits)
    if message.webhook_id is None:
        return False
    if webhook is None or webhook.id != message.webhook_id:
        return True
    try:
        return _has_traits(await webhooks.read(client, webhook, message.id), traits)
    except discord.HTTPException as error:
        if error.code == UNKNOWN_MESSAGE:  # somebody deleted it
            return False
        if loses_webhook(error.status, error.code):
            return True
        raise


async def _messages(
    channel: Any, traits: MessageTraits, application_id: int | None, webhook: WebhookKey | None
) -> AsyncIterator[discord.Message | None]:
    """The messages of the bot and its webhooks since then, the oldest first; None where there are too many of everybody."""
    present = webhook.id if webhook else 0
    after = traits.since - CLOCK_SKEW
    me = _me(channel)
    remaining = MOST_MESSAGES
    async for message in channel.history(limit=MOST_MESSAGES + 1, after=after, oldest_first=True):
        if not remaining:
            yield None
            return
        remaining -= 1
        by_webhook = message.webhook_id is not None and (
            message.webhook_id == present or message.application_id == application_id
        )
        if message.author.id == me.id or by_webhook:
            yield message


async def _posts(forum: discord.ForumChannel, traits: MessageTraits) -> AsyncIterator[discord.Message | None]:
    """The first messages of the bot's own posts since then; None where there are too many."""
    since = traits.since - CLOCK_SKEW
    oldest = discord.utils.time_snowflake(since)
    remaining = MOST_POSTS
    async for thread in _threads(forum, since):
        if thread is None:
            yield None
            return
        if thread.id < oldest or thread.owner_id != forum.guild.me.id or thread.id in traits.excluded:
            continue
        if remaining == 0:
            yield None
            return
        remaining -= 1
        try:
            yield await thread.fetch_message(thread.id)
        except discord.NotFound:  # somebody deleted it
            continue


async def _threads(forum: discord.ForumChannel, since: datetime) -> AsyncIterator[discord.Thread | None]:
    """The threads that are active or were archived since then, of everybody; None where too many were."""
    for thread in await forum.guild.active_threads():
        if thread.parent_id == forum.id:
            yield thread
    remaining = MOST_ARCHIVED
    async for thread in forum.archived_threads(limit=MOST_ARCHIVED + 1):  # the last archived first
        if thread.archive_timestamp < since:  # so it was made before then
            return
        if not remaining:
            yield None
            return
        remaining -= 1
        yield thread


def _has_traits(message: discord.Message, traits: MessageTraits) -> bool:
    """Compare what it replies to, or the story of the button, the last line (if Discord refused the button), or the first line."""
    replied = message.reference.message_id if message.reference is not None else None
    if replied is not None or traits.reply_to is not None:
        return replied == traits.reply_to
    for component in _components(message.components):
        action = getattr(component, "custom_id", None) or ""
        if action.startswith(MEMBER_ACTION):
            return action in traits.actions
        if action.startswith(RELATED_ACTION):
            return not traits.actions and action.removeprefix(RELATED_ACTION) in map(str, traits.stories)
    shown = [line for line in _lines(message) if not _MENTIONS.match(line)]
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
