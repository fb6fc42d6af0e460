"""/forward: stories of a topic go to an address outside of Discord."""

from __future__ import annotations

from typing import Literal

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.domain.forwarding import Forward
from bot.domain.model import Volume
from bot.domain.posting.volume import DEFAULT
from bot.domain.text.addresses import host_of
from bot.domain.text.cleaning import clip
from bot.i18n import tr
from bot.messages.forwards import forward_line, forward_made
from bot.messages.layout import CHOICE
from bot.messages.message import Embed, escape_to
from bot.messages.story import GREY, list_pages
from bot.services import forwards, topics
from bot.services.context import Context
from bot.services.forwards import ForwardRequest
from cogs.common import Interaction, channel_of, choices, guild_of, only_with, require_postable

TOPIC = 80  # UTF-16 units of a topic in an answer
HOST = 100


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class ForwardCommands(
    commands.GroupCog, group_name="forward", group_description="Send stories to other addresses"
):
    """Forwards of a server. Answers show of an address its host alone: the rest may be a secret."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        topic="Topic whose stories are sent",
        url="Address that gets them, with https://",
        volume="How much to send: few, some or many are about 2, 8 or 25 stories a day (default: some)",
    )
    @only_with(manage_guild=True)
    async def add(
        self,
        interaction: Interaction,
        topic: str,
        url: str,
        volume: Literal["few", "some", "many", "everything", "notable", "major"] | None = None,
    ) -> None:
        """Send the stories of a topic to an address outside of Discord. This channel is told if it fails."""
        channel = channel_of(interaction)
        require_postable(channel)
        request = ForwardRequest(
            guild_of(interaction).id,
            topic,
            url,
            Volume(volume) if volume else DEFAULT,
            channel.id,
        )
        await views.answer(interaction, forward_made(await forwards.add(self.context, request)))

    @app_commands.command(name="list")
    @only_with(manage_guild=True)
    async def list_(self, interaction: Interaction) -> None:
        """List the addresses that get stories of this server, and how they fare."""
        listing = await forwards.listing(self.context, guild_of(interaction).id)
        lines = [forward_line(forward, listing.waiting.get(forward.id, 0)) for forward in listing.forwards]
        empty = tr("This server sends no stories to other addresses. Add one with `/forward add`.")
        await views.answer_pages(interaction, list_pages(tr("Forwards of this server"), lines, empty))

    @app_commands.command()
    @app_commands.describe(forward="The forward to remove")
    @only_with(manage_guild=True)
    async def remove(self, interaction: Interaction, forward: str) -> None:
        """Send nothing more to an address."""
        removed = await forwards.remove(self.context, guild_of(interaction).id, forward)
        text = tr("Stories of **{topic}** are no longer sent to {host}.", **_named(removed))
        await views.answer(interaction, Embed(title=tr("Forward removed"), description=text, colour=GREY))

    @app_commands.command()
    @app_commands.describe(forward="The forward that failed or was switched off")
    @only_with(manage_guild=True)
    async def resume(self, interaction: Interaction, forward: str) -> None:
        """Send to an address again at once after it has failed or was switched off."""
        resumed = await forwards.resume(self.context, guild_of(interaction).id, forward)
        text = tr(
            "Stories of **{topic}** are sent to {host} again, beginning with those that are waiting.",
            **_named(resumed),
        )
        await views.answer(interaction, Embed(title=tr("Forward resumed"), description=text, colour=GREY))

    @add.autocomplete("topic")
    async def _topics(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, interaction.guild_id or 0))

    @remove.autocomplete("forward")
    @resume.autocomplete("forward")
    async def _forwards(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        listing = await forwards.listing(self.context, interaction.guild_id or 0)
        named = [(f"#{f.id} {f.topic}: {host_of(f.url)}", str(f.id)) for f in listing.forwards]
        return [
            app_commands.Choice(name=clip(name, CHOICE), value=value)
            for name, value in named
            if current.casefold() in name.casefold()
        ][:25]


def _named(forward: Forward) -> dict[str, str]:
    return {"topic": escape_to(forward.topic, TOPIC), "host": escape_to(host_of(forward.url), HOST)}
