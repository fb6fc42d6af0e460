"""Parses feeds into records: RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, JSON Feed 1 and 1.1, CDF.

Pure: bytes in, values out, in bounded time and memory; raises only `NotAFeed`. The steps are `charset` (bytes to
text), `xml` and `elements` or `json_feed` (text to a `ParsedFeed`), and `records` (a `ParsedFeed` to records).

lxml parses the XML, and no feed library is used. Of 1,440 test feeds feedparser finds no further entry and takes ten
times as long. fastfeedparser parses a usual feed in a third of the parsing time here, but parsing is a third of the
whole: cleaning, identity and dates are always needed. It fails on 20 of these feeds, loses entries of 4, and supports
neither `xml:base` nor types of text.

The steps are imported when something is parsed: they and lxml take 8 MB, and most processes leave parsing to others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.model import FEED_QUALITY
from bot.i18n import mark
from bot.sources.feeds.model import NotAFeed, ParsedFeed
from bot.sources.model import Item, Rejected

__all__ = ["MAX_BODY", "MAX_ITEMS", "FeedDocument", "FeedSpec", "NotAFeed", "parse"]

MAX_BODY = 10_000_000  # bytes
MAX_ITEMS = 1_000

_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"PK\x03\x04")
_OF_XML = re.compile("xml:(base|lang)")
_SPACE = " \t\r\n\x0b\x0c\0\ufeff"


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """The settings of a feed. `url` is its address after redirects."""

    url: str
    name: str = ""
    topics: tuple[str, ...] = ()
    quality: int = FEED_QUALITY
    language: str = ""


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """A feed as records.

    `link` is its site. `ttl` is its declared update interval, between 5 minutes and a day. `skip_hours` (GMT) and
    `skip_days` (0 is Monday) are declared times without updates.
    """

    title: str
    link: str
    language: str
    ttl: timedelta | None
    skip_hours: frozenset[int]
    skip_days: frozenset[int]
    items: tuple[Item, ...]
    rejected: tuple[Rejected, ...]


def parse(body: bytes, spec: FeedSpec, content_type: str = "") -> FeedDocument:
    """The feed in the body of a response. Raises `NotAFeed`."""
    from bot.sources.feeds.links import is_web
    from bot.sources.feeds.records import build_items, build_publisher
    from bot.sources.feeds.text import line
    from bot.sources.records import MAX_TITLE

    feed = read(body, spec.url, content_type)
    if not feed.page and is_web(spec.url):
        feed.page = spec.url
    publisher = build_publisher(feed, spec.url, spec.name, spec.topics, spec.quality, spec.language)
    items, rejected = build_items(feed, publisher)
    if feed.total > MAX_ITEMS:
        rejected.append(
            Rejected(
                spec.url, MAX_ITEMS + 1, f"only {MAX_ITEMS:,} of the feed's {feed.total:,} entries are read"
            )
        )
    return FeedDocument(
        title=line(feed.title, MAX_TITLE),
        link=feed.link,
        language=publisher.language,
        ttl=feed.ttl,
        skip_hours=feed.skip_hours,
        skip_days=feed.skip_days,
        items=tuple(items),
        rejected=tuple(rejected),
    )


def read(body: bytes, url: str, content_type: str = "") -> ParsedFeed:
    """The parsed feed before it becomes records. Raises `NotAFeed`."""
    from bot.sources.feeds import json_feed
    from bot.sources.feeds.charset import decode
    from bot.sources.feeds.elements import build_feed
    from bot.sources.feeds.xml import parse_root

    if len(body) > MAX_BODY:
        raise NotAFeed(f"larger than {MAX_BODY // 1_000_000} MB")
    if body.startswith(_COMPRESSED):
        raise NotAFeed(mark("compressed data, not a feed"))
    text = decode(body, content_type)
    if text[:64].lstrip(_SPACE).startswith(("{", "[")):
        return json_feed.build_feed(text, url, MAX_ITEMS)
    declared = set(_OF_XML.findall(text))
    return build_feed(
        parse_root(text), url, MAX_ITEMS, bases="base" in declared, languages="lang" in declared
    )
