"""The bot's application at Discord: whom a token belongs to, and the address that invites the bot."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

import discord

from bot.chat.connection import Trouble, explain_failure, unreachable
from bot.chat.pacer import Pacer
from bot.chat.transport import DISCORD, DiscordAddresses, supervise, tracing
from bot.errors import TopicwireError

# View Channel, Send Messages, Send Messages in Threads, Embed Links, Read Message History: what an
# invitation asks for.
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    read_message_history=True,
)
ANSWER_SECONDS = 30.0  # for both requests together


@dataclass(frozen=True, slots=True)
class Application:
    """The application of a token: its ID, and the name of its bot."""

    id: int
    name: str


def invite_link(application_id: int) -> str:
    """The address that invites the bot, with the permissions and the scopes that it needs and no others."""
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS)


def account_of(token: str) -> str:
    """A short text that stands for a token, as a key of what processes with the same token share."""
    return hashlib.blake2b(token.encode(), digest_size=8).hexdigest()


async def application_of(token: str, addresses: DiscordAddresses = DISCORD) -> Application:
    """The application that the token belongs to, as Discord says.

    Raises TopicwireError with one sentence if Discord refuses the token or cannot be reached.
    """
    trouble = await unreachable(addresses)
    if trouble is None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await _log_in(token, addresses)
        except TimeoutError:
            trouble = Trouble("it did not answer in time")
        except Exception as error:
            trouble = explain_failure(error)
    raise TopicwireError(
        f"Discord cannot be reached ({trouble.reason}). Check the network of this machine, then try again."
    )


async def _log_in(token: str, addresses: DiscordAddresses) -> Application:
    pacer = Pacer()
    client = discord.Client(
        intents=discord.Intents.none(), max_ratelimit_timeout=30.0, http_trace=tracing(pacer)
    )
    supervise(client.http, pacer, addresses)
    try:
        await client.login(token)
        if client.application_id is None or client.user is None:
            raise ValueError("the answer names no application")
        return Application(client.application_id, client.user.name)
    finally:
        await client.close()
