"""Why a connection to Discord fails, and how long to wait before the next try."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

import aiohttp
import discord

from bot.chat.transport import DISCORD, DiscordAddresses, requested_wait
from bot.domain.retry import doubled
from bot.errors import SettingsError

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)
LONGEST_BLOCK = timedelta(days=1)  # the longest Retry-After that is followed
REASON = 200  # characters
# Of requests without a client: https://discord.com/developers/docs/reference#user-agent
USER_AGENT = f"DiscordBot (https://github.com/topicwire/topicwire, {version('topicwire')})"

REFUSAL = (
    "Discord refused the token: copy it again from https://discord.com/developers/applications "
    "(your application, Bot, Reset Token)"
)
INTENTS = (
    "Discord refused the intents that the bot asks for: check them at https://discord.com/developers/applications "
    "(your application, Bot, Privileged Gateway Intents), and check that Discord has not disabled the application"
)
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
AUTHENTICATION_FAILED = 4004
DISALLOWED_INTENTS = 4014
FINAL = frozenset((4004, 4010, 4011, 4012, 4013, 4014))  # a new connection would fail too
# The API's answer to an address or a client that it has blocked for a while; it comes with HTTP 403.
INTERNAL_NETWORK_ERROR = 40333


@dataclass(frozen=True, slots=True)
class Trouble:
    """A temporary reason for having no connection. `wait` is how long Discord asks to wait, if it does."""

    reason: str
    wait: timedelta | None = None


def pause_after(trouble: Trouble, failures: int) -> timedelta:
    """How long to wait after `failures` tries in a row (from 1): 5 s, doubled up to 10 minutes, or as Discord asks."""
    pause = doubled(FIRST_PAUSE, failures, LONGEST_PAUSE)
    return max(pause, min(trouble.wait or timedelta(), LONGEST_BLOCK))


def explain_failure(error: Exception) -> Trouble:
    """The reason behind an error of a connection. Raises SettingsError if a retry cannot help."""
    match error:
        case discord.LoginFailure():
            raise SettingsError(REFUSAL) from error
        case discord.RateLimited():
            return Trouble("HTTP 429, too many requests", timedelta(seconds=error.retry_after))
        case discord.HTTPException():
            return _refused(error)
        case discord.PrivilegedIntentsRequired():
            raise SettingsError(INTENTS) from error
        case discord.ConnectionClosed(code=code):
            if code == AUTHENTICATION_FAILED:
                raise SettingsError(REFUSAL) from error
            if code == DISALLOWED_INTENTS:
                raise SettingsError(INTENTS) from error
            if code not in FINAL:
                return Trouble(f"the gateway closed the connection (code {code})")
            raise SettingsError(f"Discord refused the connection to its gateway (code {code})") from error
        case aiohttp.WSServerHandshakeError(status=status):
            wait = requested_wait(error.headers or {})
            return Trouble(f"HTTP {status} from the gateway", wait)
        case aiohttp.ClientError() | OSError() | discord.GatewayNotFound():
            return Trouble(_one_line(str(error)) or type(error).__name__)
        # discord.py assumes that every response and event comes from Discord.
        case LookupError() | ValueError() | TypeError() | AttributeError() | RuntimeError() | zlib.error():
            log.debug("discord.py could not read an answer or an event", exc_info=error)
            return Trouble("the answer did not come from Discord's API")
        case _:
            raise error


def _refused(error: discord.HTTPException) -> Trouble:
    status, text = error.status, _one_line(error.text or "")
    if status == 401:
        raise SettingsError(REFUSAL) from error
    is_final = 400 <= status < 500 and status not in (408, 429)
    if is_final and error.code not in (0, INTERNAL_NETWORK_ERROR):
        raise SettingsError(f"Discord refused the bot when it started: {text} (code {error.code})") from error
    is_page = (error.text or "").lstrip().startswith("<")
    detail = "an error page of a proxy in front of Discord" if is_page else text
    return Trouble(f"HTTP {status}, {detail}" if detail else f"HTTP {status}", retry_after(error))


def retry_after(error: discord.HTTPException) -> timedelta | None:
    """How long a response asks to wait, or None."""
    return requested_wait(getattr(error.response, "headers", {}))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:REASON]


async def unreachable(addresses: DiscordAddresses = DISCORD) -> Trouble | None:
    """Why Discord cannot be reached, or None. Needs no token."""
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=10), headers={"User-Agent": USER_AGENT}
            ) as session,
            session.get(f"{addresses.api_base()}/gateway") as answer,
        ):
            if answer.status in (403, 429) or answer.status >= 500:
                return Trouble(f"HTTP {answer.status}", requested_wait(answer.headers))
            await answer.json(content_type=None)  # a login page of a network is not JSON
            return None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return explain_failure(error)


def one_line_per_reconnect(record: logging.LogRecord) -> bool:
    """A filter for discord.py's log: a lost connection is one line with its cause, without a traceback."""
    if record.exc_info and record.exc_info[1] is not None and isinstance(record.msg, str):
        error = record.exc_info[1]
        if isinstance(error, aiohttp.ClientError | OSError | discord.DiscordException):
            cause = _one_line(str(error)) or type(error).__name__
            record.msg, record.args = f"{record.getMessage()} ({cause})", ()
            record.exc_info = None
    return True
