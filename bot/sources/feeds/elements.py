"""A tree of elements as a feed: RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, CDF, and their extensions.

Formats are not told apart more than they must be. An element means what its name says wherever it
stands, because feeds mix them.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from lxml import etree

from bot.sources.feeds.html import looks_like_html, pixels, without_prefixes
from bot.sources.feeds.links import is_web, resolved
from bot.sources.feeds.model import Entry, Feed, Picture, Publisher, Text
from bot.sources.feeds.newest import newest
from bot.sources.feeds.xml import name_of

_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
_ENTRIES = frozenset({"item", "entry"})

# What of an entry is taken for what, the best first.
_TITLES = ("title", "dc:title", "media:title", "itunes:title")
_TEXTS = (
    "description", "summary", "dc:description", "dcterms:abstract", "abstract", "itunes:summary", "itunes:subtitle",
    "media:description", "content:encoded", "encoded", "content", "body", "xhtml:body", "xhtml:div", "fullitem",
)  # fmt: skip
_DATES = (
    "pubdate", "published", "issued", "dcterms:issued", "dc:date", "updated", "modified", "dcterms:modified",
    "dcterms:created", "created", "date", "lastbuilddate",
)  # fmt: skip
_MEDIA = ("enclosure", "media:content", "media:thumbnail", "media:group")
_PICTURES = ("itunes:image", "image", "media:image")
_OTHERS = (
    "link", "guid", "id", "source", "language", "dc:language", "feedburner:origlink", "pheedo:origlink", "yt:videoid"
)  # fmt: skip
_KINDS = (
    {
        name: (kind, rank)
        for kind, names in (("title", _TITLES), ("text", _TEXTS), ("date", _DATES))
        for rank, name in enumerate(names)
    }
    | dict.fromkeys((*_MEDIA, *_PICTURES), ("media", 0))
    | {name: (name, 0) for name in _OTHERS}
)

_ORIGINALS = ("feedburner:origlink", "pheedo:origlink")

_PERIODS = {"hourly": 1, "daily": 24, "weekly": 7 * 24, "monthly": 30 * 24, "yearly": 365 * 24}
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=1)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_TEXT_TYPES = ("text", "text/plain", "plain")
_MARKUP_TYPES = ("html", "text/html", "xhtml")
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|gif|webp|avif)(?:[?#]|$)", re.IGNORECASE)
_VIDEO_FILE = re.compile(r"\.(?:mp4|m4v|mov|webm)(?:[?#]|$)", re.IGNORECASE)


def feed_of(root: Any, url: str, limit: int, *, bases: bool, languages: bool) -> Feed:
    """The feed in a tree, with the newest `limit` entries at most.

    `bases` and `languages`: whether there may be an `xml:base` or `xml:lang` in it anywhere.
    """
    found = list(_entry_elements(root))
    return _Reader(url, root, bases, languages).feed(found, limit)


class _Roles(NamedTuple):
    """What the children of an entry are for, by their places: texts, titles and dates the best first."""

    titles: Sequence[int]
    texts: Sequence[int]
    dates: Sequence[int]
    links: Sequence[int]
    media: dict[int, str]  # with their names
    one: Mapping[str, int]  # the first of each other kind


class _Orders(dict[tuple[Any, ...], _Roles]):
    """The roles of children with these tags: a feed's entries have mostly the same ones in the same order."""

    def __missing__(self, tags: tuple[Any, ...]) -> _Roles:
        ranked: dict[str, list[tuple[int, int]]] = {}
        names = [name_of(tag) for tag in tags]
        for place, name in enumerate(names):
            if name in _KINDS:
                kind, rank = _KINDS[name]
                ranked.setdefault(kind, []).append((rank, place))
        places = {kind: [place for _, place in sorted(found)] for kind, found in ranked.items()}
        roles = self[tags] = _Roles(
            titles=places.pop("title", ()),
            texts=places.pop("text", ()),
            dates=places.pop("date", ()),
            links=places.pop("link", ()),
            media={place: names[place] for place in places.pop("media", ())},
            one={kind: found[0] for kind, found in places.items()},
        )
        return roles


def _entry_elements(root: Any) -> Iterator[Any]:
    """The entries in the order in which they stand, wherever that is: damage can leave one inside another."""
    found = False
    for element in root.iter("{*}item", "{*}entry"):
        if name_of(element.tag) in _ENTRIES:
            found = True
            yield element
    if not found:  # in capitals, or with a prefix that is not declared
        yield from (element for element in root.iter() if name_of(element.tag) in _ENTRIES)


class _Reader:
    """Reads the elements of one document."""

    def __init__(self, url: str, root: Any, bases: bool, languages: bool) -> None:
        self._url = url
        self._root = root
        self._bases = bases
        self._languages = languages
        self._atom = name_of(root.tag) in ("feed", "entry")
        self._orders = _Orders()

    def feed(self, elements: list[Any], limit: int) -> Feed:
        """The feed and its newest entries."""
        head, links = self._head(self._root)
        title = self._first(head, _TITLES)
        language = next(_values(head, ("language", "dc:language")), "") or _language(head[""])
        days = [_DAYS.index(day) for day in _children(head, "skipdays") if day in _DAYS]
        hours = [
            int(hour) % 24 for hour in _children(head, "skiphours") if hour.isdecimal() and int(hour) <= 24
        ]
        return Feed(
            title=self._text(title) if title is not None else Text(""),
            link=self._page(links),
            language=language,
            ttl=_ttl(head),
            skip_hours=frozenset(hours),
            skip_days=frozenset(days),
            entries=[
                self._entry(element, number) for number, element in newest(elements, limit, self._dates)
            ],
            total=len(elements),
        )

    def _dates(self, element: Any) -> list[str]:
        """When an entry says that it was published or changed, the best first."""
        children = list(element)
        places = self._orders[tuple([child.tag for child in children])].dates
        return [text.strip() for place in places if (text := children[place].text)]

    def _head(self, root: Any) -> tuple[dict[str, Any], list[Any]]:
        """What the feed says of itself, by name; under the empty name the element that says it."""
        head: dict[str, Any] = {}
        links: list[Any] = []
        channel = next((child for child in root if name_of(child.tag) == "channel"), None)
        for parent in (root,) if channel is None else (channel, root):
            head.setdefault("", parent)
            for child in parent:
                name = name_of(child.tag)
                if name == "link":
                    links.append(child)
                elif name and name not in _ENTRIES:
                    head.setdefault(name, child)
        if channel is None and (address := _attribute(root, "href")):  # CDF
            links.append(etree.Element("link", href=address))
        return head, links

    def _entry(self, element: Any, number: int) -> Entry:
        children = list(element)
        roles = self._orders[tuple([child.tag for child in children])]
        entry = Entry(number, self._base(element) if self._bases else self._url)
        for place in roles.titles:
            child = children[place]
            if child.text or len(child):
                entry.title = self._text(child)
                break
        entry.texts = [self._text(children[place]) for place in roles.texts]
        entry.dates = [text.strip() for place in roles.dates if (text := children[place].text)]
        links = [children[place] for place in roles.links]
        enclosed = [place for place in roles.links if children[place].get("rel") == "enclosure"]
        if enclosed or roles.media:
            media = sorted((roles.media | dict.fromkeys(enclosed, "enclosure")).items())
            self._media(entry, [(name, children[place]) for place, name in media])
        one = {kind: children[place] for kind, place in roles.one.items()}
        self._addresses(entry, element, one, links)
        self._details(entry, one)
        if self._languages and (language := _language(element)):
            entry.language = language
        if not entry.dates and (date := _attribute(element, "lastmod")):  # CDF
            entry.dates = (date,)
        return entry

    def _details(self, entry: Entry, one: dict[str, Any]) -> None:
        """What few entries have."""
        if "source" in one:
            entry.source = self._publisher(one["source"])
        if "yt:videoid" in one:
            entry.video = True
        if "dc:language" in one or "language" in one:
            entry.language = next(_values(one, ("dc:language", "language")), "")

    # ------------------------------------------------------------------------------- addresses

    def _addresses(self, entry: Entry, element: Any, one: dict[str, Any], links: list[Any]) -> None:
        """The page of an entry, its other addresses, and its guid."""
        guid = one.get("guid", one.get("id"))
        permalink = ""
        if guid is not None and guid.text:
            entry.guid = guid.text.strip()
            if is_web(entry.guid) and (guid.get("isPermaLink") or "true").strip().lower() != "false":
                permalink = entry.guid
        pages = self._alternates(links)
        if len(one) > 1:
            pages = [value for value in _values(one, _ORIGINALS) if is_web(value)] + pages
        about = element.get(_ABOUT) or _attribute(element, "href") or "" if element.attrib else ""
        entry.guid = entry.guid or about
        if not pages:
            pages = [page for page in (permalink, about, entry.url) if page]
        entry.url = pages[0] if pages else ""
        if len(pages) > 1:
            entry.others = pages[1:]
        if permalink and not self._atom and permalink != entry.url:
            entry.others = (*entry.others, permalink)

    def _alternates(self, links: list[Any]) -> list[str]:
        """The addresses of the page itself, those that a browser shows first."""
        if len(links) == 1 and not links[0].attrib and (text := links[0].text):  # RSS
            return [self._resolved(links[0], text.strip())]
        plain: list[str] = []
        pages: list[str] = []
        rest: list[str] = []
        for link in links:
            address = _attribute(link, "href") or link.get(_RESOURCE)
            if address is None:
                if link.text and (text := link.text.strip()):
                    plain.append(self._resolved(link, text))
                continue
            relation = link.get("rel")
            if relation is None or relation.strip().lower().rpartition("/")[2] in ("alternate", ""):
                kind = link.get("type")
                usual = kind is None or "html" in kind.lower()
                (pages if usual else rest).append(self._resolved(link, address.strip()))
        return plain + pages + rest

    def _page(self, links: list[Any]) -> str:
        pages = self._alternates(links)
        return next((page for page in pages if is_web(page)), "")

    def _publisher(self, source: Any) -> Publisher:
        """An RSS source has its address as an attribute, one of Atom is a feed in small."""
        if not len(source):
            return Publisher((source.text or "").strip(), _attribute(source, "url") or "")
        named = {name_of(child.tag): child for child in reversed(source)}
        title = self._text(named["title"]).value if "title" in named else ""
        links = [child for child in source if name_of(child.tag) == "link"]
        address = self._page(links) or next(
            (self._resolved(link, href) for link in links if (href := link.get("href"))), ""
        )
        return Publisher(title, address or next(_values(named, ("id",)), ""))

    def _address_in(self, element: Any) -> str:
        """The address that an image is said to have, in any of the ways that occur."""
        for found in (
            _attribute(element, "href"),
            _attribute(element, "url"),
            element.get(_RESOURCE),
            element.text,
        ):
            if found and found.strip():
                return self._resolved(element, found.strip())
        inner = next((child for child in element if name_of(child.tag) == "url"), None)
        return self._resolved(inner, inner.text.strip()) if inner is not None and inner.text else ""

    def _resolved(self, element: Any, address: str) -> str:
        return resolved(address, self._base(element) if self._bases else self._url)

    def _base(self, element: Any) -> str:
        """What relative addresses in an element are relative to."""
        base = self._url
        for part in reversed(
            [found for at in (element, *element.iterancestors()) if (found := at.get(_BASE))]
        ):
            inner = resolved(part.strip(), base)
            if is_web(inner):
                base = inner
        return base

    # ----------------------------------------------------------------------------------- media

    def _media(self, entry: Entry, many: list[tuple[str, Any]]) -> None:
        """Pictures, and whether the entry is a video."""
        first = True
        for name, child in many:
            if name == "media:group":
                self._media(entry, [(name_of(inner.tag), inner) for inner in child])
            elif name == "media:thumbnail":
                self._picture(entry, child, thumbnail=True)
            elif name in ("media:content", "enclosure"):
                self._medium(entry, child, first)
                first = False
            elif name in _PICTURES:
                entry.pictures = (*entry.pictures, Picture(self._address_in(child), thumbnail=True))

    def _medium(self, entry: Entry, element: Any, first: bool) -> None:
        kind = (element.get("medium") or element.get("type") or "").lower()
        address = element.get("url") or element.get("href") or ""
        if kind.startswith("image") or (not kind and _PICTURE_FILE.search(address)):
            self._picture(entry, element)
        elif kind.startswith("video") or (not kind and _VIDEO_FILE.search(address)):
            entry.video = entry.video or first
        if not kind.startswith("image") and element.tag.endswith(("enclosure", "link")):
            entry.url = entry.url or self._resolved(element, address)  # a podcast need not have a page
        for child in element:
            if name_of(child.tag) == "media:thumbnail":
                self._picture(entry, child, thumbnail=True)

    def _picture(self, entry: Entry, element: Any, *, thumbnail: bool = False) -> None:
        address = element.get("url") or element.get("href") or element.text or ""
        width, height = pixels(element.get("width")), pixels(element.get("height"))
        if address.strip():
            picture = Picture(self._resolved(element, address.strip()), width, height, thumbnail)
            entry.pictures = (*entry.pictures, picture)

    # ----------------------------------------------------------------------------------- texts

    def _first(self, one: dict[str, Any], names: tuple[str, ...]) -> Any:
        """The first of these elements that is not empty."""
        for name in names:
            element = one.get(name)
            if element is not None and (element.text or len(element)):
                return element
        return None

    def _text(self, element: Any) -> Text:
        """The text of an element, by what the feed says of its type."""
        inner = len(element)
        text = _markup(element) if inner else element.text or ""
        if not element.attrib:
            return Text(text, self._atom and not inner and not looks_like_html(text))
        kind = (element.get("type") or ("text" if self._atom else "html")).strip().lower()
        if (element.get("mode") or "").lower() == "base64":
            return Text(_from_base64(text) or "")
        if not inner and kind not in _MARKUP_TYPES and not kind.endswith("xml"):
            if kind not in _TEXT_TYPES:  # Atom has it that these are encoded
                found = _from_base64(text)
                if found or (found is not None and "/" in kind):
                    return Text(found)
            return Text(text, not looks_like_html(text))
        return Text(text)


def _markup(element: Any) -> str:
    """What is inside an element, as HTML."""
    inner = "".join(etree.tostring(child, encoding="unicode") for child in element)
    return without_prefixes(f"{element.text or ''}{inner}")


def _from_base64(text: str) -> str | None:
    """The text that is encoded so, empty where it is no text; None where nothing is."""
    try:
        return b64decode("".join(text.split()), validate=True).decode()
    except UnicodeDecodeError:
        return ""
    except (binascii.Error, ValueError):
        return None


def _values(one: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    """The texts of these elements that have one."""
    for name in names:
        if name in one and (text := one[name].text) and (text := text.strip()):
            yield text


def _children(one: dict[str, Any], name: str) -> Iterator[str]:
    for child in one.get(name, ()):
        yield (child.text or "").strip().lower()


def _attribute(element: Any, name: str) -> str | None:
    """An attribute, in small letters or capitals."""
    found: str | None = element.get(name)
    return found if found is not None else str(upper) if (upper := element.get(name.upper())) else None


def _language(element: Any) -> str:
    """The language that an element declares, or what it stands in."""
    while element is not None:
        if found := element.get(_LANGUAGE):
            return str(found)
        element = element.getparent()
    return ""


def _ttl(head: dict[str, Any]) -> timedelta | None:
    """How long the feed says that it stays as it is, within bounds."""
    wanted = next(_values(head, ("ttl",)), "")
    if wanted.isdecimal() and 0 < len(wanted) < 8 and int(wanted):
        stays = timedelta(minutes=int(wanted))
    else:
        hours = _PERIODS.get(next(_values(head, ("sy:updateperiod",)), "").lower())
        often = next(_values(head, ("sy:updatefrequency",)), "1")
        if hours is None:
            return None
        stays = timedelta(hours=hours) / max(1, int(often) if often.isdecimal() and len(often) < 6 else 1)
    return min(max(stays, _SHORTEST), _LONGEST)
