"""/briefs: how briefs are written, and in which language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.translator import language_choice
from bot.i18n import mark, tr, tr_plural
from bot.messages.languages import language_name
from bot.messages.message import Embed, escape
from bot.messages.story import GREY
from bot.services import rephrasing
from bot.services.context import Context
from cogs.common import ChannelOption, Interaction, channel_of, guild_of, may_see, only_with
from cogs.options import BriefStyleOption

VERBATIM = mark("Briefs in this server are sentences of the articles, word for word.")
NOTHING_SENT = mark("No text is sent to a language model.")
NAMED_MODEL = (
    mark("The model **{model}** may rephrase the briefs in this server's posts."),
    mark("The model **{model}** may translate briefs in other languages into {language} in {channel}."),
)
SOME_MODEL = (
    mark("A language model may rephrase the briefs in this server's posts."),
    mark("A language model may translate briefs in other languages into {language} in {channel}."),
)
MOST_CHANNELS = 25  # that an answer names
LANGUAGES = [
    app_commands.Choice(name="original (not translated)", value=rephrasing.ORIGINAL),
    *(
        app_commands.Choice(name=language_choice(name, code), value=code)
        for code, name in rephrasing.LANGUAGES.items()
    ),
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
        style: BriefStyleOption | None = None,
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
        visible = {
            place: language_name(code) for place, code in languages.items() if may_see(interaction, place)
        }
        text = "\n".join(
            (*self._settings(rephrased, visible), *self._consequences(rephrased or bool(languages)))
        )
        await views.answer(interaction, Embed(title=tr("Briefs"), description=text, colour=GREY))

    def _settings(self, rephrased: bool, languages: Mapping[int, str]) -> Iterator[str]:
        """A line for each thing that was chosen."""
        model = escape(self.context.model)
        rephrases, translates = NAMED_MODEL if model else SOME_MODEL
        yield tr(rephrases, model=model) if rephrased else tr(VERBATIM)
        for channel_id, name in islice(languages.items(), MOST_CHANNELS):
            yield tr(translates, model=model, language=name, channel=f"<#{channel_id}>")
        if (more := len(languages) - MOST_CHANNELS) > 0:
            yield tr_plural("… and in {count} more channel.", "… and in {count} more channels.", more)

    def _consequences(self, sends: bool) -> Iterator[str]:
        """What becomes of the server's texts."""
        if not sends:
            yield tr(NOTHING_SENT)
            return
        yield tr(
            "The sentences of these briefs are sent to the model, including those from this server's feeds. What it writes "
            "is labelled, links to the articles, and is shown only if its numbers, names and quotations match theirs. To undo "
            "this, use `/briefs` with the style *verbatim* or the language *original*."
        )
        if not self.context.model:
            yield "⚠️ " + tr("The bot has no model at present, so briefs stay word for word.")
