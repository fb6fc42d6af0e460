"""Posts by a server's template: its literal parts as Markdown that can do no harm, and values in the place of placeholders. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from bot.domain.posting.template import PICTURE, PLACEHOLDERS, Line, Placeholder, Template
from bot.i18n import mark, tr
from bot.messages.layout import Gallery, Markdown, Part
from bot.messages.message import relative

# What a template may format with: `*`, `_` and `~`, and, where a line begins, headings, small lines, quotes and lists.
_NOT_ALLOWED = re.compile(r"([\\`|\[\]()<:@])")
_LINE_START = re.compile(r"^(?:#{1,3} |-# |> |[-*] )")
_REPEATED = ("> ", "-# ")  # these begin each line of a value, others only the first
_MARKUP_INSIDE = re.compile(r"([>#])")


# What each placeholder stands for. The order is that of `PLACEHOLDERS`.
_MEANS: Mapping[str, str] = {
    "headline": mark("the headline, linked to the article"),
    "title": mark("the headline without a link"),
    "link": mark("the address of the article"),
    "brief": mark("two or three sentences from different outlets"),
    "what_changed": mark("what came since the post"),
    "topics": mark("the topics"),
    "outlet": mark("the outlet of the headline"),
    "outlets": mark("the outlets, each linked"),
    "outlet_count": mark("how many outlets report it"),
    "time": mark("when the first report came"),
    "updated": mark("when the last report came"),
    "story": mark("the number of the story"),
    PICTURE: mark("the picture, on a line of its own"),
}
EXAMPLE = "-# {topics} · {time}\n### {headline}\n{picture}\n{brief}\n**{outlet_count}** · {outlets}"


def template_help() -> str:
    """What a template can have, as Markdown."""
    intro = tr(
        "Text with placeholders in braces. A line whose placeholders are all empty is left out. Bold, italics, headings, quotes, lists "
        "and small lines work; everything else is shown as it is, and nobody is pinged."
    )
    lines = [f"`{{{name}}}`: {tr(_MEANS[name])}" for name in PLACEHOLDERS]
    return "\n".join([intro, "", *lines, "", tr("An example:"), fenced(EXAMPLE)])


def too_long_words(story: int | None, at: datetime | None) -> tuple[str, ...]:
    """The last story for which a message with the template had no room; nothing if there was none."""
    if story is None or at is None:
        return ()
    words = tr(
        "⚠️ Story #{story} had no room in a message with the template, so it was posted as a card {when}.",
        story=story,
        when=relative(at),
    )
    return (words,)


def fenced(text: str) -> str:
    """A template as a block of code, which shows it as it is written."""
    return "```\n" + text.replace("`", "ˋ") + "\n```"


def fill(template: Template, values: Mapping[str, str], picture: Gallery) -> tuple[Part, ...]:
    """The parts of a post. `values` are Markdown by placeholder, each fit to be shown as it is.

    A line is left out if it has placeholders and all of them are empty.
    """
    parts: list[Part] = []
    lines: list[str] = []
    for line in template.lines:
        if line == (Placeholder(PICTURE),):
            parts += _text(lines)
            lines = []
            parts += [picture] if picture.pictures else []
        else:
            lines += _fill_line(line, values)
    return (*parts, *_text(lines))


def _text(lines: list[str]) -> list[Part]:
    text = "\n".join(lines).strip("\n")
    return [Markdown((text,))] if text.strip() else []


def _fill_line(line: Line, values: Mapping[str, str]) -> Iterator[str]:
    """The line with its values; nothing where all of these are empty."""
    filled = [values[piece.name].strip() for piece in line if isinstance(piece, Placeholder)]
    if filled and not any(filled):
        return
    first = line[0] if line and isinstance(line[0], str) else ""
    start = match[0] if (match := _LINE_START.match(first)) else ""
    rest = "".join(
        values[piece.name].strip() if isinstance(piece, Placeholder) else literal(piece)
        for piece in ((first[len(start) :], *line[1:]) if start else line)
    )
    repeated = start if start in _REPEATED else ""
    for number, text in enumerate(rest.split("\n")):
        yield (start if number == 0 else repeated) + text


def literal(text: str) -> str:
    """A literal part of a template inside a line: bold, italics, underlines and strikethrough stay, all else is shown as it is."""
    return _MARKUP_INSIDE.sub(r"\\\1", _NOT_ALLOWED.sub(r"\\\1", text))
