"""The name and picture under which a channel's posts appear: what Discord allows, and who may use them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from bot.domain.text.cleaning import length, repair

# https://discord.com/developers/docs/resources/webhook#create-webhook
LONGEST_NAME = 80  # in UTF-16 units, so never more than Discord's count
FORBIDDEN = ("discord", "clyde")
RESERVED = frozenset(("everyone", "here"))  # allowed for webhooks, but they look like a ping
LONGEST_ADDRESS = 2048  # https://discord.com/developers/docs/resources/webhook#execute-webhook
DEFAULT_NAME = "News"

_ADDRESS = re.compile(r"https://([^/?#\\@\s]+)(?:[/?#][!-~]*)?", re.IGNORECASE)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE)
_PRIVATE = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".invalid", ".onion")


@dataclass(frozen=True, slots=True)
class WebhookKey:
    """The bot's own webhook in a channel. Whoever has the token can post there, so it stands in no text, log or repr."""

    id: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Byline:
    """The webhook that makes a message, with the name and picture for it.

    An empty `name` is that of the webhook. An empty `avatar_url` stands for the webhook's picture if it has one
    (`has_picture`), and otherwise for the bot's.
    """

    webhook: WebhookKey
    name: str = ""
    avatar_url: str = ""
    has_picture: bool = False


@dataclass(frozen=True, slots=True)
class Face:
    """How posts of a channel appear. An empty `name` is that of the topic.

    `is_lost`: Discord no longer knows the webhook, so posts appear as the bot's.
    """

    guild_id: int
    channel_id: int
    webhook: WebhookKey
    name: str = ""
    avatar_url: str = ""
    has_picture: bool = False
    is_lost: bool = False

    def byline(self, topics: Iterable[str]) -> Byline:
        """How a message on these topics appears: under the chosen name, or that of the topic if it is a single one."""
        names = tuple(dict.fromkeys(topics))
        name = self.name or usable_name(names[0] if len(names) == 1 else "")
        return Byline(self.webhook, name, self.avatar_url, self.has_picture)


class NameFault(StrEnum):
    """Why Discord does not accept a name."""

    EMPTY = "empty"
    TOO_LONG = "long"
    FORBIDDEN = "forbidden"
    RESERVED = "reserved"


def name_fault(name: str) -> NameFault | None:
    """What is wrong with a cleaned name; None if Discord accepts it.

    Letters that only look different count as the same, and so do invisible characters between them.
    """
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in folded if unicodedata.category(c)[0] not in "CM")
    if not plain.strip():
        return NameFault.EMPTY
    if length(name) > LONGEST_NAME:
        return NameFault.TOO_LONG
    if any(word in plain or word in plain.replace(" ", "") for word in FORBIDDEN):
        return NameFault.FORBIDDEN
    return NameFault.RESERVED if plain.strip("@ ") in RESERVED else None


def usable_name(*candidates: str) -> str:
    """The first of these names that Discord accepts, cleaned and shortened; empty if it accepts none.

    >>> usable_name("Clyde's discoveries", "  Weather ")
    'Weather'
    """
    cleaned = (repair(name, LONGEST_NAME) for name in candidates)
    return next((name for name in cleaned if name_fault(name) is None), "")


def is_picture_address(address: str) -> bool:
    """Whether an address may be that of a picture: https, of a public host by name, without a password.

    Discord fetches it, not the bot.

    >>> is_picture_address("https://pictures.example/me.png"), is_picture_address("https://127.0.0.1/me.png")
    (True, False)
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or len(address) > LONGEST_ADDRESS:
        return False
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return port in (None, 443) and _HOST.fullmatch(host) is not None and not host.endswith(_PRIVATE)
