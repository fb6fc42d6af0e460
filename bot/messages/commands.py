"""Names of commands in texts, as mentions that can be clicked.

A text names a command by its full name in backticks: `/subscribe`, `/digest set`. Text from outside cannot do that, because
`escape` takes backticks apart. Before a text is shown, `mentioned` makes mentions of the names, with the IDs that
Discord gave the commands: https://discord.com/developers/docs/reference#message-formatting
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from bot.domain.text.cleaning import length
from bot.messages.message import FIELD_VALUE, Field, escape

# The ID of each command by its full name. The commands of a group have the group's ID.
CommandIds = Mapping[str, int]
V = TypeVar("V")

_NAME = r"[a-z]+(?: [a-z]+)?"
_ESCAPED = re.compile(rf"\\`/({_NAME})\\`")
_NAMED = re.compile(rf"(?<![\\`])`/({_NAME})`(?!`)")
MOST = 4000  # UTF-16 units of all texts of a value together


def mention(name: str, ids: CommandIds) -> str:
    """The command as a mention, or its name in backticks as long as Discord has not told its ID."""
    return f"</{name}:{ids[name]}>" if name in ids else f"`/{name}`"


def with_mentions(text: str, ids: CommandIds, limit: int = MOST) -> str:
    """The text with a mention for each command that it names; the text as it is if that would be longer than `limit`."""
    shown = _NAMED.sub(lambda match: mention(match[1], ids), text)
    return shown if length(shown) <= limit else text


def escape_but_commands(text: str) -> str:
    """A sentence of our own as Markdown, escaped for what it quotes; the commands that it names stay names."""
    return _ESCAPED.sub(r"`/\1`", escape(text))


def mentioned(value: V, ids: CommandIds) -> V:
    """A message, or a part of one, with mentions in all its texts; the value as it is if they leave too little room."""
    shown: V = _each(value, ids, MOST)
    return shown if _size(shown) <= MOST else value


def _each(value: Any, ids: CommandIds, limit: int) -> Any:
    if isinstance(value, str):
        return with_mentions(value, ids, limit)
    return _over(value, lambda inner: _each(inner, ids, FIELD_VALUE if isinstance(value, Field) else limit))


def _over(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(map(change, value))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: change(getattr(value, field.name)) for field in fields(value)})
    return value


def _size(value: Any) -> int:
    if isinstance(value, str):
        return length(value)
    if isinstance(value, tuple):
        return sum(map(_size, value))
    if is_dataclass(value):
        return sum(_size(getattr(value, field.name)) for field in fields(value))
    return 0
