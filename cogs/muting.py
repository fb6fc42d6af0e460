"""The dialogue that mutes an outlet or words: it says what would be hidden, asks where that is much, and can be undone."""

from __future__ import annotations

from dataclasses import dataclass

from bot.chat import views
from bot.chat.permissions import PostableChannel
from bot.i18n import tr, tr_plural
from bot.messages.message import Embed, escape
from bot.messages.story import GREY, story_line
from bot.services import mutes
from bot.services.context import Context
from cogs.common import Interaction, guild_of, managed, managed_everywhere

EXAMPLES = 3


def muted_place(interaction: Interaction, channel: PostableChannel | None) -> int | None:
    """The id of the channel, or None for the server. Checks the user's permission."""
    if channel is not None:
        return managed(interaction, channel).id
    managed_everywhere(interaction, tr("To mute in one channel only, choose it in the channel option."))
    return None


@dataclass(frozen=True, slots=True)
class MuteTexts:
    """What is said about a mute, in Markdown."""

    question: str
    muted: str
    already: str
    unmuted: str


def mute_texts(value: str, channel: PostableChannel | None) -> MuteTexts:
    """What is said about a mute in a channel or (None) in the whole server."""
    name = f"**{escape(value)}**"
    if channel is None:
        return MuteTexts(
            question=tr("Mute {name} across the server?", name=name),
            muted=tr("{name} is muted across the server. Undo with `/unmute`.", name=name),
            already=tr("{name} is already muted across the server.", name=name),
            unmuted=tr("{name} is no longer muted across the server.", name=name),
        )
    place = channel.mention
    return MuteTexts(
        question=tr("Mute {name} in {channel}?", name=name, channel=place),
        muted=tr("{name} is muted in {channel}. Undo with `/unmute`.", name=name, channel=place),
        already=tr("{name} is already muted in {channel}.", name=name, channel=place),
        unmuted=tr("{name} is no longer muted in {channel}.", name=name, channel=place),
    )


async def mute_with_care(
    context: Context, interaction: Interaction, value: str, channel: PostableChannel | None
) -> None:
    """Mute what `parse_mute` returned, in a channel or (None) in the whole server."""
    guild_id = guild_of(interaction).id
    channel_id = muted_place(interaction, channel)
    effect = await mutes.effect(context, guild_id, channel_id, value)
    texts = mute_texts(value, channel)

    async def undo(pressed: Interaction) -> None:
        muted_place(pressed, channel)
        await mutes.unmute(context, guild_id, channel_id, value)
        await views.answer(pressed, Embed(tr("Unmuted"), "", texts.unmuted, colour=GREY))

    async def mute(answering: Interaction) -> None:
        muted_place(answering, channel)
        if not await mutes.mute(context, guild_id, channel_id, value):
            await views.answer(answering, Embed(description=texts.already, colour=GREY))
            return
        text = f"{texts.muted}\n{_meaning(value)}\n{_describe_effect(effect)}"
        offer = views.ConfirmView(answering, views.Choice(tr("Undo"), undo))
        await views.answer(answering, Embed(tr("Muted"), "", text, colour=GREY), offer)

    if not effect.is_large:
        await mute(interaction)
        return
    offer = views.ConfirmView(
        interaction,
        views.Choice(tr("Mute it"), mute, danger=True),
        views.cancel(tr("Cancel"), tr("{name} was not muted.", name=f"**{escape(value)}**")),
    )
    text = f"{_describe_effect(effect)}\n{tr('That is more than one story in ten.')} {texts.question}"
    await views.answer(interaction, Embed(tr("Are you sure?"), "", text, colour=GREY), offer)


def _meaning(value: str) -> str:
    phrase = escape(mutes.phrase(value))
    if "." not in value:
        return tr(
            "This hides articles from any outlet with that name and articles with “{phrase}” in the title.",
            phrase=phrase,
        )
    return tr(
        "This hides articles from the outlet {outlet} and articles with “{phrase}” in the title.",
        outlet=escape(value),
        phrase=phrase,
    )


def _describe_effect(effect: mutes.MuteEffect) -> str:
    days = mutes.LOOK_BACK.days
    if not effect.total:
        return tr("There are no stories from the last {days} days to compare with.", days=days)
    if not effect.hidden:
        return tr_plural(
            "Of {count} story from the last {days} days, it would have hidden none.",
            "Of {count} stories from the last {days} days, it would have hidden none.",
            effect.total,
            days=days,
        )
    lines = [
        tr_plural(
            "Of {count} story from the last {days} days, it would have hidden **{hidden}**:",
            "Of {count} stories from the last {days} days, it would have hidden **{hidden}**:",
            effect.total,
            days=days,
            hidden=len(effect.hidden),
        ),
        *(f"• {story_line(view, 300)}" for view in effect.hidden[:EXAMPLES]),
    ]
    if len(effect.hidden) > EXAMPLES:
        more = len(effect.hidden) - EXAMPLES
        lines.append(tr_plural("… and {count} more", "… and {count} more", more))
    return "\n".join(lines)
