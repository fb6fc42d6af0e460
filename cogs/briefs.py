"""/briefs: how briefs are written, and in which language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.domain.text.cleaning import plural
from bot.messages.message import Embed, escape
from bot.messages.story import GREY
from bot.services import rephrasing
from bot.services.context import Context
from cogs.common import ChannelOption, Interaction, channel_of, guild_of, may_see, only_with

VERBATIM = "Briefs in this server are sentences of the articles, word for word."
NOTHING_SENT = "No text is sent to a language model."
MOST_CHANNELS = 25  # that an answer names
LANGUAGES = [
    app_commands.Choice(name="original (not translated)", value=rephrasing.ORIGINAL),
    *(app_commands.Choice(name=name, value=code) for code, name in rephrasing.LANGUAGES.items()),
]


class BriefCommands(commands.Cog):
    """What posts say of a story."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        style="Word for word, or rephrased by a language model, in this server (default: show the settings)",
        language="Have a language model translate briefs in a channel into this language",
        channel="The channel to translate for (default: this one)",
    )
    @app_commands.choices(language=LANGUAGES)
    @only_with(manage_guild=True)
    async def briefs(
        self,
        interaction: Interaction,
        style: rephrasing.BriefStyle | None = None,
        language: str | None = None,
        channel: ChannelOption | None = None,
    ) -> None:
        """Choose whether a language model may rephrase or translate the briefs in this server's posts."""
        guild_id, user_id = guild_of(interaction).id, interaction.user.id
        if language is not None:
            chosen = channel_of(interaction, channel)
            await rephrasing.translate(self.context, guild_id, chosen.id, user_id, language)
        if style is not None:
            await rephrasing.choose(self.context, guild_id, user_id, style)
        rephrased = await rephrasing.style(self.context, guild_id) is rephrasing.BriefStyle.REPHRASED
        languages = await rephrasing.languages(self.context, guild_id)
        visible = {place: name for place, name in languages.items() if may_see(interaction, place)}
        text = "\n".join(
            (*self._settings(rephrased, visible), *self._consequences(rephrased or bool(languages)))
        )
        await views.answer(interaction, Embed(title="Briefs", description=text, colour=GREY))

    def _settings(self, rephrased: bool, languages: Mapping[int, str]) -> Iterator[str]:
        """A line for each thing that was chosen."""
        model = f"The model **{escape(self.context.model)}**" if self.context.model else "A language model"
        yield f"{model} may rephrase the briefs in this server's posts." if rephrased else VERBATIM
        for channel_id, name in islice(languages.items(), MOST_CHANNELS):
            yield f"{model} may translate briefs in other languages into {name} in <#{channel_id}>."
        if (more := len(languages) - MOST_CHANNELS) > 0:
            yield f"… and in {plural(more, 'more channel')}."

    def _consequences(self, sends: bool) -> Iterator[str]:
        """What becomes of the server's texts."""
        if not sends:
            yield NOTHING_SENT
            return
        yield (
            "The sentences of these briefs are sent to the model, including those from this server's feeds. What it writes "
            "is labelled, links to the articles, and is shown only if its numbers, names and quotations match theirs. To undo "
            "this, use `/briefs` with the style *verbatim* or the language *original*."
        )
        if not self.context.model:
            yield "⚠️ The bot has no model at present, so briefs stay word for word."
