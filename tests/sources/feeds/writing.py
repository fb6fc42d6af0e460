"""Small feeds for tests, in one line each."""

from __future__ import annotations

from bot.domain.model import Record
from bot.sources.feeds.parse import FeedDocument, FeedSpec, parse

URL = "https://news.example.com/feed.xml"
ORIGIN = FeedSpec(URL)

_SPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
)
HEAD = "<title>The News</title><link>https://news.example.com/</link>"


def rss(*items: str, head: str = HEAD) -> str:
    """An RSS 2.0 feed with these insides of items."""
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f'<?xml version="1.0"?><rss version="2.0" {_SPACES}><channel>{head}{inside}</channel></rss>'


def item(number: int = 1, extra: str = "") -> str:
    """The inside of an RSS item with a title and a link of its own."""
    return f"<title>Title {number}</title><link>https://news.example.com/{number}</link>{extra}"


def atom(*entries: str, head: str = "<title>The News</title>") -> str:
    """An Atom 1.0 feed with these insides of entries."""
    inside = "".join(f"<entry>{entry}</entry>" for entry in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{inside}</feed>'


def read(body: str | bytes, origin: FeedSpec = ORIGIN, content_type: str = "") -> FeedDocument:
    """The parsed feed."""
    return parse(body.encode() if isinstance(body, str) else body, origin, content_type)


def records(body: str | bytes, origin: FeedSpec = ORIGIN) -> list[Record]:
    """The records of a feed that has nothing to reject."""
    document = read(body, origin)
    assert document.rejected == ()
    return [found.record for found in document.items]


def only(body: str | bytes, origin: FeedSpec = ORIGIN) -> Record:
    """The one record of a feed."""
    (record,) = records(body, origin)
    return record
