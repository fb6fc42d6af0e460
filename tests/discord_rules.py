"""Discord's limits for a message, twice: as its documentation counts them, and as its OpenAPI document does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from discord.http import handle_message_parameters
from jsonschema_rs import Draft202012Validator

from bot.chat.components import mentions, to_view
from bot.messages.message import Embed, Message, panel
from tests.shared_data import SHARED

_OPENAPI = SHARED / "discord" / "openapi.json"
_URI = re.compile(
    r"https?://[A-Za-z0-9._-]+(?::\d{1,5})?(?:[/?#](?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*)?"
)

_ATTACHED = re.compile(r"attachment://[A-Za-z0-9._-]+")  # a file that is sent with the message


def payload(message: Message) -> dict[str, Any]:
    """What discord.py sends to Discord for a message, as JSON."""
    with handle_message_parameters(
        allowed_mentions=mentions(message.roles), nonce="0" * 24, view=to_view(message.shown)
    ) as parameters:
        assert parameters.payload is not None
        return dict(parameters.payload)


def page(embed: Embed) -> dict[str, Any]:
    """What discord.py sends for one page of an answer."""
    return payload(Message(layout=(panel(embed),)))


def units(text: str) -> int:
    """How Discord's client counts: in UTF-16 units."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def problems(message: dict[str, Any]) -> list[str]:
    """Every limit that a message breaks, by name; empty where Discord would take it."""
    parts = list(_walk(message["components"]))
    flags = message["flags"]
    found = [] if getattr(flags, "value", flags) == 1 << 15 else ["flags"]
    found += [field for field in ("content", "embeds", "poll") if message.get(field)]
    found += ["components"] if not 0 < len(parts) <= 40 else []
    texts = [part["content"] for part in parts if part["type"] == 10]
    found += ["text"] if sum(map(units, texts)) > 4000 else []
    found += ["empty text"] if not all(text.strip() for text in texts) else []
    for part in parts:
        found += [f"{_NAMES.get(part['type'], 'component')}: {name}" for name in _part_problems(part)]
    actions = [part["custom_id"] for part in parts if part.get("custom_id")]
    found += ["custom id twice"] if len(actions) != len(set(actions)) else []
    return found + _schema_problems(message)


_NAMES = {1: "row", 2: "button", 3: "menu", 9: "section", 11: "thumbnail", 12: "gallery", 17: "container"}


def _walk(components: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in components:
        yield part
        yield from _walk(part.get("components") or ())
        if part.get("accessory"):
            yield part["accessory"]


def _part_problems(part: dict[str, Any]) -> list[str]:
    match part["type"]:
        case 1:
            menus = [inner for inner in part["components"] if inner["type"] != 2]
            return ["size"] if not 0 < len(part["components"]) <= (1 if menus else 5) else []
        case 2:
            return _between(part, label=(1, 80), url=(1, 512), custom_id=(1, 100))
        case 3:
            found = _between(part, placeholder=(0, 150), custom_id=(1, 100))
            for option in part["options"]:
                found += _between(option, label=(1, 100), value=(1, 100), description=(0, 100))
            return found + (["options"] if not 0 < len(part["options"]) <= 25 else [])
        case 9:
            return ["texts"] if not 0 < len(part["components"]) <= 3 else []
        case 11:
            return _media_problems(part)
        case 12:
            found = ["size"] if not 0 < len(part["items"]) <= 10 else []
            return found + [problem for item in part["items"] for problem in _media_problems(item)]
        case 17:
            return [] if part["components"] else ["empty"]
    return []


def _between(part: dict[str, Any], **bounds: tuple[int, int]) -> list[str]:
    lengths = {name: units(part[name]) for name in bounds if part.get(name) is not None}
    return [name for name, size in lengths.items() if not bounds[name][0] <= size <= bounds[name][1]]


def _media_problems(item: dict[str, Any]) -> list[str]:
    url = item["media"]["url"]
    found = [] if units(url) <= 2048 and _URI.fullmatch(url) else [url]
    return found + _between(item, description=(1, 1024))


def _schema_problems(message: dict[str, Any]) -> list[str]:
    if not _OPENAPI.exists():
        return []
    as_sent = json.loads(json.dumps(message, default=lambda flags: flags.value))
    # discord.py writes ids as numbers, which Discord reads as well.
    as_sent["allowed_mentions"]["roles"] = list(map(str, as_sent["allowed_mentions"].get("roles", [])))
    return [f"{error.instance_path}: {error.message[:200]}" for error in _validator().iter_errors(as_sent)]


@cache
def _validator() -> Draft202012Validator:
    document = json.loads(_OPENAPI.read_bytes())
    schema = {"$ref": "#/components/schemas/MessageCreateRequest", "components": document["components"]}
    formats = {
        "uri": lambda value: bool(_URI.fullmatch(value) or _ATTACHED.fullmatch(value)),
        "date-time": _is_moment,
    }
    return Draft202012Validator(schema, validate_formats=True, formats=formats)


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
