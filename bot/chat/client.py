"""The connection to Discord: least intents, no caches but channels and roles."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

import discord
from discord.ext import commands

from bot.chat.connection import Trouble, explain_failure
from bot.chat.errors import Tree, answer_expired
from bot.chat.transport import supervise, tracing
from bot.domain.text.cleaning import plural
from bot.errors import StoreError, TopicwireError
from bot.services.context import Context

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
# How discord.py names the tasks that run listeners, commands, buttons and forms.
_HANDLERS = ("discord.py: ", "CommandTree-invoker", "discord-ui-")
SYNC_SECONDS = (
    10.0  # that a start waits for Discord to take the commands; after them it is tried beside the posting
)


class _Once:
    """What discord.py takes for its `reconnect`: whether a connection that is lost is made anew by itself.

    The first one is not: Discord may say how long to wait, and discord.py does not look at that.
    """

    def __init__(self, up: asyncio.Event) -> None:
        self._up = up

    def __bool__(self) -> bool:
        return self._up.is_set()


class Client(commands.Bot):
    """The bot as Discord sees it.

    `add_commands` gives it its slash commands; `up` is set once the first connection knows the servers and channels.
    """

    def __init__(
        self,
        context: Context,
        add_commands: Callable[[commands.Bot, Context], Awaitable[None]],
        up: asyncio.Event | None = None,
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
            http_trace=tracing(),
            activity=discord.CustomActivity("/help · /subscribe"),
        )
        supervise(self.http)
        self.context = context
        self.up = up or asyncio.Event()
        self.sync_trouble: Trouble | None = None  # why Discord may still show an old version of the commands
        self._add_commands = add_commands

    async def stay_connected(self, token: str) -> None:
        """Log in, and work until the client is closed. Raises whatever keeps the first connection from being made."""
        await self.start(token, reconnect=cast(bool, _Once(self.up)))

    async def close(self) -> None:
        """Disconnect, and end what is still done for earlier events, which would go on with a database that is closed.

        discord.py would also go on waiting for servers, and then fail to tell a closed client that it is ready.
        """
        if (waiting := self._connection._ready_task) is not None:
            waiting.cancel()
        await super().close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        handlers = [task for task in others if task.get_name().startswith(_HANDLERS)]
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """What a listener of an event raises: trouble with the database is one line, anything else a bug."""
        error = sys.exc_info()[1]
        if isinstance(error, StoreError):
            log.error("%s: %s", event_method, error)
        else:
            await super().on_error(event_method, *args, **kwargs)

    async def setup_hook(self) -> None:
        """Add the commands, and have Discord show them."""
        await self._add_commands(self, self.context)
        self.sync_trouble = await self.sync()

    async def sync(self) -> Trouble | None:
        """Have Discord show the commands as they are now; why it does not yet, None where it does.

        Posting needs no commands, so this raises nothing that Discord or the network does.
        """
        try:
            async with asyncio.timeout(SYNC_SECONDS):
                await self.tree.sync()
        except Exception as error:
            try:
                return explain_failure(error)
            except TopicwireError as refused:
                return Trouble(str(refused))
        return None

    async def on_message(self, _message: discord.Message, /) -> None:
        """What is written in channels is not read: there are slash commands only."""

    async def on_interaction(self, interaction: discord.Interaction[Any], /) -> None:
        """Answer a button, menu or form that nothing here waits for any more, such as one of an earlier process."""
        await answer_expired(interaction)

    async def on_ready(self) -> None:
        """Say where to invite the bot to, should it be in no server yet."""
        self.up.set()
        log.info("ready as %s in %s", self.user, plural(len(self.guilds), "server"))
        if not self.guilds and self.application_id is not None:
            address = discord.utils.oauth_url(self.application_id, permissions=PERMISSIONS)
            log.info("the bot is in no server yet; open this address to invite it: %s", address)
