"""Muting outlets and words, in a channel or in a whole server."""

from __future__ import annotations

import re

from bot.domain.identity import registered_domain
from bot.domain.text import clip
from bot.domain.words import name_key, tokens
from bot.errors import InvalidInputError, NotFoundError
from bot.store import subscriptions
from bot.usecases.context import Context

LONGEST = 100
_ADDRESS = re.compile(r"@?((?:[\w-]+\.)+[^\W\d_]{2,})\.?(?:/\S*)?")  # a host, as people write and copy it
_WILDCARD = re.compile(r"(?<=\w)\*(?=\w|$)|(?<!\S)\*(?=\w)")  # as queries have it
MOST = 200


def _value(text: str) -> str:
    value = " ".join(text.split())
    if not value or len(value) > LONGEST:
        raise InvalidInputError(f"Name an outlet (example.com) or words, {LONGEST} characters at most.")
    host = found[1] if (found := _ADDRESS.fullmatch(value)) else ""
    # A bare name with one dot stays as it is: `example.com`, but also `Node.js`.
    if "://" in value or (host and (host != value or host.count(".") > 1)):
        try:
            return registered_domain(host or value)
        except ValueError as error:
            raise InvalidInputError(f"That address cannot be read: {error}.") from error
    if _WILDCARD.search(value):
        raise InvalidInputError(
            "A mute has whole words, and * stands for nothing in it: write the words out."
        )
    if not tokens(value):
        raise InvalidInputError("Nothing of that shows in a title: name an outlet (example.com) or words.")
    return value


async def mute(context: Context, guild_id: int, channel_id: int | None, text: str) -> str:
    """Mute an outlet or words. Returns what is muted now."""
    value = _value(text)
    async with context.db.write() as connection:
        if len(await subscriptions.mutes(connection, guild_id)) >= MOST:
            raise InvalidInputError(
                f"This server has {MOST} mutes, the most there can be. Take some back with /unmute."
            )
        await subscriptions.mute(connection, guild_id, channel_id, value)
    return value


async def unmute(context: Context, guild_id: int, channel_id: int | None, text: str) -> str:
    """Take a mute back. Returns what was muted."""
    value = _value(text)
    async with context.db.write() as connection:
        muted = await subscriptions.mutes(connection, guild_id)
        there = [m for m in muted if name_key(value) in (name_key(m.value), name_key(clip(m.value, LONGEST)))]
        if here := [m for m in there if m.channel_id == channel_id]:
            await subscriptions.unmute(connection, guild_id, channel_id, here[0].value)
            return here[0].value
    if there:
        place = "the whole server" if there[0].channel_id is None else f"<#{there[0].channel_id}>"
        raise NotFoundError(
            f"“{value}” is muted in {place}, not here: name that channel, or none for the server."
        )
    known = list(dict.fromkeys(m.value for m in muted))
    hint = f"Muted are: {', '.join(known[:20])}." if known else "Nothing is muted."
    raise NotFoundError(f"“{value}” is not muted. {hint}")


async def suggest(context: Context, guild_id: int, text: str, limit: int = 25) -> list[str]:
    """What is muted in a server, for autocomplete."""
    async with context.db.read() as connection:
        values = dict.fromkeys(m.value for m in await subscriptions.mutes(connection, guild_id))
    return [value for value in values if name_key(text) in name_key(value)][:limit]
