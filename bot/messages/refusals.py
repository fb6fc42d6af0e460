"""Removes the parts of a message that Discord refused, so that one bad address does not cost the whole message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.messages.message import Embed, Message

Path = tuple[str, ...]  # where Discord found something wrong: ("embeds", "0", "image", "url")

ROW = 5  # buttons: as many as discord.py puts in a row
NONCE = frozenset(("nonce", "enforce_nonce"))
_MOST = 100  # paths that are read from one answer

# The lines in which discord.py writes Discord's error object:
# https://discord.com/developers/docs/reference#error-messages
_WRONG = re.compile(r"^In ([\w.]+): ", re.MULTILINE)
# A part of an embed, as Discord calls it, and as `Embed` does.
_OF_EMBED = {
    "title": "title",
    "url": "url",
    "description": "description",
    "timestamp": "timestamp",
    "author": "author",
    "footer": "footer",
    "image": "image",
    "thumbnail": "image",
}


def refused_parts(answer: str) -> tuple[Path, ...]:
    """The parts of a message that Discord's answer names, none where it names none.

    >>> refused_parts("Invalid Form Body\\nIn embeds.0.image.url: Not a well formed URL.")
    (('embeds', '0', 'image', 'url'),)
    """
    paths = (tuple(place.split(".")) for place in _WRONG.findall(answer)[:_MOST])
    # The first message of a forum post stands inside the request that opens the post.
    return tuple(path[1:] if len(path) > 1 and path[0] == "message" else path for path in paths)


def without(message: Message, parts: Sequence[Path]) -> Message | None:
    """The message without these parts; None where nothing would be left to show.

    Where none of them is one that a message has, all goes that can be done without: only text is left.
    """
    by_place: dict[str, list[Path]] = {}
    for path in parts:
        by_place.setdefault(path[0], []).append(path[1:])
    left = message
    for place, inside in by_place.items():
        match place:
            case "embeds":
                left = replace(left, embeds=_embeds(message.embeds, inside))
            case "components":
                refused = {_button(path) for path in inside}
                buttons = [b for i, b in enumerate(message.buttons) if not refused & {i, None}]
                left = replace(left, buttons=tuple(buttons))
            case "content":
                left = replace(left, content="", roles=())
            case "allowed_mentions":
                left = replace(left, roles=())
            case "applied_tags":
                left = replace(left, tags=())
            case "name":
                left = replace(left, name=_plain_name(message))
    if left == message and not NONCE & set(by_place):
        left = replace(message, embeds=tuple(map(_text_of, message.embeds)), buttons=(), tags=())
    return left if left.content or left.embeds else None


def _embeds(embeds: Sequence[Embed], parts: Sequence[Path]) -> tuple[Embed, ...]:
    """The embeds without these parts, and without those of which nothing is left to show."""
    remaining = []
    for index, embed in enumerate(embeds):
        inside = [path[1:] for path in parts if not path or path[0] == str(index)]
        left = _embed(embed, inside)
        if left.size() or left.image:
            remaining.append(left)
    return tuple(remaining)


def _embed(embed: Embed, parts: Sequence[Path]) -> Embed:
    if any(not path or path[0] not in (*_OF_EMBED, "fields") for path in parts):
        return _text_of(embed)
    emptied: dict[str, Any] = {_OF_EMBED[path[0]]: "" for path in parts if path[0] != "fields"}
    refused = {path[1] if len(path) > 1 else None for path in parts if path[0] == "fields"}
    fields = tuple(field for i, field in enumerate(embed.fields) if not refused & {str(i), None})
    return replace(embed, fields=fields, **emptied)


def _text_of(embed: Embed) -> Embed:
    return Embed(title=embed.title, description=embed.description, colour=embed.colour)


def _button(path: Path) -> int | None:
    """The place of the button in `("0", "components", "1", "url")`; None where the path names none."""
    match path:
        case (row, "components", place, *_) if row.isdecimal() and place.isdecimal():
            return int(row) * ROW + int(place)
    return None


def _plain_name(message: Message) -> str:
    """A name for a forum post that nothing from outside is part of: `Story #12`."""
    footer = message.embeds[0].footer if message.embeds else ""
    return footer.partition(" · ")[0] if footer.startswith("Story #") else "News"
