"""An example of a post, for one member."""

from __future__ import annotations

from typing import Any

from bot.chat.embeds import mentions, to_embeds, to_view
from bot.chat.reply import reply
from bot.messages.setup import EXAMPLE, INVENTED
from bot.messages.story import story_post
from bot.services.context import Context
from bot.services.example import example_story
from cogs.common import Interaction, guild_of, target_channel_id


async def show_example(context: Context, interaction: Interaction) -> None:
    """Show the member alone how a post looks: with a recent story, or an invented one if there is none."""
    view, is_real = await example_story(context, guild_of(interaction).id, target_channel_id(interaction))
    post = story_post(view, owners=context.rules.owners)
    shown: dict[str, Any] = {"content": EXAMPLE if is_real else INVENTED, "embeds": to_embeds(post)}
    if is_real and (buttons := to_view(post.buttons)) is not None:
        shown["view"] = buttons
    await reply(interaction, **shown, allowed_mentions=mentions(()))
