"""Lists of feeds as feed readers exchange them: OPML 1.0, 1.1 and 2.0 is read, 2.0 written.

Uses the standard library's expat: it streams, so that number and depth can be limited, and parsing stops at a DTD, so
that no entity is declared. A recovering parser would silently remove `&b=2` from an address. The one common error, a
bare `&`, is repaired first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import unquote
from xml.parsers import expat

from bot.domain.records.identity import canonical
from bot.domain.text.cleaning import clip, repair
from bot.domain.text.words import name_key
from bot.sources.feeds.charset import decode
from bot.sources.model import Rejected
from bot.sources.topic_files import MAX_NAME

MAX_BYTES = 5_000_000
MAX_FEEDS = 2000
MAX_DEPTH = 50
MAX_TOPICS = 20  # of one feed
MAX_TITLE = 200
_REASON = 300

_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_FEED_SCHEME = re.compile(r"feed:(?://)?(?=https?://)|feed:(?=//)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed of a list: its address, its title (may be empty), and its topics."""

    url: str
    title: str = ""
    topics: tuple[str, ...] = ()


def read_opml(data: bytes) -> tuple[tuple[Outline, ...], tuple[Rejected, ...]]:
    """The feeds of a list in its order, each once, and the rejected entries, counted from 1.

    A feed's topics are its folders from the outermost, and its categories; topics of repeated feeds are merged. Raises
    ValueError with a readable reason if the list cannot be read.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES // 1_000_000} MB")
    text = _BARE.sub("&amp;", decode(data).lstrip())
    if not text:
        raise ValueError("the file is empty")
    reader = _OpmlReader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise ValueError(f"not valid XML at line {error.lineno}: {expat.ErrorString(error.code)}") from None
    if reader.feeds > MAX_FEEDS:
        reason = f"more than {MAX_FEEDS:,} feeds; the rest is ignored"
        reader.rejected.append(Rejected("opml", MAX_FEEDS + 1, reason))
    return tuple(reader.outlines.values()), tuple(reader.rejected)


def write_opml(outlines: Iterable[Outline], title: str) -> str:
    """The list as OPML 2.0: a folder for each first topic, further topics as categories, all in alphabetical order."""
    folders: dict[str, list[Outline]] = {}
    names: dict[str, str] = {}
    for outline in sorted(outlines, key=_order):
        name = repair(outline.topics[0], MAX_NAME) if outline.topics else ""
        names.setdefault(name_key(name), name)
        folders.setdefault(name_key(name), []).append(outline)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<opml version="2.0">',
        f"  <head><title>{escape(repair(title, MAX_TITLE))}</title></head>",
        "  <body>",
    ]
    for key in sorted(folders):
        indent = "      " if key else "    "
        feeds = [f"{indent}{_element(outline)}" for outline in folders[key]]
        name = escape(names[key])
        lines += [f'    <outline text="{name}" title="{name}">', *feeds, "    </outline>"] if key else feeds
    return "\n".join([*lines, "  </body>", "</opml>", ""])


class _OpmlReader:
    """Handles parser events and collects outlines."""

    def __init__(self) -> None:
        self.outlines: dict[str, Outline] = {}
        self.rejected: list[Rejected] = []
        self.feeds = 0
        self._folders: list[str] = []  # the folder name of every open element, or an empty text

    def doctype(self, *_: object) -> None:
        raise ValueError("it has a DTD (<!DOCTYPE …>), which is not supported; remove it")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2].lower()
        if not self._folders and name != "opml":
            raise ValueError(f"not an OPML file: the root element is <{repair(tag, MAX_NAME)}>, not <opml>")
        if len(self._folders) >= MAX_DEPTH:
            raise ValueError("its folders are nested too deeply")
        folder = ""
        if name == "outline":
            fields = {key.lower(): value for key, value in attributes.items()}
            title = repair(fields.get("title", ""), MAX_TITLE) or repair(fields.get("text", ""), MAX_TITLE)
            if "xmlurl" in fields:
                self._feed(fields["xmlurl"], title, fields.get("category", ""))
            else:
                folder = repair(title, MAX_NAME)
        self._folders.append(folder)

    def end(self, _tag: str) -> None:
        self._folders.pop()

    def _feed(self, address: str, title: str, category: str) -> None:
        self.feeds += 1
        if self.feeds > MAX_FEEDS:
            return
        url = _FEED_SCHEME.sub(_without_feed_scheme, address.strip())
        try:
            key = canonical(url)
        except ValueError as error:
            name = f" of {title!r}" if title else ""
            self.rejected.append(Rejected("opml", self.feeds, clip(f"the address{name}: {error}", _REASON)))
            return
        topics = [*self._folders, *_categories(category)]
        outline = self.outlines.get(key)
        if outline is None:
            outline = Outline(url, "" if title == url else title)
        self.outlines[key] = replace(outline, topics=_distinct([*outline.topics, *topics]))


def _without_feed_scheme(scheme: re.Match[str]) -> str:
    """`feed:https://x` is `https://x`, and `feed://x` is `http://x`."""
    return "" if scheme.end() == len(scheme.string) or scheme.string[scheme.end()] != "/" else "http:"


def _categories(text: str) -> Iterator[str]:
    """The names in a category attribute: `/Tech/AI` is a path, other texts are single names."""
    for entry in text.split(","):
        parts = entry.split("/") if entry.strip().startswith("/") else [entry]
        yield from (repair(unquote(part), MAX_NAME) for part in parts)


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The distinct names, ignoring case and empty ones."""
    by_key: dict[str, str] = {}
    for name in names:
        if name and len(by_key) < MAX_TOPICS:
            by_key.setdefault(name_key(name), name)
    return tuple(by_key.values())


def _order(outline: Outline) -> tuple[str, str]:
    return name_key(outline.title), outline.url


def _element(outline: Outline) -> str:
    title = escape(repair(outline.title, MAX_TITLE) or outline.url)
    topics = [repair(topic, MAX_NAME) for topic in outline.topics[1:MAX_TOPICS]]
    categories = escape(",".join(_as_category(topic) for topic in topics if topic))
    category = f' category="{categories}"' if categories else ""
    return f'<outline type="rss" text="{title}" title="{title}" xmlUrl="{escape(outline.url)}"{category}/>'


def _as_category(topic: str) -> str:
    """The name encoded as a single category, because OPML cannot express a comma in one."""
    encoded = topic.replace("%", "%25").replace(",", "%2C")
    return f"%2F{encoded[1:]}" if encoded.startswith("/") else encoded
