"""Removes the parts of a message that Discord refused, so that one bad address does not cost the whole message."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from bot.i18n import tr
from bot.messages.layout import (
    Beside,
    Button,
    Buttons,
    Container,
    Gallery,
    Illustration,
    Layout,
    Markdown,
    Part,
    texts,
    walk,
)
from bot.messages.message import Message
from bot.messages.story import RELATED_ACTION, story_label

Path = tuple[
    str, ...
]  # where Discord found something wrong: ("components", "0", "items", "1", "media", "url")

NONCE = frozenset(("nonce", "enforce_nonce"))
REFERENCE = "message_reference"
_MOST = 100  # paths that are read from one answer

# The lines in which discord.py writes Discord's error object:
# https://discord.com/developers/docs/reference#error-messages
_WRONG = re.compile(r"^In ([\w.]+): ", re.MULTILINE)

T = TypeVar("T")


def refused_parts(answer: str) -> tuple[Path, ...]:
    """The parts of a message that Discord's answer names, none where it names none.

    >>> refused_parts("Invalid Form Body\\nIn components.0.items.1.media.url: Not a well formed URL.")
    (('components', '0', 'items', '1', 'media', 'url'),)
    """
    paths = (tuple(place.split(".")) for place in _WRONG.findall(answer)[:_MOST])
    # The first message of a forum post stands inside the request that opens the post.
    return tuple(path[1:] if len(path) > 1 and path[0] == "message" else path for path in paths)


def without(message: Message, parts: Sequence[Path]) -> Message | None:
    """The message without these parts; None where nothing would be left to show.

    Where none of them is one that a message has, all goes that can be done without: only text is left.
    """
    left = message
    for place, inside in _by_place(parts).items():
        match place:
            case "components":
                left = _with_shown(left, _remaining(message.shown, inside, _prune))
            case "allowed_mentions":
                left = replace(left, roles=(), users=())
            case "applied_tags":
                left = replace(left, tags=())
            case "name":
                left = replace(left, name=_plain_name(message))
    if left == message and not NONCE & set(_by_place(parts)):
        left = replace(message, layout=_texts_of(message.layout), tags=())
    return left if any(isinstance(part, Markdown | Beside | Gallery) for part in walk(left.layout)) else None


def _by_place(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """The paths by their first step, without it."""
    by_place: dict[str, list[Path]] = {}
    for path in paths:
        by_place.setdefault(path[0], []).append(path[1:])
    return by_place


def _with_shown(message: Message, shown: Layout) -> Message:
    """The message with this of what it shows; whom it names stands above the rest, if that is still there."""
    if (message.roles or message.users) and shown[:1] == message.shown[:1]:
        return replace(message, layout=shown[1:])
    return replace(message, layout=shown, roles=(), users=())


def _remaining(
    entries: Sequence[T], paths: Sequence[Path], prune: Callable[[T, Sequence[Path]], T | None]
) -> tuple[T, ...]:
    """What is left of entries that paths name by their place; all of them go where a path names none."""
    if any(not path for path in paths):
        return ()
    by_place = _by_place(paths)
    pruned = (
        prune(entry, by_place[str(place)]) if str(place) in by_place else entry
        for place, entry in enumerate(entries)
    )
    return tuple(entry for entry in pruned if entry is not None)


def _prune(part: Container | Part, paths: Sequence[Path]) -> Any:
    """A part without what the paths inside it name; None where that is what it is made for."""
    inside = _by_place([path for path in paths if path])
    if () in paths:
        return None
    match part:
        case Container():
            parts = _remaining(part.parts, inside.get("components", ()), _prune)
            accent = None if "accent_color" in inside else part.accent
            return (
                Container(parts, accent) if parts and set(inside) <= {"components", "accent_color"} else None
            )
        case Gallery(pictures) if set(inside) == {"items"}:
            left = _remaining(pictures, inside["items"], _prune_picture)
            return Gallery(left) if left else None
        case Buttons(buttons) if set(inside) == {"components"}:
            buttons = _remaining(buttons, inside["components"], _prune_wholly)
            return Buttons(buttons) if buttons else None
        case Beside(text) if set(inside) == {"accessory"}:
            return text
        case _:
            return None


def _prune_picture(picture: Illustration, paths: Sequence[Path]) -> Illustration | None:
    """A picture without its description if only that is wrong."""
    return replace(picture, alt="") if all(path[:1] == ("description",) for path in paths) else None


def _prune_wholly(_entry: object, _paths: Sequence[Path]) -> None:
    """What has no part that it can do without."""


def _texts_of(layout: Layout) -> Layout:
    """Only the texts, in their containers."""
    parts: list[Container | Part] = []
    for part in layout:
        match part:
            case Container(parts=inner):
                parts.append(replace(part, parts=tuple(texts(inner))))
            case _:
                parts += texts((part,))
    return tuple(part for part in parts if not isinstance(part, Container) or part.parts)


def _plain_name(message: Message) -> str:
    """A name for a forum post that nothing from outside is part of: `Story #12`."""
    actions = (button.action for part in walk(message.layout) for button in _buttons_of(part))
    number = next(
        (action.removeprefix(RELATED_ACTION) for action in actions if action.startswith(RELATED_ACTION)), ""
    )
    return story_label(number) if number else tr("News")


def _buttons_of(part: Part) -> tuple[Button, ...]:
    match part:
        case Buttons(buttons):
            return buttons
        case Beside(accessory=Button() as button):
            return (button,)
        case _:
            return ()
