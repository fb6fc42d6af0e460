"""/data: a server takes what it has to another bot, or has it deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from io import BytesIO

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.attachments import content_of
from bot.chat.permissions import PostableChannel
from bot.chat.views import Choice, ConfirmView
from bot.i18n import tr, tr_in
from bot.messages import moving as words
from bot.messages.message import Embed
from bot.messages.story import GREY
from bot.services import erasure, languages, moving, server_file
from bot.services.context import Context
from bot.services.moving import ImportResult, ServerPlaces
from bot.services.server_file import MOST_BYTES, ServerFile
from cogs.common import Interaction, check, guild_of, only_with


@app_commands.guild_only()
@app_commands.default_permissions(administrator=True)
class DataCommands(
    commands.GroupCog, group_name="data", group_description="Export, import or delete what the bot has stored"
):
    """What the bot has stored about a server."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command()
    @only_with(administrator=True)
    async def export(self, interaction: Interaction) -> None:
        """Get a file of this server's subscriptions, topics, feeds, digests, mutes and settings."""
        await self._export(interaction)

    async def _export(self, interaction: Interaction, *choices: Choice) -> None:
        guild_id = guild_of(interaction).id
        content = server_file.encode(await moving.export(self.context, guild_id))
        name = f"topicwire-{guild_id}.json"
        file = discord.File(BytesIO(content), name)
        embed = Embed(title=tr("Export"), description=words.exported(), colour=GREY, download=name)
        await views.answer(interaction, embed, ConfirmView(interaction, *choices) if choices else None, file)

    @app_commands.command(name="import")
    @app_commands.describe(file="A file that /data export made in this server")
    @only_with(administrator=True)
    async def import_(self, interaction: Interaction, file: discord.Attachment) -> None:
        """Import such a file. You see first what changes."""
        # In a thread: such a file may have a million values.
        content = await asyncio.to_thread(server_file.decode, await content_of(file, MOST_BYTES))
        result = await moving.preview(self.context, _places(interaction), interaction.user.id, content)
        embed = words.import_preview(_rows(result), changes_nothing=result.changes_nothing)
        if result.changes_nothing:
            await views.answer(interaction, embed)
            return
        await views.answer(interaction, embed, ConfirmView(interaction, self._import(content), _cancel()))

    def _import(self, content: ServerFile) -> Choice:
        async def press(pressed: Interaction) -> None:
            check(pressed, administrator=True)
            result = await moving.apply(self.context, _places(pressed), pressed.user.id, content)
            await views.answer(pressed, words.imported(_rows(result)))

        return Choice(tr_in("button", "Import"), press)

    @app_commands.command()
    @only_with(administrator=True)
    async def delete(self, interaction: Interaction) -> None:
        """Delete everything that the bot has stored about this server."""

        async def export_first(pressed: Interaction) -> None:
            check(pressed, administrator=True)
            await self._export(pressed, _cancel(), self._delete())

        choices = (_cancel(), Choice(tr_in("button", "Export first"), export_first), self._delete())
        await views.answer(interaction, words.deletion_warning(), ConfirmView(interaction, *choices))

    def _delete(self) -> Choice:
        async def press(pressed: Interaction) -> None:
            check(pressed, administrator=True)
            guild = guild_of(pressed)
            await erasure.erase(self.context, guild.id)
            # As when the bot joined: or new posts would be in English until Discord mentions the server's language again.
            await languages.note_preferred(self.context, guild.id, guild.preferred_locale.value)
            await views.answer(pressed, words.deleted())

        return Choice(tr_in("button", "Delete everything"), press, danger=True)


def _cancel() -> Choice:
    return views.cancel(tr_in("button", "Cancel"), tr("Nothing was changed."))


def _rows(result: ImportResult) -> list[words.KindRow]:
    kinds: Mapping[str, tuple[int, int, int, int]] = {
        kind.value: (changes.new, changes.changed, changes.same, changes.left_out)
        for kind, changes in result.kinds.items()
    }
    return words.rows_of(kinds)


def _places(interaction: Interaction) -> ServerPlaces:
    """The channels and roles of the server, as the bot sees them now."""
    guild = guild_of(interaction)
    channels = [c for c in (*guild.channels, *guild.threads) if isinstance(c, PostableChannel)]
    texts = [channel for channel in channels if isinstance(channel, discord.TextChannel)]
    return ServerPlaces(
        guild.id,
        frozenset(channel.id for channel in channels),
        frozenset(channel.id for channel in texts),
        frozenset(channel.id for channel in texts if channel.is_news()),
        frozenset(role.id for role in guild.roles if not role.is_default()),
    )
