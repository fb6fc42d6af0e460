"""An example of a post, for one member."""

from __future__ import annotations

from bot.chat.components import mentions, to_view
from bot.chat.reply import reply
from bot.i18n import tr
from bot.messages.layout import Markdown, without_buttons
from bot.messages.setup import EXAMPLE, INVENTED
from bot.messages.story import story_post
from bot.services.context import Context
from bot.services.example import example_story
from cogs.common import Interaction, guild_of, target_channel_id


async def show_example(context: Context, interaction: Interaction) -> None:
    """Show the member alone how a post looks: with a recent story, or an invented one if there is none."""
    view, is_real = await example_story(context, guild_of(interaction).id, target_channel_id(interaction))
    post = story_post(view, owners=context.rules.owners)
    layout = post.layout if is_real else without_buttons(post.layout)
    said = Markdown.of(tr(EXAMPLE) if is_real else tr(INVENTED))
    await reply(interaction, view=to_view((said, *layout)), allowed_mentions=mentions(()))
