"""Names of commands in texts, as mentions that can be clicked.

A text names a command by its full name in backticks: `/subscribe`, `/digest set`. Text from outside cannot do that, because
`escape` takes backticks apart. Before a text is shown, `mentioned` makes mentions of the names, with the IDs that
Discord gave the commands: https://discord.com/developers/docs/reference#message-formatting
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from bot.domain.text.cleaning import length
from bot.messages.layout import TEXT, Beside, Container, Layout, Markdown, text_size
from bot.messages.message import escape

# The ID of each command by its full name. The commands of a group have the group's ID.
CommandIds = Mapping[str, int]
NO_IDS: CommandIds = MappingProxyType({})
L = TypeVar("L", bound=Layout)

_NAME = r"[a-z-]+(?: [a-z-]+){0,2}"
_ESCAPED = re.compile(rf"\\`/({_NAME})\\`")
_NAMED = re.compile(rf"(?<![\\`])`/({_NAME})`(?!`)")


def mention(name: str, ids: CommandIds) -> str:
    """The command as a mention, or its name in backticks as long as Discord has not told its ID."""
    return f"</{name}:{ids[name]}>" if name in ids else f"`/{name}`"


def with_mentions(text: str, ids: CommandIds, limit: int = TEXT) -> str:
    """The text with a mention for each command that it names; the text as it is if that would be longer than `limit`."""
    shown = _NAMED.sub(lambda match: mention(match[1], ids), text)
    return shown if length(shown) <= limit else text


def escape_but_commands(text: str) -> str:
    """A sentence of our own as Markdown, escaped for what it quotes; the commands that it names stay names."""
    return _ESCAPED.sub(r"`/\1`", escape(text))


def mentioned(layout: L, ids: CommandIds) -> L:
    """A layout with mentions in all its texts; as it is if they leave too little room."""
    shown: L = _mentioned(layout, ids)
    return shown if text_size(shown) <= TEXT else layout


def _mentioned(part: Any, ids: CommandIds) -> Any:
    match part:
        case tuple():
            return tuple(_mentioned(inner, ids) for inner in part)
        case Container(parts=parts):
            return replace(part, parts=_mentioned(parts, ids))
        case Beside(text=text):
            return replace(part, text=_mentioned(text, ids))
        case Markdown(entries=entries):
            return replace(part, entries=tuple(with_mentions(entry, ids) for entry in entries))
        case _:
            return part
