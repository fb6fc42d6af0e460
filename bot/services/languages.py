"""The language in which a server's posts and digests are."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import InvalidInputError
from bot.i18n import LANGUAGES, tr
from bot.services.context import Context
from bot.store import servers
from bot.store.servers import DEFAULT_LOCALE, ServerLanguage

__all__ = ["SERVERS_OWN", "ServerLanguage", "choose", "note_preferred", "server_language"]

SERVERS_OWN = "server"  # what stands for Discord's setting in the place of a language


async def server_language(context: Context, guild_id: int) -> ServerLanguage:
    """The language of a server's posts."""
    async with context.db.read() as connection:
        return await servers.language(connection, guild_id)


async def choose(context: Context, guild_id: int, code: str) -> ServerLanguage:
    """Set the language of a server's posts: a key of `LANGUAGES`, or `SERVERS_OWN` for the one that Discord has for it.

    Posts that stand in channels change when they are next edited.
    """
    if code != SERVERS_OWN and code not in LANGUAGES:
        raise InvalidInputError(tr("That is none of the languages. Choose one from the list."))
    async with context.db.write() as connection:
        present = await servers.language(connection, guild_id)
        chosen = replace(present, chosen=None if code == SERVERS_OWN else code)
        await servers.set_language(connection, guild_id, chosen)
    return chosen


async def note_preferred(context: Context, guild_id: int, code: str) -> None:
    """Note which language Discord says that a server prefers. Only a change is written, and no server begins with a row."""
    async with context.db.read() as connection:
        if ((await servers.language(connection, guild_id)).preferred or DEFAULT_LOCALE) == code:
            return
    async with context.db.write() as connection:
        present = await servers.language(connection, guild_id)
        await servers.set_language(connection, guild_id, replace(present, preferred=code))
