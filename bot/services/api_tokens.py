"""Tokens with which feed readers and programs read a server's stories: made, listed, revoked and checked."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.text.cleaning import repair
from bot.errors import InvalidInputError, NotAllowedError, NotFoundError
from bot.i18n import tr, tr_plural
from bot.services.context import Context
from bot.store import api_tokens
from bot.store.api_tokens import ApiToken

LONGEST_NAME = 60  # UTF-16 units
SECRET_BYTES = 32
KNOWN_FOR = timedelta(minutes=1)
MOST_KNOWN = 100_000  # tokens in memory, some 13 MB
# The id finds the row, so that the secret is compared in constant time and never looked for.
_TOKEN = re.compile(r"tw_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token as it is shown once: nobody can see it again."""

    token: ApiToken
    text: str


async def create(context: Context, guild_id: int, name: str, user_id: int) -> NewToken:
    """Make a token of a server. Raises NotAllowedError where the bot does not listen, and InvalidInputError at the limit."""
    if not context.api.is_on:
        raise NotAllowedError(
            tr(
                "This bot has no web address to read stories from. The person who runs it can turn that on with the setting "
                "`http.listen`."
            )
        )
    shown = repair(name, LONGEST_NAME)
    if not shown:
        raise InvalidInputError(tr("Give the token a name that says where you use it."))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    token = ApiToken(0, guild_id, shown, hash_of(secret), user_id, context.now())
    # As an intake, so that nobody else counts meanwhile.
    async with context.db.intake() as connection:
        present = await api_tokens.of_server(connection, guild_id)
        if any(other.name == shown for other in present):
            raise InvalidInputError(tr("This server already has a token of this name. Choose another name."))
        if len(present) >= context.api.tokens_per_server:
            raise InvalidInputError(
                tr_plural(
                    "This server can have {count} token. Revoke one with `/api-token revoke`.",
                    "This server can have {count} tokens. Revoke one with `/api-token revoke`.",
                    context.api.tokens_per_server,
                )
            )
        token_id = await api_tokens.add(connection, token)
    return NewToken(token, f"tw_{token_id}_{secret}")


def hash_of(secret: str) -> str:
    """What is stored of a secret. It is 256 random bits, which nobody can guess: a slow hash protects only what people choose."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def authenticate(context: Context, text: str) -> ApiToken | None:
    """The token that a request shows; None for one that is unknown, wrong, revoked, or of a server that the bot has left."""
    parsed = _TOKEN.fullmatch(text)
    token = None
    if parsed is not None:
        async with context.db.read() as connection:
            token = await api_tokens.by_id(connection, int(parsed[1]))
    stored = token.secret_hash if token is not None else hash_of("")
    shown = hash_of(parsed[2]) if parsed is not None else hash_of(text)
    return token if hmac.compare_digest(stored, shown) else None


class KnownTokens:
    """Which tokens there were a minute ago at most, in memory: so that wrong ones can be told without the database."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hashes: frozenset[str] = frozenset()
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def may_be(self, text: str) -> bool:
        """Whether a text may be a token. One that is younger than the list, or beyond the first `MOST_KNOWN`, is not in it."""
        parsed = _TOKEN.fullmatch(text)
        if parsed is None:
            return False
        async with self._reading:
            now = self._context.now()
            if self._read_at is None or now - self._read_at >= KNOWN_FOR:
                async with self._context.db.read() as connection:
                    self._hashes = frozenset(await api_tokens.hashes(connection, MOST_KNOWN))
                self._read_at = now
        return hash_of(parsed[2]) in self._hashes


async def listing(context: Context, guild_id: int) -> list[ApiToken]:
    """The tokens of a server, oldest first."""
    async with context.db.read() as connection:
        return await api_tokens.of_server(connection, guild_id)


async def revoke(context: Context, guild_id: int, name: str) -> ApiToken:
    """End a token of a server, given by its name. NotFoundError where there is none."""
    async with context.db.write() as connection:
        for token in await api_tokens.of_server(connection, guild_id):
            if name.strip() == token.name:
                await api_tokens.remove(connection, guild_id, token.id)
                return token
    raise NotFoundError(
        tr("This server has no such token. Choose one of those that `/api-token list` shows.")
    )
