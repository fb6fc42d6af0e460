"""Discord messages as panels in a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import discord
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

_MARKS = re.compile(
    r"\\(?P<plain>.)|\[(?P<text>(?:\\.|[^\]\\])*)\]\((?P<url>[^)\s]*)\)|<t:(?P<time>\d+)(?::\w)?>"
    r"|<(?P<kind>#|@&)(?P<id>\d+)>|\*\*(?P<bold>(?:\\.|[^*\\])+)\*\*|`(?P<code>[^`]+)`|(?P<small>-# )"
    r"|</(?P<command>[^:>]+):\d+>",
    re.DOTALL,
)
_UNITS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3600), ("minute", 60))


def time_ago(moment: datetime, now: datetime) -> str:
    """A relative time as Discord shows it, such as `3 hours ago`."""
    seconds = (now - moment).total_seconds()
    for unit, size in _UNITS:
        if abs(seconds) >= size:
            count = int(abs(seconds) // size)
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


def markdown(text: str, now: datetime, names: Mapping[int, str]) -> Text:
    """The bot's Markdown as Discord would show it."""
    shown = Text()
    at = 0
    for match in _MARKS.finditer(text):
        shown.append(text[at : match.start()])
        at = match.end()
        match match.lastgroup:
            case "plain":
                shown.append(match["plain"])
            case "url":
                shown.append_text(_styled(markdown(match["text"], now, names), f"cyan link {match['url']}"))
            case "time":
                shown.append(time_ago(datetime.fromtimestamp(int(match["time"]), UTC), now), "dim")
            case "id":
                sign = "#" if match["kind"] == "#" else "@"
                shown.append(f"{sign}{names.get(int(match['id']), match['id'])}", "blue")
            case "command":
                shown.append(f"/{match['command']}", "blue")
            case "bold":
                shown.append_text(_styled(markdown(match["bold"], now, names), "bold"))
            case "code":
                shown.append(match["code"], "green")
    shown.append(text[at:])
    return shown


def _styled(text: Text, style: str) -> Text:
    text.stylize(style)
    return text


def _embed(embed: discord.Embed, now: datetime, names: Mapping[int, str]) -> RenderableType:
    parts: list[RenderableType] = []
    if embed.author.name:
        parts.append(Text(embed.author.name, "bold dim"))
    if embed.title:
        parts.append(_styled(markdown(embed.title, now, names), f"bold cyan link {embed.url or ''}"))
    if embed.description:
        parts.append(markdown(embed.description, now, names))
    if embed.image.url:
        parts.append(Text(f"[picture] {embed.image.url}", "dim"))
    for field in embed.fields:
        parts += [Text(), Text(field.name or "", "bold"), markdown(field.value or "", now, names)]
    footer = embed.footer.text or ""
    if embed.timestamp:
        footer += f" · {embed.timestamp:%Y-%m-%d %H:%M}"
    if footer:
        parts += [Text(), Text(footer, "dim")]
    return Group(*parts)


def panel(message: discord.Message, heading: str, now: datetime, names: Mapping[int, str]) -> Panel:
    """A message as Discord would show it; `heading` says whether it is new."""
    parts: list[RenderableType] = []
    if message.content:
        parts.append(markdown(message.content, now, names))
    for embed in message.embeds:
        parts += ([Text()] if parts else []) + [_embed(embed, now, names)]
    buttons = [f"[ {label} ]" for row in message.components for label in _labels(row)]
    if buttons:
        parts += [Text(), Text("  ".join(buttons), "bold")]
    colour = next((embed.colour for embed in message.embeds if embed.colour), None)
    return Panel(
        Group(*parts),
        title=f"{now:%a %d %b %H:%M} · {heading}",
        title_align="left",
        border_style=str(colour) if colour else "white",
        width=100,
        padding=(0, 2),
    )


def _labels(row: Any) -> list[str]:
    return [child.label for child in getattr(row, "children", ()) if getattr(child, "label", None)]
