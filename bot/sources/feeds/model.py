"""A parsed feed before it becomes records, the same for every format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple


class NotAFeed(ValueError):  # noqa: N818 - the text describes the document for a server owner
    """Why a document cannot be read as a feed."""


class Text(NamedTuple):
    """A text of the feed. It may be HTML unless `plain`."""

    value: str
    plain: bool = False


class Picture(NamedTuple):
    """A picture of an entry; 0 is an unknown size. A thumbnail of unknown size counts as small."""

    url: str
    width: int = 0
    height: int = 0
    thumbnail: bool = False


class Publisher(NamedTuple):
    """The source that an entry names."""

    name: str
    url: str


@dataclass(slots=True)
class FeedEntry:
    """An entry of a feed. In each list, the first is the best.

    Addresses are relative to `base`; those in its HTML to `markup_base`, or if that is empty to its page.
    """

    number: int
    base: str
    title: Text | None = None
    url: str = ""
    other_urls: Sequence[str] = ()  # further addresses of the same page
    stand_ins: Sequence[str] = ()  # what to open if none of those is a page: attachments, related pages
    markup_base: str = ""
    guid: str = ""
    texts: Sequence[Text] = ()
    captions: Sequence[Text] = ()  # of its pictures and videos
    dates: Sequence[str] = ()
    language: str = ""
    source: Publisher | None = None
    pictures: Sequence[Picture] = ()
    video: bool = False
    podcast: bool = False
    error: str = ""  # why it cannot be read


@dataclass(slots=True)
class ParsedFeed:
    """A parsed feed. `total` is the number of its entries, of which `entries` has the newest.

    `link` is its site. `page` is what to open for entries without an address: the site, or else the feed.
    """

    title: Text
    link: str = ""
    page: str = ""
    language: str = ""
    ttl: timedelta | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    entries: list[FeedEntry] = field(default_factory=list)
    total: int = 0
