"""The Discord client: minimal intents, and no caches except channels and roles."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import discord
from discord.ext import commands

from bot.chat.application import invite_link
from bot.chat.connection import Trouble, explain_failure
from bot.chat.errors import Tree, answer_expired
from bot.chat.pacer import LONGEST_WAIT, Pacer
from bot.chat.translator import CatalogueTranslator
from bot.chat.transport import (
    DISCORD,
    DiscordAddresses,
    PacedSession,
    WebhookAdapter,
    supervise,
    tracing,
    webhook_session,
)
from bot.domain.shards import Shards
from bot.domain.text.cleaning import plural
from bot.errors import StoreError, TopicwireError
from bot.i18n import load_catalogues
from bot.messages.commands import CommandIds
from bot.services.context import Context

log = logging.getLogger(__name__)

Identify = Callable[[int, int], Awaitable[None]]

# How discord.py names the tasks that run listeners, commands, buttons and forms.
_HANDLERS = ("discord.py: ", "CommandTree-invoker", "discord-ui-")
SYNC_SECONDS = 10.0  # for the registration at the start; later tries run while the bot posts


class _Once:
    """A value for discord.py's `reconnect` that becomes true with the first connection.

    discord.py does not retry the first one, because it ignores how long Discord asks to wait.
    """

    def __init__(self, up: asyncio.Event) -> None:
        self._up = up

    def __bool__(self) -> bool:
        return self._up.is_set()


def _nobody(_: str | None) -> None:
    """Nobody asks whether there is a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """How a client connects, and what it tells of that.

    `up` is set once the first connection has the servers and channels. `pacer` has the limits of the token, if it is shared.
    `note` gets the reason when the connection is lost, and None when it is there.
    `shards` are those that the client serves. `identify` is awaited before a shard identifies with the gateway; it gets the
    shard, and how many shards Discord lets identify at once.
    """

    up: asyncio.Event = field(default_factory=asyncio.Event)
    pacer: Pacer = field(default_factory=Pacer)
    addresses: DiscordAddresses = DISCORD
    note: Callable[[str | None], None] = _nobody
    shards: Shards = field(default_factory=Shards)
    identify: Identify | None = None


class Client(commands.Bot):
    """The bot as Discord sees it. `add_commands` registers the slash commands; `more` are options of discord.py."""

    def __init__(
        self,
        context: Context,
        add_commands: Callable[[commands.Bot, Context], Awaitable[None]],
        options: ClientOptions | None = None,
        **more: Any,
    ) -> None:
        options = options or ClientOptions()
        self._pacer = options.pacer
        super().__init__(
            **more,
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
            http_trace=tracing(self._pacer),
            activity=discord.CustomActivity("/help · /subscribe"),
        )
        supervise(self.http, self._pacer, options.addresses)
        self.context = context
        self.shards_served = options.shards
        self._identify = options.identify
        self.up = options.up
        self.sync_trouble: Trouble | None = None  # why Discord may still show an old version of the commands
        self.webhook_session: PacedSession = discord.utils.MISSING  # until the client logs in
        self.webhook_adapter = (
            WebhookAdapter(options.addresses) if options.addresses.api else None
        )  # None: that of discord.py
        self.command_ids: CommandIds = {}  # of the commands that Discord has, as far as it has said so
        self._add_commands = add_commands
        self._note = options.note
        self._running: set[asyncio.Task[Any]] = set()

    async def stay_connected(self, token: str) -> None:
        """Log in and run until the client is closed. Raises whatever prevents the first connection."""
        await self.start(token, reconnect=cast(bool, _Once(self.up)))

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now. discord.py's `is_ready` stays true when one is lost."""
        gateway: Any = self.ws
        return self.is_ready() and gateway is not None and bool(gateway.open)

    async def read_server(self, guild_id: int, max_age: timedelta) -> None:
        """See to it that what is cached of a server is not older than that. The gateway keeps it up to date."""

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until the shard may identify."""
        if self._identify is None:
            await super().before_identify_hook(shard_id, initial=initial)
        else:
            _, _, limits = await self.http.get_bot_gateway()
            await self._identify(shard_id or 0, max(1, limits.get("max_concurrency", 1)))

    async def close(self) -> None:
        """Disconnect and cancel the running handlers, which would otherwise use closed connections and a closed database.

        discord.py also keeps a task that waits for servers and fails on a closed client.
        """
        if (waiting := self._connection._ready_task) is not None:
            waiting.cancel()
        await self._cancel_handlers()
        await super().close()
        await self._cancel_handlers()  # those of the last events before the connection was closed

    async def _cancel_handlers(self) -> None:
        named = {task for task in asyncio.all_tasks() if task.get_name().startswith(_HANDLERS)}
        handlers = (named | self._running) - {asyncio.current_task()}
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    def keep(self, handler: asyncio.Task[Any]) -> None:
        """Refer to a running handler until it ends.

        The event loop refers to its tasks weakly, and discord.py to none of those that run listeners and commands. One that
        waits for something that nobody else knows would be collected as garbage, in the middle of what it does.
        """
        self._running.add(handler)
        handler.add_done_callback(self._running.discard)

    def _schedule_event(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Keep the task of each listener. discord.py has no public hook for that."""
        handler: asyncio.Task[Any] = super()._schedule_event(*args, **kwargs)
        self.keep(handler)
        return handler

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log an error of a listener: one line for a database error, a traceback for a bug."""
        error = sys.exc_info()[1]
        if isinstance(error, StoreError):
            log.error("%s: %s", event_method, error)
        else:
            await super().on_error(event_method, *args, **kwargs)

    async def setup_hook(self) -> None:
        """Add the commands, and have Discord show them."""
        if self.http.connector is not discord.utils.MISSING:  # a simulated Discord has none
            self.webhook_session = webhook_session(self.http, self._pacer)
        if self.webhook_adapter is not None:  # commands are answered in tasks that this one creates
            self.webhook_adapter.use()
        await asyncio.to_thread(load_catalogues)
        await self.tree.set_translator(CatalogueTranslator())
        await self._add_commands(self, self.context)
        self.sync_trouble = await self.sync()

    async def sync(self) -> Trouble | None:
        """Register the commands with Discord. Returns why that failed, or None.

        Posting needs no commands, so errors of Discord or the network are not raised. The first cluster does it for all.
        """
        try:
            async with asyncio.timeout(SYNC_SECONDS):
                self._note_ids(await self._registered())
        except Exception as error:
            try:
                return explain_failure(error)
            except TopicwireError as refused:
                return Trouble(str(refused))
        return None

    async def _registered(self) -> Sequence[discord.app_commands.AppCommand]:
        """The commands as Discord has them from now on."""
        first = self.shards_served.cluster == 0
        return await (self.tree.sync() if first else self.tree.fetch_commands())

    def _note_ids(self, registered: Sequence[discord.app_commands.AppCommand]) -> None:
        ids = {command.name: command.id for command in registered}
        self.command_ids = {
            command.qualified_name: ids[root]
            for command in self.tree.walk_commands()
            if isinstance(command, discord.app_commands.Command)
            and (root := command.qualified_name.partition(" ")[0]) in ids
        }

    async def on_message(self, _message: discord.Message, /) -> None:
        """Ignore messages in channels, because there are only slash commands."""

    async def on_interaction(self, interaction: discord.Interaction[Any], /) -> None:
        """Answer a button, menu or form that has no handler any more, such as one of an earlier process."""
        await answer_expired(interaction)

    async def on_disconnect(self) -> None:
        """Note that there is no connection. discord.py connects again by itself."""
        self._note("the connection to Discord's gateway was lost")

    async def on_resumed(self) -> None:
        """Note that the connection is there again."""
        self._note(None)

    async def on_shard_ready(self, _shard: int) -> None:
        """Likewise, of a shard that began a new session."""
        self._note(None)

    async def on_ready(self) -> None:
        """Log the invitation address if the bot is in no server yet."""
        self.up.set()
        self._note(None)
        log.info("ready as %s in %s", self.user, plural(len(self.guilds), "server"))
        if not self.guilds and self.application_id is not None:
            address = invite_link(self.application_id)
            log.info("the bot is in no server yet; open this address to invite it: %s", address)


class ShardedClient(Client, commands.AutoShardedBot):
    """The bot with several shards, or those of one cluster."""

    def __init__(
        self,
        context: Context,
        add_commands: Callable[[commands.Bot, Context], Awaitable[None]],
        options: ClientOptions,
    ) -> None:
        shards = options.shards
        super().__init__(context, add_commands, options, shard_ids=list(shards.ids), shard_count=shards.count)

    @property
    def is_connected(self) -> bool:
        """Whether all shards have a connection now."""
        shards = self.shards
        return len(shards) == len(self.shards_served.ids) and not any(
            shard.is_closed() for shard in shards.values()
        )
