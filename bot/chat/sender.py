"""Sends and edits messages with discord.py. Every error becomes an outcome."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import aiohttp
import discord

from bot.chat import lookup, threads, webhooks
from bot.chat.client import Client
from bot.chat.components import mentions, to_embed, to_view, with_roles_of
from bot.chat.connection import INTERNAL_NETWORK_ERROR, retry_after
from bot.chat.membership import present_member, sees
from bot.chat.permissions import allowed, may_unlock
from bot.chat.port import MessageTraits, Target
from bot.chat.transport import GlobalLimitError
from bot.domain.posting.face import Byline
from bot.domain.retry import (
    ALREADY_PUBLISHED,
    ARCHIVED_THREAD,
    BLOCKED,
    INVALID_FORM_BODY,
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    TAG_REQUIRED,
    THREAD_LOCKED,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    UNKNOWN_TAG,
    UNKNOWN_WEBHOOK,
    MessageForm,
    Outcome,
    SendStatus,
    is_transient,
    loses_webhook,
)
from bot.domain.text.addresses import hosts_only
from bot.domain.text.cleaning import clip
from bot.i18n import mark, tr
from bot.messages.commands import NO_IDS, mentioned
from bot.messages.forum import Tag, chosen, followed
from bot.messages.message import Message
from bot.messages.refusals import NONCE, REFERENCE, Path, refused_parts, without

log = logging.getLogger(__name__)

LONGEST_DETAIL = 300  # characters of Discord's error message that are stored and logged
BANS = frozenset((INTERNAL_NETWORK_ERROR,))
# Gateways tell senders of changes. In case that is lost, a server is read again after this time; Discord refuses what is no
# longer allowed, but it would not refuse to send a member what stands in a channel that has been hidden.
SERVER_AGE = timedelta(hours=6)
MEMBER_AGE = timedelta(minutes=5)
MOST_CUTS = 2  # tries without the parts of a message that Discord refuses

P = ParamSpec("P")
T = TypeVar("T")


def _outcome(call: Callable[P, Coroutine[Any, Any, Outcome]]) -> Callable[P, Coroutine[Any, Any, Outcome]]:
    """Turn errors of Discord and the network into outcomes.

    There is no timeout here: each request has one, and discord.py's waits for rate limits must not be cancelled.
    """

    @wraps(call)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> Outcome:
        try:
            return await call(*args, **kwargs)
        except (discord.RateLimited, discord.HTTPException) as error:
            return _refusal(error)
        except (aiohttp.ClientError, OSError, TimeoutError, discord.GatewayNotFound) as error:
            # Of a webhook's address, the path has the token.
            reason = hosts_only(str(error)) or type(error).__name__
            return Outcome(
                SendStatus.UNREACHABLE, detail=clip(f"Discord cannot be reached: {reason}", LONGEST_DETAIL)
            )

    return guarded


def _refusal(
    error: discord.RateLimited | discord.HTTPException, status: SendStatus = SendStatus.REFUSED
) -> Outcome:
    if isinstance(error, discord.RateLimited):
        everywhere = isinstance(error, GlobalLimitError)
        detail = (
            "Discord is limiting all requests of the bot" if everywhere else "Discord is limiting requests"
        )
        return Outcome(status, 429, retry_after=error.retry_after, detail=detail, everywhere=everywhere)
    # An error of Discord has a code. Without one the text may be a page of a proxy.
    is_page = error.text.lstrip().startswith("<")
    detail = f"Discord answered with HTTP {error.status}"
    if error.status < 500 and (error.code or not is_page):
        detail = clip(error.text or str(error), LONGEST_DETAIL)
    return Outcome(
        status,
        error.status,
        error.code,
        _retry_after(error),
        detail,
        everywhere=error.code in BANS or (not error.code and error.status in BLOCKED),
    )


def _retry_after(error: discord.HTTPException) -> float | None:
    wait = retry_after(error)
    return None if wait is None else wait.total_seconds()


async def _without_refused_parts(
    call: Callable[[Message, str | None], Awaitable[T]], message: Message, nonce: str | None = None
) -> T:
    """Call with the message, and again without the parts that Discord refuses."""
    for _ in range(MOST_CUTS):
        try:
            return await call(message, nonce)
        except discord.HTTPException as error:
            if error.code != INVALID_FORM_BODY:
                raise
            parts = refused_parts(error.text)
            if _is_of_reference(parts):
                raise
            reduced = without(message, parts)
            reduced_nonce = None if any(path[0] in NONCE for path in parts) else nonce
            if reduced is None or (reduced, reduced_nonce) == (message, nonce):
                raise
            log.warning("Discord refused parts of a message: %s", clip(error.text, LONGEST_DETAIL))
            message, nonce = reduced, reduced_nonce
    return await call(message, nonce)


def _is_of_reference(parts: Sequence[Path]) -> bool:
    """Whether Discord refused a reply because of what it replies to."""
    return any(path[0] == REFERENCE for path in parts)


class DiscordSender:
    """A `Sender` on discord.py. Needs no message or member cache.

    Channels and roles come from the client's cache, where the gateway or `read_server` puts them.
    """

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    def switch_to(self, client: discord.Client) -> None:
        """Use another client from now on."""
        self._client = client

    async def _read_server(self, target: Target) -> None:
        """Have a client without a gateway read the server. What members may see must be newer than what a post needs."""
        if isinstance(self._client, Client):
            await self._client.read_server(
                target.guild_id, SERVER_AGE if target.user_id is None else MEMBER_AGE
            )

    def _prepared(self, target: Target, message: Message) -> Message:
        """The message as the server sees it: with mentions of commands, and without those of deleted roles."""
        layout = mentioned(message.layout, getattr(self._client, "command_ids", NO_IDS))
        return with_roles_of(self._client.get_guild(target.guild_id), replace(message, layout=layout))

    @_outcome
    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Send a new message; in a forum, create a post with the tags that exist there."""
        await self._read_server(target)
        if target.user_id is not None and (obstacle := await self._obstacle(target, target.user_id)):
            return obstacle
        message = self._prepared(target, message)
        if target.reply_to is not None:
            return await self._reply(target, message, nonce)
        channel = await self._place(target)
        if isinstance(channel, discord.ForumChannel):
            return await self._forum_post(channel, message)
        if not isinstance(channel, discord.abc.Messageable):
            return Outcome(SendStatus.ABSENT)
        lost_webhook = None
        if target.byline is not None and webhooks.may_post(channel):
            outcome = await self._send_as(target, target.byline, message)
            if outcome is not None:
                return outcome
            lost_webhook = target.byline.webhook.id

        async def send(part: Message, nonce: str | None) -> discord.Message:
            return await channel.send(**_arguments(part) | ({} if nonce is None else {"nonce": nonce}))

        sent = await _without_refused_parts(send, message, nonce)
        return replace(_sent(message, message_id=sent.id), lost_webhook=lost_webhook)

    async def _send_as(self, target: Target, byline: Byline, message: Message) -> Outcome | None:
        """Send a message through the bot's webhook; None if the channel has no such webhook, and no message therefore."""

        async def send(part: Message, _nonce: str | None) -> discord.WebhookMessage:
            return await webhooks.execute(self._client, byline, to_view(part.shown), mentions(part.roles))

        try:
            sent = await _without_refused_parts(send, message)
        except discord.HTTPException as error:
            if loses_webhook(error.status, error.code):
                return None
            raise
        if sent.channel.id != target.channel_id:  # somebody moved the webhook
            await webhooks.take_back(sent)
            return None
        return replace(_sent(message, message_id=sent.id), webhook_id=byline.webhook.id)

    async def _reply(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Reply to a message of the channel or of a forum post. If that message is gone, so is the reason for a reply."""
        assert target.reply_to is not None
        place = target.thread_id or target.channel_id
        channel = self._client.get_partial_messageable(place)
        replied = discord.MessageReference(message_id=target.reply_to, channel_id=place)

        async def send(part: Message, nonce: str | None) -> discord.Message:
            arguments = _arguments(part) | ({} if nonce is None else {"nonce": nonce})
            return await channel.send(**arguments, reference=replied)

        try:
            sent = await _without_refused_parts(send, message, nonce)
        except discord.HTTPException as error:
            if error.code == INVALID_FORM_BODY and _is_of_reference(refused_parts(error.text)):
                return Outcome(SendStatus.REFUSED, error.status, UNKNOWN_MESSAGE)
            if target.thread_id is None:
                raise
            # A problem with a forum post is not a problem of the forum.
            if error.code == UNKNOWN_CHANNEL:
                return Outcome(SendStatus.REFUSED, error.status, UNKNOWN_MESSAGE)
            if error.code in (THREAD_LOCKED, ARCHIVED_THREAD, MISSING_ACCESS, MISSING_PERMISSIONS):
                return Outcome(SendStatus.LOCKED)
            raise
        return _sent(message, message_id=sent.id, thread_id=target.thread_id)

    async def _forum_post(self, forum: discord.ForumChannel, message: Message) -> Outcome:
        try:
            post = await _open_post(forum, message, required=forum.flags.require_tag)
        except discord.HTTPException as error:
            if error.code not in (TAG_REQUIRED, UNKNOWN_TAG):
                raise
            # The forum's tags or rules have changed, and the cache does not have that yet.
            forum = await self._client.fetch_channel(forum.id)  # type: ignore[assignment] # it was one
            required = error.code == TAG_REQUIRED or forum.flags.require_tag
            if required and not chosen(_tags(forum), message.tags, required=True):
                raise
            post = await _open_post(forum, message, required=required)
        return _sent(message, message_id=post.message.id, thread_id=post.thread.id)

    @_outcome
    async def find(self, target: Target, traits: MessageTraits) -> Outcome:
        """Look for a message that an earlier try may have sent."""
        await self._read_server(target)
        key = target.byline.webhook if target.byline else None
        place = target if target.thread_id is None else replace(target, channel_id=target.thread_id)
        return await lookup.find(self._client, await self._place(place), traits, key)

    @_outcome
    async def edit(self, target: Target, message: Message) -> Outcome:
        """Edit a message, and the name and tags of its forum post. Edits ping nobody."""
        await self._read_server(target)
        if target.user_id is not None and (obstacle := await self._obstacle(target, target.user_id)):
            return obstacle
        message = self._prepared(target, message)
        if target.webhook_id is not None:
            return await self._edit_as(target, target.webhook_id, message)
        if target.thread_id is None:
            await self._edit_open(target, message)
            return Outcome(SendStatus.OK, form=_FORM_AFTER[target.form])
        try:
            await self._edit_open(target, message)
        except discord.HTTPException as error:
            # A problem with a forum post is not a problem of the forum.
            if error.code == UNKNOWN_CHANNEL:
                return Outcome(SendStatus.REFUSED, error.status, UNKNOWN_MESSAGE)
            if error.code in (THREAD_LOCKED, ARCHIVED_THREAD):
                return Outcome(SendStatus.LOCKED)
            raise
        return replace(await self._follow(target.thread_id, message), form=_FORM_AFTER[target.form])

    async def _edit_as(self, target: Target, webhook_id: int, message: Message) -> Outcome:
        """Edit a message that a webhook of the bot made. Only that webhook can do it."""
        assert target.message_id is not None
        if target.byline is None or target.byline.webhook.id != webhook_id:
            return Outcome(SendStatus.REFUSED, 404, UNKNOWN_WEBHOOK)
        key, message_id = target.byline.webhook, target.message_id

        async def edit(part: Message, _nonce: str | None) -> discord.WebhookMessage:
            return await webhooks.edit(self._client, key, message_id, to_view(part.shown), mentions(()))

        try:
            await _without_refused_parts(edit, message)
        except discord.HTTPException as error:
            if not loses_webhook(error.status, error.code):
                raise
            return Outcome(SendStatus.REFUSED, error.status, UNKNOWN_WEBHOOK, lost_webhook=webhook_id)
        return Outcome(SendStatus.OK, form=MessageForm.COMPONENTS)

    async def _edit_open(self, target: Target, message: Message) -> None:
        """Edit a message. Reopens an archived thread first, as a new message would."""
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
        if target.is_direct:
            channel = self._client.get_partial_messageable((await self._place(target)).id)
        sent = channel.get_partial_message(target.message_id)

        async def edit(part: Message, _nonce: str | None) -> discord.Message:
            view, nobody = to_view(part.shown), mentions(())
            match target.form:
                case MessageForm.COMPONENTS:
                    return await sent.edit(view=view, allowed_mentions=nobody)
                case MessageForm.EMBEDS:  # components cannot stand beside content or embeds
                    return await sent.edit(content=None, embeds=[], view=view, allowed_mentions=nobody)
                case MessageForm.KEPT_EMBEDS:
                    return await sent.edit(embed=to_embed(part.layout), view=None, allowed_mentions=nobody)

        await _without_refused_parts(edit, message)

    async def _follow(self, thread_id: int, message: Message) -> Outcome:
        """Update a forum post's tags and name separately: Discord limits renames to two in ten minutes.

        If Discord refuses a change, the message is still edited.
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
        await self._read_server(target)
        assert target.message_id is not None
        # To Discord, a message of a webhook is somebody else's. Nothing else in the channel depends on this permission.
        is_others = target.webhook_id is not None
        if is_others and not webhooks.may_publish(self._client.get_channel(target.channel_id)):
            return Outcome(SendStatus.STALE, detail=_MAY_NOT_PUBLISH)
        channel = self._client.get_partial_messageable(target.channel_id)
        try:
            await channel.get_partial_message(target.message_id).publish()
        except discord.HTTPException as error:
            if is_others and error.code == MISSING_PERMISSIONS:
                return Outcome(SendStatus.STALE, detail=_MAY_NOT_PUBLISH)
            if error.code != ALREADY_PUBLISHED:
                raise
        return Outcome(SendStatus.OK, message_id=target.message_id)

    @_outcome
    async def open_thread(self, target: Target, name: str) -> Outcome:
        """Open the thread of a message, or take the one that it has."""
        await self._read_server(target)
        assert target.message_id is not None
        return await threads.open_thread(await self._channel(target.channel_id), target.message_id, name)

    @_outcome
    async def rename_thread(self, target: Target, name: str) -> Outcome:
        """Give the thread of a message another name."""
        await self._read_server(target)
        return await threads.rename_thread(await self._channel(target.thread_id or 0), name)

    def can_publish(self, channel_id: int) -> bool:
        """Whether the channel is an announcement channel."""
        channel = self._client.get_channel(channel_id)
        return isinstance(channel, discord.TextChannel) and channel.is_news()

    async def _place(self, target: Target) -> Any:
        """The channel of a message, or the conversation with the member for whom it is."""
        if not target.is_direct:
            return await self._channel(target.channel_id)
        return await self._client.create_dm(discord.Object(target.channel_id))

    async def _obstacle(self, target: Target, user_id: int) -> Outcome | None:
        """Why a member no longer gets a message of the server; None: nothing stands against it.

        The bot has no list of members, so it asks Discord: once for each message that a member gets.
        """
        guild = self._client.get_guild(target.guild_id)
        if guild is None or guild.unavailable:
            return Outcome(SendStatus.WAITS, detail="the server is not available at the moment")
        member = await present_member(guild, user_id)
        if member is None:
            return Outcome(SendStatus.LEFT, detail="the member has left the server")
        if target.seen_id and not await sees(guild, member, target.seen_id):
            return Outcome(SendStatus.NO_ACCESS, detail="the member cannot see the channel any more")
        return None

    async def _channel(self, channel_id: int) -> Any:
        # Archived threads are not in the cache.
        return self._client.get_channel(channel_id) or await self._client.fetch_channel(channel_id)


_MAY_NOT_PUBLISH = mark(
    "the bot cannot publish posts with a name of their own there. Give it Manage Messages in the channel"
)

# What a message is made of once it was edited.
_FORM_AFTER = {
    MessageForm.COMPONENTS: MessageForm.COMPONENTS,
    MessageForm.EMBEDS: MessageForm.COMPONENTS,
    MessageForm.KEPT_EMBEDS: MessageForm.KEPT_EMBEDS,
}


def _sent(message: Message, *, message_id: int, thread_id: int | None = None) -> Outcome:
    return Outcome(
        SendStatus.OK,
        message_id=message_id,
        thread_id=thread_id,
        form=MessageForm.COMPONENTS,
        roles=message.roles,
    )


def _tags(forum: discord.ForumChannel) -> list[Tag]:
    """A forum's tags. Moderated tags need Manage Threads, or Discord refuses the post."""
    me = forum.guild.me
    moderates = me is not None and allowed(forum, me).manage_threads
    return [Tag(tag.id, tag.name, moderates or not tag.moderated) for tag in forum.available_tags]


async def _open_post(forum: discord.ForumChannel, message: Message, *, required: bool) -> Any:
    async def open_post(part: Message, _nonce: str | None) -> Any:
        tags = chosen(_tags(forum), part.tags, required=required)
        return await forum.create_thread(
            name=part.name or tr("News"),
            applied_tags=[tag for number in tags if (tag := forum.get_tag(number)) is not None],
            **_arguments(part),
        )

    return await _without_refused_parts(open_post, message)


def _changes(thread: discord.Thread, message: Message) -> list[dict[str, Any]]:
    """The edits that give a forum post the name and tags of the message."""
    changes: list[dict[str, Any]] = []
    forum = thread.parent
    if message.tags and isinstance(forum, discord.ForumChannel):
        applied = [tag.id for tag in thread.applied_tags]
        tags = followed(_tags(forum), applied, message.tags, message.other_tags)
        if set(tags) != set(applied):
            changes.append({"applied_tags": [forum.get_tag(number) for number in tags]})
    if message.name and " ".join(message.name.split()) != " ".join(thread.name.split()):
        changes.append({"name": message.name})
    return changes


def _arguments(message: Message) -> dict[str, Any]:
    return {"view": to_view(message.shown), "allowed_mentions": mentions(message.roles, message.users)}
