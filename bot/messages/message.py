"""A Discord message as a value, and the limits and the escaping that hold for every one.

Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits and the
component reference. Lengths are counted in UTF-16 units, which is never less than Discord's count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bot.domain.model import UNKNOWN_DATE
from bot.domain.text.cleaning import clip, clip_isolated, isolate, length

_NO_DATE = "date unknown"

TITLE = 256
DESCRIPTION = 4096
FIELD_VALUE = 1024
FOOTER = 2048
AUTHOR = 256
EMBEDS = 10
EMBED_TOTAL = 6000
BUTTON_URL = 512
URL = 2048
THREAD_NAME = 100
FORUM_TAGS = 5
CHOICE = 100  # of a menu or of autocomplete: its label, its description, its value


@dataclass(frozen=True, slots=True)
class Field:
    """A named part of an embed; both texts are Markdown."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Embed:
    """One embed: `title`, `description` and fields are Markdown, `author` and `footer` plain text."""

    title: str = ""
    url: str = ""
    description: str = ""
    author: str = ""
    footer: str = ""
    image: str = ""
    colour: int = 0
    fields: tuple[Field, ...] = ()
    timestamp: str = ""

    def size(self) -> int:
        """What counts towards `EMBED_TOTAL`."""
        texts = [self.title, self.description, self.author, self.footer]
        texts += [text for field in self.fields for text in (field.name, field.value)]
        return sum(map(length, texts))


@dataclass(frozen=True, slots=True)
class Button:
    """A link (`url`) or a press that the bot answers (`action`, its custom id)."""

    label: str
    url: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `roles` are the only ones that it may ping.

    `name` and `tags` are for a forum's post: what its tags may be called, the best first. `other_tags` are
    what tags of other topics may be called: a post that is brought up to date loses them.
    `stories` are the numbers of a digest's stories, in the order of the lines of each embed.
    """

    content: str = ""
    embeds: tuple[Embed, ...] = ()
    buttons: tuple[Button, ...] = ()
    roles: tuple[int, ...] = ()
    name: str = ""
    tags: tuple[str, ...] = ()
    other_tags: tuple[str, ...] = ()
    stories: tuple[tuple[int, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the outbox."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Message:
        """The inverse of `to_json`. What an earlier version stored has no `stories`."""
        embeds = tuple(
            Embed(**{**embed, "fields": tuple(Field(**field) for field in embed["fields"])})
            for embed in data["embeds"]
        )
        return cls(
            data["content"],
            embeds,
            tuple(Button(**button) for button in data["buttons"]),
            tuple(data["roles"]),
            data["name"],
            tuple(data["tags"]),
            tuple(data.get("other_tags", ())),
            tuple(tuple(numbers) for numbers in data.get("stories", ())),
        )


_SPECIAL = re.compile(r"([\\*_~`|>#\[\]()<:@])")
_LIST = re.compile(r"^(\s*)([-+]|\d+(?=\.))", re.MULTILINE)


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
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://(?=\S)", re.IGNORECASE)
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
    return _NO_DATE if when == UNKNOWN_DATE else f"<t:{int(when.timestamp())}:f>"


def relative(when: datetime) -> str:
    """Discord's relative time, shown in the reader's language."""
    return _NO_DATE if when == UNKNOWN_DATE else f"<t:{int(when.timestamp())}:R>"


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
