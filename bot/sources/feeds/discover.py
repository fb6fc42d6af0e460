"""Discovers the feeds of a web page: its links, and common paths if it has none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from html import escape
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

from bot.domain.records.identity import canonical, registered_domain
from bot.domain.text.cleaning import repair
from bot.sources.feeds.charset import decode

if TYPE_CHECKING:  # imported where a page is searched, which is seldom
    from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_PAGE = 2_000_000  # bytes of a page that are searched
MAX_LINKS = 20
MAX_PATHS = 8
_MAX_TAGS = 2000  # tags of one kind
_TAG = 4000  # characters of one
_TEXT = 300  # characters after one
_TITLE = 200

_TYPES = re.compile(r"(?:application|text)/(?:x[.-])?(?:(?:rss|atom|rdf)(?:\+xml)?|(?:feed\+)?json)")
_XML = frozenset({"text/xml", "application/xml"})  # often a feed, but not always
# Content without real links. An unclosed element extends to the end of the page.
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|textarea)\b.*?(?:</\1\b|\Z)", re.IGNORECASE | re.DOTALL
)
_STARTS = [re.compile(rf"<{name}(?=[\s/])", re.IGNORECASE) for name in ("base", "link", "a")]
_WHOLE = re.compile(r"""<\w+(?>"[^"]*"|'[^']*'|[^"'>])*+>""")
_END = re.compile(r"</?a\b", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>?")
_CHARSET = re.compile(rb"<meta\b[^>]{0,200}?\bcharset\s*=[^>]{1,60}", re.IGNORECASE)
# `/feed`, `/blog/rss/`, `/news-atom.xml`, `/index.rdf`, `/feed.json`, `/all.rss`
_FEED_PATH = re.compile(
    r".*/(?:(?:feeds?|rss2?|atom)/?|(?:[^/]*[._-])?(?:feed|rss2?|atom|index)\.(?:xml|rdf)|feed\.json|[^/]+\.(?:rss|atom|rdf))",
    re.IGNORECASE | re.DOTALL,
)
_COMMENTS = re.compile(r"/comments?(?:/|$)|\bcomments?\b.{0,20}$", re.IGNORECASE)

# Common names, the most common first.
_OF_A_SITE = ("feed", "rss.xml", "atom.xml", "feed.xml", "rss", "index.xml", "feed.json")
_OF_A_DIRECTORY = _OF_A_SITE[:2]


class FeedLink(NamedTuple):
    """A feed's address and its title on the page, which may be empty."""

    url: str
    title: str


def feed_links(page: bytes, url: str, content_type: str = "") -> tuple[FeedLink, ...]:
    """The feeds linked by the page at `url`: at most twenty, comment feeds last. Never raises.

    `<link>` elements with a feed type come first. Without any, other XML links and then anchors that look like feeds
    are used, those to the same site first.
    """
    from selectolax.lexbor import LexborHTMLParser

    page = page[:MAX_PAGE]
    if "charset" not in content_type.lower() and (declared := _CHARSET.search(page, 0, 2048)):
        content_type = declared[0].decode("ascii", "replace")
    tree = LexborHTMLParser(_links_only(decode(page, content_type)))
    base = _base(tree, url)
    links = _distinct(_alternate_links(tree, base, _TYPES.fullmatch))
    if not links:
        anchors = _by_site(_distinct(_anchor_links(tree, base)), url)
        links = _distinct(chain(_alternate_links(tree, base, _XML.__contains__), anchors))
    return tuple(sorted(links, key=_is_of_comments))[:MAX_LINKS]


def common_paths(url: str) -> tuple[str, ...]:
    """At most eight common addresses of feeds on the site of a page without feed links.

    Addresses in the page's directory come first (`/blog` counts as `/blog/`), then those of the site.
    """
    try:
        canonical(url)  # raises for what is no web address
        path = urlsplit(url).path
    except ValueError:
        return ()
    directory = path.rpartition("/")[0] if "." in path.rpartition("/")[2] else path.rstrip("/")
    in_directory = [f"{directory}/{name}" for name in _OF_A_DIRECTORY] if directory else []
    paths = dict.fromkeys([*in_directory, *(f"/{name}" for name in _OF_A_SITE)])
    addresses = []
    for path in list(paths)[:MAX_PATHS]:
        with suppress(ValueError):  # an invalid path, such as //[
            addresses.append(urljoin(url, path))
    return tuple(addresses)


def _links_only(text: str) -> str:
    """Only the base and link elements of the page, not nested: parsing nested elements takes quadratic time."""
    text = _HIDDEN.sub("", text)
    tags = []
    for starts in _STARTS:
        for start in islice(starts.finditer(text), _MAX_TAGS):
            if tag := _WHOLE.match(text, start.start(), start.start() + _TAG):
                words = _END.split(text[tag.end() : tag.end() + _TEXT], maxsplit=1)[0]
                end = f"{escape(_ANY_TAG.sub(' ', words))}</a>" if start[0].lower() == "<a" else ""
                tags.append(f"{tag[0]}{end}")
    return "".join(tags)


def _alternate_links(tree: LexborHTMLParser, base: str, fits: Callable[[str], object]) -> Iterator[FeedLink]:
    """The `<link rel=alternate>` elements with a fitting type."""
    for node in tree.css("link[href]"):
        rel = _attribute(node, "rel").lower().split()
        kind = _attribute(node, "type").partition(";")[0].strip().lower()
        if not fits(kind) or not ("alternate" in rel or "feed" in rel):
            continue
        link = _attribute(node, "href")
        if kind == "application/json" and "wp-json" in link:  # WordPress's JSON version of the page
            continue
        yield from _feed_link(link, base, _attribute(node, "title"))


def _anchor_links(tree: LexborHTMLParser, base: str) -> Iterator[FeedLink]:
    for node in tree.css("a[href]"):
        for link in _feed_link(_attribute(node, "href"), base, _attribute(node, "title")):
            path = urlsplit(link.url).path
            if (
                _FEED_PATH.fullmatch(path) and "://" not in path
            ):  # subscription pages of feed readers contain another address
                yield link if link.title else FeedLink(link.url, repair(node.text(), _TITLE))


def _feed_link(link: str, base: str, title: str) -> Iterator[FeedLink]:
    """The feed link for an address on a page, if it is a web address."""
    try:
        url = urldefrag(urljoin(base, link.strip())).url.replace(" ", "%20")
        canonical(url)
    except ValueError:
        return
    yield FeedLink(url, repair(title, _TITLE))


def _base(tree: LexborHTMLParser, url: str) -> str:
    """The base of relative addresses on the page."""
    node = tree.css_first("base[href]")
    try:
        return urljoin(url, _attribute(node, "href").strip()) if node else url
    except ValueError:
        return url


def _distinct(links: Iterable[FeedLink]) -> list[FeedLink]:
    """Each feed once, with its first title."""
    by_address: dict[str, FeedLink] = {}
    for link in links:
        by_address.setdefault(canonical(link.url), link)
    return list(by_address.values())


def _by_site(links: list[FeedLink], url: str) -> list[FeedLink]:
    """Sort links to the same site first."""
    try:
        site = registered_domain(url)
    except ValueError:
        return links
    return sorted(links, key=lambda link: registered_domain(link.url) != site)


def _is_of_comments(link: FeedLink) -> bool:
    return bool(_COMMENTS.search(urlsplit(link.url).path) or _COMMENTS.search(link.title))


def _attribute(node: LexborNode, name: str) -> str:
    return node.attributes.get(name) or ""
