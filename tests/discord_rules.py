"""Discord's limits for a message, twice: as its documentation counts them, and as its OpenAPI document does."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from discord.http import handle_message_parameters
from discord.utils import MISSING
from jsonschema import Draft202012Validator, FormatChecker

from bot.chat.embeds import mentions, to_embed, to_embeds, to_view
from bot.messages.message import Embed, Message
from tests.shared_data import SHARED

_OPENAPI = SHARED / "discord" / "openapi.json"
_URI = re.compile(
    r"https?://[A-Za-z0-9._-]+(?::\d{1,5})?(?:[/?#](?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*)?"
)


def payload(message: Message) -> dict[str, Any]:
    """What discord.py sends to Discord for a message, as JSON."""
    with handle_message_parameters(
        content=message.content or None,
        embeds=to_embeds(message),
        allowed_mentions=mentions(message.roles),
        nonce="0" * 24,
        view=to_view(message.buttons) or MISSING,
    ) as parameters:
        assert parameters.payload is not None
        return dict(parameters.payload)


def page(embed: Embed) -> dict[str, Any]:
    """What discord.py sends for one page of an answer."""
    with handle_message_parameters(embed=to_embed(embed), allowed_mentions=mentions(())) as parameters:
        assert parameters.payload is not None
        return dict(parameters.payload)


def units(text: str) -> int:
    """How Discord's client counts: in UTF-16 units."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def problems(message: dict[str, Any]) -> list[str]:
    """Every limit that a message breaks, by name; empty where Discord would take it."""
    found = [] if units(message.get("content") or "") <= 2000 else ["content"]
    embeds = message["embeds"]
    found += ["embeds"] if not 0 < len(embeds) <= 10 else []
    found += ["total"] if sum(map(_size, embeds)) > 6000 else []
    for embed in embeds:
        found += _embed_problems(embed)
    for row in message.get("components", []):
        found += ["buttons"] if not 0 < len(row["components"]) <= 5 else []
        for button in row["components"]:
            found += ["label"] if not 0 < units(button["label"]) <= 80 else []
            found += ["button url"] if units(button.get("url", "")) > 512 else []
            found += ["custom id"] if units(button.get("custom_id", "")) > 100 else []
    return found + _schema_problems(message)


def _size(embed: dict[str, Any]) -> int:
    fields = embed.get("fields", [])
    texts = [embed.get("title", ""), embed.get("description", "")]
    texts += [embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
    texts += [text for field in fields for text in (field["name"], field["value"])]
    return sum(map(units, texts))


def _embed_problems(embed: dict[str, Any]) -> list[str]:
    fields: Sequence[dict[str, str]] = embed.get("fields", [])
    limits = {
        "title": (embed.get("title", "x"), 256),
        "description": (embed.get("description", "x"), 4096),
        "footer": (embed.get("footer", {}).get("text", "x"), 2048),
        "author": (embed.get("author", {}).get("name", "x"), 256),
    }
    limits |= {f"name of field {i}": (field["name"], 256) for i, field in enumerate(fields)}
    limits |= {f"value of field {i}": (field["value"], 1024) for i, field in enumerate(fields)}
    found = [name for name, (text, most) in limits.items() if not text.strip() or units(text) > most]
    urls = [embed.get("url"), embed.get("image", {}).get("url")]
    found += [url for url in urls if url is not None and (len(url) > 2048 or not _URI.fullmatch(url))]
    return found + (["fields"] if len(fields) > 25 else [])


def _schema_problems(message: dict[str, Any]) -> list[str]:
    if not _OPENAPI.exists():
        return []
    as_sent = json.loads(json.dumps(message))
    # discord.py writes ids as numbers, which Discord reads as well.
    as_sent["allowed_mentions"]["roles"] = list(map(str, as_sent["allowed_mentions"].get("roles", [])))
    return [f"{error.json_path}: {error.message[:200]}" for error in _validator().iter_errors(as_sent)]


@cache
def _validator() -> Any:
    document = json.loads(_OPENAPI.read_bytes())
    formats = FormatChecker(formats=())
    formats.checks("uri")(lambda value: not isinstance(value, str) or bool(_URI.fullmatch(value)))
    formats.checks("date-time", raises=ValueError)(
        lambda value: not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
    )
    schema = {"$ref": "#/components/schemas/MessageCreateRequest", "components": document["components"]}
    return Draft202012Validator(schema, format_checker=formats)
