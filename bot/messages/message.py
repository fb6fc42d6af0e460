"""A Discord message as a value, and the escaping that holds for every one.

What it may hold is in `bot.messages.layout`. Lengths are counted in UTF-16 units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bot.domain.model import UNKNOWN_DATE
from bot.domain.text.cleaning import clip, clip_isolated, isolate, length
from bot.i18n import mark, tr, tr_plural
from bot.messages import layout
from bot.messages.layout import (
    Button,
    Buttons,
    Container,
    Download,
    Gallery,
    Illustration,
    Layout,
    Markdown,
    Option,
    Part,
    Ranked,
    Room,
    fit,
    texts,
)

_NO_DATE = mark("date unknown")

TITLE = 256
DESCRIPTION = 3000
FIELD_VALUE = 600
FOOTER = 2048
AUTHOR = 256
URL = 2048
THREAD_NAME = 100
FORUM_TAGS = 5


@dataclass(frozen=True, slots=True)
class Field:
    """A named part of an answer; both texts are Markdown. Where there are too many, those of the highest `rank` go first."""

    name: str
    value: str
    rank: int = 2


@dataclass(frozen=True, slots=True)
class Embed:
    """A titled text, as answers have it: `title`, `description` and fields are Markdown, `author` and `footer` plain text.

    `panel` makes a container of it. Earlier versions sent it as an embed, and stored it in the outbox. `options` are what
    a menu below it can open, one for each entry of a list. `download` is the name of a file that is sent with it.
    """

    title: str = ""
    url: str = ""
    description: str = ""
    author: str = ""
    footer: str = ""
    image: str = ""
    colour: int = 0
    fields: tuple[Field, ...] = ()
    timestamp: str = ""
    options: tuple[Option, ...] = ()
    download: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `roles` and `users` are named above the layout, and are the only ones that it may ping.

    `name` and `tags` are for a forum's post: what its tags may be called, the best first. `other_tags` are
    what tags of other topics may be called: a post that is brought up to date loses them. `fell_back`: it is a card because it does not
    fit into a message with the server's template.
    """

    layout: Layout = ()
    roles: tuple[int, ...] = ()
    name: str = ""
    tags: tuple[str, ...] = ()
    other_tags: tuple[str, ...] = ()
    users: tuple[int, ...] = ()
    fell_back: bool = False

    @property
    def shown(self) -> Layout:
        """The layout, with the roles and users above it."""
        named = mention_line(self.roles, self.users)
        return (Markdown((named,)), *self.layout) if named else self.layout

    @property
    def title(self) -> str:
        """The first line."""
        return next((line for part in texts(self.layout) for line in part.text.splitlines()), "").strip()

    @property
    def stories(self) -> tuple[int, ...]:
        """The numbers of the stories that it tells of, in order."""
        return tuple(number for part in texts(self.layout) for number in part.stories)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the outbox."""
        return {field.name: layout.to_json(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Message:
        """The inverse of `to_json`. What an earlier version stored with embeds becomes a layout."""
        shown = layout.from_json(data["layout"]) if "layout" in data else _layout_of_embeds(data)
        roles, tags, other_tags, users = (
            tuple(data.get(name, ())) for name in ("roles", "tags", "other_tags", "users")
        )
        return cls(
            layout=shown, roles=roles, name=data["name"], tags=tags, other_tags=other_tags, users=users
        )


def mention_line(roles: Iterable[int], users: Iterable[int] = ()) -> str:
    """The roles and users as mentions."""
    return " ".join((*(f"<@&{role}>" for role in roles), *(f"<@{user}>" for user in users)))


def panel(embed: Embed, *more: Part, room: Room | None = None) -> Container:
    """A titled text as a container, with further parts below it. What does not fit is left out, fields first."""
    title = embed.title
    if title and embed.url:  # in a link, look-alikes stand for what would be markup
        title = link(unescape(title), embed.url, TITLE + URL)
    below = [_NUMBER_SIGN.sub("#", escape(embed.footer)), _day(embed.timestamp)]
    parts = [
        Ranked(1, Markdown.of(small(escape(embed.author)))),
        Ranked(0, Markdown.of(heading(title))),
        Ranked(1, Markdown(_entries(embed.description))),
        Ranked(2, Gallery((Illustration(embed.image),) if embed.image else ())),
        Ranked(0, Download(embed.download)),
        *(Ranked(field.rank, _of_field(field)) for field in embed.fields),
        Ranked(1, Markdown.of(small(" · ".join(filter(None, below))))),
        *(Ranked(1, part) for part in more),
    ]
    room = room or Room()
    room.components -= 1
    container = Container(fit(parts, room), embed.colour)
    room.components += 0 if container.parts else 1
    return container


def heading(markdown: str) -> str:
    """A line as a heading; nothing of nothing."""
    return f"### {markdown}" if markdown else ""


def small(markdown: str) -> str:
    """A line in small grey letters; nothing of nothing."""
    return f"-# {markdown}" if markdown else ""


_FENCE = "```"
_NUMBER_SIGN = re.compile(r"\\#(?=\d)")  # as in `#12`, which heads nothing


def _of_field(field: Field) -> Markdown:
    """The lines below their name, which stands nowhere alone."""
    first, *others = _entries(field.value) or ("",)
    return Markdown((f"**{field.name}**\n{first}" if field.name.strip("\u200b") else first, *others))


def _entries(markdown: str) -> tuple[str, ...]:
    """The lines of a text. A block of code is one."""
    entries: list[str] = []
    in_code = False
    for line in markdown.split("\n") if markdown else ():
        if in_code:
            entries[-1] += f"\n{line}"
        else:
            entries.append(line)
        in_code ^= line.count(_FENCE) % 2 == 1
    return tuple(entries)


def _day(timestamp: str) -> str:
    return dated(datetime.fromisoformat(timestamp)) if timestamp else ""


def _layout_of_embeds(data: dict[str, Any]) -> Layout:
    """The layout of what an earlier version stored: content, embeds and buttons, and the stories of each embed's lines."""
    content = data["content"].removeprefix(mention_line(data["roles"])).strip()
    room = Room()
    buttons = room.take(Buttons(tuple(Button(**button) for button in data["buttons"])))
    above = room.take(Markdown.of(content))
    containers = []
    for place, stored in enumerate(data["embeds"]):
        embed = Embed(**{**stored, "fields": tuple(Field(**field) for field in stored["fields"])})
        container = panel(embed, room=room)
        stories = (data.get("stories") or {place: ()})[place]
        parts = tuple(_telling(part, stories) if stories else part for part in container.parts)
        containers.append(replace(container, parts=parts))
    containers = [container for container in containers if container.parts]
    if containers and buttons:
        containers[-1] = replace(containers[-1], parts=(*containers[-1].parts, buttons))
    return tuple(filter(None, (above, *containers)))


def _telling(part: Part, stories: Sequence[int]) -> Part:
    """A digest's lines with the stories that they tell of: a headline begins with its number."""
    if not isinstance(part, Markdown) or not part.entries[0].startswith("`#"):
        return part
    entries: list[str] = []
    for line in part.entries:
        if line.startswith("`#") or not entries:
            entries.append(line)
        else:
            entries[-1] += f"\n{line}"
    return Markdown(tuple(entries), tuple(stories[: len(entries)]))


_SPECIAL = re.compile(r"([\\*_~`|>#\[\]()<:@])")
# The blanks are those of one line: with blank lines among them, each would be looked through from every line before it.
_LIST = re.compile(r"^([^\S\n]*)([-+]|\d+(?=\.))", re.MULTILINE)


def escape(text: str) -> str:
    """Text that Discord shows as it is: no Markdown, mention, link, emoji or timestamp comes of it.

    It does not move what stands beside it either, where it runs from right to left: see `isolate`.
    """
    return isolate(escape_markup(text))


def escape_markup(text: str) -> str:
    """A part of such a text; the whole of it is still to be isolated.

    Discord takes a backslash before any punctuation as "literally this"; a colon ends up escaped
    too, so that a bare `https://` is not made into a link.
    """
    escaped = _SPECIAL.sub(r"\\\1", text)
    return _LIST.sub(lambda m: f"{m[1]}{m[2]}\\" if m[2].isdigit() else f"{m[1]}\\{m[2]}", escaped)


def unescape(markdown: str) -> str:
    """The text that was escaped."""
    return re.sub(r"\\([^A-Za-z0-9\s])", r"\1", markdown)


def escape_to(text: str, limit: int, *, alone: bool = False) -> str:
    """Escaped text of at most `limit`, cut at a word before it is escaped, so that no escape is halved.

    `alone`: nothing stands beside it on its line, so its direction moves nothing.
    """
    room = limit
    while True:
        clipped = clip(text, room)
        escaped = escape_markup(clipped) if alone else escape(clipped)
        over = length(escaped) - max(0, limit)
        if over <= 0:
            return escaped
        room = max(0, room - max(1, over // 2))


# What would be markup in the text of a link: brackets, code, formatting that something could close,
# mentions, `:emoji:` and addresses, with which Discord does not make a link at all.
_IN_LABEL = re.compile(
    r"[\[\]\\`*]|_(?![A-Za-z0-9])|~(?=~)|(?<=~)~|\|(?=\|)|(?<=\|)\||<(?=\S)|@(?=everyone|here)|:(?=\w+:)"
)
# Bounded, as a long word would else be looked through from each of its letters.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}://(?=\S)", re.IGNORECASE)
_LOOKALIKE = str.maketrans("[]\\`*_~|<@:", "()∖ˋ∗ˍ∼∣‹＠∶")


def label(text: str) -> str:
    """Text for the inside of a link, never longer than it was: look-alikes stand for what would be markup.

    Discord shows backslashes there: https://github.com/discord/discord-api-docs/issues/6185
    """
    return labelled(text)[0]


def labelled(text: str) -> tuple[str, list[int]]:
    """The same, and for each of its characters where it stands in the text: schemes of addresses are left out.

    Without one, what stood around it can read as another, and a look-alike can make markup of what stands beside it: so
    it is looked again until there is none.
    """
    positions = list(range(len(text)))
    while schemes := list(_SCHEME.finditer(text)):
        dropped = {place for scheme in schemes for place in range(*scheme.span())}
        positions = [of for place, of in enumerate(positions) if place not in dropped]
        text = _SCHEME.sub("", text)
    while _IN_LABEL.search(text):
        text = _IN_LABEL.sub(lambda schemes: schemes[0].translate(_LOOKALIKE), text)
    return text, positions


_UNSAFE = re.compile(r"[\s()<>\[\]\\\"`|{}^]|%(?![0-9A-Fa-f]{2})")
_PARTS = re.compile(r"(https?://)([^/?#:\\]*)([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def safe_url(url: str) -> str:
    """The address in ASCII, with whatever could end a Markdown link or an attribute percent-encoded."""
    if parts := _PARTS.fullmatch(url):
        scheme, host, path, rest = parts.groups()
        url = scheme.lower() + _ascii(host) + path.replace("\\", "/") + rest
    if url.isascii() and not _UNSAFE.search(url):
        return url
    url = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", url)
    return quote(url, safe="%/:?#&=+,;@!$'~*-._", errors="replace")


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    import idna  # a table of all of Unicode, for the few hosts that need it

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:  # what idna raises is one
        return host


def link(text: str, url: str, limit: int) -> str:
    """`[text](url)` of at most `limit`; the bare escaped text where the address leaves no room for it."""
    address = safe_url(url)
    room = limit - length(address) - 4
    if room < 12:
        return escape_to(text, limit)
    return f"[{label(clip_isolated(text, room))}]({address})"


def dated(when: datetime) -> str:
    """The date and the time of day, as each reader's Discord writes them."""
    return tr(_NO_DATE) if when == UNKNOWN_DATE else f"<t:{int(when.timestamp())}:f>"


def relative(when: datetime) -> str:
    """Discord's relative time, shown in the reader's language."""
    return tr(_NO_DATE) if when == UNKNOWN_DATE else f"<t:{int(when.timestamp())}:R>"


def more_line(left: int) -> str:
    """The last line of a list that leaves so many out."""
    return tr_plural("… and {count} more", "… and {count} more", left)


def fit_lines(entries: Iterable[str], limit: int) -> tuple[str, int]:
    """As many whole entries as fit into `limit`, one a line, and how many did not."""
    fitting: list[str] = []
    used = left = 0
    for entry in entries:
        needed = length(entry) + (1 if fitting else 0)
        if left or used + needed > limit:
            left += 1
            continue
        fitting.append(entry)
        used += needed
    return "\n".join(fitting), left
