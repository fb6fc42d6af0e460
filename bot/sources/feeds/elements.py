"""Builds a feed from an XML tree: RSS 0.9x to 2.0, RDF, Atom 0.3 and 1.0, CDF, and their extensions.

Formats are distinguished only where necessary. An element has the meaning of its name in every format, because feeds
mix formats.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

from lxml import etree

from bot.domain.records.identity import MAX_URL
from bot.sources.feeds.html import looks_like_html, without_cdata, without_prefixes
from bot.sources.feeds.links import host_of, is_web, resolve
from bot.sources.feeds.media import PICTURES, add_media
from bot.sources.feeds.model import FeedEntry, ParsedFeed, Publisher, Text
from bot.sources.feeds.namespaces import name_of
from bot.sources.feeds.newest import newest
from bot.sources.feeds.schedule import skipped_days, skipped_hours, ttl_of, values

_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
_ENTRIES = frozenset({"item", "entry"})

# The elements of an entry by purpose, the best first.
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
_OTHERS = (
    "link", "guid", "id", "source", "language", "dc:language", "feedburner:origlink", "pheedo:origlink", "yt:videoid"
)  # fmt: skip
_KINDS = (
    {
        name: (kind, rank)
        for kind, names in (("title", _TITLES), ("text", _TEXTS), ("date", _DATES))
        for rank, name in enumerate(names)
    }
    | dict.fromkeys((*_MEDIA, *PICTURES), ("media", 0))
    | {name: (name, 0) for name in _OTHERS}
)

_ORIGINALS = ("feedburner:origlink", "pheedo:origlink")

_TEXT_TYPES = ("text", "text/plain", "plain")
_MARKUP_TYPES = ("html", "text/html", "xhtml")
# Link relations to use if an entry has no page, the closest first.
_NEAR = ("canonical", "bookmark", "shortlink", "permalink", "related", "via", "self")
_MOST_LINKS = 1_000  # of an entry
_MOST_TEXT = 400_000  # characters of an element: twice what is used


def build_feed(root: Any, url: str, limit: int, *, bases: bool, languages: bool) -> ParsedFeed:
    """The feed in a tree, with the newest `limit` entries at most.

    `bases` and `languages`: whether the tree may contain `xml:base` or `xml:lang`.
    """
    return _FeedReader(url, root, bases, languages).feed(_entry_elements(root, limit), limit)


class _ChildRoles(NamedTuple):
    """The positions of an entry's children by role; titles, texts and dates are sorted, the best first."""

    titles: Sequence[int]
    texts: Sequence[int]
    dates: Sequence[int]
    links: Sequence[int]
    media: dict[int, str]  # with their names
    first_of: Mapping[str, int]  # the first child of each other kind


class _RolesByTags(dict[tuple[Any, ...], _ChildRoles]):
    """Caches roles by the tags of the children: most entries of a feed have the same tags in the same order."""

    def __missing__(self, tags: tuple[Any, ...]) -> _ChildRoles:
        ranked: dict[str, list[tuple[int, int]]] = {}
        names = [name_of(tag) for tag in tags]
        for place, name in enumerate(names):
            if name in _KINDS:
                kind, rank = _KINDS[name]
                ranked.setdefault(kind, []).append((rank, place))
        places = {
            kind: [place for _, place in sorted(ranked_places)] for kind, ranked_places in ranked.items()
        }
        roles = self[tags] = _ChildRoles(
            titles=places.pop("title", ()),
            texts=places.pop("text", ()),
            dates=places.pop("date", ()),
            links=places.pop("link", ()),
            media={place: names[place] for place in places.pop("media", ())},
            first_of={kind: ranked_places[0] for kind, ranked_places in places.items()},
        )
        return roles


def _entry_elements(root: Any, limit: int) -> list[Any]:
    """The entries in document order, at any depth.

    In damaged or malicious documents entries are nested. Each of the first `limit` entries is removed from its parent
    entry, so that no text is read more than once.
    """
    elements = [e for e in root.iter("{*}item", "{*}entry") if name_of(e.tag) in _ENTRIES]
    if not elements:  # in capitals, or with an undeclared prefix
        elements = [e for e in root.iter() if name_of(e.tag) in _ENTRIES]
    entries = set(elements[:limit])
    around = {parent: _is_inside(parent, entries) for parent in {entry.getparent() for entry in entries}}
    for entry in entries:
        if around[parent := entry.getparent()]:
            parent.remove(entry)
    return elements


def _is_inside(element: Any, entries: Set[Any]) -> bool:
    """Whether the element is one of the entries or inside one."""
    while element is not None:
        if element in entries:
            return True
        element = element.getparent()
    return False


class _FeedReader:
    """Reads the elements of a document."""

    def __init__(self, url: str, root: Any, bases: bool, languages: bool) -> None:
        self._url = url
        self._site = url
        self._root = root
        self._bases = bases
        self._languages = languages
        self._atom = name_of(root.tag) in ("feed", "entry")
        self._orders = _RolesByTags()
        self._declared_bases: dict[Any, str] = {}  # of parent elements

    def feed(self, elements: list[Any], limit: int) -> ParsedFeed:
        """The feed with its newest entries."""
        head, links = self._head(self._root)
        link = self._page(links)
        # Atom's addresses are relative to the document.
        if link and not (self._atom and host_of(link) == host_of(self._url)):
            self._site = link
        title = self._first(head, _TITLES)
        language = next(values(head, ("language", "dc:language")), "") or _language(head[""])
        return ParsedFeed(
            title=self.text(title) if title is not None else Text(""),
            link=link,
            page=link or next((page for page in self._alternates(links)[1] if is_web(page)), ""),
            language=language,
            ttl=ttl_of(head),
            skip_hours=skipped_hours(head),
            skip_days=skipped_days(head),
            entries=[self._entry(each, number) for number, each in newest(elements, limit, self._dates)],
            total=len(elements),
        )

    def _dates(self, element: Any) -> list[str]:
        """The dates of an entry, the best first."""
        children = list(element)
        places = self._orders[tuple([child.tag for child in children])].dates
        return [text.strip() for place in places if (text := children[place].text)]

    def _head(self, root: Any) -> tuple[dict[str, Any], list[Any]]:
        """The elements of the feed itself by name (the empty name is their parent), and its links."""
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

    def _entry(self, element: Any, number: int) -> FeedEntry:
        children = list(element)
        roles = self._orders[tuple([child.tag for child in children])]
        entry = FeedEntry(number, self._site)
        if self._bases and (base := self._declared_base(element)):
            entry.base = entry.markup_base = base
        for place in roles.titles:
            child = children[place]
            if child.text or len(child):
                entry.title = self.text(child)
                break
        entry.texts = [self.text(children[place]) for place in roles.texts]
        entry.dates = [
            date for place in roles.dates if (text := children[place].text) and (date := text.strip())
        ]
        links = [children[place] for place in roles.links]
        enclosed = [place for place in roles.links if children[place].get("rel") == "enclosure"]
        if enclosed or roles.media:
            media = sorted((roles.media | dict.fromkeys(enclosed, "enclosure")).items())
            add_media(entry, [(name, children[place]) for place, name in media], self)
        others = {kind: children[place] for kind, place in roles.first_of.items()}
        self._addresses(entry, element, others, links)
        self._details(entry, others)
        if self._languages and (language := _language(element)):
            entry.language = language
        if not entry.dates and (date := _attribute(element, "lastmod")):  # CDF
            entry.dates = (date,)
        return entry

    def _details(self, entry: FeedEntry, others: dict[str, Any]) -> None:
        """Set rare details of an entry."""
        if "source" in others:
            entry.source = self._publisher(others["source"])
        if "yt:videoid" in others:
            entry.video = True
        if "dc:language" in others or "language" in others:
            entry.language = next(values(others, ("dc:language", "language")), "")

    # ------------------------------------------------------------------------------- addresses

    def _addresses(self, entry: FeedEntry, element: Any, others: dict[str, Any], links: list[Any]) -> None:
        """Set the page of an entry, its other addresses, and its guid."""
        guid = others.get("guid", others.get("id"))
        permalink = ""
        if guid is not None and guid.text:
            entry.guid = guid.text.strip()
            if entry.guid.startswith("<"):
                entry.guid = without_cdata(entry.guid)
            permalink = self._permalink(guid, entry.guid)
        pages, lesser = self._alternates(links)
        if len(others) > 1:
            pages = [value for value in values(others, _ORIGINALS) if is_web(value)] + pages
        about = element.get(_ABOUT) or _attribute(element, "href") or "" if element.attrib else ""
        entry.guid = entry.guid or about
        if not pages:
            pages = [page for page in (permalink, about) if page]
        if pages:
            entry.url = pages[0]
        if len(pages) > 1:
            entry.other_urls = pages[1:]
        if permalink and not self._atom and permalink != entry.url:
            entry.other_urls = (*entry.other_urls, permalink)
        if not is_web(entry.url):
            entry.stand_ins = [*self._sources_of_content(element), *lesser, *entry.stand_ins]
            if not entry.url and entry.stand_ins:
                entry.url, *entry.stand_ins = entry.stand_ins

    def _permalink(self, guid: Any, text: str) -> str:
        """The guid as an address; empty if it is not a permalink."""
        declared = (guid.get("isPermaLink") or "").strip().lower()
        if declared == "true" and text.startswith("/"):
            return self.resolve(guid, text)
        return text if is_web(text) and declared != "false" else ""

    def _sources_of_content(self, element: Any) -> list[str]:
        """The addresses of external content of an Atom entry."""
        return [
            self.resolve(child, source)
            for child in element
            if (source := child.get("src")) and name_of(child.tag) == "content"
        ]

    def _alternates(self, links: list[Any]) -> tuple[list[str], list[str]]:
        """The addresses of the page itself, HTML first; and those of near pages."""
        if len(links) == 1 and not links[0].attrib and (text := links[0].text):  # RSS
            return [self.resolve(links[0], text.strip())], []
        plain: list[str] = []
        pages: list[str] = []
        other_formats: list[str] = []
        lesser: list[tuple[int, str]] = []
        for link in links[:_MOST_LINKS]:
            address = _attribute(link, "href") or link.get(_RESOURCE)
            if address is None:
                if text := (link.text or "").strip() or _address_after(link):
                    plain.append(self.resolve(link, text))
                continue
            relation, kind = link.get("rel") or "", link.get("type") or "html"
            if relation != "alternate":
                relation = relation.strip().lower().rpartition("/")[2]
            if kind != "text/html":
                kind = kind.lower()
            if relation in ("", "alternate"):
                (pages if "html" in kind else other_formats).append(self.resolve(link, address.strip()))
            elif relation in _NEAR and (relation != "self" or "html" in kind):
                lesser.append((_NEAR.index(relation), self.resolve(link, address.strip())))
        return plain + pages + other_formats, [address for _, address in sorted(lesser)] if lesser else []

    def _page(self, links: list[Any]) -> str:
        pages, _ = self._alternates(links)
        return next((page for page in pages if is_web(page)), "")

    def _publisher(self, source: Any) -> Publisher:
        """The publisher in a source element: RSS has an address attribute, Atom a small feed."""
        if not len(source):
            return Publisher((source.text or "").strip(), _attribute(source, "url") or "")
        children = {name_of(child.tag): child for child in reversed(source)}
        title = self.text(children["title"]).value if "title" in children else ""
        links = [child for child in source if name_of(child.tag) == "link"]
        address = self._page(links) or next(
            (self.resolve(link, href) for link in links if (href := link.get("href"))), ""
        )
        return Publisher(title, address or next(values(children, ("id",)), ""))

    def address_in(self, element: Any) -> str:
        """The address of an image element, in any of its forms."""
        for value in (
            _attribute(element, "href"),
            _attribute(element, "url"),
            element.get(_RESOURCE),
            element.text,
        ):
            if value and value.strip():
                return self.resolve(element, value.strip())
        inner = next((child for child in element if name_of(child.tag) == "url"), None)
        return self.resolve(inner, inner.text.strip()) if inner is not None and inner.text else ""

    def resolve(self, element: Any, address: str) -> str:
        """An address in an element, made absolute if possible."""
        return resolve(address, self._base(element))

    def _base(self, element: Any) -> str:
        """The base of relative addresses in an element: as declared, else the site."""
        return self._declared_base(element) or self._site

    def _declared_base(self, element: Any) -> str:
        """The base declared by the element or its ancestors; empty if there is none."""
        if not self._bases:
            return ""
        parent = element.getparent()
        outer = "" if parent is None else self._declared_bases.get(parent)
        if outer is None:
            outer = self._declared_bases[parent] = self._declared_base(parent)
        declared = element.get(_BASE)
        if not declared:
            return outer
        inner = resolve(declared.strip(), outer or self._url) if len(declared) <= MAX_URL else ""
        return inner if is_web(inner) and len(inner) <= MAX_URL else outer or self._url

    # ----------------------------------------------------------------------------------- texts

    def _first(self, elements: dict[str, Any], names: tuple[str, ...]) -> Any:
        """The first of these elements that is not empty."""
        for name in names:
            element = elements.get(name)
            if element is not None and (element.text or len(element)):
                return element
        return None

    def text(self, element: Any) -> Text:
        """The text of an element, read by its declared type."""
        inner = len(element)
        text = _markup(element) if inner else element.text or ""
        if len(text) > _MOST_TEXT:
            text = text[:_MOST_TEXT]
        if "<![CDATA[" in text:
            text = without_cdata(text)
        if not element.attrib:
            return Text(text, self._atom and not inner and not looks_like_html(text))
        kind = (element.get("type") or ("text" if self._atom else "html")).strip().lower()
        if (element.get("mode") or "").lower() == "base64":
            return Text(_from_base64(text) or "")
        if not inner and kind not in _MARKUP_TYPES and not kind.endswith("xml"):
            if kind not in _TEXT_TYPES:  # in Atom these are base64
                encoded = _from_base64(text)
                if encoded or (encoded is not None and "/" in kind):
                    return Text(encoded)
            is_declared_text = "type" in element.attrib and name_of(element.tag) == "title"
            return Text(text, is_declared_text or not looks_like_html(text))
        return Text(text)


def _markup(element: Any) -> str:
    """The content of an element as HTML, truncated if it is long."""
    parts = [element.text or ""]
    length = 0
    for child in element:
        parts.append(etree.tostring(child, encoding="unicode"))
        length += len(parts[-1])
        if length > _MOST_TEXT:
            break
    return without_prefixes("".join(parts)[:_MOST_TEXT])


def _address_after(link: Any) -> str:
    """The address that follows an empty link: HTML's `<link>` has no end, so some tools write it as `<link/>`."""
    text = (link.tail or "").strip()
    return text if is_web(text) or (text.startswith("/") and " " not in text) else ""


def _from_base64(text: str) -> str | None:
    """The decoded text; empty if it is binary data, None if it is not base64."""
    try:
        return b64decode("".join(text.split()), validate=True).decode()
    except UnicodeDecodeError:
        return ""
    except (binascii.Error, ValueError):
        return None


def _attribute(element: Any, name: str) -> str | None:
    """An attribute, in lower or upper case."""
    value: str | None = element.get(name)
    return value if value is not None else str(upper) if (upper := element.get(name.upper())) else None


def _language(element: Any) -> str:
    """The language declared by an element or its ancestors."""
    while element is not None:
        if language := element.get(_LANGUAGE):
            return str(language)
        element = element.getparent()
    return ""
