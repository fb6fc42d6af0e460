"""The connection to Discord: least intents, no caches but channels and roles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import discord
import discord.http
from discord.ext import commands

from bot.chat.errors import Tree
from bot.usecases.context import Context

log = logging.getLogger(__name__)

# View Channel, Send Messages, Send Messages in Threads, Embed Links, Read Message History: what an
# invitation asks for.
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    read_message_history=True,
)
LONGEST_WAIT = 30.0  # seconds that discord.py may sit out a rate limit; longer ones go back to the outbox


async def reachable() -> str:
    """Whether Discord answers at all: empty where it does, else why not. Needs no token."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(f"{discord.http.Route.BASE}/gateway") as answer,
        ):
            return "" if answer.status < 500 else f"HTTP {answer.status}"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return f"{type(error).__name__}: {error}"


class Client(commands.Bot):
    """The bot as Discord sees it. `add_commands` gives it its slash commands."""

    def __init__(
        self, context: Context, add_commands: Callable[[commands.Bot, Context], Awaitable[None]]
    ) -> None:
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
            allowed_installs=discord.app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=discord.app_commands.AppCommandContext(
                guild=True, dm_channel=False, private_channel=False
            ),
            intents=discord.Intents(guilds=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=LONGEST_WAIT,
            activity=discord.CustomActivity("/help · /subscribe"),
        )
        self.context = context
        self.up = asyncio.Event()  # set once the first connection knows the servers and channels
        self._add_commands = add_commands

    async def setup_hook(self) -> None:
        """Register the commands, here and with Discord."""
        await self._add_commands(self, self.context)
        await self.tree.sync()

    async def on_message(self, _message: discord.Message, /) -> None:
        """Messages are never read: there are slash commands only."""

    async def on_ready(self) -> None:
        """Say where to invite the bot to, should it be in no server yet."""
        self.up.set()
        log.info("ready as %s in %d servers", self.user, len(self.guilds))
        if not self.guilds and self.application_id is not None:
            log.info("invite it: %s", discord.utils.oauth_url(self.application_id, permissions=PERMISSIONS))
