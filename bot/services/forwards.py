"""Forwards of a server: addresses to which the stories of a topic are sent. Adding, listing, resuming and removing them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain.forwarding import Forward
from bot.domain.model import Volume
from bot.errors import InvalidInputError, NotFoundError
from bot.i18n import tr, tr_plural
from bot.services import topics, volumes
from bot.services.context import Context
from bot.store import forwards
from bot.store import topics as stored_topics

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """What a member asks for. `channel_id` is told when the address does not work."""

    guild_id: int
    topic: str
    url: str
    volume: Volume
    channel_id: int


@dataclass(frozen=True, slots=True)
class ForwardListing:
    """The forwards of a server, oldest first, and by id how many stories wait for each."""

    forwards: tuple[Forward, ...]
    waiting: Mapping[int, int]


async def add(context: Context, request: ForwardRequest) -> Forward:
    """Make a forward, with a new secret. It counts for stories that come from now on.

    UnknownNameError for a topic that does not exist; InvalidInputError for an address that may not be, and at the limit.
    """
    url = _checked(context, request.url)
    async with context.db.read() as connection:
        topic = topics.resolve(await context.topics.load(connection, request.guild_id), request.topic)
    secret = f"twsec_{secrets.token_urlsafe(SECRET_BYTES)}"
    forward = Forward(
        0, request.guild_id, topic.name, url, secret, request.volume, channel_id=request.channel_id
    )
    limit = context.forward_limits.per_server
    # As an intake, so that nobody else counts meanwhile.
    async with context.db.intake() as connection:
        present = await forwards.of_server(connection, request.guild_id)
        if any((other.topic, other.url) == (topic.name, url) for other in present):
            raise InvalidInputError(tr("This server already sends this topic there. See `/forward list`."))
        if len(present) >= limit:
            raise InvalidInputError(
                tr_plural(
                    "This server can have {count} forward. Remove one with `/forward remove`.",
                    "This server can have {count} forwards. Remove one with `/forward remove`.",
                    limit,
                )
            )
        topic_id = await stored_topics.id_of(connection, topic)
        forward_id = await forwards.add(connection, forward, topic_id, context.now())
    forward = replace(forward, id=forward_id)
    await volumes.refresh_forwards(context, [forward])
    context.wake()
    return forward


def _checked(context: Context, text: str) -> str:
    """The address in the form of a request. Raises InvalidInputError."""
    # It takes long to import.
    from bot.sources.web.addresses import FORWARD_SETTING, AddressError, checked, literal, objection

    may_be_private = context.forward_limits.private_networks
    try:
        url = checked(text)
        number = literal(url.raw_host or "")
        if number and (reason := objection(number, private_networks=may_be_private, setting=FORWARD_SETTING)):
            raise AddressError(reason)
    except AddressError as error:
        raise InvalidInputError(tr("Nothing can be sent there: {problem}.", problem=error)) from error
    if url.scheme != "https" and not context.forward_limits.plain_http:
        raise InvalidInputError(
            tr("The address must begin with https://, so that nobody else can read along.")
        )
    return str(url)


async def listing(context: Context, guild_id: int) -> ForwardListing:
    """The forwards of a server, and what waits for them."""
    async with context.db.read() as connection:
        present = await forwards.of_server(connection, guild_id)
        return ForwardListing(tuple(present), await forwards.waiting(connection, guild_id))


async def remove(context: Context, guild_id: int, number: str) -> Forward:
    """Delete a forward of a server, given by its number. NotFoundError where there is none."""
    async with context.db.write() as connection:
        forward = _chosen(await forwards.of_server(connection, guild_id), number)
        await forwards.remove(connection, guild_id, forward.id)
    return forward


async def resume(context: Context, guild_id: int, number: str) -> Forward:
    """Send to an address again, at once. NotFoundError where there is no such forward."""
    async with context.db.write() as connection:
        forward = _chosen(await forwards.of_server(connection, guild_id), number)
        await forwards.resume(connection, guild_id, forward.id)
    context.wake()
    return forward


def _chosen(present: list[Forward], number: str) -> Forward:
    typed = number.strip().removeprefix("#")
    for forward in present:
        if typed == str(forward.id):
            return forward
    raise NotFoundError(
        tr("This server has no such forward. Choose one of those that `/forward list` shows.")
    )
