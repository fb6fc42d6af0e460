"""The bot without a gateway, as senders run it: what it needs to know of a server it asks for."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import discord

from bot.chat.client import Client

# Those used longest ago go first. With 30 channels and 20 roles, a server takes 43 kB as discord.py's objects, and 5 kB as Discord
# sent it, compressed: 215 MB and 270 MB.
MOST_SERVERS = 5_000
MOST_PACKED = 50_000
# Of a server, what the bot never looks at.
UNUSED: Mapping[str, list[object]] = {"emojis": [], "stickers": []}
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class RestClient(Client):
    """Sends with requests alone. Its cache has the servers that `read_server` was asked for, the last of them ready for use.

    The gateway sends a server's channels and roles once and then every change. Here the same is read with three requests when
    a message goes to the server, and again once it is too old or `forget_server` was called.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._closing = asyncio.Event()
        self._read_at: OrderedDict[int, datetime] = OrderedDict()  # the one used last at the end, as below
        self._packed: dict[int, bytes] = {}  # what Discord sent of them
        self._unpacked: OrderedDict[int, None] = OrderedDict()  # those in discord.py's cache
        self._reading: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def is_connected(self) -> bool:
        """Whether the bot is logged in."""
        return self.up.is_set() and not self.is_closed()

    async def stay_connected(self, token: str) -> None:
        """Log in, and wait until the client is closed. Raises whatever prevents that."""
        await self.login(token)
        self.up.set()
        self._note(None)
        await self._closing.wait()

    async def close(self) -> None:
        """End `stay_connected`."""
        self._closing.set()
        await super().close()

    async def _registered(self) -> Sequence[discord.app_commands.AppCommand]:
        """The commands as Discord has them: a gateway registers them."""
        return await self.tree.fetch_commands()

    def forget_server(self, guild_id: int) -> None:
        """Read a server again before the next message to it: something has changed there."""
        if guild_id in self._read_at:
            self._read_at[guild_id] = LONG_AGO

    def forget_servers(self) -> None:
        """Read all servers again."""
        for guild_id in self._read_at:
            self._read_at[guild_id] = LONG_AGO

    async def read_server(self, guild_id: int, max_age: timedelta) -> None:
        """See to it that what is cached of a server is not older than that. Raises what Discord answers."""
        async with self._reading[guild_id]:
            now = self.context.now()
            read_at = self._read_at.get(guild_id)
            if read_at is None or now - read_at > max_age:
                self._read_at[guild_id] = now  # before: a change that is reported meanwhile must not get lost
                self._read_at.move_to_end(guild_id)
                try:
                    await self._read(guild_id)
                except BaseException:
                    self._read_at[guild_id] = LONG_AGO
                    raise
            elif guild_id in self._packed and guild_id not in self._unpacked:
                self._unpack(guild_id)
            # One that left the cache while it was read missed the changes that were reported since.
            self._read_at.setdefault(guild_id, LONG_AGO)
            self._read_at.move_to_end(guild_id)
            if guild_id in self._unpacked:
                self._unpacked.move_to_end(guild_id)
        self._evict()

    async def _read(self, guild_id: int) -> None:
        """Fill discord.py's cache as its gateway does. There is no public way to do that."""
        assert self.user is not None
        try:
            guild: Any = await self.http.get_guild(guild_id, with_counts=False)
            channels = await self.http.get_all_guild_channels(guild_id)
            me: Any = await self.http.get_member(guild_id, self.user.id)
        except (discord.NotFound, discord.Forbidden):  # the bot is not in the server
            self._drop(guild_id)
            return
        # Threads come and go with every post, so they are asked for one by one.
        guild |= {"channels": channels, "members": [me], "threads": [], **UNUSED}
        self._packed[guild_id] = zlib.compress(json.dumps(guild).encode(), level=1)
        self._unpack(guild_id)

    def _unpack(self, guild_id: int) -> None:
        """Put a server into discord.py's cache."""
        self._connection._add_guild_from_data(json.loads(zlib.decompress(self._packed[guild_id])))
        self._unpacked[guild_id] = None

    def _evict(self) -> None:
        while len(self._unpacked) > MOST_SERVERS:
            self._remove(next(iter(self._unpacked)))
        while len(self._read_at) > MOST_PACKED:
            guild_id, _ = self._read_at.popitem(last=False)
            self._drop(guild_id)
            if not self._reading[guild_id].locked():
                del self._reading[guild_id]

    def _drop(self, guild_id: int) -> None:
        self._packed.pop(guild_id, None)
        self._remove(guild_id)

    def _remove(self, guild_id: int) -> None:
        self._unpacked.pop(guild_id, None)
        if (guild := self.get_guild(guild_id)) is not None:
            self._connection._remove_guild(guild)
