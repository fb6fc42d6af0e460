"""Under which name and picture the posts of a channel appear."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.posting.face import (
    FORBIDDEN,
    LONGEST_ADDRESS,
    LONGEST_NAME,
    Face,
    NameFault,
    WebhookKey,
    is_picture_address,
    name_fault,
)
from bot.domain.text.cleaning import repair
from bot.errors import InvalidInputError, NotFoundError
from bot.i18n import mark, tr
from bot.services.context import Context
from bot.store import faces, subscriptions

OF_TOPIC = "topic"  # what users write instead of a name: posts have that of their topic
OF_BOT = "bot"  # what they write instead of an address: posts have the bot's picture
_LONGEST_TYPED = 400  # characters of a name that are looked at

_FAULTS = {
    NameFault.EMPTY: mark("Choose a name that can be read."),
    NameFault.TOO_LONG: mark("A name may have at most {most} characters."),
    NameFault.FORBIDDEN: mark("Discord does not allow names that contain {words}. Choose another name."),
    NameFault.RESERVED: mark("That name looks like a ping. Choose another name."),
}


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """A name and picture as a user wants them, checked. None leaves what the channel has.

    An empty `name` is that of the topic, an empty `avatar_url` stands for the bot's picture.
    """

    name: str | None = None
    avatar_url: str | None = None
    has_picture: bool = False  # one was uploaded


def request(name: str | None, avatar_url: str | None, *, has_picture: bool) -> FaceRequest:
    """What a user typed, checked. InvalidInputError says what is allowed."""
    if has_picture and avatar_url is not None:
        raise InvalidInputError(tr("Upload a picture or write its address, not both."))
    return FaceRequest(_name(name), _avatar_url(avatar_url), has_picture)


def _name(typed: str | None) -> str | None:
    if typed is None or typed.strip().lower() == OF_TOPIC:
        return None if typed is None else ""
    name = repair(typed, _LONGEST_TYPED)
    if (fault := name_fault(name)) is not None:
        words = ", ".join(f"“{word}”" for word in FORBIDDEN)
        raise InvalidInputError(tr(_FAULTS[fault], most=LONGEST_NAME, words=words))
    return name


def _avatar_url(typed: str | None) -> str | None:
    if typed is None or typed.strip().lower() == OF_BOT:
        return None if typed is None else ""
    if not is_picture_address(typed.strip()):
        raise InvalidInputError(
            tr(
                "Write the address of the picture like https://example.com/picture.png: https, a public site, no password, "
                "at most {most} characters.",
                most=LONGEST_ADDRESS,
            )
        )
    return typed.strip()


async def face_of(context: Context, channel_id: int) -> Face | None:
    """How posts of a channel appear; None: as the bot's."""
    async with context.db.read() as connection:
        return (await faces.in_channels(connection, [channel_id])).get(channel_id)


async def choose(
    context: Context, guild_id: int, channel_id: int, webhook: WebhookKey, request: FaceRequest
) -> Face:
    """Have posts of a channel appear as wished, through this webhook. Returns how they appear now."""
    async with context.db.write() as connection:
        present = (await faces.in_channels(connection, [channel_id])).get(channel_id)
        has_same = present is not None and present.webhook.id == webhook.id
        name = present.name if present and request.name is None else request.name or ""
        if request.has_picture:
            avatar_url, has_picture = "", True
        elif request.avatar_url is not None or present is None:
            avatar_url, has_picture = request.avatar_url or "", False
        else:  # an uploaded picture belongs to its webhook
            avatar_url, has_picture = present.avatar_url, present.has_picture and has_same
        face = Face(guild_id, channel_id, webhook, name, avatar_url, has_picture)
        await faces.put(connection, face)
    return face


async def webhook_of(context: Context, channel_id: int) -> WebhookKey:
    """The webhook under whose name posts of a channel appear. NotFoundError if they appear as the bot's."""
    face = await face_of(context, channel_id)
    if face is None:
        raise NotFoundError(tr("Posts of this channel have the bot's name already."))
    return face.webhook


async def end(context: Context, channel_id: int) -> None:
    """Have posts of a channel appear as the bot's."""
    async with context.db.write() as connection:
        await faces.remove(connection, channel_id)


async def publishes(context: Context, channel_id: int) -> bool:
    """Whether posts of a channel are published to followers."""
    async with context.db.read() as connection:
        subscribed = await subscriptions.subscriptions(connection, channel_ids=[channel_id])
    return any(subscription.publish for subscription in subscribed)
