"""Discord messages as panels in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import discord
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

_MARKS = re.compile(
    r"\\(?P<plain>.)|\[(?P<text>(?:\\.|[^\]\\])*)\]\((?P<url>[^)\s]*)\)|<t:(?P<time>\d+(?::\w)?)>"
    r"|<(?P<kind>#|@&)(?P<id>\d+)>|\*\*(?P<bold>(?:\\.|[^*\\])+)\*\*|\*(?P<italic>(?:\\.|[^*\\])+)\*|`(?P<code>[^`]+)`"
    r"|</(?P<command>[^:>]+):\d+>"
    r"|^(?:-# (?P<small>.*)|#{1,3} (?P<heading>.*))$",
    re.DOTALL | re.MULTILINE,
)
_UNITS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3600), ("minute", 60))
_STYLES = {"t": "%H:%M", "d": "%d/%m/%Y", "D": "%d %B %Y", "f": "%d %B %Y %H:%M", "F": "%A, %d %B %Y %H:%M"}


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
                shown.append(_time(match["time"], now), "dim")
            case "id":
                sign = "#" if match["kind"] == "#" else "@"
                shown.append(f"{sign}{names.get(int(match['id']), match['id'])}", "blue")
            case "command":
                shown.append(f"/{match['command']}", "blue")
            case "bold":
                shown.append_text(_styled(markdown(match["bold"], now, names), "bold"))
            case "italic":
                shown.append_text(_styled(markdown(match["italic"], now, names), "italic"))
            case "code":
                shown.append(match["code"], "green")
            case "small":
                shown.append_text(_styled(markdown(match["small"], now, names), "dim"))
            case "heading":
                shown.append_text(_styled(markdown(match["heading"], now, names), "bold"))
    shown.append(text[at:])
    return shown


def _time(stamp: str, now: datetime) -> str:
    """A timestamp of Discord, such as `1767603600:t`, in its style: a relative time where it has none of `_STYLES`."""
    seconds, _, style = stamp.partition(":")
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return f"{moment:{_STYLES[style]}}" if style in _STYLES else time_ago(moment, now)


def _styled(text: Text, style: str) -> Text:
    text.stylize(style)
    return text


def components(message: Any) -> Iterator[Any]:
    """The components of a message in order, nested ones too."""
    waiting = list(message.components)
    while waiting:
        component = waiting.pop(0)
        yield component
        beside = getattr(component, "accessory", None)
        waiting[:0] = [*getattr(component, "children", ()), *([beside] if beside is not None else ())]


def is_digest(message: discord.Message) -> bool:
    """Whether a message of a channel is a digest: it has a heading above its containers."""
    first = next(iter(message.components), None)
    return isinstance(first, discord.TextDisplay) and first.content.startswith("## ")


def panel(message: discord.Message, heading: str, now: datetime, names: Mapping[int, str]) -> Panel:
    """A message as Discord would show it; `heading` says whether it is new."""
    parts: list[RenderableType] = []
    buttons: list[str] = []
    colour: discord.Colour | None = None
    for component in components(message):
        match component:
            case discord.TextDisplay(content=content):
                parts += ([Text()] if parts else []) + [
                    markdown(line, now, names) for line in content.split("\n")
                ]
            case discord.MediaGalleryComponent(items=items):
                parts += [Text(f"[picture] {item.description or item.media.url}", "dim") for item in items]
            case discord.Button(label=str(label)):
                buttons.append(f"[ {label} ]")
            case discord.Container():
                colour = colour or component.accent_colour
    if buttons:
        parts += [Text(), Text("  ".join(buttons), "bold")]
    return Panel(
        Group(*parts),
        title=f"{now:%a %d %b %H:%M} · {heading}",
        title_align="left",
        border_style=str(colour) if colour else "white",
        width=100,
        padding=(0, 2),
    )
