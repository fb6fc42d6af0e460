"""Members' alerts: making, listing and deleting them, and the channels that are open to them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.posting.alerts import Alert
from bot.errors import InvalidInputError, NotFoundError
from bot.i18n import tr, tr_plural
from bot.services.context import Context
from bot.services.server_topics import parse_query
from bot.store import alerts, member_messages


@dataclass(frozen=True, slots=True)
class AlertRequest:
    """What a member asks for, as typed. `channel_id` is where the alert mentions the member; None: a direct message.

    `home_id` is the channel in which the member asks, and `language` the member's, by Discord's code.
    """

    guild_id: int
    user_id: int
    query: str
    channel_id: int | None
    home_id: int
    language: str


async def create(context: Context, request: AlertRequest) -> Alert:
    """Make an alert. It counts for stories that come from now on.

    QueryRefusedError shows where a query has a mistake; InvalidInputError for one that the member has, and at the limits.
    """
    query = str(parse_query(request.query))
    limits = context.alert_limits
    # As an intake, so that nobody else counts meanwhile.
    async with context.db.intake() as connection:
        own = await alerts.of_member(connection, request.guild_id, request.user_id)
        if any(alert.query == query for alert in own):
            raise InvalidInputError(tr("You already have this alert. See `/alert list`."))
        if len(own) >= limits.per_member:
            raise InvalidInputError(
                tr_plural(
                    "You can have {count} alert in this server. Delete one with `/alert delete`.",
                    "You can have {count} alerts in this server. Delete one with `/alert delete`.",
                    limits.per_member,
                )
            )
        if await alerts.count(connection, request.guild_id) >= limits.per_server:
            raise InvalidInputError(
                tr(
                    "The members of this server have as many alerts as they can. Try again when one was deleted."
                )
            )
        alert = Alert(
            0,
            request.guild_id,
            request.user_id,
            query,
            request.channel_id,
            request.home_id,
            request.language,
        )
        await alerts.add(connection, alert, context.now())
    return alert


async def listing(context: Context, guild_id: int, user_id: int) -> list[Alert]:
    """A member's alerts in a server, oldest first."""
    async with context.db.read() as connection:
        return await alerts.of_member(connection, guild_id, user_id)


async def delete(context: Context, guild_id: int, user_id: int, name: str) -> Alert:
    """Delete a member's alert, given by its number or its query. NotFoundError where the member has no such alert."""
    typed = name.strip()
    async with context.db.write() as connection:
        for alert in await alerts.of_member(connection, guild_id, user_id):
            if typed in (str(alert.id), f"#{alert.id}", alert.query):
                await alerts.remove_one(connection, guild_id, user_id, alert.id)
                await member_messages.forget_alert(connection, guild_id, user_id, alert.id)
                return alert
    raise NotFoundError(tr("You have no such alert here. Choose one of those that `/alert list` shows."))


async def is_open(context: Context, guild_id: int, channel_id: int) -> bool:
    """Whether alerts of all members may mention them in a channel."""
    async with context.db.read() as connection:
        return channel_id in await alerts.open_channels(connection, guild_id)


async def set_open(context: Context, guild_id: int, channel_id: int, *, is_open: bool) -> int:
    """Open a channel to alerts of all members, or close it to all alerts. Returns how many alerts that ends."""
    async with context.db.write() as connection:
        if not is_open:
            return await member_messages.close_channel(connection, channel_id)
        await alerts.open_channel(connection, guild_id, channel_id)
    return 0
