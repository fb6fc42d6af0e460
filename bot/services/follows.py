"""Following a story: a member gets what changes by direct message, until the story ends."""

from __future__ import annotations

from bot.domain.posting.alerts import Follow
from bot.domain.stories.ranking import last_report
from bot.errors import InvalidInputError
from bot.i18n import tr_plural
from bot.services import related
from bot.services.context import Context
from bot.store import follows, member_messages


async def toggle(
    context: Context, guild_id: int, user_id: int, number: int, channel_id: int, language: str
) -> tuple[int, bool]:
    """Have a member follow a story, or no longer if the member does. Returns its number now, and whether it is followed.

    `channel_id` is where the member pressed: who no longer sees it follows no longer. Raises NotFoundError for a story that
    the server does not see, and InvalidInputError for one that has ended and at the limit.
    """
    view = await related.story_seen(context, number, guild_id, channel_id)
    now, limits = context.now(), context.alert_limits
    async with context.db.write() as connection:
        if await follows.remove_one(connection, guild_id, user_id, view.number):
            await member_messages.look_again(connection, guild_id, user_id, view.number, now)
            context.wake()
            return view.number, False
        if last_report(view) < now - limits.follow_quiet:
            raise InvalidInputError(
                tr_plural(
                    "Story #{number} has ended: nothing was reported for {count} day.",
                    "Story #{number} has ended: nothing was reported for {count} days.",
                    limits.follow_quiet.days,
                    number=view.number,
                )
            )
        if await follows.count(connection, guild_id, user_id) >= limits.follows_per_member:
            raise InvalidInputError(
                tr_plural(
                    "You can follow {count} story in this server. Press the button of a story that you follow to stop.",
                    "You can follow {count} stories in this server. Press the button of a story that you follow to stop.",
                    limits.follows_per_member,
                )
            )
        follow = Follow(guild_id, user_id, view.number, channel_id, language, now)
        await follows.add(connection, follow)
        await member_messages.look_again(connection, guild_id, user_id, view.number, now)
    context.wake()
    return view.number, True


async def home_of(context: Context, guild_id: int, user_id: int, number: int) -> int | None:
    """The channel in which a member asked for what a direct message shows; None if nothing is kept of the message."""
    async with context.db.read() as connection:
        return await member_messages.home_of(connection, guild_id, user_id, number)


async def forget_member(context: Context, guild_id: int, user_id: int) -> None:
    """Somebody is not in a server any more: alerts, follows and what is kept of messages go."""
    async with context.db.write() as connection:
        await member_messages.forget_member(connection, guild_id, user_id)
