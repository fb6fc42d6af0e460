"""Sending and editing messages over discord.py; whatever happens there becomes an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

import aiohttp
import discord

from bot.chat.embeds import mentions, to_embeds, to_view, with_roles_of
from bot.chat.port import Target
from bot.domain.message import FORUM_TAGS, Message
from bot.domain.retry import ARCHIVED_THREAD, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, Got, Outcome

SEND_SECONDS = 60.0

P = ParamSpec("P")


def _outcome(call: Callable[P, Coroutine[Any, Any, Outcome]]) -> Callable[P, Coroutine[Any, Any, Outcome]]:
    """Turn what discord.py raises for Discord's and the network's doings into outcomes."""

    @wraps(call)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> Outcome:
        try:
            return await asyncio.wait_for(call(*args, **kwargs), SEND_SECONDS)
        except discord.RateLimited as error:
            return Outcome(Got.REFUSED, 429, retry_after=error.retry_after, detail="rate limited")
        except discord.HTTPException as error:
            # Below 500 Discord says what is wrong; above, a proxy's page may stand in its place.
            detail = (
                f"{error.text or error}"[:300]
                if error.status < 500
                else f"Discord answers HTTP {error.status}"
            )
            return Outcome(Got.REFUSED, error.status, error.code, _retry_after(error), detail)
        except (aiohttp.ClientError, OSError, TimeoutError, discord.GatewayNotFound) as error:
            return Outcome(
                Got.UNREACHABLE, detail=f"Discord cannot be reached: {error or type(error).__name__}"[:300]
            )

    return guarded


def _retry_after(error: discord.HTTPException) -> float | None:
    try:
        return float(error.response.headers["Retry-After"])
    except (AttributeError, KeyError, ValueError, TypeError):
        return None


class DiscordSender:
    """The real way out. Needs no message or member cache; channels come from the `guilds` intent."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    @_outcome
    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Send a new message; to a forum, a new post with the tags that exist there."""
        message = with_roles_of(self._client.get_guild(target.guild_id), message)
        channel = await self._channel(target.channel_id)
        if isinstance(channel, discord.ForumChannel):
            return await self._forum_post(channel, message)
        if not isinstance(channel, discord.abc.Messageable):
            return Outcome(Got.ABSENT)
        sent = await channel.send(nonce=nonce, **_arguments(message))
        return Outcome(Got.OK, message_id=sent.id)

    async def _forum_post(self, forum: discord.ForumChannel, message: Message) -> Outcome:
        wanted = [name.casefold() for name in message.tags]
        # A moderated tag needs Manage Threads, without which Discord would refuse the post.
        tags = [t for t in forum.available_tags if t.name.casefold() in wanted and not t.moderated]
        tags.sort(key=lambda tag: wanted.index(tag.name.casefold()))
        made = await forum.create_thread(
            name=message.name or "Digest", applied_tags=tags[:FORUM_TAGS], **_arguments(message)
        )
        return Outcome(Got.OK, message_id=made.message.id, thread_id=made.thread.id)

    @_outcome
    async def edit(self, target: Target, message: Message) -> Outcome:
        """Edit a message where it stands. No ping comes of an edit."""
        try:
            await self._edit(target, message)
        except discord.HTTPException as error:
            if error.code == ARCHIVED_THREAD:
                return await self._edit_archived(target, message)
            if target.thread_id is not None and error.code == UNKNOWN_CHANNEL:
                # The post is gone from its forum, not the forum.
                return Outcome(Got.REFUSED, error.status, UNKNOWN_MESSAGE)
            raise
        return Outcome(Got.OK)

    async def _edit(self, target: Target, message: Message) -> None:
        assert target.message_id is not None
        channel = self._client.get_partial_messageable(target.thread_id or target.channel_id)
        # The content stays: it names the role that the post pinged.
        await channel.get_partial_message(target.message_id).edit(
            embeds=to_embeds(message), view=to_view(message.buttons), allowed_mentions=mentions(())
        )

    async def _edit_archived(self, target: Target, message: Message) -> Outcome:
        """Open a thread that Discord closed for its silence, as a new message would have done."""
        thread = await self._channel(target.thread_id or target.channel_id)
        try:
            await thread.edit(archived=False)
        except discord.Forbidden:
            if target.thread_id is not None:  # locked, but only this post of the forum
                return Outcome(Got.STALE, detail="its post is locked")
            raise
        await self._edit(target, message)
        return Outcome(Got.OK)

    @_outcome
    async def publish(self, target: Target) -> Outcome:
        """Publish a message of an announcement channel."""
        assert target.message_id is not None
        channel = self._client.get_partial_messageable(target.channel_id)
        await channel.get_partial_message(target.message_id).publish()
        return Outcome(Got.OK, message_id=target.message_id)

    def can_publish(self, channel_id: int) -> bool:
        """Whether the channel is an announcement channel."""
        channel = self._client.get_channel(channel_id)
        return isinstance(channel, discord.TextChannel) and channel.is_news()

    async def _channel(self, channel_id: int) -> Any:
        # Archived threads are not in the cache that the gateway keeps.
        return self._client.get_channel(channel_id) or await self._client.fetch_channel(channel_id)


def _arguments(message: Message) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "content": message.content or None,
        "embeds": to_embeds(message),
        "allowed_mentions": mentions(message.roles),
    }
    view = to_view(message.buttons)
    return arguments | ({"view": view} if view is not None else {})
