"""What stands in a feed, before it is anybody's record: the same for every format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple


class NotAFeed(ValueError):  # noqa: N818 - it says what the document is, in words for a server owner
    """Why a document cannot be read as a feed."""


class Text(NamedTuple):
    """A text as it stands in the feed. Where it is not `plain` it may be HTML."""

    value: str
    plain: bool = False


class Picture(NamedTuple):
    """A picture that an entry declares; 0 is an unknown size. A thumbnail of unknown size is taken for small."""

    url: str
    width: int = 0
    height: int = 0
    thumbnail: bool = False


class Publisher(NamedTuple):
    """Where an entry says that it is from."""

    name: str
    url: str


@dataclass(slots=True)
class FeedEntry:
    """One entry. The first of a list is the best.

    Addresses may be relative to `base`; those in its HTML to `markup_base`, or where that is empty to its page.
    """

    number: int
    base: str
    title: Text | None = None
    url: str = ""
    other_urls: Sequence[str] = ()  # further addresses of the same page
    stand_ins: Sequence[
        str
    ] = ()  # what there is to open where none of those is a page: attachments, related pages
    markup_base: str = ""
    guid: str = ""
    texts: Sequence[Text] = ()
    captions: Sequence[Text] = ()  # of its pictures and videos
    dates: Sequence[str] = ()
    language: str = ""
    source: Publisher | None = None
    pictures: Sequence[Picture] = ()
    video: bool = False
    error: str = ""  # why it cannot be read at all


@dataclass(slots=True)
class ParsedFeed:
    """A feed as it stands. `total` is how many entries it has, of which `entries` may be the newest.

    `link` is its site; `page` what there is to open for entries without any address: the site, else the feed.
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
