"""The bot's own webhooks: they give the posts of a channel another name and picture. Others' webhooks are never used."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
import discord

from bot.chat.permissions import allowed
from bot.chat.transport import FOREIGN_ANSWER
from bot.domain.posting.face import DEFAULT_NAME, Byline, WebhookKey, usable_name
from bot.domain.retry import INVALID_FORM_BODY, MISSING_PERMISSIONS, loses_webhook
from bot.domain.text.addresses import hosts_only
from bot.domain.text.cleaning import clip
from bot.errors import InvalidInputError, NotAllowedError
from bot.i18n import mark, tr, tr_plural
from bot.messages.refusals import refused_parts

log = logging.getLogger(__name__)

MISSING: Any = discord.utils.MISSING
TOO_MANY_WEBHOOKS = 30007  # https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
AUDIT_REASON = mark("Posts of this channel appear under a name and picture of their own")
LARGEST_PICTURE = 2_000_000  # bytes
WIDEST_PICTURE = 4096  # pixels
PICTURES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))


def connect(client: discord.Client, key: WebhookKey) -> discord.Webhook:
    """The webhook, ready for requests. Its session does not retry or wait: see `transport.webhook_session`."""
    session = getattr(client, "webhook_session", MISSING)
    if (adapter := getattr(client, "webhook_adapter", None)) is not None:
        adapter.use()
    return discord.Webhook.partial(key.id, key.token, client=client, session=session)


def may_post(channel: Any) -> bool:
    """Whether the bot's webhook may post in a channel: only where the bot may do so itself, although Discord would let it.

    In a forum, a webhook can open posts but neither rename nor tag them, so forums and threads have no webhook.
    """
    if not isinstance(channel, discord.TextChannel):
        return False
    may = _permissions(channel)
    return may.view_channel and may.send_messages


def may_publish(channel: Any) -> bool:
    """Whether the bot may publish posts of a webhook to followers of a channel, as far as is known."""
    return not isinstance(channel, discord.TextChannel) or _permissions(channel).manage_messages


def _permissions(channel: discord.TextChannel) -> discord.Permissions:
    me = channel.guild.me
    return discord.Permissions.all() if me is None else allowed(channel, me)


async def execute(
    client: discord.Client,
    byline: Byline,
    view: discord.ui.LayoutView,
    allowed_mentions: discord.AllowedMentions,
) -> discord.WebhookMessage:
    """Send a message under a name and picture; without one of them if Discord refuses it.

    Buttons work, because the webhook belongs to the bot's application. Raises what discord.py raises.
    """
    own = "" if byline.has_picture or client.user is None else client.user.display_avatar.url
    look = {"username": byline.name, "avatar_url": byline.avatar_url or own}
    for _ in tuple(look):
        try:
            return await _execute(client, byline.webhook, look, view, allowed_mentions)
        except discord.HTTPException as error:
            refused = {path[0] for path in refused_parts(error.text)} & look.keys()
            if error.code != INVALID_FORM_BODY or not refused:
                raise
            log.warning("Discord refused the name or picture of a post: %s", clip(error.text, 300))
            look = {name: value for name, value in look.items() if name not in refused}
    return await _execute(client, byline.webhook, look, view, allowed_mentions)


async def _execute(
    client: discord.Client,
    key: WebhookKey,
    look: Mapping[str, str],
    view: discord.ui.LayoutView,
    allowed_mentions: discord.AllowedMentions,
) -> discord.WebhookMessage:
    chosen: dict[str, Any] = {name: value for name, value in look.items() if value}
    with _reading():
        return await connect(client, key).send(
            wait=True, view=view, allowed_mentions=allowed_mentions, **chosen
        )


async def edit(
    client: discord.Client,
    key: WebhookKey,
    message_id: int,
    view: discord.ui.LayoutView,
    allowed_mentions: discord.AllowedMentions,
) -> discord.WebhookMessage:
    """Edit a message of the webhook. Raises what discord.py raises."""
    with _reading():
        return await connect(client, key).edit_message(
            message_id, view=view, allowed_mentions=allowed_mentions
        )


async def read(client: discord.Client, key: WebhookKey, message_id: int) -> discord.WebhookMessage:
    """A message of the webhook with all that it shows. Raises what discord.py raises."""
    with _reading():
        return await connect(client, key).fetch_message(message_id)


async def take_back(message: discord.WebhookMessage) -> None:
    """Delete a message of the webhook that stands in the wrong channel, if Discord lets it."""
    try:
        await message.delete()
    except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning(
            "message %s stands in channel %s: %s", message.id, message.channel.id, hosts_only(str(error))
        )


@contextmanager
def _reading() -> Iterator[None]:
    """An answer that is not JSON did not come from Discord."""
    try:
        yield
    except ValueError as error:
        raise aiohttp.ClientPayloadError(FOREIGN_ANSWER) from error


async def ensure(
    channel: discord.TextChannel, client: discord.Client, key: WebhookKey | None, picture: bytes | None
) -> WebhookKey:
    """The bot's webhook in a channel: the one with this key, or another that the bot made there, or else a new one.

    Raises NotAllowedError or InvalidInputError if there can be none, or the `picture` is not accepted.
    """
    require_webhooks(channel)
    try:
        made = [webhook for webhook in await channel.webhooks() if _is_own(webhook, client)]
        made.sort(key=lambda webhook: (key is None or webhook.id != key.id, webhook.id))
        if made and picture is not None:
            await made[0].edit(avatar=picture, reason=tr(AUDIT_REASON))
        webhook = (
            made[0]
            if made
            else await channel.create_webhook(
                name=_default_name(channel), avatar=picture, reason=tr(AUDIT_REASON)
            )
        )
    except ValueError as error:  # discord.py looks at the first bytes
        raise InvalidInputError(tr("The picture must be a PNG, JPEG, GIF or WebP image.")) from error
    except (discord.RateLimited, discord.HTTPException) as error:
        raise _explained(error, channel) from error
    if webhook.token is None:
        raise NotAllowedError(tr("Discord did not let the bot use the webhook that it made. Try again."))
    return WebhookKey(webhook.id, webhook.token)


def _is_own(webhook: discord.Webhook, client: discord.Client) -> bool:
    """Whether the bot made the webhook. Discord tells the token of such a webhook to its application alone."""
    of_bot = webhook.user is not None and client.user is not None and webhook.user.id == client.user.id
    return of_bot and webhook.type is discord.WebhookType.incoming and webhook.token is not None


def _default_name(channel: discord.TextChannel) -> str:
    return usable_name(channel.guild.me.display_name) or DEFAULT_NAME


def _explained(error: discord.RateLimited | discord.HTTPException, channel: discord.TextChannel) -> Exception:
    """The error for a user, or the same one if it is a bug."""
    if isinstance(error, discord.RateLimited):
        return _limited(error)
    if error.code == MISSING_PERMISSIONS:
        return NotAllowedError(_lacks(channel))
    if error.code == TOO_MANY_WEBHOOKS:
        return NotAllowedError(
            tr(
                "{channel} has as many webhooks as Discord allows. Delete one in the channel's settings (Integrations), then try again.",
                channel=channel.mention,
            )
        )
    if error.code == INVALID_FORM_BODY:
        return InvalidInputError(tr("Discord does not accept that picture. Choose another one."))
    return error


def require_webhooks(channel: discord.TextChannel) -> None:
    """Raise NotAllowedError if the bot lacks Manage Webhooks in the channel."""
    if not _permissions(channel).manage_webhooks:
        raise NotAllowedError(_lacks(channel))


def _lacks(channel: discord.TextChannel) -> str:
    return tr(
        "The bot lacks the permission Manage Webhooks, which its invitation does not ask for. Give it to the bot in {channel}, "
        "then try again.",
        channel=channel.mention,
    )


def _limited(error: discord.RateLimited) -> NotAllowedError:
    wait = tr_plural("{count} second", "{count} seconds", max(1, round(error.retry_after)))
    return NotAllowedError(tr("Discord limits how often webhooks change. Try again in {wait}.", wait=wait))


async def remove(client: discord.Client, key: WebhookKey) -> None:
    """Delete a webhook of the bot, which needs its token and no permission. One that is gone already is no error."""
    try:
        await connect(client, key).delete(prefer_auth=False)
    except discord.RateLimited as error:
        raise _limited(error) from error
    except discord.HTTPException as error:
        if not loses_webhook(error.status, error.code):
            raise
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("a webhook could not be deleted: %s", hosts_only(str(error)))
        # Without its cause, whose text may have the address of the webhook with its token.
        raise NotAllowedError(
            tr("Discord is having problems right now. Try again in a few minutes.")
        ) from None


async def picture_of(attachment: discord.Attachment) -> bytes:
    """The bytes of an uploaded picture. Raises InvalidInputError if it is none, or too large."""
    kind = (attachment.content_type or "").partition(";")[0].strip().lower()
    if kind not in PICTURES or not attachment.width or not attachment.height:
        raise InvalidInputError(tr("The picture must be a PNG, JPEG, GIF or WebP image."))
    if attachment.size > LARGEST_PICTURE or max(attachment.width, attachment.height) > WIDEST_PICTURE:
        raise InvalidInputError(
            tr(
                "The picture is too large. It may have {megabytes} MB and {pixels} pixels on a side.",
                megabytes=LARGEST_PICTURE // 1_000_000,
                pixels=WIDEST_PICTURE,
            )
        )
    try:
        return await attachment.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise InvalidInputError(
            tr("Discord did not give the picture to the bot. Upload it again.")
        ) from error
