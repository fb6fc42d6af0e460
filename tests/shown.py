"""What a reader sees of a message, whatever it is made of: components, or embeds as earlier versions sent them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from simcord.results import ResponseMessage

from bot.chat.components import to_view
from bot.messages.message import Message
from tests import discord_markdown

_HEADING = re.compile(r"^#{1,3} ")
_COMMAND = re.compile(r"</([^:>]+):\d+>")
_PART = re.compile(r"^\*\*(.*)\*\*$")


@dataclass(frozen=True)
class Shown:
    """A message as a reader sees it: `lines` are Markdown, `pictures` have address and description."""

    lines: tuple[str, ...]
    pictures: tuple[tuple[str, str], ...]
    buttons: tuple[tuple[str, str], ...]
    colours: tuple[int | None, ...]

    @property
    def text(self) -> str:
        """All of it as Markdown."""
        return "\n".join(self.lines)

    @property
    def titles(self) -> list[str]:
        """Its headings as they read."""
        return [plain(_HEADING.sub("", line)) for line in self.lines if _HEADING.match(line)]

    @property
    def title(self) -> str:
        """The first heading as it reads."""
        return self.titles[0]

    @property
    def url(self) -> str:
        """Where the first heading leads."""
        heading = next(line for line in self.lines if _HEADING.match(line))
        return next((href for _, href in discord_markdown.links(heading)), "")

    @property
    def small(self) -> list[str]:
        """The lines in small letters, as they read."""
        return [plain(line.removeprefix("-# ")) for line in self.lines if line.startswith("-# ")]

    @property
    def body(self) -> str:
        """Its text without headings and small lines, before the first part that has a name of its own."""
        return "\n".join(self.parts.get("", ()))

    @property
    def parts(self) -> Mapping[str, Sequence[str]]:
        """The lines that stand below each line in bold, and (``) those above the first one."""
        parts: dict[str, list[str]] = {}
        name = ""
        for line in self.lines:
            if found := _PART.match(line):
                name = plain(found[1])
                parts.setdefault(name, [])
            elif not _HEADING.match(line) and not line.startswith("-# "):
                parts.setdefault(name, []).append(line)
        return parts

    @property
    def links(self) -> list[tuple[str, str]]:
        """Text and address of every link."""
        return discord_markdown.links(self.text)

    @property
    def picture(self) -> str:
        """The address of the first picture; empty where there is none."""
        return self.pictures[0][0] if self.pictures else ""


def plain(markdown: str) -> str:
    """What a reader sees of Markdown."""
    return _COMMAND.sub(r"/\1", discord_markdown.shown(discord_markdown.parse(markdown)))


def shown(message: Message | discord.Message | ResponseMessage | Mapping[str, Any]) -> Shown:
    """What a reader sees of a message: a value, one that stands in a channel, or one that is sent as JSON."""
    if isinstance(message, ResponseMessage):
        message = message.message
    if isinstance(message, Message):
        return _shown("", [], [part.to_component_dict() for part in to_view(message.shown).children])
    if isinstance(message, discord.Message):
        embeds = [dict(embed.to_dict()) for embed in message.embeds]
        return _shown(message.content, embeds, [dict(part.to_dict()) for part in message.components])
    whole = message.get("message", message)
    return _shown(whole.get("content") or "", whole.get("embeds") or [], whole.get("components") or [])


def _shown(content: str, embeds: Sequence[Mapping[str, Any]], components: Sequence[Any]) -> Shown:
    everything = list(_walk(components))
    lines = content.split("\n") if content else []
    for embed in embeds:
        lines += _lines_of(embed)
    lines += [line for part in everything if part["type"] == 10 for line in part["content"].split("\n")]
    media = [item for part in everything if part["type"] == 12 for item in part["items"]]
    media += [part for part in everything if part["type"] == 11]
    pictures = [(embed["image"]["url"], "") for embed in embeds if embed.get("image")]
    pictures += [(item["media"]["url"], item.get("description") or "") for item in media]
    buttons = [
        (part.get("label") or "", part.get("url") or part.get("custom_id") or "")
        for part in everything
        if part["type"] == 2
    ]
    colours = [embed.get("color") for embed in embeds]
    colours += [part.get("accent_color") for part in everything if part["type"] == 17]
    return Shown(tuple(lines), tuple(pictures), tuple(buttons), tuple(colours))


def _lines_of(embed: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an embed as a panel has them."""
    if author := embed.get("author", {}).get("name"):
        yield f"-# {author}"
    if title := embed.get("title"):
        yield f"### [{title}]({embed['url']})" if embed.get("url") else f"### {title}"
    yield from (embed.get("description") or "").split("\n") if embed.get("description") else ()
    for field in embed.get("fields", ()):
        yield f"**{field['name']}**"
        yield from field["value"].split("\n")
    if footer := embed.get("footer", {}).get("text"):
        yield f"-# {footer}"


def _walk(components: Sequence[Any]) -> Iterator[Any]:
    """The components in order, nested ones too."""
    for part in components:
        yield part
        yield from _walk(part.get("components") or ())
        if part.get("accessory"):
            yield part["accessory"]
