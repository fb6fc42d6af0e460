"""/briefs: in whose words."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.messages.message import Embed, escape
from bot.messages.story import GREY
from bot.services import rephrasing
from bot.services.context import Context
from cogs.common import Interaction, guild_of, only_with

VERBATIM = (
    "Briefs in this server are sentences of the articles, word for word. No text is sent to a language model."
)


class BriefCommands(commands.Cog):
    """What posts say of a story."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        style="Word for word, or rephrased by a language model (default: show the setting)"
    )
    @only_with(manage_guild=True)
    async def briefs(self, interaction: Interaction, style: rephrasing.BriefStyle | None = None) -> None:
        """Choose whether a language model may rephrase the briefs in this server's posts."""
        guild_id = guild_of(interaction).id
        if style is not None:
            await rephrasing.choose(self.context, guild_id, interaction.user.id, style)
        rephrased = await rephrasing.style(self.context, guild_id) is rephrasing.BriefStyle.REPHRASED
        text = self._rephrased() if rephrased else VERBATIM
        await views.answer(interaction, Embed(title="Briefs", description=text, colour=GREY))

    def _rephrased(self) -> str:
        if not self.context.model:
            return f"{VERBATIM}\n⚠️ This server chose rephrased briefs, but the bot has no model at present."
        return (
            f"The model **{escape(self.context.model)}** may rephrase the briefs in this server's posts. Their sentences are "
            "sent to it, those of this server's own feeds included. A rephrased brief says so, and is shown only if its "
            "numbers, names and quotations stand in the articles. Undo with `/briefs` and the style *verbatim*."
        )
