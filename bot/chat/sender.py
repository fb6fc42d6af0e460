"""Sending and editing messages over discord.py; whatever happens there becomes an outcome."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import aiohttp
import discord

from bot.chat import lookup
from bot.chat.connection import INTERNAL_NETWORK_ERROR, retry_after
from bot.chat.embeds import mentions, to_embeds, to_view, with_roles_of
from bot.chat.permissions import allowed, may_unlock
from bot.chat.port import Mark, Target
from bot.chat.transport import GlobalLimitError
from bot.domain.retry import (
    ALREADY_PUBLISHED,
    ARCHIVED_THREAD,
    BLOCKED,
    INVALID_FORM_BODY,
    TAG_REQUIRED,
    THREAD_LOCKED,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    UNKNOWN_TAG,
    Outcome,
    SendStatus,
    is_transient,
)
from bot.domain.text.cleaning import clip
from bot.messages.forum import Tag, chosen, followed
from bot.messages.message import Message
from bot.messages.refusals import NONCE, refused_parts, without

log = logging.getLogger(__name__)

LONGEST_DETAIL = 300  # characters of what Discord says that are stored and logged
BANS = frozenset((INTERNAL_NETWORK_ERROR,))
MOST_CUTS = 2  # times that parts are taken out of a message which Discord goes on to refuse

P = ParamSpec("P")
T = TypeVar("T")


def _outcome(call: Callable[P, Coroutine[Any, Any, Outcome]]) -> Callable[P, Coroutine[Any, Any, Outcome]]:
    """Turn what discord.py raises for Discord's and the network's doings into outcomes.

    There is no time limit here: each request has its own, and discord.py's waits for rate limits are not to be
    cancelled.
    """

    @wraps(call)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> Outcome:
        try:
            return await call(*args, **kwargs)
        except (discord.RateLimited, discord.HTTPException) as error:
            return _refusal(error)
        except (aiohttp.ClientError, OSError, TimeoutError, discord.GatewayNotFound) as error:
            reason = str(error) or type(error).__name__
            return Outcome(
                SendStatus.UNREACHABLE, detail=clip(f"Discord cannot be reached: {reason}", LONGEST_DETAIL)
            )

    return guarded


def _refusal(
    error: discord.RateLimited | discord.HTTPException, got: SendStatus = SendStatus.REFUSED
) -> Outcome:
    if isinstance(error, discord.RateLimited):
        everywhere = isinstance(error, GlobalLimitError)
        detail = (
            "Discord is limiting all requests of the bot" if everywhere else "Discord is limiting requests"
        )
        return Outcome(got, 429, retry_after=error.retry_after, detail=detail, everywhere=everywhere)
    # Where Discord says what is wrong there is a code; else a proxy's page may stand in its place.
    is_page = error.text.lstrip().startswith("<")
    detail = f"Discord answered with HTTP {error.status}"
    if error.status < 500 and (error.code or not is_page):
        detail = clip(error.text or str(error), LONGEST_DETAIL)
    return Outcome(
        got,
        error.status,
        error.code,
        _retry_after(error),
        detail,
        everywhere=error.code in BANS or (not error.code and error.status in BLOCKED),
    )


def _retry_after(error: discord.HTTPException) -> float | None:
    wait = retry_after(error)
    return None if wait is None else wait.total_seconds()


async def _with_what_passes(
    call: Callable[[Message, str | None], Awaitable[T]], message: Message, nonce: str | None = None
) -> T:
    """What `call` returns for the message, or for what is left of it without the parts that Discord refuses."""
    for _ in range(MOST_CUTS):
        try:
            return await call(message, nonce)
        except discord.HTTPException as error:
            if error.code != INVALID_FORM_BODY:
                raise
            parts = refused_parts(error.text)
            left = without(message, parts)
            kept = None if any(path[0] in NONCE for path in parts) else nonce
            if left is None or (left, kept) == (message, nonce):
                raise
            log.warning("Discord refused parts of a message: %s", clip(error.text, LONGEST_DETAIL))
            message, nonce = left, kept
    return await call(message, nonce)


class DiscordSender:
    """The real way out. Needs no message or member cache; channels come from the `guilds` intent."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    def use(self, client: discord.Client) -> None:
        """Send over another client from now on."""
        self._client = client

    @_outcome
    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Send a new message; to a forum, a new post with the tags that exist there."""
        message = with_roles_of(self._client.get_guild(target.guild_id), message)
        channel = await self._channel(target.channel_id)
        if isinstance(channel, discord.ForumChannel):
            return await self._forum_post(channel, message)
        if not isinstance(channel, discord.abc.Messageable):
            return Outcome(SendStatus.ABSENT)

        async def send(part: Message, nonce: str | None) -> discord.Message:
            return await channel.send(**_arguments(part) | ({} if nonce is None else {"nonce": nonce}))

        return Outcome(SendStatus.OK, message_id=(await _with_what_passes(send, message, nonce)).id)

    async def _forum_post(self, forum: discord.ForumChannel, message: Message) -> Outcome:
        try:
            made = await _open_post(forum, message, required=forum.flags.require_tag)
        except discord.HTTPException as error:
            if error.code not in (TAG_REQUIRED, UNKNOWN_TAG):
                raise
            # The forum's tags or its rules have changed, and the gateway has not told of it yet.
            forum = await self._client.fetch_channel(forum.id)  # type: ignore[assignment] # it was one
            required = error.code == TAG_REQUIRED or forum.flags.require_tag
            if required and not chosen(_tags(forum), message.tags, required=True):
                raise
            made = await _open_post(forum, message, required=required)
        return Outcome(SendStatus.OK, message_id=made.message.id, thread_id=made.thread.id)

    @_outcome
    async def find(self, target: Target, mark: Mark) -> Outcome:
        """Look for a message that an earlier try may have made."""
        return await lookup.find(await self._channel(target.channel_id), mark)

    @_outcome
    async def edit(self, target: Target, message: Message) -> Outcome:
        """Edit a message where it stands, and the name and tags of the forum post that it opens. No edit pings."""
        if target.thread_id is None:
            await self._edit_open(target, message)
            return Outcome(SendStatus.OK)
        try:
            await self._edit_open(target, message)
        except discord.HTTPException as error:
            # What is wrong with a post of a forum is not wrong with the forum.
            if error.code == UNKNOWN_CHANNEL:
                return Outcome(SendStatus.REFUSED, error.status, UNKNOWN_MESSAGE)
            if error.code in (THREAD_LOCKED, ARCHIVED_THREAD):
                return Outcome(SendStatus.LOCKED)
            raise
        return await self._follow(target.thread_id, message)

    async def _edit_open(self, target: Target, message: Message) -> None:
        """Edit a message, and open the thread that it is in where Discord closed it, as a new message would have done."""
        try:
            await self._edit(target, message)
        except discord.HTTPException as error:
            if error.code != ARCHIVED_THREAD:
                raise
            thread = await self._channel(target.thread_id or target.channel_id)
            if isinstance(thread, discord.Thread) and thread.locked and not may_unlock(thread):
                raise
            await thread.edit(archived=False)
            await self._edit(target, message)

    async def _edit(self, target: Target, message: Message) -> None:
        assert target.message_id is not None
        channel = self._client.get_partial_messageable(target.thread_id or target.channel_id)
        stands = channel.get_partial_message(target.message_id)

        async def edit(part: Message, _nonce: str | None) -> discord.Message:
            # The content stays: it names the role that the post pinged.
            return await stands.edit(
                embeds=to_embeds(part), view=to_view(part.buttons), allowed_mentions=mentions(())
            )

        await _with_what_passes(edit, message)

    async def _follow(self, thread_id: int, message: Message) -> Outcome:
        """Bring a forum post's tags and name up to date, each by itself: Discord limits renames to two in ten minutes.

        What is refused is no fault of the message, which stands.
        """
        outcome = Outcome(SendStatus.OK)
        try:
            thread = await self._channel(thread_id)
            for change in _changes(thread, message) if isinstance(thread, discord.Thread) else ():
                try:
                    await thread.edit(**change)
                except (discord.RateLimited, discord.HTTPException) as error:
                    refusal = _refusal(error, SendStatus.PARTLY)
                    outcome = refusal if outcome.result is SendStatus.OK or is_transient(refusal) else outcome
        except (discord.RateLimited, discord.HTTPException) as error:
            outcome = _refusal(error, SendStatus.PARTLY)
        if outcome.result is SendStatus.PARTLY:
            log.info(
                "the name or the tags of forum post %s could not be changed: %s", thread_id, outcome.detail
            )
        return outcome

    @_outcome
    async def publish(self, target: Target) -> Outcome:
        """Publish a message of an announcement channel."""
        assert target.message_id is not None
        channel = self._client.get_partial_messageable(target.channel_id)
        try:
            await channel.get_partial_message(target.message_id).publish()
        except discord.HTTPException as error:
            if error.code != ALREADY_PUBLISHED:
                raise
        return Outcome(SendStatus.OK, message_id=target.message_id)

    def can_publish(self, channel_id: int) -> bool:
        """Whether the channel is an announcement channel."""
        channel = self._client.get_channel(channel_id)
        return isinstance(channel, discord.TextChannel) and channel.is_news()

    async def _channel(self, channel_id: int) -> Any:
        # Archived threads are not in the cache that the gateway keeps.
        return self._client.get_channel(channel_id) or await self._client.fetch_channel(channel_id)


def _tags(forum: discord.ForumChannel) -> list[Tag]:
    """A forum's tags. A moderated one needs Manage Threads, without which Discord would refuse the post."""
    me = forum.guild.me
    moderates = me is not None and allowed(forum, me).manage_threads
    return [Tag(tag.id, tag.name, moderates or not tag.moderated) for tag in forum.available_tags]


async def _open_post(forum: discord.ForumChannel, message: Message, *, required: bool) -> Any:
    async def open_post(part: Message, _nonce: str | None) -> Any:
        tags = chosen(_tags(forum), part.tags, required=required)
        return await forum.create_thread(
            name=part.name or "News",
            applied_tags=[tag for number in tags if (tag := forum.get_tag(number)) is not None],
            **_arguments(part),
        )

    return await _with_what_passes(open_post, message)


def _changes(thread: discord.Thread, message: Message) -> list[dict[str, Any]]:
    """What has to change of a forum post so that it is named and tagged as the message wants."""
    found: list[dict[str, Any]] = []
    forum = thread.parent
    if message.tags and isinstance(forum, discord.ForumChannel):
        applied = [tag.id for tag in thread.applied_tags]
        wanted = followed(_tags(forum), applied, message.tags, message.other_tags)
        if set(wanted) != set(applied):
            found.append({"applied_tags": [forum.get_tag(number) for number in wanted]})
    if message.name and " ".join(message.name.split()) != " ".join(thread.name.split()):
        found.append({"name": message.name})
    return found


def _arguments(message: Message) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "content": message.content or None,
        "embeds": to_embeds(message),
        "allowed_mentions": mentions(message.roles),
    }
    view = to_view(message.buttons)
    return arguments | ({"view": view} if view is not None else {})
