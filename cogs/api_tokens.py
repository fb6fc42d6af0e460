"""/api-token: what feed readers and programs need to read this server's stories."""

from __future__ import annotations

from urllib.parse import quote

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.i18n import tr
from bot.messages.forwards import token_line, token_made
from bot.messages.message import Embed, escape_to
from bot.messages.story import GREY, list_pages
from bot.services import api_tokens, topics
from bot.services.context import Context
from cogs.common import Interaction, choices, guild_of, only_with

NAME = 80  # UTF-16 units of a name in an answer


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class ApiTokenCommands(
    commands.GroupCog, group_name="api-token", group_description="Tokens that read this server's stories"
):
    """Tokens of a server. A token is shown once, to the member who creates it."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command()
    @app_commands.describe(name="Where you use it, such as our website")
    @only_with(manage_guild=True)
    async def create(self, interaction: Interaction, name: str) -> None:
        """Create a token with which a feed reader or program reads this server's stories."""
        guild_id = guild_of(interaction).id
        made = await api_tokens.create(self.context, guild_id, name, interaction.user.id)
        followed = await topics.subscribed(self.context, guild_id, "", 1)
        topic = quote(followed[0], safe="") if followed else "TOPIC"
        embed = token_made(made.token.name, made.text, self.context.api.public_url, topic)
        await views.answer(interaction, embed)

    @app_commands.command(name="list")
    @only_with(manage_guild=True)
    async def list_(self, interaction: Interaction) -> None:
        """List this server's tokens, without what they are."""
        present = await api_tokens.listing(self.context, guild_of(interaction).id)
        lines = [token_line(token.name, token.user_id, token.created_at) for token in present]
        empty = tr("This server has no tokens. Create one with `/api-token create`.")
        await views.answer_pages(interaction, list_pages(tr("Tokens of this server"), lines, empty))

    @app_commands.command()
    @app_commands.describe(name="The token to end")
    @only_with(manage_guild=True)
    async def revoke(self, interaction: Interaction, name: str) -> None:
        """End a token. Whatever uses it can read nothing from then on."""
        token = await api_tokens.revoke(self.context, guild_of(interaction).id, name)
        text = tr("The token **{name}** no longer works.", name=escape_to(token.name, NAME))
        await views.answer(interaction, Embed(title=tr("Token revoked"), description=text, colour=GREY))

    @revoke.autocomplete("name")
    async def _names(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        present = await api_tokens.listing(self.context, interaction.guild_id or 0)
        return choices([token.name for token in present if current.casefold() in token.name.casefold()])
