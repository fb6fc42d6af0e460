"""The dialogue that mutes an outlet or words: it says what would be hidden, asks where that is much, and can be undone."""

from __future__ import annotations

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.domain.text.cleaning import plural
from bot.messages.message import Embed, escape
from bot.messages.story import GREY, story_line
from bot.services import mutes
from bot.services.context import Context
from cogs.common import Interaction, guild_of, managed, managed_everywhere

EXAMPLES = 3


def muted_place(interaction: Interaction, channel: PostableChannel | None) -> tuple[int | None, str]:
    """The id of the channel (None for the server) and its description. Checks the user's permission."""
    if channel is not None:
        return managed(interaction, channel).id, f"in {channel.mention}"
    managed_everywhere(interaction, "To mute in one channel only, choose it in the channel option.")
    return None, "across the server"


async def mute_with_care(
    context: Context, interaction: Interaction, value: str, channel: PostableChannel | None
) -> None:
    """Mute what `parse_mute` returned, in a channel or (None) in the whole server."""
    guild_id = guild_of(interaction).id
    channel_id, place = muted_place(interaction, channel)
    effect = await mutes.effect(context, guild_id, channel_id, value)
    name = f"**{escape(value)}**"

    async def undo(pressed: Interaction) -> None:
        muted_place(pressed, channel)
        await mutes.unmute(context, guild_id, channel_id, value)
        await views.answer(pressed, Embed("Unmuted", "", f"{name} is no longer muted {place}.", colour=GREY))

    async def mute(answering: Interaction) -> None:
        muted_place(answering, channel)
        if not await mutes.mute(context, guild_id, channel_id, value):
            await views.answer(answering, Embed(description=f"{name} is already muted {place}.", colour=GREY))
            return
        text = f"{name} is muted {place}. Undo with `/unmute`.\n{_meaning(value)}\n{_describe_effect(effect)}"
        offer = views.ConfirmView(answering, views.Choice("Undo", undo))
        await views.answer(answering, Embed("Muted", "", text, colour=GREY), offer)

    if not effect.is_large:
        await mute(interaction)
        return
    offer = views.ConfirmView(
        interaction,
        views.Choice("Mute it", mute, danger=True),
        views.cancel("Cancel", f"{name} was not muted."),
    )
    text = f"{_describe_effect(effect)}\nThat is more than one story in ten. Mute {name} {place}?"
    await views.answer(interaction, Embed("Are you sure?", "", text, colour=GREY), offer)


def _meaning(value: str) -> str:
    outlet = f"the outlet {escape(value)}" if "." in value else "any outlet with that name"
    return (
        f"This hides articles from {outlet} and articles with “{escape(mutes.phrase(value))}” in the title."
    )


def _describe_effect(effect: mutes.MuteEffect) -> str:
    days = mutes.LOOK_BACK.days
    if not effect.total:
        return f"There are no stories from the last {days} days to compare with."
    if not effect.hidden:
        return f"Of {plural(effect.total, 'story', 'stories')} from the last {days} days, it would have hidden none."
    lines = [
        f"Of {plural(effect.total, 'story', 'stories')} from the last {days} days, it would have hidden **{len(effect.hidden)}**:",
        *(f"• {story_line(view, 300)}" for view in effect.hidden[:EXAMPLES]),
    ]
    if len(effect.hidden) > EXAMPLES:
        lines.append(f"… and {len(effect.hidden) - EXAMPLES} more")
    return "\n".join(lines)
